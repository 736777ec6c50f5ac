//! Answers that are remembered for a while, so many at the most.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::limits::REMEMBERED_MAX;

/// Answers and until when they count.
#[derive(Debug)]
pub(crate) struct Remembered<K, V> {
    age: Duration,
    known: Mutex<HashMap<K, (V, Instant)>>,
}

impl<K: Eq + Hash, V: Clone> Remembered<K, V> {
    /// Nothing yet; an answer counts for so long.
    pub(crate) fn new(age: Duration) -> Self {
        Self {
            age,
            known: Mutex::default(),
        }
    }

    /// An answer that still counts.
    pub(crate) fn get(&self, key: &K, now: Instant) -> Option<V> {
        let known = self.lock();
        let (answer, until) = known.get(key)?;
        (now < *until).then(|| answer.clone())
    }

    /// Remembers an answer. Where there is no room, those go that count no longer, and then all.
    pub(crate) fn put(&self, key: K, answer: V, now: Instant) {
        let mut known = self.lock();
        if known.len() >= REMEMBERED_MAX {
            known.retain(|_, (_, until)| now < *until);
        }
        if known.len() >= REMEMBERED_MAX {
            known.clear();
        }
        known.insert(key, (answer, now + self.age));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, (V, Instant)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_for_its_time_and_there_are_never_too_many() {
        let age = Duration::from_secs(10);
        let (remembered, now) = (Remembered::new(age), Instant::now());
        remembered.put(0, "a", now);
        assert_eq!(remembered.get(&0, now), Some("a"));
        assert_eq!(remembered.get(&0, now + age), None);
        assert_eq!(remembered.get(&1, now), None);
        for key in 0..REMEMBERED_MAX + 5 {
            remembered.put(key, "b", now);
            assert!(remembered.lock().len() <= REMEMBERED_MAX);
        }
        let later = now + age;
        for key in 0..REMEMBERED_MAX {
            remembered.put(key, "c", later);
        }
        assert_eq!(remembered.get(&0, later), Some("c"));
    }
}
