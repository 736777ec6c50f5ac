//! Kills, power cuts and failures at every operation on the disk of a store that lives through
//! appends, cuts, compactions and retention.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;

use futures::TryStreamExt;
use narthex_disk::{CrashDisk, Disk, Fault, is_full};
use narthex_head::SyncMode;
use narthex_model::histogram::Buckets;
use narthex_model::{
    ByteSize, FloatHistogram, HistogramSample, PromDuration, SimulatedClock, WriteBatch,
};
use narthex_storage::{AppendError, Appendable, Queryable, SelectRequest, Series, TimeRange};
use prometheus_client::registry::Registry;

use super::fixture::{BLOCK_MS, sample};
use crate::{Retention, Tsdb, TsdbOptions};

/// All samples by labels, values as bits; of a native histogram those of its sum, from which all
/// of it follows.
type Contents = BTreeMap<String, Vec<(i64, u64)>>;

/// From one batch to the next.
const STEP_MS: i64 = 20_000;

/// Batches from one look at what is due to the next.
const BATCHES_PER_LOOK: usize = 6;

/// What is kept before the end of the newest block.
const RETENTION_MS: i64 = 4 * BLOCK_MS;

const LONGEST_MS: i64 = 3 * BLOCK_MS;

/// How old a sample may be that comes late, and how old those are that do, with every so manieth
/// batch.
const WINDOW_MS: i64 = 4 * BLOCK_MS;
const LATE_BY_MS: i64 = BLOCK_MS + STEP_MS / 2;
const BATCHES_PER_LATE: i64 = 8;

/// Batches of the part of a story that is interrupted, and of the part after it.
const BATCHES: usize = 36;
const BATCHES_AFTER: usize = 12;

/// What ends a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Kill,
    PowerCut,
}

/// A store on a disk that crashes, and what it has acknowledged.
struct Story {
    name: String,
    disk: CrashDisk,
    now_ms: i64,
    acknowledged: Contents,
    /// Samples of batches that were refused, or that the process died in.
    refused: Contents,
}

fn add(contents: &mut Contents, batch: &WriteBatch) {
    let numbers = batch.samples.iter();
    let numbers = numbers.map(|s| (&s.labels, s.timestamp_ms, s.value));
    let natives = batch.histograms.iter();
    let natives = natives.map(|s| (&s.labels, s.timestamp_ms, s.histogram.sum));
    for (labels, timestamp_ms, value) in numbers.chain(natives) {
        let series = contents.entry(labels.to_string()).or_default();
        series.push((timestamp_ms, value.to_bits()));
    }
}

/// The histogram that has this sum.
fn histogram(sum: f64) -> FloatHistogram {
    FloatHistogram {
        schema: 2,
        count: sum * 2.0,
        sum,
        positive: Buckets::consecutive(-1, vec![sum, sum * 0.5, 1.0]).unwrap(),
        ..FloatHistogram::default()
    }
}

fn native(name: &str, timestamp_ms: i64, sum: f64) -> HistogramSample {
    let sample = sample(name, timestamp_ms, sum);
    HistogramSample {
        series: sample.series,
        labels: sample.labels,
        timestamp_ms,
        histogram: Arc::new(histogram(sum)),
    }
}

/// Everything that a reader finds.
async fn contents(store: &Tsdb) -> Contents {
    let request = SelectRequest {
        matchers: Vec::new(),
        range: TimeRange::ALL,
    };
    let found = store.select(&request).await.unwrap();
    let found: Vec<Series> = found.try_collect().await.unwrap();
    let found = found.into_iter().map(|series| {
        let samples = series.timestamps.iter().enumerate().map(|(at, time)| {
            let held = series.histograms.as_ref().and_then(|all| all[at].as_ref());
            if let Some(held) = held {
                assert_eq!(**held, histogram(held.sum));
            }
            let value = held.map_or(series.values[at], |held| held.sum);
            (*time, value.to_bits())
        });
        (series.labels.to_string(), samples.collect())
    });
    found.collect()
}

impl Story {
    fn new(seed: u64, name: String) -> Self {
        Self {
            name,
            disk: CrashDisk::new(seed),
            now_ms: 0,
            acknowledged: Contents::new(),
            refused: Contents::new(),
        }
    }

    /// Opens the store. Fails only where the process dies in it.
    fn open(&self) -> Option<Arc<Tsdb>> {
        let clock = Arc::new(SimulatedClock::at(i64::MAX / 2));
        let length = |ms: i64| PromDuration::from_millis(ms.unsigned_abs());
        let options = TsdbOptions {
            min_block_duration: length(BLOCK_MS),
            max_block_duration: Some(length(LONGEST_MS)),
            retention: Retention::new(length(RETENTION_MS), ByteSize::default(), 0.0),
            wal_segment_bytes: 2_000,
            page_cache_bytes: 1 << 20,
            out_of_order_window: length(WINDOW_MS),
            wal_sync: SyncMode::EachAppend,
            ..TsdbOptions::new("", clock)
        };
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        match Tsdb::open_on(disk, options, &mut Registry::default()) {
            Ok(store) => {
                assert_eq!(store.catalog.damaged(), 0, "{}", self.name);
                Some(store)
            }
            Err(error) => {
                assert!(self.disk.is_dead(), "{}: {error:?}", self.name);
                None
            }
        }
    }

    fn batch(&mut self) -> WriteBatch {
        self.now_ms += STEP_MS;
        let pod = format!("pod_{}", self.now_ms / (2 * BLOCK_MS));
        let names = ["a", "b", pod.as_str()];
        let value = |at: usize| self.now_ms as f64 + 0.1 * at as f64;
        let samples = names.iter().enumerate();
        let samples = samples.map(|(at, name)| sample(name, self.now_ms, value(at)));
        let is_late = self.now_ms / STEP_MS % BATCHES_PER_LATE == 0;
        let late = is_late.then(|| sample("a", self.now_ms - LATE_BY_MS, value(9)));
        let late_native = is_late.then(|| native("h", self.now_ms - LATE_BY_MS, value(8)));
        let natives = std::iter::once(native("h", self.now_ms, value(7)));
        WriteBatch {
            samples: samples.chain(late).collect(),
            histograms: natives.chain(late_native).collect(),
            ..WriteBatch::default()
        }
    }

    /// Appends batches and looks after what is due, until the process dies. `fails` says whether
    /// anything may fail while the process lives.
    async fn run(&mut self, store: &Arc<Tsdb>, batches: usize, fails: bool) {
        for number in 1..=batches {
            let batch = self.batch();
            match store.append(&batch) {
                Ok(report) => {
                    let is_whole =
                        report.rejected.is_empty() && report.rejected_histograms.is_empty();
                    assert!(is_whole, "{}: {report:?}", self.name);
                    add(&mut self.acknowledged, &batch);
                }
                Err(AppendError::Log(error)) => {
                    let is_dead = self.disk.is_dead();
                    assert!(fails || is_dead, "{}: {error:?}", self.name);
                    add(&mut self.refused, &batch);
                }
                Err(error) => panic!("{}: {error}", self.name),
            }
            if number % BATCHES_PER_LOOK == 0
                && let Err(error) = store.maintain().await
            {
                let is_dead = self.disk.is_dead();
                assert!(fails || is_dead, "{}: {error:?}", self.name);
            }
            if self.disk.is_dead() {
                return;
            }
        }
    }

    /// Every acknowledged sample that is young enough is there, none is there twice, and there
    /// is nothing that nobody sent.
    async fn check(&self, store: &Arc<Tsdb>, when: &str) {
        let found = contents(store).await;
        let name = &self.name;
        let newest_ms = store.catalog.end_ms();
        let kept_ms = newest_ms.map_or(i64::MIN, |newest_ms| newest_ms - RETENTION_MS);
        for (series, samples) in &self.acknowledged {
            let held = found.get(series).map(Vec::as_slice).unwrap_or_default();
            for sample in samples.iter().filter(|(at, _)| *at >= kept_ms) {
                assert!(
                    held.contains(sample),
                    "{name}, {when}: {series} lost {sample:?}"
                );
            }
        }
        let holds = |all: &Contents, series: &str, sample| {
            all.get(series)
                .is_some_and(|samples| samples.contains(sample))
        };
        for (series, samples) in &found {
            let ascends = samples.is_sorted_by(|a, b| a.0 < b.0);
            assert!(ascends, "{name}, {when}: {series} has a time twice");
            for sample in samples {
                let is_known = holds(&self.acknowledged, series, sample)
                    || holds(&self.refused, series, sample);
                assert!(
                    is_known,
                    "{name}, {when}: {series} has {sample:?} from nowhere"
                );
            }
        }
        self.check_blocks(store, when);
    }

    /// The blocks that readers see are those on the disk. They may overlap while a block waits
    /// to be removed, never after the next look.
    fn check_blocks(&self, store: &Arc<Tsdb>, when: &str) {
        let blocks = store.catalog.blocks();
        let seen: Vec<String> = blocks.iter().map(|b| b.meta().ulid.clone()).collect();
        for block in &seen {
            let files = self.disk.list(block).unwrap();
            assert_eq!(files.len(), 6, "{}, {when}: {files:?}", self.name);
        }
    }

    /// What is on the disk besides the blocks that readers see.
    fn leftovers(&self, store: &Arc<Tsdb>) -> Vec<String> {
        let blocks = store.catalog.blocks();
        let is_known = |name: &str| {
            name == "wal" || name == "lock" || blocks.iter().any(|b| b.meta().ulid == name)
        };
        let names = self.disk.list("").unwrap().into_iter();
        let names = names.map(|entry| entry.name);
        names.filter(|name| !is_known(name)).collect()
    }

    /// Ends the process. What it was about to say goes nowhere.
    fn end(&mut self, end: End) {
        self.disk = match end {
            End::Kill => self.disk.kill(),
            End::PowerCut => self.disk.cut_power(),
        };
    }

    /// The story after a crash: it opens, has everything, and goes on as if nothing was.
    async fn go_on(&mut self) {
        let store = self.open().unwrap();
        self.check(&store, "after the crash").await;
        assert_eq!(self.leftovers(&store), [""; 0], "{}", self.name);
        self.run(&store, BATCHES_AFTER, false).await;
        store.maintain().await.unwrap();
        self.check(&store, "later").await;
        assert_eq!(self.leftovers(&store), [""; 0], "{}", self.name);
        let blocks = store.catalog.blocks();
        let is_apart = |a: &Arc<narthex_block::Block>, b: &Arc<narthex_block::Block>| {
            a.meta().range.end_ms <= b.meta().range.start_ms
        };
        assert!(blocks.is_sorted_by(is_apart), "{}", self.name);
        store.close().await.unwrap();
    }
}

/// Dies at an operation; whether it was met.
async fn die_at(at: u64, end: End) -> bool {
    let mut story = Story::new(at, format!("{end:?} at operation {at}"));
    story.disk.fault_at(at, Fault::Kill);
    if let Some(store) = story.open() {
        story.run(&store, BATCHES, false).await;
    }
    let was_met = story.disk.is_dead();
    story.end(end);
    story.go_on().await;
    was_met
}

/// Dies at each operation in turn.
async fn die_everywhere(end: End) {
    let mut at = 0;
    while die_at(at, end).await {
        at += 1;
    }
    assert!((250..2_000).contains(&at), "{at} deaths");
}

#[tokio::test]
async fn a_store_that_is_killed_at_any_operation_has_everything_once_and_goes_on() {
    die_everywhere(End::Kill).await;
}

#[tokio::test]
async fn a_store_whose_power_goes_at_any_operation_has_everything_once_and_goes_on() {
    die_everywhere(End::PowerCut).await;
}

/// Fails at an operation after the store was opened, once or until the disk is sound again;
/// whether it was met.
async fn fail_at(at: u64, fault: Fault) -> bool {
    let mut story = Story::new(at, format!("{fault:?} at operation {at}"));
    let store = story.open().unwrap();
    let at = story.disk.operations() + at;
    story.disk.fault_at(at, fault);
    story.run(&store, BATCHES, true).await;
    let was_met = story.disk.operations() > at;
    story.disk.heal();
    // Nobody opens the store again: it goes on by itself.
    story.run(&store, BATCHES_PER_LOOK, true).await;
    story.run(&store, BATCHES_AFTER, false).await;
    story.check(&store, "mended").await;
    story.end(End::Kill);
    drop(store);
    story.go_on().await;
    was_met
}

#[tokio::test]
async fn a_store_on_a_disk_that_fails_loses_nothing_and_goes_on_without_a_restart() {
    for fault in [
        Fault::Once(ErrorKind::StorageFull),
        Fault::FromThen(ErrorKind::StorageFull),
    ] {
        let mut at = 0;
        // Each operation of the first cut, and every seventh of the rest.
        while fail_at(at, fault).await {
            at += if at < 60 { 1 } else { 7 };
        }
        assert!((150..2_000).contains(&at), "{at}");
    }
}

#[tokio::test]
async fn on_a_full_disk_queries_go_on_and_what_is_due_waits_for_room() {
    let mut story = Story::new(1, "full disk".to_owned());
    let store = story.open().unwrap();
    story.run(&store, 2 * BATCHES_PER_LOOK, false).await;
    assert!(!store.catalog.blocks().is_empty());
    let (used, end_ms) = (story.disk.used(), store.catalog.end_ms());
    // Room for batches, none for a block.
    story.disk.limit(Some(used + 1_500));
    let mut failures = 0;
    for _ in 0..30 {
        let batch = story.batch();
        match store.append(&batch) {
            Ok(_) => add(&mut story.acknowledged, &batch),
            Err(error) => {
                let source = std::error::Error::source(&error).unwrap();
                assert!(is_full(source), "{source}");
                add(&mut story.refused, &batch);
            }
        }
        if let Err(error) = store.maintain().await {
            assert!(is_full(&error), "{error:?}");
            failures += 1;
        }
        story.check(&store, "while it is full").await;
    }
    // The clock stands still, so the wait after the first failure is not over.
    assert_eq!(failures, 1);
    assert_eq!(story.leftovers(&store), [""; 0]);
    story.disk.limit(None);
    story.run(&store, BATCHES_AFTER, false).await;
    story.check(&store, "with room again").await;
    assert!(store.catalog.end_ms() > end_ms, "no block was cut");
    story.end(End::PowerCut);
    drop(store);
    story.go_on().await;
}

#[tokio::test]
async fn a_compaction_that_would_find_no_room_is_not_tried() {
    let mut story = Story::new(2, "no room to compact".to_owned());
    let store = story.open().unwrap();
    for _ in 0..26 {
        let batch = story.batch();
        store.append(&batch).unwrap();
        add(&mut story.acknowledged, &batch);
    }
    store.cut_due().await.unwrap();
    let (parents, _) = store.due_parents().unwrap();
    story.disk.limit(Some(story.disk.used() + 1_000));
    let before = story.disk.operations();
    for _ in 0..3 {
        assert!(!store.compact_next().await.unwrap());
    }
    assert_eq!(story.disk.operations(), before, "something was written");
    assert_eq!(store.metrics.waiting_for_room.get(), 1);
    story.disk.limit(None);
    assert!(store.compact_next().await.unwrap());
    assert_eq!(store.metrics.waiting_for_room.get(), 0);
    assert_eq!(store.catalog.blocks()[0].meta().level(), 2);
    drop(parents);
    story.check(&store, "compacted").await;
}
