//! The native histogram of both messages: the same fields, counts as integers or floats.

use narthex_model::histogram::{
    Buckets, CUSTOM_BUCKETS_SCHEMA, EXPONENTIAL_SCHEMA_MAX, EXPONENTIAL_SCHEMA_MIN,
};
use narthex_model::{CounterResetHint, FloatHistogram};

use super::fields::{Field, Fields, WireError, from_zigzag};
use super::message::{Message, zigzag};

/// A histogram as it was sent.
#[derive(Debug)]
pub(crate) struct WireHistogram {
    pub(crate) timestamp_ms: i64,
    /// When its counting began; 0 where that is not said.
    pub(crate) start_ms: i64,
    pub(crate) histogram: FloatHistogram,
}

/// Why a histogram is not taken. Other samples of the request are not affected.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum HistogramFault {
    /// It is no message.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// Nobody knows where its buckets are.
    #[error("native histogram schema {0} is unknown")]
    Schema(i64),
    /// The spans are not as long as there are counts.
    #[error("{side} side: spans need {spans} buckets, have {buckets} buckets")]
    Spans {
        /// `positive` or `negative`.
        side: &'static str,
        /// What the spans say.
        spans: u64,
        /// How many counts there are.
        buckets: usize,
    },
    /// Indexes of buckets do not ascend, or are out of range.
    #[error("{0} side: a span begins before the one before it ends, or is out of range")]
    Order(&'static str),
    /// A count is below zero, or is none.
    #[error("{0} side: a bucket has a negative count")]
    Negative(&'static str),
    /// The buckets do not add up to the count.
    #[error("{buckets} observations found in buckets, but the Count field is {count}")]
    Count {
        /// What the buckets have.
        buckets: f64,
        /// What the histogram says.
        count: f64,
    },
    /// Bounds of custom buckets do not ascend, or are none.
    #[error("custom buckets: bounds must be finite and in ascending order")]
    Bounds,
    /// Custom buckets have one side only.
    #[error("custom buckets: must not have negative buckets, a zero count or a zero threshold")]
    Zero,
    /// Bounds belong to custom buckets.
    #[error("exponential buckets: must not have custom bounds")]
    NotCustom,
    /// The last bucket is the one above the last bound.
    #[error("custom buckets: only {0} custom bounds defined which is insufficient for the buckets")]
    Beyond(usize),
}

/// Writes a histogram: counts as integers where all of them are, as floats else.
pub(crate) fn encode(
    message: &mut Message,
    histogram: &FloatHistogram,
    timestamp_ms: i64,
    start_ms: i64,
) {
    let sides = [&histogram.negative, &histogram.positive];
    let counts = sides.into_iter().flat_map(|side| side.counts());
    let totals = [histogram.count, histogram.zero_count];
    let are_integers = counts.chain(&totals).all(|count| whole(*count).is_some());
    let total = |message: &mut Message, count: f64, [integer, float]: [u32; 2]| match whole(count)
        .filter(|_| are_integers)
    {
        Some(whole) => message.number_always(integer, whole.unsigned_abs()),
        None => message.double_always(float, count),
    };
    total(message, histogram.count, [1, 2]);
    message.double(3, histogram.sum);
    message.zigzag(4, i64::from(histogram.schema));
    message.double(5, histogram.zero_threshold);
    total(message, histogram.zero_count, [6, 7]);
    for (side, [spans, deltas, counts]) in sides.into_iter().zip([[8, 9, 10], [11, 12, 13]]) {
        let mut end = 0;
        for span in side.spans() {
            message.message(spans, |message| {
                message.zigzag(1, i64::from(span.first) - end);
                message.number(2, span.len as u64);
            });
            end = i64::from(span.first) + i64::try_from(span.len).unwrap_or(i64::MAX);
        }
        match are_integers {
            true => {
                let mut before = 0;
                let differences = side.counts().iter().filter_map(|count| {
                    let count = whole(*count)?;
                    Some(zigzag(count - std::mem::replace(&mut before, count)))
                });
                message.packed(deltas, differences);
            }
            false => message.packed_doubles(counts, side.counts()),
        }
    }
    message.number(
        14,
        match histogram.counter_reset_hint {
            CounterResetHint::Unknown => 0,
            CounterResetHint::Reset => 1,
            CounterResetHint::NotReset => 2,
            CounterResetHint::Gauge => 3,
        },
    );
    message.signed(15, timestamp_ms);
    message.packed_doubles(16, &histogram.custom_bounds);
    message.signed(17, start_ms);
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

/// One side as it is sent.
#[derive(Debug, Default)]
struct Side {
    /// Gap to the span before, and length.
    spans: Vec<(i64, u64)>,
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

/// Reads a histogram and checks that it is one.
pub(crate) fn decode(message: &[u8]) -> Result<WireHistogram, HistogramFault> {
    let mut read = WireHistogram {
        timestamp_ms: 0,
        start_ms: 0,
        histogram: FloatHistogram::default(),
    };
    let (mut schema, mut bounds) = (0, Vec::new());
    let (mut positive, mut negative) = (Side::default(), Side::default());
    let mut are_floats = false;
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        let histogram = &mut read.histogram;
        match field.number {
            1 => histogram.count = integer(field.number()?),
            2 => {
                histogram.count = field.double()?;
                are_floats = true;
            }
            3 => histogram.sum = field.double()?,
            4 => schema = field.zigzag()?,
            5 => histogram.zero_threshold = field.double()?,
            6 => histogram.zero_count = integer(field.number()?),
            7 => histogram.zero_count = field.double()?,
            8 => negative.span(field)?,
            9 => negative.deltas(field)?,
            10 => field.doubles(&mut negative.counts)?,
            11 => positive.span(field)?,
            12 => positive.deltas(field)?,
            13 => field.doubles(&mut positive.counts)?,
            14 => histogram.counter_reset_hint = hint(field.number()?),
            15 => read.timestamp_ms = field.signed()?,
            16 => field.doubles(&mut bounds)?,
            17 => read.start_ms = field.signed()?,
            _ => {}
        }
    }
    let histogram = &mut read.histogram;
    histogram.schema = known(schema)?;
    histogram.positive = positive.buckets("positive", are_floats)?;
    histogram.negative = negative.buckets("negative", are_floats)?;
    histogram.custom_bounds = bounds.into();
    check(histogram)?;
    if !are_floats {
        check_count(histogram)?;
    }
    Ok(read)
}

fn known(schema: i64) -> Result<i32, HistogramFault> {
    let narrow = i32::try_from(schema).ok();
    let exponential = EXPONENTIAL_SCHEMA_MIN..=EXPONENTIAL_SCHEMA_MAX;
    let known =
        narrow.filter(|schema| *schema == CUSTOM_BUCKETS_SCHEMA || exponential.contains(schema));
    known.ok_or(HistogramFault::Schema(schema))
}

fn hint(number: u64) -> CounterResetHint {
    match number {
        1 => CounterResetHint::Reset,
        2 => CounterResetHint::NotReset,
        3 => CounterResetHint::Gauge,
        _ => CounterResetHint::Unknown,
    }
}

fn integer(count: u64) -> f64 {
    count as f64
}

impl Side {
    fn span(&mut self, field: Field<'_>) -> Result<(), WireError> {
        let (mut gap, mut len) = (0, 0);
        let mut fields = Fields::new(field.bytes()?);
        while let Some(field) = fields.next()? {
            match field.number {
                1 => gap = field.zigzag()?,
                2 => len = field.number()?,
                _ => {}
            }
        }
        if self.spans.len() >= FloatHistogram::BUCKETS_MAX {
            return Err(TOO_MANY_BUCKETS);
        }
        self.spans.push((gap, len));
        Ok(())
    }

    fn deltas(&mut self, field: Field<'_>) -> Result<(), WireError> {
        field.numbers(|number| {
            if self.deltas.len() >= FloatHistogram::BUCKETS_MAX {
                return Err(TOO_MANY_BUCKETS);
            }
            self.deltas.push(from_zigzag(number));
            Ok(())
        })
    }

    fn buckets(self, side: &'static str, are_floats: bool) -> Result<Buckets, HistogramFault> {
        let counts = match are_floats {
            true => self.counts,
            false => absolute(&self.deltas, side)?,
        };
        if counts.iter().any(|count| *count < 0.0) {
            return Err(HistogramFault::Negative(side));
        }
        let spans = self
            .spans
            .iter()
            .fold(0_u64, |sum, (_, len)| sum.saturating_add(*len));
        if spans != counts.len() as u64 {
            let buckets = counts.len();
            return Err(HistogramFault::Spans {
                side,
                spans,
                buckets,
            });
        }
        let mut indexes = Vec::with_capacity(counts.len());
        let mut next = 0_i64;
        for (at, (gap, len)) in self.spans.into_iter().enumerate() {
            if at > 0 && gap < 0 {
                return Err(HistogramFault::Order(side));
            }
            let first = next.saturating_add(gap);
            // As many as there are counts, so the sum is a small one.
            next = first.saturating_add(i64::try_from(len).unwrap_or(i64::MAX));
            for index in first..next {
                let index = i32::try_from(index).map_err(|_| HistogramFault::Order(side))?;
                indexes.push(index);
            }
        }
        Buckets::new(indexes, counts).ok_or(HistogramFault::Order(side))
    }
}

const TOO_MANY_BUCKETS: WireError = WireError::TooMany {
    what: "buckets of a histogram",
    max: FloatHistogram::BUCKETS_MAX,
};

/// The counts that differences stand for.
fn absolute(deltas: &[i64], side: &'static str) -> Result<Vec<f64>, HistogramFault> {
    let mut count = 0_i64;
    let counts = deltas.iter().map(|delta| {
        count = count.checked_add(*delta).filter(|count| *count >= 0)?;
        Some(count as f64)
    });
    let counts: Option<Vec<f64>> = counts.collect();
    counts.ok_or(HistogramFault::Negative(side))
}

/// What Prometheus checks before it stores one whose counts are integers.
pub(crate) fn check_integers(histogram: &FloatHistogram) -> Result<(), HistogramFault> {
    check(histogram)?;
    check_count(histogram)
}

/// What Prometheus checks before it stores one.
fn check(histogram: &FloatHistogram) -> Result<(), HistogramFault> {
    if histogram.has_custom_buckets() {
        let bounds = &histogram.custom_bounds;
        let are_finite = bounds.iter().all(|bound| bound.is_finite());
        if !are_finite || !bounds.is_sorted_by(|a, b| a < b) {
            return Err(HistogramFault::Bounds);
        }
        let is_zero = histogram.zero_count == 0.0 && histogram.zero_threshold == 0.0;
        if !histogram.negative.is_empty() || !is_zero {
            return Err(HistogramFault::Zero);
        }
        let last = histogram.positive.indexes().last().copied().unwrap_or(0);
        let first = histogram.positive.indexes().first().copied().unwrap_or(0);
        if first < 0 || usize::try_from(last).is_ok_and(|last| last > bounds.len()) {
            return Err(HistogramFault::Beyond(bounds.len()));
        }
    } else if !histogram.custom_bounds.is_empty() {
        return Err(HistogramFault::NotCustom);
    }
    let has_negative = histogram.count < 0.0 || histogram.zero_count < 0.0;
    match has_negative {
        true => Err(HistogramFault::Negative("zero")),
        false => Ok(()),
    }
}

/// Integers add up. Floats are not asked: what adding them loses would be taken for a fault.
fn check_count(histogram: &FloatHistogram) -> Result<(), HistogramFault> {
    let side = |buckets: &Buckets| buckets.counts().iter().sum::<f64>();
    let buckets = side(&histogram.positive) + side(&histogram.negative) + histogram.zero_count;
    let count = histogram.count;
    // Observations that are NaN are in no bucket; then the sum is NaN as well.
    let is_whole = match histogram.sum.is_nan() {
        true => buckets <= count,
        false => buckets == count,
    };
    match is_whole || buckets.max(count) > EXACT_MAX {
        true => Ok(()),
        false => Err(HistogramFault::Count { buckets, count }),
    }
}

/// Every integer up to here is a double.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
