//! Summaries of samples, each so that the halves of a window can be put together without a loss
//! that anybody would see.

use super::kahan::Kahan;
use super::sliding::Summary;

/// A sum.
impl Summary for Kahan {
    const NONE: Self = Self {
        sum: 0.0,
        compensation: 0.0,
    };

    #[inline]
    fn then(self, later: Self) -> Self {
        let mut both = self.plus(later.sum);
        if !both.sum.is_infinite() {
            both.compensation += later.compensation;
        }
        both
    }
}

/// Zero, but for infinities, which are at no distance from anything.
#[inline]
fn distance_from_itself(value: f64) -> f64 {
    if value.is_finite() { 0.0 } else { f64::NAN }
}

/// How many samples, their mean, and the sum of their squared distances from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    /// Of one sample.
    #[inline]
    pub(crate) fn of(value: f64) -> Self {
        Self {
            count: 1.0,
            mean: value,
            squares: distance_from_itself(value),
        }
    }

    /// The mean of the squared distances.
    pub(crate) fn variance(self) -> f64 {
        self.squares / self.count
    }
}

impl Summary for Spread {
    const NONE: Self = Self {
        count: 0.0,
        mean: 0.0,
        squares: 0.0,
    };

    #[inline]
    fn then(self, later: Self) -> Self {
        if self.count == 0.0 {
            return later;
        }
        if later.count == 0.0 {
            return self;
        }
        let count = self.count + later.count;
        let share = later.count / count;
        let distance = later.mean - self.mean;
        Self {
            count,
            mean: self.mean + distance * share,
            squares: self.squares + later.squares + distance * distance * self.count * share,
        }
    }
}

/// What the line of least squares is drawn from: means, and sums of products of distances from
/// them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Points {
    count: f64,
    mean_x: f64,
    mean_y: f64,
    xx: f64,
    xy: f64,
}

impl Points {
    /// Of one point.
    #[inline]
    pub(crate) fn of(x: f64, y: f64) -> Self {
        Self {
            count: 1.0,
            mean_x: x,
            mean_y: y,
            xx: 0.0,
            xy: distance_from_itself(y),
        }
    }

    /// The slope of the line, and where it is at `x`.
    pub(crate) fn line(self, x: f64) -> (f64, f64) {
        let slope = self.xy / self.xx;
        (slope, self.mean_y - slope * (self.mean_x - x))
    }
}

impl Summary for Points {
    const NONE: Self = Self {
        count: 0.0,
        mean_x: 0.0,
        mean_y: 0.0,
        xx: 0.0,
        xy: 0.0,
    };

    #[inline]
    fn then(self, later: Self) -> Self {
        if self.count == 0.0 {
            return later;
        }
        if later.count == 0.0 {
            return self;
        }
        let count = self.count + later.count;
        let share = later.count / count;
        let (dx, dy) = (later.mean_x - self.mean_x, later.mean_y - self.mean_y);
        let weight = self.count * share;
        Self {
            count,
            mean_x: self.mean_x + dx * share,
            mean_y: self.mean_y + dy * share,
            xx: self.xx + later.xx + dx * dx * weight,
            xy: self.xy + later.xy + dx * dy * weight,
        }
    }
}

/// What some samples make of a level and the next slope of a double exponential smoothing: a
/// linear map and an addend.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Smoothing {
    /// `level` and `slope` after them, each of `level` and `slope` before.
    level: [f64; 2],
    slope: [f64; 2],
    add: [f64; 2],
}

impl Smoothing {
    /// Of one sample.
    #[inline]
    pub(crate) fn of(value: f64, smoothing: f64, trend: f64) -> Self {
        // level' = smoothing * value + (1 - smoothing) * (level + slope)
        // slope' = trend * (level' - level) + (1 - trend) * slope
        let keep = 1.0 - smoothing;
        Self {
            level: [keep, keep],
            slope: [-trend * smoothing, trend * keep + (1.0 - trend)],
            add: [smoothing * value, trend * smoothing * value],
        }
    }

    /// The level behind the samples.
    pub(crate) fn level(self, level: f64, slope: f64) -> f64 {
        self.level[0] * level + self.level[1] * slope + self.add[0]
    }
}

impl Summary for Smoothing {
    const NONE: Self = Self {
        level: [1.0, 0.0],
        slope: [0.0, 1.0],
        add: [0.0, 0.0],
    };

    #[inline]
    fn then(self, later: Self) -> Self {
        let row = |by: [f64; 2]| {
            [
                by[0] * self.level[0] + by[1] * self.slope[0],
                by[0] * self.level[1] + by[1] * self.slope[1],
            ]
        };
        let added = |by: [f64; 2]| by[0] * self.add[0] + by[1] * self.add[1];
        Self {
            level: row(later.level),
            slope: row(later.slope),
            add: [
                added(later.level) + later.add[0],
                added(later.slope) + later.add[1],
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all<S: Summary>(summaries: impl IntoIterator<Item = S>) -> S {
        summaries.into_iter().fold(S::NONE, S::then)
    }

    #[test]
    fn halves_of_a_sum_keep_what_rounding_took() {
        let values = [1.0, 1e100, 1.0, -1e100];
        for split in 0..=values.len() {
            let (first, second) = values.split_at(split);
            let half = |values: &[f64]| all(values.iter().map(|value| Kahan::new(*value)));
            assert_eq!(half(first).then(half(second)).total(), 2.0, "{split}");
        }
    }

    #[test]
    fn a_spread_far_from_zero_keeps_its_digits() {
        let values = [4.0, 7.0, 13.0, 16.0].map(|value| value + 1e9);
        assert_eq!(all(values.map(Spread::of)).variance(), 22.5);
        assert_eq!(all([1e200; 3].map(Spread::of)).variance(), 0.0);
        assert!(
            all([1.0, f64::INFINITY].map(Spread::of))
                .variance()
                .is_nan()
        );
    }

    #[test]
    fn a_line_goes_through_its_points() {
        let points = [(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)].map(|(x, y)| Points::of(x, y));
        assert_eq!(all(points).line(1.0), (2.0, 3.0));
    }
}
