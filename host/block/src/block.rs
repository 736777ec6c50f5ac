//! Reads a block.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use narthex_model::{Labels, Matcher};
use narthex_storage::{LabelsRequest, SelectRequest, Series, TimeRange};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use roaring::RoaringBitmap;

use crate::chunks::{CHUNK_COLUMNS, CHUNKS_FILE, ChunkBatch, Samples, Vectors};
use crate::file::VerifiedFile;
use crate::index::{INDEX_FILE, Index};
use crate::meta::{BlockMeta, META_FILE};
use crate::series::{SERIES_COLUMNS, SERIES_FILE, SeriesBatch};
use crate::table::{Batches, Table, ranges};
use crate::times::{TIMES_FILE, vectors};
use crate::{BlockError, Fault, postings};

/// Timestamps that one `select` keeps for the series to come; more are read again.
const TIMESTAMPS_KEPT_MAX: usize = 4 << 20;

/// `meta.json` is not longer than this: at 32 KiB a checksum, a block of 4 TiB.
const META_BYTES_MAX: u64 = 1 << 30;

/// A published block.
#[derive(Debug)]
pub struct Block {
    meta: BlockMeta,
    series: Table,
    index: Index,
    times: Table,
    chunks: Table,
}

impl Block {
    /// Opens the block in `folder`, whose last part is the block's name. Only `meta.json` is
    /// read; the other files must be there and have the right length.
    ///
    /// # Errors
    /// The block is damaged, of a later version, or not one.
    pub async fn open(store: Arc<dyn ObjectStore>, folder: &Path) -> Result<Self, BlockError> {
        let name = folder.filename().unwrap_or_default();
        let meta = read_meta(store.as_ref(), folder, name).await;
        let meta = meta.map_err(|fault| fault.of(name, META_FILE))?;
        let rows = meta.stats.series;
        let series = u32::try_from(rows).map_err(|_| {
            let fault = Fault::format(format!("{rows} series"));
            fault.of(name, META_FILE)
        })?;
        let table = async |file: &'static str| {
            let opened = match meta.files.get(file) {
                None => Err(Fault::format("meta.json does not name it")),
                Some(file_meta) => {
                    let path = folder.clone().join(file);
                    VerifiedFile::open(Arc::clone(&store), path, file_meta).await
                }
            };
            let opened = opened.map_err(|fault| fault.of(name, file))?;
            Ok(Table::new(name, file, opened))
        };
        Ok(Self {
            series: table(SERIES_FILE).await?,
            index: Index::new(table(INDEX_FILE).await?, series),
            times: table(TIMES_FILE).await?,
            chunks: table(CHUNKS_FILE).await?,
            meta,
        })
    }

    /// What the block holds.
    pub fn meta(&self) -> &BlockMeta {
        &self.meta
    }

    /// From the first to the last sample.
    pub fn span(&self) -> TimeRange {
        TimeRange {
            start_ms: self.meta.min_time_ms,
            end_ms: self.meta.max_time_ms,
        }
    }

    /// The samples of all series that match, in [`crate::block_order`].
    ///
    /// # Errors
    /// A file is damaged or the store fails, here or in the stream.
    pub async fn select(
        self: Arc<Self>,
        request: &SelectRequest,
    ) -> Result<BoxStream<'static, Result<Series, BlockError>>, BlockError> {
        let Some(rows) = self.rows(&request.matchers, request.range).await? else {
            return Ok(stream::empty().boxed());
        };
        let scan = Scan::start(self, rows, request.range).await?;
        let series = stream::try_unfold(scan, |mut scan| async move {
            let series = scan.next().await?;
            Ok(series.map(|series| (series, scan)))
        });
        Ok(series.boxed())
    }

    /// The label sets of all series that match and may have a sample in the range, in
    /// [`crate::block_order`].
    ///
    /// # Errors
    /// A file is damaged or the store fails.
    pub async fn series(&self, request: &SelectRequest) -> Result<Vec<Labels>, BlockError> {
        let Some(rows) = self.rows(&request.matchers, request.range).await? else {
            return Ok(Vec::new());
        };
        let read = async || {
            let mut found = Vec::new();
            let mut batches = self.series.read(&SERIES_COLUMNS, rows).await?;
            while let Some(batch) = batches.try_next().await? {
                let batch = SeriesBatch::new(&batch)?;
                for row in 0..batch.len() {
                    if batch.range(row).overlaps(request.range) {
                        found.push(batch.labels(row)?);
                    }
                }
            }
            Ok(found)
        };
        read().await.map_err(|fault| self.series.blame(fault))
    }

    /// The label names of the series that match, sorted; the whole block answers where it
    /// overlaps the range.
    ///
    /// # Errors
    /// A file is damaged or the store fails.
    pub async fn label_names(&self, request: &LabelsRequest) -> Result<Vec<String>, BlockError> {
        let Some(of) = self.matching(&request.matchers, request.range).await? else {
            return Ok(Vec::new());
        };
        let names = self.index.label_names(of.as_ref()).await;
        names.map_err(|fault| self.index.table.blame(fault))
    }

    /// The values of one label of the series that match, sorted; the whole block answers where
    /// it overlaps the range.
    ///
    /// # Errors
    /// A file is damaged or the store fails.
    pub async fn label_values(
        &self,
        name: &str,
        request: &LabelsRequest,
    ) -> Result<Vec<String>, BlockError> {
        let Some(of) = self.matching(&request.matchers, request.range).await? else {
            return Ok(Vec::new());
        };
        let values = self.index.values(name, of.as_ref()).await;
        values.map_err(|fault| self.index.table.blame(fault))
    }

    /// The series that match: `None` for none of them, `Some(None)` for all.
    async fn matching(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Option<Option<RoaringBitmap>>, BlockError> {
        if range.start_ms > range.end_ms || !self.span().overlaps(range) {
            return Ok(None);
        }
        let rows = postings::select(&self.index, matchers).await;
        let rows = rows.map_err(|fault| self.index.table.blame(fault))?;
        Ok(match rows {
            Some(rows) if rows.is_empty() => None,
            rows => Some(rows),
        })
    }

    /// The rows of the series that match.
    async fn rows(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Option<Vec<Range<usize>>>, BlockError> {
        let matching = self.matching(matchers, range).await?;
        Ok(matching.map(|rows| match rows {
            Some(rows) => ranges(rows.iter().map(|row| row as usize)),
            None => std::iter::once(0..self.index.series() as usize).collect(),
        }))
    }

    /// The slices that may have a sample in the range: where their rows start, by time.
    fn slices(&self, range: TimeRange) -> Vec<usize> {
        let series = self.index.series() as usize;
        let mut slices: Vec<(i64, usize)> = self
            .meta
            .slices_ms
            .iter()
            .enumerate()
            .map(|(index, start_ms)| (*start_ms, index * series))
            .filter(|(start_ms, _)| {
                let slice = TimeRange {
                    start_ms: *start_ms,
                    end_ms: start_ms.saturating_add(self.meta.slice_ms - 1),
                };
                slice.overlaps(range)
            })
            .collect();
        slices.sort_unstable();
        slices.into_iter().map(|(_, first_row)| first_row).collect()
    }
}

async fn read_meta(store: &dyn ObjectStore, folder: &Path, name: &str) -> Result<BlockMeta, Fault> {
    let got = store.get(&folder.clone().join(META_FILE)).await?;
    if got.meta.size > META_BYTES_MAX {
        return Err(Fault::format(format!("{} bytes", got.meta.size)));
    }
    BlockMeta::from_json(&got.bytes().await?, name)
}

/// Goes through series and, in step with them, through their rows in each slice.
struct Scan {
    block: Arc<Block>,
    range: TimeRange,
    labels: Batches,
    /// The rows of `labels` that are decoded: the batch, and the next row of it.
    current: Option<(SeriesBatch, usize)>,
    slices: Vec<SliceScan>,
}

struct SliceScan {
    batches: Batches,
    current: Option<(ChunkBatch, usize)>,
    /// The timestamps of the current batch, and some of those before.
    vectors: Vectors,
}

impl Scan {
    async fn start(
        block: Arc<Block>,
        rows: Vec<Range<usize>>,
        range: TimeRange,
    ) -> Result<Self, BlockError> {
        let labels = block.series.read(&SERIES_COLUMNS, rows.clone()).await;
        let labels = labels.map_err(|fault| block.series.blame(fault))?;
        let mut slices = Vec::new();
        for first in block.slices(range) {
            let rows = rows.iter().map(|rows| first + rows.start..first + rows.end);
            let batches = block.chunks.read(&CHUNK_COLUMNS, rows).await;
            slices.push(SliceScan {
                batches: batches.map_err(|fault| block.chunks.blame(fault))?,
                current: None,
                vectors: Vectors::new(),
            });
        }
        Ok(Self {
            block,
            range,
            labels,
            current: None,
            slices,
        })
    }

    /// The next series that has a sample in the range.
    async fn next(&mut self) -> Result<Option<Series>, BlockError> {
        loop {
            let block = Arc::clone(&self.block);
            let ready = self.next_labels().await;
            let Some(row) = ready.map_err(|fault| block.series.blame(fault))? else {
                return Ok(None);
            };
            let samples = self.next_samples().await?;
            let (Some(samples), Some((batch, _))) = (samples, &self.current) else {
                continue;
            };
            let labels = batch.labels(row);
            let labels = labels.map_err(|fault| block.series.blame(fault))?;
            return Ok(Some(Series::of_numbers(labels, samples.0, samples.1)));
        }
    }

    /// Goes to the next label set; its row in the current batch.
    async fn next_labels(&mut self) -> Result<Option<usize>, Fault> {
        loop {
            if let Some((batch, row)) = &mut self.current
                && *row < batch.len()
            {
                *row += 1;
                return Ok(Some(*row - 1));
            }
            match self.labels.try_next().await? {
                Some(batch) => self.current = Some((SeriesBatch::new(&batch)?, 0)),
                None => return Ok(None),
            }
        }
    }

    /// Goes to the next row in every slice and joins what they have.
    async fn next_samples(&mut self) -> Result<Option<Samples>, BlockError> {
        let block = Arc::clone(&self.block);
        let mut parts = VecDeque::new();
        for slice in &mut self.slices {
            let row = slice.next_row().await;
            let row = row.map_err(|fault| block.chunks.blame(fault))?;
            if row == 0 {
                let loaded = slice.load_vectors(&block.times, self.range).await;
                loaded.map_err(|fault| block.times.blame(fault))?;
            }
            let Some((batch, _)) = &slice.current else {
                continue;
            };
            let samples = batch.samples(row, self.range, &slice.vectors);
            parts.extend(samples.map_err(|fault| block.chunks.blame(fault))?);
        }
        if parts.len() <= 1 {
            return Ok(parts.pop_front());
        }
        let timestamps: Vec<i64> = parts.iter().flat_map(|(t, _)| t.iter().copied()).collect();
        let values: Vec<f64> = parts.iter().flat_map(|(_, v)| v.iter().copied()).collect();
        Ok(Some((timestamps.into(), values.into())))
    }
}

impl SliceScan {
    /// Goes to the next row; its place in the current batch.
    async fn next_row(&mut self) -> Result<usize, Fault> {
        loop {
            if let Some((batch, row)) = &mut self.current
                && *row < batch.len()
            {
                *row += 1;
                return Ok(*row - 1);
            }
            match self.batches.try_next().await? {
                Some(batch) => self.current = Some((ChunkBatch::new(&batch)?, 0)),
                None => return Err(Fault::format("it has fewer rows than there are series")),
            }
        }
    }

    /// Reads the timestamp vectors that the current batch needs.
    async fn load_vectors(&mut self, times: &Table, range: TimeRange) -> Result<(), Fault> {
        let Some((batch, _)) = &self.current else {
            return Ok(());
        };
        let kept: usize = self.vectors.values().map(|vector| vector.len()).sum();
        if kept > TIMESTAMPS_KEPT_MAX {
            self.vectors.clear();
        }
        let needed = (0..batch.len()).filter_map(|row| batch.group(row, range));
        let missing: BTreeSet<i32> = needed
            .filter(|group| !self.vectors.contains_key(group))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let row = |group: &i32| {
            usize::try_from(*group).map_err(|_| Fault::format("a negative row of timestamps"))
        };
        let rows = missing.iter().map(row).collect::<Result<Vec<_>, _>>()?;
        let mut groups = missing.into_iter();
        let mut batches = times.read(&["ts"], ranges(rows)).await?;
        while let Some(batch) = batches.try_next().await? {
            let vectors = vectors(&batch)?;
            self.vectors
                .extend(groups.by_ref().take(vectors.len()).zip(vectors));
        }
        Ok(())
    }
}
