//! Stores in temporary folders.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;
use narthex_model::{
    AppendReport, Labels, PromDuration, Sample, SeriesRef, SimulatedClock, WriteBatch,
};
use narthex_storage::{
    AppendError, Appendable, LabelsRequest, Queryable, SelectRequest, SeriesStream, StorageError,
    TimeRange, contract,
};
use prometheus_client::registry::Registry;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::{Retention, Tsdb, TsdbError, TsdbOptions};

/// Blocks of 100 s.
pub(crate) const BLOCK_MS: i64 = 100_000;

/// How a store is opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) block_ms: i64,
    /// The longest block; where it is as long as a cut one, nothing is compacted.
    pub(crate) longest_ms: i64,
    pub(crate) retention: Retention,
    pub(crate) now_ms: i64,
}

impl From<i64> for Setup {
    fn from(block_ms: i64) -> Self {
        Self {
            block_ms,
            longest_ms: block_ms,
            retention: Retention::default(),
            now_ms: i64::MAX / 2,
        }
    }
}

impl Setup {
    /// Blocks of 100 s become blocks of 300 s, and those of 900 s.
    pub(crate) fn compacting() -> Self {
        Self {
            longest_ms: 9 * BLOCK_MS,
            ..Self::from(BLOCK_MS)
        }
    }
}

/// A store, the folder it lies in, and what it tells of itself.
pub(crate) struct Store {
    pub(crate) tsdb: Arc<Tsdb>,
    pub(crate) folder: Arc<TempDir>,
    pub(crate) clock: SimulatedClock,
    pub(crate) registry: Registry,
    setup: Setup,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self::with_blocks_of(BLOCK_MS)
    }

    pub(crate) fn with_blocks_of(block_ms: i64) -> Self {
        Self::with(block_ms.into())
    }

    pub(crate) fn with(setup: Setup) -> Self {
        Self::open(Arc::new(TempDir::new().unwrap()), setup).unwrap()
    }

    pub(crate) fn open(folder: Arc<TempDir>, setup: impl Into<Setup>) -> Result<Self, TsdbError> {
        let setup = setup.into();
        let clock = SimulatedClock::at(setup.now_ms);
        let mut registry = Registry::default();
        let options = TsdbOptions {
            min_block_duration: PromDuration::from_millis(setup.block_ms.unsigned_abs()),
            max_block_duration: Some(PromDuration::from_millis(setup.longest_ms.unsigned_abs())),
            retention: setup.retention,
            wal_segment_bytes: 16 << 10,
            ..TsdbOptions::new(folder.path(), Arc::new(clock.clone()))
        };
        let tsdb = Tsdb::open(options, &mut registry)?;
        Ok(Self {
            tsdb,
            folder,
            clock,
            registry,
            setup,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Ends the store without closing it, as a kill does, and opens it again.
    pub(crate) fn crash(self) -> Self {
        self.crash_and(|| {})
    }

    /// As [`Self::crash`]; something happens to the folder before it is opened again.
    pub(crate) fn crash_and(self, meanwhile: impl FnOnce()) -> Self {
        // A kill closes the process's files; here the head has to be told to let go of them.
        self.tsdb.head.close().unwrap();
        let (folder, setup) = (Arc::clone(&self.folder), self.setup);
        // A stop leaves what was in memory, a kill does not.
        let snapshot = self.path().join("wal/chunk_snapshot");
        std::fs::remove_file(snapshot).unwrap();
        drop(self);
        meanwhile();
        Self::open(folder, setup).unwrap()
    }

    pub(crate) async fn reopen(self) -> Self {
        self.tsdb.close().await.unwrap();
        let (folder, setup) = (Arc::clone(&self.folder), self.setup);
        drop(self);
        Self::open(folder, setup).unwrap()
    }

    /// All samples, by labels.
    pub(crate) async fn samples(&self) -> std::collections::BTreeMap<String, Vec<(i64, u64)>> {
        contract::samples(self, vec![], TimeRange::ALL).await
    }

    /// The span of each block, in seconds.
    pub(crate) fn spans(&self) -> Vec<(i64, i64)> {
        let blocks = self.catalog.blocks();
        let ranges = blocks.iter().map(|block| block.meta().range);
        ranges
            .map(|range| (range.start_ms / 1_000, range.end_ms / 1_000))
            .collect()
    }

    /// Folders of blocks, sorted, unfinished ones included.
    pub(crate) fn folders(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names
            .filter(|name| name != "wal" && name != "lock")
            .collect();
        names.sort();
        names
    }

    /// Checks that the blocks readers see are sorted, lie side by side, and that there is no
    /// other folder.
    pub(crate) fn check_blocks(&self, when: &str) {
        let blocks = self.catalog.blocks();
        let apart = |a: &Arc<narthex_block::Block>, b: &Arc<narthex_block::Block>| {
            a.meta().range.end_ms <= b.meta().range.start_ms
        };
        assert!(blocks.is_sorted_by(apart), "{when}: {:?}", self.spans());
        let mut names: Vec<String> = blocks.iter().map(|b| b.meta().ulid.clone()).collect();
        names.sort();
        assert_eq!(self.folders(), names, "{when}");
    }

    /// What `/metrics` shows of one metric.
    pub(crate) fn metric(&self, line_start: &str) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let line = text.lines().find(|line| line.starts_with(line_start));
        let line = line.unwrap_or_else(|| panic!("no {line_start} in {text}"));
        line.rsplit(' ').next().unwrap().to_owned()
    }
}

/// Two readers that look at everything, over and over: one series with a sample each second from
/// 0 on, none missing, none twice, and never fewer than before.
pub(crate) struct Readers {
    done: Arc<AtomicBool>,
    readers: Vec<JoinHandle<usize>>,
}

impl Readers {
    pub(crate) fn of(store: &Store) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let readers = (0..2).map(|_| {
            let (tsdb, done) = (Arc::clone(&store.tsdb), Arc::clone(&done));
            tokio::spawn(async move {
                let (mut reads, mut seen) = (0, 0);
                // Once at least, however late its turn comes.
                while reads == 0 || !done.load(Ordering::SeqCst) {
                    let samples = contract::samples(&*tsdb, vec![], TimeRange::ALL).await;
                    let Some(points) = samples.values().next() else {
                        continue;
                    };
                    let times = points.iter().map(|(time, _)| *time);
                    let expected = (0..i64::try_from(points.len()).unwrap()).map(|i| i * 1_000);
                    assert!(times.eq(expected), "{points:?}");
                    assert!(points.len() >= seen, "{} after {seen}", points.len());
                    (reads, seen) = (reads + 1, points.len());
                }
                reads
            })
        });
        Self {
            readers: readers.collect(),
            done,
        }
    }

    /// Stops them; each has found something.
    pub(crate) async fn finish(self) {
        self.done.store(true, Ordering::SeqCst);
        for reader in self.readers {
            assert!(reader.await.unwrap() > 0);
        }
    }
}

/// A sample of the series `name`.
pub(crate) fn sample(name: &str, timestamp_ms: i64, value: f64) -> Sample {
    Sample {
        series: SeriesRef::UNKNOWN,
        labels: Labels::from_pairs([("__name__", name), ("job", "x")]),
        timestamp_ms,
        value,
    }
}

pub(crate) fn append(store: &impl Appendable, samples: Vec<Sample>) -> AppendReport {
    store.append(&WriteBatch::from(samples)).unwrap()
}

impl Deref for Store {
    type Target = Arc<Tsdb>;

    fn deref(&self) -> &Arc<Tsdb> {
        &self.tsdb
    }
}

impl Appendable for Store {
    fn append(&self, batch: &WriteBatch) -> Result<AppendReport, AppendError> {
        self.tsdb.append(batch)
    }
}

impl Queryable for Store {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        self.tsdb.select(request)
    }

    fn series<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        self.tsdb.series(request)
    }

    fn label_names<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        self.tsdb.label_names(request)
    }

    fn label_values<'a>(
        &'a self,
        name: &'a str,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        self.tsdb.label_values(name, request)
    }
}

/// A store that cuts what it can, and is closed and opened again, before every answer.
pub(crate) struct Restless(std::sync::Mutex<Option<Store>>);

impl Restless {
    pub(crate) fn new() -> Self {
        Self(std::sync::Mutex::new(Some(Store::with_blocks_of(500))))
    }

    async fn settled(&self) -> Arc<Tsdb> {
        let store = self.0.lock().unwrap().take().unwrap();
        store.maintain().await.unwrap();
        let store = store.reopen().await;
        let tsdb = Arc::clone(&store.tsdb);
        *self.0.lock().unwrap() = Some(store);
        tsdb
    }
}

impl Appendable for Restless {
    fn append(&self, batch: &WriteBatch) -> Result<AppendReport, AppendError> {
        let held = self.0.lock().unwrap();
        held.as_ref().unwrap().append(batch)
    }
}

impl Queryable for Restless {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        Box::pin(async move { self.settled().await.select(request).await })
    }

    fn series<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        Box::pin(async move { self.settled().await.series(request).await })
    }

    fn label_names<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        Box::pin(async move { self.settled().await.label_names(request).await })
    }

    fn label_values<'a>(
        &'a self,
        name: &'a str,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        Box::pin(async move { self.settled().await.label_values(name, request).await })
    }
}
