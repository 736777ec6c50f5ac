//! Functions on range vectors where a series has native histograms, alone or among numbers.
//!
//! What has numbers only is left to the functions of numbers: they compute the column of the
//! series' numbers, and here is decided which of its steps stay.

use std::sync::Arc;

use narthex_model::histogram::{Combined, HistogramMean, HistogramSum, IncompatibleSchemas};
use narthex_model::{CounterResetHint, FloatHistogram, sample};

use super::column::{Column, SampleValue, is_number};
use super::histogram_rate::Histograms;
use super::range::{MixedSamples, RangeSeries, Window, Windows};
use super::range_functions::{OverTime, RangeFunction};
use crate::annotations::{Note, Notes};
use crate::budget::Budget;

/// Computes the column of a series that has histograms.
pub(crate) fn fill(
    function: &RangeFunction,
    (series, samples): (&RangeSeries<'_>, &MixedSamples<'_>),
    windows: &Windows,
    budget: &Budget,
    out: &mut Column,
) -> Notes {
    // Where the windows have numbers only, and for functions that do not see histograms.
    function.fill(&series.numbers(), windows, budget, out);
    let computed = Computed::new(samples);
    let mut notes = Notes::default();
    let changed = match function {
        RangeFunction::Changes => running(samples, |at| computed.changes(at)),
        RangeFunction::Resets => running(samples, |at| computed.resets(at)),
        _ => Vec::new(),
    };
    windows.for_each(&samples.timestamps, |window| {
        let histograms = computed.counts[window.high] - computed.counts[window.low];
        if histograms == 0 {
            return;
        }
        let value = match function {
            RangeFunction::Changes | RangeFunction::Resets => {
                // The first sample of a window is no change.
                number(changed[window.high] - changed[window.low + 1])
            }
            _ => computed.value(function, &window, windows.range_ms, histograms, &mut notes),
        };
        match value {
            Value::AsNumbers if histograms < window.len() => notes.add(Note::IgnoredInRange),
            Value::AsNumbers | Value::Kept => {}
            Value::Sample(value) => out.set(window.step, value),
        }
    });
    notes
}

/// What a window gives.
enum Value {
    /// What its numbers give alone, which is to be said where there are some.
    AsNumbers,
    /// What its numbers give alone.
    Kept,
    /// A sample, or none.
    Sample(Option<SampleValue>),
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a window has fewer samples than a double has digits"
)]
fn number(count: usize) -> Value {
    Value::Sample(Some(SampleValue::Number(count as f64)))
}

fn histogram(histogram: Option<FloatHistogram>) -> Value {
    Value::Sample(histogram.map(|h| SampleValue::Histogram(Arc::new(h))))
}

/// How many of the first samples the test holds for; one more place than samples.
fn running(samples: &MixedSamples<'_>, test: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut count = 0;
    let counts = (0..samples.values.len()).map(|at| {
        count += usize::from(test(at));
        count
    });
    std::iter::once(0).chain(counts).collect()
}

/// How often neighbours differ, up to each sample.
pub(crate) struct Neighbours(Vec<usize>);

impl Neighbours {
    /// By `changes`.
    pub(crate) fn changes(samples: &MixedSamples<'_>) -> Self {
        let computed = Computed::new(samples);
        Self(running(samples, |at| computed.changes(at)))
    }

    /// By `resets`.
    pub(crate) fn resets(samples: &MixedSamples<'_>) -> Self {
        let computed = Computed::new(samples);
        Self(running(samples, |at| computed.resets(at)))
    }

    /// From the first to the last sample, both included.
    pub(crate) fn between(&self, first: usize, last: usize) -> usize {
        self.0[last + 1] - self.0[first + 1]
    }
}

struct Computed<'s> {
    samples: &'s MixedSamples<'s>,
    histograms: Histograms<'s>,
    /// How many of the first samples are histograms.
    counts: Vec<usize>,
}

impl<'s> Computed<'s> {
    fn new(samples: &'s MixedSamples<'s>) -> Self {
        Self {
            samples,
            histograms: Histograms::new(samples),
            counts: running(samples, |at| samples.histograms[at].is_some()),
        }
    }
}

impl Computed<'_> {
    /// Whether a sample is not what the one before is.
    fn changes(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1) else {
            return false;
        };
        let (a, b) = (self.samples.values[before], self.samples.values[at]);
        match (
            &self.samples.histograms[before],
            &self.samples.histograms[at],
        ) {
            (None, None) => a != b && !(a.is_nan() && b.is_nan()),
            (Some(before), Some(after)) => before != after,
            _ => true,
        }
    }

    /// Whether a counter was reset before a sample. Going over from numbers to histograms, or
    /// back, is a reset.
    fn resets(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1) else {
            return false;
        };
        let (a, b) = (self.samples.values[before], self.samples.values[at]);
        match (sample::is_histogram(a), sample::is_histogram(b)) {
            (false, false) => b < a,
            (true, true) => self.histograms.is_reset(at),
            _ => true,
        }
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "milliseconds of any date are exact in a double"
    )]
    fn value(
        &self,
        function: &RangeFunction,
        window: &Window,
        range_ms: i64,
        histograms: usize,
        notes: &mut Notes,
    ) -> Value {
        let is_mixed = histograms < window.len();
        let mut refused = || {
            notes.add(Note::MixedRange);
            Value::Sample(None)
        };
        let seconds = |at: usize| {
            let seconds = self.samples.timestamps[at] as f64 / 1000.0;
            Value::Sample(Some(SampleValue::Number(seconds)))
        };
        match function {
            RangeFunction::Extrapolated(_) if is_mixed => refused(),
            RangeFunction::Extrapolated(extrapolation) => {
                let histograms = &self.histograms;
                histogram(histograms.extrapolated(*extrapolation, window, range_ms, notes))
            }
            RangeFunction::Irate | RangeFunction::Idelta => {
                if window.len() < 2 {
                    return Value::Sample(None);
                }
                let last = window.high - 1;
                match self.counts[window.high] - self.counts[last - 1] {
                    // The last two samples are the last two numbers.
                    0 => Value::Kept,
                    1 => refused(),
                    _ => {
                        let is_rate = matches!(function, RangeFunction::Irate);
                        histogram(self.histograms.instant(is_rate, last, notes))
                    }
                }
            }
            RangeFunction::OverTime(function) => match function {
                OverTime::Count => number(window.len()),
                OverTime::Present => Value::Sample(Some(SampleValue::Number(1.0))),
                OverTime::First => Value::Sample(self.sample(window.low)),
                OverTime::Last => Value::Sample(self.sample(window.high - 1)),
                OverTime::TsOfFirst => seconds(window.low),
                OverTime::TsOfLast => seconds(window.high - 1),
                OverTime::Sum | OverTime::Avg if is_mixed => refused(),
                OverTime::Sum => histogram(self.sum(window, notes)),
                OverTime::Avg => histogram(self.average(window, notes)),
                _ => Value::AsNumbers,
            },
            _ => Value::AsNumbers,
        }
    }

    fn sample(&self, at: usize) -> Option<SampleValue> {
        Some(match &self.samples.histograms[at] {
            Some(histogram) => SampleValue::Histogram(Arc::clone(histogram)),
            None => SampleValue::Number(self.samples.values[at]),
        })
    }

    fn of_window(&self, window: &Window) -> impl Iterator<Item = &Arc<FloatHistogram>> {
        self.samples.histograms[window.low..window.high]
            .iter()
            .flatten()
    }

    fn sum(&self, window: &Window, notes: &mut Notes) -> Option<FloatHistogram> {
        let mut histograms = self.of_window(window);
        let mut sum = HistogramSum::new(histograms.next()?);
        let is_complete = self.add_all(window, notes, |histogram| sum.add(histogram));
        is_complete.then(|| sum.total())
    }

    fn average(&self, window: &Window, notes: &mut Notes) -> Option<FloatHistogram> {
        let mut histograms = self.of_window(window);
        let mut mean = HistogramMean::new(histograms.next()?);
        let is_complete = self.add_all(window, notes, |histogram| mean.add(histogram));
        is_complete.then(|| mean.result())
    }

    /// Adds all histograms but the first one; says whether they went together.
    fn add_all(
        &self,
        window: &Window,
        notes: &mut Notes,
        mut add: impl FnMut(&FloatHistogram) -> Result<Combined, IncompatibleSchemas>,
    ) -> bool {
        let mut found = Notes::default();
        for histogram in self.of_window(window).skip(1) {
            match add(histogram) {
                Ok(combined) if combined.bounds_reconciled => {
                    found.add(Note::ReconciledInAggregation);
                }
                Ok(_) => {}
                Err(_) => {
                    notes.add(Note::MixedSchemas);
                    return false;
                }
            }
        }
        let has = |hint| self.of_window(window).any(|h| h.counter_reset_hint == hint);
        if has(CounterResetHint::Reset) && has(CounterResetHint::NotReset) {
            found.add(Note::ResetsCollideInAggregation);
        }
        notes.merge(found);
        true
    }
}

/// Whether a column has a number.
pub(crate) fn has_number(column: &Column) -> bool {
    column.iter().any(|value| is_number(*value))
}
