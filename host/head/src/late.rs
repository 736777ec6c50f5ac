//! Samples of a series that came when it had a newer one: out of order, and within the window in
//! which such samples are taken.
//!
//! They are few, so they lie beside the others, sorted, each with the number of the record that
//! brought it. Readers see one series.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use narthex_storage::TimeRange;

/// The late samples of one series.
#[derive(Debug, Default)]
pub(crate) struct LateSamples(BTreeMap<i64, LateSample>);

#[derive(Debug, Clone, Copy)]
struct LateSample {
    bits: u64,
    /// The sequence number of its record in the log.
    seq: u64,
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
    pub(crate) fn insert(&mut self, timestamp_ms: i64, bits: u64, seq: u64) -> bool {
        match self.0.entry(timestamp_ms) {
            Entry::Vacant(free) => {
                free.insert(LateSample { bits, seq });
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// The bits of the sample at a time.
    pub(crate) fn value_at(&self, timestamp_ms: i64) -> Option<u64> {
        self.0.get(&timestamp_ms).map(|sample| sample.bits)
    }

    /// The samples in a range, oldest first.
    pub(crate) fn range(&self, range: TimeRange) -> impl Iterator<Item = (i64, f64)> {
        let bounds = (range.start_ms <= range.end_ms).then_some(range.start_ms..=range.end_ms);
        let samples = bounds.into_iter().flat_map(|bounds| self.0.range(bounds));
        samples.map(|(at, sample)| (*at, f64::from_bits(sample.bits)))
    }

    /// Those that a mark covers, oldest first.
    pub(crate) fn covered(&self, mark: LateMark) -> impl Iterator<Item = (i64, f64)> {
        let before = self.0.range(..mark.before_ms);
        let covered = before.filter(move |(at, sample)| mark.covers(sample.seq, **at));
        covered.map(|(at, sample)| (*at, f64::from_bits(sample.bits)))
    }

    /// Forgets those that a mark covers, and says how many.
    pub(crate) fn let_go(&mut self, mark: LateMark) -> usize {
        let before = self.0.len();
        self.0.retain(|at, sample| !mark.covers(sample.seq, *at));
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

/// Puts late samples among others; of two at one time the other counts.
pub(crate) fn merge(times: &[i64], values: &[f64], late: &[(i64, f64)]) -> (Vec<i64>, Vec<f64>) {
    let count = times.len() + late.len();
    let (mut all_times, mut all_values) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let mut from = 0;
    for (at, value) in late {
        let upto = from + times[from..].partition_point(|time| time < at);
        all_times.extend_from_slice(&times[from..upto]);
        all_values.extend_from_slice(&values[from..upto]);
        if times.get(upto) != Some(at) {
            all_times.push(*at);
            all_values.push(*value);
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
        let merged = merge(
            &[10, 20, 30],
            &[1.0, 2.0, 3.0],
            &[(5, 7.0), (20, 8.0), (25, 9.0), (26, 9.5), (40, 4.0)],
        );
        assert_eq!(merged.0, [5, 10, 20, 25, 26, 30, 40]);
        assert_eq!(merged.1, [7.0, 1.0, 2.0, 9.0, 9.5, 3.0, 4.0]);
        assert_eq!(merge(&[], &[], &[(1, 2.0)]), (vec![1], vec![2.0]));
        assert_eq!(merge(&[1], &[2.0], &[]), (vec![1], vec![2.0]));
    }

    #[test]
    fn a_mark_lets_go_of_what_came_before_it_and_lies_before_its_time() {
        let mut late = LateSamples::default();
        for (at, seq) in [(10, 3), (20, 1), (30, 2), (5, 4)] {
            assert!(late.insert(at, 0, seq));
        }
        assert!(!late.insert(20, 1, 9));
        assert_eq!(late.value_at(20), Some(0));
        let mark = LateMark {
            seq: 3,
            before_ms: 30,
        };
        let covered: Vec<i64> = late.covered(mark).map(|(at, _)| at).collect();
        assert_eq!((covered, late.let_go(mark)), (vec![10, 20], 2));
        let left: Vec<i64> = late.range(TimeRange::ALL).map(|(at, _)| at).collect();
        assert_eq!((left, late.first_from(6)), (vec![5, 30], Some(30)));
        assert_eq!(late.covered(LateMark::NONE).count(), 0);
    }
}
