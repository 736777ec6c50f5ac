//! Where halves of a window meet: one block has all samples of it but the one at its very end,
//! which is in the next block.
//!
//! It is not: which blocks these are. That is [`crate::resolutions`]'.

use std::sync::Arc;

use narthex_storage::{Aggregate, Series};

/// The seams of the sources of a merge.
#[derive(Debug)]
pub(crate) struct Seams {
    /// What the samples are.
    pub(crate) aggregate: Aggregate,
    /// Where the last window of each source ends, where another source may have its other half.
    pub(crate) ends_ms: Vec<Option<i64>>,
}

impl Seams {
    /// Makes one of the two halves of windows: of the same time the first part's samples count
    /// afterwards. `sources` says of which source each part is; what comes after those is of none.
    pub(crate) fn join_halves(&self, parts: &mut [Series], sources: &[usize]) {
        let end = |part: usize| *self.ends_ms.get(*sources.get(part)?)?;
        for part in 0..parts.len() {
            let Some(end_ms) = end(part) else { continue };
            if parts[part].timestamps.last() != Some(&end_ms) {
                continue;
            }
            let is_other_half = |other: &usize| {
                *other != part
                    && end(*other) != Some(end_ms)
                    && parts[*other].timestamps.first() == Some(&end_ms)
            };
            if let Some(other) = (0..parts.len()).find(is_other_half) {
                let other = parts[other].clone();
                self.join(&mut parts[part], &other);
            }
        }
    }

    /// Takes the first sample of the other one into the last sample of this one.
    fn join(&self, series: &mut Series, other: &Series) {
        let Some(last) = series.values.len().checked_sub(1) else {
            return;
        };
        let own = series
            .histograms
            .as_ref()
            .and_then(|all| all.get(last)?.clone());
        let others = other
            .histograms
            .as_ref()
            .and_then(|all| all.first()?.clone());
        match (own, others) {
            (None, None) => {
                let mut values = series.values.to_vec();
                values[last] = self.aggregate.combined(values[last], other.values[0]);
                series.values = values.into();
            }
            (Some(mut own), Some(other)) => {
                // What cannot be added stays as it is, as a sum over time leaves it out.
                if Arc::make_mut(&mut own).add(&other).is_ok() {
                    let mut all = series.histograms.as_deref().unwrap_or_default().to_vec();
                    all[last] = Some(own);
                    series.histograms = Some(all.into());
                }
            }
            // A number and a histogram make no sum.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::Labels;

    use super::*;

    fn series(samples: &[(i64, f64)]) -> Series {
        let (times, values): (Vec<i64>, Vec<f64>) = samples.iter().copied().unzip();
        Series::of_numbers(Labels::empty(), times, values)
    }

    #[test]
    fn halves_become_one_and_what_is_there_twice_does_not() {
        let seams = Seams {
            aggregate: Aggregate::Count,
            ends_ms: vec![Some(20), None, Some(20), Some(40)],
        };
        let joined = |parts: &[(usize, &[(i64, f64)])], newest: Option<&[(i64, f64)]>| {
            let sources: Vec<usize> = parts.iter().map(|(source, _)| *source).collect();
            let parts = parts.iter().map(|(_, samples)| *samples).chain(newest);
            let mut parts: Vec<Series> = parts.map(series).collect();
            seams.join_halves(&mut parts, &sources);
            let joined = Series::join(parts).unwrap();
            let times = joined.timestamps.iter().copied();
            times.zip(joined.values.iter().copied()).collect::<Vec<_>>()
        };
        let first: &[(i64, f64)] = &[(10, 4.0), (20, 3.0)];
        let raw: &[(i64, f64)] = &[(20, 1.0), (21, 1.0)];
        let next: &[(i64, f64)] = &[(20, 1.0), (40, 4.0)];
        // The next block is raw, downsampled, or the head; or it has nothing at the seam.
        assert_eq!(
            joined(&[(0, first), (1, raw)], None),
            [(10, 4.0), (20, 4.0), (21, 1.0)]
        );
        assert_eq!(
            joined(&[(0, first), (3, next)], None),
            [(10, 4.0), (20, 4.0), (40, 4.0)]
        );
        assert_eq!(
            joined(&[(0, first)], Some(raw)),
            [(10, 4.0), (20, 4.0), (21, 1.0)]
        );
        assert_eq!(
            joined(&[(0, first), (1, &raw[1..])], None),
            [(10, 4.0), (20, 3.0), (21, 1.0)]
        );
        // The same block twice.
        assert_eq!(
            joined(&[(0, first), (2, first)], None),
            [(10, 4.0), (20, 3.0)]
        );
    }
}
