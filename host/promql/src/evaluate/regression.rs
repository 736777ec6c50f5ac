//! Straight lines and smooth curves through the samples of a window.

use super::kahan::Kahan;

/// The line of least squares: its slope per second, and its value at `intercept_ms`.
#[allow(
    clippy::cast_precision_loss,
    reason = "milliseconds of any date are exact in a double"
)]
pub(crate) fn line(timestamps: &[i64], values: &[f64], intercept_ms: i64) -> (f64, f64) {
    let first = values.first().copied().unwrap_or(f64::NAN);
    // Compared so that a NaN counts as another value, even where all are NaN.
    let is_constant = values[1..].iter().all(|value| *value == first);
    if is_constant {
        return if first.is_infinite() {
            (f64::NAN, f64::NAN)
        } else {
            (0.0, first)
        };
    }
    let (mut n, mut sum_x, mut sum_y) = (0.0, Kahan::default(), Kahan::default());
    let (mut sum_xy, mut sum_x2) = (Kahan::default(), Kahan::default());
    for (timestamp, y) in timestamps.iter().zip(values) {
        let x = timestamp.saturating_sub(intercept_ms) as f64 / 1e3;
        n += 1.0;
        sum_x = sum_x.plus(x);
        sum_y = sum_y.plus(*y);
        sum_xy = sum_xy.plus(x * y);
        sum_x2 = sum_x2.plus(x * x);
    }
    let (sum_x, sum_y) = (sum_x.total(), sum_y.total());
    let covariance = sum_xy.total() - sum_x * sum_y / n;
    let variance = sum_x2.total() - sum_x * sum_x / n;
    let slope = covariance / variance;
    (slope, sum_y / n - slope * sum_x / n)
}

/// The last value of a double exponential smoothing over at least two values.
pub(crate) fn double_exponential_smoothing(values: &[f64], smoothing: f64, trend: f64) -> f64 {
    let mut before = 0.0;
    let mut smoothed = values[0];
    let mut slope = values[1] - values[0];
    for (at, value) in values[1..].iter().enumerate() {
        if at > 0 {
            slope = trend * (smoothed - before) + (1.0 - trend) * slope;
        }
        let next = smoothing * value + (1.0 - smoothing) * (smoothed + slope);
        before = smoothed;
        smoothed = next;
    }
    smoothed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_through_its_points() {
        let (slope, intercept) = line(&[0, 1000, 2000], &[1.0, 3.0, 5.0], 1000);
        assert_eq!((slope, intercept), (2.0, 3.0));
    }

    #[test]
    fn a_constant_is_flat_and_an_infinite_one_unknown() {
        assert_eq!(line(&[0, 1000], &[4.0, 4.0], 0), (0.0, 4.0));
        assert!(
            line(&[0, 1000], &[f64::INFINITY, f64::INFINITY], 0)
                .0
                .is_nan()
        );
    }

    #[test]
    fn smoothing_follows_a_line_exactly() {
        let values = [1.0, 2.0, 3.0, 4.0];
        let last = double_exponential_smoothing(&values, 0.3, 0.7);
        assert!((last - 4.0).abs() < 1e-12);
    }
}
