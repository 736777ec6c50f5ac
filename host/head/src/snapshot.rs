//! A series as it was when a reader asked; decoded when the reader gets to it.

use std::sync::Arc;

use arrow_buffer::ScalarBuffer;
use narthex_model::Labels;
use narthex_nx::CellError;
use narthex_storage::{Intervals, Series, TimeRange};

use crate::chunk::Chunk;
use crate::late::{self, LatePoint};
use crate::series_kinds::SeriesKinds;
use crate::timelines::{Stretch, Timelines};

/// The chunks that have samples in the range: sealed ones shared, the tail copied.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) labels: Labels,
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) layout: Arc<Layout>,
    /// What came out of order.
    pub(crate) late: Vec<LatePoint>,
    /// What the samples have beside numbers.
    pub(crate) kinds: Option<Box<SeriesKinds>>,
    /// What of all that is deleted.
    pub(crate) deleted: Option<Intervals>,
}

/// The times of a snapshot, and which samples of which chunks are at them.
#[derive(Debug)]
pub(crate) struct Layout {
    times: ScalarBuffer<i64>,
    parts: Vec<Part>,
}

/// Some samples of a chunk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// Which stretch of the series it is.
    pub(crate) index: usize,
    skip: usize,
    take: usize,
}

impl Layout {
    /// What lies in the range of a series' stretches.
    fn of(stretches: &[Stretch], lines: &Timelines, range: TimeRange) -> Self {
        let mut parts = Vec::with_capacity(stretches.len());
        for (index, stretch) in stretches.iter().enumerate() {
            let times = lines.times(*stretch);
            let skip = times.partition_point(|at| *at < range.start_ms);
            let end = times.partition_point(|at| *at <= range.end_ms);
            if end > skip {
                let take = end - skip;
                parts.push(Part { index, skip, take });
            }
        }
        let times = match parts[..] {
            [Part { index, skip, take }] => lines.buffer(stretches[index], skip, take),
            _ => {
                let count = parts.iter().map(|part| part.take).sum();
                let mut all = Vec::with_capacity(count);
                for part in &parts {
                    let times = lines.times(stretches[part.index]);
                    all.extend_from_slice(&times[part.skip..part.skip + part.take]);
                }
                all.into()
            }
        };
        Self { times, parts }
    }

    /// The times of all parts.
    pub(crate) fn times(&self) -> &[i64] {
        &self.times
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

/// Makes layouts. Neighbours mostly have the same, and share it then.
#[derive(Debug)]
pub(crate) struct Layouts<'a> {
    lines: &'a Timelines,
    range: TimeRange,
    late_range: TimeRange,
    stretches: Vec<Stretch>,
    last: Option<(Vec<Stretch>, Arc<Layout>)>,
}

impl<'a> Layouts<'a> {
    /// For the samples in a range, and the late ones in another: a sample that came out of order
    /// may be older than what is shown of the others.
    pub(crate) fn new(lines: &'a Timelines, range: TimeRange, late_range: TimeRange) -> Self {
        Self {
            lines,
            range,
            late_range,
            stretches: Vec::new(),
            last: None,
        }
    }

    pub(crate) fn late_range(&self) -> TimeRange {
        self.late_range
    }

    /// The layout of a series.
    pub(crate) fn of(&mut self, stretches: impl Iterator<Item = Stretch>) -> Arc<Layout> {
        self.stretches.clear();
        self.stretches.extend(stretches);
        match &self.last {
            Some((same, layout)) if *same == self.stretches => Arc::clone(layout),
            _ => {
                let layout = Arc::new(Layout::of(&self.stretches, self.lines, self.range));
                self.last = Some((self.stretches.clone(), Arc::clone(&layout)));
                layout
            }
        }
    }
}

impl Snapshot {
    /// The samples in the range that are not deleted, `None` where there is none.
    ///
    /// # Errors
    /// Memory is damaged.
    pub(crate) fn read(mut self) -> Result<Option<Series>, CellError> {
        let deleted = self.deleted.take();
        let series = self.read_all()?;
        Ok(match deleted {
            None => Some(series),
            Some(deleted) => series.without(&deleted),
        })
    }

    /// The samples in the range.
    fn read_all(self) -> Result<Series, CellError> {
        let mut values = Vec::with_capacity(self.layout.times.len());
        for (part, chunk) in self.layout.parts.iter().zip(&self.chunks) {
            chunk.read(part.skip, part.take, &mut values)?;
        }
        let is_rich = |point: &LatePoint| point.held.histogram.is_some();
        if self.kinds.is_some() || self.late.iter().any(is_rich) {
            let times = self.layout.times.clone();
            let mut series = Series::of_numbers(self.labels.clone(), times, values);
            if let Some(kinds) = &self.kinds {
                series = kinds.attach(series)?;
            }
            if self.late.is_empty() {
                return Ok(series);
            }
            let late = late::series(self.labels, &self.late);
            return Ok(Series::join(vec![series.clone(), late]).unwrap_or(series));
        }
        if !self.late.is_empty() {
            let (times, values) = late::merge(&self.layout.times, &values, &self.late);
            return Ok(Series::of_numbers(self.labels, times, values));
        }
        let times = self.layout.times.clone();
        Ok(Series::of_numbers(self.labels, times, values))
    }
}
