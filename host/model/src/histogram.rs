//! Native histograms: one sample that counts observations in many buckets.
//!
//! Buckets are either exponential (a schema from -4 to 8, each bound 2^(2^-schema) times the one
//! before, with a bucket around zero and buckets on either side of it) or have bounds of their
//! own (schema -53). Counts are floats, absolute and not cumulative, as PromQL computes with
//! them; what the formats on disk and on the wire make of integers is theirs.
//!
//! It is not: a format, or a classic histogram, whose buckets are series.

use std::sync::Arc;

mod arithmetic;
mod bounds;
mod bucket;
mod buckets;
mod estimate;
mod mean;
mod merge;
mod reset;
mod resolution;
mod roots;
mod sum;
mod text;
mod trim;
mod zero;

pub use arithmetic::{Combined, IncompatibleSchemas};
pub use bucket::Bucket;
pub use buckets::{Buckets, Span};
pub use estimate::Estimate;
pub use mean::HistogramMean;
pub use sum::HistogramSum;
pub use trim::Trim;

/// The schema of histograms whose buckets have bounds of their own.
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;
/// The coarsest exponential schema.
pub const EXPONENTIAL_SCHEMA_MIN: i32 = -4;
/// The finest exponential schema.
pub const EXPONENTIAL_SCHEMA_MAX: i32 = 8;

/// What is known of a counter reset between the sample before and this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum CounterResetHint {
    /// `unknown`: the buckets have to be looked at.
    #[default]
    Unknown,
    /// `reset`
    Reset,
    /// `not_reset`
    NotReset,
    /// `gauge`: resets mean nothing.
    Gauge,
}

/// A native histogram with counts that may be fractions.
#[derive(Debug, Clone, Default)]
pub struct FloatHistogram {
    /// Whether a counter was reset before this sample.
    pub counter_reset_hint: CounterResetHint,
    /// The resolution: [`EXPONENTIAL_SCHEMA_MIN`] to [`EXPONENTIAL_SCHEMA_MAX`], or
    /// [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i32,
    /// How far the bucket around zero reaches, in both directions.
    pub zero_threshold: f64,
    /// The observations in the bucket around zero.
    pub zero_count: f64,
    /// All observations, NaN ones included, which are in no bucket.
    pub count: f64,
    /// The sum of all observations.
    pub sum: f64,
    /// The buckets above zero; all buckets of a histogram with custom bounds.
    pub positive: Buckets,
    /// The buckets below zero, nearest to zero first.
    pub negative: Buckets,
    /// The upper bounds of custom buckets, ascending, without the last one, which is +Inf; empty
    /// for an exponential schema.
    pub custom_bounds: Arc<[f64]>,
}

impl FloatHistogram {
    /// Buckets and custom bounds that a histogram may have where it is stored: as many as there
    /// are buckets of the finest schema for all floats.
    pub const BUCKETS_MAX: usize = 1 << 20;

    /// Whether a store keeps such a histogram: its schema is known, and it has no more buckets
    /// and bounds than [`Self::BUCKETS_MAX`].
    pub fn can_be_stored(&self) -> bool {
        let exponential = EXPONENTIAL_SCHEMA_MIN..=EXPONENTIAL_SCHEMA_MAX;
        let is_known = self.has_custom_buckets() || exponential.contains(&self.schema);
        let values = self.positive.len() + self.negative.len() + self.custom_bounds.len();
        is_known && values <= Self::BUCKETS_MAX
    }

    /// Whether the buckets have bounds of their own.
    #[inline]
    pub fn has_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// A histogram of the same kind without an observation.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self {
            schema: self.schema,
            custom_bounds: Arc::clone(&self.custom_bounds),
            ..Self::default()
        }
    }

    /// Leaves buckets without an observation out.
    pub fn compact(&mut self) {
        self.positive.compact();
        self.negative.compact();
    }

    /// Multiplies all counts and the sum. By a negative number a gauge comes out.
    pub fn multiply(&mut self, factor: f64) {
        self.map_counts(|count| count * factor);
        if factor < 0.0 {
            self.counter_reset_hint = CounterResetHint::Gauge;
        }
    }

    /// Divides all counts and the sum. By zero no bucket is left; by a negative number a gauge
    /// comes out.
    pub fn divide(&mut self, divisor: f64) {
        if divisor == 0.0 {
            self.positive = Buckets::default();
            self.negative = Buckets::default();
        }
        self.map_counts(|count| count / divisor);
        if divisor < 0.0 {
            self.counter_reset_hint = CounterResetHint::Gauge;
        }
    }

    fn map_counts(&mut self, change: impl Fn(f64) -> f64) {
        self.zero_count = change(self.zero_count);
        self.count = change(self.count);
        self.sum = change(self.sum);
        let sides = [&mut self.positive, &mut self.negative];
        for count in sides.into_iter().flat_map(Buckets::counts_mut) {
            *count = change(*count);
        }
    }

    /// Whether `test` holds for a count or for the sum.
    fn any_value(&self, test: impl Fn(f64) -> bool) -> bool {
        let counts = self.positive.counts().iter().chain(self.negative.counts());
        [self.zero_count, self.count, self.sum]
            .iter()
            .chain(counts)
            .any(|value| test(*value))
    }

    /// Whether a count or the sum has become infinite.
    pub fn has_overflow(&self) -> bool {
        self.any_value(f64::is_infinite)
    }

    /// How many samples it counts for where the memory of a query is bounded: one for each 16
    /// bytes, as in Prometheus, which counts 8 bytes for each span and each count.
    pub fn samples(&self) -> usize {
        /// What a histogram without buckets takes, and its timestamp.
        const BASE_BYTES: usize = 168 + 8;
        let spans = self.positive.spans().count() + self.negative.spans().count();
        let counts = self.positive.len() + self.negative.len();
        (BASE_BYTES + 8 * (spans + counts + self.custom_bounds.len())) / 16
    }
}

/// Equal in all but the hint: the same buckets, empty ones included, and the same bits.
impl PartialEq for FloatHistogram {
    fn eq(&self, other: &Self) -> bool {
        let bits = |histogram: &Self| {
            let values = [histogram.zero_count, histogram.count, histogram.sum];
            values.map(f64::to_bits)
        };
        self.schema == other.schema
            && self.zero_threshold == other.zero_threshold
            && bits(self) == bits(other)
            && self.positive == other.positive
            && self.negative == other.negative
            && (!self.has_custom_buckets() || self.custom_bounds == other.custom_bounds)
    }
}

#[cfg(test)]
mod tests;
