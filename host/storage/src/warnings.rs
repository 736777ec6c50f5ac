//! What a reader is told beside an answer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// So many warnings are kept of one read; further ones say what the first ones said already: that
/// something is missing.
const WARNINGS_MAX: usize = 100;

/// What is missing in an answer, because a part of a store that may fail without the read failing
/// did. A clone collects for the same reader.
#[derive(Debug, Clone, Default)]
pub struct Warnings(Arc<Mutex<BTreeSet<String>>>);

impl Warnings {
    /// Adds a warning; one that is there already counts once.
    pub fn add(&self, warning: impl Into<String>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() < WARNINGS_MAX {
            held.insert(warning.into());
        }
    }

    /// All of them so far, sorted.
    pub fn texts(&self) -> Vec<String> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_told_once_and_not_without_end() {
        let warnings = Warnings::default();
        let same = warnings.clone();
        for number in (0..2 * WARNINGS_MAX).rev() {
            same.add(format!("{number:03}"));
            same.add(format!("{number:03}"));
        }
        let texts = warnings.texts();
        assert_eq!(texts.len(), WARNINGS_MAX);
        assert!(texts.is_sorted());
    }
}
