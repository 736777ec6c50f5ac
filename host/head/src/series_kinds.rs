//! What the samples of one series have beside numbers: native histograms and start timestamps.
//! Few series have any, and only those pay for it.

use std::collections::VecDeque;
use std::sync::Arc;

use narthex_model::{FloatHistogram, sample};
use narthex_nx::CellError;
use narthex_storage::Series;

use crate::histogram_chunk::{HistogramChunk, capacity};

/// By time, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct SeriesKinds {
    sealed: Vec<HistogramChunk>,
    /// Those behind the sealed ones.
    histograms: VecDeque<(i64, Arc<FloatHistogram>)>,
    starts: VecDeque<Run>,
}

/// Neighbouring samples that began to count at the same time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    pub(crate) start_ms: i64,
}

impl SeriesKinds {
    /// Adds the histogram of a sample; times ascend. `series` is the number of the series.
    pub(crate) fn push_histogram(
        &mut self,
        series: u32,
        timestamp_ms: i64,
        histogram: Arc<FloatHistogram>,
    ) {
        self.histograms.push_back((timestamp_ms, histogram));
        if self.histograms.len() >= capacity(series, self.sealed.is_empty()) {
            self.seal();
        }
    }

    /// Makes a chunk of what is not one yet.
    fn seal(&mut self) {
        // A histogram that has no place in a cell is not taken into the head, so there is one.
        if let Ok(chunk) = HistogramChunk::seal(self.histograms.make_contiguous()) {
            // One chunk in half an hour of scrapes: room for more would lie idle.
            self.sealed.reserve_exact(1);
            self.sealed.push(chunk);
            self.histograms = VecDeque::new();
        }
    }

    /// The histogram of the sample at a time, where it is one.
    pub(crate) fn histogram_at(&self, timestamp_ms: i64) -> Option<Arc<FloatHistogram>> {
        let held = &self.histograms;
        if let Ok(place) = held.binary_search_by_key(&timestamp_ms, |(at, _)| *at) {
            return held.get(place).map(|(_, histogram)| Arc::clone(histogram));
        }
        let place = self.sealed.partition_point(|c| c.end_ms() < timestamp_ms);
        let read = self.sealed.get(place)?.read().ok()?;
        let mut found = read.into_iter().filter(|(at, _)| *at == timestamp_ms);
        found.next().map(|(_, histogram)| histogram)
    }

    /// Adds the start of a sample, and the time of the one before; times ascend.
    pub(crate) fn push_start(&mut self, (previous_ms, timestamp_ms): (i64, i64), start_ms: i64) {
        match self.starts.back_mut() {
            Some(run) if run.last_ms == previous_ms && run.start_ms == start_ms => {
                run.last_ms = timestamp_ms;
            }
            _ => self.starts.push_back(Run {
                first_ms: timestamp_ms,
                last_ms: timestamp_ms,
                start_ms,
            }),
        }
    }

    /// All histograms, oldest first.
    ///
    /// # Errors
    /// Memory is damaged.
    pub(crate) fn histograms(&self) -> Result<Vec<(i64, Arc<FloatHistogram>)>, CellError> {
        let mut all = Vec::new();
        for chunk in &self.sealed {
            all.extend(chunk.read()?);
        }
        all.extend(self.histograms.iter().cloned());
        Ok(all)
    }

    /// The starts, oldest first.
    pub(crate) fn runs(&self) -> impl ExactSizeIterator<Item = Run> {
        self.starts.iter().copied()
    }

    /// Adds a start behind those that there are.
    pub(crate) fn restore_run(&mut self, run: Run) {
        self.starts.push_back(run);
    }

    /// Frees what is before a time.
    pub(crate) fn truncate(&mut self, before_ms: i64) {
        let gone = self.sealed.partition_point(|c| c.end_ms() < before_ms);
        if gone > 0 {
            self.sealed.drain(..gone);
            self.sealed.shrink_to_fit();
        }
        let gone = self.histograms.partition_point(|(at, _)| *at < before_ms);
        self.histograms.drain(..gone);
        let gone = self.starts.partition_point(|run| run.last_ms < before_ms);
        self.starts.drain(..gone);
        if self.histograms.capacity() > 4 * self.histograms.len() {
            self.histograms.shrink_to_fit();
        }
        if self.starts.capacity() > 4 * self.starts.len() {
            self.starts.shrink_to_fit();
        }
    }

    /// What samples at these times have; `None` where they have nothing.
    pub(crate) fn within(&self, times: &[i64]) -> Option<Box<Self>> {
        let (first, last) = (*times.first()?, *times.last()?);
        let histograms = &self.histograms;
        let from = histograms.partition_point(|(at, _)| *at < first);
        let to = histograms.partition_point(|(at, _)| *at <= last);
        let (runs_from, runs_to) = (
            self.starts.partition_point(|run| run.last_ms < first),
            self.starts.partition_point(|run| run.first_ms <= last),
        );
        let sealed = self.sealed.iter();
        let sealed = sealed.filter(|chunk| chunk.end_ms() >= first && chunk.start_ms() <= last);
        let within = Self {
            sealed: sealed.cloned().collect(),
            histograms: histograms.range(from..to.max(from)).cloned().collect(),
            starts: self
                .starts
                .range(runs_from..runs_to.max(runs_from))
                .copied()
                .collect(),
        };
        let has_none = within.sealed.is_empty() && within.histograms.is_empty();
        (!has_none || !within.starts.is_empty()).then(|| Box::new(within))
    }

    /// Puts it beside the numbers of a series.
    ///
    /// # Errors
    /// Memory is damaged.
    pub(crate) fn attach(&self, series: Series) -> Result<Series, CellError> {
        let samples = || series.timestamps.iter().zip(series.values.iter());
        let all = self.histograms()?;
        let mut held = all.iter().peekable();
        let histograms = samples().map(|(at, value)| {
            while held.next_if(|(of, _)| of < at).is_some() {}
            let is_it = |(of, _): &&(i64, Arc<FloatHistogram>)| of == at;
            let found = held.next_if(is_it).filter(|_| sample::is_histogram(*value));
            found.map(|(_, histogram)| Arc::clone(histogram))
        });
        let histograms: Vec<Option<Arc<FloatHistogram>>> = histograms.collect();
        let mut runs = self.starts.iter().peekable();
        let starts = samples().map(|(at, _)| {
            while runs.next_if(|run| run.last_ms < *at).is_some() {}
            let run = runs.peek().filter(|run| run.first_ms <= *at);
            run.map_or(0, |run| run.start_ms)
        });
        let starts: Vec<i64> = starts.collect();
        let has_histogram = histograms.iter().any(Option::is_some);
        let has_start = starts.iter().any(|start_ms| *start_ms != 0);
        Ok(Series {
            histograms: has_histogram.then(|| histograms.into()),
            starts: has_start.then(|| starts.into()),
            ..series
        })
    }

    /// Bytes of its buffers, and of the histograms that it holds.
    pub(crate) fn heap_bytes(&self) -> usize {
        /// The two counts before what an `Arc` holds.
        const ARC_BYTES: usize = 16;
        let histogram = |histogram: &FloatHistogram| {
            let counts = histogram.positive.len() + histogram.negative.len();
            ARC_BYTES + size_of::<FloatHistogram>() + counts * size_of::<f64>()
        };
        let held = self.histograms.iter().map(|(_, held)| histogram(held));
        let sealed = self.sealed.iter().map(HistogramChunk::heap_bytes);
        size_of::<Self>()
            + held.sum::<usize>()
            + sealed.sum::<usize>()
            + self.sealed.capacity() * size_of::<HistogramChunk>()
            + self.histograms.capacity() * size_of::<(i64, Arc<FloatHistogram>)>()
            + self.starts.capacity() * size_of::<Run>()
    }
}
