//! Whether a result is the expected one.

use std::fmt;

use narthex_model::sample::is_stale_nan;
use narthex_model::{FloatHistogram, Labels};

use super::evaluation::Times;
use super::expect::Expectations;
use super::histograms::{HistogramSequence, is_as_expected};
use crate::series_description::SequenceValue;
use crate::value::{MatrixSeries, Value, VectorSample};

/// Numbers may differ by this part of their sum.
const EPSILON: f64 = 1e-6;

/// Says where `value` is not what is expected.
pub(super) fn compare(expected: &Expectations, times: Times, value: &Value) -> Result<(), String> {
    match value {
        Value::Matrix(series) => {
            if expected.ordered() {
                return Err("expected ordered result, but query returned a matrix".to_owned());
            }
            if expected.scalar.is_some() {
                return Err("expected scalar result, but got a matrix".to_owned());
            }
            sorted(series)?;
            for found in series {
                matrix_series(expected, times, found)?;
            }
            none_missing(expected, |labels| {
                series.iter().any(|found| found.labels == *labels)
            })
        }
        Value::Vector(samples) => {
            if expected.scalar.is_some() {
                return Err(format!(
                    "expected scalar result, but got vector {samples:?}"
                ));
            }
            for (index, found) in samples.iter().enumerate() {
                vector_sample(expected, index + 1, found)?;
            }
            none_missing(expected, |labels| {
                samples.iter().any(|found| found.labels == *labels)
            })
        }
        Value::Scalar { value, .. } => match &expected.scalar {
            None => Err(format!("expected vector or matrix result, but got {value}")),
            Some(SequenceValue::Float(wanted)) if almost_equal(*wanted, *value) => Ok(()),
            Some(wanted) => Err(format!("expected scalar {wanted:?} but got {value}")),
        },
        Value::String { value, .. } if *value == expected.string => Ok(()),
        Value::String { value, .. } => Err(format!(
            "expected string {:?} but got {value:?}",
            expected.string
        )),
    }
}

/// Says where series of a matrix are out of order.
pub(super) fn sorted(series: &[MatrixSeries]) -> Result<(), String> {
    for pair in series.windows(2) {
        if pair[0].labels > pair[1].labels {
            return Err(format!(
                "matrix results should always be sorted by labels, but {} comes before {}",
                pair[0].labels, pair[1].labels
            ));
        }
    }
    Ok(())
}

fn none_missing(expected: &Expectations, found: impl Fn(&Labels) -> bool) -> Result<(), String> {
    match expected.series.keys().find(|labels| !found(labels)) {
        None => Ok(()),
        Some(labels) => Err(format!("expected metric {labels} not found")),
    }
}

fn vector_sample(
    expected: &Expectations,
    place: usize,
    found: &VectorSample,
) -> Result<(), String> {
    let VectorSample {
        labels,
        value,
        histogram,
        ..
    } = found;
    let value = match histogram {
        None => Found::Number(*value),
        Some(histogram) => Found::Histogram(histogram),
    };
    let Some((wanted_place, wanted)) = expected.series.get(labels) else {
        return Err(format!(
            "unexpected metric {labels} in result, has value {value}"
        ));
    };
    if expected.ordered() && *wanted_place != place {
        return Err(format!(
            "expected metric {labels} at position {wanted_place} but was at {place}"
        ));
    }
    let Some(wanted) = Wanted::of(wanted.first(), &mut HistogramSequence::default())? else {
        return Err(format!("expected nothing for {labels} but got {value}"));
    };
    match wanted.accepts(&value) {
        true => Ok(()),
        false => Err(format!("expected {wanted} for {labels} but got {value}")),
    }
}

/// A value that was found.
enum Found<'a> {
    Number(f64),
    Histogram(&'a FloatHistogram),
}

/// A value that is expected.
#[derive(Debug)]
enum Wanted {
    Number(f64),
    Histogram(Box<FloatHistogram>),
}

impl Wanted {
    fn of(
        value: Option<&SequenceValue>,
        sequence: &mut HistogramSequence,
    ) -> Result<Option<Self>, String> {
        Ok(match value {
            None | Some(SequenceValue::Omitted) => None,
            Some(SequenceValue::Float(value)) => Some(Self::Number(*value)),
            Some(SequenceValue::Histogram(histogram)) => {
                Some(Self::Histogram(Box::new(sequence.next(histogram)?)))
            }
        })
    }

    fn accepts(&self, found: &Found<'_>) -> bool {
        match (self, found) {
            (Self::Number(wanted), Found::Number(found)) => almost_equal(*wanted, *found),
            (Self::Histogram(wanted), Found::Histogram(found)) => is_as_expected(wanted, found),
            _ => false,
        }
    }
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) => value.fmt(f),
            Self::Histogram(histogram) => describe(histogram, f),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(value) => value.fmt(f),
            Self::Histogram(histogram) => describe(histogram, f),
        }
    }
}

/// A histogram with what its plain text leaves out.
fn describe(histogram: &FloatHistogram, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let hint = histogram.counter_reset_hint;
    write!(f, "{histogram} (schema {}, {hint:?})", histogram.schema)
}

fn matrix_series(
    expected: &Expectations,
    times: Times,
    found: &MatrixSeries,
) -> Result<(), String> {
    let labels = &found.labels;
    let Some((_, wanted)) = expected.series.get(labels) else {
        return Err(format!(
            "unexpected metric {labels} in result, has {found:?}"
        ));
    };
    let mut points = Vec::new();
    let mut sequence = HistogramSequence::default();
    for (value, index) in wanted.iter().zip(0..) {
        let time = times
            .step_ms
            .saturating_mul(index)
            .saturating_add(times.start_ms);
        if time > times.end_ms {
            return Err(format!(
                "expected {} points for {labels}, but query time range cannot return this many points",
                wanted.len()
            ));
        }
        if let Some(value) = Wanted::of(Some(value), &mut sequence)? {
            points.push((time, value));
        }
    }
    let numbers = found.timestamps.iter().zip(&found.values);
    let numbers = numbers.map(|(time, value)| (*time, Found::Number(*value)));
    let histograms = found.histograms.iter();
    let histograms = histograms.map(|(time, histogram)| (*time, Found::Histogram(histogram)));
    let mut found_points: Vec<(i64, Found<'_>)> = numbers.chain(histograms).collect();
    found_points.sort_by_key(|(time, _)| *time);
    let mut pairs = points.iter().zip(&found_points);
    let equal = points.len() == found_points.len()
        && pairs.all(|(wanted, (time, value))| wanted.0 == *time && wanted.1.accepts(value));
    if equal {
        return Ok(());
    }
    let text = |time: &i64, value: &dyn fmt::Display| format!("{value} @{time}");
    let wanted: Vec<String> = points.iter().map(|(t, v)| text(t, v)).collect();
    let found: Vec<String> = found_points.iter().map(|(t, v)| text(t, v)).collect();
    Err(format!(
        "expected [{}] for {labels}, but got [{}]",
        wanted.join(", "),
        found.join(", ")
    ))
}

/// Equal within [`EPSILON`]. Any NaN is any other, but the staleness marker is only itself.
pub(super) fn almost_equal(a: f64, b: f64) -> bool {
    if is_stale_nan(a) || is_stale_nan(b) {
        return is_stale_nan(a) && is_stale_nan(b);
    }
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let sum = a.abs() + b.abs();
    let difference = (a - b).abs();
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < EPSILON * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < EPSILON
}

#[cfg(test)]
mod tests {
    use narthex_model::sample::STALE_NAN;

    use super::*;

    #[test]
    fn numbers_are_equal_within_a_millionth() {
        for (a, b, equal) in [
            (1.0, 1.0, true),
            (1.0, 1.000_001, true),
            (1.0, 1.000_01, false),
            (0.0, -0.0, true),
            (0.0, 1e-300, false),
            (f64::NAN, -f64::NAN, true),
            (f64::NAN, 1.0, false),
            (STALE_NAN, f64::NAN, false),
            (STALE_NAN, STALE_NAN, true),
            (f64::INFINITY, f64::INFINITY, true),
            (f64::INFINITY, f64::MAX, false),
            (f64::MAX, f64::MAX * 0.999_999_9, true),
        ] {
            assert_eq!(almost_equal(a, b), equal, "{a} {b}");
        }
    }
}
