//! Which blocks are in the bucket, and which of them answer.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use futures::stream::{self, StreamExt};
use narthex_block::{Block, BlockMeta, META_FILE, PageCache, Remote, Ulid};
use tokio::sync::Mutex;

use crate::access::Access;
use crate::fence::is_fence;
use crate::folder::{Folder, file_of, path_of};
use crate::kin::is_held_by;
use crate::mark::MARK_BYTES_MAX;
use crate::metas::Metas;
use crate::metrics::Metrics;
use crate::{BucketError, MARK_FILE, Mark, Reason};

/// `meta.json` of a block is not longer than this: at 32 KiB a checksum, a block of 256 GiB.
pub(crate) const META_BYTES_MAX: u64 = 64 << 20;

/// Blocks that are looked at for the first time, side by side.
const BLOCKS_AT_ONCE: usize = 16;

/// A mark that a listing does not show any more has been taken away, unless it is as young as
/// this: listings may be late.
const LATE_SECONDS_MAX: i64 = 3_600;

/// What is known of the bucket.
#[derive(Debug)]
pub(crate) struct Inventory {
    pub(crate) access: Access,
    remote: Arc<Remote>,
    pages: Arc<PageCache>,
    metas: Metas,
    metrics: Arc<Metrics>,
    /// Only the task that looks at the bucket takes it.
    entries: Mutex<Entries>,
    /// What readers see; `None` as long as nobody knows.
    visible: ArcSwapOption<Vec<Arc<Block>>>,
    /// The names of the blocks that answer and were seen in the bucket by this process, whole, and
    /// of those in whose place they stand. Their sources are not enough: blocks that were taken
    /// over from another store share them.
    safe: ArcSwap<HashSet<String>>,
    /// The same of all blocks that were seen, also of those that no longer answer.
    there: ArcSwap<HashSet<String>>,
    /// The blocks that answer and were seen in the bucket by this process, whole.
    seen: ArcSwap<Vec<Arc<Block>>>,
}

#[derive(Debug, Default)]
struct Entries {
    blocks: BTreeMap<Ulid, Entry>,
    /// Blocks that cannot be opened. The log has said so.
    unreadable: BTreeSet<Ulid>,
}

/// A block in the bucket.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) block: Arc<Block>,
    /// Bytes of its `meta.json`.
    meta_bytes: u64,
    /// Whether all files were there with the length that they should have, at the last look.
    pub(crate) is_whole: bool,
    pub(crate) mark: Option<Mark>,
}

impl Inventory {
    /// Of a bucket of which the local disk may know something from an earlier process.
    pub(crate) fn new(
        access: Access,
        remote: Arc<Remote>,
        pages: Arc<PageCache>,
        metas: Metas,
        metrics: Arc<Metrics>,
    ) -> Self {
        let inventory = Self {
            access,
            remote,
            pages,
            metas,
            metrics,
            entries: Mutex::default(),
            visible: ArcSwapOption::empty(),
            safe: ArcSwap::default(),
            there: ArcSwap::default(),
            seen: ArcSwap::default(),
        };
        let known = inventory.metas.all().map(|metas| {
            let blocks = metas
                .into_iter()
                .filter_map(|meta| inventory.open(meta).ok());
            blocks.map(Arc::new).collect::<Vec<_>>()
        });
        if let Some(blocks) = known {
            let visible = not_replaced(&blocks, blocks.iter());
            tracing::info!(
                blocks = visible.len(),
                "blocks of the bucket are known from before"
            );
            inventory.visible.store(Some(Arc::new(visible)));
        }
        inventory
    }

    /// The blocks that answer, oldest first.
    pub(crate) fn visible(&self) -> Option<Arc<Vec<Arc<Block>>>> {
        self.visible.load_full()
    }

    /// Whether all samples of a block are in the bucket, or what a compactor has made of them.
    pub(crate) fn has(&self, block: &Block) -> bool {
        self.safe.load().contains(&block.meta().ulid) || self.is_elsewhere(block)
    }

    /// Whether a block is to be brought to the bucket: it is not there, and none in its place, nor
    /// what a compactor has made of its samples.
    pub(crate) fn lacks(&self, block: &Block) -> bool {
        !self.there.load().contains(&block.meta().ulid) && !self.is_elsewhere(block)
    }

    /// Whether what a compactor made of the samples of a block was seen by this process.
    fn is_elsewhere(&self, block: &Block) -> bool {
        is_held_by(block.meta(), &self.seen.load())
    }

    /// All entries.
    pub(crate) async fn entries(&self) -> BTreeMap<Ulid, Entry> {
        self.entries.lock().await.blocks.clone()
    }

    /// Learns what a listing shows. What it does not show and was known is asked for by name.
    pub(crate) async fn refresh(
        &self,
        folders: &BTreeMap<Ulid, Folder>,
        now_ms: i64,
    ) -> Result<(), BucketError> {
        let mut entries = self.entries.lock().await;
        let shown = folders.iter().filter(|(_, folder)| folder.has_meta());
        let shown: BTreeSet<Ulid> = shown.map(|(block, _)| *block).collect();
        let unknown: Vec<Ulid> = entries.blocks.keys().copied().collect();
        for block in unknown.into_iter().filter(|block| !shown.contains(block)) {
            if self
                .access
                .size(&file_of(block, META_FILE))
                .await?
                .is_none()
            {
                tracing::info!(%block, "block is gone from the bucket");
                entries.blocks.remove(&block);
            }
        }
        let nothing = Folder::default();
        let looked = entries.blocks.keys().chain(&shown).copied();
        let looked: BTreeSet<Ulid> = looked.collect();
        let mut looks = Vec::with_capacity(looked.len());
        for block in looked {
            let known = entries.blocks.get(&block).cloned();
            let folder = folders.get(&block).unwrap_or(&nothing);
            looks.push(async move { (block, self.look(block, folder, known, now_ms).await) });
        }
        let looks: Vec<_> = stream::iter(looks)
            .buffer_unordered(BLOCKS_AT_ONCE)
            .collect()
            .await;
        let mut unreadable = BTreeSet::new();
        for (block, look) in looks {
            match look {
                Ok(Some(entry)) => drop(entries.blocks.insert(block, entry)),
                // It went between the listing and now.
                Ok(None) => drop(entries.blocks.remove(&block)),
                Err(error) if error.is_local() => {
                    let cause = std::error::Error::source(&error);
                    if !entries.unreadable.contains(&block) {
                        tracing::error!(%block, %error, cause, "block in the bucket is left out");
                    }
                    unreadable.insert(block);
                }
                Err(error) => return Err(error),
            }
        }
        entries.unreadable = unreadable;
        self.publish(&entries);
        let is_there = |block: Ulid| entries.blocks.contains_key(&block);
        self.metas.complete(is_there)
    }

    /// What is known of a block now; `None` where it is gone.
    async fn look(
        &self,
        block: Ulid,
        folder: &Folder,
        known: Option<Entry>,
        now_ms: i64,
    ) -> Result<Option<Entry>, BucketError> {
        // Another text may lie there since: what closes the name, where the store overwrites what is
        // there, or a block with other labels.
        let is_same = |entry: &Entry| {
            let bytes = folder.files.get(META_FILE);
            bytes.is_none_or(|bytes| *bytes == entry.meta_bytes)
        };
        let known = known.filter(is_same);
        let was_known = known.is_some();
        let mut entry = match known {
            Some(entry) => entry,
            None => match self.read(block).await? {
                None => return Ok(None),
                Some((block, meta_bytes)) => Entry {
                    block: Arc::new(block),
                    meta_bytes,
                    is_whole: false,
                    mark: None,
                },
            },
        };
        // Files may vanish from a block that was whole: its server brings them again.
        let was_left_out = was_known && !entry.is_whole;
        entry.is_whole = self.is_whole(block, folder, entry.block.meta()).await?;
        if !entry.is_whole && !was_left_out {
            if was_known
                && self
                    .access
                    .size(&file_of(block, META_FILE))
                    .await?
                    .is_none()
            {
                // All of it goes.
                return Ok(None);
            }
            tracing::error!(%block, "block in the bucket has not all its files and is left out");
        }
        let now_s = now_ms.div_euclid(1_000);
        let is_late = |mark: &Mark| mark.deletion_time.saturating_add(LATE_SECONDS_MAX) > now_s;
        match (&entry.mark, folder.has_mark()) {
            (None, true) => entry.mark = self.read_mark(block).await?,
            (Some(mark), false) if !is_late(mark) => entry.mark = None,
            _ => {}
        }
        Ok(Some(entry))
    }

    /// Opens a block that was not known, and says how long its `meta.json` is; `None` where there is
    /// none.
    async fn read(&self, block: Ulid) -> Result<Option<(Block, u64)>, BucketError> {
        let path = file_of(block, META_FILE);
        if self.metas.get(block).is_some() {
            // A listing may show what was there some time ago, and another text may be there since.
            let Some(bytes) = self.access.size(&path).await? else {
                return Ok(None);
            };
            if let Some(meta) = self.metas.get_of_size(block, bytes) {
                return Ok(Some((self.open(meta)?, bytes)));
            }
        }
        let text = match self.access.get(&path, META_BYTES_MAX).await {
            Err(error) if error.is_absent() => return Ok(None),
            text => text?,
        };
        // A compactor has closed the name: there is no block, and never will be.
        if is_fence(&text) {
            return Ok(None);
        }
        let meta = BlockMeta::parse(&text, &block.to_string())?;
        self.metas.keep(block, &text);
        Ok(Some((self.open(meta)?, text.len() as u64)))
    }

    fn open(&self, meta: BlockMeta) -> Result<Block, BucketError> {
        let folder = object_store::path::Path::from(meta.ulid.as_str());
        Ok(Block::remote(&self.remote, &folder, meta, &self.pages)?)
    }

    async fn is_whole(
        &self,
        block: Ulid,
        folder: &Folder,
        meta: &BlockMeta,
    ) -> Result<bool, BucketError> {
        for (name, file) in &meta.files {
            if folder.files.get(name) == Some(&file.size) {
                continue;
            }
            let found = self.access.size(&file_of(block, name)).await?;
            if found != Some(file.size) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn read_mark(&self, block: Ulid) -> Result<Option<Mark>, BucketError> {
        let path = path_of(block).join(MARK_FILE);
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

    /// Adds a block that was brought to the bucket and read back.
    pub(crate) async fn add(&self, block: Ulid, text: &[u8]) -> Result<(), BucketError> {
        let meta = BlockMeta::parse(text, &block.to_string())?;
        self.metas.keep(block, text);
        let entry = Entry {
            block: Arc::new(self.open(meta)?),
            meta_bytes: text.len() as u64,
            is_whole: true,
            mark: None,
        };
        let mut entries = self.entries.lock().await;
        entries.blocks.insert(block, entry);
        self.publish(&entries);
        Ok(())
    }

    /// Notes that a block was marked.
    pub(crate) async fn mark(&self, block: Ulid, mark: Mark) {
        let mut entries = self.entries.lock().await;
        if let Some(entry) = entries.blocks.get_mut(&block) {
            entry.mark = Some(mark);
        }
        self.publish(&entries);
    }

    /// Forgets a block that is deleted, also for the next process. Who reads it goes on as far as
    /// he can.
    pub(crate) async fn forget(&self, block: Ulid) -> Result<(), BucketError> {
        self.metas.forget(block)?;
        let mut entries = self.entries.lock().await;
        entries.blocks.remove(&block);
        self.publish(&entries);
        Ok(())
    }

    /// Shows readers what there is.
    fn publish(&self, entries: &Entries) {
        let whole = entries.blocks.values().filter(|entry| entry.is_whole);
        let all: Vec<Arc<Block>> = whole
            .clone()
            .map(|entry| Arc::clone(&entry.block))
            .collect();
        self.there.store(Arc::new(names(&all)));
        let answering = whole.filter(|entry| {
            let reason = entry.mark.as_ref().map(|mark| mark.reason);
            reason != Some(Reason::Retention)
        });
        let visible = not_replaced(&all, answering.map(|entry| &entry.block));
        self.safe.store(Arc::new(names(&visible)));
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let damaged = entries.blocks.len() - all.len() + entries.unreadable.len();
        self.metrics.damaged.set(count(damaged));
        self.metrics.blocks.set(count(visible.len()));
        let visible = Arc::new(visible);
        self.seen.store(Arc::clone(&visible));
        self.visible.store(Some(visible));
    }
}

/// The names of blocks, and of those in whose place they stand.
fn names(blocks: &[Arc<Block>]) -> HashSet<String> {
    let names = blocks.iter().flat_map(|block| {
        let meta = block.meta();
        meta.replaced().chain([meta.ulid.as_str()])
    });
    names.map(str::to_owned).collect()
}

/// Those blocks in whose place none of `all` stands, oldest first.
fn not_replaced<'a>(
    all: &[Arc<Block>],
    blocks: impl Iterator<Item = &'a Arc<Block>>,
) -> Vec<Arc<Block>> {
    let replaced: HashSet<&str> = all
        .iter()
        .flat_map(|block| block.meta().replaced())
        .collect();
    let kept = blocks.filter(|block| !replaced.contains(block.meta().ulid.as_str()));
    let mut kept: Vec<Arc<Block>> = kept.cloned().collect();
    kept.sort_by_key(|block| (block.meta().range.start_ms, block.meta().ulid.clone()));
    kept
}
