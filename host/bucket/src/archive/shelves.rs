//! The blocks of a bucket as far as they are known, and which of them answer.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use narthex_block::{Block, BlockMeta, META_FILE, PageCache, Remote, Ulid};
use narthex_model::Labels;
use narthex_storage::TimeRange;
use object_store::path::Path;

use super::listing::{Found, Listing};
use super::metrics::ArchiveMetrics;
use super::{ArchiveOptions, Partition};
use crate::access::Access;
use crate::fence::is_fence;
use crate::inventory::META_BYTES_MAX;
use crate::mark::MARK_BYTES_MAX;
use crate::metas::Metas;
use crate::{BucketError, MARK_FILE, Mark};

/// Blocks that are looked at for the first time, side by side.
const BLOCKS_AT_ONCE: usize = 16;

/// A block that another process answers for takes the place of those of this one when it has been
/// in the bucket for so long: the other one has to have seen it. As long as Thanos' store takes from
/// one look to the next. Until then samples come from both, which whoever asks both makes one.
const HANDOVER_MS: i64 = 15 * 60_000;

/// Why a block answers or does not, in the words of Thanos where it has some.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// It answers.
    Loaded,
    /// Its `meta.json` cannot be read.
    Corrupted,
    /// There is no `meta.json`: it is being brought there, or removed.
    NoMeta,
    /// Files are missing or have another length.
    Incomplete,
    /// It has not been there long enough.
    TooFresh,
    /// It was marked for deletion long enough ago.
    Marked,
    /// Another block stands in its place, or has its name.
    Duplicate,
    /// The rules give it to another process.
    LabelExcluded,
    /// It has no samples of the time that is answered for.
    TimeExcluded,
}

impl State {
    pub(super) const ALL: [Self; 9] = [
        Self::Loaded,
        Self::Corrupted,
        Self::NoMeta,
        Self::Incomplete,
        Self::TooFresh,
        Self::Marked,
        Self::Duplicate,
        Self::LabelExcluded,
        Self::TimeExcluded,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Corrupted => "corrupted-meta-json",
            Self::NoMeta => "no-meta-json",
            Self::Incomplete => "incomplete",
            Self::TooFresh => "too-fresh",
            Self::Marked => "marked-for-deletion",
            Self::Duplicate => "duplicate",
            Self::LabelExcluded => "label-excluded",
            Self::TimeExcluded => "time-excluded",
        }
    }
}

/// What is known of a bucket.
#[derive(Debug)]
pub(super) struct Shelves {
    access: Access,
    remote: Arc<Remote>,
    pages: Arc<PageCache>,
    metas: Metas,
    metrics: ArchiveMetrics,
    consistency_delay_ms: i64,
    mark_delay_ms: i64,
    partition: Partition,
    shelves: BTreeMap<Ulid, Shelf>,
    /// Blocks that something is wrong with, which the log has said.
    faulty: BTreeSet<Ulid>,
}

/// What is known of one block.
#[derive(Debug)]
struct Shelf {
    folder: Path,
    meta_bytes: u64,
    /// The sizes that its files should have, by name.
    files: BTreeMap<String, u64>,
    labels: Labels,
    span: TimeRange,
    /// The blocks that it stands in place of.
    replaced: Vec<String>,
    /// Whether there was a mark, and what it says if it can be read.
    mark: Option<Option<Mark>>,
    /// Where it answers.
    block: Option<Arc<Block>>,
}

impl Shelf {
    fn new(found: &Found, meta_bytes: u64, meta: &BlockMeta) -> Self {
        let sizes = meta.files.iter();
        Self {
            folder: found.folder.clone(),
            meta_bytes,
            files: sizes
                .map(|(name, file)| (name.clone(), file.size))
                .collect(),
            labels: Labels::from_pairs(&meta.labels),
            span: TimeRange {
                start_ms: meta.min_time_ms,
                end_ms: meta.max_time_ms,
            },
            replaced: meta.replaced().map(str::to_owned).collect(),
            mark: None,
            block: None,
        }
    }

    /// Whether a listing shows the block that this is.
    fn is_of(&self, found: &Found) -> bool {
        self.folder == found.folder && found.meta_bytes() == Some(self.meta_bytes)
    }

    /// Whether all files are there with the length that they should have.
    fn is_whole(&self, found: &Found) -> bool {
        let mut files = self.files.iter();
        files.all(|(name, size)| found.files.get(name) == Some(size))
    }

    /// When it was marked, in milliseconds since the epoch.
    fn marked_ms(&self) -> Option<i64> {
        let mark = self.mark.as_ref()?.as_ref()?;
        Some(mark.deletion_time.saturating_mul(1_000))
    }
}

/// What is not known of one block.
#[derive(Debug, Clone, Copy)]
struct Gap<'a> {
    block: Ulid,
    found: &'a Found,
    /// `None` where it is known.
    meta_bytes: Option<u64>,
    wants_mark: bool,
}

/// What was read of it.
struct Read {
    shelf: Option<Shelf>,
    mark: Option<Option<Mark>>,
}

impl Shelves {
    pub(super) fn new(
        options: ArchiveOptions,
        (access, remote): (Access, Arc<Remote>),
        metas: Metas,
        metrics: ArchiveMetrics,
    ) -> Self {
        Self {
            access,
            remote,
            pages: Arc::new(PageCache::new(options.page_cache_bytes)),
            metas,
            metrics,
            consistency_delay_ms: options.consistency_delay.as_millis_i64(),
            mark_delay_ms: options.mark_delay.as_millis_i64(),
            partition: options.partition,
            shelves: BTreeMap::new(),
            faulty: BTreeSet::new(),
        }
    }

    /// Looks at the bucket, and gives the blocks that answer from now on.
    ///
    /// # Errors
    /// The store failed, or the local disk.
    pub(super) async fn sync(&mut self, now_ms: i64) -> Result<Vec<Arc<Block>>, BucketError> {
        let listing = Listing::of(self.access.list().await?);
        let mut states = BTreeMap::from([(State::Duplicate, listing.twice)]);
        let unopened = self.learn(&listing).await?;
        let mut states_of = |state: State| *states.entry(state).or_default() += 1;
        let mut faulty = BTreeSet::new();
        for (block, found) in &listing.blocks {
            let state = match found.meta_bytes() {
                None => Some(State::NoMeta),
                Some(_) => unopened.get(block).copied(),
            };
            if state == Some(State::Corrupted) {
                faulty.insert(*block);
            }
            state.into_iter().for_each(&mut states_of);
        }
        let chosen = self.choose(&listing, now_ms);
        let mut blocks = Vec::new();
        for (block, state) in chosen {
            let mut state = state;
            if state == State::Loaded {
                match self.open(block).await {
                    Ok(opened) => blocks.extend(opened),
                    Err(error) if error.is_local() => {
                        self.metrics.load_failures.inc();
                        self.tell(block, &error);
                        state = State::Corrupted;
                    }
                    Err(error) => return Err(error),
                }
            } else {
                self.close(block);
            }
            if state == State::Incomplete && !self.faulty.contains(&block) {
                tracing::error!(%block, "block in the bucket has not all its files and is left out");
            }
            if matches!(state, State::Corrupted | State::Incomplete) {
                faulty.insert(block);
            }
            states_of(state);
        }
        for state in State::ALL {
            let count = states.get(&state).copied().unwrap_or_default();
            self.metrics.set_state(state, count);
        }
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.metrics.loaded.set(count(blocks.len()));
        self.metrics.damaged.set(count(faulty.len()));
        self.faulty = faulty;
        self.metas
            .complete(|block| listing.blocks.contains_key(&block))?;
        Ok(blocks)
    }

    /// Reads what a listing shows that is not known, and forgets what it does not show. Gives what
    /// has a `meta.json` and is no block for us.
    async fn learn(&mut self, listing: &Listing) -> Result<BTreeMap<Ulid, State>, BucketError> {
        let gone = self.shelves.keys().filter(|block| {
            let found = listing.blocks.get(block);
            found.is_none_or(|found| found.meta_bytes().is_none())
        });
        for block in gone.copied().collect::<Vec<Ulid>>() {
            tracing::info!(%block, "block is gone from the bucket");
            self.forget(block);
        }
        let mut reads = Vec::new();
        for (block, found) in &listing.blocks {
            let Some(meta_bytes) = found.meta_bytes() else {
                continue;
            };
            let known = self.shelves.get(block).filter(|shelf| shelf.is_of(found));
            let has_mark = known.is_some_and(|shelf| shelf.mark.is_some());
            let gap = Gap {
                block: *block,
                found,
                meta_bytes: known.is_none().then_some(meta_bytes),
                wants_mark: found.has_mark() && !has_mark,
            };
            if gap.meta_bytes.is_some() || gap.wants_mark {
                reads.push(self.read(gap));
            }
        }
        let reads: Vec<_> = stream::iter(reads)
            .buffer_unordered(BLOCKS_AT_ONCE)
            .collect()
            .await;
        let mut unopened = BTreeMap::new();
        let mut failed = None;
        for (block, read) in reads {
            match read {
                Ok(Some(read)) => self.take(block, read),
                Ok(None) => {
                    self.forget(block);
                    unopened.insert(block, State::NoMeta);
                }
                Err(error) if error.is_local() => {
                    self.metrics.load_failures.inc();
                    self.tell(block, &error);
                    self.forget(block);
                    unopened.insert(block, State::Corrupted);
                }
                // It went between the listing and now.
                Err(error) if error.is_absent() => {
                    self.forget(block);
                    unopened.insert(block, State::NoMeta);
                }
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        // A mark that a listing does not show any more has been taken away.
        for (block, shelf) in &mut self.shelves {
            if listing
                .blocks
                .get(block)
                .is_some_and(|found| !found.has_mark())
            {
                shelf.mark = None;
            }
        }
        failed.map_or(Ok(unopened), Err)
    }

    fn take(&mut self, block: Ulid, read: Read) {
        if let Some(shelf) = read.shelf {
            // Where it was known under another folder or with another meta, that one goes.
            self.close(block);
            self.shelves.insert(block, shelf);
        }
        if let Some(shelf) = self.shelves.get_mut(&block)
            && read.mark.is_some()
        {
            shelf.mark = read.mark;
        }
    }

    async fn read(&self, gap: Gap<'_>) -> (Ulid, Result<Option<Read>, BucketError>) {
        (gap.block, self.try_read(gap).await)
    }

    /// `None` where there is no block.
    async fn try_read(&self, gap: Gap<'_>) -> Result<Option<Read>, BucketError> {
        let (block, found) = (gap.block, gap.found);
        let shelf = match gap.meta_bytes {
            None => None,
            Some(bytes) => {
                let Some(meta) = self.meta(block, &found.folder, bytes).await? else {
                    return Ok(None);
                };
                Some(Shelf::new(found, bytes, &meta))
            }
        };
        let mark = match gap.wants_mark {
            true => Some(self.mark(&found.folder).await?),
            false => None,
        };
        Ok(Some(Read { shelf, mark }))
    }

    /// The `meta.json` of a block, from the local disk where that has it; `None` where a compactor
    /// has closed the name, so that there never is a block.
    async fn meta(
        &self,
        block: Ulid,
        folder: &Path,
        bytes: u64,
    ) -> Result<Option<BlockMeta>, BucketError> {
        if let Some(meta) = self.metas.get_of_size(block, bytes) {
            return Ok(Some(meta));
        }
        let path = folder.clone().join(META_FILE);
        let text = self.access.get(&path, META_BYTES_MAX).await?;
        if is_fence(&text) {
            return Ok(None);
        }
        let meta = BlockMeta::parse(&text, &block.to_string())?;
        self.metas.keep(block, &text);
        Ok(Some(meta))
    }

    /// What a mark says; `None` where it says nothing that can be read.
    async fn mark(&self, folder: &Path) -> Result<Option<Mark>, BucketError> {
        let path = folder.clone().join(MARK_FILE);
        let text = match self.access.get(&path, MARK_BYTES_MAX).await {
            Err(error) if error.is_absent() => return Ok(None),
            text => text?,
        };
        let mark = serde_json::from_slice(&text);
        if let Err(error) = &mark {
            tracing::warn!(%path, %error, "deletion mark cannot be read and has no effect");
        }
        Ok(mark.ok())
    }

    /// What becomes of each block that is known.
    fn choose(&self, listing: &Listing, now_ms: i64) -> Vec<(Ulid, State)> {
        let is_over = |since_ms: i64, delay_ms: i64| since_ms.saturating_add(delay_ms) <= now_ms;
        let first = |block: &Ulid, shelf: &Shelf| {
            let found = listing.blocks.get(block);
            let Some(found) = found.filter(|found| shelf.is_whole(found)) else {
                return State::Incomplete;
            };
            let is_marked = shelf.marked_ms();
            let is_marked = is_marked.is_some_and(|at_ms| is_over(at_ms, self.mark_delay_ms));
            match is_over(found.written_ms, self.consistency_delay_ms) {
                // Without a delay it does not matter how the clocks of both sides go.
                false if self.consistency_delay_ms > 0 => State::TooFresh,
                _ if is_marked => State::Marked,
                _ => State::Loaded,
            }
        };
        let mut states: Vec<(Ulid, State)> = Vec::with_capacity(self.shelves.len());
        // A block that another process answers for stands in place of those of this one, too.
        let mut replaced: HashSet<&str> = HashSet::new();
        for (block, shelf) in &self.shelves {
            let state = first(block, shelf);
            let found = listing.blocks.get(block);
            let is_seen = self.partition.has(*block, &shelf.labels)
                || found.is_some_and(|found| is_over(found.written_ms, HANDOVER_MS));
            if state == State::Loaded && is_seen {
                replaced.extend(shelf.replaced.iter().map(String::as_str));
            }
            states.push((*block, state));
        }
        let range = self.partition.clamped(TimeRange::ALL, now_ms);
        for (block, state) in &mut states {
            let Some(shelf) = self.shelves.get(block).filter(|_| *state == State::Loaded) else {
                continue;
            };
            if replaced.contains(block.to_string().as_str()) {
                *state = State::Duplicate;
            } else if !self.partition.has(*block, &shelf.labels) {
                *state = State::LabelExcluded;
            } else if !shelf.span.overlaps(range) {
                *state = State::TimeExcluded;
            }
        }
        states
    }

    /// The block, which is to answer; `None` where it is not known.
    async fn open(&mut self, block: Ulid) -> Result<Option<Arc<Block>>, BucketError> {
        let Some(shelf) = self.shelves.get(&block) else {
            return Ok(None);
        };
        if shelf.block.is_some() {
            return Ok(shelf.block.clone());
        }
        self.metrics.loads.inc();
        let Some(meta) = self.meta(block, &shelf.folder, shelf.meta_bytes).await? else {
            return Ok(None);
        };
        let opened = Block::remote(&self.remote, &shelf.folder, meta, &self.pages)?;
        let opened = Arc::new(opened);
        if let Some(shelf) = self.shelves.get_mut(&block) {
            shelf.block = Some(Arc::clone(&opened));
        }
        tracing::info!(%block, "block of the bucket is loaded");
        Ok(Some(opened))
    }

    /// Forgets a block that is none any more.
    fn forget(&mut self, block: Ulid) {
        self.close(block);
        self.shelves.remove(&block);
    }

    /// Lets go of a block that is not to answer.
    fn close(&mut self, block: Ulid) {
        let shelf = self.shelves.get_mut(&block);
        if shelf.is_some_and(|shelf| shelf.block.take().is_some()) {
            self.metrics.drops.inc();
        }
    }

    /// Says what is wrong with a block, once.
    fn tell(&self, block: Ulid, error: &BucketError) {
        if !self.faulty.contains(&block) {
            let cause = std::error::Error::source(error);
            tracing::error!(%block, %error, cause, "block in the bucket is left out");
        }
    }
}
