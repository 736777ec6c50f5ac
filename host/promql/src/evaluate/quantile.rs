//! Quantiles of plain numbers.

use std::cmp::Ordering;

/// NaN first, then by value: the order in which Prometheus takes quantiles.
pub(crate) fn nan_first(a: f64, b: f64) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
    }
}

/// The `q`-quantile of so many values, interpolated between the two nearest: `neighbours` gives
/// the value that so many are before, and the one behind it (itself where it is the last).
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "ranks are small, whole and not negative"
)]
pub(crate) fn interpolated(
    q: f64,
    count: usize,
    neighbours: impl FnOnce(usize) -> (f64, f64),
) -> f64 {
    if count == 0 || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let rank = q * (count - 1) as f64;
    let weight = rank - rank.floor();
    let (lower, upper) = neighbours(rank.floor().max(0.0) as usize);
    lower * (1.0 - weight) + upper * weight
}

/// The `q`-quantile of values, which are reordered.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    interpolated(q, values.len(), |below| {
        let (_, lower, rest) = values.select_nth_unstable_by(below, |a, b| nan_first(*a, *b));
        let upper = rest.iter().copied().min_by(|a, b| nan_first(*a, *b));
        (*lower, upper.unwrap_or(*lower))
    })
}

/// The median of the distances from the median. `scratch` is room to work in.
pub(crate) fn median_deviation(values: &[f64], scratch: &mut Vec<f64>) -> f64 {
    scratch.clear();
    scratch.extend_from_slice(values);
    let median = quantile(0.5, scratch);
    scratch.clear();
    scratch.extend(values.iter().map(|value| (value - median).abs()));
    quantile(0.5, scratch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        for (q, values, expected) in [
            (0.5, vec![3.0, 1.0, 2.0], 2.0),
            (0.75, vec![1.0, 2.0], 1.75),
            (0.0, vec![2.0, 1.0], 1.0),
            (1.0, vec![2.0, 1.0], 2.0),
            (-0.1, vec![1.0], f64::NEG_INFINITY),
            (1.1, vec![1.0], f64::INFINITY),
            (1.0, vec![f64::NAN, 1.0], 1.0),
        ] {
            let mut sorted = values.clone();
            assert_eq!(quantile(q, &mut sorted), expected, "{q} of {values:?}");
        }
        assert!(quantile(0.5, &mut []).is_nan());
        assert!(quantile(f64::NAN, &mut [1.0]).is_nan());
        assert!(quantile(0.0, &mut [1.0, f64::NAN]).is_nan());
    }
}
