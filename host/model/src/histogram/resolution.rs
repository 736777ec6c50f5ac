//! The same observations in fewer buckets: a coarser schema, or fewer custom bounds.

use super::merge::Compensated;
use super::{Buckets, FloatHistogram};
use crate::Kahan;

impl FloatHistogram {
    /// Goes over to a coarser exponential schema; nothing happens where it is not coarser or the
    /// buckets are custom ones.
    pub fn reduce_resolution(&mut self, schema: i32) {
        if self.has_custom_buckets() || schema >= self.schema {
            return;
        }
        self.positive = reduced(&self.positive, self.schema, schema);
        self.negative = reduced(&self.negative, self.schema, schema);
        self.schema = schema;
    }
}

/// The index that a bucket has in a coarser schema.
fn target_index(index: i32, from: i32, to: i32) -> i32 {
    let shift = from.saturating_sub(to).clamp(0, 31);
    (index.saturating_sub(1) >> shift) + 1
}

/// The buckets in a coarser schema.
pub(super) fn reduced(buckets: &Buckets, from: i32, to: i32) -> Buckets {
    let mut indexes: Vec<i32> = Vec::new();
    let mut counts: Vec<f64> = Vec::new();
    for (index, count) in buckets.iter() {
        let index = target_index(index, from, to);
        match counts.last_mut() {
            Some(last) if indexes.last() == Some(&index) => *last += count,
            _ => {
                indexes.push(index);
                counts.push(count);
            }
        }
    }
    Buckets::from_parts(indexes, counts)
}

impl Compensated {
    /// As [`reduced`], and keeps what rounding takes.
    pub(super) fn reduced(&self, from: i32, to: i32) -> Self {
        let mut indexes: Vec<i32> = Vec::new();
        let mut sums: Vec<Kahan> = Vec::new();
        for ((index, count), lost) in self.buckets.iter().zip(&self.lost) {
            let index = target_index(index, from, to);
            match sums.last_mut() {
                Some(last) if indexes.last() == Some(&index) => {
                    *last = last.plus(count).plus(*lost);
                }
                _ => {
                    indexes.push(index);
                    sums.push(Kahan {
                        sum: count,
                        compensation: *lost,
                    });
                }
            }
        }
        Self::of_sums(indexes, &sums)
    }

    fn of_sums(indexes: Vec<i32>, sums: &[Kahan]) -> Self {
        let counts = sums.iter().map(|sum| sum.sum).collect();
        Self {
            buckets: Buckets::from_parts(indexes, counts),
            lost: sums.iter().map(|sum| sum.compensation).collect(),
        }
    }
}

/// The bounds that both have. Both ascend.
pub(super) fn common_bounds(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut rest = b.iter().peekable();
    let mut common = Vec::with_capacity(a.len().min(b.len()));
    for bound in a {
        while rest.next_if(|other| *other < bound).is_some() {}
        if rest.next_if(|other| *other == bound).is_some() {
            common.push(*bound);
        }
    }
    common
}

/// Custom buckets of several layouts in those of one.
pub(super) struct Remapped<'a> {
    bounds: &'a [f64],
    sums: Vec<Kahan>,
}

impl<'a> Remapped<'a> {
    /// No observation yet; the last bucket ends at +Inf.
    pub(super) fn new(bounds: &'a [f64]) -> Self {
        Self {
            bounds,
            sums: vec![Kahan::default(); bounds.len() + 1],
        }
    }

    /// Adds counts times `sign`, and what was lost of them, to the buckets that end where or
    /// after theirs do.
    pub(super) fn add(&mut self, from: &Compensated, from_bounds: &[f64], sign: f64) {
        let mut target = 0;
        for ((index, count), lost) in from.buckets.iter().zip(&from.lost) {
            let bound = usize::try_from(index)
                .ok()
                .and_then(|index| from_bounds.get(index));
            let at = match bound {
                Some(bound) => {
                    let ends_before = |own: &f64| own < bound;
                    let rest = &self.bounds[target..];
                    target += rest.iter().take_while(|own| ends_before(own)).count();
                    target
                }
                None => self.bounds.len(),
            };
            self.sums[at] = self.sums[at].plus(sign * count).plus(sign * lost);
        }
    }

    /// The counts of all buckets.
    pub(super) fn counts(self) -> Vec<f64> {
        self.sums.into_iter().map(|sum| sum.sum).collect()
    }

    /// The buckets that are not empty.
    pub(super) fn buckets(self) -> Compensated {
        let used = (0_i32..).zip(self.sums);
        let used = used.filter(|(_, sum)| sum.sum != 0.0 || sum.compensation != 0.0);
        let (indexes, sums): (Vec<i32>, Vec<Kahan>) = used.unzip();
        Compensated::of_sums(indexes, &sums)
    }
}
