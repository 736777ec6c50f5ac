//! How much of a block a query reads.

use std::sync::Arc;

use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_block::SLICE_MS;
use narthex_model::Matcher;
use narthex_storage::{Series, TimeRange};
use object_store::ObjectStore;

use crate::fixture::{Counting, options, publish, request, series};

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
