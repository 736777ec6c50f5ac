//! Histograms and summaries, as families have them.

use super::Family;

/// Counts of observations by size, for a plugin that measures something itself.
///
/// ```
/// use narthex_sdk::{Batch, Histogram};
///
/// let mut latency = Histogram::new(&[0.1, 1.0]);
/// latency.observe(0.25);
/// latency.observe(3.0);
/// let mut batch = Batch::new();
/// batch.histogram("latency_seconds", "Of a query.").observed(&[("kind", "read")], &latency);
/// assert!(batch.to_text().contains("latency_seconds_bucket{kind=\"read\",le=\"1\"} 1"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Upper bounds, ascending, each with the number of observations up to it and above the one
    /// before.
    buckets: Vec<(f64, u64)>,
    sum: f64,
    count: u64,
}

impl Histogram {
    /// One without observations; `bounds` ascend, and infinity is always there.
    pub fn new(bounds: &[f64]) -> Self {
        Self {
            buckets: bounds.iter().map(|bound| (*bound, 0)).collect(),
            sum: 0.0,
            count: 0,
        }
    }

    /// Counts one observation.
    pub fn observe(&mut self, value: f64) {
        let bucket = self.buckets.iter_mut().find(|(bound, _)| value <= *bound);
        if let Some((_, count)) = bucket {
            *count += 1;
        }
        self.sum += value;
        self.count += 1;
    }
}

impl Family<'_> {
    /// Adds the samples of one histogram: `buckets` are upper bounds, ascending, each with the
    /// number of observations up to it. The bucket of infinity is added where it is missing.
    pub fn buckets(
        &mut self,
        labels: &[(&str, &str)],
        buckets: &[(f64, f64)],
        sum: f64,
        count: f64,
    ) -> &mut Self {
        let infinite = [(f64::INFINITY, count)];
        let missing = match buckets.last() {
            Some((bound, _)) if *bound == f64::INFINITY => &infinite[..0],
            _ => &infinite[..],
        };
        for (bound, cumulative) in buckets.iter().chain(missing) {
            let bound = written(*bound);
            self.push(
                Some("_bucket"),
                labels,
                Some(("le", &bound)),
                *cumulative,
                None,
            );
        }
        self.suffixed("_sum", labels, sum)
            .suffixed("_count", labels, count)
    }

    /// Adds the samples of what a [`Histogram`] counted.
    pub fn observed(&mut self, labels: &[(&str, &str)], histogram: &Histogram) -> &mut Self {
        let mut cumulative = 0;
        let buckets: Vec<(f64, f64)> = histogram
            .buckets
            .iter()
            .map(|(bound, count)| {
                cumulative += count;
                (*bound, cumulative as f64)
            })
            .collect();
        self.buckets(labels, &buckets, histogram.sum, histogram.count as f64)
    }

    /// Adds the samples of one summary: quantiles between 0 and 1, each with its value.
    pub fn quantiles(
        &mut self,
        labels: &[(&str, &str)],
        quantiles: &[(f64, f64)],
        sum: f64,
        count: f64,
    ) -> &mut Self {
        for (quantile, value) in quantiles {
            let quantile = written(*quantile);
            self.push(None, labels, Some(("quantile", &quantile)), *value, None);
        }
        self.suffixed("_sum", labels, sum)
            .suffixed("_count", labels, count)
    }
}

/// A bound as Prometheus' clients write it.
fn written(bound: f64) -> String {
    match bound {
        f64::INFINITY => "+Inf".to_owned(),
        _ if bound != 0.0 && !(1e-4..1e21).contains(&bound.abs()) => {
            // As in Go: a sign and two digits at least.
            let text = format!("{bound:e}");
            match text.split_once('e') {
                Some((mantissa, exponent)) => match exponent.strip_prefix('-') {
                    Some(digits) => format!("{mantissa}e-{digits:0>2}"),
                    None => format!("{mantissa}e+{exponent:0>2}"),
                },
                None => text,
            }
        }
        _ => bound.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Batch;

    #[test]
    fn a_histogram_from_counted_buckets() {
        let mut batch = Batch::new();
        batch.histogram("size_bytes", "").buckets(
            &[("op", "get")],
            &[(0.5, 1.0), (1e6, 3.0)],
            7.5,
            4.0,
        );
        let text = "size_bytes_bucket{op=\"get\",le=\"0.5\"} 1\n\
                    size_bytes_bucket{op=\"get\",le=\"1000000\"} 3\n\
                    size_bytes_bucket{op=\"get\",le=\"+Inf\"} 4\n\
                    size_bytes_sum{op=\"get\"} 7.5\nsize_bytes_count{op=\"get\"} 4\n";
        assert_eq!(batch.to_text(), text);
    }

    #[test]
    fn infinity_is_not_written_twice() {
        let mut batch = Batch::new();
        let buckets = [(1.0, 1.0), (f64::INFINITY, 2.0)];
        batch.histogram("h", "").buckets(&[], &buckets, 3.0, 2.0);
        assert_eq!(batch.to_text().matches("+Inf").count(), 1);
    }

    #[test]
    fn observations_fall_into_the_first_bucket_that_holds_them() {
        let mut histogram = Histogram::new(&[1.0, 2.0]);
        for value in [0.5, 1.0, 1.5, 9.0] {
            histogram.observe(value);
        }
        let mut batch = Batch::new();
        batch.histogram("h", "").observed(&[], &histogram);
        let text = "h_bucket{le=\"1\"} 2\nh_bucket{le=\"2\"} 3\nh_bucket{le=\"+Inf\"} 4\n\
                    h_sum 12\nh_count 4\n";
        assert_eq!(batch.to_text(), text);
    }

    #[test]
    fn a_summary() {
        let mut batch = Batch::new();
        batch
            .summary("latency", "")
            .quantiles(&[], &[(0.5, 1.0), (0.99, 4.0)], 7.0, 3.0);
        let text = "latency{quantile=\"0.5\"} 1\nlatency{quantile=\"0.99\"} 4\n\
                    latency_sum 7\nlatency_count 3\n";
        assert_eq!(batch.to_text(), text);
    }

    #[test]
    fn bounds_are_written_as_prometheus_clients_do() {
        for (bound, text) in [
            (0.005, "0.005"),
            (0.0, "0"),
            (1.0, "1"),
            (2.5e9, "2500000000"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e21, "1e+21"),
            (-1.0, "-1"),
        ] {
            assert_eq!(written(bound), text);
        }
    }
}
