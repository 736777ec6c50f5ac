//! The protobuf format: messages `io.prometheus.client.MetricFamily`, each with its length in
//! front.
//!
//! A page is read family by family and metric by metric, without copying; what a metric holds is
//! read into memory that the next one uses again. What is repeated has a bound, past which the page
//! is refused.
//!
//! It is not: the text form of these messages.

mod histogram;
mod message;
mod metric;
mod wire;
mod writer;

pub use histogram::BUCKETS_MAX;
pub use message::{ProtobufMessage, push_varint, zigzag};
pub use metric::{LABELS_MAX, Metric, MetricExemplar, MetricSample, QUANTILES_MAX};
pub use writer::{PROTOBUF_CONTENT_TYPE, ProtobufWriter};

use self::wire::{Fields, WireError, delimited};
use crate::entry::MetricType;
use crate::families::FamilyMeta;
use crate::quote::quote;

/// Why a page could not be read. Nothing after the fault is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ProtobufError {
    message: String,
}

impl ProtobufError {
    fn new(message: String) -> Self {
        Self { message }
    }
}

impl From<WireError> for ProtobufError {
    fn from(error: WireError) -> Self {
        Self::new(error.to_string())
    }
}

/// What comes next on a page.
#[derive(Debug)]
pub enum ProtobufEntry<'p, 'a> {
    /// A family that has a metric.
    Family(FamilyMeta<'a>),
    /// A metric of that family.
    Metric(FamilyMeta<'a>, &'p Metric<'a>),
}

/// Reads a page.
#[derive(Debug, Clone)]
pub struct ProtobufParser<'a> {
    rest: &'a [u8],
    family: FamilyMeta<'a>,
    /// What is left of the family.
    metrics: Fields<'a>,
    metric: Metric<'a>,
    /// The first metric of a family waits behind the family itself.
    waiting: Option<&'a [u8]>,
}

/// The field of a family that holds a metric.
const METRIC_FIELD: u32 = 4;

impl<'a> ProtobufParser<'a> {
    /// A parser at the start of a page.
    pub fn new(body: &'a [u8]) -> Self {
        Self {
            rest: body,
            family: FamilyMeta {
                name: "",
                help: "",
                unit: "",
                kind: MetricType::Unknown,
            },
            metrics: Fields::new(&[]),
            metric: Metric::default(),
            waiting: None,
        }
    }

    /// What comes next; `None` at the end of the page. Families without a metric are passed over.
    ///
    /// # Errors
    /// The page breaks the rules of its format.
    pub fn next_entry(&mut self) -> Result<Option<ProtobufEntry<'_, 'a>>, ProtobufError> {
        if let Some(message) = self.waiting.take() {
            return self.metric(message).map(Some);
        }
        if let Some(message) = next_metric(&mut self.metrics)? {
            return self.metric(message).map(Some);
        }
        while !self.rest.is_empty() {
            let message = delimited(&mut self.rest)?;
            self.metrics = Fields::new(message);
            self.waiting = next_metric(&mut self.metrics)?;
            if self.waiting.is_some() {
                self.family = family(message)?;
                return Ok(Some(ProtobufEntry::Family(self.family)));
            }
        }
        Ok(None)
    }

    fn metric(&mut self, message: &'a [u8]) -> Result<ProtobufEntry<'_, 'a>, ProtobufError> {
        let read = self.metric.read(message, self.family.kind);
        read.map_err(|fault| ProtobufError::new(format!("{fault} in {}", self.family.name)))?;
        Ok(ProtobufEntry::Metric(self.family, &self.metric))
    }
}

fn next_metric<'a>(fields: &mut Fields<'a>) -> Result<Option<&'a [u8]>, WireError> {
    while let Some(field) = fields.next()? {
        if field.number == METRIC_FIELD {
            return field.bytes().map(Some);
        }
    }
    Ok(None)
}

/// What a family says of itself. The unit comes after the metrics.
fn family(message: &[u8]) -> Result<FamilyMeta<'_>, ProtobufError> {
    let (mut name, mut help, mut unit, mut kind) = (&[][..], &[][..], &[][..], 0);
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => name = field.bytes()?,
            2 => help = field.bytes()?,
            3 => kind = field.number()?,
            5 => unit = field.bytes()?,
            _ => {}
        }
    }
    let quoted = quote(name);
    let name = std::str::from_utf8(name)
        .ok()
        .filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| ProtobufError::new(format!("invalid metric name: {quoted}")))?;
    let text = |what, text| {
        std::str::from_utf8(text).map_err(|_| {
            ProtobufError::new(format!(
                "invalid {what} for metric {quoted}: no valid UTF-8"
            ))
        })
    };
    let meta = FamilyMeta {
        name,
        help: text("help", help)?,
        unit: text("unit", unit)?,
        kind: match kind {
            0 => MetricType::Counter,
            1 => MetricType::Gauge,
            2 => MetricType::Summary,
            3 => MetricType::Unknown,
            4 => MetricType::Histogram,
            5 => MetricType::GaugeHistogram,
            other => {
                let text = format!("unknown metric type for metric {quoted}: {other}");
                return Err(ProtobufError::new(text));
            }
        },
    };
    check_unit(&meta)?;
    Ok(meta)
}

/// A unit is the end of its metric's name; of a counter's before `_total`.
fn check_unit(meta: &FamilyMeta<'_>) -> Result<(), ProtobufError> {
    let is_counter = meta.kind == MetricType::Counter;
    let total = meta.name.strip_suffix("_total").filter(|_| is_counter);
    let start = total.unwrap_or(meta.name).strip_suffix(meta.unit);
    if meta.unit.is_empty() || start.is_some_and(|start| start.ends_with('_')) {
        return Ok(());
    }
    let what = if total.is_some() { "counter" } else { "metric" };
    Err(ProtobufError::new(format!(
        "unit {:?} not a suffix of {what} {:?}",
        meta.unit, meta.name
    )))
}

#[cfg(test)]
mod tests;
