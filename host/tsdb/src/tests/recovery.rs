//! Crashes between the steps of a cut, and damage.

use std::collections::BTreeMap;
use std::fs;

use narthex_block::Ulid;
use narthex_storage::{LabelsRequest, Queryable, SelectRequest, StorageAdmin, TimeRange, contract};

use super::fixture::{BLOCK_MS, Store, append, sample};
use crate::TsdbError;

fn full() -> Store {
    let store = Store::new();
    for t in (0..350).map(|t| t * 1_000) {
        append(&store, vec![sample("a", t, t as f64), sample("b", t, 1.0)]);
    }
    store
}

/// How many requests failed because of a block.
fn failures(store: &Store) -> String {
    store.metric("narthex_tsdb_block_read_failures_total ")
}

pub(crate) async fn holds(store: &Store, expected: &BTreeMap<String, Vec<(i64, u64)>>, when: &str) {
    assert!(store.samples().await == *expected, "{when}");
}

#[tokio::test]
async fn a_crash_between_any_two_steps_neither_loses_nor_doubles() {
    let steps = ["files", "name", "publish", "truncate"];
    for (last, step) in steps.iter().enumerate() {
        let store = full();
        let expected = store.samples().await;
        let range = store.due().unwrap();
        store.head.refuse_before(range.end_ms);
        let ulid = Ulid::from_parts(1, 1);
        assert!(store.write_files(ulid, range).await.unwrap());
        if last >= 1 {
            store.catalog.commit(ulid).unwrap();
        }
        if last >= 2 {
            store.catalog.publish(ulid).await.unwrap();
        }
        if last >= 3 {
            store.truncate(range.end_ms).unwrap();
        }
        let store = store.crash();
        holds(&store, &expected, step).await;
        let blocks = usize::from(last >= 1);
        assert_eq!(store.catalog.blocks().len(), blocks, "{step}");
        assert_eq!(store.folders().len(), blocks, "{step}");
        assert_eq!(store.metric("prometheus_tsdb_clean_start "), "0", "{step}");
        store.maintain().await.unwrap();
        holds(&store, &expected, step).await;
        assert_eq!(store.catalog.blocks().len(), 2, "{step}");
        let store = store.reopen().await;
        holds(&store, &expected, step).await;
    }
}

#[tokio::test]
async fn folders_that_are_no_blocks_are_left_alone() {
    let store = full();
    let expected = store.samples().await;
    let ulid = Ulid::from_parts(5, 5).to_string();
    for name in [ulid.as_str(), "notes", "notes.tmp", "chunks_head"] {
        fs::create_dir(store.path().join(name)).unwrap();
        fs::write(store.path().join(name).join("file"), "mine").unwrap();
    }
    let unfinished = store.path().join(format!("{ulid}.tmp"));
    fs::create_dir(&unfinished).unwrap();
    fs::write(unfinished.join("chunks.parquet"), "half").unwrap();
    let store = store.crash();
    holds(&store, &expected, "beside other folders").await;
    assert_eq!(
        store.folders(),
        [ulid.as_str(), "chunks_head", "notes", "notes.tmp"]
    );
}

#[tokio::test]
async fn damage_found_late_is_an_error_and_damage_found_early_leaves_the_block_out() {
    let store = full();
    let expected = store.samples().await;
    store.maintain().await.unwrap();
    let first = store.catalog.blocks()[0].meta().ulid.clone();
    let path = store.path().join(&first).join("chunks.parquet");
    let sound = fs::read(&path).unwrap();
    let mut flipped = sound.clone();
    flipped[100] ^= 1;
    fs::write(&path, &flipped).unwrap();
    let request = SelectRequest {
        matchers: vec![],
        range: TimeRange::ALL,
    };
    let read = match store.select(&request).await {
        Ok(stream) => futures::TryStreamExt::try_collect::<Vec<_>>(stream)
            .await
            .err(),
        Err(error) => Some(error),
    };
    let message = read.unwrap().to_string();
    assert_eq!(message, format!("block {first}: chunks.parquet"));
    assert_eq!(failures(&store), "1");
    // What needs nothing of that file goes on: later blocks and the head, and labels.
    let later = TimeRange {
        start_ms: BLOCK_MS,
        end_ms: i64::MAX,
    };
    let found = contract::samples(&store, vec![], later).await;
    assert_eq!(found.into_values().flatten().count(), 500);
    let request = LabelsRequest {
        matchers: vec![],
        range: TimeRange::ALL,
        limit: None,
    };
    assert_eq!(store.series(&request).await.unwrap().len(), 2);
    let values = store.label_values("__name__", &request).await.unwrap();
    assert_eq!(values, ["a", "b"]);
    assert_eq!(failures(&store), "1", "these were read");

    fs::write(&path, &sound[..50]).unwrap();
    let store = store.reopen().await;
    assert_eq!(store.catalog.blocks().len(), 1);
    assert_eq!(store.metric("narthex_tsdb_blocks_damaged "), "1");
    let rest = store.samples().await.into_values().flatten().count();
    assert_eq!(rest, 500);

    fs::write(&path, &sound).unwrap();
    let store = store.reopen().await;
    holds(&store, &expected, "mended").await;
}

#[tokio::test]
async fn damage_to_the_log_is_counted_and_costs_no_other_segment() {
    let store = Store::new();
    let series: Vec<_> = (0..2_000).map(|i| format!("series_{i}")).collect();
    for batch in series.chunks(10) {
        append(
            &store,
            batch.iter().map(|name| sample(name, 0, 1.0)).collect(),
        );
    }
    let wal = store.path().join("wal");
    let entries = fs::read_dir(wal)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = entries.filter(|path| !path.ends_with("lock")).collect();
    segments.sort();
    assert!(segments.len() > 1);
    let mut bytes = fs::read(&segments[0]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    assert_eq!(store.stats(0).wal_corruptions, 0);
    let store = store.crash_and(|| fs::write(&segments[0], bytes).unwrap());
    assert_eq!(store.stats(0).wal_corruptions, 1);
    assert_eq!(store.metric("prometheus_tsdb_wal_corruptions_total "), "1");
    let left = store.samples().await.into_values().flatten().count();
    assert!((1..2_000).contains(&left), "{left}");
}

#[tokio::test]
async fn a_block_of_a_later_version_stops_the_start_and_nothing_is_touched() {
    let store = full();
    store.maintain().await.unwrap();
    let folder = store.path().join(&store.catalog.blocks()[0].meta().ulid);
    store.close().await.unwrap();
    let path = folder.join("meta.json");
    let sound = fs::read_to_string(&path).unwrap();
    let later = sound.replace("\"version\": 1", "\"version\": 9");
    let (open, seal) = later.split_at(later.rfind(",\n").unwrap());
    assert!(seal.contains("checksum"));
    let sum = crc32c(open.as_bytes());
    fs::write(
        &path,
        format!("{open},\n  \"checksum\": \"{sum:08x}\"\n}}\n"),
    )
    .unwrap();
    let Err(TsdbError::Block(error)) = Store::open(std::sync::Arc::clone(&store.folder), BLOCK_MS)
    else {
        panic!("it opened");
    };
    let expected = "format version 9: this program reads up to version 1";
    assert_eq!(error.fault.to_string(), expected);
    fs::write(&path, sound).unwrap();
    let store = store.reopen().await;
    assert_eq!(store.samples().await.into_values().flatten().count(), 700);
}

/// CRC-32C, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0x82f6_3b78 * (sum & 1))
        })
    })
}
