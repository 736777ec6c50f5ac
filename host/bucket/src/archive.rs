//! A bucket that is only read: the blocks of many servers, as far as they are this process's.
//!
//! ```text
//! <prefix>/<ULID>/meta.json ...           blocks of one server
//! <prefix>/<name>/<ULID>/meta.json ...    those of servers that have a prefix each
//! ```
//!
//! One task looks at the bucket again and again: one listing, `meta.json` of the blocks that are
//! new, nothing of those that are known, also from an earlier process. Readers see what it saw last.
//! The files of a block are read when a query wants a part of them.
//!
//! It is not: somebody who changes a bucket. Nothing is ever written there or removed.

mod listing;
mod metrics;
mod partition;
mod shelves;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use async_recursion::async_recursion as boxed;
use futures::FutureExt;
use futures::future::BoxFuture;
use narthex_block::{REQUEST_TIMEOUT, Remote, StretchCache};
use narthex_model::{Clock, Labels, PromDuration};
use narthex_storage::{
    AdminError, LabelsRequest, Queryable, SelectRequest, SeriesStream, StorageAdmin, StorageError,
    StorageStats, StoredBlock, TimeRange, Wanted, Warnings,
};
use narthex_tsdb::LabelledBlocks;
use object_store::ObjectStore;
use prometheus_client::registry::Registry;
use tokio::sync::{Mutex, watch};

pub use self::partition::{Partition, TimeBound};

use self::metrics::ArchiveMetrics;
use self::shelves::Shelves;
use crate::access::Access;
use crate::bucket::{METAS, STRETCHES, retry_wait};
use crate::metas::Metas;
use crate::metered::Metered;
use crate::{BucketConfig, BucketError, StretchStore};

/// Why nothing of a bucket is changed here.
const READ_ONLY: &str = "a store of a bucket only reads it";

/// How an archive is opened.
#[derive(Debug, Clone)]
pub struct ArchiveOptions {
    /// What the owner chose. Its retention and its delay of deletion have no meaning here.
    pub config: BucketConfig,
    /// The store, as [`crate::open_store`] makes it.
    pub store: Arc<dyn ObjectStore>,
    /// Where what was read is kept on the local disk.
    pub cache_folder: PathBuf,
    /// How much of what was read is kept decoded in memory.
    pub page_cache_bytes: u64,
    /// Tells how old things are.
    pub clock: Arc<dyn Clock>,
    /// How long a request may take; [`REQUEST_TIMEOUT`] unless there is a reason.
    pub timeout: Duration,
    /// A block answers when it has been in the bucket for so long.
    pub consistency_delay: PromDuration,
    /// A block answers for so long after it was marked for deletion.
    pub mark_delay: PromDuration,
    /// Which blocks are this process's.
    pub partition: Partition,
}

impl ArchiveOptions {
    /// All blocks, as soon as they are there, until a day after they were marked.
    pub fn new(
        config: BucketConfig,
        store: Arc<dyn ObjectStore>,
        cache_folder: PathBuf,
        page_cache_bytes: u64,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            config,
            store,
            cache_folder,
            page_cache_bytes,
            clock,
            timeout: REQUEST_TIMEOUT,
            consistency_delay: PromDuration::default(),
            mark_delay: PromDuration::from_secs(24 * 3_600),
            partition: Partition::default(),
        }
    }
}

/// A bucket that is only read. See the module's documentation.
#[derive(Debug)]
pub struct Archive {
    sync_interval: Duration,
    partition: Partition,
    clock: Arc<dyn Clock>,
    /// Only the task that looks at the bucket takes it.
    shelves: Mutex<Shelves>,
    /// What readers see; `None` as long as nobody knows.
    visible: ArcSwapOption<LabelledBlocks>,
    is_synced: watch::Sender<bool>,
    stretches: Arc<StretchStore>,
    metrics: ArchiveMetrics,
}

impl Archive {
    /// Opens the local side; the store is not asked for anything yet, and queries are refused until
    /// [`Self::sync`] was done.
    ///
    /// # Errors
    /// The folder of the cache cannot be used.
    #[boxed]
    pub async fn open(
        options: ArchiveOptions,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, BucketError> {
        let metrics = ArchiveMetrics::register(registry);
        let size = options.config.cache_size.as_bytes();
        let cache = options.cache_folder.join(STRETCHES);
        let stretches = StretchStore::open(&cache, size, &metrics.reading).await?;
        let metas = Metas::open(&options.cache_folder.join(METAS))?;
        let operations = metrics.reading.operations.clone();
        let store = Arc::new(Metered::new(Arc::clone(&options.store), operations.clone()));
        let access = Access::new(store, options.timeout, operations);
        let cache: Arc<dyn StretchCache> = Arc::clone(&stretches) as _;
        let remote = Remote::new(Arc::clone(access.store()), cache, options.timeout);
        let sync_interval = options.config.sync_interval.as_std();
        let partition = options.partition.clone();
        let clock = Arc::clone(&options.clock);
        let shelves = Shelves::new(options, (access, Arc::new(remote)), metas, metrics.clone());
        Ok(Arc::new(Self {
            sync_interval,
            partition,
            clock,
            shelves: Mutex::new(shelves),
            visible: ArcSwapOption::empty(),
            is_synced: watch::Sender::new(false),
            stretches,
            metrics,
        }))
    }

    /// Looks at the bucket; readers see what it has from then on.
    ///
    /// # Errors
    /// The store failed. What was known before goes on to answer.
    #[boxed]
    pub async fn sync(&self) -> Result<(), BucketError> {
        self.metrics.syncs.inc();
        let mut shelves = self.shelves.lock().await;
        let now_ms = self.clock.now_ms();
        let blocks = shelves.sync(now_ms).await.inspect_err(|_| {
            self.metrics.sync_failures.inc();
        })?;
        let failures = self.metrics.read_failures.clone();
        let visible = LabelledBlocks::new(blocks, failures);
        self.visible.store(Some(Arc::new(visible)));
        self.metrics.last_sync.set(now_ms as f64 / 1_000.0);
        self.is_synced.send_replace(true);
        Ok(())
    }

    /// Calls [`Self::sync`] again and again until `stopping` says so: after the time that the owner
    /// chose, sooner where it failed, and then less and less often.
    #[boxed]
    pub async fn run(&self, mut stopping: watch::Receiver<bool>) {
        let mut failures = 0_u32;
        while !*stopping.borrow() {
            let synced = tokio::select! {
                synced = self.sync() => synced,
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return,
            };
            let wait = match synced {
                Ok(()) => {
                    if failures > 0 {
                        tracing::info!("the bucket can be read again");
                    }
                    failures = 0;
                    self.sync_interval
                }
                Err(error) => {
                    if failures == 0 {
                        let cause = std::error::Error::source(&error);
                        tracing::error!(%error, cause, "the bucket cannot be looked at");
                    }
                    failures = failures.saturating_add(1);
                    retry_wait(failures, self.sync_interval)
                }
            };
            tokio::select! {
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Waits until the bucket has been looked at once.
    #[boxed]
    pub async fn synced(&self) {
        let mut is_synced = self.is_synced.subscribe();
        // The sender is ours, so it is there.
        let _ = is_synced.wait_for(|is_synced| *is_synced).await;
    }

    /// The labels of each server that there are blocks of, with the time from its first to its last
    /// sample that is answered for.
    pub fn spans(&self) -> Vec<(Labels, TimeRange)> {
        let Some(visible) = self.visible.load_full() else {
            return Vec::new();
        };
        let spans = visible.spans().into_iter();
        let clamped = spans.map(|(labels, range)| (labels, self.clamped(range)));
        clamped
            .filter(|(_, range)| range.start_ms <= range.end_ms)
            .collect()
    }

    /// Writes what of the cache is only in memory. Blocks can still be read.
    #[boxed]
    pub async fn close(&self) {
        self.stretches.close().await;
    }

    fn known(&self) -> Result<Arc<LabelledBlocks>, StorageError> {
        self.visible.load_full().ok_or_else(|| StorageError::Read {
            context: "the blocks in the bucket are not known yet".to_owned(),
            source: "the bucket could not be looked at since the start".into(),
        })
    }

    /// As much of a range as this process answers for.
    fn clamped(&self, range: TimeRange) -> TimeRange {
        self.partition.clamped(range, self.clock.now_ms())
    }

    fn within(&self, request: &LabelsRequest) -> LabelsRequest {
        LabelsRequest {
            range: self.clamped(request.range),
            ..request.clone()
        }
    }
}

impl Queryable for Archive {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async move {
            let warnings = Warnings::default();
            self.select_with_warnings(request, &warnings).await
        }
        .boxed()
    }

    fn select_wanted<'a>(
        &'a self,
        request: &'a SelectRequest,
        wanted: Wanted,
        warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async move {
            let known = self.known()?;
            let request = SelectRequest {
                matchers: request.matchers.clone(),
                range: self.clamped(request.range),
            };
            known.select_wanted(&request, wanted, warnings).await
        }
        .boxed()
    }

    fn version(&self, range: TimeRange) -> Option<u64> {
        let clamped = self.clamped(range);
        let version = self.visible.load_full()?.version(clamped)?;
        // Where a bound cuts into the range, and goes with the clock, no two answers are the same.
        let mut hasher = DefaultHasher::new();
        (version, clamped.start_ms, clamped.end_ms).hash(&mut hasher);
        Some(hasher.finish())
    }

    fn resolution_ms(&self, range: TimeRange, max_resolution_ms: i64) -> i64 {
        let known = self.visible.load_full();
        let range = self.clamped(range);
        known.map_or(0, |known| known.resolution_ms(range, max_resolution_ms))
    }

    fn series<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        async move { self.known()?.series(&self.within(request)).await }.boxed()
    }

    fn series_with_warnings<'a>(
        &'a self,
        request: &'a LabelsRequest,
        warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        async move {
            let known = self.known()?;
            let request = self.within(request);
            known.series_with_warnings(&request, warnings).await
        }
        .boxed()
    }

    fn label_names<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        async move { self.known()?.label_names(&self.within(request)).await }.boxed()
    }

    fn label_values<'a>(
        &'a self,
        name: &'a str,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        async move {
            let known = self.known()?;
            known.label_values(name, &self.within(request)).await
        }
        .boxed()
    }
}

impl StorageAdmin for Archive {
    fn blocks(&self) -> Vec<StoredBlock> {
        let Some(visible) = self.visible.load_full() else {
            return Vec::new();
        };
        let shown = visible.blocks().map(|block| {
            let meta = block.meta();
            StoredBlock {
                ulid: meta.ulid.clone(),
                min_time_ms: meta.range.start_ms,
                max_time_ms: meta.range.end_ms,
                series: meta.stats.series,
                samples: meta.stats.samples,
                level: meta.level(),
                sources: meta.sources().to_vec(),
                version: meta.version,
            }
        });
        let mut shown: Vec<StoredBlock> = shown.collect();
        shown.sort_by_key(|block| block.min_time_ms);
        shown
    }

    fn stats(&self, _limit: usize) -> StorageStats {
        // It is told of the newest samples, and there are none beside those in blocks.
        StorageStats::default()
    }

    fn delete(
        self: Arc<Self>,
        _selectors: Vec<Vec<narthex_model::Matcher>>,
        _range: TimeRange,
    ) -> BoxFuture<'static, Result<(), AdminError>> {
        refused()
    }

    fn clean_tombstones(self: Arc<Self>) -> BoxFuture<'static, Result<(), AdminError>> {
        refused()
    }

    fn snapshot(
        self: Arc<Self>,
        _skips_head: bool,
    ) -> BoxFuture<'static, Result<String, AdminError>> {
        refused()
    }
}

fn refused<T: Send + 'static>() -> BoxFuture<'static, Result<T, AdminError>> {
    async { Err(AdminError::Refused(READ_ONLY.to_owned())) }.boxed()
}
