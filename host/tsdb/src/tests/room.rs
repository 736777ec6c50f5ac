//! What comes from elsewhere and finds no room on the disk: the error says how much is needed,
//! nothing is left behind, and with so much room it goes on where it was.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use narthex_disk::{CrashDisk, Disk, is_full};
use narthex_model::{PromDuration, SimulatedClock};
use narthex_storage::{TimeRange, contract};
use prometheus_client::registry::Registry;
use tempfile::TempDir;

use super::import::{HOUR_MS, START_MS, prometheus, written};
use crate::{Tsdb, TsdbOptions};

fn open(disk: &CrashDisk) -> Arc<Tsdb> {
    let clock = Arc::new(SimulatedClock::at(START_MS + 20 * HOUR_MS));
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    Tsdb::open_on(disk, TsdbOptions::new("", clock), &mut Registry::default()).unwrap()
}

/// What an error says is missing, and that it says so.
fn missing_bytes(error: &(dyn Error + 'static)) -> u64 {
    assert!(is_full(error), "{error}");
    let text = error.to_string();
    let (_, missing) = text.rsplit_once(" bytes are free, ").unwrap();
    missing.split_once(' ').unwrap().0.parse().unwrap()
}

/// Tries again and again, each time with the room that the last error asked for.
async fn with_room_bit_by_bit<E: Error + 'static>(
    mut take: impl AsyncFnMut(&Arc<Tsdb>) -> Result<(), E>,
) -> (usize, CrashDisk) {
    let disk = CrashDisk::new(1);
    let store = open(&disk);
    let mut failures = 0;
    let mut limit = disk.used() + 500;
    loop {
        disk.limit(Some(limit));
        let (used, blocks) = (disk.used(), store.local_blocks().len());
        let Err(error) = take(&store).await else {
            break;
        };
        failures += 1;
        let came = store.local_blocks().len() - blocks;
        assert!(disk.used() == used || came > 0, "something is left behind");
        let folders = disk.list("").unwrap().into_iter().filter(|e| e.is_folder);
        // The blocks that came, and the log.
        assert_eq!(folders.count(), store.local_blocks().len() + 1);
        let missing = missing_bytes(&error);
        assert!(missing > 0, "{error}");
        limit += missing;
    }
    store.close().await.unwrap();
    (failures, disk)
}

async fn check(disk: &CrashDisk) {
    disk.limit(None);
    let found = contract::samples(&*open(&disk.kill()), vec![], TimeRange::ALL).await;
    assert!(found == written().1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_says_how_much_room_is_missing_and_goes_on_with_it() {
    let (text, _) = written();
    let folder = TempDir::new().unwrap();
    prometheus(folder.path(), &text, "12h");
    let from: &Path = folder.path();
    let take = async |store: &Arc<Tsdb>| {
        let done = store.import(from, |_| ControlFlow::Continue(())).await;
        done.map(drop)
    };
    let (failures, disk) = with_room_bit_by_bit(take).await;
    // Once for each block of two hours.
    assert_eq!(failures, 5);
    check(&disk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_of_a_text_says_how_much_room_is_missing() {
    let (text, _) = written();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("text");
    std::fs::write(&file, &text).unwrap();
    let take = async |store: &Arc<Tsdb>| {
        let twelve_hours = PromDuration::from_secs(12 * 3_600);
        let made = store.create_blocks(&file, twelve_hours, |_| {}).await;
        made.map(drop)
    };
    let (failures, disk) = with_room_bit_by_bit(take).await;
    assert_eq!(failures, 1);
    check(&disk).await;
}
