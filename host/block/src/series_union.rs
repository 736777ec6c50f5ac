//! The label sets of several blocks, each once, and where the series of each block went.

use std::cmp::Ordering;
use std::sync::Arc;

use futures::TryStreamExt;
use narthex_model::Labels;
use narthex_storage::TimeRange;

use crate::page::Page;
use crate::series::{SeriesPage, block_order};
use crate::table::Batches;
use crate::{Block, BlockError, Fault};

/// Goes through the series of several blocks in [`block_order`]. It holds one batch of rows of
/// each block, and four bytes for each of their series.
pub(crate) struct SeriesUnion<'a> {
    sources: Vec<Source<'a>>,
    /// How many label sets came out.
    count: usize,
}

struct Source<'a> {
    block: &'a Block,
    batches: Batches,
    /// Rows that were read, the next one of them, and where they end.
    batch: Option<(SeriesPage, usize, usize)>,
    /// The next label set, and from when to when it has samples.
    waiting: Option<(Labels, TimeRange)>,
    /// The row in the union of each series that came out.
    rows: Vec<u32>,
}

impl<'a> SeriesUnion<'a> {
    pub(crate) async fn open(blocks: &'a [Arc<Block>]) -> Result<Self, BlockError> {
        let mut sources = Vec::with_capacity(blocks.len());
        for block in blocks {
            let mut source = Source::open(block).await?;
            source.advance().await?;
            sources.push(source);
        }
        Ok(Self { sources, count: 0 })
    }

    /// The next label set, and from when to when one of the blocks has samples of it.
    pub(crate) async fn next(&mut self) -> Result<Option<(Labels, TimeRange)>, BlockError> {
        let mut lowest: Vec<usize> = Vec::new();
        for (index, source) in self.sources.iter().enumerate() {
            let Some((labels, _)) = &source.waiting else {
                continue;
            };
            let known = lowest.first().map(|first| &self.sources[*first].waiting);
            let order = known.and_then(Option::as_ref);
            match order.map_or(Ordering::Less, |(known, _)| block_order(labels, known)) {
                Ordering::Less => lowest = vec![index],
                Ordering::Equal => lowest.push(index),
                Ordering::Greater => {}
            }
        }
        let mut next: Option<(Labels, TimeRange)> = None;
        for index in lowest {
            let source = &mut self.sources[index];
            let row = u32::try_from(self.count);
            let row = row.map_err(|_| source.blame(Fault::format("too many series")))?;
            source.rows.push(row);
            let Some((labels, range)) = source.advance().await? else {
                continue;
            };
            match &mut next {
                None => next = Some((labels, range)),
                Some((_, whole)) => {
                    whole.start_ms = whole.start_ms.min(range.start_ms);
                    whole.end_ms = whole.end_ms.max(range.end_ms);
                }
            }
        }
        self.count += usize::from(next.is_some());
        Ok(next)
    }

    /// For each block, the row in the union of each of its series.
    pub(crate) fn into_rows(self) -> Result<Vec<Vec<u32>>, BlockError> {
        let rows = self.sources.into_iter().map(|source| {
            let expected = source.block.meta().stats.series;
            if source.rows.len() as u64 == expected {
                return Ok(source.rows);
            }
            let found = source.rows.len();
            let fault = Fault::format(format!("{found} series, meta.json says {expected}"));
            Err(source.blame(fault))
        });
        rows.collect()
    }
}

impl<'a> Source<'a> {
    async fn open(block: &'a Block) -> Result<Self, BlockError> {
        let table = &block.series;
        let batches = async {
            let rows = table.row_count().await?;
            table.read(SeriesPage::COLUMNS, Some(0..rows)).await
        };
        Ok(Self {
            block,
            batches: batches.await.map_err(|fault| table.blame(fault))?,
            batch: None,
            waiting: None,
            rows: Vec::new(),
        })
    }

    fn blame(&self, fault: Fault) -> BlockError {
        self.block.series.blame(fault)
    }

    /// Takes the label set that waits, and reads the one after it.
    async fn advance(&mut self) -> Result<Option<(Labels, TimeRange)>, BlockError> {
        let next = self.read().await.map_err(|fault| self.blame(fault))?;
        if let (Some((last, _)), Some((labels, _))) = (&self.waiting, &next)
            && block_order(last, labels).is_ge()
        {
            let fault = Fault::format(format!("{labels} comes out of order"));
            return Err(self.blame(fault));
        }
        Ok(std::mem::replace(&mut self.waiting, next))
    }

    async fn read(&mut self) -> Result<Option<(Labels, TimeRange)>, Fault> {
        loop {
            if let Some((batch, row, end)) = &mut self.batch
                && *row < *end
            {
                *row += 1;
                let row = *row - 1;
                return Ok(Some((batch.labels(row).clone(), batch.span(row))));
            }
            let Some(batch) = self.batches.try_next().await? else {
                return Ok(None);
            };
            self.batch = Some((SeriesPage::decode(&batch)?, 0, batch.num_rows()));
        }
    }
}
