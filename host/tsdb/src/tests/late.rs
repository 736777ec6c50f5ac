//! Samples out of order that are older than the blocks.

use std::sync::Arc;

use narthex_disk::CrashDisk;
use narthex_model::{PromDuration, Rejection, SimulatedClock};
use narthex_storage::{StorageAdmin as _, TimeRange, contract};
use prometheus_client::registry::Registry;

use super::fixture::{BLOCK_MS, Store, append, sample};
use crate::{Tsdb, TsdbOptions};

const WINDOW: PromDuration = PromDuration::from_secs(1_000);

/// A store with blocks of the first 200 s and a head with 150 s more, and samples for all of that
/// time that came last.
async fn store() -> Store {
    let store = Store::new();
    fill(&store.tsdb).await;
    store
}

async fn fill(store: &Arc<Tsdb>) {
    for t in (0..350).map(|t| t * 1_000) {
        let samples = vec![sample("a", t, t as f64), sample("b", t, 1.0)];
        append(store.as_ref(), samples);
    }
    store.maintain().await.unwrap();
    store.set_out_of_order_window(WINDOW);
    let late = vec![
        sample("a", 50_500, 7.0),
        sample("c", 120_500, 8.0),
        sample("a", 250_500, 9.0),
        // A block has it already.
        sample("a", 10_000, 10_000.0),
    ];
    assert_eq!(append(store.as_ref(), late).rejected, []);
}

#[tokio::test]
async fn late_samples_are_read_from_the_head_and_then_from_the_blocks_of_their_time() {
    let store = store().await;
    let expected = store.samples().await;
    assert_eq!(expected[r#"{__name__="a", job="x"}"#].len(), 352);
    assert_eq!(expected[r#"{__name__="c", job="x"}"#].len(), 1);
    store.maintain().await.unwrap();
    assert_eq!((store.spans().len(), store.head.late_count()), (2, 4));
    append(&store, vec![sample("d", 351_000, 1.0)]);
    store.maintain().await.unwrap();
    // Compaction has made one block of those that overlapped.
    assert_eq!(store.spans(), [(0, 100), (100, 200), (200, 300)]);
    assert_eq!(store.head.late_count(), 0);
    let mut found = store.samples().await;
    found.remove(r#"{__name__="d", job="x"}"#);
    assert_eq!(found, expected);
    let store = store.reopen().await;
    assert_eq!(store.head.late_count(), 0);
    let mut found = store.samples().await;
    found.remove(r#"{__name__="d", job="x"}"#);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_oldest_sample_may_be_one_that_came_late() {
    let store = store().await;
    assert_eq!(store.oldest_ms(), Some(0));
    let late = vec![sample("a", -20_000, 1.0)];
    assert_eq!(append(&store, late).rejected, []);
    assert_eq!(store.oldest_ms(), Some(-20_000));
    let empty = Store::new();
    assert_eq!(empty.oldest_ms(), None);
}

#[tokio::test]
async fn a_crash_between_any_two_steps_neither_loses_nor_doubles_a_late_sample() {
    for steps in 0..=5 {
        let store = store().await;
        append(&store, vec![sample("d", 351_000, 1.0)]);
        let expected = store.samples().await;
        let range = store.due().unwrap();
        let mut block = None;
        for step in 0..steps {
            match step {
                0 => store.head.refuse_before(range.end_ms),
                1 => drop(store.cut_late().await.unwrap()),
                2 => block = store.write_block(range).await.unwrap(),
                3 => store.catalog.publish(block.unwrap()).await.unwrap(),
                _ => store.truncate(range.end_ms).unwrap(),
            }
            assert_eq!(store.samples().await, expected, "step {step} of {steps}");
        }
        let store = store.crash();
        assert_eq!(store.samples().await, expected, "{steps} steps, restarted");
        store.set_out_of_order_window(WINDOW);
        store.maintain().await.unwrap();
        assert_eq!(store.samples().await, expected, "{steps} steps, maintained");
        append(&store, vec![sample("d", 600_000, 1.0)]);
        store.maintain().await.unwrap();
        assert_eq!(store.head.late_count(), 0, "{steps} steps");
        let mut found = store.samples().await;
        let newest = found.get_mut(r#"{__name__="d", job="x"}"#).unwrap();
        assert_eq!(newest.pop().map(|(at, _)| at), Some(600_000));
        assert_eq!(found, expected, "{steps} steps, cut");
    }
}

#[tokio::test]
async fn a_cut_that_finds_no_room_leaves_no_block_of_late_samples_behind_each_time() {
    let (disk, clock) = (CrashDisk::new(3), SimulatedClock::at(i64::MAX / 2));
    let block = PromDuration::from_millis(BLOCK_MS.unsigned_abs());
    let options = TsdbOptions {
        min_block_duration: block,
        max_block_duration: Some(block),
        ..TsdbOptions::new("", Arc::new(clock.clone()))
    };
    let store = Tsdb::open_on(Arc::new(disk.clone()), options, &mut Registry::default());
    let store = store.unwrap();
    fill(&store).await;
    append(store.as_ref(), vec![sample("d", 351_000, 1.0)]);
    let expected = contract::samples(&*store, vec![], TimeRange::ALL).await;
    let (before, used) = (store.local_blocks().len(), disk.used());
    let mut failures = 0;
    for limit in (used..).step_by(1_000) {
        disk.limit(Some(limit));
        let done = store.maintain().await;
        if done.is_ok() || store.head.late_count() < 4 {
            break;
        }
        assert_eq!(store.local_blocks().len(), before, "after {failures}");
        let found = contract::samples(&*store, vec![], TimeRange::ALL).await;
        assert_eq!(found, expected, "after {failures}");
        failures += 1;
        // Whoever found no room waits for a while.
        clock.advance(3_600_000);
    }
    assert!(failures > 5, "{failures}");
    disk.limit(None);
    clock.advance(3_600_000);
    store.maintain().await.unwrap();
    assert_eq!(store.head.late_count(), 0);
    let found = contract::samples(&*store, vec![], TimeRange::ALL).await;
    assert_eq!(found, expected);
}

#[tokio::test]
async fn many_late_samples_do_not_wait_for_the_next_block() {
    let store = store().await;
    let expected = store.samples().await;
    store.cut_late_alone().await.unwrap();
    // The one that the head has time for stays there.
    assert_eq!(store.head.late_count(), 1);
    assert_eq!(store.samples().await, expected);
    append(&store, vec![sample("c", 130_500, 1.0)]);
    store.cut_late_alone().await.unwrap();
    assert_eq!(store.head.late_count(), 1);
    let store = store.crash();
    assert_eq!(store.head.late_count(), 1);
    let found = store.samples().await;
    assert_eq!(found[r#"{__name__="c", job="x"}"#].len(), 2);
}

#[tokio::test]
async fn what_is_too_old_even_so_is_counted_by_itself() {
    let store = store().await;
    store.set_out_of_order_window(PromDuration::from_secs(10));
    let report = append(&store, vec![sample("a", 1_500, 1.0)]);
    assert_eq!(report.rejected, [(0, Rejection::OutOfBounds)]);
    store.set_out_of_order_window(PromDuration::default());
    append(&store, vec![sample("a", 1_500, 1.0)]);
    append(&store, vec![sample("a", 300_500, 1.0)]);
    for (name, expected) in [
        ("prometheus_tsdb_too_old_samples_total{type=\"float\"}", "1"),
        (
            "prometheus_tsdb_out_of_bound_samples_total{type=\"float\"}",
            "1",
        ),
        (
            "prometheus_tsdb_out_of_order_samples_total{type=\"float\"}",
            "1",
        ),
        (
            "prometheus_tsdb_head_out_of_order_samples_appended_total",
            "4",
        ),
    ] {
        assert_eq!(store.metric(name), expected, "{name}");
    }
}
