//! Quantiles and fractions of histograms: of classic ones, whose buckets are series with a label
//! `le` and cumulative counts, and of native ones. Where a classic and a native histogram have
//! the same labels at the same time, neither counts.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use narthex_model::histogram::Estimate;
use narthex_model::{FloatHistogram, Labels, LabelsBuilder};

use super::Context;
use super::column::{ABSENT, Column, Fill, OutputSeries, Vector, is_absent};
use super::grid::Grid;
use super::histogram_range::has_number;
use super::instant_functions::checked;
use crate::annotations::{ForcedMonotonicity, Note, Notes, shortest};
use crate::ast::Span;
use crate::error::QueryError;

const BUCKET_LABEL: &str = "le";
/// A smaller relative difference between the counts of two buckets is rounding.
const SMALL_DIFFERENCE: f64 = 1e-12;

/// Warns of quantiles that are not between 0 and 1.
pub(crate) fn warn_of_quantiles(context: Context<'_>, span: Span, quantiles: &[f64]) {
    for q in quantiles.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
        context.annotations.invalid_quantile(span, *q);
    }
}

/// As [`warn_of_quantiles`], but of the highest and the lowest value only.
pub(crate) fn warn_of_extremes(context: Context<'_>, span: Span, quantiles: &[f64]) {
    let highest = quantiles.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let lowest = quantiles.iter().copied().fold(f64::INFINITY, f64::min);
    let nan = quantiles.iter().copied().find(|q| q.is_nan());
    let known = [highest, lowest].into_iter().filter(|q| q.is_finite());
    let extremes: Vec<f64> = known.chain(nan).collect();
    warn_of_quantiles(context, span, &extremes);
}

/// `histogram_quantile`; with a `label`, that label holds the quantile.
pub(crate) fn quantile<'a>(
    context: Context<'a>,
    vector: Vector<'a>,
    (parameter_span, span): (Span, Span),
    grid: Grid,
    quantiles: Vec<f64>,
    label: Option<&str>,
) -> Result<Vector<'a>, QueryError> {
    let (mut series, histograms) = group(context, &vector);
    if let Some(label) = label {
        let quantile = quantiles.first().copied().unwrap_or(f64::NAN);
        let value = open_metrics_number(quantile);
        for series in &mut series {
            series.labels = LabelsBuilder::from_labels(&series.labels)
                .set(label, &value)
                .build();
        }
    }
    let names = names(context, &series);
    let inner = vector.fill;
    let of_native = quantiles.clone();
    let fill: Fill<'a> = Box::new(move |index, out| {
        let native = Native {
            value: &|step, histogram| histogram.quantile(of_native[step]),
            nan_note: |value| match value.is_nan() {
                true => Note::NanQuantile,
                false => Note::SkewedQuantile,
            },
            span: parameter_span,
            metric: &names[index],
        };
        each_step(
            context,
            span,
            &inner,
            (&histograms[index], &native),
            out,
            |step, buckets| {
                let (value, forced) = bucket_quantile(quantiles[step], buckets);
                if let Some((min_bucket, max_bucket, max_diff)) = forced {
                    let time_ms = grid.time(step);
                    let forced = ForcedMonotonicity {
                        min_bucket,
                        max_bucket,
                        max_diff,
                        min_ms: time_ms,
                        max_ms: time_ms,
                        samples: 1,
                    };
                    context
                        .annotations
                        .forced_monotonicity(span, &names[index], forced);
                }
                value
            },
        );
    });
    checked(context, Vector { series, fill }, grid)
}

/// `histogram_fraction`
pub(crate) fn fraction<'a>(
    context: Context<'a>,
    vector: Vector<'a>,
    (parameter_span, span): (Span, Span),
    grid: Grid,
    lower: Vec<f64>,
    upper: Vec<f64>,
) -> Result<Vector<'a>, QueryError> {
    let (series, histograms) = group(context, &vector);
    let names = names(context, &series);
    let inner = vector.fill;
    let (of_native, to_native) = (lower.clone(), upper.clone());
    let fill: Fill<'a> = Box::new(move |index, out| {
        let native = Native {
            value: &|step, histogram| histogram.fraction(of_native[step], to_native[step]),
            nan_note: |_| Note::NanFraction,
            span: parameter_span,
            metric: &names[index],
        };
        each_step(
            context,
            span,
            &inner,
            (&histograms[index], &native),
            out,
            |step, buckets| bucket_fraction(lower[step], upper[step], buckets),
        );
    });
    checked(context, Vector { series, fill }, grid)
}

/// The metrics that annotations name: none where names are gone already.
fn names(context: Context<'_>, series: &[OutputSeries]) -> Vec<String> {
    let series = series.iter();
    let names = series.map(|series| match context.delayed_name_removal {
        true => series.labels.metric_name().to_owned(),
        false => String::new(),
    });
    names.collect()
}

/// What is made of a native histogram.
struct Native<'n> {
    value: &'n dyn Fn(usize, &FloatHistogram) -> Estimate,
    /// What is said of NaN observations, depending on the value.
    nan_note: fn(f64) -> Note,
    /// Where that is said.
    span: Span,
    metric: &'n str,
}

/// The series of one histogram. The native histograms that have the same labels are with it.
struct Histogram {
    metric: String,
    /// Upper bounds and the places of their series, ascending by bound.
    buckets: Vec<(f64, usize)>,
    /// Series whose `le` is no number: place, metric name, label. Numbers of those are malformed,
    /// native histograms are what they should be.
    malformed: Vec<(usize, String, String)>,
}

/// One bucket at one step.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bucket {
    upper: f64,
    count: f64,
}

/// Finds which series make up a histogram: those that differ in nothing but `le`.
fn group(context: Context<'_>, vector: &Vector<'_>) -> (Vec<OutputSeries>, Vec<Histogram>) {
    let mut index_of: HashMap<Labels, usize> = HashMap::new();
    let mut histograms: Vec<Histogram> = Vec::new();
    let mut outputs: Vec<OutputSeries> = Vec::new();
    for (place, series) in vector.series.iter().enumerate() {
        let labels = series.labels.without(&[BUCKET_LABEL]);
        let index = *index_of.entry(labels).or_insert_with_key(|labels| {
            histograms.push(Histogram {
                buckets: Vec::new(),
                malformed: Vec::new(),
                metric: labels.metric_name().to_owned(),
            });
            outputs.push(context.renamed(&OutputSeries {
                labels: labels.clone(),
                drop_name: true,
            }));
            histograms.len() - 1
        });
        let le = series.labels.get(BUCKET_LABEL).unwrap_or("");
        match le.parse::<f64>() {
            Ok(upper) => histograms[index].buckets.push((upper, place)),
            Err(_) => {
                let metric = match context.delayed_name_removal {
                    true => series.labels.metric_name().to_owned(),
                    false => String::new(),
                };
                histograms[index]
                    .malformed
                    .push((place, metric, le.to_owned()));
            }
        }
    }
    for histogram in &mut histograms {
        histogram.buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    }
    (outputs, histograms)
}

/// Computes the buckets' columns and from them, at each step that has a bucket, the value.
fn each_step(
    context: Context<'_>,
    span: Span,
    inner: &Fill<'_>,
    (histogram, native): (&Histogram, &Native<'_>),
    out: &mut Column,
    mut value: impl FnMut(usize, &mut Vec<Bucket>) -> f64,
) {
    let steps = out.len();
    let mut natives: Vec<Option<Arc<FloatHistogram>>> = Vec::new();
    for (place, metric, le) in &histogram.malformed {
        inner(*place, out);
        if has_number(out) {
            context.annotations.bad_bucket_label(span, metric, le);
        }
        if out.has_histograms() {
            natives.resize(steps, None);
            for (step, native) in natives.iter_mut().enumerate() {
                *native = native.take().or_else(|| out.histogram(step).cloned());
            }
        }
    }
    let mut counts = vec![ABSENT; steps * histogram.buckets.len()];
    let columns = counts.chunks_mut(steps.max(1));
    for ((_, place), column) in histogram.buckets.iter().zip(columns) {
        inner(*place, out);
        out.drop_histograms();
        column.copy_from_slice(out);
    }
    let mut notes = Notes::default();
    let mut has_mixed = false;
    let mut buckets = Vec::with_capacity(histogram.buckets.len());
    out.drop_histograms();
    for (step, out) in out.iter_mut().enumerate() {
        buckets.clear();
        for (at, (upper, _)) in histogram.buckets.iter().enumerate() {
            let count = counts[at * steps + step];
            if !is_absent(count) {
                buckets.push(Bucket {
                    upper: *upper,
                    count,
                });
            }
        }
        let histogram = natives.get(step).and_then(Option::as_deref);
        *out = match (histogram, buckets.is_empty()) {
            (None, true) => ABSENT,
            (None, false) => value(step, &mut buckets),
            (Some(_), false) => {
                has_mixed = true;
                ABSENT
            }
            (Some(histogram), true) => {
                let estimate = (native.value)(step, histogram);
                if estimate.has_nan_observations {
                    notes.add((native.nan_note)(estimate.value));
                }
                estimate.value
            }
        };
    }
    notes.report(context.annotations, native.span, native.metric);
    if has_mixed {
        let mut notes = Notes::default();
        notes.add(Note::MixedClassicNative);
        notes.report(context.annotations, span, &histogram.metric);
    }
}

/// The quantile, and where counts did not ascend: the lowest and highest bound and the largest
/// difference.
fn bucket_quantile(q: f64, buckets: &mut Vec<Bucket>) -> (f64, Option<(f64, f64, f64)>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if !ends_in_infinity(buckets) {
        return (f64::NAN, None);
    }
    coalesce(buckets);
    let forced = force_monotonic(buckets);
    let last = buckets.len() - 1;
    let observations = buckets[last].count;
    if last == 0 || observations == 0.0 {
        return (f64::NAN, None);
    }
    let mut rank = q * observations;
    let found = buckets[..last].partition_point(|bucket| {
        // Not `<`: a rank that is NaN is in the last bucket.
        !matches!(
            bucket.count.partial_cmp(&rank),
            Some(Ordering::Equal | Ordering::Greater)
        )
    });
    if found == last {
        return (buckets[last - 1].upper, forced);
    }
    let bucket = buckets[found];
    if found == 0 && bucket.upper <= 0.0 {
        return (bucket.upper, forced);
    }
    let (mut start, mut count) = (0.0, bucket.count);
    if found > 0 {
        start = buckets[found - 1].upper;
        count -= buckets[found - 1].count;
        rank -= buckets[found - 1].count;
    }
    (start + (bucket.upper - start) * (rank / count), forced)
}

/// The share of the observations between two values.
fn bucket_fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if !ends_in_infinity(buckets) {
        return f64::NAN;
    }
    coalesce(buckets);
    let count = buckets[buckets.len() - 1].count;
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let rank = |value: f64| rank_of(value, buckets).map_or(count, |rank| rank.min(count));
    (rank(upper) - rank(lower)) / count
}

/// How many observations are below a value; `None` where it is in no bucket. The lowest bucket
/// starts at zero; one that ends at zero or below starts nowhere, and has all of its observations
/// at its end.
fn rank_of(value: f64, buckets: &[Bucket]) -> Option<f64> {
    let lowest = buckets.first()?;
    let (mut below, mut lower) = match lowest.upper > 0.0 {
        true => (0.0, 0.0),
        false => (0.0, lowest.upper),
    };
    for bucket in buckets {
        if lower >= value {
            return Some(below);
        }
        if bucket.upper > value {
            let share = (value - lower) / (bucket.upper - lower);
            return Some(below + (bucket.count - below) * share);
        }
        below = bucket.count;
        lower = bucket.upper;
    }
    None
}

fn ends_in_infinity(buckets: &[Bucket]) -> bool {
    buckets
        .last()
        .is_some_and(|bucket| bucket.upper == f64::INFINITY)
}

/// Adds up buckets of the same bound.
fn coalesce(buckets: &mut Vec<Bucket>) {
    buckets.dedup_by(|bucket, kept| {
        let same = bucket.upper == kept.upper;
        if same {
            kept.count += bucket.count;
        }
        same
    });
}

/// Raises counts that are below the one before. A tiny difference, up or down, is taken for
/// rounding and evened out without a word.
fn force_monotonic(buckets: &mut [Bucket]) -> Option<(f64, f64, f64)> {
    let mut forced: Option<(f64, f64, f64)> = None;
    let mut before = buckets.first()?.count;
    for bucket in &mut buckets[1..] {
        let count = bucket.count;
        if count == before {
            continue;
        }
        if almost_equal(before, count) {
            bucket.count = before;
        } else if count < before {
            let (min, _, diff) = forced.unwrap_or((bucket.upper, bucket.upper, 0.0));
            forced = Some((min, bucket.upper, f64::max(diff, before - count)));
            bucket.count = before;
        } else {
            before = count;
        }
    }
    forced
}

fn almost_equal(a: f64, b: f64) -> bool {
    if a.is_nan() && b.is_nan() || a == b {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < SMALL_DIFFERENCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < SMALL_DIFFERENCE
}

/// A whole number gets a `.0`.
fn open_metrics_number(value: f64) -> String {
    let text = shortest(value);
    if value.is_finite() && !text.contains(['e', '.']) {
        format!("{text}.0")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(pairs: &[(f64, f64)]) -> Vec<Bucket> {
        pairs
            .iter()
            .map(|(upper, count)| Bucket {
                upper: *upper,
                count: *count,
            })
            .collect()
    }

    #[test]
    fn quantiles_interpolate_inside_of_a_bucket() {
        let histogram = [(0.1, 10.0), (0.2, 30.0), (f64::INFINITY, 40.0)];
        for (q, expected) in [(0.0, 0.0), (0.125, 0.05), (0.5, 0.15), (0.9, 0.2)] {
            let (value, forced) = bucket_quantile(q, &mut buckets(&histogram));
            assert!((value - expected).abs() < 1e-12, "{q}: {value}");
            assert_eq!(forced, None);
        }
    }

    #[test]
    fn counts_that_fall_are_raised_and_reported() {
        let mut falling = buckets(&[(0.5, 40.0), (1.0, 30.0), (f64::INFINITY, 35.0)]);
        let (value, forced) = bucket_quantile(0.5, &mut falling);
        assert_eq!((value, forced), (0.25, Some((1.0, f64::INFINITY, 10.0))));
        let mut rounded = buckets(&[(0.5, 40.0), (f64::INFINITY, 40.0 - 1e-13)]);
        assert_eq!(bucket_quantile(0.5, &mut rounded).1, None);
    }

    #[test]
    fn a_histogram_without_its_last_bucket_has_no_quantile() {
        assert!(
            bucket_quantile(0.5, &mut buckets(&[(1.0, 10.0)]))
                .0
                .is_nan()
        );
        assert!(
            bucket_quantile(0.5, &mut buckets(&[(f64::INFINITY, 10.0)]))
                .0
                .is_nan()
        );
        assert!(bucket_fraction(0.0, 1.0, &mut buckets(&[(1.0, 10.0)])).is_nan());
    }

    #[test]
    fn fractions_are_the_inverse_of_quantiles() {
        let histogram = [(0.1, 10.0), (0.2, 30.0), (f64::INFINITY, 40.0)];
        for (lower, upper, expected) in [
            (0.0, 0.1, 0.25),
            (0.05, 0.15, 0.375),
            (f64::NEG_INFINITY, 0.2, 0.75),
            (0.2, f64::INFINITY, 0.25),
            (1.0, 0.0, 0.0),
            (-10.0, -5.0, 0.0),
            (-10.0, 0.1, 0.25),
        ] {
            let value = bucket_fraction(lower, upper, &mut buckets(&histogram));
            assert!((value - expected).abs() < 1e-12, "{lower} {upper}: {value}");
        }
    }
}
