//! Makes one series of what several parts of a store, or several stores, have of it.

use std::sync::Arc;

use arrow_buffer::ScalarBuffer;
use narthex_model::FloatHistogram;
use narthex_model::histogram::CounterResetHint;

use crate::Series;

/// Where a sample lies: its part, and its place there.
pub type Place = (usize, usize);

impl Series {
    /// Joins samples of one series; of equal timestamps the first part's counts. `None` where
    /// there is no part.
    ///
    /// What a histogram says of a reset is about the sample before it in its own part. Where
    /// another one comes before it now, nothing is known, as in Prometheus.
    pub fn join(mut parts: Vec<Self>) -> Option<Self> {
        if parts.len() <= 1 {
            return parts.pop();
        }
        let follows = |a: &Self, b: &Self| a.timestamps.last() < b.timestamps.first();
        let is_rich = |part: &Self| part.histograms.is_some() || part.starts.is_some();
        if parts.iter().any(is_rich) {
            return join_all_columns(&parts);
        }
        let (timestamps, values) = match parts.is_sorted_by(follows) {
            true => chain(&parts),
            false => interleave(&parts),
        };
        let labels = parts.pop()?.labels;
        Some(Self::of_numbers(labels, timestamps, values))
    }
}

impl Series {
    /// The samples at these places, in that order, which is that of time; a place that no part has
    /// is passed over. Labels are those of the first part, and `None` is where there is none.
    ///
    /// What a histogram says of a reset is kept where the sample before it is the one that it has
    /// in its own part.
    pub fn gather(parts: &[Self], places: &[Place]) -> Option<Self> {
        let labels = parts.first()?.labels.clone();
        let has = |(part, at): &&Place| parts.get(*part).is_some_and(|p| *at < p.timestamps.len());
        let places: Vec<Place> = places.iter().filter(has).copied().collect();
        let start_of = |(part, at): &Place| {
            let starts = parts[*part].starts.as_ref();
            let start_ms = starts.and_then(|starts| starts.get(*at));
            start_ms.copied().unwrap_or_default()
        };
        let starts: ScalarBuffer<i64> = places.iter().map(start_of).collect();
        let has_start = starts.iter().any(|start_ms| *start_ms != 0);
        let mut before: Option<Place> = None;
        let histogram_of = |(part, at): &Place| {
            let own_before = at.checked_sub(1).map(|before| (*part, before));
            let is_after_its_own = before == own_before;
            before = Some((*part, *at));
            let histograms = parts[*part].histograms.as_ref();
            let histogram = histograms.and_then(|all| all.get(*at)?.clone())?;
            Some(match is_after_its_own {
                true => histogram,
                false => unknown_reset(histogram),
            })
        };
        let histograms: Vec<Option<Arc<FloatHistogram>>> =
            places.iter().map(histogram_of).collect();
        let has_histogram = histograms.iter().any(Option::is_some);
        let timestamps = places.iter().map(|(part, at)| parts[*part].timestamps[*at]);
        let values = places.iter().map(|(part, at)| parts[*part].values[*at]);
        Some(Self {
            labels,
            timestamps: timestamps.collect(),
            values: values.collect(),
            histograms: has_histogram.then(|| histograms.into()),
            starts: has_start.then_some(starts),
        })
    }
}

/// The samples of parts that follow each other.
fn chain(parts: &[Series]) -> (Vec<i64>, Vec<f64>) {
    let count = parts.iter().map(|part| part.timestamps.len()).sum();
    let (mut timestamps, mut values) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for part in parts {
        timestamps.extend_from_slice(&part.timestamps);
        values.extend_from_slice(&part.values);
    }
    (timestamps, values)
}

/// The samples of parts that overlap.
fn interleave(parts: &[Series]) -> (Vec<i64>, Vec<f64>) {
    let samples = parts.iter().flat_map(|part| {
        let values = part.values.iter().copied();
        part.timestamps.iter().copied().zip(values)
    });
    let mut samples: Vec<(i64, f64)> = samples.collect();
    // Stable, so that of equal timestamps the earlier part's stays first. Parts are sorted, which
    // makes it one merge.
    samples.sort_by_key(|(timestamp_ms, _)| *timestamp_ms);
    samples.dedup_by_key(|(timestamp_ms, _)| *timestamp_ms);
    samples.into_iter().unzip()
}

fn join_all_columns(parts: &[Series]) -> Option<Series> {
    let places = parts.iter().enumerate().flat_map(|(part, series)| {
        let times = series.timestamps.iter().enumerate();
        times.map(move |(at, timestamp_ms)| (*timestamp_ms, (part, at)))
    });
    let mut places: Vec<(i64, Place)> = places.collect();
    places.sort_by_key(|(timestamp_ms, _)| *timestamp_ms);
    places.dedup_by_key(|(timestamp_ms, _)| *timestamp_ms);
    let places: Vec<Place> = places.into_iter().map(|(_, place)| place).collect();
    Series::gather(parts, &places)
}

/// The histogram without what it said of a reset; a gauge stays one.
pub(crate) fn unknown_reset(mut histogram: Arc<FloatHistogram>) -> Arc<FloatHistogram> {
    let hint = histogram.counter_reset_hint;
    if matches!(hint, CounterResetHint::Reset | CounterResetHint::NotReset) {
        Arc::make_mut(&mut histogram).counter_reset_hint = CounterResetHint::Unknown;
    }
    histogram
}

#[cfg(test)]
mod tests {
    use narthex_model::{Labels, sample};

    use super::*;

    const HINTS: [CounterResetHint; 4] = [
        CounterResetHint::NotReset,
        CounterResetHint::NotReset,
        CounterResetHint::Gauge,
        CounterResetHint::Reset,
    ];

    /// Histograms whose counts are the part's number, at these times.
    fn part(number: f64, times: &[i64]) -> Series {
        let histogram = |(_, hint): (&i64, &CounterResetHint)| {
            Some(Arc::new(FloatHistogram {
                counter_reset_hint: *hint,
                count: number,
                ..FloatHistogram::default()
            }))
        };
        Series {
            labels: Labels::from_pairs([("__name__", "h")]),
            timestamps: times.to_vec().into(),
            values: vec![sample::HISTOGRAM; times.len()].into(),
            histograms: Some(
                times
                    .iter()
                    .zip(HINTS.iter().cycle())
                    .map(histogram)
                    .collect(),
            ),
            starts: None,
        }
    }

    fn numbers(times: &[i64]) -> Series {
        let labels = Labels::from_pairs([("__name__", "h")]);
        Series {
            starts: Some(times.iter().map(|time| time - 1).collect()),
            ..Series::of_numbers(labels, times.to_vec(), vec![1.0; times.len()])
        }
    }

    #[test]
    fn histograms_and_starts_stay_with_their_samples_and_hints_with_their_neighbours() {
        use CounterResetHint::{Gauge, NotReset, Unknown};
        let parts = vec![
            part(1.0, &[1, 3, 5]),
            part(2.0, &[3, 4, 6]),
            numbers(&[2, 9]),
        ];
        let joined = Series::join(parts).unwrap();
        assert_eq!(&joined.timestamps[..], [1, 2, 3, 4, 5, 6, 9]);
        assert_eq!(&joined.starts.unwrap()[..], [0, 1, 0, 0, 0, 0, 8]);
        let histograms = joined.histograms.unwrap();
        let found: Vec<_> = histograms
            .iter()
            .map(|h| h.as_ref().map(|h| (h.count, h.counter_reset_hint)))
            .collect();
        let expected = [
            Some((1.0, NotReset)),
            None,
            Some((1.0, Unknown)),
            Some((2.0, Unknown)),
            Some((1.0, Gauge)),
            Some((2.0, Gauge)),
            None,
        ];
        assert_eq!(found, expected);
        let marks = joined
            .values
            .iter()
            .map(|value| sample::is_histogram(*value));
        assert!(marks.eq(expected.iter().map(Option::is_some)));
    }

    #[test]
    fn what_follows_keeps_all_hints_but_the_one_at_the_seam() {
        use CounterResetHint::{Gauge, NotReset, Unknown};
        let joined = Series::join(vec![part(1.0, &[1, 2]), part(2.0, &[3, 4, 5])]).unwrap();
        let hints = joined.histograms.unwrap();
        let hints = hints.iter().flatten().map(|h| h.counter_reset_hint);
        assert!(hints.eq([NotReset, NotReset, Unknown, NotReset, Gauge]));
        assert!(Series::join(vec![]).is_none());
        let alone = Series::join(vec![numbers(&[7])]).unwrap();
        assert_eq!(alone.starts.as_deref(), Some(&[6][..]));
    }
}
