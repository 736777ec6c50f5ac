//! The answers that are kept in memory, within a bound of bytes: what was not asked for longest goes
//! first.
//!
//! It is not: who knows whether an answer still holds.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::extent::Extent;
use crate::metrics::Metrics;

/// Of a part so many extents are kept that do not touch each other. Of more the oldest one goes.
const EXTENTS_MAX: usize = 8;

/// One part may take this share of the whole.
const SHARE_OF_A_PART: usize = 8;

/// What an entry takes beside its key and its extents.
const ENTRY_BYTES: usize = 200;

/// A part of a query.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// The query and all that its answer depends on, but for the time.
    pub(crate) query: Arc<str>,
    /// The number of the part, counted from the epoch.
    pub(crate) part: i64,
}

/// What is kept.
#[derive(Debug)]
pub(crate) struct Cache {
    bytes_max: usize,
    held: Mutex<Held>,
    metrics: Metrics,
}

#[derive(Debug, Default)]
struct Held {
    entries: HashMap<Key, Entry>,
    /// The entries by when they were last asked for.
    order: BTreeMap<u64, Key>,
    turn: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    /// Those of the part, in the order of time.
    extents: Vec<Extent>,
    turn: u64,
    bytes: usize,
}

impl Cache {
    /// A cache without an answer.
    pub(crate) fn new(bytes_max: usize, metrics: Metrics) -> Self {
        Self {
            bytes_max,
            held: Mutex::default(),
            metrics,
        }
    }

    /// What is kept of a part, in the order of time.
    pub(crate) fn get(&self, key: &Key) -> Vec<Extent> {
        let mut held = self.held();
        let turn = held.next_turn();
        let Some(entry) = held.entries.get_mut(key) else {
            return Vec::new();
        };
        let before = std::mem::replace(&mut entry.turn, turn);
        let extents = entry.extents.clone();
        if let Some(key) = held.order.remove(&before) {
            held.order.insert(turn, key);
        }
        extents
    }

    /// Keeps an extent, in place of all that it overlaps.
    pub(crate) fn put(&self, key: &Key, extent: Extent) {
        let mut held = self.held();
        let mut extents = held.take(key);
        extents.retain(|known| known.steps.shared(extent.steps).is_none());
        let place = extents.partition_point(|known| known.steps.from_ms < extent.steps.from_ms);
        extents.insert(place, extent);
        if extents.len() > EXTENTS_MAX {
            let oldest = extents.iter().enumerate().min_by_key(|(_, e)| e.made_ms);
            if let Some((oldest, _)) = oldest {
                extents.remove(oldest);
            }
        }
        let bytes = bytes(key, &extents);
        if bytes > self.bytes_max / SHARE_OF_A_PART {
            self.metrics.refused.inc();
        } else {
            held.add(key.clone(), extents, bytes);
        }
        while held.bytes > self.bytes_max {
            let Some((_, key)) = held.order.pop_first() else {
                break;
            };
            held.remove(&key);
            self.metrics.evicted.inc();
        }
        self.count(&held);
    }

    /// Lets go of extents that hold no more.
    pub(crate) fn forget(&self, key: &Key, stale: &[Extent]) {
        let mut held = self.held();
        let mut extents = held.take(key);
        let is_stale = |known: &Extent| {
            let mut stale = stale.iter();
            stale.any(|stale| Arc::ptr_eq(&stale.matrix, &known.matrix))
        };
        extents.retain(|known| !is_stale(known));
        if !extents.is_empty() {
            let bytes = bytes(key, &extents);
            held.add(key.clone(), extents, bytes);
        }
        self.count(&held);
    }

    fn count(&self, held: &Held) {
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.bytes.set(gauge(held.bytes));
        self.metrics.entries.set(gauge(held.entries.len()));
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn next_turn(&mut self) -> u64 {
        self.turn += 1;
        self.turn
    }

    /// Takes a part out.
    fn take(&mut self, key: &Key) -> Vec<Extent> {
        let Some(entry) = self.remove(key) else {
            return Vec::new();
        };
        self.order.remove(&entry.turn);
        entry.extents
    }

    fn remove(&mut self, key: &Key) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.bytes -= entry.bytes;
        Some(entry)
    }

    fn add(&mut self, key: Key, extents: Vec<Extent>, bytes: usize) {
        let turn = self.next_turn();
        self.bytes += bytes;
        self.order.insert(turn, key.clone());
        let entry = Entry {
            extents,
            turn,
            bytes,
        };
        self.entries.insert(key, entry);
    }
}

fn bytes(key: &Key, extents: &[Extent]) -> usize {
    let extents: usize = extents.iter().map(Extent::bytes).sum();
    ENTRY_BYTES + key.query.len() + extents
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::steps::Steps;

    fn key(part: i64) -> Key {
        Key {
            query: "up".into(),
            part,
        }
    }

    fn extent(from_ms: i64, to_ms: i64, bytes: usize) -> Extent {
        Extent {
            steps: Steps::new(from_ms, to_ms, 10).unwrap(),
            reads: Arc::default(),
            version: 0,
            made_ms: from_ms,
            infos: Arc::default(),
            text: "up".into(),
            matrix: vec![0; bytes].into(),
        }
    }

    fn cache(bytes_max: usize) -> Cache {
        Cache::new(bytes_max, Metrics::register(&mut Registry::default()))
    }

    fn steps(extents: &[Extent]) -> Vec<(i64, i64)> {
        let steps = extents.iter().map(|e| (e.steps.from_ms, e.steps.to_ms));
        steps.collect()
    }

    #[test]
    fn a_later_extent_takes_the_place_of_those_that_it_overlaps() {
        let cache = cache(1 << 20);
        for (from_ms, to_ms) in [(100, 200), (0, 50), (150, 300), (400, 410)] {
            cache.put(&key(0), extent(from_ms, to_ms, 10));
        }
        let found = cache.get(&key(0));
        assert_eq!(steps(&found), [(0, 50), (150, 300), (400, 410)]);
        cache.forget(&key(0), &found[..2]);
        assert_eq!(steps(&cache.get(&key(0))), [(400, 410)]);
        cache.forget(&key(0), &found[2..]);
        assert_eq!(cache.metrics.bytes.get(), 0);
        for number in 0..20 {
            cache.put(&key(0), extent(number * 100, number * 100 + 50, 10));
        }
        assert_eq!(cache.get(&key(0)).len(), EXTENTS_MAX);
        assert_eq!(cache.get(&key(1)).len(), 0);
    }

    #[test]
    fn the_text_of_a_long_query_counts_for_each_extent_that_has_it() {
        let cache = cache(1 << 20);
        let mut long = extent(0, 50, 10);
        long.text = "x".repeat(10_000).into();
        cache.put(&key(0), long.clone());
        long.steps = Steps::new(100, 150, 10).unwrap();
        cache.put(&key(0), long);
        assert!(cache.metrics.bytes.get() > 20_000);
    }

    #[test]
    fn what_was_not_asked_for_longest_goes_first_and_the_bound_holds() {
        let cache = cache(100_000);
        for part in 0..50 {
            cache.put(&key(part), extent(0, 100, 5_000));
            // Somebody goes on to ask for the first part.
            assert_eq!(cache.get(&key(0)).len(), 1);
            let held = cache.held();
            assert!(held.bytes <= 100_000 && held.order.len() == held.entries.len());
            let counted: usize = held.entries.values().map(|entry| entry.bytes).sum();
            assert_eq!(held.bytes, counted);
        }
        assert!(cache.get(&key(1)).is_empty());
        assert_eq!(cache.get(&key(49)).len(), 1);
        assert!(cache.metrics.evicted.get() > 0);
        // What would take the place of many others is not kept, nor what it stood for.
        cache.put(&key(49), extent(50, 200, 50_000));
        assert!(cache.get(&key(49)).is_empty());
        assert_eq!(cache.metrics.refused.get(), 1);
    }
}
