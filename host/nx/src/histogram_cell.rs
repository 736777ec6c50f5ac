//! The native histograms of one series in one slice as bytes, a *histogram cell*: which buckets
//! there are, once, and then the counts as streams of values, field by field. Every bit of every
//! field comes back.
//!
//! Histograms that have the schema, the bounds and the bucket around zero in common make a part.
//! A bucket has its stream in the whole part: where a histogram does not have it, a zero stands
//! there and is not looked at. So buckets that appear as observations come cost a few bytes, not
//! a new cell.
//!
//! It is not: where a cell lies, or which samples are histograms, which the values of the series
//! say.

use std::sync::Arc;

use narthex_model::FloatHistogram;
use narthex_model::histogram::CounterResetHint;

use crate::CellError;
use crate::layout::{Frame, Layout, Union, check_schema};
use crate::varint::{self, Input};

/// Counts and other values of one part at most, which is what decoding it takes memory for: 32
/// MiB. A longer run of histograms goes into several parts; one histogram with more is refused.
pub const PART_VALUES_MAX: usize = 1 << 22;

/// Different sets of buckets in one part at most. One more begins a new part.
const LAYOUTS_MAX: usize = 256;

/// A part ends where its buckets together would be more than twice those of any one of its
/// histograms, and so many: streams that are mostly absent only cost time.
const UNION_SLACK: usize = 64;

/// Streams beside those of the buckets: zero count and sum, and the count where it is no sum.
const FIELDS: usize = 3;

/// The counts are the sums of the buckets, and have no stream.
const FLAG_COUNTS_ARE_SUMS: u8 = 1;

const BROKEN: &str = "a cell of histograms is not one";

/// Encodes histograms.
///
/// # Errors
/// A schema that the model does not know, or a histogram of more than [`PART_VALUES_MAX`] values.
pub fn encode(histograms: &[&FloatHistogram]) -> Result<Vec<u8>, CellError> {
    let mut out = Vec::new();
    let mut rest = histograms;
    while let Some(first) = rest.first() {
        check_schema(first.schema)?;
        let values = first.positive.len() + first.negative.len() + first.custom_bounds.len();
        if values + FIELDS > PART_VALUES_MAX {
            return Err(CellError::Buckets(values));
        }
        let mut part = Part::new(first);
        let count = rest.iter().take_while(|next| part.takes(next)).count();
        part.write(&rest[..count], &mut out);
        rest = &rest[count..];
    }
    Ok(out)
}

/// A run of histograms that is encoded together.
struct Part {
    frame: Frame,
    layouts: Vec<Layout>,
    /// The layout of each histogram, as runs.
    runs: Vec<(usize, usize)>,
    union: Union,
    count: usize,
    /// Buckets of all layouts, and of the longest one.
    buckets: usize,
    buckets_max: usize,
}

impl Part {
    fn new(first: &FloatHistogram) -> Self {
        Self {
            frame: Frame::of(first),
            layouts: Vec::new(),
            runs: Vec::new(),
            union: Union::default(),
            count: 0,
            buckets: 0,
            buckets_max: 0,
        }
    }

    /// Takes one more histogram where that is within the bounds. The first one always is.
    fn takes(&mut self, next: &FloatHistogram) -> bool {
        if !self.frame.fits(next) {
            return false;
        }
        let is_last = |(layout, _): &(usize, usize)| self.layouts[*layout].fits(next);
        if self.runs.last().is_some_and(is_last) {
            if !self.has_room(self.union.len()) {
                return false;
            }
            if let Some((_, length)) = self.runs.last_mut() {
                *length += 1;
            }
            self.count += 1;
            return true;
        }
        let known = self.layouts.iter().position(|layout| layout.fits(next));
        let layout = match known {
            Some(_) if !self.has_room(self.union.len()) => return false,
            Some(known) => known,
            None => {
                let layout = Layout::of(next);
                let mut union = self.union.clone();
                union.add(&layout);
                let buckets_max = self.buckets_max.max(layout.len());
                let is_bound = self.layouts.len() == LAYOUTS_MAX
                    || union.len() > 2 * buckets_max + UNION_SLACK
                    || self.buckets + layout.len() > PART_VALUES_MAX
                    || !self.has_room(union.len());
                if is_bound {
                    return false;
                }
                self.buckets += layout.len();
                self.buckets_max = buckets_max;
                self.union = union;
                self.layouts.push(layout);
                self.layouts.len() - 1
            }
        };
        self.runs.push((layout, 1));
        self.count += 1;
        true
    }

    fn has_room(&self, streams: usize) -> bool {
        (self.count + 1) * (streams + FIELDS) <= PART_VALUES_MAX
    }

    fn write(&self, histograms: &[&FloatHistogram], out: &mut Vec<u8>) {
        varint::push(out, self.count as u64);
        self.frame.write(out);
        varint::push(out, self.layouts.len() as u64);
        for layout in &self.layouts {
            layout.write(out);
        }
        for (layout, length) in &self.runs {
            varint::push(out, *layout as u64);
            varint::push(out, *length as u64 - 1);
        }
        let hints = histograms.chunk_by(|a, b| a.counter_reset_hint == b.counter_reset_hint);
        for run in hints {
            let hint = run.first().map(|first| first.counter_reset_hint);
            let number = hint_number(hint.unwrap_or_default());
            varint::push(out, (run.len() as u64 - 1) << 2 | number);
        }
        let is_sum = |histogram: &&FloatHistogram| {
            histogram.count.to_bits() == sum_of_counts(histogram).to_bits()
        };
        let are_sums = histograms.iter().all(is_sum);
        out.push(if are_sums { FLAG_COUNTS_ARE_SUMS } else { 0 });
        let mut values = Vec::with_capacity(self.count);
        let mut stream = |of: &dyn Fn(&FloatHistogram) -> f64| {
            values.clear();
            values.extend(histograms.iter().map(|histogram| of(histogram)));
            write_stream(&values, out);
        };
        if !are_sums {
            stream(&|histogram| histogram.count);
        }
        stream(&|histogram| histogram.zero_count);
        stream(&|histogram| histogram.sum);
        self.write_buckets(histograms, out);
    }

    fn write_buckets(&self, histograms: &[&FloatHistogram], out: &mut Vec<u8>) {
        let mut streams = vec![0.0; self.count * self.union.len()];
        let places: Vec<_> = self.layouts.iter().map(|l| self.union.places(l)).collect();
        let layouts = self.runs.iter();
        let layouts = layouts.flat_map(|(layout, length)| std::iter::repeat_n(*layout, *length));
        for (at, (histogram, layout)) in histograms.iter().zip(layouts).enumerate() {
            let counts = histogram.positive.counts().iter();
            let counts = counts.chain(histogram.negative.counts());
            for (place, count) in places[layout].iter().zip(counts) {
                streams[place * self.count + at] = *count;
            }
        }
        for values in streams.chunks_exact(self.count) {
            write_stream(values, out);
        }
    }
}

/// What the count is where every observation is in a bucket. The order of the additions is part
/// of the format.
fn sum_of_counts(histogram: &FloatHistogram) -> f64 {
    let positive = histogram.positive.counts().iter();
    let counts = positive.chain(histogram.negative.counts());
    counts.fold(histogram.zero_count, |sum, count| sum + count)
}

fn write_stream(values: &[f64], out: &mut Vec<u8>) {
    if let Some(constant) = crate::constant(values) {
        varint::push(out, 0);
        out.extend(constant.to_bits().to_le_bytes());
        return;
    }
    let mut cell = Vec::new();
    crate::encode(values, &mut cell);
    varint::push(out, cell.len() as u64);
    out.extend(cell);
}

/// Decodes a cell of `count` histograms.
///
/// # Errors
/// The bytes are no cell of so many.
pub fn decode(cell: &[u8], count: usize) -> Result<Vec<Arc<FloatHistogram>>, CellError> {
    let mut input = Input::new(cell, BROKEN);
    let mut histograms = Vec::new();
    while !input.is_empty() {
        let left = count - histograms.len();
        read_part(&mut input, left, &mut histograms)?;
    }
    match histograms.len() == count {
        true => Ok(histograms),
        false => Err(input.broken()),
    }
}

fn read_part(
    input: &mut Input<'_>,
    count_max: usize,
    histograms: &mut Vec<Arc<FloatHistogram>>,
) -> Result<(), CellError> {
    let count = input.size(count_max)?;
    let frame = Frame::read(input, PART_VALUES_MAX)?;
    let mut union = Union::default();
    let mut room = PART_VALUES_MAX;
    let mut layouts = Vec::new();
    for _ in 0..input.size(LAYOUTS_MAX)? {
        let layout = Layout::read(input, room)?;
        room -= layout.len();
        union.add(&layout);
        layouts.push(layout);
    }
    let is_too_long = count.saturating_mul(union.len() + FIELDS) > PART_VALUES_MAX;
    if count == 0 || is_too_long {
        return Err(input.broken());
    }
    let mut of_layout = Vec::with_capacity(count);
    while of_layout.len() < count {
        let layout = input.size(layouts.len().saturating_sub(1))?;
        let length = input.size(count - of_layout.len() - 1)? + 1;
        of_layout.resize(of_layout.len() + length, layout);
    }
    let mut hints = Vec::with_capacity(count);
    while hints.len() < count {
        let run = input.number()?;
        let length = usize::try_from(run >> 2).unwrap_or(usize::MAX);
        if length >= count - hints.len() {
            return Err(input.broken());
        }
        hints.resize(hints.len() + length + 1, hint(run & 3));
    }
    let are_sums = match input.byte()? {
        0 => false,
        FLAG_COUNTS_ARE_SUMS => true,
        _ => return Err(input.broken()),
    };
    let mut streams = Vec::with_capacity(count * (union.len() + FIELDS));
    let fields = FIELDS - usize::from(are_sums);
    for _ in 0..fields + union.len() {
        read_stream(input, count, &mut streams)?;
    }
    let (fields, buckets) = streams.split_at(count * fields);
    let places: Vec<_> = layouts.iter().map(|layout| union.places(layout)).collect();
    histograms.reserve(count);
    for (at, (layout, hint)) in of_layout.into_iter().zip(hints).enumerate() {
        let Some(Layout { positive, negative }) = layouts.get(layout) else {
            return Err(input.broken());
        };
        let field = |number: usize| fields[number * count + at];
        let first = usize::from(!are_sums);
        let mut histogram = FloatHistogram {
            counter_reset_hint: hint,
            schema: frame.schema,
            zero_threshold: frame.zero_threshold,
            zero_count: field(first),
            count: 0.0,
            sum: field(first + 1),
            positive: positive.clone(),
            negative: negative.clone(),
            custom_bounds: Arc::clone(&frame.custom_bounds),
        };
        let counts = histogram.positive.counts_mut().iter_mut();
        let counts = counts.chain(histogram.negative.counts_mut());
        for (place, bucket) in places[layout].iter().zip(counts) {
            *bucket = buckets[place * count + at];
        }
        histogram.count = match are_sums {
            true => sum_of_counts(&histogram),
            false => field(0),
        };
        histograms.push(Arc::new(histogram));
    }
    Ok(())
}

fn hint_number(hint: CounterResetHint) -> u64 {
    match hint {
        CounterResetHint::Unknown => 0,
        CounterResetHint::Reset => 1,
        CounterResetHint::NotReset => 2,
        CounterResetHint::Gauge => 3,
    }
}

fn hint(number: u64) -> CounterResetHint {
    match number {
        1 => CounterResetHint::Reset,
        2 => CounterResetHint::NotReset,
        3 => CounterResetHint::Gauge,
        _ => CounterResetHint::Unknown,
    }
}

fn read_stream(
    input: &mut Input<'_>,
    count: usize,
    values: &mut Vec<f64>,
) -> Result<(), CellError> {
    match usize::try_from(input.number()?).unwrap_or(usize::MAX) {
        0 => {
            let constant = input.double()?;
            values.resize(values.len() + count, constant);
        }
        length => crate::decode(input.take(length)?, count, values)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests;
