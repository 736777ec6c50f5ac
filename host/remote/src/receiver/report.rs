//! What a sender is told: what was written, and what was not and why.

use std::fmt;

/// So many faults are named in an answer; of the others it says how many they are.
const FAULTS_SHOWN_MAX: usize = 10;

/// A label set is named in an answer up to so many characters.
const LABELS_SHOWN_MAX: usize = 512;

/// How much of a request was stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Samples that are numbers.
    pub samples: u64,
    /// Native histograms.
    pub histograms: u64,
    /// Exemplars.
    pub exemplars: u64,
}

/// What the sender should make of a request that was not stored whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// Speak otherwise.
    UnsupportedMedia,
    /// Do not send it again; the rest is stored.
    BadRequest,
    /// Send it again later; nothing is stored.
    Unavailable,
    /// Send it again; nothing is stored.
    Internal,
}

/// Why a request was not stored whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What to make of it.
    pub kind: RefusalKind,
    /// For people.
    pub message: String,
    /// What was stored all the same.
    pub written: Written,
}

impl Refusal {
    /// A request of which nothing was stored.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            written: Written::default(),
        }
    }
}

/// What was wrong with single samples of a request.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    shown: Vec<String>,
    more: usize,
    pub(super) samples_with_invalid_labels: u64,
}

impl Faults {
    /// A fault that is of no series.
    pub(crate) fn add_fault(&mut self, fault: &str) {
        match self.shown.len() >= FAULTS_SHOWN_MAX {
            true => self.more += 1,
            false => self.shown.push(fault.to_owned()),
        }
    }

    pub(crate) fn add(&mut self, fault: &str, series: &dyn fmt::Display) {
        if self.shown.len() >= FAULTS_SHOWN_MAX {
            self.more += 1;
            return;
        }
        let mut labels = series.to_string();
        if let Some((end, _)) = labels.char_indices().nth(LABELS_SHOWN_MAX) {
            labels.truncate(end);
            labels.push('…');
        }
        self.shown.push(format!("{fault} for series {labels}"));
    }

    pub(crate) fn message(&self) -> String {
        let mut message = self.shown.join("\n");
        if self.more > 0 {
            message.push_str(&format!("\nand {} more like these", self.more));
        }
        message
    }

    /// What the sender is told at last.
    pub(super) fn end(self, written: Written) -> Result<Written, Refusal> {
        match self.shown.is_empty() {
            true => Ok(written),
            false => Err(Refusal {
                written,
                ..Refusal::from(self)
            }),
        }
    }
}
