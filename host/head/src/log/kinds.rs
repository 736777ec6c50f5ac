//! What a record has beside numbers: native histograms and start timestamps, in sections behind
//! the columns. A record of numbers alone has none.

use std::iter::Peekable;
use std::sync::Arc;
use std::vec;

use narthex_model::histogram::{Buckets, CounterResetHint};
use narthex_model::{Exemplar, ExemplarSample, FloatHistogram};

use super::record::{Input, push_labels, push_varint, push_zigzag};

/// By row of the record, ascending.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct RecordKinds {
    /// The native histograms; the values of these rows are the mark for one.
    pub(crate) histograms: Vec<(u32, Arc<FloatHistogram>)>,
    /// When the counting of a sample began, in milliseconds since the epoch.
    pub(crate) starts: Vec<(u32, i64)>,
    /// Exemplars of any series, whether it is in the record or not.
    pub(crate) exemplars: Vec<ExemplarSample>,
}

const HISTOGRAMS: u8 = 1;
const STARTS: u8 = 2;
const EXEMPLARS: u8 = 3;

/// The bits of a histogram's first byte beside the hint.
const ARE_INTEGERS: u8 = 4;
const FLAGS_KNOWN: u8 = 7;

/// Counts up to here are written as integers: every integer below is a double.
const INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

/// The bytes that a histogram takes at most, beside those of its row.
pub(crate) fn histogram_bytes_max(histogram: &FloatHistogram) -> usize {
    const FIELDS: usize = 10 + 1 + 5 + 4 * 10 + 3 * 10;
    let buckets = histogram.positive.len() + histogram.negative.len();
    // A count, and a span where the bucket stands alone.
    FIELDS + 30 * buckets + 8 * histogram.custom_bounds.len()
}

/// The bytes that a start takes at most.
pub(crate) const START_BYTES_MAX: usize = 10 + 10;

impl RecordKinds {
    pub(crate) fn clear(&mut self) {
        self.histograms.clear();
        self.starts.clear();
        self.exemplars.clear();
    }

    /// Adds the sections to `out`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        if !self.histograms.is_empty() {
            out.push(HISTOGRAMS);
            push_varint(out, self.histograms.len() as u64);
            let mut next_row = 0;
            for (row, histogram) in &self.histograms {
                push_varint(out, u64::from(row - next_row));
                next_row = row + 1;
                push_histogram(out, histogram);
            }
        }
        if !self.starts.is_empty() {
            out.push(STARTS);
            push_varint(out, self.starts.len() as u64);
            let (mut next_row, mut previous_ms) = (0, 0_i64);
            for (row, start_ms) in &self.starts {
                push_varint(out, u64::from(row - next_row));
                next_row = row + 1;
                push_zigzag(out, start_ms.wrapping_sub(previous_ms));
                previous_ms = *start_ms;
            }
        }
        if !self.exemplars.is_empty() {
            out.push(EXEMPLARS);
            push_varint(out, self.exemplars.len() as u64);
            for ExemplarSample { series, exemplar } in &self.exemplars {
                push_labels(out, series);
                push_labels(out, &exemplar.labels);
                push_zigzag(out, exemplar.timestamp_ms);
                push_double(out, exemplar.value);
            }
        }
    }

    /// Reads all sections of a record with so many rows; `None` where the bytes are something
    /// else.
    pub(crate) fn decode(input: &mut Input<'_>, rows: usize) -> Option<Self> {
        let mut kinds = Self::default();
        let mut last_section = 0;
        while !input.is_empty() {
            let section = input.byte()?;
            if section <= last_section {
                return None;
            }
            last_section = section;
            let mut next_row = 0_u64;
            let mut row = |input: &mut Input<'_>| {
                let row = next_row.checked_add(input.varint()?)?;
                next_row = row + 1;
                u32::try_from(row).ok().filter(|_| row < rows as u64)
            };
            match section {
                HISTOGRAMS => {
                    for _ in 0..input.count(HISTOGRAM_BYTES_MIN)? {
                        let row = row(input)?;
                        let histogram = Arc::new(histogram(input)?);
                        kinds.histograms.push((row, histogram));
                    }
                }
                STARTS => {
                    let mut previous_ms = 0_i64;
                    for _ in 0..input.count(2)? {
                        let row = row(input)?;
                        previous_ms = previous_ms.wrapping_add(input.zigzag()?);
                        kinds.starts.push((row, previous_ms));
                    }
                }
                EXEMPLARS => {
                    for _ in 0..input.count(EXEMPLAR_BYTES_MIN)? {
                        kinds.exemplars.push(ExemplarSample {
                            series: input.labels()?,
                            exemplar: Exemplar {
                                labels: input.labels()?,
                                timestamp_ms: input.zigzag()?,
                                value: input.double()?,
                            },
                        });
                    }
                }
                _ => return None,
            }
        }
        Some(kinds)
    }
}

/// What a record has beside numbers, asked for row after row.
pub(crate) struct KindsByRow {
    histograms: Peekable<vec::IntoIter<(u32, Arc<FloatHistogram>)>>,
    starts: Peekable<vec::IntoIter<(u32, i64)>>,
}

impl KindsByRow {
    pub(crate) fn new(kinds: RecordKinds) -> Self {
        Self {
            histograms: kinds.histograms.into_iter().peekable(),
            starts: kinds.starts.into_iter().peekable(),
        }
    }

    /// The histogram and the start of a row; rows ascend.
    pub(crate) fn next(&mut self, row: usize) -> (Option<Arc<FloatHistogram>>, Option<i64>) {
        let histogram = self.histograms.next_if(|(of, _)| *of as usize == row);
        let start = self.starts.next_if(|(of, _)| *of as usize == row);
        (
            histogram.map(|(_, histogram)| histogram),
            start.map(|(_, start_ms)| start_ms),
        )
    }
}

/// The least that an exemplar takes: two counts of labels, a time, a double.
const EXEMPLAR_BYTES_MIN: usize = 1 + 1 + 1 + 8;

/// The least that a histogram takes: its row, a byte, the schema, three doubles of which two may
/// be integers, and three counts of nothing.
pub(crate) const HISTOGRAM_BYTES_MIN: usize = 1 + 1 + 1 + 8 + 1 + 1 + 8 + 3;

/// Adds a histogram.
pub(crate) fn push_histogram(out: &mut Vec<u8>, histogram: &FloatHistogram) {
    let sides = [&histogram.positive, &histogram.negative];
    let counts = sides.iter().flat_map(|side| side.counts());
    let mut counts = counts.chain([&histogram.count, &histogram.zero_count]);
    let are_integers = counts.all(|count| integer(*count).is_some());
    let hint = match histogram.counter_reset_hint {
        CounterResetHint::Unknown => 0,
        CounterResetHint::Reset => 1,
        CounterResetHint::NotReset => 2,
        CounterResetHint::Gauge => 3,
    };
    out.push(hint | if are_integers { ARE_INTEGERS } else { 0 });
    push_zigzag(out, histogram.schema.into());
    push_double(out, histogram.zero_threshold);
    push_double(out, histogram.sum);
    push_varint(out, histogram.custom_bounds.len() as u64);
    for bound in histogram.custom_bounds.iter() {
        push_double(out, *bound);
    }
    let push_count = |out: &mut Vec<u8>, count: f64, previous: &mut i64| match integer(count)
        .filter(|_| are_integers)
    {
        Some(integer) => {
            push_zigzag(out, integer - *previous);
            *previous = integer;
        }
        None => push_double(out, count),
    };
    push_count(out, histogram.zero_count, &mut 0);
    push_count(out, histogram.count, &mut 0);
    for side in sides {
        push_varint(out, side.spans().count() as u64);
        let mut end = 0_i64;
        for span in side.spans() {
            push_zigzag(out, i64::from(span.first) - end);
            push_varint(out, span.len as u64);
            end = i64::from(span.first) + i64::try_from(span.len).unwrap_or(i64::MAX);
        }
        let mut previous = 0;
        for count in side.counts() {
            push_count(out, *count, &mut previous);
        }
    }
}

/// The integer that a double is, where it comes back from it bit for bit.
fn integer(count: f64) -> Option<i64> {
    let is_one = count.abs() <= INTEGER_MAX && count.trunc() == count;
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a whole number of at most 53 bits fits"
    )]
    let integer = is_one.then_some(count as i64)?;
    ((integer as f64).to_bits() == count.to_bits()).then_some(integer)
}

fn push_double(out: &mut Vec<u8>, double: f64) {
    out.extend(double.to_bits().to_le_bytes());
}

/// What [`push_histogram`] was given.
pub(crate) fn histogram(input: &mut Input<'_>) -> Option<FloatHistogram> {
    let flags = input.byte()?;
    if flags & !FLAGS_KNOWN != 0 {
        return None;
    }
    let are_integers = flags & ARE_INTEGERS != 0;
    let counter_reset_hint = match flags & 3 {
        0 => CounterResetHint::Unknown,
        1 => CounterResetHint::Reset,
        2 => CounterResetHint::NotReset,
        _ => CounterResetHint::Gauge,
    };
    let schema = i32::try_from(input.zigzag()?).ok()?;
    let (zero_threshold, sum) = (input.double()?, input.double()?);
    let bounds = input.count(size_of::<f64>())?;
    let custom_bounds = (0..bounds).map(|_| input.double()).collect::<Option<_>>()?;
    let zero_count = count(input, are_integers, &mut 0)?;
    let count = count(input, are_integers, &mut 0)?;
    let positive = side(input, are_integers)?;
    let negative = side(input, are_integers)?;
    Some(FloatHistogram {
        counter_reset_hint,
        schema,
        zero_threshold,
        zero_count,
        count,
        sum,
        positive,
        negative,
        custom_bounds,
    })
}

fn count(input: &mut Input<'_>, is_integer: bool, previous: &mut i64) -> Option<f64> {
    if !is_integer {
        return input.double();
    }
    *previous = previous.checked_add(input.zigzag()?)?;
    Some(*previous as f64)
}

fn side(input: &mut Input<'_>, are_integers: bool) -> Option<Buckets> {
    let mut indexes: Vec<i32> = Vec::new();
    let mut end = 0_i64;
    for _ in 0..input.count(2)? {
        let first = end.checked_add(input.zigzag()?)?;
        // Each bucket has a count of at least a byte, which comes later.
        let room = input.left().checked_sub(indexes.len())?;
        let len = usize::try_from(input.varint()?)
            .ok()
            .filter(|len| *len <= room)?;
        end = first.checked_add(i64::try_from(len).ok()?)?;
        let (first, last) = (i32::try_from(first).ok()?, i32::try_from(end - 1).ok()?);
        indexes.extend(first..=last);
    }
    let mut previous = 0;
    let counts = indexes
        .iter()
        .map(|_| count(input, are_integers, &mut previous));
    let counts = counts.collect::<Option<Vec<f64>>>()?;
    Buckets::new(indexes, counts)
}

#[cfg(test)]
mod tests {
    use narthex_model::Labels;

    use super::*;

    fn example(scale: f64) -> Arc<FloatHistogram> {
        Arc::new(FloatHistogram {
            counter_reset_hint: CounterResetHint::NotReset,
            schema: 3,
            zero_threshold: 1e-128,
            zero_count: 2.0 * scale,
            count: 1e15 * scale,
            sum: f64::from_bits(0x7ff8_0000_0000_0077),
            positive: Buckets::new(vec![-7, -6, 0, i32::MAX], vec![scale; 4]).unwrap(),
            negative: Buckets::new(vec![i32::MIN, 5], vec![3.0, scale]).unwrap(),
            custom_bounds: [0.5, scale].into(),
        })
    }

    #[test]
    fn sections_come_back_and_cut_ones_do_not() {
        let kinds = RecordKinds {
            histograms: vec![
                (1, example(1.0)),
                (2, example(0.3)),
                (9, Arc::default()),
                (10, example(-0.0)),
            ],
            starts: vec![(0, i64::MAX), (1, i64::MIN), (10, -5)],
            exemplars: vec![ExemplarSample {
                series: Labels::from_pairs([("__name__", "a"), ("b", "ü")]),
                exemplar: Exemplar {
                    labels: Labels::empty(),
                    value: -0.0,
                    timestamp_ms: i64::MIN,
                },
            }],
        };
        let mut bytes = Vec::new();
        kinds.encode(&mut bytes);
        let found = RecordKinds::decode(&mut Input::new(&bytes), 11).unwrap();
        assert_eq!(found, kinds);
        let hints = found.histograms.iter().map(|(_, h)| h.counter_reset_hint);
        assert!(hints.eq(kinds.histograms.iter().map(|(_, h)| h.counter_reset_hint)));
        assert!(RecordKinds::decode(&mut Input::new(&bytes), 10).is_none());
        let ends: Vec<usize> = (1..bytes.len())
            .filter(|end| RecordKinds::decode(&mut Input::new(&bytes[..*end]), 11).is_some())
            .collect();
        assert_eq!(ends.len(), 2, "only between the sections: {ends:?}");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x41;
            // Whatever it is then, it ends.
            let _ = RecordKinds::decode(&mut Input::new(&changed), 11);
        }
        let mut none = Vec::new();
        RecordKinds::default().encode(&mut none);
        assert!(none.is_empty());
    }

    #[test]
    fn counts_that_are_integers_are_short() {
        let histogram = FloatHistogram {
            count: 300.0,
            positive: Buckets::consecutive(3, vec![10.0; 30]).unwrap(),
            ..FloatHistogram::default()
        };
        let mut bytes = Vec::new();
        push_histogram(&mut bytes, &histogram);
        assert!(bytes.len() <= 60, "{}", bytes.len());
        assert!(bytes.len() <= histogram_bytes_max(&histogram));
        let mut worst = FloatHistogram {
            count: 0.5,
            positive: Buckets::new(
                (0..50).map(|i| i * 40_000_000).collect::<Vec<_>>(),
                vec![1e15; 50],
            )
            .unwrap(),
            ..FloatHistogram::default()
        };
        bytes.clear();
        push_histogram(&mut bytes, &worst);
        assert!(
            bytes.len() <= histogram_bytes_max(&worst),
            "{}",
            bytes.len()
        );
        worst.count = 1.0;
        bytes.clear();
        push_histogram(&mut bytes, &worst);
        assert!(
            bytes.len() <= histogram_bytes_max(&worst),
            "{}",
            bytes.len()
        );
    }
}
