//! Series that have ended leave memory early, and nobody sees a difference.

use narthex_model::sample::STALE_NAN;

use super::fixture::{BLOCK_MS, Setup, Store, append, sample};

/// Half of the series end after a few samples.
fn churn(store: &Store) {
    for second in 0..60 {
        let mut samples = vec![
            sample("a", second * 1_000, second as f64),
            sample("b", second * 1_000, -1.0),
        ];
        for pod in 0..6 {
            let name = format!("pod_{pod}");
            match second - pod * 5 {
                0..5 => samples.push(sample(&name, second * 1_000, 1.5)),
                5 => samples.push(sample(&name, second * 1_000, STALE_NAN)),
                _ => {}
            }
        }
        assert!(append(store, samples).rejected.is_empty());
    }
}

#[tokio::test]
async fn above_the_threshold_stale_series_leave_memory_and_are_still_found() {
    let store = Store::with(Setup::compacting());
    churn(&store);
    let before = store.samples().await;
    assert_eq!(store.metric("prometheus_tsdb_head_stale_series"), "6");
    for share in [0.0, 0.76] {
        store.set_stale_series_threshold(share).unwrap();
        store.maintain().await.unwrap();
        assert_eq!(store.head.series_count(), 8, "at {share}");
    }
    store.set_stale_series_threshold(0.75).unwrap();
    store.maintain().await.unwrap();
    assert_eq!(store.head.series_count(), 2);
    assert_eq!(store.metric("prometheus_tsdb_head_stale_series"), "0");
    assert_eq!(
        store.metric("prometheus_tsdb_stale_series_compactions_triggered_total"),
        "1"
    );
    assert_eq!(store.samples().await, before);
    // The log still counts: the block has only some of the series.
    assert_eq!(store.catalog.end_ms(), None);
    let mut store = store;
    for _ in 0..2 {
        store = store.crash();
        assert_eq!(store.samples().await, before);
        assert_eq!(store.head.series_count(), 2, "the log drops them again");
    }
    // One comes back, and goes on where it was; the rest is cut as ever.
    for second in 60..500 {
        let samples = ["a", "b", "pod_3"].map(|name| sample(name, second * 1_000, 2.5));
        append(&store, samples.to_vec());
    }
    let before = store.samples().await;
    store.maintain().await.unwrap();
    assert_eq!(store.samples().await, before);
    let ends = store.catalog.blocks();
    let apart = |a: &std::sync::Arc<narthex_block::Block>,
                 b: &std::sync::Arc<narthex_block::Block>| {
        a.meta().range.end_ms <= b.meta().range.start_ms
    };
    assert!(ends.is_sorted_by(apart), "{:?}", store.spans());
    assert!(ends.iter().all(|block| block.meta().log_from_ms.is_none()));
    assert_eq!(store.catalog.end_ms().unwrap() % BLOCK_MS, 0);
    let store = store.reopen().await;
    assert_eq!(store.samples().await, before);
}

#[tokio::test]
async fn a_share_is_between_none_and_all() {
    let store = Store::new();
    for share in [-0.1, 1.1, f64::NAN] {
        assert!(store.set_stale_series_threshold(share).is_err());
    }
    assert!(store.set_stale_series_threshold(1.0).is_ok());
}
