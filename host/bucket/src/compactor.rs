//! Keeps a bucket in shape that many servers bring blocks to: short blocks become long ones, long
//! ones become coarse ones, old ones go. What Thanos' compactor does, by any number of workers.
//!
//! ```text
//! <prefix>/leases/<group>/...              who works on what, see `lease.rs`
//! <prefix>/<ULID>/meta.json                a block, or a fence where one was begun
//! <prefix>/<ULID>/no-compact-mark.json     the block is in quarantine
//! <prefix>/<ULID>/no-downsample-mark.json  nothing coarser is made of it
//! ```
//!
//! A group is what has the same labels and the same resolution. A worker takes the lease of one,
//! looks at the bucket, and does what is due, one block after the other, until nothing is; what is
//! damaged it sets aside, what does not fit on its disk it leaves for later. It may die at any
//! moment and be frozen for any time: readers who go by `meta.json` and by what a block says that it
//! replaces find each sample once.
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
mod retire;
mod scratch;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::{self, StreamExt};
use narthex_block::{META_FILE, PageCache, Ulid};
use narthex_model::Clock;
use prometheus_client::registry::Registry;
use tokio::sync::{Semaphore, watch};

use self::group::Group;
use self::job::{Maker, Order};
use self::lease::{Fate, Lease, Leases};
use self::metrics::{Metrics, SKIPPED_FOR_ROOM, SKIPPED_GONE};
use self::plan::{Rules, Work, next, todo};
use self::quarantine::{Cause, NO_COMPACT_FILE, NO_DOWNSAMPLE_FILE, no_compact, no_downsample};
use self::retire::{Retirement, deletion_order};
use self::scratch::Workshop;
use self::view::{Seen, View, Viewer};
use crate::access::Access;
use crate::folder::{Folder, file_of};
use crate::metered::Metered;
use crate::metrics::Operations;
use crate::{MARK_FILE, Mark};

pub use self::error::CompactError;
pub use self::options::CompactorOptions;

/// Decoded pages of the blocks that are read.
const PAGE_CACHE_BYTES: u64 = 64 << 20;

/// The first wait after a pass failed; it doubles up to the interval of the passes.
const RETRY_MIN: Duration = Duration::from_secs(10);

/// A worker on a bucket. See the module's documentation.
#[derive(Debug)]
pub struct Compactor {
    options: CompactorOptions,
    maker: Maker,
    viewer: Viewer,
    metrics: Arc<Metrics>,
    compactions: Semaphore,
    downsamplings: Semaphore,
    memory: Mutex<Memory>,
}

/// What a worker remembers from one pass to the next.
#[derive(Debug, Default)]
struct Memory {
    /// Blocks that it made: they need not settle.
    own: BTreeSet<Ulid>,
    /// Damaged blocks that the log has named.
    told: BTreeSet<Ulid>,
}

/// What a pass found in the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Blocks that were made and published.
    pub made: usize,
    /// Groups that another worker has.
    pub busy: usize,
    /// Blocks that are marked to be left alone, by name.
    pub quarantined: Vec<String>,
    /// Blocks that cannot be read or are not whole, by name, and why.
    pub damaged: Vec<(String, String)>,
    /// Compactions and downsamplings that are still due.
    pub left: usize,
}

/// What became of a group.
#[derive(Debug, Clone, Copy, Default)]
struct Done {
    made: usize,
    is_busy: bool,
}

impl Compactor {
    /// Empties the folder for the work and looks whether the store can keep workers apart.
    ///
    /// # Errors
    /// The folder cannot be used, the store cannot be reached, or it takes no conditional writes
    /// and nobody said that this is the only worker.
    pub async fn open(
        options: CompactorOptions,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, CompactError> {
        let metrics = Metrics::register(registry);
        let operations = Operations::register(registry);
        let store = Metered::new(Arc::clone(&options.store), operations.clone());
        let access = Access::new(Arc::new(store), options.timeout, operations);
        let workshop = Workshop::open(Arc::clone(&options.disk))?;
        let clock = Arc::clone(&options.clock);
        let leases = Leases::new(access.clone(), clock, options.owner, Arc::clone(&metrics));
        if !leases.is_conditional().await? {
            match options.is_only_worker {
                true => tracing::warn!(
                    "the object store takes no conditional writes: nothing keeps a second worker apart"
                ),
                false => return Err(CompactError::Unconditional),
            }
        }
        let maker = Maker {
            access: access.clone(),
            leases,
            workshop,
            clock: Arc::clone(&options.clock),
            metrics: Arc::clone(&metrics),
            pages: Arc::new(PageCache::new(PAGE_CACHE_BYTES)),
            owner: options.owner,
            names: std::sync::atomic::AtomicU64::default(),
        };
        Ok(Arc::new(Self {
            compactions: Semaphore::new(options.compactions_max.max(1)),
            downsamplings: Semaphore::new(options.downsamplings_max.max(1)),
            options,
            maker,
            viewer: Viewer::new(access),
            metrics,
            memory: Mutex::default(),
        }))
    }

    /// Calls [`Self::pass`] again and again until `stopping` says so, sooner where one failed.
    pub async fn run(&self, interval: Duration, mut stopping: watch::Receiver<bool>) {
        let mut failures = 0_u32;
        while !*stopping.borrow() {
            let stop = stopping.clone();
            let passed = tokio::select! {
                passed = self.pass(&stop) => passed,
                // What is under way is given up; whoever has the group next finds out.
                _ = stopping.wait_for(|is_stopping| *is_stopping) => return,
            };
            let wait = match passed {
                Ok(_) => {
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
    pub async fn pass(&self, stopping: &watch::Receiver<bool>) -> Result<Report, CompactError> {
        let passed = self.try_pass(stopping).await;
        match &passed {
            Ok(_) => {
                self.metrics.iterations.inc();
                let now_s = self.now_ms() as f64 / 1_000.0;
                self.metrics.last_pass.set(now_s);
            }
            Err(_) => drop(self.metrics.failures.inc()),
        }
        passed
    }

    async fn try_pass(&self, stopping: &watch::Receiver<bool>) -> Result<Report, CompactError> {
        let view = self.viewer.look().await?;
        self.tell(&view);
        let rules = self.rules(BTreeSet::new());
        let groups: BTreeMap<Group, usize> = view
            .groups()
            .into_keys()
            .filter_map(|group| next(&view, &group, &rules).map(|_| (group, 0)))
            .collect();
        drop(view);
        let at_once = self.options.compactions_max + self.options.downsamplings_max;
        let worked = stream::iter(groups.into_keys())
            .map(|group| async move {
                let done = self.work_on(&group, stopping).await;
                (group, done)
            })
            .buffer_unordered(at_once.max(1));
        let worked: Vec<_> = worked.collect().await;
        let mut report = Report::default();
        let mut failed = None;
        for (group, done) in worked {
            match done {
                Ok(done) => {
                    report.made += done.made;
                    report.busy += usize::from(done.is_busy);
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error);
                    tracing::error!(%group, %error, cause, "a group could not be compacted");
                    failed.get_or_insert(error);
                }
            }
        }
        if !*stopping.borrow() {
            let view = self.viewer.look().await?;
            self.retire(&view).await?;
            self.show(&view, &mut report);
        }
        failed.map_or(Ok(report), Err)
    }

    fn now_ms(&self) -> i64 {
        self.options.clock.now_ms()
    }

    fn rules(&self, skipped: BTreeSet<Ulid>) -> Rules {
        let delay_ms = self.options.consistency_delay.as_millis_i64();
        Rules {
            settled_ms: self.now_ms().saturating_sub(delay_ms),
            own: self.memory().own.clone(),
            downsamples: self.options.downsamples,
            skipped,
        }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on a group as long as something is due, if nobody else does.
    async fn work_on(
        &self,
        group: &Group,
        stopping: &watch::Receiver<bool>,
    ) -> Result<Done, CompactError> {
        if *stopping.borrow() {
            return Ok(Done::default());
        }
        let Some(lease) = self.maker.leases.take(group).await? else {
            self.metrics.leases_busy.inc();
            tracing::debug!(%group, "another worker has the group");
            return Ok(Done {
                made: 0,
                is_busy: true,
            });
        };
        self.metrics.leases_held.inc();
        let worked = tokio::select! {
            worked = self.work(&lease, group, stopping) => worked,
            lost = lease.keep() => Err(lost),
        };
        self.metrics.leases_held.dec();
        match worked {
            Err(error @ CompactError::Lost { .. }) => {
                self.metrics.leases_lost.inc();
                tracing::warn!(%group, %error, "work is given up");
                Ok(Done {
                    made: 0,
                    is_busy: true,
                })
            }
            worked => {
                if let Err(error) = lease.release().await {
                    tracing::warn!(%group, %error, "a lease was not given back and will end by itself");
                }
                worked.map(|made| Done {
                    made,
                    is_busy: false,
                })
            }
        }
    }

    /// Does what is due in a group, one after the other; how many blocks were made. Each step
    /// makes a block, or leaves at least one alone that was there, so that it ends.
    async fn work(
        &self,
        lease: &Lease,
        group: &Group,
        stopping: &watch::Receiver<bool>,
    ) -> Result<usize, CompactError> {
        let mut made = 0;
        let mut skipped = BTreeSet::new();
        while !*stopping.borrow() {
            let view = self.viewer.look().await?;
            let rules = self.rules(skipped.clone());
            let Some(work) = next(&view, group, &rules) else {
                break;
            };
            match self.make(lease, group, &view, &work).await {
                Ok(is_made) => made += usize::from(is_made),
                Err(error) => self.set_aside(&work, error, &mut skipped).await?,
            }
        }
        Ok(made)
    }

    /// Does one piece of work; whether a block came of it.
    async fn make(
        &self,
        lease: &Lease,
        group: &Group,
        view: &View,
        work: &Work,
    ) -> Result<bool, CompactError> {
        let seen = |block: &Ulid| {
            let gone = CompactError::Gone { block: *block };
            view.blocks.get(block).ok_or(gone)
        };
        let all = |blocks: &[Ulid]| blocks.iter().map(seen).collect::<Result<Vec<&Seen>, _>>();
        match work {
            Work::Compact {
                parents,
                is_vertical,
            } => {
                let _permit = self.compactions.acquire().await;
                let order = Order {
                    group,
                    parents: all(parents)?,
                    resolution_ms: None,
                    instead_of: Vec::new(),
                };
                let made = self.maker.make(lease, &order).await;
                let made = made.inspect_err(|_| {
                    self.metrics.compaction_failed(group.resolution());
                })?;
                self.metrics.compacted(group.resolution());
                if *is_vertical {
                    self.metrics.vertical_compactions.inc();
                }
                let names: Vec<String> = parents.iter().map(Ulid::to_string).collect();
                let block = made.map(|made| made.to_string());
                tracing::info!(%group, block, parents = ?names, is_vertical, "blocks are compacted");
                self.memory().own.extend(made);
                Ok(made.is_some())
            }
            Work::Downsample {
                source,
                resolution_ms,
                instead_of,
            } => {
                let _permit = self.downsamplings.acquire().await;
                let order = Order {
                    group,
                    parents: vec![seen(source)?],
                    resolution_ms: Some(*resolution_ms),
                    instead_of: all(instead_of)?,
                };
                let made = self.maker.make(lease, &order).await;
                let made = made.inspect_err(|_| {
                    self.metrics.downsampling_failed(group.resolution());
                })?;
                let Some(made) = made else {
                    let nothing = "no sample is left that a window could be made of";
                    self.stays_fine(*source, Cause::Apart, nothing).await?;
                    return Ok(false);
                };
                self.metrics.downsampled(group.resolution());
                tracing::info!(%group, block = %made, %source, resolution_ms, "block is downsampled");
                self.memory().own.insert(made);
                Ok(true)
            }
            Work::SetAside {
                block,
                is_only_fine,
                details,
            } => {
                match is_only_fine {
                    true => self.stays_fine(*block, Cause::Overlap, details).await?,
                    false => self.quarantine(*block, Cause::Overlap, details).await?,
                }
                Ok(false)
            }
        }
    }

    /// Leaves alone what failed, so that the rest goes on; what is nobody's fault is handed on.
    async fn set_aside(
        &self,
        work: &Work,
        error: CompactError,
        skipped: &mut BTreeSet<Ulid>,
    ) -> Result<(), CompactError> {
        match error {
            CompactError::Unfit { block, reason } => {
                self.quarantine(block, Cause::Damage, &reason).await
            }
            CompactError::Apart { blocks, reason } => {
                for block in blocks {
                    self.quarantine(block, Cause::Apart, &reason).await?;
                }
                Ok(())
            }
            CompactError::NoRoom { .. } | CompactError::Gone { .. } => {
                let why = match error {
                    CompactError::NoRoom { .. } => SKIPPED_FOR_ROOM,
                    _ => SKIPPED_GONE,
                };
                self.metrics.skipped(why);
                tracing::warn!(%error, ?work, "work is left for the next pass");
                match work {
                    Work::Compact { parents, .. } => skipped.extend(parents),
                    Work::Downsample { source, .. } => drop(skipped.insert(*source)),
                    Work::SetAside { block, .. } => drop(skipped.insert(*block)),
                }
                Ok(())
            }
            error => Err(error),
        }
    }

    async fn quarantine(
        &self,
        block: Ulid,
        cause: Cause,
        details: &str,
    ) -> Result<(), CompactError> {
        let text = no_compact(block, cause, details, self.now_ms());
        let path = file_of(block, NO_COMPACT_FILE);
        self.maker.access.put(&path, text).await?;
        self.metrics.set_aside(NO_COMPACT_FILE, cause);
        tracing::error!(%block, details, "block is left alone from now on");
        Ok(())
    }

    async fn stays_fine(
        &self,
        block: Ulid,
        cause: Cause,
        details: &str,
    ) -> Result<(), CompactError> {
        let text = no_downsample(block, cause, details, self.now_ms());
        let path = file_of(block, NO_DOWNSAMPLE_FILE);
        self.maker.access.put(&path, text).await?;
        self.metrics.set_aside(NO_DOWNSAMPLE_FILE, cause);
        tracing::warn!(%block, details, "nothing coarser is made of a block");
        Ok(())
    }

    /// Marks and removes what is due.
    async fn retire(&self, view: &View) -> Result<(), CompactError> {
        let access = &self.maker.access;
        let rules = Retirement {
            now_ms: self.now_ms(),
            retention: self.options.retention,
            delete_delay: self.options.delete_delay,
            downsamples: self.options.downsamples,
        };
        for (block, reason) in rules.to_mark(view) {
            let mark = Mark::new(block, reason, rules.now_ms);
            let text = serde_json::to_vec(&mark).unwrap_or_default();
            access.put(&file_of(block, MARK_FILE), text.into()).await?;
            self.metrics.marked(reason);
            tracing::info!(%block, ?reason, "block in the bucket is marked for deletion");
        }
        let over = rules.to_delete(view);
        for block in &over {
            if let Some(seen) = view.blocks.get(block) {
                self.delete(*block, &seen.folder).await?;
                self.metrics.deleted.inc();
                tracing::info!(%block, "block is deleted from the bucket");
            }
        }
        for block in rules.partial(view) {
            let Some(folder) = view.partial.get(&block) else {
                continue;
            };
            // Whoever still brings it finds its name closed, or was faster.
            if self.maker.leases.close(block).await? == Fate::Fenced {
                self.delete_leftovers(block, folder).await?;
                self.metrics.partial_deleted.inc();
                tracing::info!(%block, "leftover of a block is deleted from the bucket");
            }
        }
        for block in rules.fenced(view) {
            if let Some(folder) = view.fenced.get(&block) {
                self.delete_leftovers(block, folder).await?;
                access.delete(&file_of(block, META_FILE)).await?;
            }
        }
        Ok(())
    }

    async fn delete(&self, block: Ulid, folder: &Folder) -> Result<(), CompactError> {
        for file in deletion_order(folder.files.keys()) {
            self.maker.access.delete(&file_of(block, file)).await?;
        }
        Ok(())
    }

    /// Removes all of a folder but for the fence in it.
    async fn delete_leftovers(&self, block: Ulid, folder: &Folder) -> Result<(), CompactError> {
        for file in folder.files.keys().filter(|file| *file != META_FILE) {
            self.maker.access.delete(&file_of(block, file)).await?;
        }
        Ok(())
    }

    /// Names what is damaged in the log, once.
    fn tell(&self, view: &View) {
        let mut memory = self.memory();
        for (block, reason) in &damaged(view) {
            if memory.told.insert(*block) {
                tracing::error!(%block, reason, "block in the bucket is left out");
            }
        }
        memory.own.retain(|block| view.blocks.contains_key(block));
    }

    /// Shows what there is to do.
    fn show(&self, view: &View, report: &mut Report) {
        let groups = view.groups();
        let rules = self.rules(BTreeSet::new());
        let (mut compactions, mut taken, mut downsamplings) = (0, 0, 0);
        for group in groups.keys() {
            let (more, blocks, coarser) = todo(&groups, group, &rules);
            compactions += more;
            taken += blocks;
            downsamplings += coarser;
        }
        let marked = view.blocks.values().filter(|seen| seen.mark.is_some());
        let aside = view.blocks.values();
        let aside = aside.filter(|seen| seen.is_aside() || seen.stays_fine());
        report.quarantined = aside.map(|seen| seen.block.to_string()).collect();
        let damaged = damaged(view).into_iter();
        report.damaged = damaged
            .map(|(block, why)| (block.to_string(), why))
            .collect();
        report.left = compactions + downsamplings;
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.todo_compactions.set(count(compactions));
        self.metrics.todo_blocks.set(count(taken));
        self.metrics.todo_downsamplings.set(count(downsamplings));
        self.metrics.todo_deletions.set(count(marked.count()));
        self.metrics
            .quarantined
            .set(count(report.quarantined.len()));
        self.metrics.damaged.set(count(report.damaged.len()));
    }
}

/// Blocks that nobody can use, and why.
fn damaged(view: &View) -> BTreeMap<Ulid, String> {
    let mut damaged = view.damaged.clone();
    for seen in view.blocks.values().filter(|seen| !seen.is_whole) {
        damaged.insert(seen.block, "not all its files are there".to_owned());
    }
    damaged
}
