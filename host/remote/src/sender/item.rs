//! What waits to be sent.

use std::sync::Arc;

use narthex_model::{Exemplar, FloatHistogram, Labels};

/// One thing to be sent, with the labels that the receiver gets.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) labels: Labels,
    pub(super) value: ItemValue,
    /// The record of the log that it is from.
    pub(super) seq: u64,
}

#[derive(Debug, Clone)]
pub(super) enum ItemValue {
    Number {
        timestamp_ms: i64,
        value: f64,
        /// 0 where it is not known.
        start_ms: i64,
    },
    Histogram {
        timestamp_ms: i64,
        histogram: Arc<FloatHistogram>,
        /// 0 where it is not known.
        start_ms: i64,
    },
    Exemplar(Exemplar),
}

impl ItemValue {
    pub(super) fn timestamp_ms(&self) -> i64 {
        match self {
            Self::Number { timestamp_ms, .. } | Self::Histogram { timestamp_ms, .. } => {
                *timestamp_ms
            }
            Self::Exemplar(exemplar) => exemplar.timestamp_ms,
        }
    }
}

/// How many there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) samples: u64,
    pub(super) histograms: u64,
    pub(super) exemplars: u64,
}

impl Counts {
    pub(super) fn of(items: &[Item]) -> Self {
        let mut counts = Self::default();
        for item in items {
            match item.value {
                ItemValue::Number { .. } => counts.samples += 1,
                ItemValue::Histogram { .. } => counts.histograms += 1,
                ItemValue::Exemplar(_) => counts.exemplars += 1,
            }
        }
        counts
    }

    pub(super) fn all(self) -> u64 {
        self.samples + self.histograms + self.exemplars
    }

    pub(super) fn less(self, other: Self) -> Self {
        Self {
            samples: self.samples.saturating_sub(other.samples),
            histograms: self.histograms.saturating_sub(other.histograms),
            exemplars: self.exemplars.saturating_sub(other.exemplars),
        }
    }
}

/// What a metric is; the numbers are those of both messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum MetricKind {
    /// Not known.
    Unknown = 0,
    /// A counter.
    Counter = 1,
    /// A gauge.
    Gauge = 2,
    /// A histogram.
    Histogram = 3,
    /// A histogram whose buckets may fall.
    GaugeHistogram = 4,
    /// A summary.
    Summary = 5,
    /// Labels alone.
    Info = 6,
    /// A set of states.
    StateSet = 7,
}

impl MetricKind {
    /// All kinds, in the order of their numbers.
    const ALL: [Self; 8] = [
        Self::Unknown,
        Self::Counter,
        Self::Gauge,
        Self::Histogram,
        Self::GaugeHistogram,
        Self::Summary,
        Self::Info,
        Self::StateSet,
    ];

    /// The kind of a number; one that nobody knows is no kind that is known.
    pub(crate) fn of_number(number: u64) -> Self {
        let kind = usize::try_from(number).ok();
        let kind = kind.and_then(|at| Self::ALL.get(at)).copied();
        kind.unwrap_or(Self::Unknown)
    }

    /// Its name, as in `# TYPE` of OpenMetrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
        }
    }

    /// The kind that a page names, as in `# TYPE`.
    pub fn of_name(name: &str) -> Self {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.name() == name)
            .unwrap_or(Self::Unknown)
    }
}

/// What is known of a metric family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricMetadata {
    /// Its name.
    pub metric: String,
    /// What it is.
    pub kind: MetricKind,
    /// What it says.
    pub help: String,
    /// What it counts.
    pub unit: String,
}

/// Who knows the metrics.
pub trait MetadataSource: Send + Sync {
    /// What is known now, each family once.
    fn metadata(&self) -> Vec<MetricMetadata>;
}
