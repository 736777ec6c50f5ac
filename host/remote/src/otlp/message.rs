//! A request as it was sent, whether as protobuf or as JSON. Texts lie in the body where they can.
//!
//! The names are those of OTLP's protobuf definition; JSON writes them in camel case.

use std::borrow::Cow;

use serde::Deserialize;

use super::json;
use super::value::Value;

/// A request may have so many messages in it: resources, scopes, metrics, points, attributes,
/// exemplars, quantiles. One with more is refused. Each takes up to 300 bytes of memory, and as
/// few as two of a body.
pub(super) const MESSAGES_MAX: usize = 1 << 20;

/// The data point has no value: the series ended.
const NO_RECORDED_VALUE: u32 = 1;

/// `ExportMetricsServiceRequest`
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Request<'a> {
    #[serde(borrow)]
    pub(super) resource_metrics: Vec<ResourceMetrics<'a>>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ResourceMetrics<'a> {
    #[serde(borrow)]
    pub(super) resource: Resource<'a>,
    #[serde(borrow)]
    pub(super) scope_metrics: Vec<ScopeMetrics<'a>>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Resource<'a> {
    #[serde(borrow)]
    pub(super) attributes: Vec<KeyValue<'a>>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ScopeMetrics<'a> {
    #[serde(borrow)]
    pub(super) scope: Scope<'a>,
    #[serde(borrow)]
    pub(super) metrics: Vec<Metric<'a>>,
    #[serde(borrow)]
    pub(super) schema_url: Cow<'a, str>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Scope<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) version: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) attributes: Vec<KeyValue<'a>>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct KeyValue<'a> {
    #[serde(borrow)]
    pub(super) key: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) value: Value<'a>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Metric<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) description: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) unit: Cow<'a, str>,
    // One of these, which JSON and protobuf only promise.
    #[serde(borrow)]
    pub(super) gauge: Option<Numbers<'a>>,
    #[serde(borrow)]
    pub(super) sum: Option<Numbers<'a>>,
    #[serde(borrow)]
    pub(super) histogram: Option<Points<HistogramPoint<'a>>>,
    #[serde(borrow)]
    pub(super) exponential_histogram: Option<Points<ExponentialPoint<'a>>>,
    #[serde(borrow)]
    pub(super) summary: Option<Points<SummaryPoint<'a>>>,
}

/// What a value counts from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Temporality {
    #[default]
    Unspecified,
    /// The point before.
    Delta,
    /// The start.
    Cumulative,
}

/// Points that are numbers. A gauge has no temporality.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Numbers<'a> {
    #[serde(borrow)]
    pub(super) data_points: Vec<NumberPoint<'a>>,
    #[serde(deserialize_with = "json::temporality")]
    pub(super) aggregation_temporality: Temporality,
    pub(super) is_monotonic: bool,
}

/// Points of another kind. A summary has no temporality.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Points<P: Default> {
    pub(super) data_points: Vec<P>,
    #[serde(deserialize_with = "json::temporality")]
    pub(super) aggregation_temporality: Temporality,
}

impl<P: Default> Default for Points<P> {
    fn default() -> Self {
        Self {
            data_points: Vec::new(),
            aggregation_temporality: Temporality::default(),
        }
    }
}

/// When, of what, and whether there is a value.
pub(super) trait Point {
    fn times_ns(&self) -> (u64, u64);
    fn flags(&self) -> u32;

    fn has_no_value(&self) -> bool {
        self.flags() & NO_RECORDED_VALUE != 0
    }

    /// When it was taken.
    fn timestamp_ms(&self) -> i64 {
        milliseconds(self.times_ns().1)
    }

    /// When its counting began; 0 where that is not said.
    fn start_ms(&self) -> i64 {
        milliseconds(self.times_ns().0)
    }
}

/// Of nanoseconds since the epoch.
pub(super) fn milliseconds(ns: u64) -> i64 {
    // A quotient of so few bits fits.
    i64::try_from(ns / 1_000_000).unwrap_or(i64::MAX)
}

macro_rules! point {
    ($name:ident) => {
        impl Point for $name<'_> {
            fn times_ns(&self) -> (u64, u64) {
                (self.start_time_unix_nano, self.time_unix_nano)
            }

            fn flags(&self) -> u32 {
                self.flags
            }
        }
    };
}

point!(NumberPoint);
point!(HistogramPoint);
point!(ExponentialPoint);
point!(SummaryPoint);

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NumberPoint<'a> {
    #[serde(borrow)]
    pub(super) attributes: Vec<KeyValue<'a>>,
    #[serde(deserialize_with = "json::unsigned")]
    pub(super) start_time_unix_nano: u64,
    #[serde(deserialize_with = "json::unsigned")]
    pub(super) time_unix_nano: u64,
    #[serde(borrow)]
    pub(super) exemplars: Vec<Exemplar<'a>>,
    pub(super) flags: u32,
    #[serde(deserialize_with = "json::some_double")]
    pub(super) as_double: Option<f64>,
    #[serde(deserialize_with = "json::some_signed")]
    pub(super) as_int: Option<i64>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HistogramPoint<'a> {
    #[serde(borrow)]
    pub(super) attributes: Vec<KeyValue<'a>>,
    #[serde(deserialize_with = "json::unsigned")]
    pub(super) start_time_unix_nano: u64,
    #[serde(deserialize_with = "json::unsigned")]
    pub(super) time_unix_nano: u64,
    #[serde(deserialize_with = "json::unsigned")]
    pub(super) count: u64,
    #[serde(deserialize_with = "json::some_double")]
    pub(super) sum: Option<f64>,
    #[serde(deserialize_with = "json::unsigned_list")]
    pub(super) bucket_counts: Vec<u64>,
    #[serde(deserialize_with = "json::double_list")]
    pub(super) explicit_bounds: Vec<f64>,
    #[serde(borrow)]
    pub(super) exemplars: Vec<Exemplar<'a>>,
    pub(super) flags: u32,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ExponentialPoint<'a> {
    #[serde(borrow)]
    pub(super) attributes: Vec<KeyValue<'a>>,
    #[serde(deserialize_with = "json::unsigned")]
    pub(super) start_time_unix_nano: u64,
    #[serde(deserialize_with = "json::unsigned")]
    pub(super) time_unix_nano: u64,
    #[serde(deserialize_with = "json::unsigned")]
    pub(super) count: u64,
    #[serde(deserialize_with = "json::some_double")]
    pub(super) sum: Option<f64>,
    pub(super) scale: i32,
    #[serde(deserialize_with = "json::unsigned")]
    pub(super) zero_count: u64,
    pub(super) positive: ExponentialBuckets,
    pub(super) negative: ExponentialBuckets,
    pub(super) flags: u32,
    #[serde(borrow)]
    pub(super) exemplars: Vec<Exemplar<'a>>,
    #[serde(deserialize_with = "json::double")]
    pub(super) zero_threshold: f64,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ExponentialBuckets {
    pub(super) offset: i32,
    #[serde(deserialize_with = "json::unsigned_list")]
    pub(super) bucket_counts: Vec<u64>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SummaryPoint<'a> {
    #[serde(borrow)]
    pub(super) attributes: Vec<KeyValue<'a>>,
    #[serde(deserialize_with = "json::unsigned")]
    pub(super) start_time_unix_nano: u64,
    #[serde(deserialize_with = "json::unsigned")]
    pub(super) time_unix_nano: u64,
    #[serde(deserialize_with = "json::unsigned")]
    pub(super) count: u64,
    #[serde(deserialize_with = "json::double")]
    pub(super) sum: f64,
    pub(super) quantile_values: Vec<QuantileValue>,
    pub(super) flags: u32,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct QuantileValue {
    #[serde(deserialize_with = "json::double")]
    pub(super) quantile: f64,
    #[serde(deserialize_with = "json::double")]
    pub(super) value: f64,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Exemplar<'a> {
    #[serde(borrow)]
    pub(super) filtered_attributes: Vec<KeyValue<'a>>,
    #[serde(deserialize_with = "json::unsigned")]
    pub(super) time_unix_nano: u64,
    #[serde(deserialize_with = "json::some_double")]
    pub(super) as_double: Option<f64>,
    #[serde(deserialize_with = "json::some_signed")]
    pub(super) as_int: Option<i64>,
    #[serde(deserialize_with = "json::hex")]
    pub(super) span_id: Vec<u8>,
    #[serde(deserialize_with = "json::hex")]
    pub(super) trace_id: Vec<u8>,
}
