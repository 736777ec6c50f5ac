//! A store on a disk that crashes and a bucket beside it: all that is left of them when a process
//! dies, and the process that comes after.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use futures::TryStreamExt;
use narthex_block::{BlockMeta, META_FILE, PageCache};
use narthex_bucket::{
    Bucket, BucketConfig, BucketError, BucketOptions, MARK_FILE, Provider, Settings,
};
use narthex_disk::{CrashDisk, Disk};
use narthex_head::SyncMode;
use narthex_model::{
    ByteSize, Labels, PromDuration, Sample, SeriesRef, SimulatedClock, WriteBatch,
};
use narthex_storage::{Appendable, Queryable, SelectRequest, Series, TimeRange};
use narthex_tsdb::{RemoteBlocks, Retention, Tsdb, TsdbOptions};
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt};
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::fixture::{NOW_MS, PATIENCE};
use crate::mortal::Mortal;

/// What a cut block is long.
pub(crate) const BLOCK_MS: i64 = 100_000;

/// From one batch to the next.
const STEP_MS: i64 = 20_000;

/// What stays on the disk before the end of the newest block, and what stays in the bucket.
const LOCAL_MS: i64 = 2 * BLOCK_MS;
const KEPT_MS: i64 = 7 * BLOCK_MS;

/// How long the bucket keeps what was marked.
pub(crate) const DELAY_MS: i64 = 2 * BLOCK_MS;

/// Samples by labels, values as bits.
type Samples = BTreeMap<String, Vec<(i64, u64)>>;

/// What outlives a process, and what it has promised.
pub(crate) struct World {
    pub(crate) disk: CrashDisk,
    pub(crate) store: Mortal,
    /// Where the process keeps what it knows of the bucket.
    cache: TempDir,
    pub(crate) now_ms: i64,
    pub(crate) acknowledged: Samples,
}

/// What a process finds of the copies that it made of what the bucket has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// All of them.
    All,
    /// One of them was being written.
    Torn,
    /// It is another machine.
    Nothing,
}

fn length(ms: i64) -> PromDuration {
    PromDuration::from_millis(ms.unsigned_abs())
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            disk: CrashDisk::new(7),
            store: Mortal::new(InMemory::new()),
            cache: TempDir::new().unwrap(),
            now_ms: NOW_MS / BLOCK_MS * BLOCK_MS,
            acknowledged: Samples::new(),
        }
    }

    /// What there would be if the process died now.
    pub(crate) fn fork(&self, known: Known) -> Self {
        let cache = TempDir::new().unwrap();
        if known != Known::Nothing {
            copy_metas(self.cache.path(), cache.path(), known);
        }
        Self {
            disk: self.disk.fork(),
            store: Mortal::new(self.store.inner.fork()),
            cache,
            now_ms: self.now_ms,
            acknowledged: self.acknowledged.clone(),
        }
    }

    /// Starts a process.
    pub(crate) async fn start(&self) -> Process {
        let clock = SimulatedClock::at(self.now_ms);
        let tsdb = self.open(&clock);
        let config = BucketConfig {
            provider: Provider::FileSystem,
            config: Settings::default(),
            prefix: String::new(),
            retention: length(KEPT_MS),
            delete_delay: length(DELAY_MS),
            sync_interval: PromDuration::from_secs(60),
            cache_size: ByteSize::from_bytes(8 << 20),
        };
        let pages = Arc::new(PageCache::new(16 << 20));
        let store: Arc<dyn ObjectStore> = Arc::new(self.store.clone());
        let folder = self.cache.path().to_owned();
        // Requests wait while a test plays what comes of a death in the middle of them.
        let options = BucketOptions {
            timeout: PATIENCE,
            ..BucketOptions::new(config, store, folder, pages, Arc::new(clock.clone()))
        };
        let bucket = Bucket::open(options, &mut Registry::default()).await;
        let bucket = bucket.unwrap();
        tsdb.attach(Arc::clone(&bucket) as _);
        Process {
            tsdb,
            bucket,
            clock,
        }
    }

    fn open(&self, clock: &SimulatedClock) -> Arc<Tsdb> {
        let options = TsdbOptions {
            min_block_duration: length(BLOCK_MS),
            max_block_duration: Some(length(3 * BLOCK_MS)),
            retention: Retention::new(length(LOCAL_MS), ByteSize::default(), 0.0),
            wal_segment_bytes: 2_000,
            page_cache_bytes: 1 << 20,
            wal_sync: SyncMode::EachAppend,
            ..TsdbOptions::new("", Arc::new(clock.clone()))
        };
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        Tsdb::open_on(disk, options, &mut Registry::default()).unwrap()
    }

    /// A block's time goes by.
    pub(crate) fn append(&mut self, process: &Process) {
        for _ in 0..BLOCK_MS / STEP_MS {
            self.now_ms += STEP_MS;
            let pod = format!("pod_{}", self.now_ms / (2 * BLOCK_MS));
            let samples = ["a", pod.as_str()].map(|name| Sample {
                series: SeriesRef::UNKNOWN,
                labels: Labels::from_pairs([("__name__", name), ("job", "x")]),
                timestamp_ms: self.now_ms,
                value: self.now_ms as f64 * 0.1,
            });
            for sample in &samples {
                let series = self.acknowledged.entry(sample.labels.to_string());
                let samples = series.or_default();
                samples.push((sample.timestamp_ms, sample.value.to_bits()));
            }
            let batch = WriteBatch::from(samples.to_vec());
            assert!(process.tsdb.append(&batch).unwrap().rejected.is_empty());
        }
        process.clock.set(self.now_ms);
    }

    /// Time goes by in which nothing comes.
    pub(crate) fn wait(&mut self, process: &Process, by_ms: i64) {
        self.now_ms += by_ms;
        process.clock.set(self.now_ms);
    }

    /// A reader finds each sample once, all that are kept, and none from nowhere.
    pub(crate) async fn check(&self, process: &Process, story: &str) {
        let found = process.read().await;
        let found = found.unwrap_or_else(|error| panic!("{story}: {error}"));
        self.compare(&found, self.now_ms - KEPT_MS, i64::MAX, story);
    }

    /// As [`Self::check`], where a process may not know yet what there is, and says so.
    pub(crate) async fn check_or_unknown(&self, process: &Process, story: &str) {
        if process.bucket.blocks().is_some() {
            return self.check(process, story).await;
        }
        let error = process.read().await.unwrap_err();
        assert_eq!(
            error, "the blocks in the bucket are not known yet",
            "{story}"
        );
    }

    fn compare(&self, found: &Samples, from_ms: i64, until_ms: i64, story: &str) {
        for (series, samples) in found {
            let ascends = samples.is_sorted_by(|a, b| a.0 < b.0);
            assert!(ascends, "{story}: {series} has a sample twice");
            let known = &self.acknowledged[series];
            let is_known = samples.iter().all(|sample| known.contains(sample));
            assert!(is_known, "{story}: {series} has a sample from nowhere");
        }
        for (series, samples) in &self.acknowledged {
            let held = found.get(series).map(Vec::as_slice).unwrap_or_default();
            let kept = samples
                .iter()
                .filter(|(at, _)| *at >= from_ms && *at < until_ms);
            for sample in kept {
                assert!(held.contains(sample), "{story}: {series} lost {sample:?}");
            }
        }
    }

    /// Every block of the bucket is whole at every moment, whoever looks.
    pub(crate) async fn check_bucket(&self, story: &str) {
        let objects: BTreeMap<String, u64> = self.objects().await;
        for object in objects.keys() {
            let Some(name) = object.strip_suffix("/meta.json") else {
                continue;
            };
            let path = ObjectPath::from(object.as_str());
            let text = self.store.inner.get(&path).await.unwrap();
            // A torn one has no checksum and makes no block.
            let Ok(meta) = BlockMeta::parse(&text.bytes().await.unwrap(), name) else {
                continue;
            };
            for (file, expected) in &meta.files {
                let size = objects.get(&format!("{name}/{file}"));
                assert_eq!(size, Some(&expected.size), "{story}: {name}/{file}");
            }
        }
    }

    async fn objects(&self) -> BTreeMap<String, u64> {
        let listed: Vec<_> = self.store.inner.list(None).try_collect().await.unwrap();
        let sizes = listed.iter().map(|o| (o.location.to_string(), o.size));
        sizes.collect()
    }

    /// What the bucket has when all is done: blocks that answer, or that became too old a short
    /// while ago and are marked, and nothing else. Another machine finds there all that blocks ever
    /// had.
    pub(crate) async fn check_settled(&self, process: &Process, story: &str) {
        let objects = self.objects().await;
        let folders = objects.keys().filter_map(|object| object.split_once('/'));
        let folders: BTreeSet<String> = folders.map(|(folder, _)| folder.to_owned()).collect();
        let mut known = process.bucket.block_names();
        let marked = objects.keys().filter_map(|object| {
            let folder = object.strip_suffix(&format!("/{MARK_FILE}"))?;
            let is_whole = objects.contains_key(&format!("{folder}/{META_FILE}"));
            is_whole.then(|| folder.to_owned())
        });
        known.extend(marked);
        assert_eq!(folders, known, "{story}");
        let blocks = process.tsdb.local_blocks();
        let is_there = |block: &Arc<narthex_block::Block>| process.bucket.has(block);
        assert!(blocks.iter().all(is_there), "{story}: a block waits");
        let until_ms = blocks.iter().map(|block| block.meta().range.end_ms).max();
        let other = Self {
            disk: CrashDisk::new(0),
            cache: TempDir::new().unwrap(),
            store: self.store.clone(),
            now_ms: self.now_ms,
            acknowledged: self.acknowledged.clone(),
        };
        let process = other.start().await;
        process.sync().await.unwrap();
        let found = process.read().await.unwrap();
        let until_ms = until_ms.unwrap_or(i64::MIN);
        self.compare(&found, self.now_ms - KEPT_MS, until_ms, story);
        process.end().await;
    }
}

/// Copies what a process knows of the bucket.
fn copy_metas(from: &Path, to: &Path, known: Known) {
    let (from, to) = (from.join("meta"), to.join("meta"));
    std::fs::create_dir(&to).unwrap();
    let mut newest = None;
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copy = to.join(entry.file_name());
        std::fs::copy(entry.path(), &copy).unwrap();
        newest = newest.max(copy.extension().is_some().then_some(copy));
    }
    if let (Known::Torn, Some(newest)) = (known, newest) {
        let whole = std::fs::read(&newest).unwrap();
        std::fs::write(&newest, &whole[..whole.len() / 2]).unwrap();
    }
}

/// A process.
pub(crate) struct Process {
    pub(crate) tsdb: Arc<Tsdb>,
    pub(crate) bucket: Arc<Bucket>,
    clock: SimulatedClock,
}

impl Process {
    pub(crate) async fn sync(&self) -> Result<(), BucketError> {
        let (_stop, stopping) = watch::channel(false);
        self.bucket.sync(&self.tsdb.local_blocks(), &stopping).await
    }

    /// All samples that a query finds.
    async fn read(&self) -> Result<Samples, String> {
        let request = SelectRequest {
            matchers: Vec::new(),
            range: TimeRange::ALL,
        };
        let read = async {
            let found = self.tsdb.select(&request).await?;
            found.try_collect::<Vec<Series>>().await
        };
        let series = read.await.map_err(|error| error.to_string())?;
        let series = series.into_iter().map(|series| {
            let values = series.values.iter().map(|value| value.to_bits());
            let samples = series.timestamps.iter().copied().zip(values);
            (series.labels.to_string(), samples.collect())
        });
        Ok(series.collect())
    }

    /// Frees what an orderly end frees and a kill leaves to the system.
    pub(crate) async fn end(self) {
        let _ = self.tsdb.close().await;
        self.bucket.close().await;
    }
}
