//! What senders say of the metrics that they send: type, help and unit of each family.
//!
//! It is kept in memory, within a bound, for as long as somebody says it; senders of all protocols
//! repeat it. Of two that say different things of one family the last one counts.
//!
//! It is not: the metadata of targets, which each target has for itself.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::sender::{MetricKind, MetricMetadata};

/// All families together take at most so many bytes; what does not fit is not kept.
const METADATA_BYTES_MAX: usize = 16 << 20;

/// What a family takes besides its texts.
const FAMILY_BYTES: usize = 128;

/// A family of which nobody said anything for as long as this is forgotten.
const HELD_MS: i64 = 60 * 60 * 1000;

/// Families that are to be forgotten are looked for as often as this.
const SWEEP_MS: i64 = 10 * 60 * 1000;

/// What was received of all families.
#[derive(Debug)]
pub struct ReceivedMetadata {
    held: Mutex<Held>,
    bytes_max: usize,
    families: Gauge,
    dropped: Counter,
}

#[derive(Debug, Default)]
struct Held {
    families: HashMap<Box<str>, Said>,
    bytes: usize,
    /// When the request came that is read now.
    now_ms: i64,
    swept_ms: i64,
}

#[derive(Debug)]
struct Said {
    kind: MetricKind,
    help: Box<str>,
    unit: Box<str>,
    seen_ms: i64,
}

impl ReceivedMetadata {
    /// Nothing yet.
    pub fn new(registry: &mut Registry) -> Self {
        Self::with_bound(METADATA_BYTES_MAX, registry)
    }

    fn with_bound(bytes_max: usize, registry: &mut Registry) -> Self {
        let received = Self {
            held: Mutex::default(),
            bytes_max,
            families: Gauge::default(),
            dropped: Counter::default(),
        };
        registry.register(
            "narthex_received_metadata_families",
            "Metric families whose metadata were received and are kept",
            received.families.clone(),
        );
        registry.register(
            "narthex_received_metadata_dropped",
            "Received metadata that were not kept, since there are too many",
            received.dropped.clone(),
        );
        received
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is noted from here on is said now. Now and then what is old is forgotten.
    pub(crate) fn turn(&self, now_ms: i64) {
        let mut held = self.held();
        held.now_ms = now_ms;
        if now_ms.saturating_sub(held.swept_ms) < SWEEP_MS {
            return;
        }
        held.swept_ms = now_ms;
        let mut freed = 0;
        held.families.retain(|name, said| {
            let is_kept = now_ms.saturating_sub(said.seen_ms) <= HELD_MS;
            if !is_kept {
                freed += bytes(name, &said.help, &said.unit);
            }
            is_kept
        });
        held.bytes = held.bytes.saturating_sub(freed);
        self.count(&held);
    }

    /// Keeps what is said of a family; `false` where there is no room for it.
    pub(crate) fn note(&self, name: &str, kind: MetricKind, help: &str, unit: &str) -> bool {
        let mut held = self.held();
        let now_ms = held.now_ms;
        let mut freed = 0;
        if let Some(said) = held.families.get_mut(name) {
            said.seen_ms = now_ms;
            if said.kind == kind && *said.help == *help && *said.unit == *unit {
                return true;
            }
            freed = bytes(name, &said.help, &said.unit);
        }
        let more = bytes(name, help, unit);
        let total = held.bytes.saturating_sub(freed).saturating_add(more);
        if total > self.bytes_max {
            self.dropped.inc();
            return false;
        }
        let said = Said {
            kind,
            help: help.into(),
            unit: unit.into(),
            seen_ms: now_ms,
        };
        held.families.insert(name.into(), said);
        held.bytes = total;
        self.count(&held);
        true
    }

    fn count(&self, held: &Held) {
        let families = i64::try_from(held.families.len()).unwrap_or(i64::MAX);
        self.families.set(families);
    }

    /// What is known: of one family, or of all where `name` is "", in no order.
    pub fn of(&self, name: &str) -> Vec<MetricMetadata> {
        let held = self.held();
        let metadata = |name: &str, said: &Said| MetricMetadata {
            metric: name.to_owned(),
            kind: said.kind,
            help: said.help.to_string(),
            unit: said.unit.to_string(),
        };
        match name {
            "" => {
                let all = held.families.iter();
                all.map(|(name, said)| metadata(name, said)).collect()
            }
            name => {
                let found = held.families.get(name);
                Vec::from_iter(found.map(|said| metadata(name, said)))
            }
        }
    }
}

/// What a family takes.
fn bytes(name: &str, help: &str, unit: &str) -> usize {
    FAMILY_BYTES + name.len() + help.len() + unit.len()
}

/// The family of a series: what its samples append to the name of a histogram or summary is no
/// part of the family's name.
pub(crate) fn family_of(series: &str, kind: MetricKind) -> &str {
    let suffixes: &[&str] = match kind {
        MetricKind::Histogram | MetricKind::GaugeHistogram => &["_bucket", "_count", "_sum"],
        MetricKind::Summary => &["_count", "_sum"],
        _ => &[],
    };
    let stripped = suffixes
        .iter()
        .find_map(|suffix| series.strip_suffix(suffix));
    stripped.filter(|name| !name.is_empty()).unwrap_or(series)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(received: &ReceivedMetadata) -> Vec<String> {
        let all = received.of("").into_iter();
        let mut shown: Vec<String> = all
            .map(|said| {
                format!(
                    "{} {} {} {}",
                    said.metric,
                    said.kind.name(),
                    said.help,
                    said.unit
                )
            })
            .collect();
        shown.sort();
        shown
    }

    #[test]
    fn the_last_word_counts_and_what_nobody_repeats_is_forgotten() {
        let received = ReceivedMetadata::new(&mut Registry::default());
        received.turn(0);
        assert!(received.note("a", MetricKind::Counter, "first", "s"));
        assert!(received.note("a", MetricKind::Gauge, "second", ""));
        assert!(received.note("b", MetricKind::Unknown, "", ""));
        assert_eq!(shown(&received), ["a gauge second ", "b unknown  "]);
        assert_eq!(received.of("a").len(), 1);
        assert_eq!(received.of("c"), []);
        received.turn(HELD_MS - 1);
        assert!(received.note("b", MetricKind::Unknown, "", ""));
        received.turn(HELD_MS + SWEEP_MS);
        assert_eq!(shown(&received), ["b unknown  "]);
        assert_eq!(received.families.get(), 1);
        let mut held = received.held();
        assert_eq!(held.bytes, FAMILY_BYTES + 1);
        held.families.clear();
    }

    #[test]
    fn metadata_have_a_bound() {
        let bound = 2 * (FAMILY_BYTES + 10);
        let received = ReceivedMetadata::with_bound(bound, &mut Registry::default());
        let help = "x".repeat(9);
        assert!(received.note("a", MetricKind::Gauge, &help, ""));
        assert!(received.note("b", MetricKind::Gauge, &help, ""));
        assert!(!received.note("c", MetricKind::Gauge, &help, ""));
        // What is known may change where it does not grow.
        assert!(!received.note("a", MetricKind::Gauge, &help, "s"));
        assert!(received.note("a", MetricKind::Counter, &help, ""));
        assert_eq!(received.dropped.get(), 2);
        assert_eq!(received.of("").len(), 2);
    }

    #[test]
    fn series_of_histograms_have_a_family() {
        for (series, kind, expected) in [
            ("h_bucket", MetricKind::Histogram, "h"),
            ("h_sum", MetricKind::Histogram, "h"),
            ("h", MetricKind::Histogram, "h"),
            ("s_count", MetricKind::Summary, "s"),
            ("s_bucket", MetricKind::Summary, "s_bucket"),
            ("c_sum", MetricKind::Counter, "c_sum"),
            ("_sum", MetricKind::Summary, "_sum"),
        ] {
            assert_eq!(family_of(series, kind), expected);
        }
    }
}
