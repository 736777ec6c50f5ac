//! Stores in temporary folders.

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

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

use crate::{Tsdb, TsdbError, TsdbOptions};

/// Blocks of 100 s.
pub(crate) const BLOCK_MS: i64 = 100_000;

/// A store, the folder it lies in, and what it tells of itself.
pub(crate) struct Store {
    pub(crate) tsdb: Arc<Tsdb>,
    pub(crate) folder: Arc<TempDir>,
    pub(crate) clock: SimulatedClock,
    pub(crate) registry: Registry,
    block_ms: i64,
}

impl Store {
    pub(crate) fn new() -> Self {
        Self::with_blocks_of(BLOCK_MS)
    }

    pub(crate) fn with_blocks_of(block_ms: i64) -> Self {
        Self::open(Arc::new(TempDir::new().unwrap()), block_ms).unwrap()
    }

    pub(crate) fn open(folder: Arc<TempDir>, block_ms: i64) -> Result<Self, TsdbError> {
        let clock = SimulatedClock::at(i64::MAX / 2);
        let mut registry = Registry::default();
        let options = TsdbOptions {
            min_block_duration: PromDuration::from_millis(block_ms.unsigned_abs()),
            wal_segment_bytes: 16 << 10,
            ..TsdbOptions::new(folder.path(), Arc::new(clock.clone()))
        };
        let tsdb = Tsdb::open(options, &mut registry)?;
        Ok(Self {
            tsdb,
            folder,
            clock,
            registry,
            block_ms,
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
        let (folder, block_ms) = (Arc::clone(&self.folder), self.block_ms);
        drop(self);
        meanwhile();
        Self::open(folder, block_ms).unwrap()
    }

    pub(crate) async fn reopen(self) -> Self {
        self.tsdb.close().await.unwrap();
        let (folder, block_ms) = (Arc::clone(&self.folder), self.block_ms);
        drop(self);
        Self::open(folder, block_ms).unwrap()
    }

    /// All samples, by labels.
    pub(crate) async fn samples(&self) -> std::collections::BTreeMap<String, Vec<(i64, u64)>> {
        contract::samples(self, vec![], TimeRange::ALL).await
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
        request: &'a SelectRequest,
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
        request: &'a SelectRequest,
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
