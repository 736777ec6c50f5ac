//! Small blocks on a local store, and a bucket beside it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use narthex_block::{
    Block, PageCache, SLICE_MS, TimeBounds, Ulid, WriteOptions, compact, downsample, write,
};
use narthex_bucket::{Bucket, BucketConfig, BucketError, BucketOptions, Provider, Settings};
use narthex_model::{Labels, PromDuration, SimulatedClock};
use narthex_storage::{SelectRequest, Series, TimeRange};
use narthex_tsdb::RemoteBlocks;
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::path::Path;
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::sync::watch;

/// What time it is when a test begins. In-memory stores take the real time for what is written,
/// so tests that look at ages set the clock far ahead of it.
pub(crate) const NOW_MS: i64 = 4_102_444_800_000;

pub(crate) const HOUR_MS: i64 = 3_600_000;
/// What a request may take where a test means no other bound: more than any does on a machine that
/// stands still for a while.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3_600);

/// The disk: blocks, and the store that they lie on.
#[derive(Debug, Clone)]
pub(crate) struct Disk {
    store: Arc<dyn ObjectStore>,
    pages: Arc<PageCache>,
    pub(crate) blocks: Vec<Arc<Block>>,
    names: u64,
}

/// Samples by labels.
pub(crate) type Samples = BTreeMap<String, Vec<(i64, u64)>>;

impl Disk {
    pub(crate) fn new() -> Self {
        Self {
            store: Arc::new(InMemory::new()),
            pages: pages(),
            blocks: Vec::new(),
            names: 0,
        }
    }

    fn name(&mut self) -> Ulid {
        self.names += 1;
        Ulid::from_parts(1_700_000_000_000 + self.names, u128::from(self.names))
    }

    /// Publishes a block of the slice with this number.
    pub(crate) async fn cut(&mut self, slice: i64, series: usize, samples: i64) -> Arc<Block> {
        self.cut_with(slice, series, samples, |t| (t % 1_009) as f64 / 7.0)
            .await
    }

    /// The same, with other values.
    pub(crate) async fn cut_with(
        &mut self,
        slice: i64,
        series: usize,
        samples: i64,
        mut value: impl FnMut(i64) -> f64,
    ) -> Arc<Block> {
        let start_ms = slice * SLICE_MS;
        let all = (0..series).map(|number| {
            let number = format!("{number:06}");
            let labels = Labels::from_pairs([("__name__", "m"), ("id", number.as_str())]);
            let step_ms = SLICE_MS / samples;
            let times: Vec<i64> = (0..samples).map(|n| start_ms + n * step_ms).collect();
            let values: Vec<f64> = times.iter().map(|t| value(*t)).collect();
            Series::of_numbers(labels, times, values)
        });
        let options = WriteOptions {
            ulid: self.name(),
            range: TimeBounds {
                start_ms,
                end_ms: start_ms + SLICE_MS,
            },
            slice_ms: SLICE_MS,
            sources: Vec::new(),
        };
        let folder = Path::from(options.ulid.to_string());
        let written = write(self.store.as_ref(), &folder, all, &options).await;
        assert!(written.unwrap().is_some());
        let block = self.open(options.ulid).await;
        self.blocks.push(Arc::clone(&block));
        block
    }

    /// Makes one block of the oldest ones.
    pub(crate) async fn compact(&mut self, count: usize) -> Arc<Block> {
        self.blocks.sort_by_key(|block| block.meta().range.start_ms);
        let parents: Vec<Arc<Block>> = self.blocks.drain(..count).collect();
        let ulid = self.name();
        let folder = Path::from(ulid.to_string());
        compact(self.store.as_ref(), &folder, &parents, ulid)
            .await
            .unwrap();
        let block = self.open(ulid).await;
        self.blocks.push(Arc::clone(&block));
        block
    }

    /// Makes one block of all of them, of windows of five minutes, and leaves it beside them.
    pub(crate) async fn downsample(&mut self) -> Arc<Block> {
        let ulid = self.name();
        let folder = Path::from(ulid.to_string());
        let store = self.store.as_ref();
        let made = downsample(store, &folder, &self.blocks, ulid, 300_000).await;
        assert!(made.unwrap().is_some());
        self.open(ulid).await
    }

    async fn open(&self, ulid: Ulid) -> Arc<Block> {
        let folder = Path::from(ulid.to_string());
        let block = Block::open(Arc::clone(&self.store), &folder, &self.pages).await;
        Arc::new(block.unwrap())
    }
}

pub(crate) fn pages() -> Arc<PageCache> {
    Arc::new(PageCache::new(16 << 20))
}

/// A bucket on a store, and where it keeps what it read.
pub(crate) struct Beside {
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) clock: SimulatedClock,
    folder: Arc<TempDir>,
    store: Arc<dyn ObjectStore>,
    retention: PromDuration,
    timeout: Duration,
}

impl Beside {
    pub(crate) async fn open(store: Arc<dyn ObjectStore>) -> Self {
        Self::open_within(store, PATIENCE).await
    }

    /// One whose requests may take so long.
    pub(crate) async fn open_within(store: Arc<dyn ObjectStore>, timeout: Duration) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        Self::begin(store, folder, PromDuration::default(), NOW_MS, timeout).await
    }

    pub(crate) async fn open_in(
        store: Arc<dyn ObjectStore>,
        folder: Arc<TempDir>,
        retention: PromDuration,
        now_ms: i64,
    ) -> Self {
        Self::begin(store, folder, retention, now_ms, PATIENCE).await
    }

    async fn begin(
        store: Arc<dyn ObjectStore>,
        folder: Arc<TempDir>,
        retention: PromDuration,
        now_ms: i64,
        timeout: Duration,
    ) -> Self {
        let clock = SimulatedClock::at(now_ms);
        let config = BucketConfig {
            provider: Provider::FileSystem,
            config: Settings::default(),
            prefix: String::new(),
            retention,
            delete_delay: PromDuration::from_secs(48 * 3_600),
            sync_interval: PromDuration::from_secs(60),
            cache_size: narthex_model::ByteSize::from_bytes(8 << 20),
        };
        let options = BucketOptions {
            timeout,
            ..BucketOptions::new(
                config,
                Arc::clone(&store),
                folder.path().to_owned(),
                pages(),
                Arc::new(clock.clone()),
            )
        };
        let bucket = Bucket::open(options, &mut Registry::default()).await;
        Self {
            bucket: bucket.unwrap(),
            clock,
            folder,
            store,
            retention,
            timeout,
        }
    }

    /// Ends the process and starts another one; the disk is another one as well where `is_empty`.
    pub(crate) async fn restart(self, is_empty: bool) -> Self {
        self.bucket.close().await;
        let folder = match is_empty {
            true => Arc::new(TempDir::new().unwrap()),
            false => Arc::clone(&self.folder),
        };
        let now_ms = narthex_model::Clock::now_ms(&self.clock);
        let store = Arc::clone(&self.store);
        Self::begin(store, folder, self.retention, now_ms, self.timeout).await
    }

    pub(crate) async fn sync(&self, disk: &Disk) -> Result<(), BucketError> {
        let (_stop, stopping) = watch::channel(false);
        self.bucket.sync(&disk.blocks, &stopping).await
    }

    /// What the bucket alone answers.
    pub(crate) async fn samples(&self) -> Result<Samples, String> {
        let blocks = self.bucket.blocks().ok_or("nobody knows")?;
        samples(&blocks).await
    }
}

/// Every sample of blocks, none of which may be there twice.
pub(crate) async fn samples(blocks: &[Arc<Block>]) -> Result<Samples, String> {
    let mut all = Samples::new();
    let request = SelectRequest {
        matchers: Vec::new(),
        range: TimeRange::ALL,
    };
    for block in blocks {
        let read = async {
            let series = Arc::clone(block).select(&request).await?;
            series.try_collect::<Vec<Series>>().await
        };
        let read = read.await.map_err(|error| error.to_string())?;
        for series in read {
            let values = series.values.iter().map(|value| value.to_bits());
            let found = all.entry(series.labels.to_string()).or_default();
            found.extend(series.timestamps.iter().copied().zip(values));
        }
    }
    for (labels, samples) in &mut all {
        samples.sort_unstable();
        let is_once = samples.is_sorted_by(|a, b| a.0 < b.0);
        assert!(is_once, "{labels} has a sample twice");
    }
    Ok(all)
}
