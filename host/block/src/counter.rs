//! What a downsampled block keeps of a counter: few samples, at their own times, between which it
//! has grown by as much as between all of them.
//!
//! Of each window the last sample is kept, so growth from the end of one window to the end of
//! another is what these say, as long as the value never falls in between. PromQL takes a fall for
//! a reset and adds the value before it. So where values fall, one sample more says their sum: it
//! lies at the time of the last one before the last fall, and is as high as the counter would have
//! to be there to lose as much in one fall as it lost in all of them.

use std::sync::Arc;

use narthex_model::FloatHistogram;
use narthex_model::histogram::{CounterResetHint, HistogramSum};
use narthex_storage::Series;

use crate::aggregate::{Columns, Sample, Windows, compacted, hinted, histogram, samples};

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
            push(behind, Sample::at(series, behind));
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
        let Some(height) = compacted(&height) else {
            return nothing;
        };
        kept.push((chain[top], hinted(&height, CounterResetHint::Unknown)));
    }
    (kept, CounterResetHint::Reset)
}

#[cfg(test)]
mod tests {
    use narthex_model::{Labels, sample};

    use super::*;

    const WINDOWS: Windows = Windows {
        resolution_ms: 10,
        last_ms: 1_000,
    };

    /// Keeps samples of windows of 10, and prints them: `s` is a staleness marker.
    fn check(samples: &str, expected: &str) {
        let parse = |word: &str| {
            let (time, value) = word.split_once(':').unwrap();
            let value = match value {
                "s" => sample::STALE_NAN,
                value => value.parse().unwrap(),
            };
            (time.parse::<i64>().unwrap(), value)
        };
        let (times, values): (Vec<i64>, Vec<f64>) = samples.split(' ').map(parse).unzip();
        let series = Series::of_numbers(Labels::empty(), times, values);
        let mut columns = Columns::default();
        keep(&series, WINDOWS, &mut columns);
        let kept = columns.into_series(Labels::empty()).unwrap();
        let kept = kept.timestamps.iter().zip(&kept.values[..]);
        let shown = kept.map(|(time, value)| match sample::is_stale_nan(*value) {
            true => format!("{time}:s"),
            false => format!("{time}:{value}"),
        });
        assert_eq!(shown.collect::<Vec<_>>().join(" "), expected, "{samples}");
    }

    #[test]
    fn the_last_of_a_window_is_kept_and_the_first_behind_a_gap() {
        check("1:1 5:2 10:3 11:4 20:5", "1:1 10:3 20:5");
        check("1:1 10:3 31:4 35:5 40:6 41:7", "1:1 10:3 31:4 40:6 41:7");
        check("7:1", "7:1");
        check("-9:1 0:2 1:3", "-9:1 0:2 1:3");
    }

    #[test]
    fn the_height_of_a_window_with_resets_is_what_the_falls_take() {
        // 8 and 5 are lost: 8 + 5 at the time of the last fall.
        check("10:3 11:8 12:1 13:5 14:0 20:2", "10:3 13:13 20:2");
        // The fall is seen between what is kept anyway.
        check("10:3 11:1 20:2", "10:3 20:2");
        check("11:8 12:1 20:2", "11:8 20:2");
        // It would not be: the window ends above the height.
        check("10:3 11:1 12:2 20:7", "10:3 11:1 20:7");
        check("10:3 12:4 13:0 14:1 20:7", "10:3 12:4 13:0 20:7");
        check("10:3 12:4 20:0", "10:3 12:4 20:0");
        // What falls below zero never was a counter.
        check("10:3 12:4 13:-1 20:2", "10:3 20:2");
    }

    #[test]
    fn the_end_of_a_series_is_kept_once() {
        check("1:1 2:s 3:2 10:3", "1:1 10:3");
        check("1:1 2:s 3:s", "1:1 2:s");
        check("1:1 10:2 11:s 21:s 35:3 36:s", "1:1 10:2 11:s 35:3 36:s");
        // A fall behind a marker is a reset all the same.
        check("10:5 12:6 13:s 14:0 15:9 20:10", "10:5 12:6 14:0 20:10");
    }
}
