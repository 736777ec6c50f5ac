//! Which parts were asked for lately: an answer that nobody asks for again is not worth encoding.
//!
//! It is not: exact. Parts that fall on one place forget each other, which costs an evaluation more.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cache::Key;

/// So many parts are remembered at the most, eight bytes for each: those of some hundred panels
/// over a month.
const PLACES: u64 = 8_192;

/// The parts that were asked for, by the hashes of their keys.
#[derive(Debug)]
pub(crate) struct Doorkeeper {
    places: Box<[AtomicU64]>,
    hasher: RandomState,
}

impl Default for Doorkeeper {
    fn default() -> Self {
        Self {
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl Doorkeeper {
    /// Whether the part was asked for before; from now on it was.
    pub(crate) fn has_seen(&self, key: &Key) -> bool {
        let hash = self.hasher.hash_one(key);
        let place = usize::try_from(hash % PLACES).unwrap_or(0);
        self.places
            .get(place)
            .is_some_and(|place| place.swap(hash, Ordering::Relaxed) == hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_known_the_second_time_and_none_for_another() {
        let doorkeeper = Doorkeeper::default();
        let key = |query: &str, part| Key {
            query: query.into(),
            part,
        };
        for key in [key("up", 0), key("up", 1), key("down", 0)] {
            assert!(!doorkeeper.has_seen(&key), "{key:?}");
            assert!(doorkeeper.has_seen(&key), "{key:?}");
            assert!(doorkeeper.has_seen(&key), "{key:?}");
        }
    }
}
