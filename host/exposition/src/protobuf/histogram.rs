//! The histogram of a metric: its classic buckets, its native ones, or both.

use narthex_model::FloatHistogram;
use narthex_model::histogram::{
    Buckets, CounterResetHint, EXPONENTIAL_SCHEMA_MAX, EXPONENTIAL_SCHEMA_MIN,
};

use super::metric::{MetricExemplar, normal, timestamp_ms};
use super::wire::{Field, Fields, WireError};

/// A native histogram has at most so many spans and buckets on a side, and a classic one so many
/// buckets: what a store keeps of one.
pub const BUCKETS_MAX: usize = FloatHistogram::BUCKETS_MAX;

/// A histogram has at most so many exemplars that stand for no bucket.
const EXEMPLARS_MAX: usize = 1 << 16;

/// Schemas up to here are finer than any that is kept; histograms of them lose resolution.
const RESERVED_SCHEMA_MAX: i32 = 52;

/// What is wrong with a metric. The words on histograms are Prometheus'.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(super) enum MetricFault {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error("invalid label name: \"\"")]
    LabelName,
    #[error("more than {} labels", super::LABELS_MAX)]
    TooManyLabels,
    #[error("more buckets, quantiles or exemplars than a metric may have")]
    TooMany,
    #[error(
        "{side} side: spans need {needed} buckets, have {there} buckets: histogram spans specify \
         different number of buckets than provided"
    )]
    Spans {
        side: &'static str,
        needed: u64,
        there: usize,
    },
    #[error(
        "{side} side: span number {number} with offset {offset}: histogram has a span whose \
         offset is negative"
    )]
    Offset {
        side: &'static str,
        number: usize,
        offset: i32,
    },
    #[error("{side} side: histogram has a bucket whose index does not fit into 32 bits")]
    Index { side: &'static str },
    #[error(
        "{side} side: bucket number {number} has observation count of {count}: histogram has a \
         bucket whose observation count is negative"
    )]
    NegativeBucket {
        side: &'static str,
        number: usize,
        count: f64,
    },
    #[error("observation count is {0}: histogram's observation count is negative")]
    NegativeCount(f64),
    #[error(
        "{in_buckets} observations found in buckets, but the Count field is {count}: histogram's \
         observation count should be at least the number of observations found in the buckets"
    )]
    CountNotBigEnough { in_buckets: f64, count: f64 },
    #[error(
        "{in_buckets} observations found in buckets, but the Count field is {count}: histogram's \
         observation count should equal the number of observations found in the buckets (in \
         absence of NaN)"
    )]
    CountMismatch { in_buckets: f64, count: f64 },
    #[error(
        "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, \
         or -53 for custom buckets, got schema {0}"
    )]
    Schema(i32),
}

/// A message `Histogram`, read.
#[derive(Debug, Clone, Default)]
pub(super) struct Histogram<'a> {
    pub(super) count: u64,
    pub(super) count_float: f64,
    pub(super) sum: f64,
    pub(super) buckets: Vec<ClassicBucket<'a>>,
    schema: i32,
    zero_threshold: f64,
    zero_count: u64,
    zero_count_float: f64,
    positive: Side,
    negative: Side,
    pub(super) exemplars: Vec<MetricExemplar<'a>>,
    pub(super) start_ms: Option<i64>,
}

/// A bucket that counts everything up to its end.
#[derive(Debug, Clone, Default)]
pub(super) struct ClassicBucket<'a> {
    pub(super) upper: f64,
    pub(super) count: u64,
    pub(super) count_float: f64,
    pub(super) exemplar: Option<Box<MetricExemplar<'a>>>,
}

/// Native buckets on one side of zero.
#[derive(Debug, Clone, Default)]
struct Side {
    spans: Vec<(i32, u32)>,
    /// Each count less the one before.
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

impl ClassicBucket<'_> {
    /// The cumulative count, whichever way it was written.
    pub(super) fn value(&self) -> f64 {
        either(self.count_float, self.count)
    }
}

/// A count that may be written as a float or as an integer.
fn either(float: f64, integer: u64) -> f64 {
    if float == 0.0 { integer as f64 } else { float }
}

type Read<T> = Result<T, MetricFault>;

impl<'a> Histogram<'a> {
    /// Nothing read, the memory kept.
    pub(super) fn clear(&mut self) {
        let cleared = |side: &mut Side| {
            let mut side = std::mem::take(side);
            side.spans.clear();
            side.deltas.clear();
            side.counts.clear();
            side
        };
        let (positive, negative) = (cleared(&mut self.positive), cleared(&mut self.negative));
        let mut buckets = std::mem::take(&mut self.buckets);
        buckets.clear();
        *self = Self {
            buckets,
            positive,
            negative,
            ..Self::default()
        };
    }

    /// Reads a message on top of what was read before.
    pub(super) fn read(&mut self, message: &'a [u8]) -> Read<()> {
        let mut fields = Fields::new(message);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => self.count = field.number()?,
                2 => self.sum = normal(field.double()?),
                3 => push(&mut self.buckets, ClassicBucket::read(field.bytes()?)?)?,
                4 => self.count_float = field.double()?,
                5 => self.schema = narrow(field.zigzag()?),
                6 => self.zero_threshold = field.double()?,
                7 => self.zero_count = field.number()?,
                8 => self.zero_count_float = field.double()?,
                9..=11 => self.negative.read(&field, 9)?,
                12..=14 => self.positive.read(&field, 12)?,
                15 => self.start_ms = Some(timestamp_ms(field.bytes()?)?),
                16 => {
                    if self.exemplars.len() == EXEMPLARS_MAX {
                        return Err(MetricFault::TooMany);
                    }
                    self.exemplars.push(MetricExemplar::read(field.bytes()?)?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The number of observations, whichever way it was written.
    pub(super) fn count(&self) -> f64 {
        either(self.count_float, self.count)
    }

    /// Whether it has native buckets, or says that it will have some.
    pub(super) fn is_native(&self) -> bool {
        !self.positive.spans.is_empty()
            || !self.negative.spans.is_empty()
            || self.zero_threshold > 0.0
            || self.zero_count > 0
    }

    /// The native half, checked as Prometheus checks it.
    pub(super) fn native(&self, is_gauge: bool) -> Read<FloatHistogram> {
        let is_float = self.count_float > 0.0 || self.zero_count_float > 0.0;
        let (count, zero_count) = match is_float {
            true => (self.count_float, self.zero_count_float),
            false => (self.count as f64, self.zero_count as f64),
        };
        if !(EXPONENTIAL_SCHEMA_MIN..=RESERVED_SCHEMA_MAX).contains(&self.schema) {
            return Err(MetricFault::Schema(self.schema));
        }
        let mut found = FloatHistogram {
            counter_reset_hint: match is_gauge {
                true => CounterResetHint::Gauge,
                false => CounterResetHint::Unknown,
            },
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count,
            count,
            sum: self.sum,
            positive: self.positive.buckets("positive", is_float)?,
            negative: self.negative.buckets("negative", is_float)?,
            ..FloatHistogram::default()
        };
        check_counts(&found, is_float)?;
        found.compact();
        found.reduce_resolution(EXPONENTIAL_SCHEMA_MAX);
        Ok(found)
    }
}

/// Integers add up exactly, floats need not.
#[allow(
    clippy::float_cmp,
    reason = "whether they are the same number is the question"
)]
fn check_counts(histogram: &FloatHistogram, is_float: bool) -> Read<()> {
    let count = histogram.count;
    if is_float {
        return match count < 0.0 || histogram.zero_count < 0.0 {
            true => Err(MetricFault::NegativeCount(count)),
            false => Ok(()),
        };
    }
    let counts = [&histogram.positive, &histogram.negative].map(Buckets::counts);
    let in_buckets = counts.iter().copied().flatten().sum::<f64>() + histogram.zero_count;
    if in_buckets > count && histogram.sum.is_nan() {
        return Err(MetricFault::CountNotBigEnough { in_buckets, count });
    }
    // NaN observations are in no bucket.
    let is_equal = in_buckets == count;
    match histogram.sum.is_nan() || is_equal {
        true => Ok(()),
        false => Err(MetricFault::CountMismatch { in_buckets, count }),
    }
}

impl Side {
    /// Reads the span, delta or count that a field is; spans have the number `first`.
    fn read(&mut self, field: &Field<'_>, first: u32) -> Read<()> {
        match field.number - first {
            0 => push(&mut self.spans, span(field.bytes()?)?)?,
            1 => {
                let deltas = &mut self.deltas;
                let mut fits = true;
                field.each_zigzag(|delta| fits &= push(deltas, delta).is_ok())?;
                return fits.then_some(()).ok_or(MetricFault::TooMany);
            }
            _ => {
                let counts = &mut self.counts;
                let mut fits = true;
                field.each_double(|count| fits &= push(counts, count).is_ok())?;
                return fits.then_some(()).ok_or(MetricFault::TooMany);
            }
        }
        Ok(())
    }

    fn buckets(&self, side: &'static str, is_float: bool) -> Read<Buckets> {
        let there = match is_float {
            true => self.counts.len(),
            false => self.deltas.len(),
        };
        let needed = self
            .spans
            .iter()
            .map(|(_, length)| u64::from(*length))
            .sum();
        if needed != there as u64 {
            return Err(MetricFault::Spans {
                side,
                needed,
                there,
            });
        }
        let mut indexes = Vec::with_capacity(there);
        let mut next = 0_i32;
        for (at, (offset, length)) in self.spans.iter().enumerate() {
            if at > 0 && *offset < 0 {
                return Err(MetricFault::Offset {
                    side,
                    number: at + 1,
                    offset: *offset,
                });
            }
            let first = next.checked_add(*offset);
            let end = first.and_then(|first| first.checked_add_unsigned(*length));
            let (Some(first), Some(end)) = (first, end) else {
                return Err(MetricFault::Index { side });
            };
            indexes.extend(first..end);
            next = end;
        }
        let counts = match is_float {
            true => self.counts.clone(),
            false => absolute(&self.deltas),
        };
        if let Some(at) = counts.iter().position(|count| *count < 0.0) {
            return Err(MetricFault::NegativeBucket {
                side,
                number: at + 1,
                count: counts[at],
            });
        }
        Buckets::new(indexes, counts).ok_or(MetricFault::Index { side })
    }
}

/// Counts from what each has more than the one before. What would not fit into 64 bits stays at
/// the end of them, and the sum of the counts is then wrong, which is an error of its own.
fn absolute(deltas: &[i64]) -> Vec<f64> {
    let mut count = 0_i64;
    let counts = deltas.iter().map(|delta| {
        count = count.saturating_add(*delta);
        count as f64
    });
    counts.collect()
}

fn push<T>(list: &mut Vec<T>, item: T) -> Read<()> {
    if list.len() == BUCKETS_MAX {
        return Err(MetricFault::TooMany);
    }
    list.push(item);
    Ok(())
}

/// Into 32 bits as protobuf has it: the rest is cut off.
fn narrow(number: i64) -> i32 {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a decoder of 32 bits drops the others"
    )]
    let narrow = number as i32;
    narrow
}

fn span(message: &[u8]) -> Result<(i32, u32), WireError> {
    let (mut offset, mut length) = (0, 0);
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => offset = narrow(field.zigzag()?),
            2 => length = narrow(field.signed()?).cast_unsigned(),
            _ => {}
        }
    }
    Ok((offset, length))
}

impl<'a> ClassicBucket<'a> {
    fn read(message: &'a [u8]) -> Read<Self> {
        let mut bucket = Self::default();
        let mut fields = Fields::new(message);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => bucket.count = field.number()?,
                2 => bucket.upper = field.double()?,
                3 => bucket.exemplar = Some(Box::new(MetricExemplar::read(field.bytes()?)?)),
                4 => bucket.count_float = field.double()?,
                _ => {}
            }
        }
        Ok(bucket)
    }
}
