//! What every store that is written and read must do. A store's crate calls [`holds`] from a
//! test of its own.

#![allow(
    clippy::panic,
    reason = "the contract is a test suite; a broken promise panics"
)]

mod kinds;

use std::collections::BTreeMap;

use futures::TryStreamExt;
use narthex_model::{Labels, MatchOp, Matcher, Rejection, Sample, SeriesRef, WriteBatch, sample};

use crate::{Appendable, LabelsRequest, Queryable, SelectRequest, TimeRange};

/// Checks the whole contract on fresh stores.
///
/// # Panics
/// Where the store breaks a promise.
pub async fn holds<S: Appendable + Queryable>(mut fresh: impl FnMut() -> S) {
    an_empty_store_has_nothing(&fresh()).await;
    values_come_back_bit_for_bit(&fresh()).await;
    the_range_includes_both_ends(&fresh()).await;
    matchers_select_as_written(&fresh()).await;
    rejections_leave_the_rest(&fresh()).await;
    references_are_hints(&fresh()).await;
    kinds::hold(fresh).await;
}

type Samples = BTreeMap<String, Vec<(i64, u64)>>;

/// A batch of samples `(labels, timestamp, value)` without references.
pub fn batch<'a>(
    samples: impl IntoIterator<Item = (&'a [(&'a str, &'a str)], i64, f64)>,
) -> WriteBatch {
    let samples = samples
        .into_iter()
        .map(|(labels, timestamp_ms, value)| Sample {
            series: SeriesRef::UNKNOWN,
            labels: Labels::from_pairs(labels.iter().copied()),
            timestamp_ms,
            value,
        });
    WriteBatch::from(samples.collect::<Vec<_>>())
}

/// All samples that match, by printed labels, values as bits.
pub async fn samples(store: &impl Queryable, matchers: Vec<Matcher>, range: TimeRange) -> Samples {
    let request = SelectRequest { matchers, range };
    let stream = expect(store.select(&request).await);
    let series: Vec<_> = expect(stream.try_collect().await);
    let mut found = Samples::new();
    for series in series {
        let points = series.timestamps.iter().zip(series.values.iter());
        let points: Vec<_> = points.map(|(t, v)| (*t, v.to_bits())).collect();
        assert!(
            !points.is_empty(),
            "a series without a sample: {}",
            series.labels
        );
        assert!(
            points.is_sorted_by(|a, b| a.0 < b.0),
            "times do not ascend: {}",
            series.labels
        );
        let twice = found.insert(series.labels.to_string(), points);
        assert!(twice.is_none(), "a label set came twice: {}", series.labels);
    }
    found
}

fn expect<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn matcher(name: &str, op: MatchOp, value: &str) -> Matcher {
    expect(Matcher::new(name, op, value))
}

async fn an_empty_store_has_nothing(store: &impl Queryable) {
    assert!(samples(store, vec![], TimeRange::ALL).await.is_empty());
    let request = LabelsRequest {
        matchers: vec![],
        range: TimeRange::ALL,
        limit: None,
    };
    assert!(expect(store.label_names(&request).await).is_empty());
    assert!(expect(store.label_values("job", &request).await).is_empty());
}

async fn values_come_back_bit_for_bit(store: &(impl Appendable + Queryable)) {
    let series: &[(&str, &str)] = &[("__name__", "m"), ("job", "ü\n\"")];
    let values = [
        0.0,
        -0.0,
        f64::MIN_POSITIVE / 2.0,
        f64::MAX,
        f64::INFINITY,
        f64::NEG_INFINITY,
        sample::STALE_NAN,
        f64::from_bits(sample::NORMAL_NAN_BITS),
        f64::from_bits(0xfff8_dead_beef_0001),
        0.1 + 0.2,
    ];
    let mut expected = Vec::new();
    for (timestamp, value) in (1_000..).step_by(250).zip(values) {
        let report = expect(store.append(&batch([(series, timestamp, value)])));
        assert!(
            report.rejected.is_empty(),
            "{value} was rejected: {:?}",
            report.rejected
        );
        expected.push((timestamp, value.to_bits()));
    }
    let found = samples(store, vec![Matcher::equal("__name__", "m")], TimeRange::ALL).await;
    assert_eq!(found.into_values().collect::<Vec<_>>(), [expected]);
}

async fn the_range_includes_both_ends(store: &(impl Appendable + Queryable)) {
    let series: &[(&str, &str)] = &[("__name__", "m")];
    for timestamp in [-5, 0, 10, 20] {
        expect(store.append(&batch([(series, timestamp, 1.0)])));
    }
    for (start_ms, end_ms, expected) in [
        (0, 10, vec![0, 10]),
        (1, 9, vec![]),
        (-5, -5, vec![-5]),
        (11, i64::MAX, vec![20]),
        (10, 0, vec![]),
    ] {
        let found = samples(store, vec![], TimeRange { start_ms, end_ms }).await;
        let times: Vec<i64> = found.into_values().flatten().map(|(t, _)| t).collect();
        assert_eq!(times, expected, "from {start_ms} to {end_ms}");
    }
}

async fn matchers_select_as_written(store: &(impl Appendable + Queryable)) {
    let a: &[(&str, &str)] = &[("__name__", "a"), ("job", "one")];
    let b: &[(&str, &str)] = &[("__name__", "b"), ("job", "two")];
    let c: &[(&str, &str)] = &[("__name__", "c"), ("zone", "x")];
    expect(store.append(&batch([(a, 1, 1.0), (b, 1, 2.0), (c, 1, 3.0)])));
    for (matchers, expected) in [
        (vec![], "abc"),
        (vec![matcher("job", MatchOp::Equal, "one")], "a"),
        (vec![matcher("job", MatchOp::Equal, "")], "c"),
        (vec![matcher("job", MatchOp::NotEqual, "")], "ab"),
        (vec![matcher("job", MatchOp::NotEqual, "one")], "bc"),
        (vec![matcher("job", MatchOp::Regex, "one|two|three")], "ab"),
        (vec![matcher("job", MatchOp::Regex, "t.*|")], "bc"),
        (vec![matcher("job", MatchOp::NotRegex, "t.*|")], "a"),
        (vec![matcher("job", MatchOp::Regex, ".*")], "abc"),
        (vec![matcher("nothing", MatchOp::Equal, "")], "abc"),
        (vec![matcher("nothing", MatchOp::Regex, ".+")], ""),
        (
            vec![
                matcher("job", MatchOp::NotEqual, "one"),
                matcher("zone", MatchOp::Equal, ""),
            ],
            "b",
        ),
    ] {
        let label = format!("{matchers:?}");
        let request = LabelsRequest {
            matchers: matchers.clone(),
            range: TimeRange::ALL,
            limit: None,
        };
        let found = samples(store, matchers.clone(), TimeRange::ALL).await;
        assert_eq!(found.len(), expected.len(), "{label}");
        let mut names: Vec<String> = expect(store.series(&request).await)
            .iter()
            .map(|labels| labels.metric_name().to_owned())
            .collect();
        names.sort();
        assert_eq!(names.concat(), expected, "{label}");
        let request = LabelsRequest {
            matchers,
            range: TimeRange::ALL,
            limit: None,
        };
        let values = expect(store.label_values("__name__", &request).await);
        assert_eq!(values.concat(), expected, "{label}");
    }
    let request = LabelsRequest {
        matchers: vec![],
        range: TimeRange::ALL,
        limit: None,
    };
    assert_eq!(
        expect(store.label_names(&request).await),
        ["__name__", "job", "zone"]
    );
    assert_eq!(
        expect(store.label_values("job", &request).await),
        ["one", "two"]
    );
}

async fn rejections_leave_the_rest(store: &(impl Appendable + Queryable)) {
    let a: &[(&str, &str)] = &[("__name__", "a")];
    let b: &[(&str, &str)] = &[("__name__", "b")];
    let unnamed: &[(&str, &str)] = &[("job", "x")];
    expect(store.append(&batch([(a, 100, 1.0)])));
    let report = expect(store.append(&batch([
        (a, 90, 5.0),
        (a, 100, 2.0),
        (a, 100, 1.0),
        (unnamed, 100, 1.0),
        (b, 100, 7.0),
        (a, 110, 3.0),
    ])));
    let expected = [
        (0, Rejection::OutOfOrder),
        (1, Rejection::DuplicateTimestamp),
        (3, Rejection::InvalidLabels),
    ];
    assert_eq!(report.rejected, expected);
    assert_eq!((report.series.len(), report.created), (6, 1));
    let found = samples(store, vec![Matcher::equal("__name__", "a")], TimeRange::ALL).await;
    let expected = vec![(100, 1.0_f64.to_bits()), (110, 3.0_f64.to_bits())];
    assert_eq!(found.into_values().collect::<Vec<_>>(), [expected]);
}

async fn references_are_hints(store: &(impl Appendable + Queryable)) {
    let a: &[(&str, &str)] = &[("__name__", "a")];
    let b: &[(&str, &str)] = &[("__name__", "b")];
    let first = expect(store.append(&batch([(a, 1, 1.0), (b, 1, 2.0)])));
    assert_eq!((first.created, first.series.len()), (2, 2));
    assert_ne!(first.series[0], first.series[1]);
    let mut again = batch([(a, 2, 3.0), (b, 2, 4.0)]);
    again.samples[0].series = first.series[0];
    again.samples[1].series = SeriesRef(u64::MAX);
    let second = expect(store.append(&again));
    assert_eq!((second.series, second.created), (first.series, 0));
}
