//! What some series have beside numbers: native histograms and start timestamps, each in cells
//! of a file of its own.
//!
//! It is not: those files ([`crate::side`]), or what their cells say.

use std::sync::Arc;

use narthex_model::{FloatHistogram, Labels, sample};
use narthex_nx::histogram_cell;
use narthex_storage::{Series, TimeRange};

use crate::block::Block;
use crate::chunks_page::{ChunksPage, contradiction};
use crate::side::{SideCells, SideRows, SideScan, SideTable, SideWriter};
use crate::times::{Vectors, out_of_order};
use crate::{BlockError, Fault, start_cell};

/// Something for each side file.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extras<T> {
    pub(crate) histograms: T,
    pub(crate) starts: T,
}

/// The cells of one row.
pub(crate) type ExtraCells = Extras<Option<Vec<u8>>>;

impl Extras<SideRows> {
    /// Adds the cells of a series; series come in ascending order.
    pub(crate) fn push(&mut self, series: usize, cells: ExtraCells) {
        self.histograms
            .extend(cells.histograms.map(|cell| (series, cell)));
        self.starts.extend(cells.starts.map(|cell| (series, cell)));
    }
}

impl Extras<SideWriter<'_>> {
    /// Writes the cells of a slice whose rows in `chunks.parquet` begin at `first_row`.
    pub(crate) async fn append(
        &mut self,
        first_row: usize,
        rows: &mut Extras<SideRows>,
    ) -> Result<(), BlockError> {
        let histograms = std::mem::take(&mut rows.histograms);
        self.histograms.append(first_row, histograms).await?;
        let starts = std::mem::take(&mut rows.starts);
        self.starts.append(first_row, starts).await
    }
}

/// Checks the columns of a series against its values.
pub(crate) fn check(series: &Series) -> Result<(), Fault> {
    let labels = &series.labels;
    let is_marked = series.values.iter().copied().map(sample::is_histogram);
    let agrees = match &series.histograms {
        None => is_marked.into_iter().all(|is_marked| !is_marked),
        Some(histograms) => histograms.iter().map(Option::is_some).eq(is_marked),
    };
    if !agrees {
        let message = format!("{labels} has histograms where its values say none, or none");
        return Err(Fault::format(message));
    }
    let starts = series.starts.as_ref();
    if starts.is_some_and(|starts| starts.len() != series.timestamps.len()) {
        let message = format!("{labels} has columns of two lengths");
        return Err(Fault::format(message));
    }
    Ok(())
}

/// The cells for some samples of a series that [`check`] found sound.
pub(crate) fn encode(
    series: &Series,
    samples: std::ops::Range<usize>,
) -> Result<ExtraCells, Fault> {
    let of_slice = |all: &[Option<Arc<FloatHistogram>>]| {
        let histograms = all[samples.clone()].iter().flatten();
        let histograms: Vec<&FloatHistogram> = histograms.map(|histogram| &**histogram).collect();
        match histograms.is_empty() {
            true => Ok(None),
            false => histogram_cell::encode(&histograms).map(Some),
        }
    };
    let histograms = series.histograms.as_ref().map(|all| of_slice(all));
    let starts = series.starts.as_ref().and_then(|all| {
        let starts = &all[samples.clone()];
        let is_known = starts.iter().any(|start_ms| *start_ms != 0);
        is_known.then(|| start_cell::encode(starts, &series.timestamps[samples.clone()]))
    });
    Ok(Extras {
        histograms: histograms.transpose()?.flatten(),
        starts,
    })
}

/// The cells that a read needs.
#[derive(Debug, Default)]
pub(crate) struct FoundExtras {
    cells: Extras<Option<SideCells>>,
}

impl FoundExtras {
    /// Reads the cells for rows of `chunks.parquet`, which ascend.
    pub(crate) async fn read(block: &Block, rows: &[usize]) -> Result<Self, BlockError> {
        let read = async |table: &Option<SideTable>| match table {
            None => Ok(None),
            Some(side) => {
                let cells = side.cells(rows).await;
                cells.map(Some).map_err(|fault| side.table.blame(fault))
            }
        };
        Ok(Self {
            cells: Extras {
                histograms: read(&block.extras.histograms).await?,
                starts: read(&block.extras.starts).await?,
            },
        })
    }

    /// Whether there may be native histograms at all.
    pub(crate) fn has_histograms(&self) -> bool {
        self.cells.histograms.is_some()
    }

    /// The cells for a row.
    pub(crate) fn get(&self, row: usize) -> Extras<Option<&[u8]>> {
        let Extras { histograms, starts } = &self.cells;
        Extras {
            histograms: histograms.as_ref().and_then(|cells| cells.get(row)),
            starts: starts.as_ref().and_then(|cells| cells.get(row)),
        }
    }

    /// Whether a row has a cell.
    pub(crate) fn has(&self, row: usize) -> bool {
        let found = self.get(row);
        found.histograms.is_some() || found.starts.is_some()
    }
}

/// The side files of a block that are read row by row.
pub(crate) struct ExtrasScan(Extras<Option<SideScan>>);

impl ExtrasScan {
    /// Opens them for a stretch of rows of `chunks.parquet`.
    pub(crate) async fn open(
        block: &Block,
        rows: std::ops::Range<usize>,
    ) -> Result<Self, BlockError> {
        let open = async |table: &Option<SideTable>| match table {
            None => Ok(None),
            Some(side) => {
                let scan = side.scan(rows.clone()).await;
                scan.map(Some).map_err(|fault| side.table.blame(fault))
            }
        };
        Ok(Self(Extras {
            histograms: open(&block.extras.histograms).await?,
            starts: open(&block.extras.starts).await?,
        }))
    }

    /// The cells for a row of `chunks.parquet`; rows are asked for in ascending order.
    pub(crate) async fn next(
        &mut self,
        block: &Block,
        row: usize,
    ) -> Result<ExtraCells, BlockError> {
        let next = async |scan: &mut Option<SideScan>, table: &Option<SideTable>| {
            let (Some(scan), Some(side)) = (scan, table) else {
                return Ok(None);
            };
            let cell = scan.next(row).await;
            cell.map_err(|fault| side.table.blame(fault))
        };
        Ok(Extras {
            histograms: next(&mut self.0.histograms, &block.extras.histograms).await?,
            starts: next(&mut self.0.starts, &block.extras.starts).await?,
        })
    }
}

/// Samples of a series of which some are more than numbers. A column is empty until it is needed.
#[derive(Debug, Default)]
pub(crate) struct RichSamples {
    timestamps: Vec<i64>,
    values: Vec<f64>,
    histograms: Vec<Option<Arc<FloatHistogram>>>,
    starts: Vec<i64>,
}

impl RichSamples {
    /// Appends the samples of a row that lie in `range`.
    pub(crate) fn push_row(
        &mut self,
        (page, row): (&ChunksPage, usize),
        range: TimeRange,
        vectors: &Vectors,
        cells: Extras<Option<&[u8]>>,
    ) -> Result<(), Fault> {
        let Some(timestamps) = page.timestamps(row, vectors)? else {
            return Ok(());
        };
        let mut values = Vec::with_capacity(timestamps.len());
        page.values_into(row, 0..timestamps.len(), &mut values)?;
        self.push(&timestamps, &values, range, cells)
    }

    /// Appends those of the samples of a row that lie in `range`.
    pub(crate) fn push(
        &mut self,
        timestamps: &[i64],
        values: &[f64],
        range: TimeRange,
        cells: Extras<Option<&[u8]>>,
    ) -> Result<(), Fault> {
        let is_histogram = |value: &&f64| sample::is_histogram(**value);
        let count = values.iter().filter(is_histogram).count();
        let histograms = match (count, cells.histograms) {
            (0, None) => Vec::new(),
            (0, Some(_)) | (_, None) => return Err(contradiction()),
            (_, Some(cell)) => histogram_cell::decode(cell, count)?,
        };
        let starts = cells
            .starts
            .map(|cell| start_cell::decode(cell, timestamps));
        let from = timestamps.partition_point(|t| *t < range.start_ms);
        let to = timestamps.partition_point(|t| *t <= range.end_ms).max(from);
        let before = self.timestamps.len();
        if let Some(starts) = starts.transpose()? {
            self.starts.resize(before, 0);
            self.starts.extend(&starts[from..to]);
        } else if !self.starts.is_empty() {
            self.starts.resize(before + to - from, 0);
        }
        if count > 0 {
            let skipped = values[..from].iter().filter(is_histogram).count();
            let mut histograms = histograms.into_iter().skip(skipped);
            self.histograms.resize(before, None);
            let places = values[from..to].iter();
            let places = places.map(|value| match sample::is_histogram(*value) {
                true => histograms.next(),
                false => None,
            });
            self.histograms.extend(places);
        } else if !self.histograms.is_empty() {
            self.histograms.resize(before + to - from, None);
        }
        if from < to && self.timestamps.last() >= timestamps.get(from) {
            return Err(out_of_order());
        }
        self.timestamps.extend_from_slice(&timestamps[from..to]);
        self.values.extend_from_slice(&values[from..to]);
        Ok(())
    }

    /// The series; `None` where no sample was in the range.
    pub(crate) fn into_series(self, labels: Labels) -> Option<Series> {
        if self.timestamps.is_empty() {
            return None;
        }
        let has_histogram = self.histograms.iter().any(Option::is_some);
        let has_start = self.starts.iter().any(|start_ms| *start_ms != 0);
        Some(Series {
            histograms: has_histogram.then(|| self.histograms.into()),
            starts: has_start.then(|| self.starts.into()),
            ..Series::of_numbers(labels, self.timestamps, self.values)
        })
    }
}
