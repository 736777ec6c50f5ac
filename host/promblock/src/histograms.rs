//! Chunks of native histograms, with counts that are integers or floats.
//!
//! The buckets are the same in all histograms of a chunk and stand in front; then each field is
//! told apart from the same field of the sample before.

use std::sync::Arc;

use narthex_model::histogram::{
    Buckets, CUSTOM_BUCKETS_SCHEMA, EXPONENTIAL_SCHEMA_MAX, EXPONENTIAL_SCHEMA_MIN,
};
use narthex_model::sample::{STALE_NAN, is_stale_nan};
use narthex_model::{CounterResetHint, FloatHistogram};

use crate::Fault;
use crate::bits::{Bits, Xored};
use crate::columns::{At, Columns};

/// What the first two bits of a chunk of histograms say of resets.
pub(crate) const UNKNOWN: u64 = 0b00;
pub(crate) const NOT_RESET: u64 = 0b01;
pub(crate) const RESET: u64 = 0b10;
pub(crate) const GAUGE: u64 = 0b11;

/// A float that is a multiple of a thousandth, and not too large a one, is kept as an integer.
pub(crate) const THOUSANDTHS: f64 = 1000.0;

/// Reads a chunk of histograms whose counts are integers.
pub(crate) fn read_integers(
    data: &[u8],
    count: usize,
    columns: &mut Columns<'_>,
) -> Result<(), Fault> {
    read::<Integer>(data, count, columns)
}

/// Reads a chunk of histograms whose counts are floats.
pub(crate) fn read_floats(
    data: &[u8],
    count: usize,
    columns: &mut Columns<'_>,
) -> Result<(), Fault> {
    read::<Xored>(data, count, columns)
}

/// A staleness marker is a histogram whose sum is the marker; it becomes a number, as it is
/// where a scrape ends.
fn read<F: Field>(data: &[u8], count: usize, columns: &mut Columns<'_>) -> Result<(), Fault> {
    if count == 0 {
        return Ok(());
    }
    let mut bits = Bits::new(data);
    let resets = bits.take(8)? >> 6;
    let layout = Layout::read(&mut bits)?;
    let mut timestamp_ms = bits.varbit()?;
    let mut step_ms = 0_i64;
    let mut fields = Fields::<F>::first(&layout, &mut bits)?;
    for number in 0..count {
        if number > 0 {
            step_ms = step_ms.wrapping_add(bits.varbit()?);
            timestamp_ms = timestamp_ms.wrapping_add(step_ms);
            fields.advance(&mut bits)?;
        }
        let at = At {
            timestamp_ms,
            start_ms: 0,
        };
        if is_stale_nan(fields.sum.value()) {
            columns.push_number(at, STALE_NAN)?;
            continue;
        }
        let hint = match (resets, number) {
            (GAUGE, _) => CounterResetHint::Gauge,
            (RESET, 0) => CounterResetHint::Reset,
            // What was before the chunk may be gone.
            (_, 0) => CounterResetHint::Unknown,
            _ => CounterResetHint::NotReset,
        };
        columns.push_histogram(at, fields.histogram(&layout, hint)?)?;
    }
    Ok(())
}

/// What all histograms of a chunk have in common.
struct Layout {
    schema: i32,
    zero_threshold: f64,
    positive: Arc<[i32]>,
    negative: Arc<[i32]>,
    custom_bounds: Arc<[f64]>,
}

impl Layout {
    fn read(bits: &mut Bits<'_>) -> Result<Self, Fault> {
        let zero_threshold = zero_threshold(bits)?;
        let schema = bits.varbit()?;
        let known = i32::try_from(schema).ok().filter(|schema| {
            let exponential = EXPONENTIAL_SCHEMA_MIN..=EXPONENTIAL_SCHEMA_MAX;
            exponential.contains(schema) || *schema == CUSTOM_BUCKETS_SCHEMA
        });
        let schema =
            known.ok_or_else(|| Fault::format(format!("a histogram has the schema {schema}")))?;
        Ok(Self {
            schema,
            zero_threshold,
            positive: indexes(bits)?,
            negative: indexes(bits)?,
            custom_bounds: if schema == CUSTOM_BUCKETS_SCHEMA {
                custom_bounds(bits)?
            } else {
                Arc::default()
            },
        })
    }
}

/// Zero, a power of two, or any float.
fn zero_threshold(bits: &mut Bits<'_>) -> Result<f64, Fault> {
    const ANY: u64 = 255;
    /// What is added to the exponent of a float, less the exponent that 1 stands for.
    const BIAS: u64 = 1023 - 244;
    const FRACTION_BITS: u32 = 52;
    match bits.take(8)? {
        0 => Ok(0.0),
        ANY => bits.float(),
        exponent => Ok(f64::from_bits((exponent + BIAS) << FRACTION_BITS)),
    }
}

/// The indexes of the buckets on one side. Each takes a bit in the first sample at least, so
/// there are no more than the chunk has bits.
fn indexes(bits: &mut Bits<'_>) -> Result<Arc<[i32]>, Fault> {
    let spans = bits.varbit_unsigned()?;
    let mut indexes = Vec::new();
    let mut next = 0_i64;
    for _ in 0..spans {
        let len = bits.varbit_unsigned()?;
        let gap = bits.varbit()?;
        let room = bits.left().saturating_sub(indexes.len()) as u64;
        if len > room {
            return Err(Fault::End("the buckets of a histogram"));
        }
        let misplaced = || Fault::format("the buckets of a histogram do not ascend");
        if gap < 0 && !indexes.is_empty() {
            return Err(misplaced());
        }
        next = next.checked_add(gap).ok_or_else(misplaced)?;
        for _ in 0..len {
            indexes.push(i32::try_from(next).map_err(|_| misplaced())?);
            next += 1;
        }
    }
    Ok(indexes.into())
}

/// The bounds of custom buckets.
fn custom_bounds(bits: &mut Bits<'_>) -> Result<Arc<[f64]>, Fault> {
    let count = bits.varbit_unsigned()?;
    let mut bounds = Vec::new();
    for _ in 0..count {
        #[allow(clippy::cast_precision_loss, reason = "they are smaller than 2^25")]
        bounds.push(match bits.varbit_unsigned()? {
            0 => bits.float()?,
            thousandths => (thousandths - 1) as f64 / THOUSANDTHS,
        });
    }
    Ok(bounds.into())
}

/// A count, as a chunk has it.
trait Field: Sized {
    /// A whole histogram's count in the first sample.
    fn first_count(bits: &mut Bits<'_>) -> Result<Self, Fault>;

    /// A bucket's count in the first sample.
    fn first_bucket(bits: &mut Bits<'_>) -> Result<Self, Fault>;

    /// Goes on to the next sample.
    fn advance(&mut self, bits: &mut Bits<'_>) -> Result<(), Fault>;

    /// A whole histogram's count.
    fn count(&self) -> f64;

    /// The counts of neighbouring buckets.
    fn counts(buckets: &[Self]) -> Vec<f64>;
}

/// An integer and how it changed; that of a bucket is its difference from the bucket before.
struct Integer {
    value: i64,
    change: i64,
}

impl Integer {
    fn new(value: i64) -> Self {
        Self { value, change: 0 }
    }
}

impl Field for Integer {
    fn first_count(bits: &mut Bits<'_>) -> Result<Self, Fault> {
        bits.varbit_unsigned().map(u64::cast_signed).map(Self::new)
    }

    fn first_bucket(bits: &mut Bits<'_>) -> Result<Self, Fault> {
        bits.varbit().map(Self::new)
    }

    fn advance(&mut self, bits: &mut Bits<'_>) -> Result<(), Fault> {
        self.change = self.change.wrapping_add(bits.varbit()?);
        self.value = self.value.wrapping_add(self.change);
        Ok(())
    }

    #[allow(clippy::cast_precision_loss, reason = "as in Prometheus")]
    fn count(&self) -> f64 {
        self.value.cast_unsigned() as f64
    }

    #[allow(clippy::cast_precision_loss, reason = "as in Prometheus")]
    fn counts(buckets: &[Self]) -> Vec<f64> {
        let counts = buckets.iter().scan(0_i64, |count, bucket| {
            *count = count.wrapping_add(bucket.value);
            Some(*count as f64)
        });
        counts.collect()
    }
}

impl Field for Xored {
    fn first_count(bits: &mut Bits<'_>) -> Result<Self, Fault> {
        bits.float().map(Self::new)
    }

    fn first_bucket(bits: &mut Bits<'_>) -> Result<Self, Fault> {
        bits.float().map(Self::new)
    }

    fn advance(&mut self, bits: &mut Bits<'_>) -> Result<(), Fault> {
        Self::advance(self, bits)
    }

    fn count(&self) -> f64 {
        self.value()
    }

    fn counts(buckets: &[Self]) -> Vec<f64> {
        buckets.iter().map(|bucket| bucket.value()).collect()
    }
}

/// The fields of one histogram.
struct Fields<F> {
    count: F,
    zero_count: F,
    sum: Xored,
    positive: Vec<F>,
    negative: Vec<F>,
}

impl<F: Field> Fields<F> {
    fn first(layout: &Layout, bits: &mut Bits<'_>) -> Result<Self, Fault> {
        let mut fields = Self {
            count: F::first_count(bits)?,
            zero_count: F::first_count(bits)?,
            sum: Xored::new(bits.float()?),
            positive: Vec::with_capacity(layout.positive.len()),
            negative: Vec::with_capacity(layout.negative.len()),
        };
        for _ in 0..layout.positive.len() {
            fields.positive.push(F::first_bucket(bits)?);
        }
        for _ in 0..layout.negative.len() {
            fields.negative.push(F::first_bucket(bits)?);
        }
        Ok(fields)
    }

    /// A staleness marker has no buckets, and only others of its kind come after it.
    fn advance(&mut self, bits: &mut Bits<'_>) -> Result<(), Fault> {
        self.count.advance(bits)?;
        self.zero_count.advance(bits)?;
        self.sum.advance(bits)?;
        if is_stale_nan(self.sum.value()) {
            return Ok(());
        }
        let buckets = self.positive.iter_mut().chain(&mut self.negative);
        for bucket in buckets {
            bucket.advance(bits)?;
        }
        Ok(())
    }

    fn histogram(&self, layout: &Layout, hint: CounterResetHint) -> Result<FloatHistogram, Fault> {
        let side = |indexes: &Arc<[i32]>, fields: &[F]| {
            Buckets::new(Arc::clone(indexes), F::counts(fields))
                .ok_or_else(|| Fault::format("the buckets of a histogram do not ascend"))
        };
        Ok(FloatHistogram {
            counter_reset_hint: hint,
            schema: layout.schema,
            zero_threshold: layout.zero_threshold,
            zero_count: self.zero_count.count(),
            count: self.count.count(),
            sum: self.sum.value(),
            positive: side(&layout.positive, &self.positive)?,
            negative: side(&layout.negative, &self.negative)?,
            custom_bounds: Arc::clone(&layout.custom_bounds),
        })
    }
}
