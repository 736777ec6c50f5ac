//! The functions that change each value of an instant vector by itself.

use super::Context;
use super::column::{ABSENT, Fill, OutputSeries, Vector, is_absent};
use super::dates::DatePart;
use super::grid::Grid;
use super::merge::{Duplicates, merged};
use crate::error::QueryError;

/// A function of one number; `None` where the name is not one of these.
pub(crate) fn by_name(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "acos" => f64::acos,
        "acosh" => f64::acosh,
        "asin" => f64::asin,
        "asinh" => f64::asinh,
        "atan" => f64::atan,
        "atanh" => f64::atanh,
        "ceil" => f64::ceil,
        "cos" => f64::cos,
        "cosh" => f64::cosh,
        "deg" => |value| value * 180.0 / std::f64::consts::PI,
        "exp" => f64::exp,
        "floor" => f64::floor,
        "ln" => f64::ln,
        "log10" => f64::log10,
        "log2" => f64::log2,
        "rad" => |value| value * std::f64::consts::PI / 180.0,
        "sgn" => |value| match value {
            value if value < 0.0 => -1.0,
            value if value > 0.0 => 1.0,
            value => value,
        },
        "sin" => f64::sin,
        "sinh" => f64::sinh,
        "sqrt" => f64::sqrt,
        "tan" => f64::tan,
        "tanh" => f64::tanh,
        _ => return None,
    })
}

/// The part of a date that a function of this name gives.
pub(crate) fn date_part(name: &str) -> Option<DatePart> {
    Some(match name {
        "minute" => DatePart::Minute,
        "hour" => DatePart::Hour,
        "day_of_week" => DatePart::DayOfWeek,
        "day_of_month" => DatePart::DayOfMonth,
        "day_of_year" => DatePart::DayOfYear,
        "days_in_month" => DatePart::DaysInMonth,
        "month" => DatePart::Month,
        "year" => DatePart::Year,
        _ => return None,
    })
}

/// Changes every number, and with it the meaning of the metric name; native histograms are left
/// out. The caller merges series that now have the same labels.
pub(crate) fn map_steps<'a>(
    context: Context<'a>,
    vector: Vector<'a>,
    f: impl Fn(usize, f64) -> f64 + Send + Sync + 'a,
) -> Vector<'a> {
    let series: Vec<OutputSeries> = vector
        .series
        .iter()
        .map(|series| context.renamed(series))
        .collect();
    let inner = vector.fill;
    let fill: Fill<'a> = Box::new(move |index, out| {
        inner(index, out);
        out.drop_histograms();
        for (step, value) in out.iter_mut().enumerate() {
            if !is_absent(*value) {
                *value = f(step, *value);
            }
        }
    });
    Vector { series, fill }
}

/// [`map_steps`], and the check for series of the same labels.
pub(crate) fn mapped<'a>(
    context: Context<'a>,
    vector: Vector<'a>,
    grid: Grid,
    f: impl Fn(usize, f64) -> f64 + Send + Sync + 'a,
) -> Result<Vector<'a>, QueryError> {
    let vector = map_steps(context, vector, f);
    checked(context, vector, grid)
}

/// Merges series of the same labels where that is due already.
pub(crate) fn checked<'a>(
    context: Context<'a>,
    vector: Vector<'a>,
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    if context.checks_step(grid) {
        merged(context, vector, grid.count, Duplicates::AtAStep)
    } else {
        Ok(vector)
    }
}

/// `clamp`, `clamp_min` and `clamp_max`: bounds a step. Where the bounds cross there is no value.
pub(crate) fn clamp<'a>(
    context: Context<'a>,
    vector: Vector<'a>,
    grid: Grid,
    min: Vec<f64>,
    max: Vec<f64>,
) -> Result<Vector<'a>, QueryError> {
    mapped(context, vector, grid, move |step, value| {
        let (min, max) = (min[step], max[step]);
        if max < min {
            ABSENT
        } else {
            go_max(min, go_min(max, value))
        }
    })
}

/// `round`: to the nearest multiple, upwards between two.
pub(crate) fn round<'a>(
    context: Context<'a>,
    vector: Vector<'a>,
    grid: Grid,
    to_nearest: Vec<f64>,
) -> Result<Vector<'a>, QueryError> {
    mapped(context, vector, grid, move |step, value| {
        // The inverse loses fewer digits.
        let inverse = 1.0 / to_nearest[step];
        (value * inverse + 0.5).floor() / inverse
    })
}

/// The larger one; NaN wins over all but +Inf.
pub(crate) fn go_max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

/// The smaller one; NaN wins over all but -Inf.
pub(crate) fn go_min(a: f64, b: f64) -> f64 {
    -go_max(-a, -b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_treat_nan_as_go_does() {
        assert!(go_max(1.0, f64::NAN).is_nan());
        assert_eq!(go_max(f64::INFINITY, f64::NAN), f64::INFINITY);
        assert!(go_min(f64::NAN, 1.0).is_nan());
        assert_eq!(go_min(f64::NAN, f64::NEG_INFINITY), f64::NEG_INFINITY);
        assert_eq!((go_min(1.0, 2.0), go_max(1.0, 2.0)), (1.0, 2.0));
    }
}
