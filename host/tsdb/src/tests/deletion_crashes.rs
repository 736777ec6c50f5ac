//! Kills, power cuts and failures at every operation of the disk while samples are deleted, blocks
//! are cleaned and stale series leave memory: what was acknowledged as deleted stays deleted, and
//! nothing else is lost.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::Arc;

use narthex_disk::{CrashDisk, Disk, Fault};
use narthex_head::SyncMode;
use narthex_model::sample::STALE_NAN;
use narthex_model::{Matcher, PromDuration, SimulatedClock, WriteBatch};
use narthex_storage::{Appendable, TimeRange, contract};
use prometheus_client::registry::Registry;

use super::fixture::{BLOCK_MS, sample};
use crate::{Tsdb, TsdbOptions};

/// From one batch to the next.
const STEP_MS: i64 = 20_000;

/// Steps of the part that is interrupted, and of the part after it.
const STEPS: i64 = 30;
const STEPS_AFTER: i64 = 8;

/// Every so manieth step something is deleted, looked after, and cleaned.
const STEPS_PER_DELETION: i64 = 7;
const STEPS_PER_LOOK: i64 = 5;
const STEPS_PER_CLEANING: i64 = 11;

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    There,
    Gone,
    /// It was appended or deleted when the process died or the disk failed.
    Unknown,
}

struct Story {
    name: String,
    disk: CrashDisk,
    step: i64,
    fates: BTreeMap<(String, i64), Fate>,
}

impl Story {
    fn new(seed: u64, name: String) -> Self {
        Self {
            name,
            disk: CrashDisk::new(seed),
            step: 0,
            fates: BTreeMap::new(),
        }
    }

    fn open(&self) -> Option<Arc<Tsdb>> {
        let clock = Arc::new(SimulatedClock::at(i64::MAX / 2));
        let options = TsdbOptions {
            min_block_duration: PromDuration::from_millis(BLOCK_MS.unsigned_abs()),
            max_block_duration: Some(PromDuration::from_millis(3 * BLOCK_MS.unsigned_abs())),
            wal_segment_bytes: 1_500,
            page_cache_bytes: 1 << 20,
            wal_sync: SyncMode::EachAppend,
            stale_series_threshold: 0.5,
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

    fn append(&mut self, store: &Arc<Tsdb>) {
        let now_ms = self.step * STEP_MS;
        let mut samples = vec![sample("a", now_ms, 1.0), sample("b", now_ms, now_ms as f64)];
        // A short-lived series each step: one sample, and its end with the next step.
        samples.push(sample(&format!("pod_{}", self.step), now_ms, 3.0));
        if self.step > 0 {
            samples.push(sample(&format!("pod_{}", self.step - 1), now_ms, STALE_NAN));
        }
        let fate = match store.append(&WriteBatch::from(samples.clone())) {
            Ok(_) => Fate::There,
            Err(_) => Fate::Unknown,
        };
        for sample in samples {
            let name = sample.labels.metric_name().to_owned();
            self.fates.insert((name, sample.timestamp_ms), fate);
        }
    }

    /// Deletes a span that lies in blocks and in the head, of one series or of short-lived ones.
    async fn delete(&mut self, store: &Arc<Tsdb>, fails: bool) {
        let now_ms = self.step * STEP_MS;
        let range = TimeRange {
            start_ms: now_ms - 6 * STEP_MS,
            end_ms: now_ms - 2 * STEP_MS,
        };
        let pod = format!("pod_{}", self.step - 5);
        let names = ["a", pod.as_str()];
        let selectors = names.map(|name| vec![Matcher::equal("__name__", name)]);
        let done = store.delete_series(&selectors, range).await;
        let may_fail = fails || self.disk.is_dead();
        assert!(may_fail || done.is_ok(), "{}: {done:?}", self.name);
        for ((name, at), fate) in &mut self.fates {
            if names.contains(&name.as_str()) && range.contains(*at) {
                *fate = match (done.is_ok(), *fate) {
                    (true, _) | (_, Fate::Gone) => Fate::Gone,
                    _ => Fate::Unknown,
                };
            }
        }
    }

    async fn run(&mut self, store: &Arc<Tsdb>, steps: i64, fails: bool) {
        for _ in 0..steps {
            self.append(store);
            let mut done = Ok(());
            if self.step % STEPS_PER_DELETION == STEPS_PER_DELETION - 1 {
                self.delete(store, fails).await;
            }
            if self.step % STEPS_PER_LOOK == STEPS_PER_LOOK - 1 {
                done = store.maintain().await;
            }
            if self.step % STEPS_PER_CLEANING == STEPS_PER_CLEANING - 1 {
                done = done.and(store.clean_deleted().await);
            }
            self.step += 1;
            if self.disk.is_dead() {
                return;
            }
            assert!(fails || done.is_ok(), "{}: {done:?}", self.name);
        }
    }

    async fn check(&self, store: &Arc<Tsdb>, when: &str) {
        let found = contract::samples(&**store, vec![], TimeRange::ALL).await;
        let found = found.iter().flat_map(|(labels, samples)| {
            let name = labels.split('"').nth(1).unwrap_or_default();
            samples.iter().map(move |(at, _)| (name.to_owned(), *at))
        });
        let found: std::collections::BTreeSet<(String, i64)> = found.collect();
        for (sample, fate) in &self.fates {
            let is_there = found.contains(sample);
            let is_right = match fate {
                Fate::There => is_there,
                Fate::Gone => !is_there,
                Fate::Unknown => true,
            };
            assert!(
                is_right,
                "{}, {when}: {sample:?} should be {fate:?}",
                self.name
            );
        }
        let known = |sample: &&(String, i64)| !self.fates.contains_key(*sample);
        assert_eq!(found.iter().find(known), None, "{}, {when}", self.name);
    }

    async fn go_on(&mut self) {
        let store = self.open().unwrap();
        self.check(&store, "after the crash").await;
        // What nobody knows the fate of has one from here on.
        self.run(&store, STEPS_AFTER, false).await;
        store.maintain().await.unwrap();
        store.clean_deleted().await.unwrap();
        self.check(&store, "later").await;
        store.close().await.unwrap();
        drop(store);
        self.check(&self.open().unwrap(), "at the end").await;
    }
}

async fn die_at(at: u64, cuts_power: bool) -> bool {
    let mut story = Story::new(at, format!("dead at {at}, power cut: {cuts_power}"));
    story.disk.fault_at(at, Fault::Kill);
    if let Some(store) = story.open() {
        story.run(&store, STEPS, false).await;
    }
    let was_met = story.disk.is_dead();
    story.disk = match cuts_power {
        true => story.disk.cut_power(),
        false => story.disk.kill(),
    };
    story.go_on().await;
    was_met
}

/// Dies at every `STRIDE`-th operation of a story of its own.
async fn die_everywhere(cuts_power: bool) {
    /// Each kind of operation comes many times, and this meets all of them.
    const STRIDE: u64 = 7;
    let mut at = 0;
    while die_at(at, cuts_power).await {
        at += STRIDE;
    }
    assert!(at > 300, "{at}");
}

#[tokio::test]
async fn a_store_that_is_killed_at_any_operation_keeps_what_is_deleted_deleted_and_the_rest() {
    die_everywhere(false).await;
}

#[tokio::test]
async fn a_store_whose_power_goes_at_any_operation_keeps_what_is_deleted_deleted_and_the_rest() {
    die_everywhere(true).await;
}

#[tokio::test]
async fn a_store_whose_disk_fails_at_any_operation_says_so_and_goes_on() {
    let mut at = 0;
    loop {
        let mut story = Story::new(at, format!("failing at {at}"));
        let store = story.open().unwrap();
        let fault_at = story.disk.operations() + at;
        story
            .disk
            .fault_at(fault_at, Fault::Once(ErrorKind::StorageFull));
        story.run(&store, STEPS, true).await;
        let was_met = story.disk.operations() > fault_at;
        story.disk.heal();
        story.run(&store, STEPS_AFTER, true).await;
        story.check(&store, "mended").await;
        story.disk = story.disk.kill();
        drop(store);
        story.go_on().await;
        if !was_met {
            break;
        }
        at += 7;
    }
    assert!(at > 300, "{at}");
}
