//! The average of many histograms: by their sum as long as that does not overflow, from then on
//! as a running mean. The order of operations is Prometheus', so that the last digit agrees.

use super::{Combined, FloatHistogram, HistogramSum, IncompatibleSchemas};

/// Averages histograms without losing digits.
#[derive(Debug, Clone)]
pub struct HistogramMean {
    /// The sum, or the mean once `incremental` is set.
    sum: HistogramSum,
    count: f64,
    incremental: bool,
}

/// The sum of two smaller values is no infinity.
const LARGE: f64 = f64::MAX / 4.0;

impl HistogramMean {
    /// The average of one histogram.
    pub fn new(first: &FloatHistogram) -> Self {
        Self {
            sum: HistogramSum::new(first),
            count: 1.0,
            incremental: false,
        }
    }

    /// Adds a histogram, as [`FloatHistogram::add`] does.
    ///
    /// # Errors
    /// As [`FloatHistogram::add`].
    pub fn add(&mut self, other: &FloatHistogram) -> Result<Combined, IncompatibleSchemas> {
        self.count += 1.0;
        if !self.incremental {
            let is_large = |value: f64| value.abs() > LARGE;
            if !self.sum.any_value(is_large) && !other.any_value(is_large) {
                return self.sum.add(other);
            }
            let mut sum = self.sum.clone();
            let combined = sum.add(other)?;
            if !sum.any_value(f64::is_infinite) {
                self.sum = sum;
                return Ok(combined);
            }
            self.incremental = true;
            let before = self.count - 1.0;
            self.sum.map(|value| value / before);
        }
        let share = (self.count - 1.0) / self.count;
        self.sum.map(|value| value * share);
        let mut part = other.clone();
        part.divide(self.count);
        self.sum.add(&part)
    }

    /// The average. Buckets may be empty.
    pub fn result(&self) -> FloatHistogram {
        if self.incremental {
            return self.sum.total();
        }
        let mut mean = self.sum.clone();
        mean.map(|value| value / self.count);
        mean.total()
    }
}
