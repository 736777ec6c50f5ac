//! Brings a block to the bucket: its files, read back one by one, and then `meta.json`, with which
//! it is there.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use narthex_block::{Block, BlockMeta, FileMeta, META_FILE, Ulid};

use crate::BucketError;
use crate::access::{Access, Digest};
use crate::folder::{Folder, file_of};
use crate::metrics::Metrics;

/// Bytes of one part of a large file. Every store takes parts of 8 MiB.
const PART_BYTES: u64 = 8 << 20;

/// Sends a block. What lies in the bucket already and is sound is not sent again, so an upload
/// goes on where one before it ended. Gives the `meta.json` that it put there, with the labels.
///
/// # Errors
/// The store failed, or what it says it has is not what was sent. The block is not in the bucket
/// then, or wholly.
pub(crate) async fn ship(
    access: &Access,
    (ulid, labels): (Ulid, &BTreeMap<String, String>),
    block: &Arc<Block>,
    there: &Folder,
    metrics: &Metrics,
) -> Result<Bytes, BucketError> {
    let meta = file_of(ulid, META_FILE);
    let mut is_hidden = false;
    for (name, file) in &block.meta().files {
        let expected = digest_of(name, file, ulid)?;
        let path = file_of(ulid, name);
        let is_there = there.files.get(name) == Some(&file.size);
        if is_there && access.digest(&path).await? == Some(expected) {
            continue;
        }
        if !is_hidden {
            // Nobody must find the block while a file of it is sent again.
            access.delete(&meta).await?;
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
    access.put(&meta, text.clone()).await?;
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
