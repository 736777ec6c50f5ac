//! What of samples a reader looks at, and how coarse they may be.

use arrow_buffer::ScalarBuffer;
use futures::{StreamExt, TryStreamExt};
use narthex_model::sample;

use crate::{Series, SeriesStream};

/// What of samples is looked at, for stores that make one series of several, or that have more
/// than one form of the same samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wanted {
    /// The samples themselves. Where only windows of them are left, the newest of each.
    #[default]
    Samples,
    /// How much a counter has grown, as `rate`, `increase` and `irate` tell it: of replicas that
    /// are behind each other none makes it fall.
    Growth,
    /// An aggregate of the samples, in windows where the store has such. A reader that asks for it
    /// gets raw samples and windows mixed, in the order of time, and need not tell one from the
    /// other: see [`Aggregate`].
    Windows {
        /// Which aggregate.
        aggregate: Aggregate,
        /// How long windows may be, in milliseconds, where there are shorter ones or raw samples
        /// too; 0 where raw samples are preferred.
        max_resolution_ms: i64,
    },
}

/// What is made of the samples of a window of time; the window's left end is left out, its right
/// end counts. Where a store has raw samples they stand for themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// The newest sample of each window, at its own time.
    Newest,
    /// Samples by which a counter has grown as by all samples, at their own times. Their values
    /// are for the differences: a height that the counter never had may be among them.
    Growth,
    /// How many samples, at the window's end; 1 for each raw sample.
    Count,
    /// The sum of the samples, at the window's end.
    Sum,
    /// The least sample, at the window's end.
    Min,
    /// The greatest sample, at the window's end.
    Max,
}

impl Wanted {
    /// Which aggregate this is where the store has windows.
    pub fn aggregate(self) -> Aggregate {
        match self {
            Self::Samples => Aggregate::Newest,
            Self::Growth => Aggregate::Growth,
            Self::Windows { aggregate, .. } => aggregate,
        }
    }

    /// How long windows may be where there is something finer, in milliseconds.
    pub fn max_resolution_ms(self) -> i64 {
        match self {
            Self::Samples | Self::Growth => 0,
            Self::Windows {
                max_resolution_ms, ..
            } => max_resolution_ms,
        }
    }

    /// Whether values are looked at only for how much they grow.
    pub fn is_growth(self) -> bool {
        self.aggregate() == Aggregate::Growth
    }

    /// What a series of raw samples is to a reader that wants this.
    pub fn of_raw(self, series: Series) -> Series {
        if self.aggregate() != Aggregate::Count {
            return series;
        }
        let counted = |value: &f64| match sample::is_stale_nan(*value) {
            true => *value,
            false => 1.0,
        };
        let values: ScalarBuffer<f64> = series.values.iter().map(counted).collect();
        Series {
            values,
            histograms: None,
            ..series
        }
    }

    /// What raw series are to a reader that wants this.
    pub fn of_raw_stream(self, stream: SeriesStream) -> SeriesStream {
        match self.aggregate() {
            Aggregate::Count => stream.map_ok(move |series| self.of_raw(series)).boxed(),
            _ => stream,
        }
    }
}

impl Aggregate {
    /// Whether samples stand at the ends of windows, and not at times of their own.
    pub fn is_at_window_end(self) -> bool {
        !matches!(self, Self::Newest | Self::Growth)
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::Labels;

    use super::*;

    const COUNT: Wanted = Wanted::Windows {
        aggregate: Aggregate::Count,
        max_resolution_ms: 300_000,
    };

    #[test]
    fn a_raw_sample_counts_once_and_a_marker_stays_one() {
        let values = [7.0, f64::NAN, sample::STALE_NAN, -1.0];
        let series = || Series::of_numbers(Labels::empty(), vec![1, 2, 3, 4], values.to_vec());
        let counted = COUNT.of_raw(series());
        assert_eq!(counted.values[..2], [1.0, 1.0]);
        assert!(sample::is_stale_nan(counted.values[2]));
        assert_eq!(counted.values[3], 1.0);
        for aggregate in [Aggregate::Sum, Aggregate::Newest, Aggregate::Growth] {
            let wanted = Wanted::Windows {
                aggregate,
                max_resolution_ms: 0,
            };
            assert_eq!(wanted.of_raw(series()).values[0], 7.0);
        }
    }
}
