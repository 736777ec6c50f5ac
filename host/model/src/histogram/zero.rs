//! The bucket around zero: one that reaches further takes the buckets in that it covers.

use super::bounds::upper_bound;
use super::merge::Compensated;
use super::{Buckets, FloatHistogram};
use crate::Kahan;

/// What the bucket around zero is after it was made larger.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Widened {
    /// The observations in it.
    pub(super) count: Kahan,
    /// How far it reaches: as far as was asked for, or to the end of a bucket that has
    /// observations and would be cut.
    pub(super) threshold: f64,
}

/// The buckets on one side and what rounding took from each; nothing where that list is empty.
pub(super) type Side<'a> = (&'a Buckets, &'a [f64]);

impl FloatHistogram {
    /// The bucket around zero if it reached as far as `threshold`, which is no less than what it
    /// does.
    pub(super) fn widened(&self, threshold: f64) -> Widened {
        let now = Widened {
            count: Kahan::new(self.zero_count),
            threshold: self.zero_threshold,
        };
        let sides = [(&self.positive, &[][..]), (&self.negative, &[][..])];
        now.widened(self.schema, sides, threshold)
    }
}

impl Widened {
    /// The bucket around zero with those that it covers when it reaches as far as `threshold`.
    pub(super) fn widened(self, schema: i32, sides: [Side<'_>; 2], threshold: f64) -> Self {
        let mut threshold = threshold;
        if threshold == self.threshold {
            return self;
        }
        // A pass that starts again does so with a larger threshold, of which there are no more
        // than buckets.
        loop {
            let mut count = self.count;
            let [positive, negative] = sides;
            if let Some(end) = cover(schema, positive, threshold, &mut count) {
                threshold = end;
            }
            match cover(schema, negative, threshold, &mut count) {
                // The buckets above zero have to be looked at again.
                Some(end) => threshold = end,
                None => return Self { count, threshold },
            }
        }
    }
}

/// Adds the buckets up to a threshold; says where a bucket ends that would be cut.
fn cover(schema: i32, (side, lost): Side<'_>, threshold: f64, count: &mut Kahan) -> Option<f64> {
    for (at, (index, in_bucket)) in side.iter().enumerate() {
        if upper_bound(index.saturating_sub(1), schema) >= threshold {
            return None;
        }
        let lost = lost.get(at).copied().unwrap_or(0.0);
        *count = count.plus(in_bucket).plus(lost);
        let end = upper_bound(index, schema);
        if end > threshold {
            return (in_bucket != 0.0).then_some(end);
        }
    }
    None
}

/// How many of the first buckets end where or before the bucket around zero does.
pub(super) fn covered(side: &Buckets, schema: i32, threshold: f64) -> usize {
    // Mostly none, so the first ones are looked at in turn.
    let ends = side
        .indexes()
        .iter()
        .map(|index| upper_bound(*index, schema));
    ends.take_while(|end| *end <= threshold).count()
}

/// The buckets after the first ones.
pub(super) fn without_first(side: &Buckets, count: usize) -> Buckets {
    if count == 0 {
        return side.clone();
    }
    let (indexes, counts) = side.iter().skip(count).unzip();
    Buckets::from_parts(indexes, counts)
}

impl Compensated {
    /// As [`without_first`].
    pub(super) fn without_first(&self, count: usize) -> Self {
        Self {
            buckets: without_first(&self.buckets, count),
            lost: self.lost.get(count..).unwrap_or_default().to_vec(),
        }
    }
}
