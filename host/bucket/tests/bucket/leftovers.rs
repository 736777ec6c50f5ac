//! What is left of uploads goes, and nothing of a block that somebody finishes meanwhile.

use std::sync::Arc;
use std::task::Poll;

use narthex_block::SLICE_MS;
use narthex_bucket::BucketError;
use narthex_tsdb::RemoteBlocks;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::fixture::{Beside, Disk, HOUR_MS, NOW_MS, samples};
use crate::life::objects;
use crate::mortal::Mortal;
use crate::overwriting::Overwriting;

const NEWEST: i64 = NOW_MS / SLICE_MS;

/// What was left of an upload, by name.
const ORPHAN: &str = "01JD0000000000000000000000/chunks.parquet";
const CLOSED: &str = "01JD0000000000000000000000/meta.json";
const OTHER: &str = "readme.txt";

/// When an object was written, in milliseconds since the epoch.
async fn written_ms(store: &dyn ObjectStore, path: &Path) -> i64 {
    let found = store.head(path).await.unwrap();
    found.last_modified.timestamp_millis()
}

#[tokio::test]
async fn leftovers_of_uploads_go_when_they_are_old_and_other_objects_stay() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let orphan = Path::from(ORPHAN);
    for path in [&orphan, &Path::from(OTHER)] {
        store.put(path, "x".into()).await.unwrap();
    }
    let written_ms = written_ms(&store, &orphan).await;
    let beside = Beside::open(Arc::clone(&store)).await;
    for (hours, left) in [
        (47, vec![ORPHAN, OTHER]),
        (49, vec![CLOSED, OTHER]),
        // The name was closed now, and what closes it is as old when that is looked at again.
        (49, vec![OTHER]),
    ] {
        beside.clock.set(written_ms + hours * HOUR_MS);
        beside.sync(&Disk::new()).await.unwrap();
        assert_eq!(objects(&store).await, left, "after {hours} h");
    }
}

#[tokio::test]
async fn where_a_store_overwrites_leftovers_wait_until_their_name_was_closed_for_two_days() {
    for store in [Overwriting::default(), Overwriting::refusing()] {
        let store: Arc<dyn ObjectStore> = Arc::new(store);
        let orphan = Path::from(ORPHAN);
        store.put(&orphan, "x".into()).await.unwrap();
        let written_ms = written_ms(&store, &orphan).await;
        let beside = Beside::open(Arc::clone(&store)).await;
        beside.clock.set(written_ms + 49 * HOUR_MS);
        beside.sync(&Disk::new()).await.unwrap();
        assert_eq!(objects(&store).await, [ORPHAN, CLOSED]);
        beside.sync(&Disk::new()).await.unwrap();
        assert!(objects(&store).await.is_empty());
    }
}

#[tokio::test]
async fn a_block_that_is_finished_while_another_server_removes_what_was_left_of_it_loses_no_file() {
    let mut disk = Disk::new();
    let block = disk.cut(NEWEST - 3, 5, 60).await;
    let expected = samples(&disk.blocks).await.unwrap();
    let name = block.meta().ulid.as_str();
    // All is there but for what makes a block of it.
    let left = InMemory::new();
    let mut path = Path::default();
    for (file, meta) in &block.meta().files {
        let bytes = block.file_bytes(file, 0..meta.size).await.unwrap();
        path = Path::from(format!("{name}/{file}"));
        left.put(&path, bytes.into()).await.unwrap();
    }
    let written_ms = written_ms(&left, &path).await;
    let nothing = Disk::new();
    let (mut finished, mut closed) = (0, 0);
    for at in 0.. {
        let store = Mortal::on(Arc::new(left.fork()));
        let inner = || Arc::clone(&store.inner) as Arc<dyn ObjectStore>;
        let cleaner = Beside::open(Arc::new(store.clone())).await;
        let owner = Beside::open(inner()).await;
        for beside in [&cleaner, &owner] {
            beside.clock.set(written_ms + 49 * HOUR_MS);
        }
        let mut cleaning = Box::pin(cleaner.sync(&nothing));
        let (mut moments, mut brought) = (0, None);
        store.watch(true);
        loop {
            if let Poll::Ready(done) = futures::poll!(&mut cleaning) {
                done.unwrap();
                break;
            }
            while let Some(moment) = store.moment() {
                if moments == at {
                    brought = Some((owner.sync(&disk).await, moment.name()));
                }
                moments += 1;
                store.go_on();
            }
            tokio::task::yield_now().await;
        }
        cleaner.bucket.close().await;
        let Some((brought, story)) = brought else {
            break;
        };
        match brought {
            Ok(()) => finished += 1,
            Err(error) => {
                assert!(
                    matches!(error, BucketError::Closed { .. }),
                    "{story}: {error}"
                );
                assert!(!owner.bucket.has(&block), "{story}");
                closed += 1;
                owner.clock.set(written_ms + 73 * HOUR_MS);
                owner.sync(&disk).await.unwrap();
            }
        }
        // Another machine finds all of it.
        let reader = Beside::open(inner()).await;
        reader.clock.set(written_ms + 49 * HOUR_MS);
        reader.sync(&nothing).await.unwrap();
        assert_eq!(reader.samples().await.unwrap(), expected, "{story}");
        for beside in [owner, reader] {
            beside.bucket.close().await;
        }
    }
    assert!(finished > 0 && closed > 0, "{finished} {closed}");
}

#[tokio::test]
async fn a_server_notices_that_the_name_of_a_block_it_knows_was_closed() {
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let mut disk = Disk::new();
    let block = disk.cut(NEWEST - 3, 5, 60).await;
    let expected = samples(&disk.blocks).await.unwrap();
    let beside = Beside::open(Arc::clone(&store)).await;
    beside.sync(&disk).await.unwrap();
    let name = block.meta().ulid.as_str();
    // A store that knows no conditions lets somebody do it who had looked a moment before.
    let path = Path::from(format!("{name}/meta.json"));
    let fence = format!(r#"{{"fence": {{"block": "{name}", "owner": "server"}}}}"#);
    store.put(&path, fence.into()).await.unwrap();
    let written_ms = written_ms(&store, &path).await;
    beside.clock.set(written_ms);
    let error = beside.sync(&disk).await.unwrap_err();
    assert!(matches!(error, BucketError::Closed { .. }), "{error}");
    assert!(!beside.bucket.has(&block), "the disk must keep it");
    beside.clock.set(written_ms + 73 * HOUR_MS);
    beside.sync(&disk).await.unwrap();
    assert_eq!(beside.samples().await.unwrap(), expected);
}
