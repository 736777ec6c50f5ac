//! Which timestamps the series of a slice have, before it is known which series are read: where a
//! request takes long, the few vectors of a slice are read along with its cells.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use futures::TryStreamExt;
use narthex_storage::TimeRange;
use tokio::sync::OnceCell;

use crate::Fault;
use crate::columns::Columns;
use crate::page::{Page, page_of};
use crate::table::Table;
use crate::times::TimesPage;

/// Slices with more bytes of timestamps than this are not read ahead of need; it is what a
/// request costs where the line has 10 MB/s and an answer takes 25 ms.
const LIKELY_BYTES_MAX: u64 = 256 << 10;

/// The pages of `times.parquet` by slice, read once.
#[derive(Debug, Default)]
pub(crate) struct SliceTimes {
    pages: OnceCell<BTreeMap<i64, BTreeSet<usize>>>,
}

impl SliceTimes {
    /// The pages that have vectors of the slices that start in the range; none where those are
    /// too large to be read without knowing.
    pub(crate) async fn likely(
        &self,
        table: &Table,
        starts: TimeRange,
    ) -> Result<Vec<Range<usize>>, Fault> {
        let read = || Self::read(table);
        let by_slice = self.pages.get_or_try_init(read).await?;
        let total = table.row_count().await?;
        let numbers = by_slice.range(starts.start_ms..=starts.end_ms);
        let numbers: BTreeSet<usize> = numbers.flat_map(|(_, pages)| pages).copied().collect();
        let pages = numbers.into_iter();
        let pages: Vec<_> = pages
            .map(|number| page_of::<TimesPage>(number, &(0..total)))
            .collect();
        let bytes = table.stored_bytes(TimesPage::COLUMNS[0], &pages).await?;
        Ok(if bytes <= LIKELY_BYTES_MAX {
            pages
        } else {
            Vec::new()
        })
    }

    async fn read(table: &Table) -> Result<BTreeMap<i64, BTreeSet<usize>>, Fault> {
        let mut pages: BTreeMap<i64, BTreeSet<usize>> = BTreeMap::new();
        let total = table.row_count().await?;
        let mut batches = table.read(&["slice"], Some(0..total)).await?;
        let mut row = 0;
        while let Some(batch) = batches.try_next().await? {
            for slice_ms in batch.times("slice")?.values() {
                let numbers = pages.entry(*slice_ms).or_default();
                numbers.insert(row / TimesPage::ROWS);
                row += 1;
            }
        }
        Ok(pages)
    }
}
