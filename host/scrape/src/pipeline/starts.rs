//! When counting began, as OpenMetrics says it: series of their own, whose names end in
//! `_created`, behind those that they are about.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use narthex_exposition::{Entry, Format, MetricType, Parser, SeriesEntry};
use narthex_model::METRIC_NAME;

const SUFFIX: &str = "_created";

/// The `_created` series of a page.
#[derive(Debug, Default)]
pub(super) struct CreatedSeries {
    /// Milliseconds since the epoch, by a hash of the family and of the labels.
    times: HashMap<u64, i64>,
    hasher: RandomState,
}

impl CreatedSeries {
    /// Reads a page for nothing else. Where it breaks the rules, the reading that follows says so.
    pub(super) fn find(body: &[u8]) -> Self {
        let mut found = Self::default();
        let mut family = String::new();
        for entry in Parser::new(body, Format::OpenMetrics).map_while(Result::ok) {
            match entry {
                Entry::Type { metric, .. } => family = metric.into_owned(),
                Entry::Series(series) if found.is_one(&series, &family) => {
                    let millis = (series.value * 1000.0).round();
                    if millis.abs() < MILLIS_MAX {
                        #[allow(clippy::cast_possible_truncation, reason = "it is small enough")]
                        let millis = millis as i64;
                        found.times.insert(found.key(&series, &family), millis);
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// Whether a line is such a series.
    pub(super) fn is_one(&self, series: &SeriesEntry<'_>, family: &str) -> bool {
        // The suffix is looked for first: nearly all lines have none.
        has_start(series)
            && series.text.contains(SUFFIX)
            && series.label_pairs().any(|(label, value)| {
                label == METRIC_NAME && value.strip_suffix(SUFFIX) == Some(family)
            })
    }

    /// When the counting of a series began, in milliseconds since the epoch.
    pub(super) fn of(&self, series: &SeriesEntry<'_>, family: &str) -> Option<i64> {
        if self.times.is_empty() || !has_start(series) {
            return None;
        }
        self.times.get(&self.key(series, family)).copied()
    }

    /// The labels without those in which the series of one metric differ, in any order.
    fn key(&self, series: &SeriesEntry<'_>, family: &str) -> u64 {
        let mut own = self.hasher.build_hasher();
        own.write(family.as_bytes());
        let mut key = own.finish();
        for (label, value) in series.label_pairs() {
            if !matches!(&*label, METRIC_NAME | "le" | "quantile") && !value.is_empty() {
                let mut pair = self.hasher.build_hasher();
                pair.write_usize(label.len());
                pair.write(label.as_bytes());
                pair.write(value.as_bytes());
                key = key.wrapping_add(pair.finish());
            }
        }
        key
    }
}

/// A time past the year 280,000 is none.
const MILLIS_MAX: f64 = 9.0e15;

fn has_start(series: &SeriesEntry<'_>) -> bool {
    matches!(
        series.metric_type(),
        MetricType::Counter | MetricType::Histogram | MetricType::Summary
    )
}
