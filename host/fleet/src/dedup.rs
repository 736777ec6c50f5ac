//! Makes one series of what several replicas have of it.
//!
//! Replicas scrape the same target at times of their own. A query that took all their samples
//! would see each event twice and each counter jump back and forth, so of all replicas one is
//! followed at a time, and another one steps in where it has a gap.
//!
//! It is not: who knows which series are replicas of each other. See [`crate::merge`].

mod interval;
mod penalty;
#[cfg(test)]
mod tests;
mod totals;

use narthex_model::sample;
use narthex_storage::{Place, Series, Wanted};

/// How one series is made of those of replicas.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Dedup {
    /// A replica is followed until one and a half of its intervals have passed without a sample
    /// of it; its own samples tell the interval. Of a counter, what another one has seen it grow
    /// by is what it has grown.
    #[default]
    Interval,
    /// As Thanos' `penalty`: whoever was not taken waits for twice the time between the last two
    /// samples.
    Penalty,
    /// As Thanos' `chain`: all samples of all of them, those of equal time once.
    Chain,
}

impl Dedup {
    /// Makes one series of those of replicas, whose order decides where nothing else does; `None`
    /// where there is none. The labels are those of the first one.
    ///
    /// Where the growth of a counter is wanted, values may have been lifted so that no replica
    /// seems to fall behind another one.
    pub fn apply(self, mut replicas: Vec<Series>, wanted: Wanted) -> Option<Series> {
        let is_counter = wanted.is_growth();
        replicas.retain(|series| !series.timestamps.is_empty());
        match self {
            _ if replicas.len() <= 1 => replicas.pop(),
            Self::Interval => interval::deduplicate(&replicas, wanted),
            Self::Penalty => penalty::deduplicate(replicas, is_counter),
            Self::Chain => Series::join(replicas),
        }
    }
}

/// Whether the sample says that the series has ended.
fn is_stale(series: &Series, at: usize) -> bool {
    let value = series.values[at];
    if !sample::is_histogram(value) {
        return sample::is_stale_nan(value);
    }
    let histograms = series.histograms.as_ref();
    let histogram = histograms.and_then(|all| all.get(at)?.as_ref());
    histogram.is_some_and(|histogram| sample::is_stale_nan(histogram.sum))
}

/// A sample that was taken, and what its value was lifted by.
#[derive(Debug, Clone, Copy)]
struct Taken {
    place: Place,
    lift: f64,
}

/// The series of what was taken.
fn series_of(replicas: &[Series], taken: &[Taken]) -> Option<Series> {
    let places: Vec<Place> = taken.iter().map(|taken| taken.place).collect();
    let mut series = Series::gather(replicas, &places)?;
    if taken.iter().any(|taken| taken.lift != 0.0) {
        let lifted = series.values.iter().zip(taken).map(|(value, taken)| {
            // Markers are bit patterns, which an addition may change.
            match taken.lift == 0.0 || sample::is_histogram(*value) || value.is_nan() {
                true => *value,
                false => value + taken.lift,
            }
        });
        series.values = lifted.collect();
    }
    Some(series)
}
