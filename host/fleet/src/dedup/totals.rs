//! A counter without its resets, as Thanos' algorithm looks at it.

use narthex_storage::{Place, Series};

use super::{Taken, is_stale, series_of};

/// What a counter has counted since its first sample, whatever resets there were; without the
/// marks that it ended. A series with native histograms stays as it is.
pub(super) fn totals(series: Series) -> Series {
    if series.histograms.is_some() {
        return series;
    }
    let mut lift = 0.0;
    let mut before: Option<f64> = None;
    let mut taken = Vec::with_capacity(series.timestamps.len());
    let live = (0..series.timestamps.len()).filter(|at| !is_stale(&series, *at));
    for at in live {
        let value = series.values[at];
        if let Some(before) = before.filter(|before| *before > value) {
            lift += before;
        }
        before = Some(value);
        let place: Place = (0, at);
        taken.push(Taken { place, lift });
    }
    match series_of(std::slice::from_ref(&series), &taken) {
        Some(totals) => totals,
        None => series,
    }
}
