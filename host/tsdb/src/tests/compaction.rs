//! How blocks become longer ones, what readers see of it, and what a crash leaves.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use futures::TryStreamExt;
use narthex_block::{SLICE_MS, TimeBounds, Ulid, WriteOptions, block_order};
use narthex_model::Labels;
use narthex_storage::{Queryable, SelectRequest, Series, TimeRange};
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;

use super::fixture::{Readers, Setup, Store, append, sample};
use super::recovery::holds;
use crate::catalog::Catalog;
use crate::retired::DELETION_SUFFIX;

type Samples = BTreeMap<String, Vec<(i64, u64)>>;

/// Fills a store with a sample a second of two series, of which one changes its name on the way.
fn fill(store: &Store, seconds: std::ops::Range<i64>) {
    for second in seconds {
        let at_ms = second * 1_000;
        let name = format!("churn_{}", second / 130);
        let value = match second % 5 {
            0 => narthex_model::sample::STALE_NAN,
            _ => second as f64 * 0.1,
        };
        append(
            store,
            vec![sample("a", at_ms, value), sample(&name, at_ms, 1.0)],
        );
    }
}

/// A store with blocks that are cut and none that is compacted: the first three are due.
async fn with_due_blocks() -> (Store, Samples) {
    let store = Store::with(Setup::compacting());
    fill(&store, 0..550);
    while let Some(range) = store.due() {
        let ulid = store.write_block(range).await.unwrap().unwrap();
        store.catalog.publish(ulid).await.unwrap();
        store.truncate(range.end_ms).unwrap();
    }
    assert_eq!(
        store.spans(),
        [(0, 100), (100, 200), (200, 300), (300, 400)]
    );
    let expected = store.samples().await;
    (store, expected)
}

fn everything() -> SelectRequest {
    SelectRequest {
        matchers: vec![],
        range: TimeRange::ALL,
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[tokio::test]
async fn blocks_become_longer_ones_and_the_newest_stays_as_it_was_cut() {
    let store = Store::with(Setup::compacting());
    fill(&store, 0..3_000);
    let expected = store.samples().await;
    store.maintain().await.unwrap();
    let long = [(0, 900), (900, 1_800), (1_800, 2_700)];
    let short = [(2_700, 2_800), (2_800, 2_900)];
    assert_eq!(store.spans(), [&long[..], &short[..]].concat());
    holds(&store, &expected, "compacted").await;
    store.check_blocks("compacted");
    let blocks = store.catalog.blocks();
    let levels: Vec<u32> = blocks.iter().map(|block| block.meta().level()).collect();
    assert_eq!(levels, [3, 3, 3, 1, 1]);
    assert_eq!(blocks[0].meta().sources().len(), 9);
    for (name, value) in [
        // 29 cuts, nine times three short blocks, three times three middle ones.
        ("prometheus_tsdb_compactions_total ", "41"),
        ("prometheus_tsdb_compactions_failed_total ", "0"),
        ("prometheus_tsdb_compactions_triggered_total ", "1"),
        ("prometheus_tsdb_vertical_compactions_total ", "0"),
        ("prometheus_tsdb_compaction_populating_block ", "0"),
        ("prometheus_tsdb_compaction_duration_seconds_count ", "41"),
        ("prometheus_tsdb_blocks_loaded ", "5"),
        ("narthex_tsdb_blocks_not_compacted ", "0"),
        ("narthex_tsdb_blocks_retired ", "0"),
    ] {
        assert_eq!(store.metric(name), value, "{name}");
    }
    drop(blocks);
    let store = store.reopen().await;
    holds(&store, &expected, "opened again").await;
    store.check_blocks("opened again");
}

#[tokio::test]
async fn between_the_steps_of_a_compaction_every_sample_is_seen_once() {
    let (store, expected) = with_due_blocks().await;
    let (parents, is_vertical) = store.due_parents().unwrap();
    assert_eq!((parents.len(), is_vertical), (3, false));
    let ulid = store.new_ulid();
    store.write_compacted(ulid, &parents).await.unwrap();
    holds(&store, &expected, "written").await;
    store.catalog.commit(ulid).unwrap();
    holds(&store, &expected, "named").await;
    store.catalog.replace(&parents, ulid).await.unwrap();
    holds(&store, &expected, "in place").await;
    assert_eq!(store.spans(), [(0, 300), (300, 400)]);
    store.catalog.sweep();
    assert_eq!(store.folders().len(), 5, "the parents are held");
    drop(parents);
    store.catalog.sweep();
    holds(&store, &expected, "swept").await;
    store.check_blocks("swept");
    assert!(store.due_parents().is_none());
}

#[tokio::test]
async fn a_crash_between_any_two_steps_leaves_each_sample_once_and_no_half_block() {
    let steps = [
        "some files",
        "all files",
        "name",
        "place",
        "a parent is renamed",
        "a parent is half removed",
        "two parents are removed",
    ];
    for (last, step) in steps.iter().enumerate() {
        let (store, expected) = with_due_blocks().await;
        let (parents, _) = store.due_parents().unwrap();
        let ulid = store.new_ulid();
        store.write_compacted(ulid, &parents).await.unwrap();
        let path = store.path().to_owned();
        let folders: Vec<_> = parents.iter().map(|p| path.join(&p.meta().ulid)).collect();
        let doomed = |place: usize| {
            let name = folders[place].file_name().unwrap().to_str().unwrap();
            path.join(format!("{name}{DELETION_SUFFIX}"))
        };
        if last == 0 {
            let unfinished = path.join(format!("{ulid}.tmp"));
            fs::remove_file(unfinished.join("meta.json")).unwrap();
            fs::remove_file(unfinished.join("times.parquet")).unwrap();
        }
        if last >= 2 {
            store.catalog.commit(ulid).unwrap();
        }
        if last >= 3 {
            store.catalog.replace(&parents, ulid).await.unwrap();
        }
        drop(parents);
        if last >= 4 {
            fs::rename(&folders[1], doomed(1)).unwrap();
        }
        if last >= 5 {
            fs::remove_file(doomed(1).join("meta.json")).unwrap();
            fs::remove_file(doomed(1).join("chunks.parquet")).unwrap();
        }
        if last >= 6 {
            fs::remove_dir_all(doomed(1)).unwrap();
            fs::remove_dir_all(&folders[0]).unwrap();
        }
        let store = store.crash();
        holds(&store, &expected, step).await;
        store.check_blocks(step);
        let spans = match last >= 2 {
            true => vec![(0, 300), (300, 400)],
            false => vec![(0, 100), (100, 200), (200, 300), (300, 400)],
        };
        assert_eq!(store.spans(), spans, "{step}");
        store.maintain().await.unwrap();
        holds(&store, &expected, step).await;
        assert_eq!(store.spans(), [(0, 300), (300, 400)], "{step}");
        let store = store.reopen().await;
        holds(&store, &expected, step).await;
        store.check_blocks(step);
    }
}

#[tokio::test]
async fn a_block_whose_samples_went_on_twice_is_a_leftover_too() {
    let (store, _) = with_due_blocks().await;
    let first = store.path().join(&store.catalog.blocks()[0].meta().ulid);
    let aside = tempfile::TempDir::new().unwrap();
    copy_folder(&first, &aside.path().join("block"));
    fill(&store, 550..2_000);
    store.maintain().await.unwrap();
    let expected = store.samples().await;
    assert_eq!(store.spans()[0], (0, 900));
    let store = store.crash_and(|| copy_folder(&aside.path().join("block"), &first));
    holds(&store, &expected, "opened with it").await;
    store.check_blocks("opened with it");
}

#[tokio::test]
async fn a_reader_finishes_with_blocks_that_are_compacted_under_it() {
    let (store, expected) = with_due_blocks().await;
    let parents: Vec<String> = store.folders();
    let early = store.select(&everything()).await.unwrap();
    store.maintain().await.unwrap();
    assert_eq!(store.spans(), [(0, 300), (300, 400)]);
    assert_eq!(store.metric("narthex_tsdb_blocks_retired "), "3");
    for parent in &parents {
        assert!(store.path().join(parent).exists(), "{parent}");
    }
    holds(&store, &expected, "a later reader").await;
    let found: Vec<Series> = early.try_collect().await.unwrap();
    let found: Samples = found
        .iter()
        .map(|series| {
            let values = series.values.iter().map(|value| value.to_bits());
            let points = series.timestamps.iter().copied().zip(values);
            (series.labels.to_string(), points.collect())
        })
        .collect();
    assert!(found == expected);
    store.maintain().await.unwrap();
    assert_eq!(store.metric("narthex_tsdb_blocks_retired "), "0");
    store.check_blocks("the reader is done");
}

#[tokio::test]
async fn what_a_reader_still_holds_at_the_end_goes_at_the_next_start() {
    let (store, expected) = with_due_blocks().await;
    let held = store.catalog.blocks();
    store.maintain().await.unwrap();
    store.close().await.unwrap();
    assert_eq!(store.folders().len(), 5);
    drop(held);
    let store = store.reopen().await;
    store.check_blocks("opened again");
    holds(&store, &expected, "opened again").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_beside_compactions_see_every_sample_once() {
    const BATCHES: i64 = 400;
    let store = Store::with(Setup::compacting());
    let readers = Readers::of(&store);
    for batch in 0..BATCHES {
        let times = (batch * 5..batch * 5 + 5).map(|i| i * 1_000);
        append(&store, times.map(|t| sample("a", t, 1.0)).collect());
        store.maintain().await.unwrap();
    }
    readers.finish().await;
    store.maintain().await.unwrap();
    assert_eq!(store.spans(), [(0, 900), (900, 1_800), (1_800, 1_900)]);
    store.check_blocks("at the end");
    let samples = store.samples().await.into_values().flatten().count();
    assert_eq!(samples, 2_000);
}

#[tokio::test]
async fn a_damaged_block_is_left_alone_and_the_others_go_on() {
    let (store, _) = with_due_blocks().await;
    fill(&store, 550..1_150);
    let expected = store.samples().await;
    let damaged = store.catalog.blocks()[1].meta().ulid.clone();
    let path = store.path().join(&damaged).join("chunks.parquet");
    let sound = fs::read(&path).unwrap();
    let mut flipped = sound.clone();
    flipped[100] ^= 1;
    fs::write(&path, &flipped).unwrap();
    for _ in 0..3 {
        store.maintain().await.unwrap();
        let whole = [(0, 100), (100, 200), (200, 300)];
        let others = [(300, 600), (600, 900), (900, 1_000)];
        assert_eq!(store.spans(), [whole, others].concat());
        assert_eq!(
            store.metric("prometheus_tsdb_compactions_failed_total "),
            "1"
        );
        assert_eq!(store.metric("narthex_tsdb_blocks_not_compacted "), "1");
        store.check_blocks("beside a damaged block");
    }
    let store = store.crash_and(|| fs::write(&path, &sound).unwrap());
    store.maintain().await.unwrap();
    assert_eq!(store.spans(), [(0, 900), (900, 1_000)]);
    holds(&store, &expected, "mended").await;
}

/// Writes a block beside the store's own.
async fn plant(store: &Store, number: u64, seconds: std::ops::Range<i64>, value: f64) {
    let ulid = Ulid::from_parts(number, 1);
    let objects = LocalFileSystem::new_with_prefix(store.path()).unwrap();
    let times = seconds.clone().map(|second| second * 1_000);
    let of = |name: &str| {
        let values = times.clone().map(|t| value + t as f64).collect::<Vec<_>>();
        let labels = Labels::from_pairs([("__name__", name), ("job", "x")]);
        Series::of_numbers(labels, times.clone().collect::<Vec<_>>(), values)
    };
    let mut series = vec![of("a"), of(&format!("only_{number}"))];
    series.sort_by(|a, b| block_order(&a.labels, &b.labels));
    let options = WriteOptions {
        ulid,
        range: TimeBounds {
            start_ms: seconds.start * 1_000,
            end_ms: seconds.end * 1_000,
        },
        slice_ms: SLICE_MS,
        sources: Vec::new(),
    };
    let folder = ObjectPath::from(ulid.to_string());
    let written = narthex_block::write(&objects, &folder, series, &options).await;
    written.unwrap().unwrap();
}

#[tokio::test]
async fn overlapping_blocks_answer_as_one_what_they_answered_together() {
    let store = Store::with(Setup::compacting());
    fill(&store, 400..560);
    // Of the same times, in another order than they were made, and across borders of levels.
    plant(&store, 9, 0..250, 0.5).await;
    plant(&store, 3, 130..320, 0.25).await;
    plant(&store, 7, 130..200, 0.125).await;
    plant(&store, 5, 250..330, 0.75).await;
    let store = store.crash();
    assert_eq!(store.catalog.blocks().len(), 4);
    let expected = store.samples().await;
    store.maintain().await.unwrap();
    holds(&store, &expected, "compacted").await;
    assert_eq!(store.spans(), [(0, 330), (400, 500)]);
    assert_eq!(
        store.metric("prometheus_tsdb_vertical_compactions_total "),
        "1"
    );
    store.check_blocks("compacted");
}

#[tokio::test]
async fn a_store_that_stops_cuts_and_does_not_compact() {
    let (store, expected) = with_due_blocks().await;
    store.stop_compactions();
    store.maintain().await.unwrap();
    assert_eq!(store.spans().len(), 4);
    store.check_blocks("stopped");
    let store = store.reopen().await;
    store.maintain().await.unwrap();
    assert_eq!(store.spans(), [(0, 300), (300, 400)]);
    holds(&store, &expected, "opened again").await;
}

#[tokio::test]
async fn a_block_that_does_not_open_is_withdrawn_and_its_parents_answer() {
    let (store, expected) = with_due_blocks().await;
    let (parents, _) = store.due_parents().unwrap();
    let ulid = store.new_ulid();
    store.write_compacted(ulid, &parents).await.unwrap();
    store.catalog.commit(ulid).unwrap();
    fs::write(
        store.path().join(ulid.to_string()).join("index.parquet"),
        "",
    )
    .unwrap();
    let shown = store.catalog.replace(&parents, ulid).await;
    assert!(shown.is_err());
    store.catalog.withdraw(ulid);
    store.check_blocks("withdrawn");
    holds(&store, &expected, "withdrawn").await;
    let store = store.crash();
    assert_eq!(store.spans().len(), 4);
    holds(&store, &expected, "opened again").await;
}

#[tokio::test]
async fn a_store_that_cannot_write_tries_again() {
    let (store, _) = with_due_blocks().await;
    let (parents, _) = store.due_parents().unwrap();
    let full = |name: &str| narthex_block::BlockError {
        block: name.to_owned(),
        file: "chunks.parquet".to_owned(),
        fault: narthex_block::Fault::Store(object_store::Error::Generic {
            store: "disk",
            source: "no space left".into(),
        }),
    };
    let own = store.new_ulid().to_string();
    assert!(store.set_aside(&parents, full(&own)).is_err());
    assert!(store.due_parents().is_some());
    let parent = &parents[1].meta().ulid;
    assert!(store.set_aside(&parents, full(parent)).unwrap());
    assert!(store.due_parents().is_none());
}

#[tokio::test]
async fn what_is_downsampled_stays_beside_its_samples_and_becomes_no_longer_block() {
    let (store, expected) = with_due_blocks().await;
    let blocks = store.catalog.blocks();
    let (ulid, sources) = (store.new_ulid(), &blocks[..3]);
    let folder = Catalog::temporary(ulid);
    let disk = store.catalog.store();
    let made = narthex_block::downsample(disk, &folder, sources, ulid, 10_000).await;
    assert_eq!(made.unwrap().unwrap().sources().len(), 3);
    drop(blocks);
    store.catalog.commit(ulid).unwrap();
    store.catalog.publish(ulid).await.unwrap();
    holds(&store, &expected, "downsampled").await;
    let store = store.reopen().await;
    holds(&store, &expected, "opened again").await;
    assert_eq!(store.catalog.end_ms(), Some(400_000));
    store.maintain().await.unwrap();
    assert_eq!(store.spans(), [(0, 300), (0, 300), (300, 400)]);
    holds(&store, &expected, "compacted").await;
    let blocks = store.catalog.blocks();
    let raw = blocks.iter().filter(|block| block.meta().is_raw());
    assert_eq!(raw.count(), 2);
    assert!(store.due_parents().is_none());
}
