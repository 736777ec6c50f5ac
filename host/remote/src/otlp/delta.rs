//! Points that count from the one before, added up so that they count from the start
//! (`--enable-feature=otlp-deltatocumulative`). The rules are those of the OpenTelemetry
//! Collector's processor of that name, which Prometheus has inside.
//!
//! A stream is what one metric has for one set of attributes of one scope and resource. Its sum is
//! in memory only: after a restart it counts from zero, which queries see as a reset.
//!
//! It is not: a guess at points that never came. What is lost on the way is missing in the sum.

use hashbrown::HashMap;
use narthex_model::FloatHistogram;
use narthex_model::histogram::EXPONENTIAL_SCHEMA_MIN;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::message::{HistogramPoint, NumberPoint, Point, milliseconds};
use crate::receiver::cache::Key;

/// So many streams are added up; points of more are refused. A stream of numbers takes about 100
/// bytes, one of histograms up to 5 kB.
pub(super) const STREAMS_MAX: usize = 256 << 10;

/// A stream without a point for as long as this is forgotten, as in Prometheus.
const STALE_MS: i64 = 5 * 60 * 1000;

/// What is stale is looked for as often as this.
const SWEEP_MS: i64 = 60 * 1000;

/// Each side of an exponential histogram has at most so many buckets in its sum; with more it is
/// made coarser.
const BUCKETS_MAX: usize = 160;

/// The streams, by the keys of their points.
#[derive(Debug)]
pub(super) struct Streams {
    held: HashMap<Key, Stream>,
    streams_max: usize,
    swept_ms: i64,
    metrics: Metrics,
}

#[derive(Debug)]
struct Stream {
    start_ns: u64,
    time_ns: u64,
    /// When its last point arrived.
    seen_ms: i64,
    sum: Sum,
}

#[derive(Debug, Clone)]
enum Sum {
    Int(i64),
    Double(f64),
    Explicit(ExplicitSum),
    Exponential(FloatHistogram),
}

#[derive(Debug, Clone, Default)]
struct ExplicitSum {
    count: u64,
    sum: Option<f64>,
    bucket_counts: Vec<u64>,
    explicit_bounds: Vec<f64>,
}

/// What a point has become, and since when it counts.
#[derive(Debug)]
pub(super) struct Total<T> {
    pub(super) value: T,
    /// 0 where nobody said.
    pub(super) start_ms: i64,
}

/// Why a point is not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Refused {
    #[error("the delta began before its stream: two senders may send the same series")]
    OlderStart,
    #[error("the delta is out of order: its stream has one of that time or later")]
    OutOfOrder,
    #[error("there are too many streams of deltas; so many are added up: {0}")]
    TooMany(usize),
}

impl Refused {
    /// As the Collector's metric has it.
    fn label(self) -> &'static str {
        match self {
            Self::OlderStart => "delta.ErrOlderStart",
            Self::OutOfOrder => "delta.ErrOutOfOrder",
            Self::TooMany(_) => "limit",
        }
    }
}

/// Under the names that the Collector's processor has.
#[derive(Debug, Default)]
struct Metrics {
    points: Family<Vec<(&'static str, &'static str)>, Counter>,
    tracked: Gauge,
}

impl Metrics {
    fn register(registry: &mut Registry, streams_max: usize) -> Self {
        let metrics = Self::default();
        // There from the start, so that a rate has where to begin.
        drop(metrics.points.get_or_create(&Vec::new()));
        registry.register(
            "otelcol_deltatocumulative_datapoints",
            "total number of datapoints processed. may have 'error' attribute, if processing failed",
            metrics.points.clone(),
        );
        registry.register(
            "otelcol_deltatocumulative_streams_tracked",
            "number of streams tracked",
            metrics.tracked.clone(),
        );
        let limit: Gauge = Gauge::default();
        limit.set(i64::try_from(streams_max).unwrap_or(i64::MAX));
        registry.register(
            "otelcol_deltatocumulative_streams_limit",
            "upper limit of tracked streams",
            limit,
        );
        let max_stale: Gauge = Gauge::default();
        max_stale.set(STALE_MS / 1000);
        registry.register_with_unit(
            "otelcol_deltatocumulative_streams_max_stale",
            "duration without new samples after which streams are dropped",
            Unit::Seconds,
            max_stale,
        );
        metrics
    }
}

impl Streams {
    pub(super) fn new(now_ms: i64, streams_max: usize, registry: &mut Registry) -> Self {
        Self {
            held: HashMap::new(),
            streams_max,
            swept_ms: now_ms,
            metrics: Metrics::register(registry, streams_max),
        }
    }

    /// Forgets what is stale, where it is time to look.
    pub(super) fn sweep(&mut self, now_ms: i64) {
        if now_ms.saturating_sub(self.swept_ms) < SWEEP_MS {
            return;
        }
        self.swept_ms = now_ms;
        let is_fresh = |stream: &Stream| now_ms.saturating_sub(stream.seen_ms) <= STALE_MS;
        self.held.retain(|_, stream| is_fresh(stream));
        self.count();
    }

    /// The stream ended: what comes after begins anew.
    pub(super) fn end(&mut self, key: Key) {
        self.held.remove(&key);
        self.count();
    }

    fn count(&self) {
        let tracked = i64::try_from(self.held.len()).unwrap_or(i64::MAX);
        self.metrics.tracked.set(tracked);
    }

    /// Adds a number.
    ///
    /// # Errors
    /// It does not follow what is there, or begins one stream too many.
    pub(super) fn number(
        &mut self,
        key: Key,
        point: &NumberPoint<'_>,
        now_ms: i64,
    ) -> Result<Total<f64>, String> {
        let sent = match (point.as_double, point.as_int) {
            (Some(value), _) => Sum::Double(value),
            (None, value) => Sum::Int(value.unwrap_or_default()),
        };
        let stream = self.add(key, point, sent, now_ms)?;
        let value = match stream.sum {
            Sum::Int(value) => value as f64,
            Sum::Double(value) => value,
            Sum::Explicit(_) | Sum::Exponential(_) => f64::NAN,
        };
        Ok(stream.total(value))
    }

    /// Adds a histogram with bounds of its own. One with other bounds than before begins anew.
    ///
    /// # Errors
    /// As with a number.
    pub(super) fn explicit(
        &mut self,
        key: Key,
        point: &HistogramPoint<'_>,
        now_ms: i64,
    ) -> Result<Total<HistogramPoint<'static>>, String> {
        let sent = Sum::Explicit(ExplicitSum {
            count: point.count,
            sum: point.sum,
            bucket_counts: point.bucket_counts.clone(),
            explicit_bounds: point.explicit_bounds.clone(),
        });
        let stream = self.add(key, point, sent, now_ms)?;
        let sum = match &stream.sum {
            Sum::Explicit(sum) => sum.clone(),
            _ => ExplicitSum::default(),
        };
        Ok(stream.total(HistogramPoint {
            count: sum.count,
            sum: sum.sum,
            bucket_counts: sum.bucket_counts,
            explicit_bounds: sum.explicit_bounds,
            ..HistogramPoint::default()
        }))
    }

    /// Adds an exponential histogram.
    ///
    /// # Errors
    /// As with a number.
    pub(super) fn exponential(
        &mut self,
        key: Key,
        point: &impl Point,
        histogram: FloatHistogram,
        now_ms: i64,
    ) -> Result<Total<FloatHistogram>, String> {
        let stream = self.add(key, point, Sum::Exponential(histogram), now_ms)?;
        let sum = match &stream.sum {
            Sum::Exponential(sum) => sum.clone(),
            _ => FloatHistogram::default(),
        };
        Ok(stream.total(sum))
    }

    fn add(
        &mut self,
        key: Key,
        point: &impl Point,
        sent: Sum,
        now_ms: i64,
    ) -> Result<&Stream, String> {
        let (start_ns, time_ns) = point.times_ns();
        let has_room = self.held.len() < self.streams_max;
        let refused = match self.held.get(&key) {
            None if !has_room => Some(Refused::TooMany(self.streams_max)),
            Some(stream) if start_ns < stream.start_ns => Some(Refused::OlderStart),
            Some(stream) if time_ns <= stream.time_ns => Some(Refused::OutOfOrder),
            _ => None,
        };
        let labels = refused.map(|refused| ("error", refused.label()));
        let labels = Vec::from_iter(labels);
        self.metrics.points.get_or_create(&labels).inc();
        if let Some(refused) = refused {
            return Err(refused.to_string());
        }
        let mut is_new = false;
        let stream = self.held.entry(key).or_insert_with(|| {
            is_new = true;
            Stream {
                start_ns,
                time_ns,
                seen_ms: now_ms,
                sum: sent.clone(),
            }
        });
        stream.time_ns = time_ns;
        stream.seen_ms = now_ms;
        if is_new {
            self.metrics.tracked.inc();
        } else if !stream.sum.add(&sent) {
            stream.start_ns = start_ns;
            stream.sum = sent;
        }
        Ok(stream)
    }
}

impl Stream {
    fn total<T>(&self, value: T) -> Total<T> {
        Total {
            value,
            start_ms: milliseconds(self.start_ns),
        }
    }
}

impl Sum {
    /// Adds what has the same form. With another one, `false` says so and nothing is added.
    fn add(&mut self, sent: &Self) -> bool {
        match (&mut *self, sent) {
            (Self::Int(sum), Self::Int(value)) => match sum.checked_add(*value) {
                Some(total) => *sum = total,
                None => *self = Self::Double(*sum as f64 + *value as f64),
            },
            (Self::Int(sum), Self::Double(value)) => *self = Self::Double(*sum as f64 + value),
            (Self::Double(sum), Self::Int(value)) => *sum += *value as f64,
            (Self::Double(sum), Self::Double(value)) => *sum += value,
            (Self::Explicit(sum), Self::Explicit(sent)) => return sum.add(sent),
            (Self::Exponential(sum), Self::Exponential(sent)) => {
                if sum.add(sent).is_err() {
                    return false;
                }
                let is_large =
                    |sum: &FloatHistogram| sum.positive.len().max(sum.negative.len()) > BUCKETS_MAX;
                while is_large(sum) && sum.schema > EXPONENTIAL_SCHEMA_MIN {
                    sum.reduce_resolution(sum.schema - 1);
                }
            }
            _ => return false,
        }
        true
    }
}

impl ExplicitSum {
    fn add(&mut self, sent: &Self) -> bool {
        let has_same_form = self.explicit_bounds == sent.explicit_bounds
            && self.bucket_counts.len() == sent.bucket_counts.len();
        if !has_same_form {
            return false;
        }
        self.count = self.count.saturating_add(sent.count);
        self.sum = self.sum.zip(sent.sum).map(|(sum, sent)| sum + sent);
        for (sum, count) in self.bucket_counts.iter_mut().zip(&sent.bucket_counts) {
            *sum = sum.saturating_add(*count);
        }
        true
    }
}

#[cfg(test)]
mod tests;
