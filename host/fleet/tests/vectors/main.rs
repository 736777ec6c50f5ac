//! What Thanos' own tests expect of the algorithm `penalty`, on the data that its issues came with.

#![allow(
    clippy::cast_precision_loss,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test ends where something is not as expected, and its times are small"
)]

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use narthex_fleet::Dedup;
use narthex_model::{Labels, PromDuration, sample};
use narthex_promql::{Engine, EngineOptions, QueryOptions, Value};
use narthex_storage::{Queryable, SelectRequest, Series, SeriesStream, StorageError, Wanted};

/// The replicas of an issue.
fn replicas(text: &str) -> Vec<Series> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let series = lines.map(|line| {
        let (_, samples) = line.split_once(' ').unwrap();
        let samples = samples.split(' ').map(|sample| {
            let (time_ms, value) = sample.split_once(':').unwrap();
            let value = match value {
                "S" => sample::STALE_NAN,
                value => value.parse().unwrap(),
            };
            (time_ms.parse::<i64>().unwrap(), value)
        });
        let (times, values): (Vec<i64>, Vec<f64>) = samples.unzip();
        Series::of_numbers(Labels::from_pairs([("__name__", "m")]), times, values)
    });
    series.collect()
}

const ISSUE_2401: &str = include_str!("issue-2401.txt");
const ISSUE_2890: &str = include_str!("issue-2890.txt");

fn samples(series: &Series) -> Vec<(i64, f64)> {
    let times = series.timestamps.iter().copied();
    times.zip(series.values.iter().copied()).collect()
}

/// The series as it is, for queries within its time.
struct One(Series);

impl Queryable for One {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        let kept = samples(&self.0).into_iter();
        let kept = kept.filter(|(time_ms, _)| request.range.contains(*time_ms));
        let (times, values): (Vec<i64>, Vec<f64>) = kept.unzip();
        let series = Series::of_numbers(self.0.labels.clone(), times, values);
        let found = (!series.timestamps.is_empty()).then_some(Ok(series));
        async { Ok(stream::iter(found).boxed()) }.boxed()
    }
}

fn range(series: Series, query: &str, [start_ms, end_ms, step_s]: [i64; 3]) -> Vec<(i64, f64)> {
    let engine = Engine::new(EngineOptions::default());
    let step = PromDuration::from_secs(step_s.unsigned_abs());
    let options = QueryOptions::default();
    let storage = Arc::new(One(series));
    let result = engine.range(storage, query, start_ms, end_ms, step, &options);
    let result = result.now_or_never().unwrap().unwrap();
    let Value::Matrix(found) = result.value else {
        panic!("a range query gives a matrix");
    };
    assert_eq!(found.len(), 1);
    let (times, values) = (found[0].timestamps.iter(), found[0].values.iter());
    times.copied().zip(values.copied()).collect()
}

#[test]
fn of_issue_2401_one_replica_is_followed_until_the_restart_and_the_other_one_is_lifted() {
    let [first, second] = <[Series; 2]>::try_from(replicas(ISSUE_2401)).unwrap();
    let merged = Dedup::Penalty.apply(vec![first.clone(), second.clone()], Wanted::Growth);
    let merged = samples(&merged.unwrap());
    // Published: the second replica, whose samples are earlier, until both say that the target is
    // gone; then the first one, which sees it again before the other, lifted from 5 to 496544.
    let restart_ms = 1_587_692_482_139;
    let followed = samples(&second).into_iter();
    let followed = followed.filter(|(time_ms, _)| *time_ms <= restart_ms);
    let lifted = samples(&first).into_iter();
    let lifted = lifted.filter(|(time_ms, _)| *time_ms > restart_ms);
    let lifted = lifted.map(|(time_ms, value)| (time_ms, value - 5.0 + 496_544.0));
    let expected: Vec<(i64, f64)> = followed.chain(lifted).collect();
    assert_eq!(merged, expected);
    assert_eq!(merged.len(), 237);
    assert_eq!(merged[166], (1_587_692_542_149, 496_544.0));
    assert_eq!(merged[236], (1_587_693_592_139, 511_495.0));
}

#[test]
fn by_the_own_algorithm_issue_2401_has_the_rate_that_each_replica_has() {
    let times = [1_587_690_300_000, 1_587_693_600_000, 100];
    let query = "rate(m[5m])";
    let alone = replicas(ISSUE_2401).into_iter();
    let alone: Vec<_> = alone.map(|one| range(one, query, times)).collect();
    let merged = Dedup::Interval
        .apply(replicas(ISSUE_2401), Wanted::Growth)
        .unwrap();
    let merged = range(merged, query, times);
    assert_eq!(merged.len(), alone[0].len());
    for (at, (time_ms, rate)) in merged.iter().enumerate() {
        let (low, high) = (
            alone[0][at].1.min(alone[1][at].1),
            alone[0][at].1.max(alone[1][at].1),
        );
        // What one scrape sees, of the twenty in a window.
        let slack = high * 0.02;
        assert!(
            (low - slack..=high + slack).contains(rate),
            "{time_ms}: {rate}, {low} to {high}"
        );
    }
}

#[test]
fn of_issue_2890_a_value_stands_at_every_step_though_a_replica_ends_and_another_one_begins() {
    let times = [1_598_471_700_000, 1_598_472_600_000, 3];
    // For `penalty` their chunks, which follow each other, are those of one replica.
    for dedup in [Dedup::Interval, Dedup::Chain] {
        let merged = dedup.apply(replicas(ISSUE_2890), Wanted::Samples).unwrap();
        let found = range(merged, "m", times);
        assert_eq!(found.len(), 301, "{dedup:?}");
        assert!(found.iter().all(|(_, found)| *found == 1_596_610_196.0));
    }
}
