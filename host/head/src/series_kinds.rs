//! What the samples of one series have beside numbers: native histograms and start timestamps.
//! Few series have any, and only those pay for it.

use std::collections::VecDeque;
use std::sync::Arc;

use narthex_model::{FloatHistogram, sample};
use narthex_storage::Series;

/// By time, oldest first.
#[derive(Debug, Clone, Default)]
pub(crate) struct SeriesKinds {
    histograms: VecDeque<(i64, Arc<FloatHistogram>)>,
    starts: VecDeque<Run>,
}

/// Neighbouring samples that began to count at the same time.
#[derive(Debug, Clone, Copy)]
struct Run {
    first_ms: i64,
    last_ms: i64,
    start_ms: i64,
}

impl SeriesKinds {
    /// Adds the histogram of a sample; times ascend.
    pub(crate) fn push_histogram(&mut self, timestamp_ms: i64, histogram: Arc<FloatHistogram>) {
        self.histograms.push_back((timestamp_ms, histogram));
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

    /// Frees what is before a time.
    pub(crate) fn truncate(&mut self, before_ms: i64) {
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
        let within = Self {
            histograms: histograms.range(from..to.max(from)).cloned().collect(),
            starts: self
                .starts
                .range(runs_from..runs_to.max(runs_from))
                .copied()
                .collect(),
        };
        let is_empty = within.histograms.is_empty() && within.starts.is_empty();
        (!is_empty).then(|| Box::new(within))
    }

    /// Puts it beside the numbers of a series.
    pub(crate) fn attach(&self, series: Series) -> Series {
        let samples = || series.timestamps.iter().zip(series.values.iter());
        let mut held = self.histograms.iter().peekable();
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
        Series {
            histograms: has_histogram.then(|| histograms.into()),
            starts: has_start.then(|| starts.into()),
            ..series
        }
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
        size_of::<Self>()
            + held.sum::<usize>()
            + self.histograms.capacity() * size_of::<(i64, Arc<FloatHistogram>)>()
            + self.starts.capacity() * size_of::<Run>()
    }
}
