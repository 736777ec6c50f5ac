//! One piece of work: blocks are fetched and checked, one is made of them on the local disk, and it
//! is brought to the bucket under the lease of its group, `meta.json` last.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use narthex_block::{
    Block, BlockError, BlockMeta, DiskStore, Fault, FileMeta, META_FILE, PageCache, Parent, Ulid,
};
use narthex_model::Clock;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::CompactError;
use super::group::Group;
use super::lease::{Fate, Lease, Leases};
use super::metrics::Metrics;
use super::scratch::{Scratch, Workshop};
use super::view::{Seen, reason};
use crate::BucketError;
use crate::access::{Access, Digest};
use crate::folder::file_of;

/// Bytes that are read or sent at a time. Every store takes parts of 8 MiB.
const PART_BYTES: u64 = 8 << 20;

/// `meta.json` of a block is not longer than this, as in the inventory.
const META_BYTES_MAX: u64 = 64 << 20;

/// A file is read so often before it counts as damaged: the way to it may be at fault.
const READS_MAX: usize = 2;

/// Makes blocks.
#[derive(Debug)]
pub(crate) struct Maker {
    pub(crate) access: Access,
    pub(crate) leases: Leases,
    pub(crate) workshop: Arc<Workshop>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Arc<Metrics>,
    /// Decoded pages of the blocks that are read.
    pub(crate) pages: Arc<PageCache>,
    pub(crate) owner: Ulid,
    pub(crate) names: Arc<AtomicU64>,
}

/// What is to be made.
#[derive(Debug)]
pub(crate) struct Order<'a> {
    pub(crate) group: &'a Group,
    /// Of these; the first one counts where several have a sample.
    pub(crate) parents: Vec<&'a Seen>,
    /// Windows of this length, unless the parents become one as they are.
    pub(crate) resolution_ms: Option<i64>,
    /// Blocks in whose place it stands beside those that it is made of.
    pub(crate) instead_of: Vec<&'a Seen>,
}

impl Maker {
    fn name(&self) -> Ulid {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        let now_ms = u64::try_from(self.clock.now_ms()).unwrap_or_default();
        let random = self.owner.random().wrapping_add(u128::from(number));
        Ulid::from_parts(now_ms, random)
    }

    /// Makes a block and publishes it; `None` where nothing is left of its parents' samples.
    ///
    /// # Errors
    /// It could not be made, or nobody knows whether it is in the bucket: then whoever has the
    /// group next finds out.
    pub(crate) async fn make(
        &self,
        lease: &Lease,
        order: &Order<'_>,
    ) -> Result<Option<Ulid>, CompactError> {
        let name = self.name();
        let bytes: u64 = order.parents.iter().map(|seen| seen.meta.size()).sum();
        // What is made of blocks is not larger than they are together.
        let scratch = self.workshop.scratch(name, bytes.saturating_mul(2))?;
        lease.announce(name).await?;
        let written = self.write(&scratch, order, name).await;
        let mut meta = match written {
            Ok(Some(meta)) => meta,
            none => {
                forget(lease, name).await;
                return none.map(|_| None);
            }
        };
        complete(&mut meta, order);
        if let Err(error) = self.send(&scratch, &meta, name).await {
            self.discard(&meta, name).await;
            forget(lease, name).await;
            return Err(error);
        }
        self.publish(lease, &meta, name).await?;
        forget(lease, name).await;
        Ok(Some(name))
    }

    /// Fetches the parents and writes the block into the scratch folder.
    async fn write(
        &self,
        scratch: &Arc<Scratch>,
        order: &Order<'_>,
        name: Ulid,
    ) -> Result<Option<BlockMeta>, CompactError> {
        let mut parents = Vec::with_capacity(order.parents.len());
        for seen in &order.parents {
            parents.push(self.fetch(scratch, seen.block).await?);
        }
        let names: Vec<Ulid> = order.parents.iter().map(|seen| seen.block).collect();
        let (resolution_ms, held) = (order.resolution_ms, Arc::clone(scratch));
        let (stop, stopping) = watch::channel(());
        let runtime = Handle::current();
        let job = move || {
            let folder = held.path_of(name);
            let work = async {
                tokio::select! {
                    biased;
                    () = dropped(stopping) => None,
                    written = write_block(&held, &folder, &parents, name, resolution_ms) => Some(written),
                }
            };
            runtime.block_on(work)
        };
        let written = tokio::task::spawn_blocking(job).await;
        drop(stop);
        match written.map_err(CompactError::Task)? {
            Some(Ok(meta)) => Ok(meta),
            Some(Err(error)) => Err(blame(error, &names)),
            None => Err(CompactError::Stopped),
        }
    }

    /// Brings a block to the scratch folder, every byte of it checked.
    async fn fetch(&self, scratch: &Scratch, block: Ulid) -> Result<Arc<Block>, CompactError> {
        let folder = scratch.path_of(block);
        let path = file_of(block, META_FILE);
        let text = match self.access.get(&path, META_BYTES_MAX).await {
            Err(error) if error.is_absent() => return Err(CompactError::Gone { block }),
            text => text?,
        };
        let unfit = |error: BlockError| CompactError::Unfit {
            block,
            reason: format!("{}: {}", error.file, reason(&error.fault)),
        };
        let meta = BlockMeta::parse(&text, &block.to_string()).map_err(unfit)?;
        for (name, file) in &meta.files {
            self.fetch_file(scratch, block, name, file).await?;
        }
        let into = folder.clone().join(META_FILE);
        let put = scratch.store.put(&into, text.into()).await;
        put.map_err(CompactError::scratch("write", &into))?;
        let store: Arc<dyn ObjectStore> = Arc::clone(&scratch.store) as _;
        let opened = Block::open(store, &folder, &self.pages).await;
        // The bytes are those of the bucket; the disk may be at fault.
        Ok(Arc::new(opened.map_err(|error| blame(error, &[block]))?))
    }

    async fn fetch_file(
        &self,
        scratch: &Scratch,
        block: Ulid,
        name: &str,
        file: &FileMeta,
    ) -> Result<(), CompactError> {
        let expected = digest_of(block, name, file)?;
        for _ in 0..READS_MAX {
            if self.copy(scratch, block, name, file.size).await? == expected {
                return Ok(());
            }
        }
        Err(CompactError::Unfit {
            block,
            reason: format!("{name}: the bytes in the bucket do not match their checksum"),
        })
    }

    async fn copy(
        &self,
        scratch: &Scratch,
        block: Ulid,
        name: &str,
        size: u64,
    ) -> Result<Digest, CompactError> {
        let (from, into) = (file_of(block, name), scratch.path_of(block).join(name));
        let upload = scratch.store.put_multipart(&into).await;
        let mut upload = upload.map_err(CompactError::scratch("make", &into))?;
        let mut digest = Digest { size: 0, crc32c: 0 };
        while digest.size < size {
            let end = size.min(digest.size + PART_BYTES);
            let wanted = end - digest.size;
            let bytes = match self.access.get_range(&from, digest.size..end).await {
                Err(error) if error.is_absent() => return Err(CompactError::Gone { block }),
                bytes => bytes?,
            };
            if bytes.len() as u64 != wanted {
                // The answer was cut short; what is in the bucket has the right length.
                let path = from.to_string();
                return Err(BucketError::Different { path }.into());
            }
            self.metrics.fetched_bytes.inc_by(wanted);
            digest.crc32c = crc32c::crc32c_append(digest.crc32c, &bytes);
            digest.size = end;
            let put = upload.put_part(bytes.into()).await;
            put.map_err(CompactError::scratch("write", &into))?;
        }
        let done = upload.complete().await;
        done.map_err(CompactError::scratch("write", &into))?;
        Ok(digest)
    }

    /// Sends all files but `meta.json`, and reads each back.
    async fn send(
        &self,
        scratch: &Scratch,
        meta: &BlockMeta,
        block: Ulid,
    ) -> Result<(), CompactError> {
        for (name, file) in &meta.files {
            let expected = digest_of(block, name, file)?;
            let (from, path) = (
                scratch.path_of(block).join(name.as_str()),
                file_of(block, name),
            );
            let store = &scratch.store;
            if file.size <= PART_BYTES {
                let bytes = store.get_range(&from, 0..file.size).await;
                let bytes = bytes.map_err(CompactError::scratch("read", &from))?;
                self.access.put(&path, bytes).await?;
            } else {
                let mut next = 0;
                let from = &from;
                let part = || {
                    let range = next..file.size.min(next + PART_BYTES);
                    next = range.end;
                    (!range.is_empty()).then(|| read(store, from, range))
                };
                self.access.put_parts(&path, part).await?;
            }
            self.metrics.uploaded_bytes.inc_by(file.size);
            if self.access.digest(&path).await? != Some(expected) {
                let path = path.to_string();
                return Err(BucketError::Different { path }.into());
            }
        }
        Ok(())
    }

    /// Makes the block one, unless its name was closed.
    async fn publish(
        &self,
        lease: &Lease,
        meta: &BlockMeta,
        block: Ulid,
    ) -> Result<(), CompactError> {
        let text = Bytes::from(meta.document().map_err(CompactError::Write)?);
        let path = file_of(block, META_FILE);
        let expected = Digest {
            size: text.len() as u64,
            crc32c: crc32c::crc32c(&text),
        };
        lease.check().await?;
        let put = async {
            if !self.access.put_new(&path, text).await? {
                return Ok(false);
            }
            match self.access.digest(&path).await? == Some(expected) {
                true => Ok(true),
                false => Err(BucketError::Different {
                    path: path.to_string(),
                }),
            }
        };
        match put.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(lease.lost()),
            // It may be there, come later, or be there in part: one of them is to be true.
            Err(error) => match self.leases.close(block).await? {
                Fate::Published => Ok(()),
                Fate::Fenced => Err(error.into()),
            },
        }
    }

    /// Removes what was sent of a block that will never be one. What cannot be removed is a
    /// leftover as after a crash.
    async fn discard(&self, meta: &BlockMeta, block: Ulid) {
        for name in meta.files.keys() {
            if let Err(error) = self.access.delete(&file_of(block, name)).await {
                tracing::debug!(%block, %error, "a leftover stays in the bucket");
                return;
            }
        }
    }
}

fn read<'a>(
    store: &'a DiskStore,
    from: &'a Path,
    range: Range<u64>,
) -> BoxFuture<'a, Result<Bytes, BucketError>> {
    let read = async move {
        let bytes = store.get_range(from, range).await;
        bytes.map_err(BucketError::store("read", from.to_string()))
    };
    read.boxed()
}

/// Takes an announcement back; who comes next finds nothing amiss where that fails.
async fn forget(lease: &Lease, block: Ulid) {
    if let Err(error) = lease.retract(block).await {
        tracing::debug!(%block, %error, "an announcement stays in the bucket");
    }
}

/// Resolves when the sender is gone.
async fn dropped(mut sender: watch::Receiver<()>) {
    while sender.changed().await.is_ok() {}
}

async fn write_block(
    scratch: &Scratch,
    folder: &Path,
    parents: &[Arc<Block>],
    name: Ulid,
    resolution_ms: Option<i64>,
) -> Result<Option<BlockMeta>, BlockError> {
    let store = scratch.store.as_ref();
    match resolution_ms {
        None => narthex_block::compact(store, folder, parents, name)
            .await
            .map(Some),
        Some(resolution_ms) => {
            narthex_block::downsample(store, folder, parents, name, resolution_ms).await
        }
    }
}

/// What a block says that the disk does not know: whose it is, and in whose place it stands.
fn complete(meta: &mut BlockMeta, order: &Order<'_>) {
    meta.labels.clone_from(&order.group.labels);
    let Some(made) = &mut meta.compaction else {
        return;
    };
    for seen in &order.instead_of {
        made.parents.push(Parent {
            ulid: seen.meta.ulid.clone(),
            range: seen.meta.range,
        });
        let before = seen.meta.compaction.iter().flat_map(|made| &made.parents);
        made.parents.extend(before.cloned());
    }
}

/// Whose fault it is that blocks did not become one.
fn blame(error: BlockError, parents: &[Ulid]) -> CompactError {
    if matches!(error.fault, Fault::Store(_) | Fault::Stalled { .. }) {
        return CompactError::Write(error);
    }
    let mut blamed = parents.iter();
    let blamed = blamed.find(|parent| parent.to_string() == error.block);
    let why = format!("{}: {}", error.file, reason(&error.fault));
    match (blamed, &error.fault) {
        (Some(block), _) => CompactError::Unfit {
            block: *block,
            reason: why,
        },
        (None, Fault::Format(_)) => CompactError::Apart {
            blocks: parents.to_vec(),
            reason: why,
        },
        (None, _) => CompactError::Write(error),
    }
}

fn digest_of(block: Ulid, name: &str, file: &FileMeta) -> Result<Digest, CompactError> {
    let crc32c = u32::from_str_radix(&file.crc32c, 16);
    Ok(Digest {
        size: file.size,
        crc32c: crc32c.map_err(|_| CompactError::Unfit {
            block,
            reason: format!("{name}: meta.json has no checksum of it"),
        })?,
    })
}
