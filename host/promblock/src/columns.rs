//! The samples of a series on their way from chunks to columns.

use std::sync::Arc;

use narthex_model::{CounterResetHint, FloatHistogram, Labels, sample};
use narthex_storage::{Series, TimeRange};

use crate::Fault;

/// What is known of a sample besides its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At {
    pub(crate) timestamp_ms: i64,
    /// When its counting began; 0 where that is not known.
    pub(crate) start_ms: i64,
}

/// The samples so far, without the deleted ones. A column that is not needed stays empty.
#[derive(Debug)]
pub(crate) struct Columns<'a> {
    timestamps: Vec<i64>,
    values: Vec<f64>,
    histograms: Vec<Option<Arc<FloatHistogram>>>,
    starts: Vec<i64>,
    /// What is left of the deleted intervals.
    deleted: &'a [TimeRange],
    /// Samples outside are left out.
    wanted: TimeRange,
    /// Where the index says that the samples of the chunk are.
    chunk: TimeRange,
    last_ms: Option<i64>,
    is_after_gap: bool,
    /// A sample may have the time of the one before, and says what its value would be had nothing
    /// been taken out of the counter.
    may_repeat: bool,
    /// What such a sample says, where it is the last one.
    repeated: Option<f64>,
}

impl<'a> Columns<'a> {
    pub(crate) fn new(deleted: &'a [TimeRange], wanted: TimeRange) -> Self {
        Self {
            timestamps: Vec::new(),
            values: Vec::new(),
            histograms: Vec::new(),
            starts: Vec::new(),
            deleted,
            wanted,
            chunk: TimeRange::ALL,
            last_ms: None,
            is_after_gap: false,
            may_repeat: false,
            repeated: None,
        }
    }

    /// For counters that were downsampled by Thanos.
    pub(crate) fn of_counter(wanted: TimeRange) -> Self {
        Self {
            may_repeat: true,
            ..Self::new(&[], wanted)
        }
    }

    /// What the counter was in truth at the last sample, where the chunk says so.
    pub(crate) fn repeated(&self) -> Option<f64> {
        self.repeated
    }

    fn is_repeated(&self, at: At) -> bool {
        self.may_repeat && self.last_ms == Some(at.timestamp_ms)
    }

    /// A chunk follows, of `count` samples of which each takes a bit at least.
    pub(crate) fn begin(&mut self, chunk: TimeRange, count: usize, bits: usize) {
        self.chunk = chunk;
        self.timestamps.reserve(count.min(bits));
        self.values.reserve(count.min(bits));
    }

    pub(crate) fn push_number(&mut self, at: At, value: f64) -> Result<(), Fault> {
        if self.is_repeated(at) {
            self.repeated = Some(value);
            return Ok(());
        }
        self.repeated = None;
        if self.admit(at)? {
            self.place(at, value);
            if !self.histograms.is_empty() {
                self.histograms.push(None);
            }
        }
        Ok(())
    }

    /// A sample behind deleted ones is no longer known not to be a reset.
    pub(crate) fn push_histogram(
        &mut self,
        at: At,
        mut histogram: FloatHistogram,
    ) -> Result<(), Fault> {
        if self.is_repeated(at) {
            return Ok(());
        }
        let is_after_gap = self.is_after_gap;
        if self.admit(at)? {
            let hint = &mut histogram.counter_reset_hint;
            if is_after_gap && *hint == CounterResetHint::NotReset {
                *hint = CounterResetHint::Unknown;
            }
            self.histograms.resize(self.timestamps.len(), None);
            self.place(at, sample::HISTOGRAM);
            self.histograms.push(Some(Arc::new(histogram)));
        }
        Ok(())
    }

    /// Whether the sample is to be kept.
    fn admit(&mut self, at: At) -> Result<bool, Fault> {
        let timestamp_ms = at.timestamp_ms;
        if self.last_ms.is_some_and(|last_ms| last_ms >= timestamp_ms) {
            return Err(Fault::format("the times of a series do not ascend"));
        }
        if !self.chunk.contains(timestamp_ms) {
            return Err(Fault::format(
                "a sample lies outside the times that the index has of its chunk",
            ));
        }
        self.last_ms = Some(timestamp_ms);
        while let [first, rest @ ..] = self.deleted
            && first.end_ms < timestamp_ms
        {
            self.deleted = rest;
        }
        let deleted = self.deleted.first();
        let is_deleted = deleted.is_some_and(|deleted| deleted.contains(timestamp_ms));
        let is_kept = !is_deleted && self.wanted.contains(timestamp_ms);
        self.is_after_gap = !is_kept;
        Ok(is_kept)
    }

    fn place(&mut self, at: At, value: f64) {
        if at.start_ms != 0 || !self.starts.is_empty() {
            self.starts.resize(self.timestamps.len(), 0);
            self.starts.push(at.start_ms);
        }
        self.timestamps.push(at.timestamp_ms);
        self.values.push(value);
    }

    /// The series; `None` where no sample is left.
    pub(crate) fn into_series(self, labels: Labels) -> Option<Series> {
        let has_starts = !self.starts.is_empty();
        let has_histograms = !self.histograms.is_empty();
        (!self.timestamps.is_empty()).then(|| Series {
            labels,
            timestamps: self.timestamps.into(),
            values: self.values.into(),
            histograms: has_histograms.then(|| self.histograms.into()),
            starts: has_starts.then(|| self.starts.into()),
        })
    }
}
