//! Averages that lose no digits on the way.

pub(crate) use narthex_model::Kahan;

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

    /// Takes in the average of so many values more.
    pub(crate) fn combine(&mut self, average: f64, count: f64) {
        if self.is_empty() {
            *self = Self {
                value: Kahan::new(average),
                count,
                incremental: true,
            };
            return;
        }
        if !self.incremental {
            self.incremental = true;
            self.value.sum /= self.count;
            self.value.compensation /= self.count;
        }
        let all = self.count + count;
        let share = self.count / all;
        let scaled = Kahan {
            sum: share * self.value.sum,
            compensation: share * self.value.compensation,
        };
        self.value = scaled.plus(average * (count / all));
        self.count = all;
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
    fn averages_of_parts_weigh_what_they_are_of() {
        let mut mean = Mean::new(1.0);
        mean.add(2.0);
        mean.combine(10.0, 3.0);
        mean.combine(6.0, 5.0);
        assert!((mean.result() - 6.3).abs() < 1e-12);
        let mut of_parts = Mean::default();
        of_parts.combine(f64::MAX, 2.0);
        of_parts.combine(f64::MAX, 1.0);
        assert!((of_parts.result() / f64::MAX - 1.0).abs() < 1e-12);
        of_parts.combine(f64::INFINITY, 1.0);
        assert_eq!(of_parts.result(), f64::INFINITY);
        of_parts.combine(f64::NEG_INFINITY, 1.0);
        assert!(of_parts.result().is_nan());
    }

    #[test]
    fn an_average_whose_sum_would_overflow() {
        let mut mean = Mean::new(f64::MAX);
        mean.add(f64::MAX);
        mean.add(f64::MAX);
        assert!((mean.result() / f64::MAX - 1.0).abs() < 1e-12);
    }
}
