//! What a block answers is what a store in memory answers.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_block::{Block, Fault, SLICE_MS, WriteOptions, block_order, write};
use narthex_model::{Labels, MatchOp, Matcher, Sample, SeriesRef, WriteBatch};
use narthex_storage::{
    Appendable, LabelsRequest, MemoryStore, Queryable, SelectRequest, Series, TimeRange,
};
use std::sync::Arc;

use crate::fixture::{memory, options, publish, request, series};

type Answer = BTreeMap<String, Vec<(i64, u64)>>;

fn answer(series: Vec<Series>) -> Answer {
    let points = |series: &Series| {
        let values = series.values.iter().map(|value| value.to_bits());
        series.timestamps.iter().copied().zip(values).collect()
    };
    let count = series.len();
    let answer: Answer = series
        .iter()
        .map(|s| (s.labels.to_string(), points(s)))
        .collect();
    assert_eq!(answer.len(), count, "a label set came twice");
    answer
}

fn append(store: &MemoryStore, series: &Series) {
    let points = series.timestamps.iter().zip(series.values.iter());
    let samples = points.map(|(timestamp_ms, value)| Sample {
        series: SeriesRef::UNKNOWN,
        labels: series.labels.clone(),
        timestamp_ms: *timestamp_ms,
        value: *value,
    });
    let report = store.append(&WriteBatch::from(samples.collect::<Vec<_>>()));
    assert!(report.unwrap().rejected.is_empty());
}

async fn compare(block: &Arc<Block>, store: &MemoryStore, request: &SelectRequest) {
    let found = Arc::clone(block).select(request).await.unwrap();
    let found: Vec<Series> = found.try_collect().await.unwrap();
    assert!(found.is_sorted_by(|a, b| block_order(&a.labels, &b.labels).is_lt()));
    let expected = store.select(request).await.unwrap();
    let expected = answer(expected.try_collect().await.unwrap());
    assert_eq!(answer(found), expected, "{request:?}");

    let everything = SelectRequest {
        matchers: request.matchers.clone(),
        range: TimeRange::ALL,
    };
    let labels = LabelsRequest {
        matchers: request.matchers.clone(),
        range: TimeRange::ALL,
        limit: None,
    };
    let mut found = block.series(&everything).await.unwrap();
    let mut expected = store.series(&labels).await.unwrap();
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "{request:?}");
    let names = store.label_names(&labels).await.unwrap();
    assert_eq!(
        block.label_names(&labels).await.unwrap(),
        names,
        "{request:?}"
    );
    for name in names.iter().map(String::as_str).chain(["nothing"]) {
        let found = block.label_values(name, &labels).await.unwrap();
        let expected = store.label_values(name, &labels).await.unwrap();
        assert_eq!(found, expected, "{name} {request:?}");
    }
}

/// Series of three targets in three slices: counters, constants, special values, gaps, a series
/// that ends and one that begins in the middle.
fn fleet() -> Vec<Series> {
    let strange = [
        0.0,
        -0.0,
        f64::INFINITY,
        f64::from_bits(0x7ff0_0000_0000_0002),
        f64::from_bits(0xfff8_dead_beef_0001),
        f64::MIN_POSITIVE / 4.0,
    ];
    let mut all = Vec::new();
    for target in 0..3_i64 {
        let instance = format!("host-{target}");
        let times: Vec<i64> = (-40..1_200_i64).map(|i| i * 15_000 + target * 7).collect();
        for metric in ["up", "Bytes", "requests_total", "odd"] {
            for path in ["", "/", "/api"] {
                let labels = [
                    ("__name__", metric),
                    ("instance", instance.as_str()),
                    ("Path", path),
                ];
                let skip = usize::try_from(target * 5).unwrap() + path.len() * 300;
                let value = |(index, time): (usize, &i64)| match metric {
                    "up" => Some((*time, 1.0)),
                    "Bytes" => Some((*time, (index * index) as f64 * 0.125 - 7.0)),
                    "odd" => (index % 11 != 3).then(|| (*time, strange[index % strange.len()])),
                    _ => (index < 900).then_some((*time, (index * 17) as f64)),
                };
                let samples = times.iter().enumerate().skip(skip).filter_map(value);
                all.push(series(&labels, samples));
            }
        }
    }
    all
}

#[test]
fn a_block_of_several_slices_answers_as_memory_does() {
    let series = fleet();
    let store = MemoryStore::new();
    series.iter().for_each(|series| append(&store, series));
    let matcher = |name: &str, op, value: &str| Matcher::new(name, op, value).unwrap();
    let selections = [
        vec![],
        vec![matcher("__name__", MatchOp::Equal, "up")],
        vec![matcher("__name__", MatchOp::Equal, "nothing")],
        vec![matcher("Path", MatchOp::Equal, "")],
        vec![matcher("Path", MatchOp::NotEqual, "")],
        vec![matcher("Path", MatchOp::NotRegex, "/a.*|")],
        vec![matcher("Path", MatchOp::Regex, "/a.*|")],
        vec![matcher("instance", MatchOp::Regex, "host-0|host-2|x")],
        vec![matcher("instance", MatchOp::NotRegex, "host-0|host-2|x")],
        vec![matcher("instance", MatchOp::NotRegex, ".*")],
        vec![matcher("nothing", MatchOp::NotEqual, "x")],
        vec![
            matcher("instance", MatchOp::NotEqual, "host-1"),
            matcher("Path", MatchOp::Regex, ".+"),
            matcher("__name__", MatchOp::Regex, "(u|o).*"),
        ],
    ];
    let ranges = [
        (i64::MIN, i64::MAX),
        (0, SLICE_MS - 1),
        (SLICE_MS - 20_000, SLICE_MS + 20_000),
        (17 * 15_000, 17 * 15_000),
        (9, 3),
        (i64::MAX - 5, i64::MAX),
    ];
    block_on(async {
        let block = publish(&memory(), series, &options(-SLICE_MS..3 * SLICE_MS)).await;
        assert_eq!(block.meta().slices_ms.len(), 4);
        for matchers in selections {
            for (start_ms, end_ms) in ranges {
                let range = TimeRange { start_ms, end_ms };
                compare(&block, &store, &request(matchers.clone(), range)).await;
            }
        }
    });
}

#[test]
fn many_series_cross_every_batch_of_rows() {
    let mut all = Vec::new();
    for i in 0..5_000_i64 {
        let number = i.to_string();
        let labels = [
            ("__name__", "m"),
            ("number", &number),
            ("tens", &number[..1]),
        ];
        let samples = (0..1 + i % 3).map(|n| (n * 1_000 + i % 4, (i * n) as f64));
        all.push(series(&labels, samples));
    }
    let store = MemoryStore::new();
    all.iter().for_each(|series| append(&store, series));
    block_on(async {
        let block = publish(&memory(), all, &options(0..SLICE_MS)).await;
        for (name, op, value) in [
            ("number", MatchOp::Regex, ".*7"),
            ("number", MatchOp::Equal, "4999"),
            ("tens", MatchOp::NotEqual, "3"),
        ] {
            let matcher = Matcher::new(name, op, value).unwrap();
            let range = TimeRange {
                start_ms: 1_000,
                end_ms: 2_001,
            };
            compare(&block, &store, &request(vec![matcher], range)).await;
        }
    });
}

#[test]
fn slices_may_come_in_any_order() {
    let late = series(&[("__name__", "a")], [(SLICE_MS + 1, 1.0)]);
    let early = series(&[("__name__", "b")], [(1, 2.0), (SLICE_MS + 5, 3.0)]);
    block_on(async {
        let all = vec![late.clone(), early.clone()];
        let block = publish(&memory(), all, &options(0..2 * SLICE_MS)).await;
        assert_eq!(block.meta().slices_ms, [SLICE_MS, 0]);
        let store = MemoryStore::new();
        append(&store, &late);
        append(&store, &early);
        compare(&block, &store, &request(vec![], TimeRange::ALL)).await;
    });
}

#[test]
fn what_breaks_the_order_or_the_range_is_refused_with_its_name() {
    let a = || series(&[("__name__", "a")], [(1, 1.0)]);
    let b = || series(&[("__name__", "b")], [(1, 1.0)]);
    let mut uneven = a();
    uneven.values = vec![1.0, 2.0].into();
    for (series, expected) in [
        (vec![b(), a()], r#"{__name__="a"} comes out of order"#),
        (vec![a(), a()], r#"{__name__="a"} comes out of order"#),
        (
            vec![series(&[("__name__", "a")], [(5, 1.0), (5, 1.0)])],
            r#"the times of {__name__="a"} do not ascend"#,
        ),
        (
            vec![series(&[("__name__", "a")], [(100, 1.0)])],
            r#"{__name__="a"} has samples outside the range of the block"#,
        ),
        (vec![uneven], r#"{__name__="a"} has columns of two lengths"#),
    ] {
        let store = memory();
        let folder = crate::fixture::folder();
        let options = options(0..100);
        let error = block_on(write(store.as_ref(), &folder, series, &options)).unwrap_err();
        assert!(matches!(error.fault, Fault::Format(_)));
        assert_eq!(error.fault.to_string(), expected);
    }
}

#[test]
fn no_sample_makes_no_block() {
    let store = memory();
    let labels = Labels::from_pairs([("__name__", "a")]);
    let empty = Series::of_numbers(labels, vec![], vec![]);
    let folder = crate::fixture::folder();
    let options: WriteOptions = options(0..100);
    let written = block_on(write(store.as_ref(), &folder, [empty], &options)).unwrap();
    assert_eq!(written, None);
    let files: Vec<_> = block_on(store.list(None).try_collect()).unwrap();
    assert_eq!(files.len(), 0);
}
