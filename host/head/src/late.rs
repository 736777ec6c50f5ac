//! Samples of a series that came when it had a newer one: out of order, and within the window in
//! which such samples are taken.
//!
//! They are few, so they lie beside the others, sorted, each with the number of the record that
//! brought it. Readers see one series.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use narthex_model::histogram::CounterResetHint;
use narthex_model::{FloatHistogram, Labels};
use narthex_storage::{Series, TimeRange};

/// The late samples of one series.
#[derive(Debug, Default)]
pub(crate) struct LateSamples(BTreeMap<i64, LateSample>);

#[derive(Debug, Clone)]
struct LateSample {
    held: Held,
    /// The sequence number of its record in the log.
    seq: u64,
}

/// What a sample is, whether it came late or not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Held {
    /// The mark for histograms where it is one.
    pub(crate) bits: u64,
    pub(crate) histogram: Option<Arc<FloatHistogram>>,
}

impl Held {
    pub(crate) fn number(bits: u64) -> Self {
        Self {
            bits,
            histogram: None,
        }
    }
}

/// A late sample with its time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LatePoint {
    pub(crate) timestamp_ms: i64,
    pub(crate) held: Held,
}

/// What a histogram is that came late. Which sample comes before it is not settled yet, so nothing
/// is known of a reset; a gauge stays one.
pub(crate) fn of_late(mut histogram: Arc<FloatHistogram>) -> Arc<FloatHistogram> {
    let hint = histogram.counter_reset_hint;
    if matches!(hint, CounterResetHint::Reset | CounterResetHint::NotReset) {
        Arc::make_mut(&mut histogram).counter_reset_hint = CounterResetHint::Unknown;
    }
    histogram
}

/// Which late samples blocks hold: those before a time that came with a record up to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LateMark {
    pub(crate) seq: u64,
    pub(crate) before_ms: i64,
}

impl LateMark {
    /// No block holds any.
    pub(crate) const NONE: Self = Self {
        seq: 0,
        before_ms: i64::MIN,
    };

    /// Whether a late sample is in a block.
    pub(crate) fn covers(self, seq: u64, timestamp_ms: i64) -> bool {
        seq <= self.seq && timestamp_ms < self.before_ms
    }
}

impl LateSamples {
    /// Adds a sample and says whether there was none at its time; else the earlier one stays.
    pub(crate) fn insert(&mut self, timestamp_ms: i64, held: Held, seq: u64) -> bool {
        match self.0.entry(timestamp_ms) {
            Entry::Vacant(free) => {
                free.insert(LateSample { held, seq });
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// The sample at a time.
    pub(crate) fn at(&self, timestamp_ms: i64) -> Option<&Held> {
        self.0.get(&timestamp_ms).map(|sample| &sample.held)
    }

    /// The samples in a range, oldest first.
    pub(crate) fn range(&self, range: TimeRange) -> impl Iterator<Item = LatePoint> {
        let bounds = (range.start_ms <= range.end_ms).then_some(range.start_ms..=range.end_ms);
        let samples = bounds.into_iter().flat_map(|bounds| self.0.range(bounds));
        samples.map(point)
    }

    /// All of them, oldest first, each with the number of its record.
    pub(crate) fn all(&self) -> impl ExactSizeIterator<Item = (i64, &Held, u64)> {
        let samples = self.0.iter();
        samples.map(|(at, sample)| (*at, &sample.held, sample.seq))
    }

    /// Those that a mark covers, oldest first.
    pub(crate) fn covered(&self, mark: LateMark) -> impl Iterator<Item = LatePoint> {
        let before = self.0.range(..mark.before_ms);
        let covered = before.filter(move |(at, sample)| mark.covers(sample.seq, **at));
        covered.map(point)
    }

    /// Forgets those that a mark covers, and says how many.
    pub(crate) fn let_go(&mut self, mark: LateMark) -> usize {
        let before = self.0.len();
        self.0.retain(|at, sample| !mark.covers(sample.seq, *at));
        before - self.0.len()
    }

    /// The times in a range.
    pub(crate) fn times(&self, range: TimeRange) -> impl Iterator<Item = i64> {
        let times = self.0.keys().copied();
        times.filter(move |at| range.contains(*at))
    }

    /// Deletes those in a range, and says how many.
    pub(crate) fn delete(&mut self, range: TimeRange) -> usize {
        let before = self.0.len();
        self.0.retain(|at, _| !range.contains(*at));
        before - self.0.len()
    }

    /// The first time that is not before another.
    pub(crate) fn first_from(&self, from_ms: i64) -> Option<i64> {
        self.0.range(from_ms..).next().map(|(at, _)| *at)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn point((timestamp_ms, sample): (&i64, &LateSample)) -> LatePoint {
    LatePoint {
        timestamp_ms: *timestamp_ms,
        held: sample.held.clone(),
    }
}

/// Late samples as a series of their own.
pub(crate) fn series(labels: Labels, late: &[LatePoint]) -> Series {
    let times: Vec<i64> = late.iter().map(|point| point.timestamp_ms).collect();
    let values = late.iter().map(|point| f64::from_bits(point.held.bits));
    let values: Vec<f64> = values.collect();
    let has_histogram = late.iter().any(|point| point.held.histogram.is_some());
    let histograms = late.iter().map(|point| point.held.histogram.clone());
    Series {
        histograms: has_histogram.then(|| histograms.collect()),
        ..Series::of_numbers(labels, times, values)
    }
}

/// Puts late numbers among others; of two at one time the other counts.
pub(crate) fn merge(times: &[i64], values: &[f64], late: &[LatePoint]) -> (Vec<i64>, Vec<f64>) {
    let count = times.len() + late.len();
    let (mut all_times, mut all_values) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let mut from = 0;
    for LatePoint { timestamp_ms, held } in late {
        let at = timestamp_ms;
        let upto = from + times[from..].partition_point(|time| time < at);
        all_times.extend_from_slice(&times[from..upto]);
        all_values.extend_from_slice(&values[from..upto]);
        if times.get(upto) != Some(at) {
            all_times.push(*at);
            all_values.push(f64::from_bits(held.bits));
        }
        from = upto;
    }
    all_times.extend_from_slice(&times[from..]);
    all_values.extend_from_slice(&values[from..]);
    (all_times, all_values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_samples_come_between_the_others_and_never_in_their_place() {
        let points = |late: &[(i64, f64)]| {
            let points = late.iter().map(|(at, value)| LatePoint {
                timestamp_ms: *at,
                held: Held::number(value.to_bits()),
            });
            points.collect::<Vec<_>>()
        };
        let late = points(&[(5, 7.0), (20, 8.0), (25, 9.0), (26, 9.5), (40, 4.0)]);
        let merged = merge(&[10, 20, 30], &[1.0, 2.0, 3.0], &late);
        assert_eq!(merged.0, [5, 10, 20, 25, 26, 30, 40]);
        assert_eq!(merged.1, [7.0, 1.0, 2.0, 9.0, 9.5, 3.0, 4.0]);
        let alone = merge(&[], &[], &points(&[(1, 2.0)]));
        assert_eq!(alone, (vec![1], vec![2.0]));
        assert_eq!(merge(&[1], &[2.0], &[]), (vec![1], vec![2.0]));
    }

    #[test]
    fn a_mark_lets_go_of_what_came_before_it_and_lies_before_its_time() {
        let mut late = LateSamples::default();
        for (at, seq) in [(10, 3), (20, 1), (30, 2), (5, 4)] {
            assert!(late.insert(at, Held::number(0), seq));
        }
        assert!(!late.insert(20, Held::number(1), 9));
        assert_eq!(late.at(20), Some(&Held::number(0)));
        let mark = LateMark {
            seq: 3,
            before_ms: 30,
        };
        let covered = late.covered(mark).map(|point| point.timestamp_ms);
        let covered: Vec<i64> = covered.collect();
        assert_eq!((covered, late.let_go(mark)), (vec![10, 20], 2));
        let left = late.range(TimeRange::ALL).map(|point| point.timestamp_ms);
        let left: Vec<i64> = left.collect();
        assert_eq!((left, late.first_from(6)), (vec![5, 30], Some(30)));
        assert_eq!(late.covered(LateMark::NONE).count(), 0);
    }
}
