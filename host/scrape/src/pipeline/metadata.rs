//! What a target says of its metrics.

use std::collections::HashMap;

use narthex_exposition::MetricType;

use crate::MetricMetadata;

/// Sets a value; whether it was another one before.
fn replace<T: ?Sized + ToOwned + PartialEq>(held: &mut T::Owned, value: &T) -> bool
where
    T::Owned: PartialEq<T>,
{
    let is_changed = *held != *value;
    if is_changed {
        value.clone_into(held);
    }
    is_changed
}

/// A metric that vanished is remembered for so many good scrapes, as in Prometheus.
const REMEMBERED_SCRAPES: u64 = 10;

#[derive(Debug, Default)]
pub(super) struct MetadataCache {
    metrics: HashMap<String, (MetricMetadata, u64)>,
    scrape: u64,
    is_changed: bool,
}

impl MetadataCache {
    pub(super) fn begin(&mut self) {
        self.scrape += 1;
    }

    pub(super) fn set_kind(&mut self, metric: &str, kind: MetricType) {
        self.update(metric, |held| replace(&mut held.kind, &kind));
    }

    pub(super) fn set_help(&mut self, metric: &str, help: &str) {
        self.update(metric, |held| replace(&mut held.help, help));
    }

    pub(super) fn set_unit(&mut self, metric: &str, unit: &str) {
        self.update(metric, |held| replace(&mut held.unit, unit));
    }

    fn update(&mut self, metric: &str, change: impl FnOnce(&mut MetricMetadata) -> bool) {
        if let Some((held, seen_at)) = self.metrics.get_mut(metric) {
            *seen_at = self.scrape;
            self.is_changed |= change(held);
            return;
        }
        let mut new = MetricMetadata {
            metric: metric.to_owned(),
            kind: MetricType::Unknown,
            help: String::new(),
            unit: String::new(),
        };
        change(&mut new);
        self.metrics.insert(metric.to_owned(), (new, self.scrape));
        self.is_changed = true;
    }

    /// The scrape was good: forgets what vanished long ago.
    pub(super) fn commit(&mut self) {
        let before = self.metrics.len();
        let oldest = self.scrape.saturating_sub(REMEMBERED_SCRAPES);
        self.metrics.retain(|_, (_, seen_at)| *seen_at >= oldest);
        self.is_changed |= self.metrics.len() != before;
    }

    /// Everything, by name, if it changed since it was last asked for.
    pub(super) fn changed(&mut self) -> Option<Vec<MetricMetadata>> {
        if !std::mem::take(&mut self.is_changed) {
            return None;
        }
        let mut all: Vec<_> = self
            .metrics
            .values()
            .map(|(held, _)| held.clone())
            .collect();
        all.sort_by(|a, b| a.metric.cmp(&b.metric));
        Some(all)
    }
}
