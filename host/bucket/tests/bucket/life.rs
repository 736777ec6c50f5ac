//! The life of a block in the bucket, on a store that does what it is asked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::Poll;

use futures::TryStreamExt;
use narthex_block::SLICE_MS;
use narthex_bucket::{BucketError, MARK_FILE};
use narthex_model::{Labels, PromDuration};
use narthex_tsdb::RemoteBlocks;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tempfile::TempDir;

use crate::field::worker_on;
use crate::fixture::{Beside, Disk, HOUR_MS, NOW_MS, samples};
use crate::mortal::{Moment, Mortal, Request};

const NEWEST: i64 = NOW_MS / SLICE_MS;

/// The names of all objects.
pub(crate) async fn objects(store: &Arc<dyn ObjectStore>) -> Vec<String> {
    let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
    let mut names: Vec<String> = listed.iter().map(|o| o.location.to_string()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn blocks_come_to_the_bucket_and_answer_where_the_disk_is_empty() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut disk = Disk::new();
    for slice in NEWEST - 3..NEWEST {
        disk.cut(slice, 20, 60).await;
    }
    let beside = Beside::open(Arc::clone(&store)).await;
    assert!(beside.bucket.blocks().is_none(), "nobody has looked");
    assert!(!beside.bucket.has(&disk.blocks[0]));
    beside.sync(&disk).await.unwrap();
    assert!(disk.blocks.iter().all(|block| beside.bucket.has(block)));
    let expected = samples(&disk.blocks).await.unwrap();
    assert_eq!(beside.samples().await.unwrap(), expected);
    // Another machine.
    let beside = beside.restart(true).await;
    beside.sync(&Disk::new()).await.unwrap();
    assert_eq!(beside.samples().await.unwrap(), expected);
    // The same one, before it has asked the bucket for anything.
    let beside = beside.restart(false).await;
    assert_eq!(beside.samples().await.unwrap(), expected);
    assert!(
        !beside.bucket.has(&disk.blocks[0]),
        "it has not looked itself"
    );
}

#[tokio::test]
async fn a_longer_block_takes_the_place_of_its_parents_which_go_after_two_days() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut disk = Disk::new();
    for slice in NEWEST - 3..NEWEST {
        disk.cut(slice, 5, 60).await;
    }
    let parents = disk.blocks.clone();
    let expected = samples(&parents).await.unwrap();
    let beside = Beside::open(Arc::clone(&store)).await;
    beside.sync(&disk).await.unwrap();
    let long = disk.compact(3).await;
    assert!(!beside.bucket.has(&long), "nobody has brought it there");
    let name = long.meta().ulid.clone();
    beside.sync(&disk).await.unwrap();
    assert!(beside.bucket.has(&long));
    assert!(parents.iter().all(|parent| beside.bucket.has(parent)));
    let names = objects(&store).await;
    assert!(names.contains(&format!("{name}/meta.json")), "{names:?}");
    for parent in &parents {
        let mark = format!("{}/{MARK_FILE}", parent.meta().ulid);
        assert!(names.contains(&mark), "{names:?}");
    }
    assert_eq!(beside.samples().await.unwrap(), expected);
    assert_eq!(
        beside.bucket.block_names().into_iter().collect::<Vec<_>>(),
        [name]
    );
    // Readers of the parents have two days.
    beside.clock.set(NOW_MS + 47 * HOUR_MS);
    beside.sync(&disk).await.unwrap();
    assert!(objects(&store).await.len() > 10);
    beside.clock.set(NOW_MS + 49 * HOUR_MS);
    beside.sync(&disk).await.unwrap();
    let names = objects(&store).await;
    assert!(
        names.iter().all(|o| o.starts_with(&long.meta().ulid)),
        "{names:?}"
    );
    assert_eq!(beside.samples().await.unwrap(), expected);
}

#[tokio::test]
async fn a_block_is_known_where_the_disk_takes_no_copy_of_what_it_holds() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut disk = Disk::new();
    let block = disk.cut(NEWEST - 1, 5, 60).await;
    let expected = samples(&disk.blocks).await.unwrap();
    Beside::open(Arc::clone(&store))
        .await
        .sync(&disk)
        .await
        .unwrap();
    // Nothing can be written there, as on a disk that is full.
    let folder = Arc::new(TempDir::new().unwrap());
    let copies = folder.path().join("meta");
    std::fs::create_dir(&copies).unwrap();
    let copy = copies.join(format!("{}.json", block.meta().ulid));
    std::os::unix::fs::symlink("/nowhere/copy", copy).unwrap();
    let for_ever = PromDuration::default();
    let beside = Beside::open_in(Arc::clone(&store), folder, for_ever, NOW_MS).await;
    beside.sync(&Disk::new()).await.unwrap();
    assert!(beside.bucket.has(&block), "the disk may let go of it");
    assert_eq!(beside.samples().await.unwrap(), expected);
    // It is read again after the next start, and nobody takes what has copies for all.
    let beside = beside.restart(false).await;
    assert!(beside.bucket.blocks().is_none());
    beside.sync(&Disk::new()).await.unwrap();
    assert_eq!(beside.samples().await.unwrap(), expected);
}

#[tokio::test]
async fn a_file_that_vanished_from_the_bucket_is_brought_there_again() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut disk = Disk::new();
    let block = disk.cut(NEWEST - 1, 5, 60).await;
    let expected = samples(&disk.blocks).await.unwrap();
    let beside = Beside::open(Arc::clone(&store)).await;
    beside.sync(&disk).await.unwrap();
    for (name, file) in &block.meta().files {
        for left in [None, Some(file.size / 2)] {
            let path = Path::from(format!("{}/{name}", block.meta().ulid));
            match left {
                None => store.delete(&path).await.unwrap(),
                Some(bytes) => {
                    let half = block.file_bytes(name, 0..bytes).await.unwrap();
                    store.put(&path, half.into()).await.map(drop).unwrap();
                }
            }
            assert!(beside.bucket.has(&block), "nobody has looked");
            beside.sync(&Disk::new()).await.unwrap();
            assert!(!beside.bucket.has(&block), "{name} {left:?}");
            beside.sync(&disk).await.unwrap();
            assert!(beside.bucket.has(&block), "{name} {left:?}");
        }
    }
    let beside = beside.restart(true).await;
    beside.sync(&Disk::new()).await.unwrap();
    assert_eq!(beside.samples().await.unwrap(), expected);
}

#[tokio::test]
async fn blocks_beyond_the_retention_of_the_bucket_answer_no_more_and_go() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut disk = Disk::new();
    disk.cut(NEWEST - 40, 5, 60).await;
    disk.cut(NEWEST - 1, 5, 60).await;
    let folder = Arc::new(TempDir::new().unwrap());
    let day = PromDuration::from_secs(24 * 3_600);
    let keeps_all = Beside::open(Arc::clone(&store)).await;
    keeps_all.sync(&disk).await.unwrap();
    let beside = Beside::open_in(Arc::clone(&store), folder, day, NOW_MS).await;
    beside.sync(&disk).await.unwrap();
    assert_eq!(beside.bucket.block_names().len(), 1);
    assert!(beside.bucket.has(&disk.blocks[0]), "the disk may remove it");
    assert_eq!(
        beside.samples().await.unwrap(),
        samples(&disk.blocks[1..]).await.unwrap()
    );
    beside.clock.set(NOW_MS + 49 * HOUR_MS);
    // What is too old is not brought there again.
    beside.sync(&disk).await.unwrap();
    beside.sync(&disk).await.unwrap();
    let old = &disk.blocks[0].meta().ulid;
    assert!(
        !objects(&store)
            .await
            .iter()
            .any(|object| object.starts_with(old))
    );
}

#[tokio::test]
async fn downsampled_blocks_stay_beside_the_samples_and_outlive_them() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut disk = Disk::new();
    for slice in NEWEST - 42..NEWEST - 40 {
        disk.cut(slice, 5, 60).await;
    }
    let windows = disk.downsample().await;
    let beside = Beside::open(Arc::clone(&store)).await;
    disk.blocks.push(Arc::clone(&windows));
    beside.sync(&disk).await.unwrap();
    assert_eq!(beside.bucket.block_names().len(), 3);
    assert!(disk.blocks.iter().all(|block| beside.bucket.has(block)));
    // The samples' blocks become one.
    disk.blocks.pop();
    let long = disk.compact(2).await;
    disk.blocks.push(Arc::clone(&windows));
    beside.sync(&disk).await.unwrap();
    let names = beside.bucket.block_names();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names.contains(&long.meta().ulid) && names.contains(&windows.meta().ulid));
    // The samples go, and what was made of them is for others to remove.
    let folder = Arc::new(TempDir::new().unwrap());
    let day = PromDuration::from_secs(24 * 3_600);
    let beside = Beside::open_in(Arc::clone(&store), folder, day, NOW_MS).await;
    beside.sync(&disk).await.unwrap();
    let names: Vec<String> = beside.bucket.block_names().into_iter().collect();
    assert_eq!(names, [windows.meta().ulid.clone()]);
    beside.clock.set(NOW_MS + 49 * HOUR_MS);
    beside.sync(&disk).await.unwrap();
    beside.sync(&disk).await.unwrap();
    let left = objects(&store).await;
    assert!(
        left.iter().all(|o| o.starts_with(&windows.meta().ulid)),
        "{left:?}"
    );
    assert!(!left.is_empty());
}

#[tokio::test]
async fn samples_stay_beyond_the_retention_until_there_are_windows_of_them() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut disk = Disk::new();
    for slice in NEWEST - 42..NEWEST - 40 {
        disk.cut(slice, 5, 60).await;
    }
    let windows = disk.downsample().await;
    // Of these 40 hours a compactor makes windows, too, once it comes to them.
    for slice in NEWEST - 63..NEWEST - 43 {
        disk.cut(slice, 5, 60).await;
    }
    // At most sixteen become one at a time.
    disk.compact(10).await;
    let long = disk.compact(11).await;
    disk.blocks.sort_by_key(|block| block.meta().range.start_ms);
    let all = disk.downsample().await;
    disk.blocks.push(Arc::clone(&windows));
    let keeps_all = Beside::open(Arc::clone(&store)).await;
    keeps_all.sync(&disk).await.unwrap();
    let folder = Arc::new(TempDir::new().unwrap());
    let day = PromDuration::from_secs(24 * 3_600);
    let beside = Beside::open_in(Arc::clone(&store), folder, day, NOW_MS).await;
    beside.sync(&disk).await.unwrap();
    let [windows, long, all_name] = [&windows, &long, &all].map(|block| block.meta().ulid.clone());
    let names = || beside.bucket.block_names();
    assert_eq!(names(), BTreeSet::from([windows.clone(), long]));
    disk.blocks.push(all);
    // Whoever has a retention brings nothing that is older.
    keeps_all.sync(&disk).await.unwrap();
    beside.sync(&disk).await.unwrap();
    assert_eq!(names(), BTreeSet::from([windows, all_name]));
}

#[tokio::test]
async fn windows_of_another_servers_samples_let_nothing_wait() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut disk = Disk::new();
    for slice in NEWEST - 42..NEWEST - 40 {
        disk.cut(slice, 5, 60).await;
    }
    let windows = disk.downsample().await;
    disk.blocks.push(Arc::clone(&windows));
    let other = Beside::open(Arc::clone(&store)).await;
    let labels = Labels::from_pairs([("server", "other")]);
    other.bucket.set_labels(&labels);
    other.sync(&disk).await.unwrap();
    disk.blocks.clear();
    for slice in NEWEST - 63..NEWEST - 43 {
        disk.cut(slice, 5, 60).await;
    }
    // At most sixteen become one at a time.
    disk.compact(10).await;
    disk.compact(11).await;
    let keeps_all = Beside::open(Arc::clone(&store)).await;
    keeps_all.sync(&disk).await.unwrap();
    assert_eq!(keeps_all.bucket.block_names().len(), 4);
    let folder = Arc::new(TempDir::new().unwrap());
    let day = PromDuration::from_secs(24 * 3_600);
    let beside = Beside::open_in(Arc::clone(&store), folder, day, NOW_MS).await;
    beside.sync(&disk).await.unwrap();
    let names = beside.bucket.block_names();
    assert_eq!(names, BTreeSet::from([windows.meta().ulid.clone()]));
}

#[tokio::test]
async fn an_upload_that_had_stalled_leaves_a_closed_name_closed() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut disk = Disk::new();
    let block = disk.cut(NEWEST - 3, 5, 60).await;
    let expected = samples(&disk.blocks).await.unwrap();
    let name = block.meta().ulid.as_str();
    let file = block.meta().files.keys().next().unwrap();
    let path = Path::from(format!("{name}/{file}"));
    store.put(&path, "half".into()).await.unwrap();
    let written = store.head(&path).await.unwrap().last_modified;
    let written_ms = written.timestamp_millis();
    let at = |hours: i64| written_ms + hours * HOUR_MS;
    let worker = worker_on(Arc::clone(&store), 1, at(49), |_| {}).await;
    worker.pass().await.unwrap();
    let fence = format!("{name}/meta.json");
    assert_eq!(objects(&store).await, [fence.as_str()]);
    let closed = || async {
        let text = store.get(&Path::from(fence.as_str())).await.unwrap();
        text.bytes().await.unwrap()
    };
    let before = closed().await;
    let beside = Beside::open(Arc::clone(&store)).await;
    beside.clock.set(at(47));
    let error = beside.sync(&disk).await.unwrap_err();
    assert!(matches!(error, BucketError::Closed { .. }), "{error}");
    assert_eq!(closed().await, before);
    assert!(!beside.bucket.has(&block));
    // A compactor may be at it that is about to remove what closes the name.
    beside.clock.set(at(49));
    let error = beside.sync(&disk).await.unwrap_err();
    assert!(matches!(error, BucketError::Closed { .. }), "{error}");
    // Nobody brings anything there under that name any more, and no compactor has removed it.
    beside.clock.set(at(73));
    beside.sync(&disk).await.unwrap();
    assert_eq!(beside.samples().await.unwrap(), expected);
}

#[tokio::test]
async fn a_name_that_is_closed_while_its_block_is_sent_stays_closed() {
    let store = Mortal::on(Arc::new(InMemory::new()));
    let mut disk = Disk::new();
    let block = disk.cut(NEWEST - 3, 5, 60).await;
    let name = block.meta().ulid.as_str();
    let fence = Path::from(format!("{name}/meta.json"));
    let text = format!(r#"{{"fence": {{"block": "{name}", "owner": "worker"}}}}"#);
    let beside = Beside::open(Arc::new(store.clone())).await;
    let mut syncing = Box::pin(beside.sync(&disk));
    store.watch(true);
    let error = loop {
        if let Poll::Ready(done) = futures::poll!(&mut syncing) {
            break done.unwrap_err();
        }
        while let Some(moment) = store.moment() {
            if let Moment::Before(Request::Put(path, _)) = &moment
                && *path == fence
            {
                let closed = store.inner.put(&fence, text.clone().into()).await;
                closed.unwrap();
            }
            store.go_on();
        }
        tokio::task::yield_now().await;
    };
    assert!(matches!(error, BucketError::Closed { .. }), "{error}");
    let there = store.inner.get(&fence).await.unwrap();
    assert_eq!(there.bytes().await.unwrap(), text);
    assert!(!beside.bucket.has(&block));
}

#[tokio::test]
async fn what_a_compactor_made_of_samples_is_not_brought_there_once_more() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut disk = Disk::new();
    // Eight hours begin here.
    let first = (NEWEST - 40).div_euclid(4) * 4;
    for slice in first..first + 5 {
        disk.cut(slice, 5, 60).await;
    }
    let expected = samples(&disk.blocks).await.unwrap();
    let beside = Beside::open(Arc::clone(&store)).await;
    beside.sync(&disk).await.unwrap();
    let worker = worker_on(Arc::clone(&store), 1, NOW_MS, |_| {}).await;
    assert_eq!(worker.pass().await.unwrap().made, 1);
    // The server makes one of three of the four, and then of more than those.
    for count in [3, 3] {
        let own = disk.compact(count).await;
        beside.sync(&disk).await.unwrap();
        let names = beside.bucket.block_names();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(!names.contains(&own.meta().ulid));
        assert!(beside.bucket.has(&own), "its samples are there");
        assert_eq!(beside.samples().await.unwrap(), expected);
    }
}

#[tokio::test]
async fn samples_of_which_only_windows_are_left_are_not_brought_there_once_more() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut disk = Disk::new();
    for slice in NEWEST - 42..NEWEST - 40 {
        disk.cut(slice, 5, 60).await;
    }
    let windows = disk.downsample().await;
    disk.blocks.push(Arc::clone(&windows));
    let beside = Beside::open(Arc::clone(&store)).await;
    beside.sync(&disk).await.unwrap();
    disk.blocks.pop();
    // A compactor removes the samples, which it keeps for a shorter time than the server.
    let windows = windows.meta().ulid.as_str();
    for object in objects(&store).await {
        if !object.starts_with(windows) {
            store.delete(&Path::from(object)).await.unwrap();
        }
    }
    beside.sync(&disk).await.unwrap();
    let names: Vec<String> = beside.bucket.block_names().into_iter().collect();
    assert_eq!(names, [windows]);
    assert!(disk.blocks.iter().all(|block| beside.bucket.has(block)));
    // Others of the same time are.
    let late = disk.cut(NEWEST - 42, 1, 30).await;
    assert!(!beside.bucket.has(&late));
    beside.sync(&disk).await.unwrap();
    assert!(beside.bucket.block_names().contains(&late.meta().ulid));
}
