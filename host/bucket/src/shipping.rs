//! Brings a block to the bucket: its files, read back one by one, and then `meta.json`, with which
//! it is there.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use narthex_block::{Block, BlockMeta, FileMeta, META_FILE, Ulid};
use object_store::path::Path;

use crate::BucketError;
use crate::access::{Access, Digest};
use crate::fence::is_fence;
use crate::folder::{Folder, file_of, folders, path_of};
use crate::inventory::META_BYTES_MAX;
use crate::metrics::Metrics;

/// Bytes of one part of a large file. Every store takes parts of 8 MiB.
const PART_BYTES: u64 = 8 << 20;

/// Sends a block. What lies in the bucket already and is sound is not sent again, so an upload
/// goes on where one before it ended. Gives the `meta.json` that it put there, with the labels.
///
/// `there` is what a listing showed of the block at `now_ms`.
///
/// # Errors
/// The store failed, or what it says it has is not what was sent, or somebody has closed the name
/// of the block. The block is not in the bucket then, or wholly.
pub(crate) async fn ship(
    access: &Access,
    (ulid, labels): (Ulid, &BTreeMap<String, String>),
    block: &Arc<Block>,
    (there, now_ms): (&Folder, i64),
    metrics: &Metrics,
) -> Result<Bytes, BucketError> {
    let meta = file_of(ulid, META_FILE);
    let mut is_hidden = there.has_meta();
    if is_hidden {
        // A listing shows how old a fence is, and one of a while ago may show another one. One that
        // nobody needs any more is in the way for ever where nobody removes it.
        let now_there = folders(access.list_in(&path_of(ulid)).await?);
        let is_abandoned = |folder: &Folder| folder.is_abandoned(now_ms);
        let is_abandoned = now_there.get(&ulid).is_some_and(is_abandoned);
        hide(access, &meta, is_abandoned).await?;
    }
    for (name, file) in &block.meta().files {
        let expected = digest_of(name, file, ulid)?;
        let path = file_of(ulid, name);
        let is_there = there.files.get(name) == Some(&file.size);
        if is_there && access.digest(&path).await? == Some(expected) {
            continue;
        }
        if !is_hidden {
            // Nobody must find the block while a file of it is sent again.
            hide(access, &meta, false).await?;
            is_hidden = true;
        }
        send(access, ulid, block, name, file.size).await?;
        metrics.uploaded_bytes.inc_by(file.size);
        if access.digest(&path).await? != Some(expected) {
            let path = path.to_string();
            return Err(BucketError::Different { path });
        }
    }
    let text = document(block, labels).await?;
    publish(access, &meta, &text).await?;
    let expected = Digest {
        size: text.len() as u64,
        crc32c: crc32c::crc32c(&text),
    };
    match access.digest(&meta).await? == Some(expected) {
        true => Ok(text),
        false => Err(BucketError::Different {
            path: meta.to_string(),
        }),
    }
}

/// Removes what lies where `meta.json` is to be.
///
/// # Errors
/// The store failed, or it is a fence that is still needed.
async fn hide(access: &Access, meta: &Path, is_abandoned: bool) -> Result<(), BucketError> {
    let is_closed = match access.get(meta, META_BYTES_MAX).await {
        Ok(text) => is_fence(&text),
        Err(error) if error.is_absent() => return Ok(()),
        // A fence is small.
        Err(BucketError::TooLarge { .. }) => false,
        Err(error) => return Err(error),
    };
    if is_closed && !is_abandoned {
        let path = meta.to_string();
        return Err(BucketError::Closed { path });
    }
    access.delete(meta).await
}

/// Puts `meta.json` where there is nothing. Somebody may have closed the name while the files were
/// sent, and then removes some of them.
async fn publish(access: &Access, meta: &Path, text: &Bytes) -> Result<(), BucketError> {
    // A store that knows no conditions would overwrite the fence. With a look, only the moment
    // between the two is left.
    hide(access, meta, false).await?;
    let is_put = match access.put_new(meta, text.clone()).await {
        Err(error) if error.is_unsupported() => return access.put(meta, text.clone()).await,
        put => put?,
    };
    if is_put {
        return Ok(());
    }
    // It is a fence, or what was left of an upload before: torn, or with labels of then.
    hide(access, meta, false).await?;
    match access.put_new(meta, text.clone()).await? {
        true => Ok(()),
        false => Err(BucketError::Different {
            path: meta.to_string(),
        }),
    }
}

/// The `meta.json` of the bucket: that of the disk, and the labels, unless the block has its own.
async fn document(block: &Block, labels: &BTreeMap<String, String>) -> Result<Bytes, BucketError> {
    let text = block.meta_json().await?;
    let own = block.meta();
    if labels.is_empty() || !own.labels.is_empty() {
        return Ok(text);
    }
    let meta = BlockMeta {
        labels: labels.clone(),
        ..own.clone()
    };
    Ok(meta.document()?.into())
}

fn digest_of(name: &str, file: &FileMeta, ulid: Ulid) -> Result<Digest, BucketError> {
    let crc32c = u32::from_str_radix(&file.crc32c, 16);
    Ok(Digest {
        size: file.size,
        crc32c: crc32c.map_err(|_| BucketError::Different {
            path: file_of(ulid, name).to_string(),
        })?,
    })
}

async fn send(
    access: &Access,
    ulid: Ulid,
    block: &Arc<Block>,
    name: &str,
    size: u64,
) -> Result<(), BucketError> {
    let path = file_of(ulid, name);
    if size <= PART_BYTES {
        let bytes = block.file_bytes(name, 0..size).await?;
        return access.put(&path, bytes).await;
    }
    let mut next = 0;
    let part = || {
        let range = next..size.min(next + PART_BYTES);
        next = range.end;
        (!range.is_empty()).then(|| read(block, name, range))
    };
    access.put_parts(&path, part).await
}

fn read<'a>(
    block: &'a Arc<Block>,
    name: &'a str,
    range: Range<u64>,
) -> BoxFuture<'a, Result<Bytes, BucketError>> {
    async move { Ok(block.file_bytes(name, range).await?) }.boxed()
}
