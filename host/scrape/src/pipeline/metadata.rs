//! What a target says of its metrics.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::{HashSet, HashTable};
use narthex_exposition::MetricType;

use crate::MetricMetadata;

/// A metric that vanished is remembered for so many good scrapes, as in Prometheus.
const REMEMBERED_SCRAPES: u64 = 10;

/// With fewer entries than this a pool is not looked through for what nobody holds any more.
const SWEEP_ENTRIES_MIN: usize = 1024;

/// What all targets say, each thing once: targets of one kind say the same of hundreds of metrics.
#[derive(Debug, Default)]
pub(crate) struct MetadataPool(Mutex<Pooled>);

#[derive(Debug, Default)]
struct Pooled {
    entries: HashSet<Arc<MetricMetadata>, RandomState>,
    /// How many were left when it was last looked through.
    left: usize,
}

impl MetadataPool {
    /// The pool's own of what is equal.
    fn share(&self, metadata: &Arc<MetricMetadata>) -> Arc<MetricMetadata> {
        let mut pooled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pooled.entries.len() >= SWEEP_ENTRIES_MIN.max(2 * pooled.left) {
            pooled.entries.retain(|held| Arc::strong_count(held) > 1);
            pooled.left = pooled.entries.len();
        }
        let held = pooled.entries.get_or_insert_with(metadata, Arc::clone);
        Arc::clone(held)
    }
}

#[derive(Debug)]
struct Held {
    metadata: Arc<MetricMetadata>,
    seen_at: u64,
}

/// The memory of one target.
#[derive(Debug, Default)]
pub(super) struct MetadataCache {
    metrics: HashTable<Held>,
    hasher: RandomState,
    scrape: u64,
    is_changed: bool,
}

impl MetadataCache {
    pub(super) fn begin(&mut self) {
        self.scrape += 1;
    }

    pub(super) fn set_kind(&mut self, metric: &str, kind: MetricType) {
        self.update(metric, |held| held.kind == kind, |held| held.kind = kind);
    }

    pub(super) fn set_help(&mut self, metric: &str, help: &str) {
        let is_same = |held: &MetricMetadata| held.help == help;
        self.update(metric, is_same, |held| help.clone_into(&mut held.help));
    }

    pub(super) fn set_unit(&mut self, metric: &str, unit: &str) {
        let is_same = |held: &MetricMetadata| held.unit == unit;
        self.update(metric, is_same, |held| unit.clone_into(&mut held.unit));
    }

    fn update(
        &mut self,
        metric: &str,
        is_same: impl FnOnce(&MetricMetadata) -> bool,
        change: impl FnOnce(&mut MetricMetadata),
    ) {
        let (hasher, scrape) = (&self.hasher, self.scrape);
        let rehash = |held: &Held| hasher.hash_one(&*held.metadata.metric);
        let is_it = |held: &Held| held.metadata.metric == metric;
        let entry = self
            .metrics
            .entry(hasher.hash_one(metric), is_it, rehash)
            .or_insert_with(|| {
                self.is_changed = true;
                Held {
                    metadata: Arc::new(MetricMetadata {
                        metric: metric.to_owned(),
                        kind: MetricType::Unknown,
                        help: String::new(),
                        unit: String::new(),
                    }),
                    seen_at: scrape,
                }
            });
        let held = entry.into_mut();
        held.seen_at = scrape;
        if !is_same(&held.metadata) {
            self.is_changed = true;
            change(Arc::make_mut(&mut held.metadata));
        }
    }

    /// The scrape was good: forgets what vanished long ago.
    pub(super) fn commit(&mut self) {
        let before = self.metrics.len();
        let oldest = self.scrape.saturating_sub(REMEMBERED_SCRAPES);
        self.metrics.retain(|held| held.seen_at >= oldest);
        self.is_changed |= self.metrics.len() != before;
    }

    /// Everything, by name, if it changed since it was last asked for.
    pub(super) fn changed(&mut self, pool: &MetadataPool) -> Option<Vec<Arc<MetricMetadata>>> {
        if !std::mem::take(&mut self.is_changed) {
            return None;
        }
        let held = self.metrics.iter_mut().map(|held| {
            held.metadata = pool.share(&held.metadata);
            Arc::clone(&held.metadata)
        });
        let mut all: Vec<_> = held.collect();
        all.sort_by(|a, b| a.metric.cmp(&b.metric));
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(cache: &mut MetadataCache, metrics: usize, help: &str) {
        cache.begin();
        for metric in 0..metrics {
            cache.set_help(&format!("metric_{metric}"), help);
        }
        cache.commit();
    }

    #[test]
    fn what_two_targets_say_alike_is_there_once() {
        let pool = MetadataPool::default();
        let mut caches = [MetadataCache::default(), MetadataCache::default()];
        let lists = caches.each_mut().map(|cache| {
            say(cache, 10, "same");
            cache.changed(&pool).unwrap()
        });
        let mut pairs = lists[0].iter().zip(&lists[1]);
        assert!(pairs.all(|(one, other)| Arc::ptr_eq(one, other)));
        say(&mut caches[0], 10, "new");
        assert_eq!(lists[1][3].help, "same");
        assert_eq!(caches[0].changed(&pool).unwrap()[3].help, "new");
        assert!(caches[1].changed(&pool).is_none());
    }

    #[test]
    fn what_no_target_says_any_more_leaves_the_pool() {
        let pool = MetadataPool::default();
        let mut cache = MetadataCache::default();
        for round in 0..20 {
            say(&mut cache, 1_000, &round.to_string());
            assert_eq!(cache.changed(&pool).unwrap().len(), 1_000);
        }
        let held = pool.0.lock().unwrap().entries.len();
        assert!(held <= 4_000, "{held}");
    }
}
