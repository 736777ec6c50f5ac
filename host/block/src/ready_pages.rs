//! Pages that were read, and the series that they hold.

use std::ops::Range;
use std::sync::Arc;
use std::vec;

use arrow_buffer::ScalarBuffer;
use narthex_model::sample;
use narthex_storage::{Series, TimeRange};

use crate::block::Block;
use crate::chunks_page::{ChunksPage, contradiction};
use crate::extras::{FoundExtras, RichSamples};
use crate::joined_times::{JoinedTimes, Stretch};
use crate::series::SeriesPage;
use crate::times::{Vectors, concat};
use crate::tombstones::Tombstones;
use crate::{BlockError, Fault};

/// Series with a sample in the range, one after the other.
pub(crate) struct ReadyPages {
    block: Arc<Block>,
    range: TimeRange,
    pages: vec::IntoIter<ReadyPage>,
    current: Option<ReadyPage>,
    vectors: Vectors,
    extras: FoundExtras,
    joined: JoinedTimes,
    found: Found,
    tombstones: Arc<Tombstones>,
}

/// A page of series with the rows of all slices.
pub(crate) struct ReadyPage {
    pub(crate) series: Arc<SeriesPage>,
    pub(crate) slices: Vec<Arc<ChunksPage>>,
    /// The number of its first series.
    pub(crate) first_series: usize,
    /// The first row of each of them in its file.
    pub(crate) first_rows: Vec<usize>,
    pub(crate) rows: vec::IntoIter<usize>,
}

/// Where the samples of a series are; what it takes in memory serves the next series as well.
#[derive(Default)]
struct Found {
    stretches: Vec<Stretch>,
    /// The number of the slice, and which samples of its row.
    taken: Vec<(usize, Range<usize>)>,
}

impl ReadyPages {
    pub(crate) fn new(
        block: Arc<Block>,
        range: TimeRange,
        pages: Vec<ReadyPage>,
        vectors: Vectors,
        extras: FoundExtras,
    ) -> Self {
        Self {
            block,
            range,
            pages: pages.into_iter(),
            current: None,
            vectors,
            extras,
            joined: JoinedTimes::default(),
            found: Found::default(),
            tombstones: Arc::default(),
        }
    }

    /// Leaves out what is deleted.
    pub(crate) fn without(self, tombstones: Arc<Tombstones>) -> Self {
        Self { tombstones, ..self }
    }

    /// The next series of the current page.
    fn next_of_page(&mut self) -> Result<Option<Series>, Fault> {
        let Some(page) = &mut self.current else {
            return Ok(None);
        };
        let (range, vectors, extras) = (self.range, &self.vectors, &self.extras);
        while let Some(row) = page.rows.next() {
            let is_rich = |first: &usize| extras.has(first + row);
            let series = match page.first_rows.iter().any(is_rich) {
                true => page.rich(row, range, vectors, extras)?,
                false => page.numbers(row, range, vectors, &mut self.joined, &mut self.found)?,
            };
            let Some(series) = series else { continue };
            let is_marked = |value: &f64| sample::is_histogram(*value);
            if extras.has_histograms()
                && series.histograms.is_none()
                && series.values.iter().any(is_marked)
            {
                return Err(contradiction());
            }
            let number = u32::try_from(page.first_series + row).unwrap_or(u32::MAX);
            let Some(deleted) = self.tombstones.get(number) else {
                return Ok(Some(series));
            };
            let left = series.without(deleted);
            if left.is_some() {
                return Ok(left);
            }
        }
        Ok(None)
    }
}

impl Iterator for ReadyPages {
    type Item = Result<Series, BlockError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_of_page() {
                Ok(None) => self.current = Some(self.pages.next()?),
                Ok(Some(series)) => return Some(Ok(series)),
                Err(fault) => return Some(Err(self.block.chunks.blame(fault))),
            }
        }
    }
}

impl ReadyPage {
    /// A series with more than numbers.
    fn rich(
        &self,
        row: usize,
        range: TimeRange,
        vectors: &Vectors,
        extras: &FoundExtras,
    ) -> Result<Option<Series>, Fault> {
        let mut samples = RichSamples::default();
        for (slice, first) in self.slices.iter().zip(&self.first_rows) {
            let cells = extras.get(first + row);
            samples.push_row((slice, row), range, vectors, cells)?;
        }
        Ok(samples.into_series(self.series.labels(row).clone()))
    }

    /// A series of numbers only.
    fn numbers(
        &self,
        row: usize,
        range: TimeRange,
        vectors: &Vectors,
        joined: &mut JoinedTimes,
        Found { stretches, taken }: &mut Found,
    ) -> Result<Option<Series>, Fault> {
        stretches.clear();
        taken.clear();
        for (slice, page) in self.slices.iter().enumerate() {
            let Some(stretch) = page.stretch(row) else {
                continue;
            };
            if page.has_gaps(row) {
                return self.with_gaps(row, range, vectors);
            }
            let vector = vectors.get(stretch.group).ok_or_else(contradiction)?;
            let all = vector.get(stretch.start..stretch.start + stretch.len);
            let within = within(all.ok_or_else(contradiction)?, range);
            if !within.is_empty() {
                stretches.push(Stretch {
                    group: stretch.group,
                    start: stretch.start + within.start,
                    len: within.len(),
                });
                taken.push((slice, within));
            }
        }
        let stretch = |stretch: &Stretch| {
            let vector = vectors.get(stretch.group);
            vector.map(|vector| vector.slice(stretch.start, stretch.len))
        };
        let timestamps = match &stretches[..] {
            [] => return Ok(None),
            [only] => stretch(only).ok_or_else(contradiction)?,
            several => joined.get(several, || {
                let parts: Vec<_> = several.iter().filter_map(stretch).collect();
                concat(&parts)
            })?,
        };
        self.series_of(row, timestamps, taken).map(Some)
    }

    /// A series of numbers only, of which some scrapes have no sample.
    fn with_gaps(
        &self,
        row: usize,
        range: TimeRange,
        vectors: &Vectors,
    ) -> Result<Option<Series>, Fault> {
        let (mut parts, mut taken) = (Vec::new(), Vec::new());
        for (slice, page) in self.slices.iter().enumerate() {
            let Some(timestamps) = page.timestamps(row, vectors)? else {
                continue;
            };
            let within = within(&timestamps, range);
            if !within.is_empty() {
                parts.push(timestamps.slice(within.start, within.len()));
                taken.push((slice, within));
            }
        }
        match parts.is_empty() {
            true => Ok(None),
            false => self.series_of(row, concat(&parts)?, &taken).map(Some),
        }
    }

    /// The series, its values decoded.
    fn series_of(
        &self,
        row: usize,
        timestamps: ScalarBuffer<i64>,
        taken: &[(usize, Range<usize>)],
    ) -> Result<Series, Fault> {
        let mut values = Vec::with_capacity(timestamps.len());
        for (slice, within) in taken {
            self.slices[*slice].values_into(row, within.clone(), &mut values)?;
        }
        let labels = self.series.labels(row).clone();
        Ok(Series::of_numbers(labels, timestamps, values))
    }
}

/// Which of the timestamps, at least one, lie in the range.
fn within(timestamps: &[i64], range: TimeRange) -> Range<usize> {
    let from = match timestamps.first() {
        Some(first) if range.start_ms <= *first => 0,
        _ => timestamps.partition_point(|t| *t < range.start_ms),
    };
    let to = match timestamps.last() {
        Some(last) if *last <= range.end_ms => timestamps.len(),
        _ => timestamps.partition_point(|t| *t <= range.end_ms),
    };
    from..to.max(from)
}
