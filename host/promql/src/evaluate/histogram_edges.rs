//! `anchored` and `smoothed` where a series has native histograms, alone or among numbers.

use std::sync::Arc;

use narthex_model::{CounterResetHint, FloatHistogram};

use super::column::{ABSENT, Column, SampleValue};
use super::edges::{self, Changes, Edges, Reach};
use super::histogram_range::Neighbours;
use super::range::{MixedSamples, Samples, Windows};
use super::range_functions::RangeFunction;
use super::rate::Extrapolation;
use crate::annotations::{Note, Notes};

impl Edges {
    /// Computes the column of a series that has histograms.
    pub(crate) fn fill_mixed(
        self,
        function: &RangeFunction,
        samples: &MixedSamples<'_>,
        windows: &Windows,
        out: &mut Column,
    ) -> Notes {
        out.fill(ABSENT);
        let mut notes = Notes::default();
        match function {
            RangeFunction::Extrapolated(how) => {
                self.mixed_rate(*how, samples, windows, out, &mut notes);
            }
            RangeFunction::Changes => {
                self.mixed_count(&Neighbours::changes(samples), samples, windows, out);
            }
            RangeFunction::Resets => {
                self.mixed_count(&Neighbours::resets(samples), samples, windows, out);
            }
            // `check` lets no other pass.
            _ => {}
        }
        notes
    }

    /// `rate`, `increase` and `delta`. Numbers and histograms within the same reach give nothing.
    fn mixed_rate(
        self,
        how: Extrapolation,
        samples: &MixedSamples<'_>,
        windows: &Windows,
        out: &mut Column,
        notes: &mut Notes,
    ) {
        let counts = histogram_counts(samples);
        let numbers = Samples {
            timestamps: samples.timestamps.as_ref().into(),
            values: samples.values.as_ref().into(),
            starts: None,
        };
        let mut changes = Changes::new(how, &numbers);
        self.for_each_slice(&samples.timestamps, windows, |slice| {
            let histograms = counts[slice.high] - counts[slice.low];
            if histograms > 0 && histograms < slice.high - slice.low {
                notes.add(Note::MixedRange);
                return;
            }
            let Some(reach) = self.reach(&slice, &samples.timestamps) else {
                return;
            };
            if histograms == 0 {
                out[reach.step] = changes.between_edges(&reach, windows.range_ms);
                return;
            }
            let between = Between {
                samples,
                reach,
                is_counter: how.is_counter,
            };
            if let Some(mut change) = between.change(notes) {
                if how.per_second {
                    change.divide(seconds(windows.range_ms));
                }
                change.counter_reset_hint = CounterResetHint::Gauge;
                change.compact();
                out.set_histogram(reach.step, Arc::new(change));
            }
        });
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "a range has fewer samples than a double has digits"
    )]
    fn mixed_count(
        self,
        neighbours: &Neighbours,
        samples: &MixedSamples<'_>,
        windows: &Windows,
        out: &mut Column,
    ) {
        self.for_each(&samples.timestamps, windows, |reach| {
            out[reach.step] = neighbours.between(reach.first, reach.last) as f64;
        });
    }

    /// Whether a step sees a histogram.
    pub(crate) fn sees_histogram(self, samples: &MixedSamples<'_>, windows: &Windows) -> bool {
        let counts = histogram_counts(samples);
        let mut sees = false;
        self.for_each_slice(&samples.timestamps, windows, |slice| {
            sees |= counts[slice.high] > counts[slice.low];
        });
        sees
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "a range has fewer milliseconds than a double has digits"
)]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// How many of the first samples are histograms; one more place than samples.
fn histogram_counts(samples: &MixedSamples<'_>) -> Vec<usize> {
    let mut count = 0;
    let counts = samples.histograms.iter().map(|histogram| {
        count += usize::from(histogram.is_some());
        count
    });
    std::iter::once(0).chain(counts).collect()
}

/// The histograms between the edges of a range that has no numbers.
struct Between<'s> {
    samples: &'s MixedSamples<'s>,
    reach: Reach,
    is_counter: bool,
}

impl Between<'_> {
    fn at(&self, at: usize) -> Option<&FloatHistogram> {
        self.samples.histograms.get(at)?.as_deref()
    }

    /// The right edge less the left one, and more what was there before each reset.
    fn change(&self, notes: &mut Notes) -> Option<FloatHistogram> {
        self.check(notes)?;
        let Reach { first, last, .. } = self.reach;
        let left = match self.reach.cuts_left {
            true => self.interpolated(first, self.reach.start_ms, notes)?,
            false => self.at(first)?.clone(),
        };
        let right = match self.reach.cuts_right {
            true => self.interpolated(last - 1, self.reach.end_ms, notes)?,
            false => self.at(last)?.clone(),
        };
        let are_gauges = is_gauge(&left) && is_gauge(&right);
        if !self.is_counter && !are_gauges {
            notes.add(Note::NotGauge);
        }
        let mut change = right.clone();
        subtract(&mut change, &left, notes)?;
        if self.is_counter
            && let Some(lost) = self.lost(&left, &right, notes)?
        {
            add(&mut change, &lost, notes)?;
        }
        Some(change)
    }

    /// Refuses exponential and custom buckets at once.
    fn check(&self, notes: &mut Notes) -> Option<()> {
        let is_custom = self.at(self.reach.first)?.has_custom_buckets();
        for at in self.reach.first..=self.reach.last {
            let histogram = self.at(at)?;
            if histogram.has_custom_buckets() != is_custom {
                notes.add(Note::MixedSchemas);
                return None;
            }
            if self.is_counter && is_gauge(histogram) {
                notes.add(Note::NotCounter);
            }
        }
        Some(())
    }

    fn interpolated(
        &self,
        before: usize,
        time_ms: i64,
        notes: &mut Notes,
    ) -> Option<FloatHistogram> {
        interpolated(self.samples, before, time_ms, self.is_counter, notes)
    }

    /// The sum of what was there before each reset; `None` within where there was none.
    #[allow(
        clippy::option_option,
        reason = "none lost and histograms that do not go together are two things"
    )]
    fn lost(
        &self,
        left: &FloatHistogram,
        right: &FloatHistogram,
        notes: &mut Notes,
    ) -> Option<Option<FloatHistogram>> {
        let Reach { first, last, .. } = self.reach;
        // The left edge stands for the first sample, and the right one for the last.
        let (mut from, mut before) = (first + 1, left);
        if self.reach.cuts_left {
            let (of_first, next) = (self.at(first)?, self.at(first + 1)?);
            if next.is_reset_after(of_first) {
                // The edge itself began anew already.
                (from, before) = (first + 2, next);
            }
        }
        if from > last {
            return Some(None);
        }
        let mut lost: Option<FloatHistogram> = None;
        let between = (from..last).map(|at| self.at(at));
        for histogram in between.chain([Some(right)]) {
            let histogram = histogram?;
            if histogram.is_reset_after(before) {
                match &mut lost {
                    Some(lost) => add(lost, before, notes)?,
                    None => lost = Some(before.clone()),
                }
            }
            before = histogram;
        }
        Some(lost)
    }
}

fn is_gauge(histogram: &FloatHistogram) -> bool {
    histogram.counter_reset_hint == CounterResetHint::Gauge
}

fn add(to: &mut FloatHistogram, other: &FloatHistogram, notes: &mut Notes) -> Option<()> {
    match to.add(other) {
        Ok(combined) => {
            if combined.bounds_reconciled {
                notes.add(Note::ReconciledInAddition);
            }
            Some(())
        }
        Err(_) => {
            notes.add(Note::MixedSchemas);
            None
        }
    }
}

fn subtract(from: &mut FloatHistogram, other: &FloatHistogram, notes: &mut Notes) -> Option<()> {
    match from.subtract(other) {
        Ok(combined) => {
            if combined.bounds_reconciled {
                notes.add(Note::ReconciledInSubtraction);
            }
            Some(())
        }
        Err(_) => {
            notes.add(Note::MixedSchemas);
            None
        }
    }
}

/// The histogram at a time between sample `before` and the next one. A counter that was reset
/// between them began again from nothing.
fn interpolated(
    samples: &MixedSamples<'_>,
    before: usize,
    time_ms: i64,
    is_counter: bool,
    notes: &mut Notes,
) -> Option<FloatHistogram> {
    let from = samples.histograms.get(before)?.as_deref()?;
    let to = samples.histograms.get(before + 1)?.as_deref()?;
    let (from_ms, to_ms) = (samples.timestamps[before], samples.timestamps[before + 1]);
    let fraction = seconds(time_ms - from_ms) / seconds(to_ms - from_ms);
    let mut between = to.clone();
    if is_counter && to.is_reset_after(from) {
        between.multiply(fraction);
        return Some(between);
    }
    subtract(&mut between, from, notes)?;
    between.multiply(fraction);
    add(&mut between, from, notes)?;
    Some(between)
}

/// The samples of a smoothed instant selector: at each time on the line between those around it.
pub(crate) fn smoothed(
    samples: &MixedSamples<'_>,
    windows: &Windows,
    lookback_ms: i64,
    out: &mut Column,
) -> Notes {
    out.fill(ABSENT);
    let mut notes = Notes::default();
    let counts = histogram_counts(samples);
    let timestamps = &*samples.timestamps;
    let numbers = Samples {
        timestamps: timestamps.into(),
        values: samples.values.as_ref().into(),
        starts: None,
    };
    let each = edges::around(timestamps, windows, lookback_ms);
    for (step, (time_ms, places)) in (0..out.len()).zip(each) {
        let (low, at, high) = places;
        let histograms = counts[high] - counts[low];
        if histograms > 0 && histograms < high - low {
            notes.add(Note::MixedRange);
            continue;
        }
        if histograms == 0 {
            out[step] = edges::smoothed_number(&numbers, places, time_ms);
            continue;
        }
        let is_there = at < high && timestamps[at] == time_ms;
        let place = if is_there { at } else { at.wrapping_sub(1) };
        let found = if is_there || (at > low && at == high) {
            samples.histograms[place].clone()
        } else if at > low {
            between_two(samples, place, time_ms, &mut notes).map(Arc::new)
        } else {
            None
        };
        out.set(step, found.map(SampleValue::Histogram));
    }
    notes
}

/// The histogram between two, which are of a counter unless they say that they are not.
fn between_two(
    samples: &MixedSamples<'_>,
    before: usize,
    time_ms: i64,
    notes: &mut Notes,
) -> Option<FloatHistogram> {
    let from = samples.histograms.get(before)?.as_deref()?;
    let to = samples.histograms.get(before + 1)?.as_deref()?;
    if from.has_custom_buckets() != to.has_custom_buckets() {
        notes.add(Note::MixedSchemas);
        return None;
    }
    let is_counter = !is_gauge(from) && !is_gauge(to);
    interpolated(samples, before, time_ms, is_counter, notes)
}
