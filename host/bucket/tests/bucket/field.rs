//! A bucket of short blocks, workers who compact it, and a reader who goes by the rules: blocks are
//! what has a whole `meta.json` and all its files, and one that says what it replaces hides that.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use futures::TryStreamExt;
use narthex_block::{Block, BlockMeta, META_FILE, SLICE_MS, TimeBounds, Ulid, WriteOptions, write};
use narthex_bucket::{CompactError, Compactor, CompactorOptions, MARK_FILE, Mark, Reason, Report};
use narthex_disk::CrashDisk;
use narthex_model::{Clock as _, Labels, SimulatedClock, SystemClock};
use narthex_storage::Series;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use crate::fixture::{Samples, pages, samples};

const DAY_MS: i64 = 24 * 3_600_000;

/// After this a lease that nobody renews is over.
pub(crate) const LEASE_OVER_MS: i64 = 20 * 60_000;

/// A bucket and what it should answer. In-memory stores take the real time for what is written, so
/// the clock begins there.
pub(crate) struct Field {
    pub(crate) store: Arc<InMemory>,
    pub(crate) now_ms: i64,
    /// The first slice; blocks of all lengths begin there.
    pub(crate) first_slice: i64,
    pub(crate) expected: Samples,
    names: u64,
}

/// A worker, and the time as it sees it.
pub(crate) struct Worker {
    pub(crate) compactor: Arc<Compactor>,
    pub(crate) clock: SimulatedClock,
}

/// Blocks that answer, by resolution.
pub(crate) type Answering = BTreeMap<i64, Vec<Arc<Block>>>;

impl Field {
    pub(crate) fn new() -> Self {
        let now_ms = SystemClock.now_ms();
        let first_ms = (now_ms - 30 * DAY_MS).div_euclid(14 * DAY_MS) * 14 * DAY_MS;
        Self {
            store: Arc::new(InMemory::new()),
            now_ms,
            first_slice: first_ms / SLICE_MS,
            expected: Samples::new(),
            names: 0,
        }
    }

    pub(crate) fn fork(&self) -> Self {
        Self {
            store: Arc::new(self.store.fork()),
            expected: self.expected.clone(),
            ..*self
        }
    }

    /// Brings a block of so many slices there, of series that have a sample each `step_ms`.
    pub(crate) async fn bring(&mut self, slice: i64, slices: i64, step_ms: i64) -> Ulid {
        self.bring_labelled(slice, slices, step_ms, &[]).await
    }

    /// The same, of a server that has labels.
    pub(crate) async fn bring_labelled(
        &mut self,
        slice: i64,
        slices: i64,
        step_ms: i64,
        labels: &[(&str, &str)],
    ) -> Ulid {
        self.names += 1;
        let start_ms = (self.first_slice + slice) * SLICE_MS;
        let end_ms = start_ms + slices * SLICE_MS;
        let named_ms = u64::try_from(end_ms).unwrap();
        let ulid = Ulid::from_parts(named_ms, u128::from(self.names));
        let times = || (start_ms..end_ms).step_by(usize::try_from(step_ms).unwrap());
        let all = ["a", "b"].map(|name| {
            let value = |at: i64| (at / step_ms) as f64;
            Series::of_numbers(
                Labels::from_pairs([("__name__", name), ("job", "x")]),
                times().collect::<Vec<i64>>(),
                times().map(value).collect::<Vec<f64>>(),
            )
        });
        for series in &all {
            let known = self.expected.entry(series.labels.to_string());
            let values = series.values.iter().map(|value| value.to_bits());
            let known = known.or_default();
            known.extend(series.timestamps.iter().copied().zip(values));
            known.sort_unstable();
            known.dedup();
        }
        let options = WriteOptions {
            ulid,
            range: TimeBounds { start_ms, end_ms },
            slice_ms: SLICE_MS,
            sources: Vec::new(),
        };
        let folder = Path::from(ulid.to_string());
        let written = write(self.store.as_ref(), &folder, all, &options).await;
        let mut meta = written.unwrap().unwrap();
        let labels = labels.iter();
        meta.labels = labels
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let text = meta.document().unwrap();
        self.put(&format!("{ulid}/{META_FILE}"), text.into_bytes())
            .await;
        ulid
    }

    pub(crate) async fn put(&self, path: &str, bytes: Vec<u8>) {
        self.store
            .put(&Path::from(path), bytes.into())
            .await
            .unwrap();
    }

    /// A worker of a number on this bucket.
    pub(crate) async fn worker(&self, number: u64) -> Worker {
        let store: Arc<dyn ObjectStore> = Arc::clone(&self.store) as _;
        worker_on(store, number, self.now_ms, |_| {}).await
    }

    /// Every object, by name.
    pub(crate) async fn objects(&self) -> BTreeSet<String> {
        let listed: Vec<_> = self.store.list(None).try_collect().await.unwrap();
        let names = listed.iter().map(|object| object.location.to_string());
        names.collect()
    }

    /// The blocks that a reader finds.
    pub(crate) async fn answering(&self) -> Answering {
        answering(&self.store).await
    }

    /// A reader finds every sample once, and nothing else.
    pub(crate) async fn check(&self, story: &str) {
        let found = self.answering().await;
        let raw = found.get(&0).map(Vec::as_slice).unwrap_or_default();
        let found = samples(raw).await.unwrap();
        assert!(found == self.expected, "{story}: {} blocks", raw.len());
    }

    /// Nothing is left but blocks that answer, and leases that nobody has.
    pub(crate) async fn settle(&mut self, story: &str) {
        for number in 100..104 {
            let worker = self.worker(number).await;
            let report = worker.pass().await.unwrap();
            assert_eq!(report.busy, 0, "{story}: a lease is stuck");
            assert_eq!(report.compactions_left, 0, "{story}");
            assert!(report.damaged.is_empty(), "{story}: {report:?}");
            self.check(story).await;
            self.now_ms += 3 * DAY_MS;
        }
        let answering = self.answering().await;
        let answering = answering.values().flatten();
        let answering: BTreeSet<String> =
            answering.map(|block| block.meta().ulid.clone()).collect();
        let objects = self.objects().await;
        let folders = objects.iter().filter_map(|path| path.split_once('/'));
        let folders: BTreeSet<String> = folders
            .filter(|(folder, _)| *folder != "leases")
            .map(|(folder, _)| folder.to_owned())
            .collect();
        assert_eq!(folders, answering, "{story}");
    }
}

/// How a worker of a number works on a store.
pub(crate) fn options_on(
    store: Arc<dyn ObjectStore>,
    number: u64,
    now_ms: i64,
) -> CompactorOptions {
    CompactorOptions {
        disk: Arc::new(CrashDisk::new(number)),
        // Names grow from here on; those of two workers never meet.
        owner: Ulid::from_parts(1, u128::from(number) << 32),
        ..CompactorOptions::new(store, "", Arc::new(SimulatedClock::at(now_ms)))
    }
}

/// A worker of a number on a store.
pub(crate) async fn worker_on(
    store: Arc<dyn ObjectStore>,
    number: u64,
    now_ms: i64,
    change: impl FnOnce(&mut CompactorOptions),
) -> Worker {
    let clock = SimulatedClock::at(now_ms);
    let mut options = CompactorOptions {
        clock: Arc::new(clock.clone()),
        ..options_on(store, number, now_ms)
    };
    change(&mut options);
    let compactor = Compactor::open(options, &mut Registry::default()).await;
    Worker {
        compactor: compactor.unwrap(),
        clock,
    }
}

impl Worker {
    pub(crate) async fn pass(&self) -> Result<Report, CompactError> {
        let (_stop, stopping) = watch::channel(false);
        self.compactor.pass(&stopping).await
    }
}

async fn answering(store: &Arc<InMemory>) -> Answering {
    let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
    let sizes: BTreeMap<String, u64> = listed
        .iter()
        .map(|object| (object.location.to_string(), object.size))
        .collect();
    let bytes = async |path: &str| {
        let got = store.get(&Path::from(path)).await.unwrap();
        got.bytes().await.unwrap()
    };
    let mut metas = Vec::new();
    for path in sizes.keys() {
        let Some(name) = path.strip_suffix(&format!("/{META_FILE}")) else {
            continue;
        };
        let Ok(meta) = BlockMeta::parse(&bytes(path).await, name) else {
            continue;
        };
        let is_there = |(file, expected): (&String, &narthex_block::FileMeta)| {
            sizes.get(&format!("{name}/{file}")) == Some(&expected.size)
        };
        if meta.files.iter().all(is_there) {
            metas.push(meta);
        }
    }
    let replaced: HashSet<String> = metas
        .iter()
        .flat_map(|meta| meta.replaced().map(str::to_owned))
        .collect();
    let mut found = Answering::new();
    for meta in metas {
        let mark = format!("{}/{MARK_FILE}", meta.ulid);
        let is_old = match sizes.contains_key(&mark) {
            true => {
                let mark = serde_json::from_slice::<Mark>(&bytes(&mark).await);
                // One that cannot be read says nothing.
                mark.is_ok_and(|mark| mark.reason == Reason::Retention)
            }
            false => false,
        };
        if is_old || replaced.contains(&meta.ulid) {
            continue;
        }
        let near: Arc<dyn ObjectStore> = Arc::clone(store) as _;
        let folder = Path::from(meta.ulid.as_str());
        let block = Block::open(near, &folder, &pages()).await.unwrap();
        let blocks = found.entry(meta.resolution_ms).or_default();
        blocks.push(Arc::new(block));
    }
    found
}
