//! A bucket beside a store: one task looks at it, brings there what is new and removes what is
//! due; readers ask it which blocks there are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_recursion::async_recursion as boxed;
use narthex_block::{Block, PageCache, REQUEST_TIMEOUT, Remote, StretchCache, Ulid};
use narthex_model::{Clock, Labels};
use narthex_tsdb::RemoteBlocks;
use object_store::ObjectStore;
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::access::Access;
use crate::cleaning::{Rules, clean};
use crate::folder::{Folder, folders};
use crate::inventory::Inventory;
use crate::metas::Metas;
use crate::metered::Metered;
use crate::metrics::Metrics;
use crate::shipping::ship;
use crate::staged::Staged;
use crate::{BucketConfig, BucketError, StretchStore};

/// The first wait after something failed; it doubles up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_secs(5);

/// The longest wait after something failed.
const RETRY_MAX: Duration = Duration::from_secs(5 * 60);

/// The folders below the cache's.
pub(crate) const METAS: &str = "meta";
pub(crate) const STRETCHES: &str = "stretches";

/// How long to wait after so many failures, at least one, where `period` is the usual wait.
pub(crate) fn retry_wait(failures: u32, period: Duration) -> Duration {
    let doubled = RETRY_MIN.saturating_mul(1 << failures.min(16).saturating_sub(1));
    doubled.min(RETRY_MAX).min(period.max(RETRY_MIN))
}

/// How a bucket is opened.
#[derive(Debug, Clone)]
pub struct BucketOptions {
    /// What the owner chose.
    pub config: BucketConfig,
    /// The store, as [`crate::open_store`] makes it.
    pub store: Arc<dyn ObjectStore>,
    /// Where what was read is kept on the local disk.
    pub cache_folder: PathBuf,
    /// Where decoded pages are kept, which other blocks may share.
    pub pages: Arc<PageCache>,
    /// Tells how old things are.
    pub clock: Arc<dyn Clock>,
    /// How long a request may take; [`REQUEST_TIMEOUT`] unless there is a reason.
    pub timeout: Duration,
}

impl BucketOptions {
    /// The defaults.
    pub fn new(
        config: BucketConfig,
        store: Arc<dyn ObjectStore>,
        cache_folder: PathBuf,
        pages: Arc<PageCache>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            config,
            store,
            cache_folder,
            pages,
            clock,
            timeout: REQUEST_TIMEOUT,
        }
    }
}

/// An object store with blocks in it. See the crate's documentation.
#[derive(Debug)]
pub struct Bucket {
    config: BucketConfig,
    clock: Arc<dyn Clock>,
    inventory: Inventory,
    /// What uploads did not finish, where the bucket is a folder.
    staged: Option<Staged>,
    stretches: Arc<StretchStore>,
    /// What blocks are to be told from those of other servers by.
    labels: ArcSwap<BTreeMap<String, String>>,
    metrics: Arc<Metrics>,
}

impl Bucket {
    /// Opens the local side of a bucket; the store is not asked for anything yet. What an earlier
    /// process knew of the bucket answers queries until [`Self::sync`] was done.
    ///
    /// # Errors
    /// The folder of the cache cannot be used.
    #[boxed]
    pub async fn open(
        options: BucketOptions,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, BucketError> {
        let metrics = Metrics::register(registry);
        let folder = &options.cache_folder;
        let size = options.config.cache_size.as_bytes();
        let cache = folder.join(STRETCHES);
        let stretches = StretchStore::open(&cache, size, &metrics.reading).await?;
        let metas = Metas::open(&folder.join(METAS))?;
        let store = Metered::new(options.store, metrics.reading.operations.clone());
        let operations = metrics.reading.operations.clone();
        let access = Access::new(Arc::new(store), options.timeout, operations);
        let cache: Arc<dyn StretchCache> = Arc::clone(&stretches) as _;
        let remote = Remote::new(Arc::clone(access.store()), cache, options.timeout);
        let remote = Arc::new(remote);
        let shown = Arc::clone(&metrics);
        let inventory = Inventory::new(access, remote, options.pages, metas, shown);
        Ok(Arc::new(Self {
            staged: Staged::of(&options.config),
            config: options.config,
            clock: options.clock,
            inventory,
            stretches,
            labels: ArcSwap::default(),
            metrics,
        }))
    }

    /// The labels that are written beside what is brought to the bucket from here on: the external
    /// labels of the server. Blocks that are there keep theirs.
    pub fn set_labels(&self, labels: &Labels) {
        let pairs = labels.iter();
        let labels = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.labels.store(Arc::new(labels.collect()));
    }

    /// Looks at the bucket, brings blocks of `local` there that are not, the oldest first, and
    /// marks and removes what is due. `stopping` ends it between two blocks.
    ///
    /// # Errors
    /// The store failed, or a block could not be brought there; what could be done is done, and
    /// the next call goes on with the rest.
    #[boxed]
    pub async fn sync(
        &self,
        local: &[Arc<Block>],
        stopping: &watch::Receiver<bool>,
    ) -> Result<(), BucketError> {
        self.metrics.syncs.inc();
        let synced = self.try_sync(local, stopping).await;
        match &synced {
            Ok(()) => {
                let now_s = self.clock.now_ms() as f64 / 1_000.0;
                self.metrics.last_sync.set(now_s);
            }
            Err(_) => drop(self.metrics.sync_failures.inc()),
        }
        synced
    }

    async fn try_sync(
        &self,
        local: &[Arc<Block>],
        stopping: &watch::Receiver<bool>,
    ) -> Result<(), BucketError> {
        let folders = folders(self.inventory.access.list().await?);
        let rules = self.rules();
        self.inventory.refresh(&folders, rules.now_ms).await?;
        let waiting = self.waiting(local, rules);
        let mut failed = None;
        let nothing = Folder::default();
        for (done, (ulid, block)) in waiting.iter().enumerate() {
            let left = i64::try_from(waiting.len() - done).unwrap_or(i64::MAX);
            self.metrics.waiting.set(left);
            if *stopping.borrow() {
                return Ok(());
            }
            // One in its place may have come in the meantime.
            if !self.inventory.lacks(block) {
                continue;
            }
            let there = folders.get(ulid).unwrap_or(&nothing);
            if let Err(error) = self.upload(*ulid, block, (there, rules.now_ms)).await {
                self.metrics.upload_failures.inc();
                if !error.is_local() {
                    return Err(error);
                }
                let cause = std::error::Error::source(&error);
                tracing::error!(block = %ulid, %error, cause, "block cannot be brought to the bucket");
                failed.get_or_insert(error);
            }
        }
        let left = self.waiting(local, rules).len();
        let left = i64::try_from(left).unwrap_or(i64::MAX);
        self.metrics.waiting.set(left);
        let local = local.iter().filter_map(|block| name(block)).collect();
        clean(&self.inventory, &folders, &local, rules, &self.metrics).await?;
        failed.map_or(Ok(()), Err)
    }

    fn rules(&self) -> Rules {
        Rules {
            now_ms: self.clock.now_ms(),
            retention: self.config.retention,
            delete_delay: self.config.delete_delay,
        }
    }

    /// The local blocks that are to be brought to the bucket, oldest first.
    fn waiting(&self, local: &[Arc<Block>], rules: Rules) -> Vec<(Ulid, Arc<Block>)> {
        // A block with deleted samples is written anew first; what is in the bucket has none.
        let is_wanted = |block: &Block| {
            let is_old = rules.is_old(block.meta().range.end_ms);
            self.inventory.lacks(block) && !is_old && !block.has_tombstones()
        };
        let wanted = local.iter().filter(|block| is_wanted(block));
        let named = wanted.filter_map(|block| Some((name(block)?, Arc::clone(block))));
        let mut waiting: Vec<_> = named.collect();
        // Where there are only windows of samples, those were removed: they come after them.
        waiting.sort_by_key(|(_, block)| (!block.meta().is_raw(), block.meta().range.start_ms));
        waiting
    }

    async fn upload(
        &self,
        ulid: Ulid,
        block: &Arc<Block>,
        there: (&Folder, i64),
    ) -> Result<(), BucketError> {
        if let Some(staged) = &self.staged {
            staged.remove_of(ulid);
        }
        let access = &self.inventory.access;
        let labels = self.labels.load_full();
        let text = ship(access, (ulid, labels.as_ref()), block, there, &self.metrics).await?;
        self.inventory.add(ulid, &text).await?;
        self.metrics.uploads.inc();
        let bytes = block.meta().size();
        tracing::info!(block = %ulid, bytes, "block is in the bucket");
        Ok(())
    }

    /// Calls [`Self::sync`] again and again until `stopping` says so: after the time that the
    /// owner chose, sooner where something failed, and then less and less often.
    pub async fn run(
        &self,
        local: impl Fn() -> Arc<Vec<Arc<Block>>>,
        mut stopping: watch::Receiver<bool>,
    ) {
        if let Some(staged) = self.staged.clone() {
            let now_ms = self.clock.now_ms();
            // Nobody waits for it.
            drop(tokio::task::spawn_blocking(move || {
                staged.remove_old(now_ms)
            }));
        }
        let period = self.config.sync_interval.as_std();
        let mut failures = 0_u32;
        while !*stopping.borrow() {
            let blocks = local();
            let stop = stopping.clone();
            let synced = tokio::select! {
                synced = self.sync(&blocks, &stop) => synced,
                // A request that is under way is given up; the next process goes on from there.
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return,
            };
            drop(blocks);
            let wait = match synced {
                Ok(()) => {
                    if failures > 0 {
                        tracing::info!("the bucket can be used again");
                    }
                    failures = 0;
                    period
                }
                Err(error) => {
                    if failures == 0 {
                        let cause = std::error::Error::source(&error);
                        tracing::error!(%error, cause, "the bucket cannot be brought up to date");
                    }
                    failures = failures.saturating_add(1);
                    retry_wait(failures, period)
                }
            };
            tokio::select! {
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Writes what of the cache is only in memory. Blocks can still be read.
    #[boxed]
    pub async fn close(&self) {
        self.stretches.close().await;
    }

    /// The names of the blocks of the bucket that answer queries.
    pub fn block_names(&self) -> BTreeSet<String> {
        let visible = self.inventory.visible();
        let names = visible.iter().flat_map(|blocks| blocks.iter());
        names.map(|block| block.meta().ulid.clone()).collect()
    }
}

impl RemoteBlocks for Bucket {
    fn blocks(&self) -> Option<Arc<Vec<Arc<Block>>>> {
        self.inventory.visible()
    }

    fn has(&self, block: &Block) -> bool {
        // What is too old for the bucket is never brought there, and nothing waits for it.
        self.inventory.has(block) || self.rules().is_old(block.meta().range.end_ms)
    }
}

fn name(block: &Block) -> Option<Ulid> {
    Ulid::from_string(&block.meta().ulid).ok()
}
