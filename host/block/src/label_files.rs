//! Writes what a block says of its series, `series.parquet` and `index.parquet`, in one pass over
//! the label sets.

use narthex_model::Labels;
use narthex_storage::TimeRange;

use crate::index::{INDEX_FILE, IndexBuilder};
use crate::meta::FileMeta;
use crate::series::{SERIES_FILE, SeriesRows};
use crate::upload::FileWriter;
use crate::write::{Files, WRITE_ROWS, append, write_index};
use crate::{BlockError, Fault, index, series};

/// The two files on their way to the store.
pub(crate) struct LabelFiles<'a> {
    files: Files<'a>,
    series: FileWriter<'a>,
    rows: SeriesRows,
    index: IndexBuilder,
    count: usize,
    span: TimeRange,
}

/// What is known once they are written.
pub(crate) struct WrittenLabels {
    pub(crate) files: Vec<(String, FileMeta)>,
    pub(crate) series: usize,
    pub(crate) pairs: usize,
    /// From the first to the last sample of all series.
    pub(crate) span: TimeRange,
}

impl<'a> LabelFiles<'a> {
    pub(crate) fn new(files: Files<'a>) -> Result<Self, BlockError> {
        Ok(Self {
            files,
            series: files.create(SERIES_FILE, series::layout)?,
            rows: SeriesRows::default(),
            index: IndexBuilder::default(),
            count: 0,
            span: TimeRange {
                start_ms: i64::MAX,
                end_ms: i64::MIN,
            },
        })
    }

    /// How many series there are so far.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Adds a series, and from when to when it has samples. They come in
    /// [`crate::block_order`].
    pub(crate) async fn push(
        &mut self,
        labels: Labels,
        range: TimeRange,
    ) -> Result<(), BlockError> {
        let row = u32::try_from(self.count);
        let row = row.map_err(|_| {
            self.files
                .blame(INDEX_FILE, Fault::format("too many series"))
        })?;
        self.index.push(row, &labels);
        self.rows.push(labels, range);
        self.span.start_ms = self.span.start_ms.min(range.start_ms);
        self.span.end_ms = self.span.end_ms.max(range.end_ms);
        self.count += 1;
        if self.count.is_multiple_of(WRITE_ROWS) {
            self.write_rows().await?;
        }
        Ok(())
    }

    async fn write_rows(&mut self) -> Result<(), BlockError> {
        let written = match self.rows.take() {
            Ok(rows) => append(&mut self.series, &rows, self.count).await,
            Err(fault) => Err(fault),
        };
        written.map_err(|fault| self.files.blame(SERIES_FILE, fault))
    }

    /// Ends both files. After this they are on the store.
    pub(crate) async fn finish(mut self) -> Result<WrittenLabels, BlockError> {
        self.write_rows().await?;
        let files = self.files;
        let pairs = self.index.pairs();
        let series = self.series.finish().await;
        let series = series.map_err(|fault| files.blame(SERIES_FILE, fault))?;
        let index = write_index(files.create(INDEX_FILE, index::layout)?, self.index).await;
        let index = index.map_err(|fault| files.blame(INDEX_FILE, fault))?;
        Ok(WrittenLabels {
            files: vec![
                (SERIES_FILE.to_owned(), series),
                (INDEX_FILE.to_owned(), index),
            ],
            series: self.count,
            pairs,
            span: self.span,
        })
    }
}
