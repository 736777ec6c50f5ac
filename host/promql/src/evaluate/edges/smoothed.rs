//! Smoothed instant selectors.

use super::changes::interpolated;
use crate::ast::Span;
use crate::evaluate::column::{ABSENT, Fill, OutputSeries, Vector};
use crate::evaluate::grid::Grid;
use crate::evaluate::range::{RangeVector, Samples, Windows};
use crate::evaluate::selector::advance;
use crate::evaluate::{Context, histogram_edges};
use crate::plan::Selector;

/// A smoothed instant selector: the value at each time on the line between the samples around
/// it; after the newest sample its value.
pub(crate) fn instant<'a>(
    context: Context<'a>,
    selector: &'a Selector,
    span: Span,
    grid: Grid,
) -> Vector<'a> {
    let lookback_ms = context.lookback_ms;
    let matrix = RangeVector::of_selector(context, selector, 0, grid);
    let series = matrix.series.iter().map(|series| OutputSeries {
        labels: series.labels.clone(),
        drop_name: false,
    });
    let series = series.collect();
    let fill: Fill<'a> = Box::new(move |index, out| {
        let series = &matrix.series[index];
        match series.mixed() {
            None => smoothed(&series.samples(), &matrix.windows, lookback_ms, out),
            Some(samples) => {
                let windows = &matrix.windows;
                let notes = histogram_edges::smoothed(&samples, windows, lookback_ms, out);
                notes.report(context.annotations, span, series.labels.metric_name());
            }
        }
    });
    Vector { series, fill }
}

fn smoothed(samples: &Samples<'_>, windows: &Windows, lookback_ms: i64, out: &mut [f64]) {
    let timestamps = &*samples.timestamps;
    let each = around(timestamps, windows, lookback_ms);
    for (out, (time_ms, places)) in out.iter_mut().zip(each) {
        *out = smoothed_number(samples, places, time_ms);
    }
}

/// Of each step, its time and the places `(low, at, high)` of the samples around it: those within
/// the lookback on either side are `low..high`, and `at` is the first one not before the time.
pub(crate) fn around(
    timestamps: &[i64],
    windows: &Windows,
    lookback_ms: i64,
) -> impl Iterator<Item = (i64, (usize, usize, usize))> {
    let (mut low, mut at, mut high) = (0, 0, 0);
    (0..).map(move |step| {
        let time_ms = windows.shift.apply(windows.grid.time(step));
        low = advance(timestamps, low, time_ms.saturating_sub(lookback_ms));
        at = advance(timestamps, at.max(low), time_ms.saturating_sub(1));
        high = advance(
            timestamps,
            high.max(at),
            time_ms.saturating_add(lookback_ms),
        );
        (time_ms, (low, at, high))
    })
}

/// The value at a time, of samples `low..high` of which `at` is the first one not before it.
pub(crate) fn smoothed_number(
    samples: &Samples<'_>,
    (low, at, high): (usize, usize, usize),
    time_ms: i64,
) -> f64 {
    if at < high && samples.timestamps[at] == time_ms {
        samples.values[at]
    } else if at == low {
        ABSENT
    } else if at < high {
        interpolated(samples, at - 1, time_ms, false)
    } else {
        samples.values[at - 1]
    }
}
