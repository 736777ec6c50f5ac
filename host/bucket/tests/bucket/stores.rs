//! What is asked of a store, and kept by each kind of it: objects, blocks of a server, leases of
//! workers, and what is said where it does not know who asks, or is not there.

use futures::TryStreamExt;
use narthex_block::SLICE_MS;
use narthex_bucket::{Provider, open_store};
use narthex_model::{Clock as _, SystemClock};
use narthex_tsdb::RemoteBlocks;
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode};

use crate::emulators::{Emulator, WRONG, WRONG_ENCODED};
use crate::field::worker_on;
use crate::fixture::{Beside, Disk, HOUR_MS, NOW_MS, samples};
use crate::toxic::Dice;

#[tokio::test]
async fn s3_keeps_what_is_asked_of_a_store() {
    keeps(Provider::S3).await;
}

#[tokio::test]
async fn google_cloud_storage_keeps_what_is_asked_of_a_store() {
    keeps(Provider::Gcs).await;
}

#[tokio::test]
async fn azure_keeps_what_is_asked_of_a_store() {
    keeps(Provider::Azure).await;
}

#[tokio::test]
async fn a_folder_keeps_what_is_asked_of_a_store() {
    keeps(Provider::FileSystem).await;
}

async fn keeps(provider: Provider) {
    let Some(mut emulator) = Emulator::start(provider) else {
        return;
    };
    let store = emulator.store("objects");
    objects(store.as_ref()).await;
    if let Some(other) = emulator.other_config("others") {
        objects(open_store(&other).unwrap().as_ref()).await;
    }
    blocks(&emulator).await;
    leases(&emulator).await;
    stranger(&emulator).await;
    emulator.stop();
    away(&emulator).await;
}

async fn names(store: &dyn ObjectStore, folder: Option<&Path>) -> Vec<(String, u64)> {
    let listed: Vec<_> = store.list(folder).try_collect().await.unwrap();
    let named = listed.iter().map(|o| (o.location.to_string(), o.size));
    let mut named: Vec<(String, u64)> = named.collect();
    named.sort();
    named
}

/// Each object by itself.
async fn objects(store: &dyn ObjectStore) {
    let [meta, file, absent] =
        ["01A/meta.json", "01A/chunks.parquet", "01B/meta.json"].map(Path::from);
    assert!(names(store, None).await.is_empty());
    let is_absent = |error: Error| assert!(matches!(error, Error::NotFound { .. }), "{error}");
    is_absent(store.get(&absent).await.unwrap_err());
    is_absent(store.head(&absent).await.unwrap_err());
    store.put(&file, "0123456789".into()).await.unwrap();
    assert_eq!(store.head(&file).await.unwrap().size, 10);
    assert_eq!(store.get_range(&file, 2..5).await.unwrap(), "234");
    let ranges = store.get_ranges(&file, &[0..1, 8..10]).await.unwrap();
    assert_eq!(ranges, ["0", "89"]);
    // What exists is not made once more, and goes on to say what it said.
    let create = |text: &'static str| store.put_opts(&meta, text.into(), PutMode::Create.into());
    create("one").await.unwrap();
    let taken = create("two").await.unwrap_err();
    let is_taken = matches!(
        taken,
        Error::AlreadyExists { .. } | Error::Precondition { .. }
    );
    assert!(is_taken, "{taken}");
    let text = async || store.get(&meta).await.unwrap().bytes().await.unwrap();
    assert_eq!(text().await, "one");
    store.put(&meta, "three".into()).await.unwrap();
    assert_eq!(text().await, "three");
    store.put(&absent, "".into()).await.unwrap();
    let all = [
        ("01A/chunks.parquet", 10),
        ("01A/meta.json", 5),
        ("01B/meta.json", 0),
    ];
    let all: [(String, u64); 3] = all.map(|(name, size)| (name.to_owned(), size));
    assert_eq!(names(store, None).await, all);
    assert_eq!(names(store, Some(&Path::from("01A"))).await, all[..2]);
    for path in [&meta, &file, &absent] {
        store.delete(path).await.unwrap();
    }
    assert!(names(store, None).await.is_empty());
    create("four").await.unwrap();
    store.delete(&meta).await.unwrap();
}

/// Blocks that a server brings there, reads back, replaces and removes.
async fn blocks(emulator: &Emulator) {
    let newest = NOW_MS / SLICE_MS;
    let mut disk = Disk::new();
    disk.cut(newest - 3, 40, 60).await;
    // More than one part of an upload.
    let dice = Dice::new(1);
    let noise = |_| f64::from_bits(dice.throw(u64::from(u32::MAX)) << 20 | dice.throw(1 << 20));
    let large = disk.cut_with(newest - 2, 3_000, 480, noise).await;
    assert!(large.meta().size() > 9 << 20, "{}", large.meta().size());
    disk.cut(newest - 1, 40, 60).await;
    let expected = samples(&disk.blocks).await.unwrap();

    let beside = Beside::open(emulator.store("prod/one")).await;
    beside.sync(&disk).await.unwrap();
    assert!(disk.blocks.iter().all(|block| beside.bucket.has(block)));
    let beside = beside.restart(true).await;
    beside.sync(&Disk::new()).await.unwrap();
    assert_eq!(beside.samples().await.unwrap(), expected);

    disk.compact(3).await;
    beside.sync(&disk).await.unwrap();
    assert_eq!(beside.bucket.block_names().len(), 1);
    beside.clock.set(NOW_MS + 49 * HOUR_MS);
    beside.sync(&disk).await.unwrap();
    assert_eq!(beside.samples().await.unwrap(), expected);
    // Another prefix is another bucket.
    let other = Beside::open(emulator.store("prod/two")).await;
    other.sync(&Disk::new()).await.unwrap();
    assert!(other.samples().await.unwrap().is_empty());
    // The block is larger than the cache, which makes room for it in tasks of its own. One of them
    // that begins while the runtime ends waits for itself, and the process for it.
    beside.bucket.close().await;
    other.bucket.close().await;
}

/// Two workers find their leases in the store, and readers what they made.
async fn leases(emulator: &Emulator) {
    let first = NOW_MS / SLICE_MS / 4 * 4 - 8;
    let mut disk = Disk::new();
    for slice in first..first + 5 {
        disk.cut(slice, 3, 4).await;
    }
    let expected = samples(&disk.blocks).await.unwrap();
    let beside = Beside::open(emulator.store("prod/three")).await;
    beside.sync(&disk).await.unwrap();
    // The store takes the real time for what is written.
    let now_ms = SystemClock.now_ms();
    let worker = |number| worker_on(emulator.store("prod/three"), number, now_ms, |_| {});
    let (one, two) = (worker(1).await, worker(2).await);
    let (one, two) = tokio::join!(one.pass(), two.pass());
    assert_eq!(one.unwrap().made + two.unwrap().made, 1);
    let reader = beside.restart(true).await;
    reader.sync(&Disk::new()).await.unwrap();
    assert_eq!(reader.samples().await.unwrap(), expected);
    // One of eight hours, and the newest.
    assert_eq!(reader.bucket.block_names().len(), 2);
    reader.bucket.close().await;
}

/// What is said by an error and all that it comes from.
fn chain(error: &dyn std::error::Error) -> String {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        chain = format!("{chain}: {cause}");
        source = cause.source();
    }
    chain
}

/// Whom the store does not know is told so, and his secret to nobody.
async fn stranger(emulator: &Emulator) {
    let Some(config) = emulator.stranger() else {
        return;
    };
    let beside = Beside::open(open_store(&config).unwrap()).await;
    let error = beside.sync(&Disk::new()).await.unwrap_err();
    let said = chain(&error);
    assert!(
        said.starts_with("the object store cannot list the bucket: "),
        "{said}"
    );
    assert!(
        ["401 Unauthorized", "403 Forbidden"]
            .iter()
            .any(|status| said.contains(status)),
        "{said}"
    );
    for secret in [WRONG, WRONG_ENCODED, "PRIVATE KEY"] {
        assert!(!said.contains(secret), "{said}");
    }
    assert!(beside.bucket.blocks().is_none());
    beside.bucket.close().await;
}

/// A store that is gone is named.
async fn away(emulator: &Emulator) {
    let Some(address) = emulator.address() else {
        return;
    };
    let beside = Beside::open(emulator.store("prod/one")).await;
    let error = beside.sync(&Disk::new()).await.unwrap_err();
    let said = chain(&error);
    assert!(
        said.starts_with("the object store cannot list the bucket: "),
        "{said}"
    );
    assert!(said.contains(address), "{said}");
    assert!(beside.bucket.blocks().is_none());
    beside.bucket.close().await;
}
