//! The exemplars of all series: the newest so many, whatever series they are of.
//!
//! It is not: a history. Blocks hold no exemplars, as in Prometheus.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use narthex_model::{Exemplar, ExemplarRejection, Labels, Matcher};
use narthex_storage::{ExemplarsRequest, SeriesExemplars};

/// Exemplars by series; when it is full, the oldest of all goes for each that comes.
#[derive(Debug, Default)]
pub(crate) struct Exemplars {
    count_max: usize,
    /// The series of each exemplar, in the order in which they came.
    order: VecDeque<Labels>,
    series: HashMap<Labels, VecDeque<Exemplar>>,
    /// The newest that was ever taken, in milliseconds since the epoch.
    newest_ms: Option<i64>,
}

/// What the head can tell of its exemplars.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExemplarStats {
    /// How many there are.
    pub exemplars: usize,
    /// How many there can be.
    pub exemplars_max: usize,
    /// Series that have any.
    pub series: usize,
    /// The time of the newest that was ever taken, in milliseconds since the epoch.
    pub newest_ms: Option<i64>,
}

impl Exemplars {
    /// Holds at most so many; 0 keeps none.
    pub(crate) fn new(count_max: usize) -> Self {
        Self {
            count_max,
            ..Self::default()
        }
    }

    /// Whether it keeps any.
    pub(crate) fn is_on(&self) -> bool {
        self.count_max > 0
    }

    /// Holds at most so many from now on; the oldest go.
    pub(crate) fn set_max(&mut self, count_max: usize) {
        self.count_max = count_max;
        while self.order.len() > count_max {
            self.drop_oldest();
        }
        self.order.shrink_to_fit();
    }

    /// Whether an exemplar would be taken (Prometheus' rules).
    pub(crate) fn check(
        &self,
        series: &Labels,
        exemplar: &Exemplar,
    ) -> Result<(), ExemplarRejection> {
        if !exemplar.is_short() {
            return Err(ExemplarRejection::LongLabels);
        }
        let newest = self.series.get(series).and_then(VecDeque::back);
        let Some(newest) = newest else {
            return Ok(());
        };
        if newest == exemplar {
            return Err(ExemplarRejection::Duplicate);
        }
        let key = |e: &Exemplar| (e.timestamp_ms, e.value, e.labels.stable_hash());
        let (own, held) = (key(exemplar), key(newest));
        let is_before = own.0 < held.0
            || own.0 == held.0 && own.1 < held.1
            || own.0 == held.0 && own.1 == held.1 && own.2 < held.2;
        match is_before {
            true => Err(ExemplarRejection::OutOfOrder),
            false => Ok(()),
        }
    }

    /// Adds an exemplar.
    pub(crate) fn add(
        &mut self,
        series: &Labels,
        exemplar: Exemplar,
    ) -> Result<(), ExemplarRejection> {
        if !self.is_on() {
            return Ok(());
        }
        self.check(series, &exemplar)?;
        if self.order.len() == self.count_max {
            self.drop_oldest();
        }
        self.newest_ms = self.newest_ms.max(Some(exemplar.timestamp_ms));
        self.order.push_back(series.clone());
        self.series
            .entry(series.clone())
            .or_default()
            .push_back(exemplar);
        Ok(())
    }

    fn drop_oldest(&mut self) {
        let Some(series) = self.order.pop_front() else {
            return;
        };
        if let Entry::Occupied(mut held) = self.series.entry(series) {
            held.get_mut().pop_front();
            if held.get().is_empty() {
                held.remove();
            }
        }
    }

    /// All of them in the order in which they came, each with its series.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Labels, &Exemplar)> {
        let mut next: HashMap<&Labels, usize> = HashMap::new();
        self.order.iter().filter_map(move |series| {
            let place = next.entry(series).or_default();
            let exemplar = self.series.get(series)?.get(*place)?;
            *place += 1;
            Some((series, exemplar))
        })
    }

    /// Those that are asked for, by series, sorted by label set.
    pub(crate) fn select(&self, request: &ExemplarsRequest) -> Vec<SeriesExemplars> {
        let takes = |labels: &Labels, selector: &Vec<Matcher>| {
            let value = |matcher: &Matcher| labels.get(matcher.name()).unwrap_or("");
            selector
                .iter()
                .all(|matcher| matcher.matches(value(matcher)))
        };
        let wanted = |labels: &Labels| request.selectors.iter().any(|s| takes(labels, s));
        let series = self.series.iter().filter(|(labels, _)| wanted(labels));
        let found = series.filter_map(|(labels, held)| {
            let within = |exemplar: &&Exemplar| request.range.contains(exemplar.timestamp_ms);
            let exemplars: Vec<Exemplar> = held.iter().filter(within).cloned().collect();
            (!exemplars.is_empty()).then(|| SeriesExemplars {
                labels: labels.clone(),
                exemplars,
            })
        });
        let mut found: Vec<SeriesExemplars> = found.collect();
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        found
    }

    pub(crate) fn stats(&self) -> ExemplarStats {
        ExemplarStats {
            exemplars: self.order.len(),
            exemplars_max: self.count_max,
            series: self.series.len(),
            newest_ms: self.newest_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use narthex_storage::TimeRange;

    use super::*;

    fn labels(name: &str) -> Labels {
        Labels::from_pairs([("__name__", name)])
    }

    fn exemplar(timestamp_ms: i64, value: f64, id: &str) -> Exemplar {
        Exemplar {
            labels: Labels::from_pairs([("trace_id", id)]),
            value,
            timestamp_ms,
        }
    }

    fn held(
        exemplars: &Exemplars,
        selectors: &[&str],
        range: TimeRange,
    ) -> Vec<(String, Vec<i64>)> {
        let selector = |name: &&str| vec![Matcher::equal("__name__", *name)];
        let request = ExemplarsRequest {
            selectors: selectors.iter().map(selector).collect(),
            range,
        };
        let found = exemplars.select(&request).into_iter();
        let found = found.map(|series| {
            let times = series.exemplars.iter().map(|e| e.timestamp_ms);
            (series.labels.metric_name().to_owned(), times.collect())
        });
        found.collect()
    }

    #[test]
    fn the_oldest_of_all_goes_where_it_is_full() {
        let mut exemplars = Exemplars::new(4);
        for at in 1..=3 {
            exemplars.add(&labels("a"), exemplar(at, 1.0, "x")).unwrap();
            exemplars.add(&labels("b"), exemplar(at, 1.0, "x")).unwrap();
        }
        let found = held(&exemplars, &["b", "a", "c"], TimeRange::ALL);
        assert_eq!(found, [("a".into(), vec![2, 3]), ("b".into(), vec![2, 3])]);
        let range = TimeRange {
            start_ms: 3,
            end_ms: 9,
        };
        assert_eq!(held(&exemplars, &["a"], range), [("a".into(), vec![3])]);
        exemplars.set_max(1);
        assert_eq!(
            held(&exemplars, &["a", "b"], TimeRange::ALL),
            [("b".into(), vec![3])]
        );
        let stats = ExemplarStats {
            exemplars: 1,
            exemplars_max: 1,
            series: 1,
            newest_ms: Some(3),
        };
        assert_eq!(exemplars.stats(), stats);
        exemplars.set_max(0);
        assert!(!exemplars.is_on());
        assert!(held(&exemplars, &["a", "b"], TimeRange::ALL).is_empty());
    }

    #[test]
    fn what_is_older_equal_or_too_long_is_left_out() {
        use ExemplarRejection::{Duplicate, LongLabels, OutOfOrder};
        let mut exemplars = Exemplars::new(10);
        let mut script = |timestamp_ms, value, id: &str| {
            exemplars.add(&labels("a"), exemplar(timestamp_ms, value, id))
        };
        assert_eq!(script(5, 1.0, "x"), Ok(()));
        assert_eq!(script(5, 1.0, "x"), Err(Duplicate));
        assert_eq!(script(4, 9.0, "x"), Err(OutOfOrder));
        assert_eq!(script(5, 0.5, "x"), Err(OutOfOrder));
        assert_eq!(script(5, 2.0, "x"), Ok(()));
        assert_eq!(script(6, 0.5, &"y".repeat(200)), Err(LongLabels));
        assert_eq!(script(6, 0.5, "x"), Ok(()));
    }
}
