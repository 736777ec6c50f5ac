//! What goes because it is too old or too much, and what stays.

use std::sync::Arc;

use futures::TryStreamExt;
use narthex_model::{ByteSize, PromDuration};
use narthex_storage::{Queryable, SelectRequest, Series, TimeRange};

use super::fixture::{Setup, Store, append, sample};
use super::recovery::holds;
use crate::retired::DELETION_SUFFIX;
use crate::{Retention, TsdbError};

fn seconds(time: u64, size: u64) -> Retention {
    let size = ByteSize::from_bytes(size);
    Retention::new(PromDuration::from_secs(time), size, 0.0)
}

/// A store with blocks of 100 s from 0 on that would keep 15 days.
async fn store(blocks: i64) -> Store {
    let store = Store::new();
    for second in 0..blocks * 100 + 120 {
        append(&store, vec![sample("a", second * 1_000, second as f64)]);
    }
    store.maintain().await.unwrap();
    assert_eq!(store.spans().len(), usize::try_from(blocks).unwrap());
    store
}

async fn first_second(store: &Store) -> i64 {
    let samples = store.samples().await;
    samples
        .values()
        .flatten()
        .map(|(t, _)| t / 1_000)
        .min()
        .unwrap()
}

#[tokio::test]
async fn blocks_go_once_all_of_them_is_too_old() {
    let store = store(6).await;
    for (time, first, retentions) in [
        (10_000, 0, "0"),
        (501, 0, "0"),
        // The end of the first block is 500 s before the end of the last.
        (500, 100, "1"),
        (500, 100, "1"),
        (350, 200, "2"),
        (1, 500, "3"),
    ] {
        store.set_retention(seconds(time, 0)).unwrap();
        store.maintain().await.unwrap();
        assert_eq!(first_second(&store).await, first, "{time}");
        store.check_blocks("after retention");
        let found = store.metric("prometheus_tsdb_time_retentions_total ");
        assert_eq!(found, retentions, "{time}");
    }
    assert_eq!(store.spans(), [(500, 600)]);
    let expected = store.samples().await;
    let store = store.reopen().await;
    holds(&store, &expected, "opened again").await;
}

#[tokio::test]
async fn age_is_measured_from_the_newest_block_and_not_ahead_of_the_clock() {
    let store = store(3).await;
    store.set_retention(seconds(250, 0)).unwrap();
    // Down for a long time: the clock alone makes nothing old.
    store.clock.set(i64::MAX / 4);
    store.maintain().await.unwrap();
    assert_eq!(store.spans().len(), 3);
    // A block that ends ahead of the clock makes nothing old either.
    store.clock.set(250_000);
    store.set_retention(seconds(160, 0)).unwrap();
    store.maintain().await.unwrap();
    assert_eq!(store.spans().len(), 3);
    store.set_retention(seconds(150, 0)).unwrap();
    store.maintain().await.unwrap();
    assert_eq!(store.spans(), [(100, 200), (200, 300)]);
}

#[tokio::test]
async fn the_oldest_blocks_go_while_all_is_too_large_the_log_included() {
    let store = store(5).await;
    let blocks = store.catalog.blocks();
    let sizes: Vec<u64> = blocks.iter().map(|block| block.meta().size()).collect();
    drop(blocks);
    let wal = std::fs::read_dir(store.path().join("wal")).unwrap();
    let log: u64 = wal
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(log > 0);
    let all = log + sizes.iter().sum::<u64>();
    for (limit, left, retentions) in [
        (all, 5, "0"),
        (all - 1, 4, "1"),
        (all - sizes[0] - sizes[1] - 1, 2, "2"),
        (log + sizes[4], 1, "3"),
        // As in Prometheus, the newest block is not spared.
        (1, 0, "4"),
    ] {
        store.set_retention(seconds(0, limit)).unwrap();
        store.maintain().await.unwrap();
        assert_eq!(store.spans().len(), left, "{limit}");
        store.check_blocks("after retention");
        let found = store.metric("prometheus_tsdb_size_retentions_total ");
        assert_eq!(found, retentions, "{limit}");
    }
    assert_eq!(first_second(&store).await, 500);
}

#[tokio::test]
async fn no_block_goes_for_the_sake_of_the_snapshot_that_a_stop_leaves() {
    let store = store(5).await.reopen().await;
    let wal = store.path().join("wal");
    assert!(wal.join("chunk_snapshot").exists());
    let entries = std::fs::read_dir(wal).unwrap().map(Result::unwrap);
    let segments = entries.filter(|entry| entry.path().extension().is_some_and(|e| e == "wal"));
    let log: u64 = segments.map(|entry| entry.metadata().unwrap().len()).sum();
    let sizes: u64 = store.local_blocks().iter().map(|b| b.meta().size()).sum();
    store.set_retention(seconds(0, log + sizes)).unwrap();
    store.maintain().await.unwrap();
    assert_eq!(store.spans().len(), 5);
}

#[tokio::test]
async fn a_share_of_the_disk_counts_before_a_number_of_bytes() {
    let store = store(2).await;
    let share = |percentage| Retention {
        percentage,
        ..seconds(0, 1)
    };
    store.set_retention(share(100.0)).unwrap();
    store.maintain().await.unwrap();
    assert_eq!(store.spans().len(), 2);
    store.set_retention(share(1e-12)).unwrap();
    store.maintain().await.unwrap();
    assert_eq!(store.spans().len(), 0);
    let refused = store.set_retention(share(100.5));
    assert!(matches!(refused, Err(TsdbError::Options(_))));
    for (name, value) in [
        ("prometheus_tsdb_retention_limit_bytes ", "1"),
        ("prometheus_tsdb_retention_limit_seconds ", "0.0"),
        (
            "prometheus_tsdb_retention_limit_percentage ",
            "0.000000000001",
        ),
    ] {
        assert_eq!(
            store.metric(name).parse::<f64>(),
            value.parse::<f64>(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_reader_finishes_with_blocks_that_are_too_old() {
    let store = store(4).await;
    let request = SelectRequest {
        matchers: vec![],
        range: TimeRange::ALL,
    };
    let early = store.select(&request).await.unwrap();
    store.set_retention(seconds(100, 0)).unwrap();
    store.maintain().await.unwrap();
    assert_eq!(store.spans(), [(300, 400)]);
    assert_eq!(store.folders().len(), 4);
    let found: Vec<Series> = early.try_collect().await.unwrap();
    assert_eq!(found[0].timestamps.len(), 520);
    store.maintain().await.unwrap();
    store.check_blocks("the reader is done");
}

#[tokio::test]
async fn a_crash_between_the_steps_of_a_removal_leaves_a_block_or_none() {
    for (last, step) in ["retired", "renamed", "half removed", "removed"]
        .iter()
        .enumerate()
    {
        let store = store(4).await;
        let blocks = store.catalog.blocks();
        let names: Vec<String> = blocks.iter().map(|b| b.meta().ulid.clone()).collect();
        drop(blocks);
        let path = store.path().to_owned();
        let all = store.samples().await;
        store.set_retention(seconds(200, 0)).unwrap();
        store.retire_old().unwrap();
        let kept = store.samples().await;
        assert_eq!(first_second(&store).await, 200);
        let doomed = |name: &str| path.join(format!("{name}{DELETION_SUFFIX}"));
        for name in &names[..2] {
            if last >= 1 {
                std::fs::rename(path.join(name), doomed(name)).unwrap();
            }
            if last >= 2 {
                std::fs::remove_file(doomed(name).join("meta.json")).unwrap();
            }
            if last >= 3 {
                std::fs::remove_dir_all(doomed(name)).unwrap();
            }
        }
        let store = store.crash();
        let expected = if last == 0 { &all } else { &kept };
        holds(&store, expected, step).await;
        store.check_blocks(step);
        store.set_retention(seconds(200, 0)).unwrap();
        store.maintain().await.unwrap();
        holds(&store, &kept, step).await;
        store.check_blocks(step);
    }
}

#[tokio::test]
async fn what_is_too_old_is_not_compacted_first() {
    let setup = Setup {
        retention: seconds(300, 0),
        ..Setup::compacting()
    };
    let store = Store::with(setup);
    for second in 0..1_000 {
        append(&store, vec![sample("a", second * 1_000, 1.0)]);
    }
    store.maintain().await.unwrap();
    // Cut up to 900: what ends at 600 or before is too old.
    assert_eq!(store.spans(), [(600, 700), (700, 800), (800, 900)]);
    assert_eq!(store.metric("prometheus_tsdb_compactions_total "), "9");
    assert_eq!(
        store.metric("prometheus_tsdb_retention_limit_seconds "),
        "300.0"
    );
    store.check_blocks("after retention");
}

#[test]
fn the_longest_block_is_a_tenth_of_what_is_kept_and_at_most_a_month() {
    let day = 24 * 3_600;
    for (time, chosen, longest) in [
        (0, None, 31 * day),
        (15 * day, None, 36 * 3_600),
        (1_000 * day, None, 31 * day),
        (15 * day, Some(2 * day), 2 * day),
    ] {
        let clock = narthex_model::SimulatedClock::at(0);
        let options = crate::TsdbOptions {
            retention: seconds(time, 1),
            max_block_duration: chosen.map(PromDuration::from_secs),
            ..crate::TsdbOptions::new("data", Arc::new(clock))
        };
        let found = options.max_block_duration();
        assert_eq!(found, PromDuration::from_secs(longest), "{time}");
    }
}
