//! A snapshot opens as a store and has all that the store had, and nothing that came later.

use std::sync::Arc;

use narthex_disk::{CrashDisk, Disk, DiskExt, Fault, Within};
use narthex_head::SyncMode;
use narthex_model::{Matcher, PromDuration, SimulatedClock, WriteBatch};
use narthex_storage::{Appendable, TimeRange, contract};
use prometheus_client::registry::Registry;

use super::fixture::{BLOCK_MS, Store, append, sample};
use crate::{Tsdb, TsdbOptions};

fn fill(store: &Store, seconds: std::ops::Range<i64>) {
    for second in seconds {
        let samples = ["a", "b"].map(|name| sample(name, second * 1_000, second as f64));
        append(store, samples.to_vec());
    }
}

async fn opened(store: &Store, name: &str) -> std::collections::BTreeMap<String, Vec<(i64, u64)>> {
    let path = store.path().join("snapshots").join(name);
    let options = TsdbOptions::new(path, Arc::new(store.clock.clone()));
    let copy = Tsdb::open(options, &mut Registry::default()).unwrap();
    let samples = contract::samples(&*copy, vec![], TimeRange::ALL).await;
    copy.close().await.unwrap();
    samples
}

#[tokio::test]
async fn a_snapshot_has_what_the_store_had() {
    let store = Store::new();
    store.set_out_of_order_window(PromDuration::from_secs(10_000));
    fill(&store, 0..330);
    store.maintain().await.unwrap();
    // Late ones older than the blocks, and deleted ones in a block and in the head.
    append(
        &store,
        vec![sample("a", 1_500, 7.0), sample("c", 40_500, 7.0)],
    );
    let gone = TimeRange {
        start_ms: 90_000,
        end_ms: 320_000,
    };
    let selector = vec![Matcher::equal("__name__", "b")];
    store
        .tsdb
        .delete_series(std::slice::from_ref(&selector), gone)
        .await
        .unwrap();
    let before = store.samples().await;
    let whole = store.tsdb.take_snapshot(false).await.unwrap();
    let skipping = store.tsdb.take_snapshot(true).await.unwrap();
    assert!(whole != skipping && whole.contains("Z-"), "{whole}");
    // What happens later is not the copy's.
    fill(&store, 330..700);
    store
        .tsdb
        .delete_series(&[selector], TimeRange::ALL)
        .await
        .unwrap();
    store.maintain().await.unwrap();
    store.tsdb.clean_deleted().await.unwrap();
    assert_eq!(opened(&store, &whole).await, before);
    let blocks = opened(&store, &skipping).await;
    let end_ms = blocks.values().flatten().map(|(at, _)| *at).max().unwrap();
    let is_in_blocks = |at: i64| at <= end_ms && at % 1_000 == 0;
    for (labels, samples) in &before {
        let expected: Vec<_> = samples
            .iter()
            .filter(|(at, _)| is_in_blocks(*at))
            .copied()
            .collect();
        let found = blocks.get(labels).cloned().unwrap_or_default();
        assert_eq!(found, expected, "{labels}");
    }
    assert!(end_ms < 330_000 - BLOCK_MS / 2);
    // The store itself goes on.
    let store = store.reopen().await;
    assert!(!store.samples().await.is_empty());
}

#[tokio::test]
async fn a_snapshot_of_nothing_opens() {
    let store = Store::new();
    let name = store.tsdb.take_snapshot(false).await.unwrap();
    assert!(opened(&store, &name).await.is_empty());
}

/// Makes a snapshot on a disk that dies at an operation; whether it was met.
async fn die_at(at: u64, cuts_power: bool) -> bool {
    let options = || TsdbOptions {
        min_block_duration: PromDuration::from_millis(BLOCK_MS.unsigned_abs()),
        wal_sync: SyncMode::EachAppend,
        ..TsdbOptions::new("", Arc::new(SimulatedClock::at(i64::MAX / 2)))
    };
    let disk = CrashDisk::new(at);
    let open = |disk: &CrashDisk, path: &str| {
        let whole: Arc<dyn Disk> = Arc::new(disk.clone());
        let disk: Arc<dyn Disk> = match path {
            "" => whole,
            path => Arc::new(Within::new(whole, path)),
        };
        Tsdb::open_on(disk, options(), &mut Registry::default()).unwrap()
    };
    let store = open(&disk, "");
    for second in 0..300 {
        let samples = vec![sample("a", second * 1_000, second as f64)];
        store.append(&WriteBatch::from(samples)).unwrap();
    }
    store.maintain().await.unwrap();
    let before = contract::samples(&*store, vec![], TimeRange::ALL).await;
    disk.fault_at(disk.operations() + at, Fault::Kill);
    let made = store.take_snapshot(false).await;
    let was_met = disk.is_dead();
    // What it was told of is there; what is there is whole.
    let disk = match cuts_power {
        true => disk.cut_power(),
        false => disk.kill(),
    };
    drop(store);
    let store = open(&disk, "");
    let names = disk.list("snapshots").unwrap_or_default();
    let names: Vec<String> = names.into_iter().map(|entry| entry.name).collect();
    if let Ok(name) = made {
        assert!(names.contains(&name), "at {at}: {names:?}");
    }
    for name in names {
        let copy = open(&disk, &format!("snapshots/{name}"));
        let found = contract::samples(&*copy, vec![], TimeRange::ALL).await;
        assert_eq!(found, before, "at {at}");
    }
    let after = contract::samples(&*store, vec![], TimeRange::ALL).await;
    assert_eq!(after, before, "at {at}");
    assert!(disk.exists("wal"));
    was_met
}

#[tokio::test]
async fn a_snapshot_is_there_wholly_or_not_at_all() {
    for cuts_power in [false, true] {
        let mut at = 0;
        while die_at(at, cuts_power).await {
            at += 1;
        }
        assert!(at > 15, "{at} deaths");
    }
}
