//! Instant selectors: the newest sample of each series that is not too old.

use std::sync::Arc;

use super::Context;
use super::column::{ABSENT, Column, Fill, OutputSeries, Vector, is_absent};
use super::grid::Grid;
use crate::plan::{Selector, Shift};
use narthex_model::sample;
use narthex_storage::Series;

/// The values of the selected series.
pub(crate) fn instant<'a>(context: Context<'a>, selector: &'a Selector, grid: Grid) -> Vector<'a> {
    let Selector {
        request,
        shift,
        lookback_ms,
        ..
    } = selector;
    values(context, *request, (*shift, *lookback_ms), grid)
}

/// The values that an instant selector of this request, shift and lookback gives.
pub(crate) fn values<'a>(
    context: Context<'a>,
    request: usize,
    back: (Shift, i64),
    grid: Grid,
) -> Vector<'a> {
    select(context, request, back, grid, |series, at, step, out| {
        let histograms = series.histograms.as_ref();
        match histograms.and_then(|histograms| histograms[at].as_ref()) {
            None => out[step] = series.values[at],
            Some(histogram) => out.set_histogram(step, Arc::clone(histogram)),
        }
    })
}

/// The times of the samples that an instant selector of this request, shift and lookback would
/// give, in seconds.
#[allow(
    clippy::cast_precision_loss,
    reason = "milliseconds of any date are exact in a double"
)]
pub(crate) fn sampled<'a>(
    context: Context<'a>,
    request: usize,
    back: (Shift, i64),
    grid: Grid,
) -> Vector<'a> {
    select(context, request, back, grid, |series, at, step, out| {
        out[step] = series.timestamps[at] as f64 / 1000.0;
    })
}

/// When the counting of these samples began, in seconds; 0 where that is not known.
#[allow(
    clippy::cast_precision_loss,
    reason = "milliseconds of any date are exact in a double"
)]
pub(crate) fn started<'a>(context: Context<'a>, selector: &'a Selector, grid: Grid) -> Vector<'a> {
    let back = (selector.shift, selector.lookback_ms);
    select(
        context,
        selector.request,
        back,
        grid,
        |series, at, step, out| {
            let start_ms = series.starts.as_ref().map_or(0, |starts| starts[at]);
            out[step] = start_ms as f64 / 1000.0;
        },
    )
}

fn select<'a>(
    context: Context<'a>,
    request: usize,
    (shift, lookback_ms): (Shift, i64),
    grid: Grid,
    put: impl Fn(&Series, usize, usize, &mut Column) + Send + Sync + 'a,
) -> Vector<'a> {
    let fetched = &context.fetched[request];
    let series = fetched.iter().map(|series| OutputSeries {
        labels: series.labels.clone(),
        drop_name: false,
    });
    if context.counting.is_on() {
        let mut column = Column::new(grid.count);
        for series in fetched {
            let mark = |_: usize, step: usize, out: &mut Column| out[step] = 1.0;
            newest(series, shift, lookback_ms, grid, &mut column, mark);
            let present = column.iter().map(|value| !is_absent(*value));
            context.counting.column(grid, present);
        }
    }
    let fill: Fill<'a> = Box::new(move |index, out| {
        let series = &fetched[index];
        newest(series, shift, lookback_ms, grid, out, |at, step, out| {
            put(series, at, step, out);
        });
    });
    Vector {
        series: series.collect(),
        fill,
    }
}

fn newest(
    series: &Series,
    shift: Shift,
    lookback_ms: i64,
    grid: Grid,
    out: &mut Column,
    put: impl Fn(usize, usize, &mut Column),
) {
    let timestamps: &[i64] = &series.timestamps;
    let mut after = 0;
    for step in 0..out.len() {
        let reference_ms = shift.apply(grid.time(step));
        after = advance(timestamps, after, reference_ms);
        match after.checked_sub(1) {
            Some(at)
                if timestamps[at] > reference_ms.saturating_sub(lookback_ms)
                    && !sample::is_stale_nan(series.values[at]) =>
            {
                put(at, step, out);
            }
            _ => out[step] = ABSENT,
        }
    }
}

/// The first place from `from` on whose time is after `limit_ms`. Times ascend; a few places are
/// tried one by one, since the next step is mostly near, then in strides that double.
#[inline]
pub(crate) fn advance(timestamps: &[i64], from: usize, limit_ms: i64) -> usize {
    const NEAR: usize = 8;
    let near_end = timestamps.len().min(from + NEAR);
    for (at, timestamp) in timestamps[from..near_end].iter().enumerate() {
        if *timestamp > limit_ms {
            return from + at;
        }
    }
    let (mut low, mut stride) = (near_end, NEAR);
    while low + stride < timestamps.len() && timestamps[low + stride] <= limit_ms {
        low += stride;
        stride *= 2;
    }
    let high = timestamps.len().min(low + stride + 1);
    low + timestamps[low..high].partition_point(|timestamp| *timestamp <= limit_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advancing_finds_what_a_search_from_the_start_finds() {
        let timestamps: Vec<i64> = (0..500).map(|i| i * 7 % 11 + i * 13).collect();
        let mut timestamps = timestamps;
        timestamps.sort_unstable();
        for from in [0, 1, 9, 250, 499, 500] {
            for limit in (-5..6600).step_by(17) {
                let expected = timestamps.partition_point(|t| *t <= limit).max(from);
                assert_eq!(
                    advance(&timestamps, from, limit),
                    expected,
                    "{from} {limit}"
                );
            }
        }
    }
}
