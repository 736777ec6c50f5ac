//! Sums that lose no digits on the way (Kahan's method as Neumaier improved it).

/// A running sum and what rounding took from it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Kahan {
    /// The sum so far, rounded.
    pub sum: f64,
    /// What is to be added in the end.
    pub compensation: f64,
}

impl Kahan {
    /// A sum that starts with a value.
    pub fn new(sum: f64) -> Self {
        Self {
            sum,
            compensation: 0.0,
        }
    }

    /// The sum with one more addend.
    #[inline]
    #[must_use]
    pub fn plus(self, addend: f64) -> Self {
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
    pub fn total(self) -> f64 {
        self.sum + self.compensation
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
}
