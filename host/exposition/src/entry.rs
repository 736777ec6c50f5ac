//! What a page consists of.

use std::borrow::Cow;

use narthex_model::Labels;

use crate::labels::{LabelPairs, LabelsError};

/// One line of a page that says something; comments and blank lines are left out.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry<'a> {
    /// One sample of one series.
    Series(SeriesEntry<'a>),
    /// `# TYPE`
    Type {
        /// The metric family.
        metric: Cow<'a, str>,
        /// Its type.
        kind: MetricType,
    },
    /// `# HELP`
    Help {
        /// The metric family.
        metric: Cow<'a, str>,
        /// The text, unescaped.
        help: Cow<'a, str>,
    },
    /// `# UNIT`, in OpenMetrics alone.
    Unit {
        /// The metric family.
        metric: Cow<'a, str>,
        /// The unit; may be empty.
        unit: &'a str,
    },
}

/// One sample of one series.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesEntry<'a> {
    /// The series exactly as the page writes it, name and braces: `up{a="b"}`. The same text
    /// means the same labels as long as the family's type stays the same.
    pub text: &'a str,
    /// The value; any NaN has become the one that storage knows as an ordinary NaN.
    pub value: f64,
    /// Milliseconds since the epoch, where the page gives a time.
    pub timestamp_ms: Option<i64>,
    /// The exemplar, in OpenMetrics alone.
    pub exemplar: Option<Exemplar<'a>>,
    /// The type that the page declared last.
    pub(crate) kind: MetricType,
}

impl<'a> SeriesEntry<'a> {
    /// The type that the page declared last.
    pub fn metric_type(&self) -> MetricType {
        self.kind
    }

    /// The labels as written, in the page's order, unescaped; the metric name comes as the label
    /// `__name__`. The values of `le` in histograms and `quantile` in summaries are written as
    /// OpenMetrics writes numbers (`1` becomes `1.0`), as Prometheus 3 does.
    pub fn label_pairs(&self) -> LabelPairs<'a> {
        LabelPairs::of_series(self.text, self.kind)
    }

    /// The label set, metric name included; labels without a value are left out.
    ///
    /// # Errors
    /// Two labels have the same name.
    pub fn labels(&self) -> Result<Labels, LabelsError> {
        self.label_pairs().build()
    }
}

/// A sample of what a value counted, such as the id of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar<'a> {
    /// The labels as written, with the braces.
    pub text: &'a str,
    /// The value; any NaN has become an ordinary one.
    pub value: f64,
    /// Milliseconds since the epoch, where the page gives a time.
    pub timestamp_ms: Option<i64>,
}

impl<'a> Exemplar<'a> {
    /// The labels as written, in the page's order, unescaped.
    pub fn label_pairs(&self) -> LabelPairs<'a> {
        LabelPairs::of_exemplar(self.text)
    }

    /// The label set.
    ///
    /// # Errors
    /// Two labels have the same name.
    pub fn labels(&self) -> Result<Labels, LabelsError> {
        self.label_pairs().build()
    }
}

/// What a metric family measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MetricType {
    /// Not declared; `untyped` in Prometheus text.
    #[default]
    Unknown,
    /// Only ever goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets.
    Histogram,
    /// Buckets whose counts may go down.
    GaugeHistogram,
    /// Quantiles calculated by the target.
    Summary,
    /// Labels that carry the meaning; the value is 1.
    Info,
    /// One of several states, each a series of 0 or 1.
    Stateset,
}

impl MetricType {
    /// The name as OpenMetrics and the HTTP API write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::Stateset => "stateset",
        }
    }

    /// Reads the type of a `# TYPE` line of Prometheus text.
    pub(crate) fn from_prometheus_text(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"counter" => Self::Counter,
            b"gauge" => Self::Gauge,
            b"histogram" => Self::Histogram,
            b"summary" => Self::Summary,
            b"untyped" => Self::Unknown,
            _ => return None,
        })
    }

    /// Reads the type of a `# TYPE` line of OpenMetrics.
    pub(crate) fn from_open_metrics(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"counter" => Self::Counter,
            b"gauge" => Self::Gauge,
            b"histogram" => Self::Histogram,
            b"gaugehistogram" => Self::GaugeHistogram,
            b"summary" => Self::Summary,
            b"info" => Self::Info,
            b"stateset" => Self::Stateset,
            b"unknown" => Self::Unknown,
            _ => return None,
        })
    }
}
