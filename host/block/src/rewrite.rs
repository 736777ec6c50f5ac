//! Makes another block of what is not deleted of one.

use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use futures::TryStreamExt;
use narthex_storage::{SelectRequest, TimeRange};
use object_store::ObjectStore;
use object_store::path::Path;
use ulid::Ulid;

use crate::compact::ancestry;
use crate::meta::{BlockMeta, Compaction};
use crate::write::{BlockWriter, Files, Origin, WriteOptions};
use crate::{Block, BlockError};

/// Writes a block of the samples of another one that are not deleted into `folder` of the store,
/// `meta.json` last. It stands in place of the other one. `Ok(None)` says that none is left, and
/// then nothing was written. Every cell is decoded and encoded anew; memory holds what
/// [`crate::write()`] holds.
///
/// Dropping the future ends the work; what was written until then stays behind, without a
/// `meta.json`, as it does after an error.
///
/// # Errors
/// The block is damaged, or the store failed.
#[boxed]
pub async fn rewrite(
    store: &dyn ObjectStore,
    folder: &Path,
    block: &Arc<Block>,
    ulid: Ulid,
) -> Result<Option<BlockMeta>, BlockError> {
    let meta = block.meta();
    let options = WriteOptions {
        ulid,
        range: meta.range,
        slice_ms: meta.slice_ms,
        sources: Vec::new(),
    };
    let name = ulid.to_string();
    let files = Files {
        store,
        folder,
        block: &name,
    };
    let origin = Origin {
        compaction: Some(Compaction {
            level: meta.level(),
            sources: meta.sources().to_vec(),
            parents: ancestry(meta).collect(),
        }),
        log_from_ms: meta.log_from_ms,
        labels: meta.labels.clone(),
        resolution_ms: meta.resolution_ms,
    };
    let mut writer = BlockWriter::new(files, &options, origin)?;
    let all = SelectRequest {
        matchers: Vec::new(),
        range: TimeRange::ALL,
    };
    let mut samples = Arc::clone(block).select(&all).await?;
    while let Some(series) = samples.try_next().await? {
        writer.push(series).await?;
    }
    writer.finish().await
}
