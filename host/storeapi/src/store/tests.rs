//! What an endpoint answers, from a store in memory.

use narthex_model::Labels;
use narthex_promblock::read_chunk;
use narthex_storage::{Appendable as _, MemoryStore, TimeRange, contract};
use tonic::Code;

use super::view::tests::{Fixed, selectors};
use super::*;
use crate::message::Label;
use crate::message::store::{
    LabelMatcher, LabelNamesRequest, LabelValuesRequest, MatcherType, SeriesFrame, ShardInfo,
};

/// Without bounds.
pub(super) const UNLIMITED: StoreLimits = StoreLimits {
    series_max: 0,
    samples_max: 0,
    bytes_max: 0,
    requests_max: 0,
};

/// Three jobs with two instances each, 200 samples a series.
fn store() -> Arc<MemoryStore> {
    let store = MemoryStore::new();
    let mut samples = Vec::new();
    let mut names = Vec::new();
    for job in ["a", "b", "c"] {
        for instance in ["1", "2"] {
            names.push([
                ("__name__", "up"),
                ("cluster", "inner"),
                ("instance", instance),
                ("job", job),
            ]);
        }
    }
    for at in 0..200_i32 {
        for labels in &names {
            samples.push((&labels[..], i64::from(at) * 15_000, f64::from(at)));
        }
    }
    store.append(&contract::batch(samples)).unwrap();
    Arc::new(store)
}

pub(super) fn api_with(external: &[(&str, &str)], limits: StoreLimits) -> Arc<StoreApi> {
    let external = Labels::from_pairs(external.iter().copied());
    Arc::new(StoreApi::new(StoreOptions {
        store: store(),
        external_labels: Box::new(move || external.clone()),
        oldest_ms: Box::new(|| 7),
        selectors: selectors(),
        view: Box::new(Fixed),
        limits,
    }))
}

pub(super) fn api() -> Arc<StoreApi> {
    api_with(&[("cluster", "outer"), ("replica", "r1")], UNLIMITED)
}

fn matcher(name: &str, kind: MatcherType, value: &str) -> LabelMatcher {
    LabelMatcher {
        r#type: kind.into(),
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

fn all() -> SeriesRequest {
    SeriesRequest {
        min_time: 0,
        max_time: 10_000_000,
        matchers: vec![matcher("__name__", MatcherType::Eq, "up")],
        ..SeriesRequest::default()
    }
}

/// A series as text, and how many samples its chunks have.
type Found = (String, usize);

async fn found(mut answer: Answer) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    while let Some(frame) = answer.try_next().await.unwrap() {
        let series = match frame.result.unwrap() {
            SeriesFrame::Series(series) => vec![series],
            SeriesFrame::Batch(batch) => batch.series,
            SeriesFrame::Warning(warning) => panic!("{warning}"),
        };
        for series in series {
            let text = |label: &Label| format!("{}={}", label.name, label.value);
            let labels: Vec<String> = series.labels.iter().map(text).collect();
            let labels = labels.join(",");
            let mut samples = 0;
            for chunk in &series.chunks {
                let raw = chunk.raw.as_ref().unwrap();
                let encoding = u8::try_from(raw.r#type + 1).unwrap();
                let read = read_chunk(encoding, &raw.data, &Labels::empty(), TimeRange::ALL);
                let read = read.unwrap().unwrap();
                assert_eq!(read.timestamps[0], chunk.min_time);
                assert_eq!(*read.timestamps.last().unwrap(), chunk.max_time);
                samples += read.timestamps.len();
            }
            match found.last_mut() {
                Some((last, count)) if *last == labels => *count += samples,
                _ => found.push((labels, samples)),
            }
        }
    }
    found
}

/// An answer is no value that can be printed.
fn refused(answer: Result<Answer, Status>) -> Status {
    match answer {
        Ok(_) => panic!("the request is answered"),
        Err(status) => status,
    }
}

fn series(instances: &[(&str, &str)], samples: usize) -> Vec<Found> {
    let text = |(instance, job): &(&str, &str)| {
        let labels = format!("__name__=up,cluster=outer,instance={instance},job={job},replica=r1");
        (labels, samples)
    };
    instances.iter().map(text).collect()
}

#[tokio::test]
async fn what_is_left_to_a_store_is_neither_told_nor_answered() {
    for (since_ms, min_time, samples) in [
        (0, 7, 200),
        (1_500_000, 1_500_000, 100),
        (3_000_000, 3_000_000, 0),
    ] {
        let api = api_with(&[("replica", "r1")], UNLIMITED);
        let api = Arc::into_inner(api).unwrap();
        let api = Arc::new(api.since(Box::new(move || since_ms)));
        assert_eq!(api.info().store.unwrap().min_time, min_time);
        let found = found(api.series(all()).await.unwrap()).await;
        let counts = found.iter().map(|(_, count)| *count);
        assert_eq!(counts.max().unwrap_or_default(), samples, "{since_ms}");
    }
}

#[tokio::test]
async fn series_come_sorted_under_the_external_labels() {
    let expected = series(
        &[
            ("1", "a"),
            ("1", "b"),
            ("1", "c"),
            ("2", "a"),
            ("2", "b"),
            ("2", "c"),
        ],
        200,
    );
    for response_batch_size in [0, 1, 4, 64, i64::MAX, -1] {
        let request = SeriesRequest {
            response_batch_size,
            ..all()
        };
        let frames = api().series(request).await.unwrap();
        assert_eq!(found(frames).await, expected, "{response_batch_size}");
    }
    let labels = SeriesRequest {
        skip_chunks: true,
        limit: 2,
        ..all()
    };
    let expected = series(&[("1", "a"), ("1", "b")], 0);
    assert_eq!(found(api().series(labels).await.unwrap()).await, expected);
    let part = SeriesRequest {
        min_time: 15_000,
        max_time: 45_000,
        matchers: vec![
            matcher("job", MatcherType::Re, "b|c"),
            matcher("instance", MatcherType::Neq, "1"),
            matcher("replica", MatcherType::Nre, "r2"),
        ],
        ..all()
    };
    let expected = series(&[("2", "b"), ("2", "c")], 3);
    assert_eq!(found(api().series(part).await.unwrap()).await, expected);
}

#[tokio::test]
async fn labels_of_replicas_are_left_out_before_series_are_sorted() {
    let request = SeriesRequest {
        without_replica_labels: vec!["replica".to_owned(), "instance".to_owned()],
        ..all()
    };
    let expected: Vec<Found> = ["a", "b", "c"]
        .map(|job| (format!("__name__=up,cluster=outer,job={job}"), 400))
        .into();
    assert_eq!(found(api().series(request).await.unwrap()).await, expected);
}

#[tokio::test]
async fn replicas_count_once_where_so_many_series_are_enough() {
    for (skip_chunks, samples) in [(false, 400), (true, 0)] {
        let request = SeriesRequest {
            without_replica_labels: vec!["instance".to_owned()],
            limit: 2,
            skip_chunks,
            ..all()
        };
        let expected = ["a", "b"].map(|job| {
            let labels = format!("__name__=up,cluster=outer,job={job},replica=r1");
            (labels, samples)
        });
        let answer = api().series(request).await.unwrap();
        assert_eq!(found(answer).await, expected);
    }
}

#[tokio::test]
async fn external_labels_are_judged_by_the_endpoint() {
    let with = |matchers: Vec<LabelMatcher>| SeriesRequest { matchers, ..all() };
    // The label that the series have themselves is not what the endpoint has.
    let inner = with(vec![
        matcher("cluster", MatcherType::Eq, "inner"),
        matcher("job", MatcherType::Eq, "a"),
    ]);
    assert!(found(api().series(inner).await.unwrap()).await.is_empty());
    let outer = with(vec![
        matcher("cluster", MatcherType::Eq, "outer"),
        matcher("job", MatcherType::Eq, "a"),
    ]);
    assert_eq!(found(api().series(outer).await.unwrap()).await.len(), 2);
    for (matchers, text) in [
        (
            vec![matcher("cluster", MatcherType::Eq, "outer")],
            "no matchers specified",
        ),
        (vec![], "no matchers specified"),
        (
            vec![matcher("job", MatcherType::Re, "(")],
            "invalid regular expression",
        ),
        (
            vec![LabelMatcher {
                r#type: 9,
                ..matcher("job", MatcherType::Eq, "a")
            }],
            "unknown type of matcher 9",
        ),
        (
            vec![matcher("job", MatcherType::Eq, "a"); 1_025],
            "more than 1024 matchers",
        ),
    ] {
        let status = refused(api().series(with(matchers)).await);
        assert_eq!(status.code(), Code::InvalidArgument);
        assert!(status.message().contains(text), "{status}");
    }
}

#[tokio::test]
async fn every_series_is_in_one_shard() {
    for (by, labels) in [
        (true, vec!["job"]),
        (true, vec![]),
        (false, vec!["replica"]),
    ] {
        let mut seen = Vec::new();
        for shard_index in 0..3 {
            let request = SeriesRequest {
                shard_info: Some(ShardInfo {
                    shard_index,
                    total_shards: 3,
                    by,
                    labels: labels.iter().map(|label| (*label).to_owned()).collect(),
                }),
                ..all()
            };
            seen.extend(found(api().series(request).await.unwrap()).await);
        }
        seen.sort();
        assert_eq!(
            seen,
            found(api().series(all()).await.unwrap()).await,
            "{labels:?}"
        );
    }
    let request = SeriesRequest {
        shard_info: Some(ShardInfo {
            shard_index: 3,
            total_shards: 3,
            ..ShardInfo::default()
        }),
        ..all()
    };
    let status = refused(api().series(request).await);
    assert_eq!(status.code(), Code::InvalidArgument);
}

/// The hash is that of Thanos: of `job` and `a`, each with 0xff behind it.
#[test]
fn a_shard_goes_by_the_hash_that_all_stores_make() {
    let expected = xxhash_rust::xxh64::xxh64(b"job\xffa\xff", 0) % 5;
    let labels = Labels::from_pairs([("__name__", "up"), ("job", "a")]);
    for shard_index in 0..5 {
        let shard = Shard::new(Some(&ShardInfo {
            shard_index,
            total_shards: 5,
            by: true,
            labels: vec!["zone".to_owned(), "job".to_owned()],
        }));
        let is_in = shard.unwrap().has(&labels);
        assert_eq!(is_in, u64::try_from(shard_index) == Ok(expected));
    }
}

#[tokio::test]
async fn an_answer_over_a_limit_is_refused_by_its_name() {
    let limits = [
        (
            StoreLimits {
                series_max: 5,
                ..UNLIMITED
            },
            "more than 5 series (--store.limits.request-series)",
        ),
        (
            StoreLimits {
                samples_max: 1_199,
                ..UNLIMITED
            },
            "more than 1199 samples (--store.limits.request-samples)",
        ),
        (
            StoreLimits {
                bytes_max: 1_000,
                ..UNLIMITED
            },
            "more than 1000 bytes (--store.limits.request-bytes)",
        ),
    ];
    for (limits, text) in limits {
        let api = api_with(&[("replica", "r1")], limits);
        let status = refused(Arc::clone(&api).series(all()).await);
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.message().contains(text), "{status}");
    }
    let enough = StoreLimits {
        series_max: 6,
        samples_max: 1_200,
        bytes_max: 1 << 20,
        requests_max: 1,
    };
    let api = api_with(&[("replica", "r1")], enough);
    for _ in 0..2 {
        // The place of the first one is free again.
        assert_eq!(
            found(Arc::clone(&api).series(all()).await.unwrap())
                .await
                .len(),
            6
        );
    }
}

#[tokio::test]
async fn names_and_values_of_labels_have_the_external_ones() {
    let api = api();
    let names = |matchers, without: &[&str], limit| {
        api.label_names(LabelNamesRequest {
            end: 10_000_000,
            matchers,
            without_replica_labels: without.iter().map(|name| (*name).to_owned()).collect(),
            limit,
            ..LabelNamesRequest::default()
        })
    };
    let all = ["__name__", "cluster", "instance", "job", "replica"];
    assert_eq!(names(vec![], &[], 0).await.unwrap().names, all);
    assert_eq!(
        names(vec![], &["replica"], 0).await.unwrap().names,
        all[..4]
    );
    assert_eq!(names(vec![], &[], 2).await.unwrap().names, all[..2]);
    let none = vec![matcher("job", MatcherType::Eq, "z")];
    assert!(names(none, &[], 0).await.unwrap().names.is_empty());
    let elsewhere = vec![matcher("replica", MatcherType::Eq, "r2")];
    assert!(names(elsewhere, &[], 0).await.unwrap().names.is_empty());

    let values = |label: &str, matchers, without: &[&str], limit| {
        api.label_values(LabelValuesRequest {
            label: label.to_owned(),
            end: 10_000_000,
            matchers,
            without_replica_labels: without.iter().map(|name| (*name).to_owned()).collect(),
            limit,
            ..LabelValuesRequest::default()
        })
    };
    assert_eq!(
        values("job", vec![], &[], 0).await.unwrap().values,
        ["a", "b", "c"]
    );
    assert_eq!(values("job", vec![], &[], 1).await.unwrap().values, ["a"]);
    let b = vec![matcher("job", MatcherType::Eq, "b")];
    assert_eq!(
        values("cluster", b, &[], 0).await.unwrap().values,
        ["outer"]
    );
    let z = vec![matcher("job", MatcherType::Eq, "z")];
    assert!(
        values("cluster", z, &[], 0)
            .await
            .unwrap()
            .values
            .is_empty()
    );
    let replica = values("replica", vec![], &["replica"], 0).await.unwrap();
    assert!(replica.values.is_empty());
    let status = values("", vec![], &[], 0).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn without_external_labels_nothing_is_answered() {
    let api = api_with(&[], UNLIMITED);
    let info = api.info();
    assert!(info.label_sets.is_empty() && info.store.is_none());
    let status = refused(Arc::clone(&api).series(all()).await);
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(
        status.message().contains("global.external_labels"),
        "{status}"
    );
}

#[test]
fn info_says_what_is_there() {
    let info = api().info();
    assert_eq!(info.component_type, "sidecar");
    let store = info.store.unwrap();
    assert_eq!((store.min_time, store.max_time), (7, i64::MAX));
    assert!(store.supports_sharding && store.supports_without_replica_labels);
    assert_eq!(store.tsdb_infos[0].labels.as_ref(), info.label_sets.first());
}

#[tokio::test]
async fn the_series_of_a_store_of_blocks_have_their_external_labels_already() {
    let held = || {
        let labels = Labels::from_pairs([("cluster", "inner")]);
        let range = TimeRange {
            start_ms: 0,
            end_ms: 2_985_000,
        };
        vec![(labels, range)]
    };
    // What the options say of external labels is not asked for.
    let api = Arc::into_inner(api_with(&[], UNLIMITED)).unwrap();
    let api = Arc::new(api.with_holdings(Box::new(held)));
    assert_eq!(api.info().component_type, "store");
    let ask = |cluster: &str| SeriesRequest {
        matchers: vec![
            matcher("__name__", MatcherType::Eq, "up"),
            matcher("cluster", MatcherType::Eq, cluster),
        ],
        without_replica_labels: vec!["instance".to_owned()],
        ..all()
    };
    let answer = Arc::clone(&api).series(ask("inner")).await.unwrap();
    let jobs = ["a", "b", "c"].map(|job| (format!("__name__=up,cluster=inner,job={job}"), 400));
    assert_eq!(found(answer).await, jobs);
    let answer = Arc::clone(&api).series(ask("outer")).await.unwrap();
    assert!(found(answer).await.is_empty());
    let names = LabelNamesRequest {
        end: 10_000_000,
        ..LabelNamesRequest::default()
    };
    let names = api.label_names(names).await.unwrap().names;
    assert_eq!(names, ["__name__", "cluster", "instance", "job"]);
}
