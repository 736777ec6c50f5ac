//! Chunks of native histograms, written: how many (two bytes), what is known of resets (a byte, of
//! which two bits are used), the buckets that all have in common, and the samples.
//!
//! Numbers are as `varbit`: of the first sample itself, of the second its difference, of the others
//! the difference of differences. Floats are as in chunks of numbers, each field with its own place
//! of changed bits. Counts of integer buckets are differences from the bucket before.

use narthex_model::histogram::Buckets;
use narthex_model::{CounterResetHint, FloatHistogram};

use crate::bit_writer::{BitWriter, XorWriter};
use crate::histograms::{GAUGE, NOT_RESET, RESET, THOUSANDTHS, UNKNOWN};

/// Every integer up to here is a double.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// A bound that is a multiple of a thousandth up to here is kept as an integer.
const BOUND_THOUSANDTHS_MAX: f64 = 33_554_430.0;

/// Whether the next histogram may stand in one chunk with the one before: what a chunk says of all
/// of its samples but the first is that no counter was reset before them.
pub(super) fn follows(last: &FloatHistogram, next: &FloatHistogram) -> bool {
    let is_gauge = |h: &FloatHistogram| h.counter_reset_hint == CounterResetHint::Gauge;
    last.schema == next.schema
        && last.zero_threshold.to_bits() == next.zero_threshold.to_bits()
        && last.custom_bounds == next.custom_bounds
        && last.positive.has_layout_of(&next.positive)
        && last.negative.has_layout_of(&next.negative)
        && is_gauge(last) == is_gauge(next)
        && (is_gauge(next) || !next.is_reset_after(last))
}

/// What a chunk says of resets before its first histogram.
pub(super) fn resets(before: Option<&FloatHistogram>, first: &FloatHistogram) -> u64 {
    match first.counter_reset_hint {
        CounterResetHint::Gauge => GAUGE,
        CounterResetHint::Reset => RESET,
        CounterResetHint::NotReset => NOT_RESET,
        CounterResetHint::Unknown => match before {
            Some(before) if first.is_reset_after(before) => RESET,
            _ => UNKNOWN,
        },
    }
}

/// Whether all counts are integers.
pub(super) fn are_integers(run: &[&FloatHistogram]) -> bool {
    run.iter().all(|histogram| {
        let sides = [&histogram.positive, &histogram.negative];
        let buckets = sides.into_iter().flat_map(|side| side.counts());
        let totals = [histogram.count, histogram.zero_count];
        buckets.chain(&totals).all(|count| whole(*count).is_some())
    })
}

/// A chunk of histograms whose counts are all integers.
pub(super) fn write_integers(times: &[i64], run: &[&FloatHistogram], resets: u64) -> Vec<u8> {
    write::<Integer>(times, run, resets)
}

/// A chunk of histograms whose counts may have fractions.
pub(super) fn write_floats(times: &[i64], run: &[&FloatHistogram], resets: u64) -> Vec<u8> {
    write::<XorWriter>(times, run, resets)
}

fn write<F: Field>(times: &[i64], run: &[&FloatHistogram], resets: u64) -> Vec<u8> {
    let count = u16::try_from(run.len()).unwrap_or(u16::MAX);
    let mut bits = BitWriter::default();
    bits.push(u64::from(count), u16::BITS);
    bits.push(resets << 6, 8);
    let mut samples = times.iter().zip(run).take(usize::from(count));
    let Some((first_ms, first)) = samples.next() else {
        return bits.into_bytes();
    };
    push_layout(first, &mut bits);
    bits.push_varbit(*first_ms);
    let (mut time_ms, mut step_ms) = (*first_ms, 0_i64);
    let mut totals = [first.count, first.zero_count].map(|total| F::first_total(total, &mut bits));
    bits.push_float(first.sum);
    let mut sum = XorWriter::new(first.sum);
    let mut buckets: Vec<F> = F::buckets(first)
        .into_iter()
        .map(|bucket| F::first_bucket(bucket, &mut bits))
        .collect();
    for (now_ms, histogram) in samples {
        let step = now_ms.wrapping_sub(time_ms);
        bits.push_varbit(step.wrapping_sub(step_ms));
        (time_ms, step_ms) = (*now_ms, step);
        let now = [histogram.count, histogram.zero_count];
        for (total, now) in totals.iter_mut().zip(now) {
            total.advance(now, &mut bits);
        }
        sum.advance(histogram.sum, &mut bits);
        for (bucket, now) in buckets.iter_mut().zip(F::buckets(histogram)) {
            bucket.advance(now, &mut bits);
        }
    }
    bits.into_bytes()
}

fn push_layout(histogram: &FloatHistogram, bits: &mut BitWriter) {
    push_zero_threshold(histogram.zero_threshold, bits);
    bits.push_varbit(i64::from(histogram.schema));
    push_spans(&histogram.positive, bits);
    push_spans(&histogram.negative, bits);
    if histogram.has_custom_buckets() {
        bits.push_varbit_unsigned(histogram.custom_bounds.len() as u64);
        for bound in histogram.custom_bounds.iter() {
            push_bound(*bound, bits);
        }
    }
}

/// Zero, a power of two, or any float.
fn push_zero_threshold(threshold: f64, bits: &mut BitWriter) {
    const ANY: u64 = 255;
    /// What is taken from the exponent of a float.
    const BIAS: u64 = 1023 - 244;
    const FRACTION_BITS: u32 = 52;
    if threshold == 0.0 {
        return bits.push(0, 8);
    }
    let (exponent, fraction) = (
        threshold.to_bits() >> FRACTION_BITS,
        threshold.to_bits() & ((1 << FRACTION_BITS) - 1),
    );
    match exponent.checked_sub(BIAS) {
        Some(power @ 1..ANY) if fraction == 0 => bits.push(power, 8),
        _ => {
            bits.push(ANY, 8);
            bits.push_float(threshold);
        }
    }
}

fn push_spans(side: &Buckets, bits: &mut BitWriter) {
    bits.push_varbit_unsigned(side.spans().count() as u64);
    let mut end = 0_i64;
    for span in side.spans() {
        bits.push_varbit_unsigned(span.len as u64);
        bits.push_varbit(i64::from(span.first) - end);
        end = i64::from(span.first) + i64::try_from(span.len).unwrap_or(i64::MAX);
    }
}

fn push_bound(bound: f64, bits: &mut BitWriter) {
    let thousandths = (bound * THOUSANDTHS).round();
    let is_exact = (0.0..=BOUND_THOUSANDTHS_MAX).contains(&thousandths)
        && thousandths / THOUSANDTHS == bound
        && bound.is_sign_positive();
    match whole(thousandths).filter(|_| is_exact) {
        Some(thousandths) => bits.push_varbit_unsigned(thousandths.unsigned_abs() + 1),
        None => {
            bits.push_varbit_unsigned(0);
            bits.push_float(bound);
        }
    }
}

/// The integer that a count is, where it is one from 0 on and comes back as the same double.
fn whole(count: f64) -> Option<i64> {
    let is_one = (0.0..=EXACT_MAX).contains(&count) && count.trunc() == count;
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a whole number of at most 53 bits fits"
    )]
    let whole = is_one.then_some(count as i64);
    whole
}

/// A count, as a chunk has it.
trait Field: Sized {
    /// A whole histogram's count in the first sample.
    fn first_total(count: f64, bits: &mut BitWriter) -> Self;

    /// A bucket's count in the first sample.
    fn first_bucket(count: f64, bits: &mut BitWriter) -> Self;

    /// The same count in the next sample.
    fn advance(&mut self, count: f64, bits: &mut BitWriter);

    /// The counts of all buckets, the positive ones first, as the chunk has them.
    fn buckets(histogram: &FloatHistogram) -> Vec<f64>;
}

/// An integer and how it changed.
struct Integer {
    value: i64,
    change: i64,
}

impl Integer {
    /// Differences of counts are integers as well, and exact.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a whole number of at most 54 bits fits"
    )]
    fn of(count: f64) -> i64 {
        count as i64
    }
}

impl Field for Integer {
    fn first_total(count: f64, bits: &mut BitWriter) -> Self {
        let value = Self::of(count);
        bits.push_varbit_unsigned(value.cast_unsigned());
        Self { value, change: 0 }
    }

    fn first_bucket(count: f64, bits: &mut BitWriter) -> Self {
        let value = Self::of(count);
        bits.push_varbit(value);
        Self { value, change: 0 }
    }

    fn advance(&mut self, count: f64, bits: &mut BitWriter) {
        let value = Self::of(count);
        let change = value.wrapping_sub(self.value);
        bits.push_varbit(change.wrapping_sub(self.change));
        *self = Self { value, change };
    }

    fn buckets(histogram: &FloatHistogram) -> Vec<f64> {
        let sides = [&histogram.positive, &histogram.negative];
        let differences = sides.into_iter().flat_map(|side| {
            let before = std::iter::once(0.0).chain(side.counts().iter().copied());
            side.counts()
                .iter()
                .zip(before)
                .map(|(now, before)| now - before)
        });
        differences.collect()
    }
}

impl Field for XorWriter {
    fn first_total(count: f64, bits: &mut BitWriter) -> Self {
        bits.push_float(count);
        Self::new(count)
    }

    fn first_bucket(count: f64, bits: &mut BitWriter) -> Self {
        bits.push_float(count);
        Self::new(count)
    }

    fn advance(&mut self, count: f64, bits: &mut BitWriter) {
        Self::advance(self, count, bits);
    }

    fn buckets(histogram: &FloatHistogram) -> Vec<f64> {
        let sides = [&histogram.positive, &histogram.negative];
        let counts = sides.into_iter().flat_map(|side| side.counts());
        counts.copied().collect()
    }
}
