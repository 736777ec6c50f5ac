//! The samples that several blocks have in one slice of time, series by series.

use std::collections::{BTreeSet, HashMap};

use arrow_buffer::ScalarBuffer;
use futures::TryStreamExt;
use narthex_model::Labels;
use narthex_storage::{Series, TimeRange};

use crate::chunks::SliceRows;
use crate::chunks_page::{ChunksPage, contradiction};
use crate::extras::{self, ExtraCells, Extras, ExtrasScan, RichSamples};
use crate::page::Page;
use crate::side::SideRows;
use crate::table::{Batches, joined};
use crate::times::{Groups, TimesPage};
use crate::{Block, BlockError, Fault};

/// Goes through the rows of one slice, as many as the union of the blocks has series. It holds
/// one batch of rows of each block, and the timestamp vectors of the slice.
pub(crate) struct SliceUnion<'a> {
    slice_ms: i64,
    /// Of equal timestamps, the sample of the first source counts.
    sources: Vec<Source<'a>>,
    /// The row that comes next.
    next: usize,
}

/// The rows of one block.
struct Source<'a> {
    block: &'a Block,
    /// The row in the union of each series of the block.
    rows: &'a [u32],
    /// The series that comes next.
    next: usize,
    batches: Batches,
    batch: Option<Batch>,
    /// The first row of the slice in the block.
    first_row: usize,
    extras: ExtrasScan,
    /// What the current row has beside numbers.
    cells: ExtraCells,
    /// Timestamp vectors by their row in the block.
    vectors: HashMap<usize, ScalarBuffer<i64>>,
    /// Where those vectors that were needed lie in the new block.
    placed: HashMap<usize, i32>,
}

struct Batch {
    page: ChunksPage,
    /// The row that was read last.
    row: usize,
}

impl<'a> SliceUnion<'a> {
    /// Opens a slice of blocks: of each the number of the slice in it, and where its series are
    /// in the union.
    pub(crate) async fn open(
        slice_ms: i64,
        blocks: impl IntoIterator<Item = (&'a Block, usize, &'a [u32])>,
    ) -> Result<Self, BlockError> {
        let mut sources = Vec::new();
        for (block, slice, rows) in blocks {
            sources.push(Source::open(block, slice, rows).await?);
        }
        Ok(Self {
            slice_ms,
            sources,
            next: 0,
        })
    }

    /// Adds the samples of the series before `end` to `out`, and gives their number. What one
    /// block alone has goes over as it is; what several have is decoded, joined and encoded anew.
    pub(crate) async fn read_until(
        &mut self,
        end: usize,
        mut out: (&mut SliceRows, &mut Extras<SideRows>),
        groups: &mut Groups,
    ) -> Result<u64, BlockError> {
        let mut samples = 0;
        let mut found: Vec<usize> = Vec::new();
        for row in self.next..end {
            found.clear();
            for (index, source) in self.sources.iter_mut().enumerate() {
                if source.go_to(row).await? {
                    found.push(index);
                }
            }
            samples += match found[..] {
                [] => 0,
                [only] => {
                    let source = &mut self.sources[only];
                    let copied = source.copy(self.slice_ms, row, &mut out, groups);
                    copied.map_err(|fault| source.block.chunks.blame(fault))?
                }
                _ => self.join(&found, row, &mut out, groups)?,
            };
        }
        self.next = end;
        Ok(samples)
    }

    fn join(
        &self,
        found: &[usize],
        row: usize,
        (rows, extras): &mut (&mut SliceRows, &mut Extras<SideRows>),
        groups: &mut Groups,
    ) -> Result<u64, BlockError> {
        let mut parts = Vec::with_capacity(found.len());
        for index in found {
            let source = &self.sources[*index];
            let samples = source.samples();
            parts.extend(samples.map_err(|fault| source.block.chunks.blame(fault))?);
        }
        let Some(joined) = Series::join(parts) else {
            return Ok(0);
        };
        let mut add = || {
            let cells = extras::encode(&joined, 0..joined.timestamps.len())?;
            extras.push(row, cells);
            let place = groups.place(self.slice_ms, &joined.timestamps)?;
            rows.push(row, place, &joined.values)
        };
        let first = self.sources[found[0]].block;
        add().map_err(|fault| first.chunks.blame(fault))?;
        Ok(joined.timestamps.len() as u64)
    }
}

impl<'a> Source<'a> {
    async fn open(block: &'a Block, slice: usize, rows: &'a [u32]) -> Result<Self, BlockError> {
        let table = &block.chunks;
        let first = slice.saturating_mul(rows.len());
        let all = first..first.saturating_add(rows.len());
        let batches = table.read(ChunksPage::COLUMNS, Some(all.clone())).await;
        Ok(Self {
            block,
            rows,
            next: 0,
            batches: batches.map_err(|fault| table.blame(fault))?,
            batch: None,
            first_row: first,
            extras: ExtrasScan::open(block, all).await?,
            cells: ExtraCells::default(),
            vectors: HashMap::new(),
            placed: HashMap::new(),
        })
    }

    /// Goes to the row of a series of the union, which is not before the last one; whether the
    /// block has samples of it in this slice.
    async fn go_to(&mut self, row: usize) -> Result<bool, BlockError> {
        if self.rows.get(self.next).map(|row| *row as usize) != Some(row) {
            return Ok(false);
        }
        let own_row = self.first_row + self.next;
        self.next += 1;
        let is_new = self.read().await;
        if is_new.map_err(|fault| self.block.chunks.blame(fault))? {
            let loaded = self.load_vectors().await;
            loaded.map_err(|fault| self.block.times.blame(fault))?;
        }
        if self.block.has_extras() {
            self.cells = self.extras.next(self.block, own_row).await?;
        }
        let batch = self.batch.as_ref();
        Ok(batch.is_some_and(|batch| batch.page.group(batch.row).is_some()))
    }

    /// Goes to the next row; whether it is the first of a batch.
    async fn read(&mut self) -> Result<bool, Fault> {
        if let Some(batch) = &mut self.batch
            && batch.row + 1 < batch.page.len()
        {
            batch.row += 1;
            return Ok(false);
        }
        loop {
            let rows = self.batches.try_next().await?;
            let rows =
                rows.ok_or_else(|| Fault::format("it has fewer rows than there are series"))?;
            if rows.num_rows() > 0 {
                self.batch = Some(Batch {
                    page: ChunksPage::decode(&rows)?,
                    row: 0,
                });
                return Ok(true);
            }
        }
    }

    /// Reads the timestamp vectors that the batch needs.
    async fn load_vectors(&mut self) -> Result<(), Fault> {
        let Some(batch) = &self.batch else {
            return Ok(());
        };
        let needed = (0..batch.page.len()).filter_map(|row| batch.page.group(row));
        let missing: BTreeSet<usize> = needed
            .filter(|group| !self.vectors.contains_key(group))
            .collect();
        let rows = joined(missing.iter().map(|row| *row..row.saturating_add(1)));
        let mut groups = missing.into_iter();
        let mut batches = self.block.times.read(TimesPage::COLUMNS, rows).await?;
        while let Some(batch) = batches.try_next().await? {
            let vectors = TimesPage::decode(&batch)?.into_vectors();
            let read = groups.by_ref().take(vectors.len());
            self.vectors.extend(read.zip(vectors));
        }
        Ok(())
    }

    /// Adds the row as it is, its timestamps in their new place; how many samples it has.
    fn copy(
        &mut self,
        slice_ms: i64,
        row: usize,
        (rows, extras): &mut (&mut SliceRows, &mut Extras<SideRows>),
        groups: &mut Groups,
    ) -> Result<u64, Fault> {
        let (batch, vector) = self.row()?;
        let count = batch.page.timestamps_in(batch.row, vector)?.len();
        let group = batch.page.group(batch.row).ok_or_else(contradiction)?;
        let mut encoded = batch.page.encoded(batch.row)?;
        encoded.place.group = match self.placed.get(&group) {
            Some(placed) => *placed,
            None => {
                let placed = groups.whole(slice_ms, vector)?;
                self.placed.insert(group, placed);
                placed
            }
        };
        rows.push_encoded(row, encoded);
        extras.push(row, std::mem::take(&mut self.cells));
        Ok(count as u64)
    }

    /// The row's samples, decoded, as those of a series without a name.
    fn samples(&self) -> Result<Option<Series>, Fault> {
        let (batch, vector) = self.row()?;
        let timestamps = batch.page.timestamps_in(batch.row, vector)?;
        let mut values = Vec::with_capacity(timestamps.len());
        let all = 0..timestamps.len();
        batch.page.values_into(batch.row, all, &mut values)?;
        let mut samples = RichSamples::default();
        let cells = Extras {
            histograms: self.cells.histograms.as_deref(),
            starts: self.cells.starts.as_deref(),
        };
        samples.push(&timestamps, &values, TimeRange::ALL, cells)?;
        Ok(samples.into_series(Labels::empty()))
    }

    /// Where the row is, and the timestamp vector that it needs.
    fn row(&self) -> Result<(&Batch, &ScalarBuffer<i64>), Fault> {
        let batch = self.batch.as_ref().ok_or_else(contradiction)?;
        let group = batch.page.group(batch.row).ok_or_else(contradiction)?;
        let vector = self.vectors.get(&group).ok_or_else(contradiction)?;
        Ok((batch, vector))
    }
}
