//! Which buckets a native histogram has: what stands once in a cell for many histograms.
//!
//! It is not: the counts of the buckets, which are streams of values.

use std::collections::BTreeSet;

use narthex_model::FloatHistogram;
use narthex_model::histogram::{
    Buckets, CUSTOM_BUCKETS_SCHEMA, EXPONENTIAL_SCHEMA_MAX, EXPONENTIAL_SCHEMA_MIN,
};

use crate::CellError;
use crate::varint::{self, Input};

/// What all histograms of a part of a cell have in common.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) schema: i32,
    pub(crate) zero_threshold: f64,
    pub(crate) custom_bounds: std::sync::Arc<[f64]>,
}

impl Frame {
    pub(crate) fn of(histogram: &FloatHistogram) -> Self {
        Self {
            schema: histogram.schema,
            zero_threshold: histogram.zero_threshold,
            custom_bounds: std::sync::Arc::clone(&histogram.custom_bounds),
        }
    }

    /// Whether a histogram has the same bits in all of it.
    pub(crate) fn fits(&self, histogram: &FloatHistogram) -> bool {
        let bits = |bounds: &[f64]| {
            bounds
                .iter()
                .map(|bound| bound.to_bits())
                .collect::<Vec<_>>()
        };
        let (own, other) = (&self.custom_bounds, &histogram.custom_bounds);
        self.schema == histogram.schema
            && self.zero_threshold.to_bits() == histogram.zero_threshold.to_bits()
            && (std::sync::Arc::ptr_eq(own, other) || bits(own) == bits(other))
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        varint::push_folded(out, self.schema.into());
        out.extend(self.zero_threshold.to_bits().to_le_bytes());
        varint::push(out, self.custom_bounds.len() as u64);
        for bound in self.custom_bounds.iter() {
            out.extend(bound.to_bits().to_le_bytes());
        }
    }

    /// Reads a frame with at most so many bounds.
    pub(crate) fn read(input: &mut Input<'_>, bounds_max: usize) -> Result<Self, CellError> {
        let schema = i32::try_from(input.folded()?).map_err(|_| input.broken())?;
        check_schema(schema)?;
        let zero_threshold = input.double()?;
        let count = input.size(bounds_max)?;
        let bytes = input.take(count * size_of::<f64>())?;
        let mut bounds = Input::new(bytes, "the bounds of a histogram end too early");
        let bounds: Result<Vec<f64>, CellError> = (0..count).map(|_| bounds.double()).collect();
        Ok(Self {
            schema,
            zero_threshold,
            custom_bounds: bounds?.into(),
        })
    }
}

/// Refuses schemas that the model does not know.
pub(crate) fn check_schema(schema: i32) -> Result<(), CellError> {
    let is_exponential = (EXPONENTIAL_SCHEMA_MIN..=EXPONENTIAL_SCHEMA_MAX).contains(&schema);
    match is_exponential || schema == CUSTOM_BUCKETS_SCHEMA {
        true => Ok(()),
        false => Err(CellError::Schema(schema)),
    }
}

/// The buckets of some histograms; the counts of these are zero and mean nothing.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) positive: Buckets,
    pub(crate) negative: Buckets,
}

impl Layout {
    pub(crate) fn of(histogram: &FloatHistogram) -> Self {
        Self {
            positive: histogram.positive.clone(),
            negative: histogram.negative.clone(),
        }
    }

    pub(crate) fn fits(&self, histogram: &FloatHistogram) -> bool {
        self.positive.has_layout_of(&histogram.positive)
            && self.negative.has_layout_of(&histogram.negative)
    }

    /// How many buckets there are on both sides.
    pub(crate) fn len(&self) -> usize {
        self.positive.len() + self.negative.len()
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for side in [&self.positive, &self.negative] {
            varint::push(out, side.spans().count() as u64);
            let mut end: Option<i64> = None;
            for span in side.spans() {
                let first = i64::from(span.first);
                match end {
                    None => varint::push_folded(out, first),
                    // Spans do not touch, so at least one index lies between them.
                    Some(end) => varint::push(out, (first - end - 1).unsigned_abs()),
                }
                varint::push(out, span.len as u64 - 1);
                end = Some(first + i64::try_from(span.len).unwrap_or(i64::MAX));
            }
        }
    }

    /// Reads a layout of at most so many buckets.
    pub(crate) fn read(input: &mut Input<'_>, buckets_max: usize) -> Result<Self, CellError> {
        let positive = read_side(input, buckets_max)?;
        let negative = read_side(input, buckets_max - positive.len())?;
        Ok(Self { positive, negative })
    }
}

fn read_side(input: &mut Input<'_>, buckets_max: usize) -> Result<Buckets, CellError> {
    let mut indexes: Vec<i32> = Vec::new();
    for _ in 0..input.size(buckets_max)? {
        let first = match indexes.last() {
            None => input.folded()?,
            Some(last) => {
                let gap = i64::try_from(input.number()?).map_err(|_| input.broken())?;
                let next = i64::from(*last) + 2;
                next.checked_add(gap).ok_or_else(|| input.broken())?
            }
        };
        let room = (buckets_max - indexes.len()).checked_sub(1);
        let more = input.size(room.ok_or_else(|| input.broken())?)?;
        let last = first.checked_add(i64::try_from(more).unwrap_or(i64::MAX));
        let ends = (i32::try_from(first), last.map(i32::try_from));
        let (Ok(first), Some(Ok(last))) = ends else {
            return Err(input.broken());
        };
        indexes.extend(first..=last);
    }
    let counts = vec![0.0; indexes.len()];
    Buckets::new(indexes, counts).ok_or_else(|| input.broken())
}

/// The buckets of several layouts together, each once: one stream of counts each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Union {
    positive: BTreeSet<i32>,
    negative: BTreeSet<i32>,
}

impl Union {
    pub(crate) fn add(&mut self, layout: &Layout) {
        self.positive.extend(layout.positive.indexes());
        self.negative.extend(layout.negative.indexes());
    }

    pub(crate) fn len(&self) -> usize {
        self.positive.len() + self.negative.len()
    }

    /// The streams of a layout's buckets, in their order.
    pub(crate) fn places(&self, layout: &Layout) -> Vec<usize> {
        let mut places = Vec::with_capacity(layout.len());
        let sides = [
            (&self.positive, layout.positive.indexes(), 0),
            (
                &self.negative,
                layout.negative.indexes(),
                self.positive.len(),
            ),
        ];
        for (all, own, first) in sides {
            let mut all = all.iter().enumerate();
            for index in own {
                let place = all.find(|(_, known)| *known == index);
                places.extend(place.map(|(place, _)| first + place));
            }
        }
        places
    }
}
