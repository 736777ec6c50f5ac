//! Takes over the blocks that a Prometheus has written, slice by slice.
//!
//! What a block of ours was made of is noted in it, and compaction hands the note on: the names of
//! the other store's blocks, and one for each slice that came. So a second import skips what is
//! there, and one that was stopped goes on where it was, whatever its blocks became part of.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use narthex_block::{SLICE_MS, TimeBounds, Ulid, block_order};
use narthex_promblock::{PromBlock, PromBlockError};
use narthex_storage::TimeRange;

use crate::{Tsdb, TsdbError};

/// Slices that one block may have a part in: fifteen years of two hours.
const SLICES_MAX: i64 = 1 << 16;

/// What an import has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Blocks of Prometheus that are here now, those included that were here before.
    pub blocks: usize,
    /// Those that were here before.
    pub skipped: usize,
    /// Samples that came.
    pub samples: u64,
}

/// How far an import is.
#[derive(Debug, Clone, Copy)]
pub struct ImportProgress<'a> {
    /// The block of Prometheus that is read.
    pub block: &'a str,
    /// Which one it is, from 1 on.
    pub number: usize,
    /// How many there are.
    pub blocks: usize,
    /// Slices of two hours of it that are done.
    pub slices_done: usize,
    /// How many it has.
    pub slices: usize,
}

/// Why an import ended early. What came before is here, and need not come again.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A block of Prometheus cannot be read.
    #[error("the blocks cannot be read")]
    Source(#[from] PromBlockError),
    /// Our store failed.
    #[error(transparent)]
    Store(#[from] TsdbError),
    /// A folder cannot be read.
    #[error("cannot read {}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// What is to come does not go with what is here.
    #[error("{0}")]
    Refused(String),
    /// Who watches the progress has stopped it.
    #[error("the import was stopped")]
    Stopped,
}

impl Tsdb {
    /// Takes over all blocks in the data folder of a Prometheus. It must not run on that folder
    /// in the meantime, and the folder is not changed. Each slice of two hours becomes a block;
    /// compaction joins them. Memory holds the labels of one block of Prometheus and one slice.
    ///
    /// It reads files on the thread that it is called on.
    ///
    /// # Errors
    /// A block cannot be read or written; a block has samples in common with one that came as
    /// another block; or our log has samples that are older than what is to come, which would
    /// take their place.
    pub async fn import(
        &self,
        from: &Path,
        mut progress: impl FnMut(ImportProgress<'_>) -> ControlFlow<()>,
    ) -> Result<ImportReport, ImportError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            |source| ImportError::Folder { path, source }
        };
        let source = fs::canonicalize(from).map_err(failed(from))?;
        let ours = self.catalog.path();
        // A store that lies nowhere in the file system is none of its folders.
        let own = match fs::canonicalize(&ours) {
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            own => Some(own.map_err(failed(&ours))?),
        };
        if own == Some(source) {
            let reason = format!("{} is the store itself", from.display());
            return Err(ImportError::Refused(reason));
        }
        let folders = folders(from)?;
        let mut report = ImportReport::default();
        for (at, folder) in folders.iter().enumerate() {
            let block = PromBlock::open(folder)?;
            if block.meta().compaction.deletable {
                continue;
            }
            let told = |slices_done, slices| ImportProgress {
                block: &block.meta().ulid,
                number: at + 1,
                blocks: folders.len(),
                slices_done,
                slices,
            };
            let mut tell = |done, slices| progress(told(done, slices));
            self.import_block(&block, &mut report, &mut tell).await?;
        }
        Ok(report)
    }

    async fn import_block(
        &self,
        block: &PromBlock,
        report: &mut ImportReport,
        tell: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<(), ImportError> {
        let slices = slices(block)?;
        let there = self.taken_over(block, &slices)?;
        let is_there = |slice: &TimeBounds| {
            let within =
                |done: &TimeBounds| done.start_ms <= slice.start_ms && slice.end_ms <= done.end_ms;
            there.iter().any(within)
        };
        let missing: Vec<TimeBounds> = slices.iter().copied().filter(|s| !is_there(s)).collect();
        report.blocks += 1;
        if missing.is_empty() {
            report.skipped += 1;
            return Ok(());
        }
        let numbers = block.numbers_by(block_order)?;
        let mut done = slices.len() - missing.len();
        for slice in missing {
            self.import_slice(block, &numbers, slice, report).await?;
            done += 1;
            if tell(done, slices.len()).is_break() {
                return Err(ImportError::Stopped);
            }
        }
        Ok(())
    }

    /// The spans of a block that are here already.
    fn taken_over(
        &self,
        block: &PromBlock,
        slices: &[TimeBounds],
    ) -> Result<Vec<TimeBounds>, ImportError> {
        let meta = block.meta();
        let named = |slice: &TimeBounds| Some((slice_name(&meta.ulid, *slice)?, *slice));
        let names: BTreeMap<String, TimeBounds> = slices.iter().filter_map(named).collect();
        let mut spans = Vec::new();
        for ours in self.catalog.blocks().iter() {
            let ours = ours.meta();
            if !ours.is_raw() {
                continue;
            }
            let sources: HashSet<&str> = ours.sources().iter().map(String::as_str).collect();
            if sources.contains(meta.ulid.as_str()) {
                let here = || sources.iter().filter_map(|source| names.get(*source));
                let is_of_it = |source: &&str| {
                    let own = &meta.compaction.sources;
                    *source == meta.ulid
                        || names.contains_key(*source)
                        || own.iter().any(|own| own == source)
                };
                // Where samples of others came into the block, its range says nothing. Imports of
                // earlier versions noted no slices.
                match here().next().is_none() || sources.iter().all(is_of_it) {
                    true => spans.push(ours.range),
                    false => spans.extend(here().copied()),
                }
                continue;
            }
            let common = meta
                .compaction
                .sources
                .iter()
                .find(|s| sources.contains(s.as_str()));
            if let Some(common) = common {
                return Err(ImportError::Refused(format!(
                    "block {} has samples of block {common}, which are here already in block {}",
                    meta.ulid, ours.ulid
                )));
            }
        }
        Ok(spans)
    }

    async fn import_slice(
        &self,
        block: &PromBlock,
        numbers: &[usize],
        slice: TimeBounds,
        report: &mut ImportReport,
    ) -> Result<(), ImportError> {
        let meta = block.meta();
        let mut sources = meta.compaction.sources.clone();
        sources.push(meta.ulid.clone());
        sources.extend(slice_name(&meta.ulid, slice));
        sources.sort_unstable();
        sources.dedup();
        let wanted = TimeRange {
            start_ms: slice.start_ms,
            end_ms: slice.end_ms.saturating_sub(1),
        };
        let series = || {
            let mut reader = block.reader();
            numbers.iter().filter_map(move |number| {
                let series = reader.read(*number, wanted).transpose()?;
                Some(series.map_err(ImportError::from))
            })
        };
        let written = self.take_in(slice, sources, series).await?;
        report.samples += written.map_or(0, |meta| meta.stats.samples);
        Ok(())
    }
}

/// The slices of two hours that a block has a part in; the first and the last one as far as the
/// block goes. Our head takes no samples before the end of the last one.
fn slices(block: &PromBlock) -> Result<Vec<TimeBounds>, ImportError> {
    let meta = block.meta();
    let first = meta.min_time.div_euclid(SLICE_MS);
    let last = meta.max_time.saturating_sub(1).div_euclid(SLICE_MS);
    if last - first >= SLICES_MAX {
        let (from, to) = (meta.min_time, meta.max_time);
        let reason = format!("block {} is for the time from {from} to {to}", meta.ulid);
        return Err(ImportError::Refused(reason));
    }
    let slice = |number: i64| TimeBounds {
        start_ms: number.saturating_mul(SLICE_MS).max(meta.min_time),
        end_ms: number
            .saturating_add(1)
            .saturating_mul(SLICE_MS)
            .min(meta.max_time),
    };
    Ok((first..=last).map(slice).collect())
}

/// What the samples of one slice of another store's block are noted as: a name that no block has,
/// made of that block's and of the slice's number. `None` where the block has no name like ours.
fn slice_name(block: &str, slice: TimeBounds) -> Option<String> {
    let block = Ulid::from_string(block).ok()?;
    let number = slice.start_ms.div_euclid(SLICE_MS).to_be_bytes();
    // Above what a number can be, so that it is another name for each of them.
    let mark = (1_u128 << u64::BITS) | u128::from(u64::from_be_bytes(number));
    let name = Ulid::from_parts(block.timestamp_ms(), block.random() ^ mark);
    Some(name.to_string())
}

/// The folders of blocks, by name, and so mostly by time.
fn folders(from: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let failed = |source| ImportError::Folder {
        path: from.to_owned(),
        source,
    };
    let mut folders = Vec::new();
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let is_name = |name: &str| Ulid::from_string(name).is_ok_and(|u| u.to_string() == name);
        if entry.file_name().to_str().is_some_and(is_name) && entry.path().is_dir() {
            folders.push(entry.path());
        }
    }
    folders.sort_unstable();
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slice_of_a_block_has_a_name_of_its_own() {
        let block = Ulid::from_parts(1, 2).to_string();
        let name = |number: i64| {
            let start_ms = number * SLICE_MS;
            let end_ms = start_ms + SLICE_MS;
            slice_name(&block, TimeBounds { start_ms, end_ms }).unwrap()
        };
        let names: HashSet<String> = [-2, -1, 0, 1, 245_000].map(name).into();
        assert_eq!(names.len(), 5);
        assert!(!names.contains(&block));
        // The first slice may begin with the block.
        let (start_ms, end_ms) = (7, SLICE_MS);
        assert_eq!(
            slice_name(&block, TimeBounds { start_ms, end_ms }),
            Some(name(0))
        );
        assert_eq!(slice_name("x", TimeBounds { start_ms, end_ms }), None);
    }
}
