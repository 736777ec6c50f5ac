//! What a worker makes of a bucket that goes wrong nowhere: lengths, windows, what goes and when,
//! and what is left alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_block::{META_FILE, SLICE_MS};
use narthex_bucket::{CompactError, Compactor, CompactorOptions};
use narthex_disk::CrashDisk;
use narthex_model::{Clock as _, PromDuration, SimulatedClock, SystemClock};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::field::{Answering, Field, worker_on};
use crate::fixture::{Beside, Disk, HOUR_MS, NOW_MS, samples};
use crate::overwriting::Overwriting;

/// The lengths of blocks in hours, oldest first.
fn hours(blocks: &Answering, resolution_ms: i64) -> Vec<i64> {
    let blocks = blocks.get(&resolution_ms).into_iter().flatten();
    let mut ranges: Vec<_> = blocks.map(|block| block.meta().range).collect();
    ranges.sort_by_key(|range| range.start_ms);
    let lengths = ranges.iter();
    lengths
        .map(|range| (range.end_ms - range.start_ms) / HOUR_MS)
        .collect()
}

fn days(days: u64) -> PromDuration {
    PromDuration::from_secs(days * 24 * 3_600)
}

#[tokio::test]
async fn short_blocks_become_long_ones_and_those_windows() {
    let mut field = Field::new();
    for slice in 0..26 {
        field.bring(slice, 1, SLICE_MS / 4).await;
    }
    let worker = field.worker(1).await;
    let report = worker.pass().await.unwrap();
    let found = field.answering().await;
    // Six blocks of eight hours became one of two days, and the newest one is left alone.
    assert_eq!(hours(&found, 0), [48, 2, 2]);
    assert_eq!(hours(&found, 300_000), [48]);
    assert_eq!(report.made, 8, "{report:?}");
    assert_eq!(report.compactions_left, 0);
    field.check("after a pass").await;
    // All that was counted is counted in the windows, each once.
    let windows = samples(&found[&300_000]).await.unwrap();
    let counts = windows
        .iter()
        .filter(|(labels, _)| labels.contains("\"count\""));
    let counted: f64 = counts
        .flat_map(|(_, samples)| samples.iter().map(|(_, bits)| f64::from_bits(*bits)))
        .sum();
    assert_eq!(counted, 2.0 * 24.0 * 4.0);
    let again = worker.pass().await.unwrap();
    assert_eq!(again.made, 0, "there was nothing left to do");
    field.settle("in the end").await;
}

#[tokio::test]
async fn each_resolution_goes_when_its_time_is_over_and_none_before_it_is_made_coarser() {
    let mut field = Field::new();
    // Twelve days, which windows of an hour are made of.
    for block in 0..2 {
        field.bring(block * 144, 144, HOUR_MS).await;
    }
    let store: Arc<dyn ObjectStore> = Arc::clone(&field.store) as _;
    let worker = worker_on(Arc::clone(&store), 1, field.now_ms, |options| {
        options.downsamples = false;
    })
    .await;
    assert_eq!(
        worker.pass().await.unwrap().made,
        0,
        "nothing is made coarser"
    );
    let worker = worker_on(store, 2, field.now_ms, |options| {
        options.retention = [days(1), days(2), days(0)];
    })
    .await;
    let report = worker.pass().await.unwrap();
    assert_eq!(report.made, 4, "{report:?}");
    let found = field.answering().await;
    assert_eq!((hours(&found, 0), hours(&found, 300_000)), (vec![], vec![]));
    assert_eq!(hours(&found, 3_600_000), [288, 288]);
    // What is marked stays for a while, and then goes.
    let marked = field.objects().await.len();
    worker.clock.advance(3 * 24 * HOUR_MS);
    worker.pass().await.unwrap();
    assert!(field.objects().await.len() < marked);
    assert_eq!(hours(&field.answering().await, 3_600_000), [288, 288]);
}

#[tokio::test]
async fn samples_that_could_not_be_compacted_do_not_go_before_there_are_windows_of_them() {
    let mut field = Field::new();
    for slice in 0..24 {
        field.bring(slice, 1, SLICE_MS / 4).await;
    }
    // The server is still there: its newest block is not old.
    let newest = field.now_ms / SLICE_MS - field.first_slice - 6;
    field.bring(newest, 1, SLICE_MS / 4).await;
    let disk = CrashDisk::new(1);
    disk.limit(Some(1_000));
    let store: Arc<dyn ObjectStore> = Arc::clone(&field.store) as _;
    let worker = worker_on(store, 1, field.now_ms, |options| {
        options.disk = Arc::new(disk.clone());
        options.retention = [days(1), days(0), days(0)];
    })
    .await;
    assert_eq!(worker.pass().await.unwrap().made, 0, "there is no room");
    assert_eq!(hours(&field.answering().await, 0), [2; 25]);
    disk.limit(None);
    worker.pass().await.unwrap();
    let found = field.answering().await;
    assert_eq!(hours(&found, 300_000), [48]);
    assert_eq!(hours(&found, 0), [2]);
}

#[tokio::test]
async fn what_was_replaced_goes_when_it_is_too_old_though_its_successor_went_first() {
    let mut field = Field::new();
    let block = field.bring(0, 1, SLICE_MS / 4).await;
    let mark = format!(
        r#"{{"id": "{block}", "version": 1, "details": "", "deletion_time": 1, "reason": "replaced"}}"#
    );
    let path = format!("{block}/deletion-mark.json");
    field.put(&path, mark.into_bytes()).await;
    field.worker(1).await.pass().await.unwrap();
    field.check("nothing stands in its place").await;
    let store: Arc<dyn ObjectStore> = Arc::clone(&field.store) as _;
    let worker = worker_on(store, 2, field.now_ms, |options| {
        options.retention = [days(1), days(0), days(0)];
    })
    .await;
    worker.pass().await.unwrap();
    assert!(field.objects().await.is_empty());
}

#[tokio::test]
async fn a_lease_of_a_worker_whose_clock_was_a_year_ahead_is_not_held_for_a_year() {
    let mut field = Field::new();
    for slice in 0..5 {
        field.bring(slice, 1, SLICE_MS / 4).await;
    }
    field.worker(1).await.pass().await.unwrap();
    let objects = field.objects().await;
    let path = objects.iter().find(|path| path.ends_with(".lease"));
    let far_ms = field.now_ms + 365 * 24 * HOUR_MS;
    let lease = format!(
        r#"{{"version": 1, "owner": "x", "group": "", "token": 1, "expires_ms": {far_ms}, "is_released": false}}"#
    );
    field.put(path.unwrap(), lease.into_bytes()).await;
    for slice in 5..9 {
        field.bring(slice, 1, SLICE_MS / 4).await;
    }
    let report = field.worker(2).await.pass().await.unwrap();
    assert_eq!((report.busy, report.made), (1, 0), "it may be at work");
    field.now_ms += 2 * HOUR_MS;
    let report = field.worker(3).await.pass().await.unwrap();
    assert_eq!((report.busy, report.made), (0, 1));
}

#[tokio::test]
async fn servers_stay_apart_by_their_labels_and_by_their_folders() {
    let mut field = Field::new();
    for slice in 0..5 {
        for cluster in ["eu", "us"] {
            let labels = [("cluster", cluster)];
            field.bring_labelled(slice, 1, SLICE_MS / 2, &labels).await;
        }
    }
    let report = field.worker(1).await.pass().await.unwrap();
    assert_eq!(report.made, 2);
    let found = field.answering().await;
    let mut lengths: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for block in &found[&0] {
        let meta = block.meta();
        let length = (meta.range.end_ms - meta.range.start_ms) / HOUR_MS;
        let of = lengths.entry(meta.labels["cluster"].clone()).or_default();
        of.push(length);
        of.sort_unstable();
    }
    assert_eq!(lengths["eu"], [2, 8]);
    assert_eq!(lengths["us"], [2, 8]);

    // The same blocks below a folder are another server's.
    let whole: Arc<dyn ObjectStore> = Arc::clone(&field.store) as _;
    let mut below = Field::new();
    for slice in 0..5 {
        below.bring(slice, 1, SLICE_MS / 2).await;
    }
    for path in below.objects().await {
        let got = below.store.get(&Path::from(path.as_str())).await;
        let bytes = got.unwrap().bytes().await.unwrap();
        field
            .put(&format!("servers/a/{path}"), bytes.to_vec())
            .await;
    }
    let worker = worker_on(whole, 2, field.now_ms, |_| {}).await;
    assert_eq!(worker.pass().await.unwrap().made, 1);
    let objects = field.objects().await;
    let leases = objects
        .iter()
        .filter(|path| path.starts_with("servers/a/leases/"));
    assert_eq!(leases.count(), 1);
}

#[tokio::test]
async fn overlapping_blocks_of_one_server_become_one_without_a_sample_twice() {
    let mut field = Field::new();
    for slice in 0..3 {
        field.bring(slice, 1, SLICE_MS / 4).await;
    }
    // What the server compacted by itself and brought there as well.
    field.bring(0, 2, SLICE_MS / 4).await;
    let worker = field.worker(1).await;
    assert_eq!(worker.pass().await.unwrap().made, 1);
    field.check("overlaps became one").await;
    assert_eq!(hours(&field.answering().await, 0), [4, 2]);
    field.settle("in the end").await;
}

#[tokio::test]
async fn a_damaged_block_is_set_aside_and_the_others_go_on() {
    let mut field = Field::new();
    let mut names = Vec::new();
    for slice in 0..9 {
        names.push(field.bring(slice, 1, SLICE_MS / 4).await);
    }
    let path = format!("{}/chunks.parquet", names[1]);
    let got = field.store.get(&Path::from(path.as_str())).await;
    let mut bytes = got.unwrap().bytes().await.unwrap().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    field.put(&path, bytes).await;
    let report = field.worker(1).await.pass().await.unwrap();
    let marked = format!("{}/no-compact-mark.json", names[1]);
    assert!(field.objects().await.contains(&marked));
    assert_eq!(report.quarantined, [names[1].to_string()]);
    // What was set aside stays, the others of its eight hours became one, and so did the next.
    assert_eq!(report.made, 2, "{report:?}");
    assert_eq!(report.compactions_left, 0);
}

#[tokio::test]
async fn work_that_does_not_fit_on_the_disk_is_left_and_said() {
    let mut field = Field::new();
    for slice in 0..5 {
        field.bring(slice, 1, SLICE_MS / 4).await;
    }
    let store: Arc<dyn ObjectStore> = Arc::clone(&field.store) as _;
    let disk = CrashDisk::new(1);
    disk.limit(Some(1_000));
    let clock = SimulatedClock::at(field.now_ms);
    let options = CompactorOptions {
        disk: Arc::new(disk.clone()),
        ..CompactorOptions::new(store, "", Arc::new(clock))
    };
    let mut registry = Registry::default();
    let compactor = Compactor::open(options, &mut registry).await.unwrap();
    let (_stop, stopping) = watch::channel(false);
    let report = compactor.pass(&stopping).await.unwrap();
    assert_eq!((report.made, report.compactions_left), (0, 1));
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        "narthex_compact_skipped_total{reason=\"disk\"} 1",
        "thanos_compact_todo_compactions 1",
        "thanos_compact_todo_compaction_blocks 4",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    disk.limit(None);
    assert_eq!(compactor.pass(&stopping).await.unwrap().made, 1);
    field.check("there was room again").await;
}

#[tokio::test]
async fn a_worker_notices_that_the_name_of_a_block_it_knows_was_closed() {
    let mut field = Field::new();
    let first = field.bring(0, 1, SLICE_MS / 4).await;
    for slice in 1..4 {
        field.bring(slice, 1, SLICE_MS / 4).await;
    }
    let worker = field.worker(1).await;
    assert_eq!(worker.pass().await.unwrap().made, 0);
    let fence = format!(r#"{{"fence": {{"block": "{first}", "owner": "server"}}}}"#);
    let meta = format!("{first}/{META_FILE}");
    field.put(&meta, fence.into_bytes()).await;
    // Four blocks of two hours would become one now.
    field.bring(4, 1, SLICE_MS / 4).await;
    let report = worker.pass().await.unwrap();
    let is_fine = report.quarantined.is_empty() && report.damaged.is_empty();
    assert!(is_fine, "{report:?}");
}

#[tokio::test]
async fn leftovers_of_uploads_go_when_they_are_old_and_young_blocks_are_left_alone() {
    let mut field = Field::new();
    for slice in 0..5 {
        field.bring(slice, 1, SLICE_MS / 4).await;
    }
    let partial = "01JD0000000000000000000000/chunks.parquet";
    field.put(partial, b"half".to_vec()).await;
    let store: Arc<dyn ObjectStore> = Arc::clone(&field.store) as _;
    let worker = worker_on(store, 1, field.now_ms, |options| {
        options.consistency_delay = days(60);
    })
    .await;
    assert_eq!(worker.pass().await.unwrap().made, 0, "all blocks are young");
    assert!(field.objects().await.contains(partial));
    worker.clock.advance(3 * 24 * HOUR_MS);
    worker.pass().await.unwrap();
    assert!(!field.objects().await.contains(partial));
    // The name stays closed for as long again.
    let fence = format!("01JD0000000000000000000000/{META_FILE}");
    assert!(field.objects().await.contains(&fence));
    worker.clock.advance(3 * 24 * HOUR_MS);
    worker.pass().await.unwrap();
    assert!(!field.objects().await.contains(&fence));
}

#[tokio::test]
async fn a_store_that_overwrites_what_it_must_not_is_refused_unless_there_is_one_worker() {
    let store: Arc<dyn ObjectStore> = Arc::new(Overwriting::default());
    let open = |is_only_worker: bool| {
        let clock = Arc::new(SimulatedClock::at(1));
        let options = CompactorOptions {
            disk: Arc::new(CrashDisk::new(1)),
            is_only_worker,
            ..CompactorOptions::new(Arc::clone(&store), "", clock)
        };
        async move { Compactor::open(options, &mut Registry::default()).await }
    };
    let refused = open(false).await.unwrap_err();
    assert!(matches!(refused, CompactError::Unconditional), "{refused}");
    assert!(open(true).await.is_ok());
}

#[tokio::test]
async fn a_server_and_one_worker_need_no_conditional_writes() {
    for store in [Overwriting::default(), Overwriting::refusing()] {
        let store: Arc<dyn ObjectStore> = Arc::new(store);
        // Eight hours begin here.
        let first = NOW_MS / SLICE_MS / 4 * 4 - 8;
        let mut disk = Disk::new();
        for slice in first..first + 5 {
            disk.cut(slice, 3, 4).await;
        }
        let expected = samples(&disk.blocks).await.unwrap();
        let beside = Beside::open(Arc::clone(&store)).await;
        beside.sync(&disk).await.unwrap();
        let now_ms = SystemClock.now_ms();
        let worker = worker_on(store, 1, now_ms, |options| options.is_only_worker = true).await;
        assert_eq!(worker.pass().await.unwrap().made, 1);
        let reader = beside.restart(true).await;
        reader.sync(&Disk::new()).await.unwrap();
        assert_eq!(reader.samples().await.unwrap(), expected);
        assert_eq!(reader.bucket.block_names().len(), 2);
    }
}
