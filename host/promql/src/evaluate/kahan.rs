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
    fn an_average_whose_sum_would_overflow() {
        let mut mean = Mean::new(f64::MAX);
        mean.add(f64::MAX);
        mean.add(f64::MAX);
        assert!((mean.result() / f64::MAX - 1.0).abs() < 1e-12);
    }
}
