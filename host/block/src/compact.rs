//! Makes one block of several: first the label sets, then slice after slice of their samples.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use object_store::ObjectStore;
use object_store::path::Path;
use ulid::Ulid;

use crate::chunks::{CHUNKS_FILE, SliceRows};
use crate::extras::Extras;
use crate::label_files::{LabelFiles, WrittenLabels};
use crate::meta::{
    BlockMeta, BlockStats, CODEC, Compaction, FileMeta, META_FILE, Parent, TimeBounds, VERSION,
};
use crate::series_union::SeriesUnion;
use crate::slice_union::SliceUnion;
use crate::sums::SUM_BYTES;
use crate::times::{Groups, TIMES_FILE};
use crate::tombstones::TOMBSTONES_FILE;
use crate::upload::FileWriter;
use crate::write::{Files, ROW_GROUP_ROWS, WRITE_ROWS, append};
use crate::{Block, BlockError, Fault, chunks, times};

/// Blocks that one compaction takes. Each that has samples in a slice costs a row group of memory
/// while the slice is written.
pub const PARENTS_MAX: usize = 16;

/// Writes a block of all samples of `parents` into `folder` of the store, `meta.json` last. Where
/// two parents have a sample of one series at the same time, that of the earlier one in the list
/// counts. Slices keep their length. The cells of a series in a slice are copied byte by byte
/// where only one parent has them, and encoded anew where several have.
///
/// Memory holds four bytes for each series of each parent, the new index, the timestamp vectors
/// of one slice, the row group that is written, and of each parent with samples in the slice a row
/// group as it lies in the file. It does not grow with the number of slices.
///
/// Dropping the future ends the work; what was written until then stays behind, without a
/// `meta.json`, as it does after an error.
///
/// # Errors
/// A parent is damaged or has deleted samples, and is named; the store failed; the parents are none, more than
/// [`PARENTS_MAX`], or have slices of different lengths, different resolutions or different labels.
#[boxed]
pub async fn compact(
    store: &dyn ObjectStore,
    folder: &Path,
    parents: &[Arc<Block>],
    ulid: Ulid,
) -> Result<BlockMeta, BlockError> {
    let block = ulid.to_string();
    let files = Files {
        store,
        folder,
        block: &block,
    };
    let slice_ms = slice_length(parents).map_err(|fault| files.blame(META_FILE, fault))?;
    let own_labels = own_labels(parents).map_err(|fault| files.blame(META_FILE, fault))?;
    if let Some(parent) = parents.iter().find(|parent| parent.has_tombstones()) {
        let fault =
            Fault::format("a block with deleted samples is rewritten before it is compacted");
        return Err(fault.of(&parent.meta().ulid, TOMBSTONES_FILE));
    }
    let resolution_ms = resolution(parents).map_err(|fault| files.blame(META_FILE, fault))?;
    let (labels, rows) = write_labels(files, parents).await?;
    let samples = write_samples(files, parents, labels.series, &rows).await?;
    let metas = || parents.iter().map(|parent| parent.meta());
    let meta = BlockMeta {
        version: VERSION,
        ulid: block.clone(),
        codec: CODEC.to_owned(),
        range: TimeBounds {
            start_ms: metas().map(|m| m.range.start_ms).min().unwrap_or_default(),
            end_ms: metas().map(|m| m.range.end_ms).max().unwrap_or_default(),
        },
        min_time_ms: labels.span.start_ms,
        max_time_ms: labels.span.end_ms,
        slice_ms,
        slices_ms: samples.slices_ms,
        resolution_ms,
        stats: BlockStats {
            series: labels.series as u64,
            samples: samples.count,
            timestamp_groups: samples.timestamp_groups as u64,
            label_pairs: labels.pairs as u64,
        },
        compaction: Some(origin(parents)),
        log_from_ms: log_from(parents),
        labels: own_labels,
        sum_bytes: SUM_BYTES,
        files: labels.files.into_iter().chain(samples.files).collect(),
    };
    files.seal(&meta).await?;
    Ok(meta)
}

/// The length of the slices of all parents.
fn slice_length(parents: &[Arc<Block>]) -> Result<i64, Fault> {
    let lengths: BTreeSet<i64> = parents.iter().map(|p| p.meta().slice_ms).collect();
    match lengths.first() {
        None => Err(Fault::format("a block cannot be made of none")),
        Some(_) if parents.len() > PARENTS_MAX => {
            let message = format!("{} blocks, at most {PARENTS_MAX} become one", parents.len());
            Err(Fault::format(message))
        }
        Some(length) if lengths.len() == 1 => Ok(*length),
        Some(_) => Err(Fault::format("blocks with slices of different lengths")),
    }
}

/// The labels of all parents. Samples of different servers do not become one: nobody could tell
/// them apart again.
pub(crate) fn own_labels(parents: &[Arc<Block>]) -> Result<BTreeMap<String, String>, Fault> {
    let mut all = parents.iter().map(|parent| &parent.meta().labels);
    let first = all.next().cloned().unwrap_or_default();
    match all.all(|labels| *labels == first) {
        true => Ok(first),
        false => Err(Fault::format("blocks with different labels")),
    }
}

/// The resolution of all parents.
fn resolution(parents: &[Arc<Block>]) -> Result<i64, Fault> {
    let found: BTreeSet<i64> = parents.iter().map(|p| p.meta().resolution_ms).collect();
    match found.len() {
        0 | 1 => Ok(found.first().copied().unwrap_or_default()),
        _ => Err(Fault::format("blocks of different resolutions")),
    }
}

/// From when on the log may have samples of the new block's range that it has not.
pub(crate) fn log_from(parents: &[Arc<Block>]) -> Option<i64> {
    let metas = || parents.iter().map(|parent| parent.meta());
    let end_ms = metas().map(|meta| meta.range.end_ms).max()?;
    let complete_to_ms = metas().map(BlockMeta::complete_to_ms).max()?;
    (complete_to_ms < end_ms).then_some(complete_to_ms)
}

/// What the new block is made of.
fn origin(parents: &[Arc<Block>]) -> Compaction {
    let metas = || parents.iter().map(|parent| parent.meta());
    let sources: BTreeSet<&String> = metas().flat_map(BlockMeta::sources).collect();
    let level = metas().map(BlockMeta::level).max().unwrap_or_default();
    Compaction {
        level: level.saturating_add(1),
        sources: sources.into_iter().cloned().collect(),
        parents: metas().flat_map(ancestry).collect(),
    }
}

/// A parent, and the blocks that it stands in place of and that are no sources: one of them may
/// still lie beside the new block where the parent never lay.
pub(crate) fn ancestry(meta: &BlockMeta) -> impl Iterator<Item = Parent> {
    let itself = Parent {
        ulid: meta.ulid.clone(),
        range: meta.range,
    };
    let before = meta.compaction.iter().flat_map(|made| &made.parents);
    let before = before.filter(|parent| !meta.sources().contains(&parent.ulid));
    std::iter::once(itself).chain(before.cloned())
}

/// Files that are written, by name.
type Written = Vec<(String, FileMeta)>;

/// Writes the label sets of all parents; for each parent, the new row of each of its series.
async fn write_labels(
    files: Files<'_>,
    parents: &[Arc<Block>],
) -> Result<(WrittenLabels, Vec<Vec<u32>>), BlockError> {
    let mut written = LabelFiles::new(files)?;
    let mut union = SeriesUnion::open(parents).await?;
    while let Some((labels, range)) = union.next().await? {
        written.push(labels, range).await?;
    }
    Ok((written.finish().await?, union.into_rows()?))
}

/// A slice of a parent: its number in the parent, and the new row of each of its series.
type SliceOf<'a> = (&'a Block, usize, &'a [u32]);

/// What is known once the samples are written.
struct WrittenSamples {
    files: Written,
    slices_ms: Vec<i64>,
    count: u64,
    timestamp_groups: usize,
}

async fn write_samples(
    files: Files<'_>,
    parents: &[Arc<Block>],
    series: usize,
    rows: &[Vec<u32>],
) -> Result<WrittenSamples, BlockError> {
    let mut chunks = files.create(CHUNKS_FILE, chunks::layout)?;
    let mut times = TimesFile::new(files.create(TIMES_FILE, times::layout)?);
    let mut slices: BTreeMap<i64, Vec<SliceOf<'_>>> = BTreeMap::new();
    for (parent, rows) in parents.iter().zip(rows) {
        for (number, slice_ms) in parent.meta().slices_ms.iter().enumerate() {
            let of_slice = slices.entry(*slice_ms).or_default();
            of_slice.push((parent, number, rows));
        }
    }
    let slices_ms = slices.keys().copied().collect();
    let mut count = 0;
    let mut extras_files = files.extras();
    for (slice, (slice_ms, sources)) in slices.into_iter().enumerate() {
        let first_row = slice.saturating_mul(series);
        let mut extras = Extras::default();
        let mut union = SliceUnion::open(slice_ms, sources).await?;
        let mut rows = SliceRows::new(slice_ms);
        let mut groups = Groups::after(times.written);
        for start in (0..series).step_by(WRITE_ROWS) {
            let end = series.min(start + WRITE_ROWS);
            let out = (&mut rows, &mut extras);
            count += union.read_until(end, out, &mut groups).await?;
            extras_files.append(first_row, &mut extras).await?;
            let written = match rows.take(end) {
                Ok(rows) => append(&mut chunks, &rows, end).await,
                Err(fault) => Err(fault),
            };
            written.map_err(|fault| files.blame(CHUNKS_FILE, fault))?;
        }
        // A row group has rows of one slice only.
        let ended = chunks.end_row_group().await;
        ended.map_err(|fault| files.blame(CHUNKS_FILE, fault))?;
        let added = times.add(&groups).await;
        added.map_err(|fault| files.blame(TIMES_FILE, fault))?;
    }
    let timestamp_groups = times.written;
    let chunks = chunks.finish().await;
    let chunks = chunks.map_err(|fault| files.blame(CHUNKS_FILE, fault))?;
    let times = times.file.finish().await;
    let times = times.map_err(|fault| files.blame(TIMES_FILE, fault))?;
    let Extras { histograms, starts } = extras_files;
    let mut files = vec![
        (CHUNKS_FILE.to_owned(), chunks),
        (TIMES_FILE.to_owned(), times),
    ];
    files.extend(histograms.finish().await?);
    files.extend(starts.finish().await?);
    Ok(WrittenSamples {
        files,
        slices_ms,
        count,
        timestamp_groups,
    })
}

/// `times.parquet`, to which each slice adds its vectors.
struct TimesFile<'a> {
    file: FileWriter<'a>,
    /// Vectors so far.
    written: usize,
}

impl<'a> TimesFile<'a> {
    fn new(file: FileWriter<'a>) -> Self {
        Self { file, written: 0 }
    }

    async fn add(&mut self, groups: &Groups) -> Result<(), Fault> {
        let mut start = 0;
        while start < groups.len() {
            let room = ROW_GROUP_ROWS - self.written % ROW_GROUP_ROWS;
            let rows = groups.rows(start, WRITE_ROWS.min(room))?;
            start += rows.num_rows();
            self.written += rows.num_rows();
            append(&mut self.file, &rows, self.written).await?;
        }
        Ok(())
    }
}
