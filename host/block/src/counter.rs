//! What a downsampled block keeps of a counter: few samples, at their own times, between which it
//! has grown by as much as between all of them.
//!
//! Of each window the last sample is kept, so growth from the end of one window to the end of
//! another is what these say, as long as the value never falls in between. PromQL takes a fall for
//! a reset and adds the value before it. So where values fall, one sample more says their sum: it
//! lies at the time of the last one before the last fall, and is as high as the counter would have
//! to be there to lose as much in one fall as it lost in all of them.

use std::sync::Arc;

use narthex_model::histogram::{CounterResetHint, HistogramSum};
use narthex_model::{FloatHistogram, sample};
use narthex_storage::Series;

use crate::aggregate::{Columns, Sample, Windows, hinted, histogram, samples};

/// Adds what is kept of a series. Of each window that is, by time:
///
/// - the first sample, where the window before it has none;
/// - what [`falls_of_numbers`] and [`falls_of_histograms`] say;
/// - the last sample;
/// - the first staleness marker behind it, unless the series had ended before.
pub(crate) fn keep(series: &Series, windows: Windows, columns: &mut Columns) {
    let mut push = |at: usize, sample: Sample| columns.push(series.timestamps[at], sample);
    // The last sample of the newest window that has any, and where the next window ends.
    let mut before: Option<(usize, i64)> = None;
    let mut has_ended = false;
    for (end_ms, window) in windows.cut(&series.timestamps) {
        let places: Vec<usize> = samples(series, window.clone()).collect();
        if let (Some(first), Some(last)) = (places.first(), places.last()) {
            // What is kept already, and that growth within the window goes on from.
            let base = match before {
                Some((base, next_ms)) if next_ms == end_ms => base,
                _ => {
                    push(*first, Sample::at(series, *first));
                    *first
                }
            };
            let behind = places.iter().copied().filter(|at| *at != base);
            let chain: Vec<usize> = std::iter::once(base).chain(behind).collect();
            for (at, sample) in after_base(series, &chain) {
                push(at, sample);
            }
            before = Some((*last, end_ms.saturating_add(windows.resolution_ms)));
            has_ended = false;
        }
        let behind = places.last().map_or(window.start, |last| last + 1);
        if behind < window.end && !has_ended {
            push(behind, Sample::Number(sample::STALE_NAN));
            has_ended = true;
        }
    }
}

/// What is kept of a chain of samples after the first one of it, which is kept already: what its
/// falls take, and its last sample.
fn after_base(series: &Series, chain: &[usize]) -> Vec<(usize, Sample)> {
    let [_, .., last] = chain else {
        return Vec::new();
    };
    let histograms = chain.iter().map(|at| histogram(series, *at));
    let histograms: Vec<Option<&Arc<FloatHistogram>>> = histograms.collect();
    let (mut kept, mut hint) = (Vec::new(), CounterResetHint::Unknown);
    if histograms.iter().all(Option::is_none) {
        kept = falls_of_numbers(series, chain);
    } else if let Some(histograms) = histograms.into_iter().collect::<Option<Vec<_>>>() {
        let is_gauge = |h: &&Arc<FloatHistogram>| h.counter_reset_hint == CounterResetHint::Gauge;
        if !histograms.iter().any(is_gauge) {
            (kept, hint) = falls_of_histograms(chain, &histograms);
        }
    }
    let sample = match (hint, histogram(series, *last)) {
        (CounterResetHint::Reset, Some(histogram)) => hinted(histogram, hint),
        _ => Sample::at(series, *last),
    };
    kept.push((*last, sample));
    kept
}

/// What is kept where numbers fall: the sum of all values before a fall, at the time of the last
/// of them; and the value after that one, where the last value of the chain is no lower than the
/// sum, so that the fall would not be seen.
///
/// A value below zero is no counter's, and then it is nothing.
fn falls_of_numbers(series: &Series, chain: &[usize]) -> Vec<(usize, Sample)> {
    let values: Vec<f64> = chain.iter().map(|at| series.values[*at]).collect();
    if values.iter().any(|value| *value < 0.0) {
        return Vec::new();
    }
    let mut height = 0.0;
    let mut top = None;
    for (place, pair) in values.windows(2).enumerate() {
        if pair[1] < pair[0] {
            height += pair[0];
            top = Some(place);
        }
    }
    let (Some(top), Some(last)) = (top, values.last()) else {
        return Vec::new();
    };
    let mut kept = Vec::new();
    // The first of the chain is kept already, and has that height itself.
    if top > 0 {
        kept.push((chain[top], Sample::Number(height)));
    }
    let is_seen = *last < height;
    if !is_seen && top + 2 < chain.len() {
        kept.push((chain[top + 1], Sample::Number(values[top + 1])));
    }
    kept
}

/// As of numbers; but a histogram can say that it comes after a reset, so that the last one of the
/// chain does, whatever its counts are.
fn falls_of_histograms(
    chain: &[usize],
    histograms: &[&Arc<FloatHistogram>],
) -> (Vec<(usize, Sample)>, CounterResetHint) {
    let nothing = (Vec::new(), CounterResetHint::Unknown);
    let mut height: Option<HistogramSum> = None;
    let mut top = 0;
    for (place, pair) in histograms.windows(2).enumerate() {
        let (before, histogram) = (pair[0], pair[1]);
        if !histogram.is_reset_after(before) {
            continue;
        }
        top = place;
        let Some(sum) = &mut height else {
            height = Some(HistogramSum::new(before));
            continue;
        };
        // Exponential buckets and others in one window: no growth is known of it at all.
        if sum.add(before).is_err() {
            return nothing;
        }
    }
    let Some(height) = height else {
        return nothing;
    };
    let mut kept = Vec::new();
    if top > 0 {
        let mut height = height.total();
        height.compact();
        kept.push((chain[top], hinted(&height, CounterResetHint::Unknown)));
    }
    (kept, CounterResetHint::Reset)
}
