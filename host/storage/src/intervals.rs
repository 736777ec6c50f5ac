//! Spans of time whose samples are deleted, and a series without those samples.

use std::sync::Arc;

use narthex_model::FloatHistogram;

use crate::join::unknown_reset;
use crate::{Series, TimeRange};

/// Spans of time, both ends included, ascending; no two of them touch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intervals(Vec<TimeRange>);

impl Intervals {
    /// Adds a span; those that it overlaps or touches become one with it. One that ends before it
    /// starts is left out.
    pub fn add(&mut self, range: TimeRange) {
        if range.start_ms > range.end_ms {
            return;
        }
        let ends_before = |known: &TimeRange| known.end_ms < range.start_ms.saturating_sub(1);
        let from = self.0.partition_point(ends_before);
        let touches = |known: &TimeRange| known.start_ms <= range.end_ms.saturating_add(1);
        let to = from + self.0[from..].partition_point(touches);
        let joined = self.0[from..to]
            .iter()
            .fold(range, |joined, known| TimeRange {
                start_ms: joined.start_ms.min(known.start_ms),
                end_ms: joined.end_ms.max(known.end_ms),
            });
        self.0.splice(from..to, [joined]);
    }

    /// Takes one millisecond out.
    pub fn keep(&mut self, timestamp_ms: i64) {
        let at = self.0.partition_point(|known| known.end_ms < timestamp_ms);
        let Some(known) = self.0.get(at).copied().filter(|k| k.contains(timestamp_ms)) else {
            return;
        };
        let before = timestamp_ms
            .checked_sub(1)
            .map(|end_ms| TimeRange { end_ms, ..known });
        let after = timestamp_ms
            .checked_add(1)
            .map(|start_ms| TimeRange { start_ms, ..known });
        let rest = [before, after].into_iter().flatten();
        self.0
            .splice(at..=at, rest.filter(|part| part.start_ms <= part.end_ms));
    }

    /// The spans, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = TimeRange> {
        self.0.iter().copied()
    }

    /// How many spans there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them has this millisecond.
    pub fn contains(&self, timestamp_ms: i64) -> bool {
        self.covers(TimeRange {
            start_ms: timestamp_ms,
            end_ms: timestamp_ms,
        })
    }

    /// Whether one of them has all of a range.
    pub fn covers(&self, range: TimeRange) -> bool {
        let at = self
            .0
            .partition_point(|known| known.end_ms < range.start_ms);
        let found = self.0.get(at);
        found.is_some_and(|known| known.start_ms <= range.start_ms && range.end_ms <= known.end_ms)
    }

    /// Whether one of them shares a millisecond with a range.
    pub fn overlap(&self, range: TimeRange) -> bool {
        let at = self
            .0
            .partition_point(|known| known.end_ms < range.start_ms);
        self.0.get(at).is_some_and(|known| known.overlaps(range))
    }

    /// Forgets what lies wholly before a time.
    pub fn let_go_before(&mut self, before_ms: i64) {
        let gone = self.0.partition_point(|known| known.end_ms < before_ms);
        self.0.drain(..gone);
    }
}

impl Series {
    /// The series without the samples in some spans of time; `None` where that was all of them.
    ///
    /// What a histogram says of a reset is about the sample before it. Where that one is deleted,
    /// nothing is known any more.
    pub fn without(self, deleted: &Intervals) -> Option<Self> {
        let (Some(first), Some(last)) = (self.timestamps.first(), self.timestamps.last()) else {
            return None;
        };
        let span = TimeRange {
            start_ms: *first,
            end_ms: *last,
        };
        if !deleted.overlap(span) {
            return Some(self);
        }
        let kept = self.kept(deleted);
        if kept.is_empty() {
            return None;
        }
        let histograms = self.histograms.as_ref().map(|all| {
            let histogram = |(number, at): (usize, &usize)| {
                let histogram = all.get(*at)?.clone()?;
                let before = number.checked_sub(1).and_then(|before| kept.get(before));
                let follows = *at == 0 || before.is_some_and(|before| before + 1 == *at);
                Some(match follows {
                    true => histogram,
                    false => unknown_reset(histogram),
                })
            };
            let histograms = kept.iter().enumerate().map(histogram);
            histograms.collect::<Vec<Option<Arc<FloatHistogram>>>>()
        });
        let histograms = histograms.filter(|all| all.iter().any(Option::is_some));
        let starts = self.starts.as_ref().map(|all| {
            let starts = kept.iter().filter_map(|at| all.get(*at));
            starts.copied().collect::<Vec<i64>>()
        });
        let starts = starts.filter(|all| all.iter().any(|start_ms| *start_ms != 0));
        let values = kept.iter().filter_map(|at| self.values.get(*at));
        let timestamps = kept.iter().filter_map(|at| self.timestamps.get(*at));
        Some(Self {
            timestamps: timestamps.copied().collect(),
            values: values.copied().collect(),
            histograms: histograms.map(Into::into),
            starts: starts.map(Into::into),
            labels: self.labels,
        })
    }

    /// The places of the samples that are not deleted.
    fn kept(&self, deleted: &Intervals) -> Vec<usize> {
        let mut kept = Vec::with_capacity(self.timestamps.len());
        let mut from = 0;
        for range in deleted.iter() {
            let rest = &self.timestamps[from..];
            let gone_from = from + rest.partition_point(|at| *at < range.start_ms);
            kept.extend(from..gone_from);
            from += rest.partition_point(|at| *at <= range.end_ms);
        }
        kept.extend(from..self.timestamps.len());
        kept
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::histogram::CounterResetHint;
    use narthex_model::{Labels, sample};

    use super::*;

    fn intervals(spans: &[(i64, i64)]) -> Intervals {
        let mut intervals = Intervals::default();
        for (start_ms, end_ms) in spans.iter().copied() {
            intervals.add(TimeRange { start_ms, end_ms });
        }
        intervals
    }

    #[test]
    fn spans_that_touch_become_one() {
        let check = |spans: &[(i64, i64)], expected: &[(i64, i64)]| {
            let found = intervals(spans);
            let found: Vec<_> = found.iter().map(|r| (r.start_ms, r.end_ms)).collect();
            assert_eq!(found, expected, "{spans:?}");
        };
        check(&[], &[]);
        check(&[(5, 4)], &[]);
        check(&[(10, 20), (1, 5)], &[(1, 5), (10, 20)]);
        check(&[(1, 5), (6, 9)], &[(1, 9)]);
        check(&[(1, 5), (7, 9)], &[(1, 5), (7, 9)]);
        check(&[(1, 5), (7, 9), (6, 6)], &[(1, 9)]);
        check(&[(1, 2), (4, 5), (7, 8), (2, 7)], &[(1, 8)]);
        check(&[(3, 4), (i64::MIN, i64::MAX)], &[(i64::MIN, i64::MAX)]);
        check(&[(i64::MIN, i64::MAX), (3, 4)], &[(i64::MIN, i64::MAX)]);
    }

    #[test]
    fn a_time_or_a_range_is_found_in_one_of_them() {
        let deleted = intervals(&[(10, 20), (30, 40)]);
        for (range, covers, overlaps) in [
            ((0, 9), false, false),
            ((0, 10), false, true),
            ((10, 20), true, true),
            ((15, 30), false, true),
            ((20, 20), true, true),
            ((21, 29), false, false),
            ((35, 41), false, true),
            ((41, 50), false, false),
        ] {
            let (start_ms, end_ms) = range;
            let range = TimeRange { start_ms, end_ms };
            let found = (deleted.covers(range), deleted.overlap(range));
            assert_eq!(found, (covers, overlaps), "{range:?}");
        }
        let mut holes = deleted.clone();
        [10, 15, 20, 25, 30, 41]
            .into_iter()
            .for_each(|at| holes.keep(at));
        let left: Vec<_> = holes.iter().map(|r| (r.start_ms, r.end_ms)).collect();
        assert_eq!(left, [(11, 14), (16, 19), (31, 40)]);
        let mut one = intervals(&[(7, 7)]);
        one.keep(7);
        assert!(one.is_empty());
        let mut deleted = deleted;
        assert!(deleted.contains(40) && !deleted.contains(29));
        deleted.let_go_before(20);
        assert_eq!(deleted.len(), 2);
        deleted.let_go_before(21);
        assert!(deleted.iter().eq(intervals(&[(30, 40)]).iter()));
    }

    #[test]
    fn what_is_deleted_goes_from_all_columns_and_hints_behind_a_gap_are_unknown() {
        use CounterResetHint::{Gauge, NotReset, Reset, Unknown};
        let hints = [Reset, NotReset, NotReset, NotReset, Gauge, NotReset];
        let histogram = |hint: &CounterResetHint| {
            Some(Arc::new(FloatHistogram {
                counter_reset_hint: *hint,
                ..FloatHistogram::default()
            }))
        };
        let series = Series {
            labels: Labels::from_pairs([("__name__", "h")]),
            timestamps: vec![10, 20, 30, 40, 50, 60].into(),
            values: vec![sample::HISTOGRAM; 6].into(),
            histograms: Some(hints.iter().map(histogram).collect()),
            starts: Some(vec![0, 0, 5, 0, 0, 0].into()),
        };
        let left = |deleted: &[(i64, i64)]| {
            let left = series.clone().without(&intervals(deleted));
            left.map(|left| {
                let histograms = left.histograms.iter().flat_map(|all| all.iter());
                let hints = histograms.flatten().map(|h| h.counter_reset_hint);
                let hints: Vec<CounterResetHint> = hints.collect();
                assert_eq!(left.values.len(), left.timestamps.len());
                (
                    left.timestamps.to_vec(),
                    hints,
                    left.starts.map(|s| s.to_vec()),
                )
            })
        };
        let starts = Some(vec![0, 0, 5, 0, 0, 0]);
        let all = (vec![10, 20, 30, 40, 50, 60], hints.to_vec(), starts);
        assert_eq!(left(&[]), Some(all.clone()));
        assert_eq!(left(&[(11, 19), (70, 90)]), Some(all));
        let middle = (
            vec![10, 40, 50, 60],
            vec![Reset, Unknown, Gauge, NotReset],
            None,
        );
        assert_eq!(left(&[(20, 30)]), Some(middle));
        let ends = (
            vec![20, 30, 50],
            vec![Unknown, NotReset, Gauge],
            Some(vec![0, 5, 0]),
        );
        assert_eq!(left(&[(0, 15), (35, 45), (60, 60)]), Some(ends));
        assert_eq!(left(&[(0, 100)]), None);
    }
}
