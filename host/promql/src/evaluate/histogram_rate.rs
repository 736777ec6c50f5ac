//! `rate`, `increase`, `delta`, `irate` and `idelta` of native histograms.

use std::sync::Arc;

use narthex_model::{CounterResetHint, FloatHistogram};

use super::range::{MixedSamples, Window};
use super::rate::Extrapolation;
use crate::annotations::{Note, Notes};

/// The histograms of a series with what is the same for all windows: where counters were reset,
/// and which histograms are not like the others.
pub(crate) struct Histograms<'s> {
    samples: &'s MixedSamples<'s>,
    /// Places of histograms before which the counter was reset, ascending.
    resets: Vec<usize>,
    /// Places of gauges, ascending.
    gauges: Vec<usize>,
    /// Not all have the same schema.
    schemas_differ: bool,
}

impl<'s> Histograms<'s> {
    /// Looks at every pair of neighbours once.
    pub(crate) fn new(samples: &'s MixedSamples<'s>) -> Self {
        let histograms = &samples.histograms;
        let pairs = histograms.windows(2).zip(1..);
        let started = samples.started();
        let began_anew = |at| started.is_some_and(|started| started.is_reset(at));
        let resets = pairs.filter(|(pair, at)| match pair {
            [Some(before), Some(after)] => began_anew(*at) || after.is_reset_after(before),
            _ => false,
        });
        let resets = resets.map(|(_, at)| at).collect();
        let known = || histograms.iter().enumerate();
        let known = || known().filter_map(|(at, histogram)| Some((at, histogram.as_ref()?)));
        let is_gauge = |h: &FloatHistogram| h.counter_reset_hint == CounterResetHint::Gauge;
        let gauges = known().filter(|(_, h)| is_gauge(h)).map(|(at, _)| at);
        let first_schema = known().next().map(|(_, h)| h.schema);
        Self {
            gauges: gauges.collect(),
            schemas_differ: known().any(|(_, h)| Some(h.schema) != first_schema),
            samples,
            resets,
        }
    }

    fn at(&self, at: usize) -> Option<&Arc<FloatHistogram>> {
        self.samples.histograms.get(at)?.as_ref()
    }

    /// The change over a window that has histograms only, stretched to its ends.
    pub(crate) fn extrapolated(
        &self,
        extrapolation: Extrapolation,
        window: &Window,
        range_ms: i64,
        notes: &mut Notes,
    ) -> Option<FloatHistogram> {
        let started = self.samples.started().filter(|_| extrapolation.is_counter);
        let zero_ms = started.and_then(|started| started.zero_within(window));
        let timestamps = &self.samples.timestamps;
        let ends_ms = (timestamps[window.low], timestamps[window.high - 1]);
        let first = self.at(window.low)?;
        let Some(zero_ms) = zero_ms else {
            if window.len() < 2 {
                return None;
            }
            let mut change = self.change(extrapolation.is_counter, window, notes)?;
            let factor = extrapolation.factor(window, ends_ms, first.count, change.count, range_ms);
            change.multiply(factor);
            return Some(change);
        };
        let mut change = match window.len() {
            1 => FloatHistogram::clone(first),
            _ => {
                let mut change = self.change(extrapolation.is_counter, window, notes)?;
                match change.add(first) {
                    Ok(combined) if combined.bounds_reconciled => {
                        notes.add(Note::ReconciledInAddition);
                    }
                    Ok(_) => {}
                    Err(_) => {
                        notes.add(Note::MixedSchemas);
                        return None;
                    }
                }
                change
            }
        };
        let factor = extrapolation.factor_from_zero(window, zero_ms, ends_ms, range_ms);
        change.multiply(factor);
        Some(change)
    }

    /// The last histogram less the first one, and more what was there before each reset.
    fn change(
        &self,
        is_counter: bool,
        window: &Window,
        notes: &mut Notes,
    ) -> Option<FloatHistogram> {
        let (first, last) = (self.at(window.low)?, self.at(window.high - 1)?);
        let second = self.at(window.low + 1)?;
        let is_gauge = |h: &FloatHistogram| h.counter_reset_hint == CounterResetHint::Gauge;
        if is_counter && has_any(&self.gauges, window.low, window.high) {
            notes.add(Note::NotCounter);
        }
        if !(is_counter || is_gauge(first) && is_gauge(last)) {
            notes.add(Note::NotGauge);
        }
        // What was before a reset at the very start does not count, nor does its layout.
        let starts_anew = is_counter && has_any(&self.resets, window.low + 1, window.low + 2);
        let emptied = starts_anew.then(|| second.emptied());
        let start = emptied.as_ref().unwrap_or(first);
        let Some(schema) = self.common_schema(start, last, window, is_counter) else {
            notes.add(Note::MixedSchemas);
            return None;
        };
        let mut change = FloatHistogram::clone(last);
        change.reduce_resolution(schema);
        let Ok(combined) = change.subtract(start) else {
            notes.add(Note::MixedSchemas);
            return None;
        };
        if combined.bounds_reconciled {
            notes.add(Note::ReconciledInSubtraction);
        }
        if is_counter {
            let from = window.low + 1 + usize::from(starts_anew);
            let first_reset = self.resets.partition_point(|at| *at < from);
            let resets = self.resets[first_reset..].iter();
            for reset in resets.take_while(|at| **at < window.high) {
                let Ok(combined) = change.add(self.at(reset - 1)?) else {
                    notes.add(Note::MixedSchemas);
                    return None;
                };
                if combined.bounds_reconciled {
                    notes.add(Note::ReconciledInAddition);
                }
            }
        }
        change.counter_reset_hint = CounterResetHint::Gauge;
        change.compact();
        Some(change)
    }

    /// The coarsest schema of a window; `None` where exponential and custom buckets meet. Of a
    /// gauge only the first and the last sample count.
    fn common_schema(
        &self,
        start: &FloatHistogram,
        last: &FloatHistogram,
        window: &Window,
        is_counter: bool,
    ) -> Option<i32> {
        let mut schema = start.schema.min(last.schema);
        if !self.schemas_differ {
            return Some(schema);
        }
        let is_custom = start.has_custom_buckets();
        if last.has_custom_buckets() != is_custom {
            return None;
        }
        if is_counter {
            for at in window.low + 1..window.high - 1 {
                let histogram = self.at(at)?;
                if histogram.has_custom_buckets() != is_custom {
                    return None;
                }
                schema = schema.min(histogram.schema);
            }
        }
        Some(schema)
    }

    /// The difference of two neighbours, of which the later one is at `last`.
    #[allow(
        clippy::cast_precision_loss,
        reason = "windows have fewer milliseconds than a double has digits"
    )]
    pub(crate) fn instant(
        &self,
        is_rate: bool,
        last: usize,
        notes: &mut Notes,
    ) -> Option<FloatHistogram> {
        let (before, after) = (self.at(last - 1)?, self.at(last)?);
        let is_gauge = |h: &FloatHistogram| h.counter_reset_hint == CounterResetHint::Gauge;
        if is_rate && (is_gauge(before) || is_gauge(after)) {
            notes.add(Note::NotCounter);
        }
        if !(is_rate || is_gauge(before) && is_gauge(after)) {
            notes.add(Note::NotGauge);
        }
        let mut change = FloatHistogram::clone(after);
        if !is_rate || !has_any(&self.resets, last, last + 1) {
            match change.subtract(before) {
                Ok(combined) if combined.bounds_reconciled => {
                    notes.add(Note::ReconciledInSubtraction);
                }
                Ok(_) => {}
                Err(_) => {
                    notes.add(Note::MixedSchemas);
                    return None;
                }
            }
        }
        change.counter_reset_hint = CounterResetHint::Gauge;
        change.compact();
        if is_rate {
            let timestamps = &self.samples.timestamps;
            change.divide((timestamps[last] - timestamps[last - 1]) as f64 / 1000.0);
        }
        Some(change)
    }

    /// Whether the counter was reset before this histogram.
    pub(crate) fn is_reset(&self, at: usize) -> bool {
        self.resets.binary_search(&at).is_ok()
    }
}

/// Whether one of the places, which ascend, is in `low..high`.
fn has_any(places: &[usize], low: usize, high: usize) -> bool {
    let first = places.partition_point(|at| *at < low);
    places.get(first).is_some_and(|at| *at < high)
}
