//! `info()`: adds the labels of info series to the series that they tell of.
//!
//! An info series belongs to all series with the same identifying labels. Which one that is may
//! change from step to step, and with it the labels of the result: a series of the argument
//! becomes as many as it has had different labels.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME, sample};

use super::Context;
use super::column::{ABSENT, Column, Fill, OutputSeries, Stored, Vector, is_absent};
use super::grid::Grid;
use super::merge::{Duplicates, merged};
use super::selector;
use crate::error::QueryError;
use crate::plan::{IDENTIFYING, Info};

/// No info series at this step.
const NONE: u32 = u32::MAX;

/// `info(v, {data="..."})`
pub(crate) fn info<'a>(
    context: Context<'a>,
    info: &'a Info,
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    let base = context.vector(&info.inner, grid)?;
    let is_info = |series: &OutputSeries| {
        let name = series.labels.metric_name();
        info.names.iter().all(|matcher| matcher.matches(name))
    };
    let is_info: Vec<bool> = base.series.iter().map(is_info).collect();
    let known = InfoSeries::read(context, info, &base.series, &is_info, grid)?;
    known.check_conflicts(context, &base, grid)?;
    let mut outputs = Outputs {
        context,
        info,
        grid,
        known: &known,
        series: Vec::new(),
        parts: Vec::new(),
    };
    for (index, is_info) in is_info.into_iter().enumerate() {
        context.workers.budget.check()?;
        if is_info {
            outputs.push(index, base.series[index].clone(), None);
        } else {
            outputs.enrich(index, &base)?;
        }
    }
    let (series, parts) = (outputs.series, outputs.parts);
    let inner = base.fill;
    let fill: Fill<'a> = Box::new(move |index, out| {
        let (of, steps) = &parts[index];
        inner(*of, out);
        let Some(steps) = steps else { return };
        for (out, kept) in out.iter_mut().zip(steps) {
            if !kept {
                *out = ABSENT;
            }
        }
    });
    merged(
        context,
        Vector { series, fill },
        grid.count,
        Duplicates::AtAStep,
    )
}

/// The info series that may be joined, and which one is the newest of its kind at each step.
struct InfoSeries<'a> {
    series: Vec<Labels>,
    /// When the sample that counts at a step was taken, in seconds.
    sampled: Stored<'a>,
    /// By name and then by identifying labels: the newest series at each step.
    newest: BTreeMap<String, HashMap<Labels, Vec<u32>>>,
    /// Steps at which two are equally new, and the two.
    conflicts: Vec<(usize, u32, u32)>,
}

impl<'a> InfoSeries<'a> {
    fn read(
        context: Context<'a>,
        info: &'a Info,
        base: &[OutputSeries],
        is_info: &[bool],
        grid: Grid,
    ) -> Result<Self, QueryError> {
        let wanted = base.iter().zip(is_info).filter(|(_, is_info)| !**is_info);
        let wanted: Vec<&Labels> = wanted.map(|(series, _)| &series.labels).collect();
        let of_interest = |name: &str| -> HashSet<&str> {
            let values = wanted.iter().filter_map(|labels| labels.get(name));
            values.filter(|value| !value.is_empty()).collect()
        };
        let values = IDENTIFYING.map(of_interest);
        let vector = selector::sampled(context, info.request, (info.shift, info.lookback_ms), grid);
        let mut known = Self {
            series: vector.series.iter().map(|s| s.labels.clone()).collect(),
            sampled: context.workers.store(&vector, grid.count)?,
            newest: BTreeMap::new(),
            conflicts: Vec::new(),
        };
        if values.iter().all(HashSet::is_empty) {
            return Ok(known);
        }
        for index in 0..known.series.len() {
            let labels = &known.series[index];
            let is_wanted = IDENTIFYING.iter().zip(&values).all(|(name, values)| {
                values.is_empty() || labels.get(name).is_some_and(|value| values.contains(value))
            });
            if is_wanted {
                known.check_numbers(context, info, index, grid)?;
                known.add(context, index, grid.count)?;
            }
        }
        Ok(known)
    }

    /// An info series is one of numbers.
    fn check_numbers(
        &self,
        context: Context<'_>,
        info: &Info,
        index: usize,
        grid: Grid,
    ) -> Result<(), QueryError> {
        if context.fetched[info.request][index].histograms.is_none() {
            return Ok(());
        }
        let selected =
            selector::values(context, info.request, (info.shift, info.lookback_ms), grid);
        let mut column = Column::new(grid.count);
        (selected.fill)(index, &mut column);
        if column.iter().copied().any(sample::is_histogram) {
            return Err(QueryError::Execution(format!(
                "this should be an info metric, with float samples: {}",
                self.series[index]
            )));
        }
        Ok(())
    }

    /// Takes the place of older ones of the same kind.
    fn add(&mut self, context: Context<'_>, index: usize, steps: usize) -> Result<(), QueryError> {
        let Some(sampled) = self.sampled.column(index) else {
            return Ok(());
        };
        let Ok(place) = u32::try_from(index) else {
            return Ok(());
        };
        let labels = &self.series[index];
        let name = labels.metric_name().to_owned();
        let newest = match self
            .newest
            .entry(name)
            .or_default()
            .entry(labels.keep(&IDENTIFYING))
        {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                context.workers.budget.charge_labels(new.key())?;
                let bytes = steps.saturating_mul(size_of::<u32>());
                context.workers.budget.charge_bytes(bytes)?;
                new.insert(vec![NONE; steps])
            }
        };
        for (step, newest) in newest.iter_mut().enumerate() {
            let time = sampled[step];
            if is_absent(time) {
                continue;
            }
            let other = match *newest {
                NONE => None,
                other => Some(self.sampled.value(other as usize, step)),
            };
            match other {
                Some(other) if other > time => {}
                Some(other) if other == time => self.conflicts.push((step, *newest, place)),
                _ => *newest = place,
            }
        }
        Ok(())
    }

    /// Two equally new info series are an error where the argument has a sample.
    fn check_conflicts(
        &self,
        context: Context<'_>,
        base: &Vector<'_>,
        grid: Grid,
    ) -> Result<(), QueryError> {
        if self.conflicts.is_empty() {
            return Ok(());
        }
        let mut present = vec![false; grid.count];
        context.workers.for_each(base, grid.count, |_, column| {
            for (present, value) in present.iter_mut().zip(column.iter()) {
                *present |= !is_absent(*value);
            }
            Ok(())
        })?;
        let seen = self.conflicts.iter().filter(|(step, ..)| present[*step]);
        let Some((step, existing, new)) = seen.min() else {
            return Ok(());
        };
        #[allow(
            clippy::cast_possible_truncation,
            reason = "times were milliseconds before they were seconds"
        )]
        let time_ms = (self.sampled.value(*new as usize, *step) * 1000.0).round() as i64;
        Err(QueryError::Execution(format!(
            "found duplicate series for info metric: existing {} @ {time_ms}, new {} @ {time_ms}",
            self.series[*existing as usize], self.series[*new as usize]
        )))
    }
}

/// The series of the result so far.
struct Outputs<'a, 'k> {
    context: Context<'a>,
    info: &'a Info,
    grid: Grid,
    known: &'k InfoSeries<'a>,
    series: Vec<OutputSeries>,
    /// Which series of the argument each is made of, and at which steps; `None` is all.
    parts: Vec<(usize, Option<Vec<bool>>)>,
}

impl Outputs<'_, '_> {
    fn push(&mut self, of: usize, series: OutputSeries, steps: Option<Vec<bool>>) {
        self.series.push(series);
        self.parts.push((of, steps));
    }

    /// A series of the argument, with each set of labels that it has at some step.
    fn enrich(&mut self, index: usize, base: &Vector<'_>) -> Result<(), QueryError> {
        let series = &base.series[index];
        let identity = series.labels.keep(&IDENTIFYING);
        let by_name = self.known.newest.values();
        let joined: Vec<&Vec<u32>> = by_name.filter_map(|by| by.get(&identity)).collect();
        let at = |step: usize| joined.iter().map(move |newest| newest[step]);
        let mut found: Vec<(Vec<u32>, Vec<bool>)> = Vec::new();
        let mut current = 0;
        for step in 0..self.grid.count {
            let is_same = |(key, _): &(Vec<u32>, _)| key.iter().copied().eq(at(step));
            if !found.get(current).is_some_and(is_same) {
                current = found.iter().position(is_same).unwrap_or(found.len());
            }
            if current == found.len() {
                found.push((at(step).collect(), vec![false; self.grid.count]));
            }
            found[current].1[step] = true;
        }
        let is_constant = found.len() == 1;
        if !is_constant {
            let bytes = found.len().saturating_mul(self.grid.count);
            self.context.workers.budget.charge_bytes(bytes)?;
        }
        for (key, steps) in found {
            let enriched = match self.labels(&series.labels, &key) {
                Ok(labels) => labels,
                Err(label) if self.has_sample(index, base, &steps) => {
                    return Err(QueryError::Execution(format!("conflicting label: {label}")));
                }
                Err(_) => None,
            };
            let Some(labels) = enriched else { continue };
            self.context.workers.budget.charge_labels(&labels)?;
            let output = OutputSeries {
                labels,
                drop_name: series.drop_name,
            };
            self.push(index, output, (!is_constant).then_some(steps));
        }
        Ok(())
    }

    /// The labels of a series with those of its info series; `None` where it is left out for
    /// having none. The error is a label on which two info series differ.
    fn labels(&self, base: &Labels, joined: &[u32]) -> Result<Option<Labels>, String> {
        let joined: Vec<&Labels> = joined
            .iter()
            .filter(|place| **place != NONE)
            .map(|place| &self.known.series[*place as usize])
            .collect();
        let data = &self.info.data;
        if joined.is_empty() {
            let is_kept = data.iter().all(|matcher| matcher.matches(""));
            return Ok(is_kept.then(|| base.clone()));
        }
        let mut added = LabelsBuilder::default();
        for (name, value) in joined.into_iter().flatten() {
            let is_wanted = data.is_empty() || data.iter().any(|matcher| matcher.name() == name);
            if name == METRIC_NAME || !is_wanted {
                continue;
            }
            let known = added.get(name);
            if !known.is_empty() && known != value {
                return Err(name.to_owned());
            }
            if base.get(name).is_none() {
                added.set(name, value);
            }
        }
        let mut labels = LabelsBuilder::from_labels(base);
        for (name, value) in added.iter() {
            labels.set(name, value);
        }
        Ok(Some(labels.build()))
    }

    fn has_sample(&self, index: usize, base: &Vector<'_>, steps: &[bool]) -> bool {
        let mut column = Column::new(self.grid.count);
        (base.fill)(index, &mut column);
        let mut values = column.iter().zip(steps);
        values.any(|(value, kept)| *kept && !is_absent(*value))
    }
}
