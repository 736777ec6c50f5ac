//! What a bucket holds, as a worker sees it who reads it all but the samples.
//!
//! It is not: [`crate::inventory`], which lets blocks answer queries. This one keeps what a plan
//! needs of a block, and sees what readers are spared: marks, fences, leftovers.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use futures::stream::{self, StreamExt};
use narthex_block::{BlockMeta, Fault, META_FILE, Ulid};
use tokio::sync::Mutex;

use super::CompactError;
use super::group::Group;
use super::quarantine::{NO_COMPACT_FILE, NO_DOWNSAMPLE_FILE};
use crate::access::Access;
use crate::fence::is_fence;
use crate::folder::{Folder, file_of, folders};
use crate::mark::MARK_BYTES_MAX;
use crate::{BucketError, MARK_FILE, Mark, Reason};

/// `meta.json` of a block is not longer than this, as in the inventory.
const META_BYTES_MAX: u64 = 64 << 20;

/// Blocks that are looked at for the first time, side by side.
const BLOCKS_AT_ONCE: usize = 16;

/// A block of the bucket.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) block: Ulid,
    /// Without the checksums of the stretches of its files.
    pub(crate) meta: Arc<BlockMeta>,
    /// Its files.
    pub(crate) folder: Folder,
    /// Whether all files are there with the length that they should have.
    pub(crate) is_whole: bool,
    /// Whether it is to go.
    pub(crate) mark: Option<Mark>,
}

impl Seen {
    /// Whether it is in quarantine.
    pub(crate) fn is_aside(&self) -> bool {
        self.folder.files.contains_key(NO_COMPACT_FILE)
    }

    /// Whether nothing coarser is to be made of it.
    pub(crate) fn stays_fine(&self) -> bool {
        self.folder.files.contains_key(NO_DOWNSAMPLE_FILE)
    }
}

/// A look at a bucket.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) blocks: BTreeMap<Ulid, Seen>,
    /// Folders of blocks without `meta.json`.
    pub(crate) partial: BTreeMap<Ulid, Folder>,
    /// Folders whose name is closed.
    pub(crate) fenced: BTreeMap<Ulid, Folder>,
    /// Blocks whose `meta.json` cannot be read, and why.
    pub(crate) damaged: BTreeMap<Ulid, String>,
    /// The names of all blocks in whose place a whole one stands.
    pub(crate) replaced: HashSet<String>,
}

impl View {
    /// The blocks that readers are answered from, by group, oldest first.
    pub(crate) fn groups(&self) -> BTreeMap<Group, Vec<&Seen>> {
        let mut groups: BTreeMap<Group, Vec<&Seen>> = BTreeMap::new();
        for seen in self.blocks.values().filter(|seen| self.answers(seen)) {
            groups.entry(Group::of(&seen.meta)).or_default().push(seen);
        }
        for blocks in groups.values_mut() {
            blocks.sort_by_key(|seen| (seen.meta.range.start_ms, seen.block));
        }
        groups
    }

    /// Whether a block answers: no other one in its place, whole, and not too old.
    pub(crate) fn answers(&self, seen: &Seen) -> bool {
        let reason = seen.mark.as_ref().map(|mark| mark.reason);
        seen.is_whole
            && reason != Some(Reason::Retention)
            && !self.replaced.contains(&seen.meta.ulid)
    }
}

/// Looks at a bucket again and again; what it knows of a block it does not read twice.
#[derive(Debug)]
pub(crate) struct Viewer {
    pub(crate) access: Access,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// With their bytes: another text may lie there since.
    metas: BTreeMap<Ulid, (u64, Arc<BlockMeta>)>,
    marks: BTreeMap<Ulid, Mark>,
}

/// What lies where a block's `meta.json` would be.
enum Found {
    Block(Arc<BlockMeta>, Option<Mark>),
    Fence,
    /// It went between the listing and now.
    Nothing,
    Damaged(String),
}

impl Viewer {
    pub(crate) fn new(access: Access) -> Self {
        Self {
            access,
            known: Mutex::default(),
        }
    }

    /// Lists the bucket, and reads what is new.
    ///
    /// # Errors
    /// The store failed.
    pub(crate) async fn look(&self) -> Result<View, CompactError> {
        // One look at a time: what one has read, the next one need not.
        let mut known = self.known.lock().await;
        let mut view = View::default();
        let mut looks = Vec::new();
        for (block, folder) in folders(self.access.list().await?) {
            if !folder.has_meta() {
                view.partial.insert(block, folder);
                continue;
            }
            let bytes = folder.files.get(META_FILE).copied();
            let same = known.metas.get(&block);
            let same = same.filter(|(known, _)| Some(*known) == bytes);
            let meta = same.map(|(_, meta)| Arc::clone(meta));
            let mark = known.marks.get(&block).cloned();
            looks.push(async move {
                let found = self.read(block, &folder, meta, mark).await;
                (block, folder, found)
            });
        }
        let looks: Vec<_> = stream::iter(looks)
            .buffer_unordered(BLOCKS_AT_ONCE)
            .collect()
            .await;
        for (block, folder, found) in looks {
            match found? {
                Found::Block(meta, mark) => {
                    let bytes = folder.files.get(META_FILE).copied();
                    let own = (bytes.unwrap_or_default(), Arc::clone(&meta));
                    known.metas.insert(block, own);
                    let is_whole = is_whole(&meta, &folder);
                    view.blocks.insert(
                        block,
                        Seen {
                            block,
                            meta,
                            folder,
                            is_whole,
                            mark,
                        },
                    );
                }
                Found::Fence => drop(view.fenced.insert(block, folder)),
                Found::Nothing => {}
                Found::Damaged(reason) => drop(view.damaged.insert(block, reason)),
            }
        }
        let there: BTreeSet<Ulid> = view.blocks.keys().copied().collect();
        known.metas.retain(|block, _| there.contains(block));
        let marks = view.blocks.values();
        let marks = marks.filter_map(|seen| Some((seen.block, seen.mark.clone()?)));
        known.marks = marks.collect();
        let whole = view.blocks.values().filter(|seen| seen.is_whole);
        let replaced = whole.flat_map(|seen| seen.meta.replaced().map(str::to_owned));
        view.replaced = replaced.collect();
        Ok(view)
    }

    async fn read(
        &self,
        block: Ulid,
        folder: &Folder,
        meta: Option<Arc<BlockMeta>>,
        mark: Option<Mark>,
    ) -> Result<Found, CompactError> {
        let meta = match meta {
            Some(meta) => meta,
            None => {
                let path = file_of(block, META_FILE);
                let text = match self.access.get(&path, META_BYTES_MAX).await {
                    Err(error) if error.is_absent() => return Ok(Found::Nothing),
                    Err(error @ BucketError::TooLarge { .. }) => {
                        return Ok(Found::Damaged(error.to_string()));
                    }
                    text => text?,
                };
                if is_fence(&text) {
                    return Ok(Found::Fence);
                }
                match BlockMeta::parse(&text, &block.to_string()) {
                    Ok(meta) => Arc::new(without_sums(meta)),
                    Err(error) => return Ok(Found::Damaged(reason(&error.fault))),
                }
            }
        };
        let mark = match (mark, folder.has_mark()) {
            (mark @ Some(_), true) => mark,
            (None, true) => self.read_mark(block).await?,
            (_, false) => None,
        };
        Ok(Found::Block(meta, mark))
    }

    async fn read_mark(&self, block: Ulid) -> Result<Option<Mark>, CompactError> {
        let path = file_of(block, MARK_FILE);
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
}

/// What is wrong, with what it was caused by.
pub(crate) fn reason(fault: &Fault) -> String {
    let mut text = fault.to_string();
    let mut cause = std::error::Error::source(fault);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A plan does not need the checksum of each stretch, of which long blocks have millions.
fn without_sums(mut meta: BlockMeta) -> BlockMeta {
    for file in meta.files.values_mut() {
        file.sums = String::new();
    }
    meta
}

fn is_whole(meta: &BlockMeta, folder: &Folder) -> bool {
    let mut files = meta.files.iter();
    files.all(|(name, file)| folder.files.get(name) == Some(&file.size))
}
