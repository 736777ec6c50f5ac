//! What the store does with a disk.

use futures::TryStreamExt;
use futures::executor::block_on;
use narthex_disk::{CrashDisk, SystemDisk};
use object_store::ObjectStoreExt;

use super::*;

async fn names(store: &DiskStore, prefix: Option<&Path>) -> Vec<String> {
    let found: Vec<ObjectMeta> = store.list(prefix).try_collect().await.unwrap();
    found
        .into_iter()
        .map(|meta| meta.location.to_string())
        .collect()
}

async fn objects_come_and_go(store: DiskStore) {
    let (a, b) = (Path::from("x/y/a"), Path::from("x/b"));
    store.put(&a, "hello".into()).await.unwrap();
    store.put(&b, "old".into()).await.unwrap();
    store.put(&b, "bye".into()).await.unwrap();
    assert_eq!(names(&store, None).await, ["x/b", "x/y/a"]);
    assert_eq!(names(&store, Some(&Path::from("x/y"))).await, ["x/y/a"]);
    assert!(names(&store, Some(&Path::from("no"))).await.is_empty());
    assert_eq!(store.head(&a).await.unwrap().size, 5);
    let whole = store.get(&b).await.unwrap().bytes().await.unwrap();
    assert_eq!(whole, "bye");
    assert_eq!(store.get_range(&a, 1..3).await.unwrap(), "el");
    for _ in 0..2 {
        let parts = store.get_ranges(&a, &[0..2, 3..5, 4..9]).await.unwrap();
        assert_eq!(parts, ["he", "lo", "o"]);
    }
    let level = store
        .list_with_delimiter(Some(&Path::from("x")))
        .await
        .unwrap();
    assert_eq!(level.common_prefixes, [Path::from("x/y")]);
    assert_eq!(level.objects.len(), 1);
    let missing = store.get(&Path::from("no")).await.unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }), "{missing}");
    let again = store.put_opts(&a, "x".into(), PutMode::Create.into()).await;
    assert!(matches!(again, Err(Error::AlreadyExists { .. })));
    store.copy(&a, &b).await.unwrap();
    let copied = store.get(&b).await.unwrap().bytes().await.unwrap();
    assert_eq!(copied, "hello");
    let taken = store.copy_if_not_exists(&a, &b).await;
    assert!(matches!(taken, Err(Error::AlreadyExists { .. })));
    store.delete(&b).await.unwrap();
    store.get(&b).await.unwrap_err();
    assert_eq!(names(&store, None).await, ["x/y/a"]);
}

#[test]
fn objects_come_and_go_on_both_disks() {
    let dir = tempfile::TempDir::new().unwrap();
    let system = DiskStore::new(Arc::new(SystemDisk::new(dir.path())));
    block_on(objects_come_and_go(system));
    let crashing = DiskStore::new(Arc::new(CrashDisk::new(0)));
    block_on(objects_come_and_go(crashing));
}

#[tokio::test]
async fn parts_lie_in_the_order_of_their_coming_however_they_are_polled() {
    let store = DiskStore::new(Arc::new(CrashDisk::new(0)));
    let path = Path::from("a");
    let mut upload = store.put_multipart(&path).await.unwrap();
    let parts = ["one", "two", "three"].map(|part| upload.put_part(part.into()));
    for part in parts.into_iter().rev() {
        part.await.unwrap();
    }
    assert!(names(&store, None).await.is_empty(), "it is not whole");
    upload.complete().await.unwrap();
    let whole = store.get(&path).await.unwrap().bytes().await.unwrap();
    assert_eq!(whole, "onetwothree");
    let mut upload = store.put_multipart(&Path::from("b")).await.unwrap();
    drop(upload.put_part("lost".into()));
    upload.complete().await.unwrap_err();
    upload.abort().await.unwrap();
    assert_eq!(store.disk().list("").unwrap().len(), 1);
}

#[test]
fn an_object_is_whole_or_not_there_when_the_power_goes() {
    for at in 0..12 {
        let disk = CrashDisk::new(at);
        disk.fault_at(at, narthex_disk::Fault::Kill);
        let store = DiskStore::new(Arc::new(disk.clone()));
        let path = Path::from("x/a");
        let put = block_on(store.put(&path, vec![7; 3_000].into()));
        let next = DiskStore::new(Arc::new(disk.cut_power()));
        match block_on(next.get(&path)) {
            Ok(found) => assert_eq!(block_on(found.bytes()).unwrap(), vec![7; 3_000]),
            Err(error) => assert!(put.is_err(), "{at}: {error}"),
        }
    }
}

#[test]
fn a_full_disk_is_named_with_the_file_and_leaves_nothing() {
    let disk = CrashDisk::new(0);
    disk.limit(Some(1_000));
    let store = DiskStore::new(Arc::new(disk.clone()));
    let path = Path::from("x/a");
    let error = block_on(store.put(&path, vec![7; 3_000].into())).unwrap_err();
    assert!(narthex_disk::is_full(&error), "{error}");
    assert!(error.to_string().contains("/crash/x/a"), "{error}");
    assert_eq!(disk.used(), 0);
    disk.limit(None);
    block_on(store.put(&path, vec![7; 3_000].into())).unwrap();
}

#[test]
fn a_folder_that_is_forgotten_is_read_anew() {
    let disk: Arc<dyn Disk> = Arc::new(CrashDisk::new(0));
    let store = DiskStore::new(Arc::clone(&disk));
    let path = Path::from("x/a");
    let read = || block_on(store.get_range(&path, 0..3)).unwrap();
    block_on(store.put(&path, "old".into())).unwrap();
    assert_eq!(read(), "old");
    disk.remove("x/a").unwrap();
    disk.create("x/a").unwrap().append(b"new").unwrap();
    assert_eq!(read(), "old");
    store.forget("xx");
    store.forget("x");
    assert_eq!(read(), "new");
}
