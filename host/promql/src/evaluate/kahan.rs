//! Sums that lose no digits on the way (Kahan's method as Neumaier improved it).

/// A running sum and what rounding took from it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kahan {
    /// The sum so far, rounded.
    pub(crate) sum: f64,
    /// What is to be added in the end.
    pub(crate) compensation: f64,
}

impl Kahan {
    /// A sum that starts with a value.
    pub(crate) fn new(sum: f64) -> Self {
        Self {
            sum,
            compensation: 0.0,
        }
    }

    /// The sum with one more addend.
    #[inline]
    #[must_use]
    pub(crate) fn plus(self, addend: f64) -> Self {
        let sum = self.sum + addend;
        let compensation = if sum.is_infinite() {
            0.0
        } else if self.sum.abs() >= addend.abs() {
            self.compensation + ((self.sum - sum) + addend)
        } else {
            self.compensation + ((addend - sum) + self.sum)
        };
        Self { sum, compensation }
    }

    /// The sum with its compensation.
    #[inline]
    pub(crate) fn total(self) -> f64 {
        self.sum + self.compensation
    }
}

/// An average: by the sum of all values as long as that does not overflow, from then on as a
/// running mean. The order of operations is Prometheus', so that the last digit agrees.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mean {
    /// The sum, or the mean once `incremental` is set.
    value: Kahan,
    count: f64,
    incremental: bool,
}

impl Mean {
    /// The average of one value.
    pub(crate) fn new(first: f64) -> Self {
        Self {
            value: Kahan::new(first),
            count: 1.0,
            incremental: false,
        }
    }

    /// Whether no value has been added.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0.0
    }

    /// Adds a value after the first one.
    #[inline]
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if !self.incremental {
            let sum = self.value.plus(value);
            if !sum.sum.is_infinite() {
                self.value = sum;
                return;
            }
            self.incremental = true;
            self.value.sum /= self.count - 1.0;
            self.value.compensation /= self.count - 1.0;
        }
        let share = (self.count - 1.0) / self.count;
        let scaled = Kahan {
            sum: share * self.value.sum,
            compensation: share * self.value.compensation,
        };
        self.value = scaled.plus(value / self.count);
    }

    /// The average.
    pub(crate) fn result(self) -> f64 {
        if self.incremental {
            self.value.total()
        } else {
            self.value.sum / self.count + self.value.compensation / self.count
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_addends_survive_large_ones() {
        let sum = [1.0, 1e100, 1.0, -1e100]
            .into_iter()
            .fold(Kahan::default(), Kahan::plus);
        assert_eq!(sum.total(), 2.0);
    }

    #[test]
    fn infinities_and_nan_stay_what_they_are() {
        for (a, b, expected) in [
            (f64::INFINITY, 2.0, f64::INFINITY),
            (2.0, f64::NEG_INFINITY, f64::NEG_INFINITY),
            (f64::INFINITY, f64::NEG_INFINITY, f64::NAN),
            (f64::NAN, f64::INFINITY, f64::NAN),
        ] {
            let total = Kahan::new(a).plus(b).total();
            let same = total == expected || total.is_nan() && expected.is_nan();
            assert!(same, "{a} + {b} is {total}");
        }
    }

    #[test]
    fn an_average_whose_sum_would_overflow() {
        let mut mean = Mean::new(f64::MAX);
        mean.add(f64::MAX);
        mean.add(f64::MAX);
        assert!((mean.result() / f64::MAX - 1.0).abs() < 1e-12);
    }
}
