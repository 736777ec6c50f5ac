//! How much of a block a query reads.

use std::sync::Arc;

use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_block::{Block, SLICE_MS};
use narthex_model::{MatchOp, Matcher};
use narthex_storage::{LabelsRequest, Series, TimeRange};
use object_store::ObjectStore;

use crate::fixture::{Counting, cache, folder, memory, options, publish, request, series};

#[test]
fn one_series_of_ten_thousand_costs_few_bytes() {
    let counting = Arc::new(Counting::default());
    let store: Arc<dyn ObjectStore> = Arc::clone(&counting) as _;
    let all = (0..10_000_u32).map(|i| {
        let number = format!("{:08x}", i.wrapping_mul(0x9e37_79b9));
        let labels = [("__name__", "m"), ("id", number.as_str()), ("job", "j")];
        let mut state = u64::from(i);
        let value = |n: i64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (n * 15_000, (state >> 20) as f64)
        };
        series(&labels, (0..60).map(value))
    });
    let all: Vec<Series> = all.collect();
    let one = all[7_777].clone();
    block_on(async {
        let block = publish(&store, all, &options(0..SLICE_MS)).await;
        let total = block.meta().size();
        assert!(total > 3_500_000, "{total}");
        counting.take();
        let id = one.labels.get("id").unwrap();
        let request = request(vec![Matcher::equal("id", id)], TimeRange::ALL);
        let mut costs = Vec::new();
        for _ in 0..2 {
            let found = Arc::clone(&block).select(&request).await.unwrap();
            let found: Vec<Series> = found.try_collect().await.unwrap();
            assert_eq!(found.len(), 1);
            assert_eq!(
                (&found[0].labels, &found[0].values),
                (&one.labels, &one.values)
            );
            costs.push(counting.take());
        }
        eprintln!("requests and bytes, cold and warm: {costs:?} of {total}");
        let [(requests, cold), warm] = costs[..] else {
            panic!("two reads")
        };
        // Of each file its footer and where its pages lie; the names of labels, the index, the
        // label set, the samples and their timestamps.
        assert!(
            cold < 1_000_000 && requests <= 13,
            "{requests}, {cold} of {total}"
        );
        assert_eq!(warm, (0, 0), "what was read is there");
    });
}

/// Ten thousand series with a hundred samples and an `id` of `a`, `b`, ... and five digits, which
/// say at which millisecond the series begins.
fn many() -> Vec<Series> {
    let all = (0..10_000_u32).map(|i| {
        let id = format!("{}{:05}", ["a", "b", "c", "d"][(i % 4) as usize], i / 4);
        let labels = [("__name__", "m"), ("id", id.as_str())];
        series(
            &labels,
            (0..100).map(|n| (n * 15_000 + i64::from(i / 4), 1.0)),
        )
    });
    all.collect()
}

#[test]
fn series_that_ended_or_have_not_begun_are_not_listed() {
    block_on(async {
        let block = publish(&memory(), many(), &options(0..SLICE_MS)).await;
        let end_ms = 99 * 15_000 + 2_499;
        for (start_ms, end_ms, expected) in [
            (0, end_ms, 10_000),
            (0, 99, 400),
            (end_ms - 99, end_ms, 400),
            (end_ms + 1, SLICE_MS, 0),
        ] {
            let request = request(vec![], TimeRange { start_ms, end_ms });
            let found = block.series(&request).await.unwrap();
            assert_eq!(found.len(), expected, "{start_ms} to {end_ms}");
        }
    });
}

#[test]
fn what_an_expression_begins_with_and_a_limit_narrow_what_is_read_of_the_index() {
    let counting = Arc::new(Counting::default());
    let store: Arc<dyn ObjectStore> = Arc::clone(&counting) as _;
    block_on(async {
        publish(&store, many(), &options(0..SLICE_MS)).await;
        // Each on a block of which nothing was read; the same answers, and what they cost.
        let rows = async |expression: &str| {
            let block = Block::open(Arc::clone(&store), &folder(), &cache()).await;
            counting.take();
            let matcher = Matcher::new("id", MatchOp::Regex, expression).unwrap();
            let request = request(vec![matcher], TimeRange::ALL);
            let found = block.unwrap().series(&request).await.unwrap().len();
            (found, counting.take().1)
        };
        let (all, all_bytes) = rows("(b0012.|b00130)").await;
        let (some, some_bytes) = rows(".0012.|.{2}0130").await;
        assert_eq!((all, some), (11, 44));
        assert!(all_bytes < some_bytes, "{all_bytes} of {some_bytes}");
        for (expression, expected) in [("b.*", 2_500), ("a0000.+", 10), ("d02499.*", 1), ("e.+", 0)]
        {
            assert_eq!(rows(expression).await.0, expected, "{expression}");
        }

        let values = async |limit: Option<usize>| {
            let block = Block::open(Arc::clone(&store), &folder(), &cache()).await;
            counting.take();
            let request = LabelsRequest {
                matchers: Vec::new(),
                range: TimeRange::ALL,
                limit,
            };
            let found = block.unwrap().label_values("id", &request).await.unwrap();
            (found, counting.take().1)
        };
        let (all, all_bytes) = values(None).await;
        assert_eq!(all.len(), 10_000);
        for limit in [0, 1, 256, 257, 10_001] {
            let (some, bytes) = values(Some(limit)).await;
            assert_eq!(some, all[..limit.min(all.len())]);
            assert!(bytes <= all_bytes, "{bytes} of {all_bytes}");
        }
    });
}
