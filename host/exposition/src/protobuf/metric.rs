//! One metric of a family: labels, time, and what was measured.

use narthex_model::sample::NORMAL_NAN_BITS;
use narthex_model::{FloatHistogram, Labels};

use super::ProtobufError;
use super::histogram::{Histogram, MetricFault};
use super::wire::{Fields, WireError};
use crate::classic::ClassicHistogram;
use crate::entry::MetricType;
use crate::float::push_open_metrics_float;
use crate::labels::LabelsError;

/// A metric or an exemplar has at most so many labels.
pub const LABELS_MAX: usize = 1 << 14;

/// A summary has at most so many quantiles.
pub const QUANTILES_MAX: usize = 1 << 16;

/// One metric. Its memory is used again for the next one.
#[derive(Debug, Clone, Default)]
pub struct Metric<'a> {
    kind: MetricType,
    labels: Vec<(&'a str, &'a str)>,
    timestamp_ms: Option<i64>,
    start_ms: Option<i64>,
    value: f64,
    exemplar: Option<MetricExemplar<'a>>,
    summary: Summary,
    histogram: Histogram<'a>,
}

/// One series of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSample<'a, 'm> {
    /// What follows the family's name in the name of the series: `_count`, `_sum`, `_bucket` or
    /// nothing.
    pub suffix: &'static str,
    /// The label that is not among those of the metric, `le` or `quantile`, and its number.
    pub number: Option<(&'static str, f64)>,
    /// The value; any NaN has become an ordinary one.
    pub value: f64,
    /// Its exemplar.
    pub exemplar: Option<&'m MetricExemplar<'a>>,
}

/// An exemplar of a metric.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetricExemplar<'a> {
    labels: Vec<(&'a str, &'a str)>,
    /// The value; any NaN has become an ordinary one.
    pub value: f64,
    /// Milliseconds since the epoch, where the page gives a time.
    pub timestamp_ms: Option<i64>,
}

#[derive(Debug, Clone, Default)]
struct Summary {
    count: u64,
    sum: f64,
    /// Quantiles and their values.
    quantiles: Vec<(f64, f64)>,
}

impl MetricSample<'_, '_> {
    /// The label that is not among those of the metric, its number as OpenMetrics writes it.
    pub fn number_label(&self) -> Option<(&'static str, String)> {
        let (label, number) = self.number?;
        let mut text = String::new();
        // Prometheus drops the sign of a zero here.
        push_open_metrics_float(&mut text, if number == 0.0 { 0.0 } else { number });
        Some((label, text))
    }
}

type Read<T> = Result<T, MetricFault>;

impl<'a> Metric<'a> {
    /// The labels, without the metric name, in the page's order.
    pub fn label_pairs(&self) -> &[(&'a str, &'a str)] {
        &self.labels
    }

    /// Milliseconds since the epoch, where the page gives a time.
    pub fn timestamp_ms(&self) -> Option<i64> {
        self.timestamp_ms
    }

    /// When its counting began, in milliseconds since the epoch, where the page says so.
    pub fn start_ms(&self) -> Option<i64> {
        self.start_ms
    }

    /// Whether it is a native histogram.
    pub fn is_native_histogram(&self) -> bool {
        self.is_histogram() && self.histogram.is_native()
    }

    /// Whether it is a histogram of either sort.
    pub fn is_histogram(&self) -> bool {
        matches!(
            self.kind,
            MetricType::Histogram | MetricType::GaugeHistogram
        )
    }

    /// Whether it is a histogram with classic buckets.
    pub fn has_classic_buckets(&self) -> bool {
        self.is_histogram() && !self.histogram.buckets.is_empty()
    }

    /// The native histogram, in no finer a schema than the finest that is stored.
    ///
    /// # Errors
    /// Its buckets, spans and counts contradict each other.
    pub fn native_histogram(&self) -> Result<FloatHistogram, ProtobufError> {
        let is_gauge = self.kind == MetricType::GaugeHistogram;
        let native = self.histogram.native(is_gauge);
        native.map_err(|fault| ProtobufError::new(fault.to_string()))
    }

    /// The exemplars of a native histogram: its own, or where it has none those of the classic
    /// buckets. What has no time is left out, as in Prometheus.
    pub fn native_exemplars(&self) -> impl Iterator<Item = &MetricExemplar<'a>> {
        let own = self.histogram.exemplars.iter();
        let classic = self.histogram.buckets.iter();
        let classic = classic.filter_map(|bucket| bucket.exemplar.as_deref());
        let classic = classic.filter(|_| self.histogram.exemplars.is_empty());
        own.chain(classic)
            .filter(|exemplar| exemplar.timestamp_ms.is_some())
    }

    /// Fills in the classic half of a histogram.
    pub fn classic_histogram(&self, into: &mut ClassicHistogram) {
        into.clear();
        for bucket in &self.histogram.buckets {
            into.set_bucket(bucket.upper, bucket.value());
        }
        into.set_count(self.histogram.count());
        into.set_sum(self.histogram.sum);
    }

    /// The series that it is in the text formats, in their order; of a histogram the classic ones.
    /// A bucket that reaches to infinity is the last one; where there is none, one is made.
    pub fn samples<'m>(&'m self) -> impl Iterator<Item = MetricSample<'a, 'm>> {
        let sample = |suffix, number, value, exemplar| MetricSample {
            suffix,
            number,
            value,
            exemplar,
        };
        let is_summary = self.kind == MetricType::Summary;
        let (whole, buckets, quantiles) = match (is_summary, self.is_histogram()) {
            (true, _) => {
                let summary = &self.summary;
                let whole = Some((summary.count as f64, summary.sum));
                (whole, &[][..], &summary.quantiles[..])
            }
            (_, true) => {
                let histogram = &self.histogram;
                let whole = Some((normal(histogram.count()), histogram.sum));
                (whole, &histogram.buckets[..], &[][..])
            }
            _ => (None, &[][..], &[][..]),
        };
        let plain = whole.is_none();
        let plain = plain.then(|| sample("", None, self.value, self.exemplar.as_ref()));
        let sums = whole.into_iter().flat_map(move |(count, sum)| {
            [("_count", count), ("_sum", sum)]
                .map(|(suffix, value)| sample(suffix, None, value, None))
        });
        let quantiles = quantiles
            .iter()
            .map(move |(quantile, value)| sample("", Some(("quantile", *quantile)), *value, None));
        let bucket = move |upper, value, exemplar| {
            sample("_bucket", Some(("le", upper)), normal(value), exemplar)
        };
        let last = buckets
            .iter()
            .position(|bucket| bucket.upper == f64::INFINITY);
        let is_made = self.is_histogram() && last.is_none();
        let made = is_made.then(|| bucket(f64::INFINITY, self.histogram.count(), None));
        let written = buckets.iter().take(last.map_or(buckets.len(), |at| at + 1));
        let written =
            written.map(move |held| bucket(held.upper, held.value(), held.exemplar.as_deref()));
        let parts = plain.into_iter().chain(sums).chain(quantiles);
        parts.chain(written).chain(made)
    }

    /// Reads a message in the place of the metric before.
    pub(super) fn read(&mut self, message: &'a [u8], kind: MetricType) -> Read<()> {
        self.kind = kind;
        self.labels.clear();
        self.timestamp_ms = None;
        self.start_ms = None;
        self.value = 0.0;
        self.exemplar = None;
        self.summary.count = 0;
        self.summary.sum = 0.0;
        self.summary.quantiles.clear();
        if self.is_histogram() {
            self.histogram.clear();
        }
        let mut fields = Fields::new(message);
        while let Some(field) = fields.next()? {
            match (field.number, kind) {
                (1, _) => push_label(&mut self.labels, field.bytes()?)?,
                (2, MetricType::Gauge) | (3, MetricType::Counter) | (5, MetricType::Unknown) => {
                    self.read_number(field.bytes()?)?
                }
                (4, MetricType::Summary) => self.read_summary(field.bytes()?)?,
                // Prometheus takes a zero for no time.
                (6, _) => self.timestamp_ms = Some(field.signed()?).filter(|time| *time != 0),
                (7, MetricType::Histogram | MetricType::GaugeHistogram) => {
                    self.histogram.read(field.bytes()?)?;
                    self.start_ms = self.histogram.start_ms;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A gauge, a counter or an untyped value.
    fn read_number(&mut self, message: &'a [u8]) -> Read<()> {
        let is_counter = self.kind == MetricType::Counter;
        let mut fields = Fields::new(message);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => self.value = normal(field.double()?),
                2 if is_counter => {
                    self.exemplar = Some(MetricExemplar::read(field.bytes()?)?);
                }
                3 if is_counter => self.start_ms = Some(timestamp_ms(field.bytes()?)?),
                _ => {}
            }
        }
        Ok(())
    }

    fn read_summary(&mut self, message: &[u8]) -> Read<()> {
        let mut fields = Fields::new(message);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => self.summary.count = field.number()?,
                2 => self.summary.sum = normal(field.double()?),
                3 => {
                    if self.summary.quantiles.len() == QUANTILES_MAX {
                        return Err(MetricFault::TooMany);
                    }
                    self.summary.quantiles.push(quantile(field.bytes()?)?);
                }
                4 => self.start_ms = Some(timestamp_ms(field.bytes()?)?),
                _ => {}
            }
        }
        Ok(())
    }
}

impl<'a> MetricExemplar<'a> {
    /// The label set.
    ///
    /// # Errors
    /// Two labels have the same name.
    pub fn labels(&self) -> Result<Labels, LabelsError> {
        let mut pairs = self.labels.clone();
        pairs.sort_unstable();
        Labels::from_sorted(pairs).map_err(|name| LabelsError::NotUnique(name.to_owned()))
    }

    pub(super) fn read(message: &'a [u8]) -> Read<Self> {
        let mut exemplar = Self::default();
        let mut fields = Fields::new(message);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => push_label(&mut exemplar.labels, field.bytes()?)?,
                2 => exemplar.value = normal(field.double()?),
                3 => exemplar.timestamp_ms = Some(timestamp_ms(field.bytes()?)?),
                _ => {}
            }
        }
        Ok(exemplar)
    }
}

fn push_label<'a>(labels: &mut Vec<(&'a str, &'a str)>, message: &'a [u8]) -> Read<()> {
    let (mut name, mut value) = ("", "");
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => name = field.text()?,
            2 => value = field.text()?,
            _ => {}
        }
    }
    if name.is_empty() {
        return Err(MetricFault::LabelName);
    }
    if labels.len() == LABELS_MAX {
        return Err(MetricFault::TooManyLabels);
    }
    labels.push((name, value));
    Ok(())
}

fn quantile(message: &[u8]) -> Result<(f64, f64), WireError> {
    let (mut quantile, mut value) = (0.0, 0.0);
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => quantile = field.double()?,
            2 => value = normal(field.double()?),
            _ => {}
        }
    }
    Ok((quantile, value))
}

/// A `google.protobuf.Timestamp`, without what is below a millisecond.
pub(super) fn timestamp_ms(message: &[u8]) -> Result<i64, WireError> {
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => seconds = field.signed()?,
            2 => nanos = field.signed()?,
            _ => {}
        }
    }
    let millis = seconds.saturating_mul(1000);
    Ok(millis.saturating_add(nanos / 1_000_000))
}

/// Any NaN becomes the one that storage knows as an ordinary one.
pub(super) fn normal(value: f64) -> f64 {
    match value.is_nan() {
        true => f64::from_bits(NORMAL_NAN_BITS),
        false => value,
    }
}
