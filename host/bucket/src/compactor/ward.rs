//! One folder of blocks that belong together: what a worker does for it in a pass.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{self, StreamExt};
use narthex_block::{META_FILE, Ulid};
use tokio::sync::watch;

use super::group::{Group, RESOLUTIONS};
use super::job::{Maker, Order};
use super::lease::{Fate, Lease};
use super::metrics::{SKIPPED_FOR_ROOM, SKIPPED_GONE};
use super::plan::{Rules, Work, growing, next, todo};
use super::quarantine::{Cause, NO_COMPACT_FILE, NO_DOWNSAMPLE_FILE, no_compact, no_downsample};
use super::retire::{Retirement, deletion_order};
use super::view::{Seen, View, Viewer};
use super::{CompactError, Report, Shared};
use crate::folder::{Folder, file_of};
use crate::{MARK_FILE, Mark};

/// A folder of blocks, with leases of its own.
#[derive(Debug)]
pub(crate) struct Ward {
    shared: Arc<Shared>,
    maker: Maker,
    viewer: Viewer,
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

/// What became of a group.
#[derive(Debug, Clone, Copy, Default)]
struct Done {
    made: usize,
    is_busy: bool,
}

impl Ward {
    pub(crate) fn new(shared: Arc<Shared>, maker: Maker) -> Self {
        Self {
            viewer: Viewer::new(maker.access.clone()),
            shared,
            maker,
            memory: Mutex::default(),
        }
    }

    /// Does all that is due and that no other worker does, and says what is left.
    ///
    /// # Errors
    /// Something failed; what could be done is done.
    pub(crate) async fn pass(
        &self,
        stopping: &watch::Receiver<bool>,
    ) -> Result<Report, CompactError> {
        let mut report = Report::default();
        let mut failed = None;
        // What a round makes may be made coarser in the next one.
        for _ in RESOLUTIONS {
            let round = self.round(stopping).await?;
            let mut made = 0;
            report.busy = 0;
            for (group, done) in round {
                match done {
                    Ok(done) => {
                        made += done.made;
                        report.busy += usize::from(done.is_busy);
                    }
                    Err(error) => {
                        let cause = std::error::Error::source(&error);
                        tracing::error!(%group, %error, cause, "a group could not be compacted");
                        failed.get_or_insert(error);
                    }
                }
            }
            report.made += made;
            if made == 0 {
                break;
            }
        }
        if !*stopping.borrow() {
            let view = self.viewer.look().await?;
            self.retire(&view).await?;
            let view = self.viewer.look().await?;
            self.show(&view, &mut report);
        }
        failed.map_or(Ok(report), Err)
    }

    /// Works on each group in which something is due.
    async fn round(
        &self,
        stopping: &watch::Receiver<bool>,
    ) -> Result<Vec<(Group, Result<Done, CompactError>)>, CompactError> {
        let view = self.viewer.look().await?;
        self.tell(&view);
        let rules = self.rules(BTreeSet::new());
        let groups = view.groups().into_keys();
        let due: Vec<Group> = groups
            .filter(|group| next(&view, group, &rules).is_some())
            .collect();
        drop(view);
        let options = &self.shared.options;
        let at_once = options.compactions_max.max(1) + options.downsamplings_max.max(1);
        let worked = stream::iter(due)
            .map(|group| async move {
                let done = self.work_on(&group, stopping).await;
                (group, done)
            })
            .buffer_unordered(at_once);
        Ok(worked.collect().await)
    }

    fn now_ms(&self) -> i64 {
        self.shared.options.clock.now_ms()
    }

    fn rules(&self, skipped: BTreeSet<Ulid>) -> Rules {
        let delay_ms = self.shared.options.consistency_delay.as_millis_i64();
        Rules {
            settled_ms: self.now_ms().saturating_sub(delay_ms),
            own: self.memory().own.clone(),
            downsamples: self.shared.options.downsamples,
            skipped,
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
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
            self.shared.metrics.leases_busy.inc();
            tracing::debug!(%group, "another worker has the group");
            return Ok(Done {
                made: 0,
                is_busy: true,
            });
        };
        self.shared.metrics.leases_held.inc();
        let worked = tokio::select! {
            worked = self.work(&lease, group, stopping) => worked,
            lost = lease.keep() => Err(lost),
        };
        self.shared.metrics.leases_held.dec();
        match worked {
            Err(error @ CompactError::Lost { .. }) => {
                self.shared.metrics.leases_lost.inc();
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
                let _permit = self.shared.compactions.acquire().await;
                let order = Order {
                    group,
                    parents: all(parents)?,
                    resolution_ms: None,
                    instead_of: Vec::new(),
                };
                let made = self.maker.make(lease, &order).await;
                let made = made.inspect_err(|_| {
                    self.shared.metrics.compaction_failed(group.resolution());
                })?;
                self.shared.metrics.compacted(group.resolution());
                if *is_vertical {
                    self.shared.metrics.vertical_compactions.inc();
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
                let _permit = self.shared.downsamplings.acquire().await;
                let order = Order {
                    group,
                    parents: vec![seen(source)?],
                    resolution_ms: Some(*resolution_ms),
                    instead_of: all(instead_of)?,
                };
                let made = self.maker.make(lease, &order).await;
                let made = made.inspect_err(|_| {
                    self.shared.metrics.downsampling_failed(group.resolution());
                })?;
                let Some(made) = made else {
                    let nothing = "no sample is left that a window could be made of";
                    self.stays_fine(*source, Cause::Apart, nothing).await?;
                    return Ok(false);
                };
                self.shared.metrics.downsampled(group.resolution());
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
                self.shared.metrics.skipped(why);
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
        self.shared.metrics.set_aside(NO_COMPACT_FILE, cause);
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
        self.shared.metrics.set_aside(NO_DOWNSAMPLE_FILE, cause);
        tracing::warn!(%block, details, "nothing coarser is made of a block");
        Ok(())
    }

    /// Marks and removes what is due.
    async fn retire(&self, view: &View) -> Result<(), CompactError> {
        let access = &self.maker.access;
        let plan = self.rules(BTreeSet::new());
        let groups = view.groups().into_values();
        let rules = Retirement {
            growing: groups.flat_map(|blocks| growing(&blocks, &plan)).collect(),
            now_ms: self.now_ms(),
            retention: self.shared.options.retention,
            delete_delay: self.shared.options.delete_delay,
            downsamples: self.shared.options.downsamples,
        };
        for (block, reason) in rules.to_mark(view) {
            let mark = Mark::new(block, reason, rules.now_ms);
            let text = serde_json::to_vec(&mark).unwrap_or_default();
            access.put(&file_of(block, MARK_FILE), text.into()).await?;
            self.shared.metrics.marked(reason);
            tracing::info!(%block, ?reason, "block in the bucket is marked for deletion");
        }
        let over = rules.to_delete(view);
        for block in &over {
            if let Some(seen) = view.blocks.get(block) {
                self.delete(*block, &seen.folder).await?;
                self.shared.metrics.deleted.inc();
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
                self.shared.metrics.partial_deleted.inc();
                tracing::info!(%block, "leftover of a block is deleted from the bucket");
            }
        }
        for block in rules.fenced(view) {
            let Some(folder) = view.fenced.get(&block) else {
                continue;
            };
            // What was seen may be hours old, and its server may have brought the block since.
            if self.maker.leases.is_closed(block).await? {
                // From a day later on it may come back at any moment, and no file of it must go:
                // what is left is then found as a leftover again.
                if !folder.is_abandoned(rules.now_ms) {
                    self.delete_leftovers(block, folder).await?;
                }
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
        report.compactions_left = compactions;
        report.blocks_left = taken;
        report.downsamplings_left = downsamplings;
        report.deletions_left = marked.count();
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
