//! Keeps a bucket in shape that many servers bring blocks to: short blocks become long ones, long
//! ones become coarse ones, old ones go. What Thanos' compactor does, by any number of workers.
//!
//! ```text
//! <folder>/leases/<group>/...              who works on what, see `lease.rs`
//! <folder>/<ULID>/meta.json                a block, or a fence where one was begun
//! <folder>/<ULID>/no-compact-mark.json     the block is in quarantine
//! <folder>/<ULID>/no-downsample-mark.json  nothing coarser is made of it
//! ```
//!
//! Each folder that has blocks is a ward of its own: those of servers with prefixes of their own
//! stay apart. Within it, a group is what has the same labels and the same resolution. A worker
//! takes the lease of one, looks at the bucket, and does what is due, one block after the other,
//! until nothing is; what is damaged it sets aside, what does not fit on its disk it leaves for
//! later. It may die at any moment and be frozen for any time: readers who go by `meta.json` and
//! by what a block says that it replaces find each sample once.
//!
//! The store's listings must show what was put before, as those of S3, Google Cloud Storage and
//! Azure do.
//!
//! It is not: [`crate::Bucket`], a server's own bucket, which uploads and answers.

mod error;
mod group;
mod job;
mod lease;
mod metrics;
mod options;
mod plan;
mod quarantine;
mod report;
mod retire;
mod scratch;
mod view;
mod ward;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_recursion::async_recursion as boxed;
use futures::stream::{self, StreamExt};
use narthex_block::{PageCache, Ulid};
use object_store::ObjectStore;
use object_store::prefix::PrefixStore;
use prometheus_client::registry::Registry;
use tokio::sync::{Semaphore, watch};

use self::job::Maker;
use self::lease::Leases;
use self::metrics::Metrics;
use self::scratch::Workshop;
use self::ward::Ward;
use crate::access::Access;
use crate::metered::Metered;
use crate::metrics::Operations;

pub use self::error::CompactError;
pub use self::options::CompactorOptions;
pub(crate) use self::plan::{GROWTH_MS, LEVELS_MS, RAW_LENGTH_MS};
pub(crate) use self::quarantine::{NO_COMPACT_FILE, NO_DOWNSAMPLE_FILE};
pub use self::report::Report;

/// Decoded pages of the blocks that are read.
const PAGE_CACHE_BYTES: u64 = 64 << 20;

/// The first wait after a pass failed; it doubles up to the interval of the passes.
const RETRY_MIN: Duration = Duration::from_secs(10);

/// A block may lie below so many folders, its own included, as for who only reads; what lies
/// deeper is not looked at.
const FOLDERS_MAX: usize = 8;

/// A worker on a bucket. See the module's documentation.
#[derive(Debug)]
pub struct Compactor {
    shared: Arc<Shared>,
    /// The whole bucket.
    access: Access,
    /// By folder.
    wards: Mutex<BTreeMap<String, Arc<Ward>>>,
}

/// What all folders share.
#[derive(Debug)]
pub(crate) struct Shared {
    options: CompactorOptions,
    store: Arc<dyn ObjectStore>,
    operations: Operations,
    metrics: Arc<Metrics>,
    workshop: Arc<Workshop>,
    pages: Arc<PageCache>,
    /// How many names were given to blocks.
    names: Arc<AtomicU64>,
    compactions: Semaphore,
    downsamplings: Semaphore,
}

impl Compactor {
    /// Empties the folder for the work and looks whether the store can keep workers apart.
    ///
    /// # Errors
    /// The folder cannot be used, the store cannot be reached, or it takes no conditional writes
    /// and nobody said that this is the only worker.
    #[boxed]
    pub async fn open(
        options: CompactorOptions,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, CompactError> {
        let metrics = Metrics::register(registry);
        let operations = Operations::register(registry);
        let store = Metered::new(Arc::clone(&options.store), operations.clone());
        let workshop = Workshop::open(Arc::clone(&options.disk))?;
        let shared = Arc::new(Shared {
            compactions: Semaphore::new(options.compactions_max.max(1)),
            downsamplings: Semaphore::new(options.downsamplings_max.max(1)),
            store: Arc::new(store),
            operations,
            metrics,
            workshop: Arc::new(workshop),
            pages: Arc::new(PageCache::new(PAGE_CACHE_BYTES)),
            names: Arc::default(),
            options,
        });
        let access = shared.access(Arc::clone(&shared.store));
        let probed = access.clone().alone(false);
        if !shared.leases(&probed).is_conditional().await? {
            if !shared.options.is_only_worker {
                return Err(CompactError::Unconditional);
            }
            tracing::warn!(
                "the object store takes no conditional writes: nothing keeps a second worker apart"
            );
        }
        Ok(Arc::new(Self {
            shared,
            access,
            wards: Mutex::default(),
        }))
    }

    /// Calls [`Self::pass`] again and again until `stopping` says so, sooner where one failed, and
    /// hands on what each found.
    pub async fn run(
        &self,
        interval: Duration,
        mut stopping: watch::Receiver<bool>,
        found: impl Fn(&Report),
    ) {
        let mut failures = 0_u32;
        while !*stopping.borrow() {
            let stop = stopping.clone();
            let passed = tokio::select! {
                passed = self.pass(&stop) => passed,
                // What is under way is given up; whoever has the group next finds out.
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return,
            };
            let wait = match passed {
                Ok(report) => {
                    found(&report);
                    failures = 0;
                    interval
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error);
                    tracing::error!(%error, cause, "not all that was due could be done");
                    failures = failures.saturating_add(1);
                    let doubled = RETRY_MIN.saturating_mul(1 << failures.min(16).saturating_sub(1));
                    doubled.min(interval)
                }
            };
            tokio::select! {
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Does all that is due and that no other worker does, and says what is left.
    ///
    /// # Errors
    /// Something failed; what could be done is done, and the next pass goes on with the rest.
    #[boxed]
    pub async fn pass(&self, stopping: &watch::Receiver<bool>) -> Result<Report, CompactError> {
        let metrics = &self.shared.metrics;
        let passed = self.try_pass(stopping).await;
        match &passed {
            Ok(report) => {
                metrics.iterations.inc();
                metrics.show(report);
                let now_s = self.shared.options.clock.now_ms() as f64 / 1_000.0;
                metrics.last_pass.set(now_s);
            }
            Err(_) => drop(metrics.failures.inc()),
        }
        passed
    }

    async fn try_pass(&self, stopping: &watch::Receiver<bool>) -> Result<Report, CompactError> {
        let wards = self.wards(self.folders().await?);
        let options = &self.shared.options;
        let at_once = options.compactions_max.max(1) + options.downsamplings_max.max(1);
        let passes = stream::iter(wards)
            .map(|(folder, ward)| async move { (folder, ward.pass(stopping).await) })
            .buffer_unordered(at_once);
        let passes: Vec<_> = passes.collect().await;
        let mut all = Report::default();
        let mut failed = None;
        for (folder, passed) in passes {
            match passed {
                Ok(report) => all.add(&folder, report),
                Err(error) => {
                    tracing::debug!(folder, %error, "a folder is not in shape");
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(all), Err)
    }

    /// The folders that have folders of blocks.
    async fn folders(&self) -> Result<BTreeSet<String>, CompactError> {
        let objects = self.access.list().await?;
        let folders = objects
            .iter()
            .filter_map(|object| home(object.path.as_ref()));
        Ok(folders.map(str::to_owned).collect())
    }

    /// What works on each folder; what is known of one stays while it is there.
    fn wards(&self, folders: BTreeSet<String>) -> Vec<(String, Arc<Ward>)> {
        let mut wards = self.wards.lock().unwrap_or_else(PoisonError::into_inner);
        wards.retain(|folder, _| folders.contains(folder));
        for folder in folders {
            wards.entry(folder).or_insert_with_key(|folder| {
                let maker = self.shared.maker(folder);
                Arc::new(Ward::new(Arc::clone(&self.shared), maker))
            });
        }
        let wards = wards.iter();
        wards
            .map(|(folder, ward)| (folder.clone(), Arc::clone(ward)))
            .collect()
    }
}

impl Shared {
    fn access(&self, store: Arc<dyn ObjectStore>) -> Access {
        let access = Access::new(store, self.options.timeout, self.operations.clone());
        access.alone(self.options.is_only_worker)
    }

    fn leases(&self, access: &Access) -> Leases {
        let clock = Arc::clone(&self.options.clock);
        let metrics = Arc::clone(&self.metrics);
        Leases::new(access.clone(), clock, self.options.owner, metrics)
    }

    /// What makes blocks in a folder.
    fn maker(&self, folder: &str) -> Maker {
        let store = Arc::clone(&self.store);
        let access = self.access(match folder {
            "" => store,
            folder => Arc::new(PrefixStore::new(store, folder)),
        });
        Maker {
            leases: self.leases(&access),
            access,
            workshop: Arc::clone(&self.workshop),
            clock: Arc::clone(&self.options.clock),
            metrics: Arc::clone(&self.metrics),
            pages: Arc::clone(&self.pages),
            owner: self.options.owner,
            names: Arc::clone(&self.names),
        }
    }
}

/// The folder in which the folder of a block lies that a file is in.
fn home(path: &str) -> Option<&str> {
    let (folder, _) = path.rsplit_once('/')?;
    let (home, name) = folder.rsplit_once('/').unwrap_or(("", folder));
    let ulid = Ulid::from_string(name).ok()?;
    let is_near = folder.split('/').count() <= FOLDERS_MAX;
    (is_near && ulid.to_string() == name).then_some(home)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_found_that_have_blocks() {
        let block = "01JD0000000000000000000000";
        for (path, expected) in [
            (format!("{block}/meta.json"), Some("")),
            (format!("eu/a/{block}/chunks.parquet"), Some("eu/a")),
            (format!("leases/0-0/1.{block}.block"), None),
            (format!("{block}/deep/er"), None),
            ("meta.json".to_owned(), None),
            (format!("1/2/3/4/5/6/7/8/{block}/meta.json"), None),
        ] {
            assert_eq!(home(&path), expected, "{path}");
        }
    }
}
