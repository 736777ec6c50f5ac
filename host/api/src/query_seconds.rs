//! `prometheus_engine_query_duration_seconds`: how long queries took, as the summary that Prometheus
//! has it as. Dashboards ask for its quantiles.
//!
//! It is not: the histogram of the same, which tells more and has a name of its own.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use tokio::time::Instant;

const NAME: &str = "prometheus_engine_query_duration_seconds";

/// The quantiles, in thousandths, as in Prometheus.
const QUANTILES: [(&str, usize); 3] = [("0.5", 500), ("0.9", 900), ("0.99", 990)];

/// What is measured of a query: its evaluation.
const SLICE: (&str, &str) = ("slice", "inner_eval");

/// Quantiles are of so many queries at the most, the last ones.
const KEPT_MAX: usize = 1024;

/// A query that ended longer ago counts for no quantile, as in Prometheus.
const AGE_MAX: Duration = Duration::from_secs(10 * 60);

/// The summary; a clone is the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct QuerySeconds(Arc<Mutex<Observed>>);

#[derive(Debug, Default)]
struct Observed {
    count: u64,
    sum: f64,
    /// When the last queries ended, and how many seconds each took.
    last: VecDeque<(Instant, f64)>,
}

impl QuerySeconds {
    /// A query has ended that took so long.
    pub(crate) fn observe(&self, seconds: f64) {
        self.lock().add(Instant::now(), seconds);
    }

    fn lock(&self) -> MutexGuard<'_, Observed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observed {
    fn add(&mut self, at: Instant, seconds: f64) {
        self.count += 1;
        self.sum += seconds;
        if self.last.len() == KEPT_MAX {
            self.last.pop_front();
        }
        self.last.push_back((at, seconds));
    }

    /// In the order of [`QUANTILES`]; no number where there was no query lately.
    fn quantiles(&self, now: Instant) -> [f64; QUANTILES.len()] {
        let recent = self.last.iter();
        let recent = recent.filter(|(at, _)| now.saturating_duration_since(*at) <= AGE_MAX);
        let mut seconds: Vec<f64> = recent.map(|(_, seconds)| *seconds).collect();
        seconds.sort_unstable_by(f64::total_cmp);
        QUANTILES.map(|(_, thousandths)| {
            let rank = (seconds.len() * thousandths).div_ceil(1000);
            let found = rank.checked_sub(1).and_then(|at| seconds.get(at));
            found.copied().unwrap_or(f64::NAN)
        })
    }
}

impl Collector for QuerySeconds {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let (count, sum, quantiles) = {
            let observed = self.lock();
            let quantiles = observed.quantiles(Instant::now());
            (observed.count, observed.sum, quantiles)
        };
        // The library knows no summaries; the type is written anew by [`typed`].
        let kind = MetricType::Histogram;
        let mut metric = encoder.encode_descriptor(NAME, "Query timings.", None, kind)?;
        for ((quantile, _), value) in QUANTILES.iter().zip(quantiles) {
            let labels = [SLICE, ("quantile", *quantile)];
            metric.encode_family(&labels)?.encode_gauge(&value)?;
        }
        let labels = [SLICE];
        let mut metric = metric.encode_family(&labels)?;
        metric.encode_histogram::<NoLabelSet>(sum, count, &[], None)
    }
}

/// A page of metrics in which the type of the summary is told as what it is.
pub(crate) fn typed(page: &str) -> String {
    let line = |kind: &str| format!("# TYPE {NAME} {kind}\n");
    page.replacen(&line("histogram"), &line("summary"), 1)
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn quantiles_are_those_of_the_last_queries() {
        let mut observed = Observed::default();
        let start = Instant::now();
        assert!(observed.quantiles(start).iter().all(|value| value.is_nan()));
        for millis in 1..=100_u32 {
            observed.add(start, f64::from(millis) / 1000.0);
        }
        assert_eq!(observed.quantiles(start), [0.05, 0.09, 0.099]);
        // What is too old counts no more, and what does not fit is the oldest.
        let later = start + AGE_MAX + Duration::from_secs(1);
        observed.add(later, 2.0);
        assert_eq!(observed.quantiles(later), [2.0; 3]);
        for _ in 0..KEPT_MAX {
            observed.add(later, 3.0);
        }
        assert_eq!(observed.quantiles(later), [3.0; 3]);
        assert_eq!((observed.last.len(), observed.count), (KEPT_MAX, 1125));
    }

    #[test]
    fn the_page_has_a_summary() {
        let seconds = QuerySeconds::default();
        seconds.observe(0.5);
        let mut registry = Registry::default();
        registry.register_collector(Box::new(seconds));
        let mut page = String::new();
        encode(&mut page, &registry).unwrap();
        let expected = format!(
            "# HELP {NAME} Query timings.\n# TYPE {NAME} summary\n\
             {NAME}{{slice=\"inner_eval\",quantile=\"0.5\"}} 0.5\n\
             {NAME}{{slice=\"inner_eval\",quantile=\"0.9\"}} 0.5\n\
             {NAME}{{slice=\"inner_eval\",quantile=\"0.99\"}} 0.5\n\
             {NAME}_sum{{slice=\"inner_eval\"}} 0.5\n\
             {NAME}_count{{slice=\"inner_eval\"}} 1\n# EOF\n"
        );
        assert_eq!(typed(&page), expected);
    }
}
