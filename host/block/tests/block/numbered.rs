//! Blocks that are told by a number, for tests that need several.

use std::ops::Range;
use std::sync::Arc;

use narthex_block::{Block, Ulid, WriteOptions, block_order, write};
use narthex_storage::Series;
use object_store::ObjectStore;
use object_store::path::Path;

use crate::fixture::{cache, options};

pub(crate) fn ulid(number: u64) -> Ulid {
    Ulid::from_parts(1_700_000_000_000 + number, number.into())
}

pub(crate) fn folder(number: u64) -> Path {
    Path::from(ulid(number).to_string())
}

pub(crate) async fn open(store: &Arc<dyn ObjectStore>, number: u64) -> Arc<Block> {
    let opened = Block::open(Arc::clone(store), &folder(number), &cache()).await;
    Arc::new(opened.unwrap())
}

/// Sorts series and writes them.
pub(crate) async fn put(
    store: &Arc<dyn ObjectStore>,
    number: u64,
    mut series: Vec<Series>,
    range: Range<i64>,
) -> Arc<Block> {
    series.sort_by(|a, b| block_order(&a.labels, &b.labels));
    let options = WriteOptions {
        ulid: ulid(number),
        ..options(range)
    };
    let written = write(store.as_ref(), &folder(number), series, &options).await;
    written.unwrap().unwrap();
    open(store, number).await
}
