//! Native histograms over windows.

use std::slice::from_ref;
use std::sync::Arc;

use futures::executor::block_on;
use narthex_block::Aggregate;
use narthex_model::histogram::{Buckets, CounterResetHint, HistogramSum};
use narthex_model::{FloatHistogram, Labels, sample};
use narthex_storage::Series;

use super::{FIVE_MINUTES_MS, HOUR_MS, LENGTH_MS, MINUTE_MS, aggregate, answers, coarser, put};
use super::{numbers, within};
use crate::chance::Chance;
use crate::fixture::memory;

type Histogram = Arc<FloatHistogram>;

/// Samples a minute apart, of which some are missing.
fn labelled(name: &str, samples: impl Iterator<Item = (i64, Option<Histogram>)>) -> Series {
    let (times, histograms): (Vec<i64>, Vec<Option<Histogram>>) = samples.unzip();
    let values = histograms.iter().map(|histogram| match histogram {
        Some(_) => sample::HISTOGRAM,
        None => sample::STALE_NAN,
    });
    let values: Vec<f64> = values.collect();
    let mut series = Series::of_numbers(Labels::from_pairs([("__name__", name)]), times, values);
    series.histograms = Some(histograms.into());
    series
}

fn histogram(schema: i32, counts: &[f64]) -> FloatHistogram {
    let count = counts.iter().sum::<f64>();
    FloatHistogram {
        schema,
        count,
        sum: count * 3.0,
        positive: Buckets::consecutive(0, counts.to_vec()).unwrap(),
        ..FloatHistogram::default()
    }
}

/// A counter that begins anew at times, then perhaps with other buckets.
fn counter(name: &str, chance: &mut Chance) -> Series {
    let (mut counts, mut schema) = ([0.0; 4], 1);
    let mut before: Option<FloatHistogram> = None;
    let mut samples = Vec::new();
    for minute in 0..LENGTH_MS / MINUTE_MS {
        if chance.below(25) == 0 {
            (counts, schema) = ([0.0; 4], *chance.pick(&[0, 1, 2]));
        }
        for count in &mut counts {
            *count += chance.below(9) as f64;
        }
        let time_ms = minute * MINUTE_MS;
        match chance.below(60) {
            0 => samples.push((time_ms, None)),
            1 => {}
            _ => {
                let mut now = histogram(schema, &counts);
                now.counter_reset_hint = now.hint_in_store(before.as_ref());
                samples.push((time_ms, Some(Arc::new(now.clone()))));
                before = Some(now);
            }
        }
    }
    labelled(name, samples.into_iter())
}

fn histograms(series: &Series, start_ms: i64, end_ms: i64) -> Vec<Histogram> {
    let places = within(series, start_ms, end_ms);
    let found = series.histograms.as_ref();
    found.map_or(Vec::new(), |all| {
        all[places].iter().flatten().cloned().collect()
    })
}

/// Count and sum of what was counted between the newest at the start of a window and at its end.
fn growth(series: &Series, resolution_ms: i64, start_ms: i64, end_ms: i64) -> Option<(f64, f64)> {
    let before = histograms(series, start_ms - resolution_ms, start_ms);
    let mut chain: Vec<Histogram> = before.last().cloned().into_iter().collect();
    chain.extend(histograms(series, start_ms, end_ms));
    let (first, last) = (chain.first()?, chain.last()?);
    let mut grown = (last.count - first.count, last.sum - first.sum);
    for pair in chain.windows(2) {
        if pair[1].is_reset_after(&pair[0]) {
            grown = (grown.0 + pair[0].count, grown.1 + pair[0].sum);
        }
    }
    Some(grown)
}

#[test]
fn counters_of_histograms_grow_as_their_samples_do() {
    let mut chance = Chance(11);
    let name = |number: i32| format!("h{number:03}");
    let all: Vec<Series> = (0..200).map(|n| counter(&name(n), &mut chance)).collect();
    let store = memory();
    block_on(async {
        let raw = put(&store, 1, all.clone(), 0..LENGTH_MS).await;
        let fine = coarser(&store, 2, from_ref(&raw), FIVE_MINUTES_MS).await;
        let coarse = coarser(&store, 3, from_ref(&raw), HOUR_MS).await;
        let steps = coarser(&store, 4, from_ref(&fine), HOUR_MS).await;
        for block in [fine, coarse, steps] {
            let resolution_ms = block.meta().resolution_ms;
            let found = answers(from_ref(&block)).await;
            for series in &all {
                let of = |wanted| aggregate(&found, &series.labels, wanted);
                let [counts, kept, max, min, sums] = Aggregate::ALL.map(of);
                assert!(max.timestamps.is_empty() && min.timestamps.is_empty());
                let windows = (LENGTH_MS / resolution_ms) as u64;
                for _ in 0..8 {
                    let start_ms = chance.below(windows) as i64 * resolution_ms;
                    let length = 1 + chance.below(windows) as i64;
                    let end_ms = start_ms + length * resolution_ms;
                    let case = format!("{} {resolution_ms} {start_ms}..{end_ms}", series.labels);
                    let of = |series: &Series| growth(series, resolution_ms, start_ms, end_ms);
                    assert_eq!(of(&kept), of(series), "{case}");

                    let expected = histograms(series, start_ms, end_ms);
                    let count: f64 = numbers(&counts, start_ms, end_ms).iter().sum();
                    assert_eq!(count, expected.len() as f64, "{case}");
                    let total = histograms(&sums, start_ms, end_ms);
                    let add = |all: &[Histogram]| {
                        let mut sum = HistogramSum::new(all.first()?);
                        for histogram in &all[1..] {
                            sum.add(histogram).unwrap();
                        }
                        let mut total = sum.total();
                        total.compact();
                        let buckets: Vec<(i32, f64)> = total.positive.iter().collect();
                        Some((total.schema, total.count, total.sum, buckets))
                    };
                    assert_eq!(add(&total), add(&expected), "{case}");
                    let is_gauge =
                        |sum: &Histogram| sum.counter_reset_hint == CounterResetHint::Gauge;
                    assert!(total.iter().all(is_gauge), "{case}");
                }
            }
        }
    });
}

#[test]
fn gauges_and_what_does_not_add_up_keep_what_can_be_said() {
    let gauge = |count: f64| {
        let mut gauge = histogram(0, &[count]);
        gauge.counter_reset_hint = CounterResetHint::Gauge;
        Some(Arc::new(gauge))
    };
    let times = [60_000, 120_000, 180_000];
    let gauges = labelled("gauges", times.into_iter().zip([5.0, 3.0, 4.0].map(gauge)));
    // A number, and then histograms.
    let mut both = labelled(
        "mixed",
        times.into_iter().zip([None, gauge(2.0), gauge(7.0)]),
    );
    let mut values = both.values.to_vec();
    values[0] = 9.0;
    both.values = values.into();
    let store = memory();
    block_on(async {
        let all = vec![gauges.clone(), both.clone()];
        let raw = put(&store, 1, all, 0..LENGTH_MS).await;
        let block = coarser(&store, 2, from_ref(&raw), FIVE_MINUTES_MS).await;
        let found = answers(from_ref(&block)).await;
        let counts = |series: &Series, wanted: Aggregate| -> Vec<f64> {
            let found = aggregate(&found, &series.labels, wanted);
            let samples = histograms(&found, i64::MIN, i64::MAX);
            samples.iter().map(|histogram| histogram.count).collect()
        };
        // The first behind a gap, and the last.
        assert_eq!(counts(&gauges, Aggregate::Counter), [5.0, 4.0]);
        assert_eq!(counts(&gauges, Aggregate::Sum), [12.0]);
        assert_eq!(counts(&both, Aggregate::Counter), [7.0]);
        let number = |wanted: Aggregate| {
            let found = aggregate(&found, &both.labels, wanted);
            found.values.first().copied().unwrap()
        };
        assert_eq!(number(Aggregate::Count), 3.0);
        assert_eq!(number(Aggregate::Min), 9.0);
        assert_eq!(number(Aggregate::Max), 9.0);
        assert!(number(Aggregate::Sum).is_nan());
        assert_eq!(number(Aggregate::Counter), 9.0);
    });
}
