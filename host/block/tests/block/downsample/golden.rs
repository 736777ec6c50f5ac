//! A third kept block, of windows of what the other two hold.

use std::path::PathBuf;
use std::sync::Arc;

use futures::executor::block_on;
use narthex_block::{Block, SLICE_MS, downsample, verify};
use narthex_storage::Series;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;

use super::{FIVE_MINUTES_MS, all, put};
use crate::fixture::{ULID, cache, folder, memory};
use crate::kinds::{AllBits, all_bits};
use crate::{golden, golden_kinds};

pub(crate) fn kept() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/block/golden/windows")
}

/// Makes the block.
async fn make(store: &dyn ObjectStore) {
    let samples = [golden::content(), golden_kinds::content()].concat();
    let raw = put(&memory(), 1, samples, 0..2 * SLICE_MS).await;
    let made = downsample(store, &folder(), &[raw], ULID, FIVE_MINUTES_MS).await;
    assert!(made.unwrap().is_some());
}

async fn read(store: Arc<dyn ObjectStore>) -> Vec<Series> {
    let block = Block::open(store, &folder(), &cache()).await;
    let block = Arc::new(block.unwrap());
    assert_eq!(block.meta().resolution_ms, FIVE_MINUTES_MS);
    all(&block, Vec::new()).await
}

/// What the kept block holds.
pub(crate) fn content() -> Vec<Series> {
    let store = memory();
    block_on(async {
        make(store.as_ref()).await;
        read(store).await
    })
}

/// Where this build makes other windows than those that are kept, it has changed what they mean:
/// `NARTHEX_WRITE_KEPT_BLOCK=windows` writes them anew, which only a new version of the format
/// needs.
#[test]
fn the_kept_block_of_windows_is_the_one_that_is_made_today() {
    if std::env::var_os("NARTHEX_WRITE_KEPT_BLOCK").is_some_and(|name| name == "windows") {
        std::fs::create_dir_all(kept()).unwrap();
        let store = LocalFileSystem::new_with_prefix(kept()).unwrap();
        block_on(make(&store));
    }
    let store: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new_with_prefix(kept()).unwrap());
    let faults = block_on(verify(Arc::clone(&store), &folder()));
    assert!(faults.is_empty(), "{faults:?}");
    let bits = |all: &[Series]| -> Vec<AllBits> { all.iter().map(all_bits).collect() };
    assert!(bits(&block_on(read(store))) == bits(&content()));
}
