//! Blocks of two servers, and of one whose series have labels of their own with the server's names.

use std::sync::Arc;

use futures::TryStreamExt;
use narthex_block::{Block, BlockMeta, PageCache, SLICE_MS, TimeBounds, Ulid, WriteOptions, write};
use narthex_model::{Labels, MatchOp, Matcher};
use narthex_storage::{LabelsRequest, Queryable, SelectRequest, Series, TimeRange, Warnings};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use prometheus_client::metrics::counter::Counter;

use super::LabelledBlocks;

/// One sample: the slice that it lies in is its block's.
type Sample<'a> = (&'a [(&'a str, &'a str)], i64, f64);

/// Writes a block of samples that a server with these labels brought.
async fn block(
    store: &Arc<InMemory>,
    number: u64,
    own: &[(&str, &str)],
    samples: &[Sample<'_>],
) -> Arc<Block> {
    let options = WriteOptions {
        ulid: Ulid::from_parts(1_700_000_000_000 + number, u128::from(number)),
        range: TimeBounds {
            start_ms: 0,
            end_ms: SLICE_MS,
        },
        slice_ms: SLICE_MS,
        sources: Vec::new(),
    };
    let folder = Path::from(options.ulid.to_string());
    let mut series: Vec<Series> = samples
        .iter()
        .map(|(labels, time_ms, value)| {
            let labels = Labels::from_pairs(labels.iter().copied());
            Series::of_numbers(labels, vec![*time_ms], vec![*value])
        })
        .collect();
    series.sort_by(|a, b| narthex_block::block_order(&a.labels, &b.labels));
    let meta = write(store.as_ref(), &folder, series, &options).await;
    let labels = own.iter();
    let labels = labels.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let meta = BlockMeta {
        labels: labels.collect(),
        ..meta.unwrap().unwrap()
    };
    let path = folder.clone().join("meta.json");
    let text = meta.document().unwrap();
    store.put(&path, text.into()).await.unwrap();
    let pages = Arc::new(PageCache::new(1 << 20));
    let opened = Block::open(Arc::clone(store) as Arc<dyn ObjectStore>, &folder, &pages).await;
    Arc::new(opened.unwrap())
}

fn matcher(name: &str, op: MatchOp, value: &str) -> Matcher {
    Matcher::new(name, op, value).unwrap()
}

/// The series that a selector takes, as text, sorted.
async fn selected(store: &LabelledBlocks, matchers: Vec<Matcher>) -> Vec<String> {
    let request = SelectRequest {
        matchers,
        range: TimeRange::ALL,
    };
    let found: Vec<Series> = store
        .select(&request)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    let mut texts: Vec<String> = found
        .iter()
        .map(|series| {
            let samples = series.timestamps.iter().zip(series.values.iter());
            let samples: Vec<String> = samples.map(|(t, v)| format!("{t}={v}")).collect();
            format!("{} {}", series.labels, samples.join(" "))
        })
        .collect();
    texts.sort();
    texts
}

fn all() -> LabelsRequest {
    LabelsRequest {
        matchers: Vec::new(),
        range: TimeRange::ALL,
        limit: None,
    }
}

#[tokio::test]
async fn series_have_the_labels_of_the_server_that_they_came_from() {
    let store = Arc::new(InMemory::new());
    let up: &[(&str, &str)] = &[("__name__", "up"), ("job", "x")];
    let a = block(&store, 1, &[("replica", "a")], &[(up, 1, 1.0)]).await;
    let later = block(&store, 2, &[("replica", "a")], &[(up, 2, 2.0)]).await;
    let b = block(&store, 3, &[("replica", "b")], &[(up, 1, 3.0)]).await;
    let blocks = LabelledBlocks::new([a, later, b], Counter::default());
    let of_a = r#"{__name__="up", job="x", replica="a"} 1=1 2=2"#;
    let of_b = r#"{__name__="up", job="x", replica="b"} 1=3"#;
    for (matchers, expected) in [
        (vec![], vec![of_a, of_b]),
        (vec![matcher("replica", MatchOp::Equal, "a")], vec![of_a]),
        (
            vec![matcher("replica", MatchOp::NotRegex, "a|c")],
            vec![of_b],
        ),
        (vec![matcher("replica", MatchOp::Equal, "")], vec![]),
        (
            vec![
                matcher("replica", MatchOp::Equal, "b"),
                matcher("job", MatchOp::Equal, "y"),
            ],
            vec![],
        ),
    ] {
        let label = format!("{matchers:?}");
        assert_eq!(selected(&blocks, matchers).await, expected, "{label}");
    }
    let request = all();
    let names = blocks.label_names(&request).await.unwrap();
    assert_eq!(names, ["__name__", "job", "replica"]);
    let values = blocks.label_values("replica", &request).await.unwrap();
    assert_eq!(values, ["a", "b"]);
    assert_eq!(blocks.series(&request).await.unwrap().len(), 2);
    let spans = blocks.spans().into_iter();
    let spans: Vec<String> = spans
        .map(|(labels, range)| format!("{labels} {} {}", range.start_ms, range.end_ms))
        .collect();
    assert_eq!(spans, [r#"{replica="a"} 1 2"#, r#"{replica="b"} 1 1"#]);
}

#[tokio::test]
async fn a_label_set_comes_once_though_the_servers_labels_make_two_series_one() {
    let store = Arc::new(InMemory::new());
    let plain: &[(&str, &str)] = &[("__name__", "up")];
    let own: &[(&str, &str)] = &[("__name__", "up"), ("replica", "x")];
    let a = block(
        &store,
        1,
        &[("replica", "a")],
        &[(plain, 1, 1.0), (own, 2, 2.0)],
    )
    .await;
    let expected = [r#"{__name__="up", replica="a"} 1=1 2=2"#];
    let alone = LabelledBlocks::new([Arc::clone(&a)], Counter::default());
    assert_eq!(selected(&alone, vec![]).await, expected);
    // A server without labels has the same series.
    let same: &[(&str, &str)] = &[("__name__", "up"), ("replica", "a")];
    let nobody = block(&store, 2, &[], &[(same, 3, 3.0)]).await;
    let both = LabelledBlocks::new([a, nobody], Counter::default());
    let expected = [r#"{__name__="up", replica="a"} 1=1 2=2 3=3"#];
    assert_eq!(selected(&both, vec![]).await, expected);
    assert_eq!(both.series(&all()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_damaged_block_costs_itself_and_is_told() {
    let store = Arc::new(InMemory::new());
    let up: &[(&str, &str)] = &[("__name__", "up")];
    let sound = block(&store, 1, &[("replica", "a")], &[(up, 1, 1.0)]).await;
    let damaged = block(&store, 2, &[("replica", "a")], &[(up, 2, 2.0)]).await;
    let name = damaged.meta().ulid.clone();
    let path = Path::from(format!("{name}/index.parquet"));
    let bytes = store.get(&path).await.unwrap().bytes().await.unwrap();
    let turned: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
    store.put(&path, turned.into()).await.unwrap();
    let failures = Counter::default();
    let blocks = LabelledBlocks::new([sound, damaged], failures.clone());
    let request = SelectRequest {
        matchers: vec![matcher("__name__", MatchOp::Equal, "up")],
        range: TimeRange::ALL,
    };
    for _ in 0..2 {
        let warnings = Warnings::default();
        let found = blocks.select_with_warnings(&request, &warnings).await;
        let found: Vec<Series> = found.unwrap().try_collect().await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].timestamps[..], [1]);
        let expected = format!("block {name} is damaged and left out");
        assert_eq!(warnings.texts(), [expected]);
        assert_eq!(failures.get(), 1);
    }
}
