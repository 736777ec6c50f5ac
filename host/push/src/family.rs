//! What a push consists of, and its lines on the page.

use std::collections::BTreeMap;

use narthex_exposition::write::TextWriter;
use narthex_exposition::{FamilyMeta, MetricType};
use narthex_model::float_text;
use serde::{Deserialize, Serialize};

/// Families by name.
pub type Families = BTreeMap<String, Family>;

/// Metrics of one name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Family {
    /// What it is about; may be empty.
    pub help: String,
    /// What it measures.
    #[serde(with = "kind")]
    pub kind: MetricType,
    /// In the order in which they were pushed.
    pub metrics: Vec<Metric>,
}

/// One metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Sorted by name, without the name of the metric; values may be empty.
    pub labels: BTreeMap<String, String>,
    /// What was measured.
    pub value: Value,
}

/// What a metric measured, by the type of its family. Numbers are written to files by their bits,
/// for JSON has no NaN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// Of a counter, a gauge, or what has no type.
    Number(#[serde(with = "bits")] f64),
    /// Of a histogram.
    Histogram {
        /// In the order in which they were pushed.
        buckets: Vec<Bucket>,
        /// The sum of what was observed.
        #[serde(with = "bits")]
        sum: f64,
        /// How much was observed.
        #[serde(with = "bits")]
        count: f64,
    },
    /// Of a summary.
    Summary {
        /// In the order in which they were pushed.
        quantiles: Vec<Quantile>,
        /// The sum of what was observed.
        #[serde(with = "bits")]
        sum: f64,
        /// How much was observed.
        #[serde(with = "bits")]
        count: f64,
    },
}

/// A bucket of a histogram.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// The upper bound.
    #[serde(with = "bits")]
    pub upper: f64,
    /// How much was observed up to it.
    #[serde(with = "bits")]
    pub count: f64,
}

/// A quantile of a summary.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quantile {
    /// Which one.
    #[serde(with = "bits")]
    pub quantile: f64,
    /// What it is.
    #[serde(with = "bits")]
    pub value: f64,
}

impl Value {
    /// Nothing was measured yet.
    pub(crate) fn none(kind: MetricType) -> Self {
        match kind {
            MetricType::Histogram => Self::Histogram {
                buckets: Vec::new(),
                sum: 0.0,
                count: 0.0,
            },
            MetricType::Summary => Self::Summary {
                quantiles: Vec::new(),
                sum: 0.0,
                count: 0.0,
            },
            _ => Self::Number(0.0),
        }
    }
}

impl Metric {
    /// Writes its lines.
    pub(crate) fn write(&self, name: &str, page: &mut TextWriter) {
        let mut line = |suffix: &str, number: Option<(&str, f64)>, value: f64| {
            let text = number.map(|(label, number)| (label, float_text(number)));
            let pairs = self.labels.iter();
            let mut pairs: Vec<(&str, &str)> = pairs
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            pairs.extend(text.as_ref().map(|(label, text)| (*label, text.as_str())));
            // The Pushgateway knows no negative zero.
            let value = if value == 0.0 { 0.0 } else { value };
            page.sample(&format!("{name}{suffix}"), pairs, value, None);
        };
        match &self.value {
            Value::Number(value) => line("", None, *value),
            Value::Histogram {
                buckets,
                sum,
                count,
            } => {
                for bucket in buckets {
                    line("_bucket", Some(("le", bucket.upper)), bucket.count);
                }
                if !buckets.iter().any(|bucket| bucket.upper == f64::INFINITY) {
                    line("_bucket", Some(("le", f64::INFINITY)), *count);
                }
                line("_sum", None, *sum);
                line("_count", None, *count);
            }
            Value::Summary {
                quantiles,
                sum,
                count,
            } => {
                for quantile in quantiles {
                    let label = Some(("quantile", quantile.quantile));
                    line("", label, quantile.value);
                }
                line("_sum", None, *sum);
                line("_count", None, *count);
            }
        }
    }

    /// The order on the page: by the number of labels, then by their values.
    pub(crate) fn place(&self) -> (usize, Vec<&String>) {
        (self.labels.len(), self.labels.values().collect())
    }
}

/// Writes the head of a family.
pub(crate) fn write_head(name: &str, help: &str, kind: MetricType, page: &mut TextWriter) {
    page.family(&FamilyMeta {
        name,
        help,
        unit: "",
        kind,
    });
}

/// A number by its bits.
mod bits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        value.to_bits().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        u64::deserialize(from).map(f64::from_bits)
    }
}

/// The types that can be pushed, by name.
mod kind {
    use narthex_exposition::MetricType;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    const ALL: [MetricType; 5] = [
        MetricType::Unknown,
        MetricType::Counter,
        MetricType::Gauge,
        MetricType::Histogram,
        MetricType::Summary,
    ];

    pub(super) fn serialize<S: Serializer>(kind: &MetricType, to: S) -> Result<S::Ok, S::Error> {
        kind.as_str().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<MetricType, D::Error> {
        let name = String::deserialize(from)?;
        let found = ALL.into_iter().find(|kind| kind.as_str() == name);
        found.ok_or_else(|| D::Error::custom(format!("unknown type {name}")))
    }
}
