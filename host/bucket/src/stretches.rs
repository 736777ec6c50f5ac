//! What was read of the bucket, kept on the local disk and, as far as it is used often, in
//! memory. Both are bounded; what is used least goes. It outlives the process.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use foyer::{
    BlockEngineConfig, DeviceBuilder, FsDeviceBuilder, HybridCache, HybridCacheBuilder,
    HybridCachePolicy, RecoverMode,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use narthex_block::{StretchCache, StretchKey};
use prometheus_client::metrics::counter::Counter;

use crate::BucketError;
use crate::metrics::Reading;

/// Memory for stretches. Pages that were decoded are kept apart, so this is small.
const MEMORY_BYTES: usize = 32 << 20;

/// The disk is given back in pieces of this size, and less where the cache is small.
const PIECE_BYTES_MAX: usize = 16 << 20;

/// A piece is not smaller than this; a stretch must fit.
const PIECE_BYTES_MIN: usize = 1 << 20;

/// The cache has at least so many pieces.
const PIECES_MIN: usize = 8;

/// What a stretch takes beside its bytes.
const ENTRY_OVERHEAD_BYTES: usize = 64;

/// Stretches on the local disk.
#[derive(Debug)]
pub struct StretchStore {
    cache: HybridCache<String, Bytes>,
    hits: Counter,
    misses: Counter,
    hit_bytes: Counter,
}

impl StretchStore {
    /// Opens the cache in a folder, with what is left of an earlier process. It takes about
    /// `bytes_max` on the disk, and at least eight pieces of 1 MiB.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub(crate) async fn open(
        folder: &Path,
        bytes_max: u64,
        metrics: &Reading,
    ) -> Result<Arc<Self>, BucketError> {
        let failed = |source| BucketError::Cache {
            path: folder.to_owned(),
            source,
        };
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        let bytes_max = bytes_max.max(PIECES_MIN * PIECE_BYTES_MIN);
        let piece = (bytes_max / PIECES_MIN).clamp(PIECE_BYTES_MIN, PIECE_BYTES_MAX);
        std::fs::create_dir_all(folder).map_err(BucketError::io("create", folder))?;
        let device = FsDeviceBuilder::new(folder).with_capacity(bytes_max);
        let device = device.build().map_err(failed)?;
        let engine = BlockEngineConfig::new(device).with_block_size(piece);
        let cache = HybridCacheBuilder::new()
            .with_name("narthex-bucket")
            .with_policy(HybridCachePolicy::WriteOnInsertion)
            .memory(MEMORY_BYTES)
            .with_weighter(|key: &String, bytes: &Bytes| {
                key.len() + bytes.len() + ENTRY_OVERHEAD_BYTES
            })
            .storage()
            .with_engine_config(engine)
            // A piece that is not whole after a crash is left out.
            .with_recover_mode(RecoverMode::Quiet)
            .build()
            .await
            .map_err(failed)?;
        Ok(Arc::new(Self {
            cache,
            hits: metrics.cache_hits.clone(),
            misses: metrics.cache_misses.clone(),
            hit_bytes: metrics.cache_hit_bytes.clone(),
        }))
    }

    /// Writes what is only in memory. The files stay open until the runtime ends: tasks of the
    /// cache hold them, and one another.
    pub(crate) fn close(&self) -> BoxFuture<'_, ()> {
        let closed = self.cache.close();
        closed
            .map(|closed| {
                if let Err(error) = closed {
                    tracing::warn!(%error, "the cache of the bucket was not closed");
                }
            })
            .boxed()
    }
}

fn name(key: &StretchKey) -> String {
    format!("{}#{}", key.file, key.number)
}

impl StretchCache for StretchStore {
    fn get<'a>(&'a self, key: &'a StretchKey) -> BoxFuture<'a, Option<Bytes>> {
        async move {
            // A cache that cannot be read is as good as an empty one.
            let found = self.cache.get(&name(key)).await.ok().flatten();
            match &found {
                Some(entry) => {
                    self.hits.inc();
                    self.hit_bytes.inc_by(entry.value().len() as u64);
                }
                None => drop(self.misses.inc()),
            }
            found.map(|entry| entry.value().clone())
        }
        .boxed()
    }

    fn keep(&self, key: StretchKey, bytes: Bytes) {
        self.cache.insert(name(&key), bytes);
    }
}
