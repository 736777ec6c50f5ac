//! Quantiles and fractions of histograms: of classic ones, whose buckets are series with a label
//! `le` and cumulative counts, and of native ones. Where a classic and a native histogram have
//! the same labels at the same time, neither counts. Of a native histogram `le` is a label like
//! any other, and stays; of numbers it is what makes them a bucket.

use std::collections::HashMap;
use std::sync::Arc;

use narthex_model::histogram::Estimate;
use narthex_model::{FloatHistogram, Labels, LabelsBuilder};

use super::Context;
use super::classic_buckets::{Bucket, bucket_fraction, bucket_quantile};
use super::column::{ABSENT, Column, Fill, OutputSeries, Vector, is_absent};
use super::grid::Grid;
use super::histogram_range::has_number;
use super::instant_functions::checked;
use crate::annotations::{ForcedMonotonicity, Note, Notes, shortest};
use crate::ast::Span;
use crate::error::QueryError;

const BUCKET_LABEL: &str = "le";

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
#[derive(Default)]
struct Histogram {
    metric: String,
    /// The series that may have native histograms: the one with these labels and no others.
    native: Option<usize>,
    /// Upper bounds and the places of their series, ascending by bound.
    buckets: Vec<(f64, usize)>,
    /// Series whose `le` is no number: place, metric name, label. Numbers of those are malformed.
    malformed: Vec<(usize, String, String)>,
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
                metric: labels.metric_name().to_owned(),
                ..Histogram::default()
            });
            outputs.push(context.renamed(&OutputSeries {
                labels: labels.clone(),
                drop_name: true,
            }));
            histograms.len() - 1
        });
        let le = series.labels.get(BUCKET_LABEL).unwrap_or("");
        if le.is_empty() {
            histograms[index].native = Some(place);
        }
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
    // With one column more for each bucket; nearly all queries read no native histogram at all.
    if context.may_have_histograms() {
        for (place, series) in vector.series.iter().enumerate() {
            if series.labels.get(BUCKET_LABEL).is_some() {
                outputs.push(context.renamed(series));
                histograms.push(Histogram {
                    metric: series.labels.metric_name().to_owned(),
                    native: Some(place),
                    ..Histogram::default()
                });
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
        if histogram.native == Some(*place) && out.has_histograms() {
            natives = (0..steps)
                .map(|step| out.histogram(step).cloned())
                .collect();
        }
    }
    // Without a label `le` it was among those just now.
    if let (Some(place), true) = (histogram.native, histogram.malformed.is_empty()) {
        inner(place, out);
        natives = (0..steps)
            .map(|step| out.histogram(step).cloned())
            .collect();
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

/// A whole number gets a `.0`.
fn open_metrics_number(value: f64) -> String {
    let text = shortest(value);
    if value.is_finite() && !text.contains(['e', '.']) {
        format!("{text}.0")
    } else {
        text
    }
}
