//! Aggregations that fold: of each group a column is kept, and the series are gone once they have
//! been taken in. They may come all at once or a few at a time.

use std::collections::HashSet;
use std::sync::Arc;

use narthex_storage::Partial;

use super::cells::{Cells, cells};
use super::column::{Fill, OutputSeries, Vector, is_absent};
use super::grid::Grid;
use super::groups::Groups;
use super::histogram_aggregate::HistogramCells;
use super::{Context, partials};
use crate::ast::Span;
use crate::budget::Budget;
use crate::error::QueryError;
use crate::plan::{Aggregation, Plan};

/// What the groups of an aggregation have become of the series so far.
pub(crate) struct Fold {
    /// Where the expression is that is aggregated.
    span: Span,
    steps: usize,
    groups: Groups,
    /// A place is a group and a step.
    cells: Box<dyn Cells>,
    histograms: HistogramCells,
    times_taken: usize,
}

impl Fold {
    /// No series yet.
    pub(crate) fn new(aggregation: &Aggregation, steps: usize) -> Self {
        Self {
            span: aggregation.inner.span,
            steps,
            groups: Groups::default(),
            cells: cells(aggregation.op),
            histograms: HistogramCells::new(aggregation.op),
            times_taken: 0,
        }
    }

    /// Takes in the series of a vector.
    pub(crate) fn take(
        &mut self,
        context: Context<'_>,
        aggregation: &Aggregation,
        vector: &Vector<'_>,
    ) -> Result<(), QueryError> {
        self.times_taken += 1;
        let before = self.bytes();
        let group_of = self.groups.add(aggregation, &vector.series);
        context
            .workers
            .budget
            .charge_bytes(self.bytes().saturating_sub(before))?;
        let places = self.places();
        self.cells.resize(places);
        self.histograms.resize(places);
        let steps = self.steps;
        let (cells, histograms) = (&mut self.cells, &mut self.histograms);
        context.workers.for_each(vector, steps, |index, column| {
            let first = group_of[index] * steps;
            if !column.has_histograms() {
                cells.add_numbers(first, column);
                return Ok(());
            }
            for (step, value) in column.iter().enumerate() {
                match column.histogram(step) {
                    Some(histogram) if histograms.takes() => {
                        let metric = vector.series[index].labels.metric_name();
                        histograms.add(first + step, histogram, metric);
                    }
                    Some(_) if !histograms.counts() => histograms.ignore(),
                    _ if is_absent(*value) => {}
                    _ => cells.add(first + step, *value),
                }
            }
            Ok(())
        })
    }

    /// Takes in what others have made of series of theirs, at the times of a grid.
    pub(crate) fn combine(
        &mut self,
        budget: &Budget,
        aggregation: &Aggregation,
        grid: Grid,
        partial: &Partial,
    ) -> Result<(), QueryError> {
        let series: Vec<OutputSeries> = partial.values.iter().map(partials::output).collect();
        // They are no series in the order of the others.
        self.times_taken += 2;
        let before = self.bytes();
        let group_of = self.groups.add(aggregation, &series);
        budget.charge_bytes(self.bytes().saturating_sub(before))?;
        let places = self.places();
        self.cells.resize(places);
        self.histograms.resize(places);
        for (index, series) in partial.values.iter().enumerate() {
            budget.check()?;
            let first = group_of[index] * self.steps;
            let counts = partial.counts.get(index);
            for (at, time_ms) in series.timestamps.iter().enumerate() {
                let Some(step) = grid.step_at(*time_ms) else {
                    continue;
                };
                let histograms = series.histograms.as_ref();
                match histograms.and_then(|histograms| histograms.get(at)?.as_deref()) {
                    Some(histogram) if self.histograms.takes() => {
                        self.histograms.add(first + step, histogram, "");
                    }
                    Some(_) => {}
                    None => {
                        let count = counts.and_then(|counts| counts.values.get(at));
                        let count = count.copied().unwrap_or(1.0);
                        self.cells.combine(first + step, series.values[at], count);
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a group has become a native histogram at some step.
    pub(crate) fn has_histograms(&self) -> bool {
        self.histograms.has_cells()
    }

    fn places(&self) -> usize {
        self.groups.series().len().saturating_mul(self.steps)
    }

    /// What is kept of numbers.
    fn bytes(&self) -> usize {
        self.places().saturating_mul(self.cells.bytes_a_place())
    }

    /// The groups as series.
    pub(crate) fn vector<'a>(self: Arc<Self>, context: Context<'a>) -> Vector<'a> {
        let (annotations, span) = (context.annotations, self.span);
        self.histograms.report(annotations, span);
        // Series that came a few at a time came in the store's order.
        let order = match self.times_taken {
            0 | 1 => (0..self.groups.series().len()).collect(),
            _ => self.groups.sorted(),
        };
        let series = order.iter().map(|group| &self.groups.series()[*group]);
        let series: Vec<OutputSeries> = series.cloned().collect();
        let fill: Fill<'a> = Box::new(move |index, out| {
            let first = order[index] * self.steps;
            self.cells.results(first, out);
            let notes = self.histograms.fill(first, out);
            notes.report(annotations, span, "");
        });
        Vector { series, fill }
    }
}

/// A series' place in [`Part::seen`].
const BYTES_SEEN: usize = 2 * size_of::<u64>();

/// What the aggregations that read one request have become of its series so far.
pub(crate) struct Folds {
    parts: Vec<Part>,
}

/// One of the aggregations.
struct Part {
    /// Its place in the plan.
    streamed: usize,
    fold: Fold,
    /// Hashes of the label sets that were aggregated, where two series may have the same.
    seen: Option<HashSet<u64>>,
}

impl Folds {
    /// No series of this request yet.
    pub(crate) fn new(plan: &Plan, request: usize) -> Self {
        let streamed = plan.streamed.iter().enumerate();
        let parts = streamed
            .filter(|(_, streamed)| streamed.request == request)
            .map(|(at, streamed)| Part {
                streamed: at,
                fold: Fold::new(&streamed.aggregation, streamed.grid.count),
                seen: streamed.changes_labels().then(HashSet::new),
            });
        Self {
            parts: parts.collect(),
        }
    }

    /// Takes in the series that the context has of the request. `false` where one came to have
    /// the labels of one before it: whether that is an error, or the two are one series, is told
    /// only by who sees all series at once.
    pub(crate) fn take(&mut self, context: Context<'_>, plan: &Plan) -> Result<bool, QueryError> {
        for part in &mut self.parts {
            let streamed = &plan.streamed[part.streamed];
            let inner = &streamed.aggregation.inner;
            let vector = context.vector(inner, streamed.grid)?;
            if let Some(seen) = &mut part.seen {
                let bytes = vector.series.len().saturating_mul(BYTES_SEEN);
                context.workers.budget.charge_bytes(bytes)?;
                let mut hashes = vector.series.iter().map(|s| s.labels.stable_hash());
                if !hashes.all(|hash| seen.insert(hash)) {
                    return Ok(false);
                }
            }
            part.fold.take(context, &streamed.aggregation, &vector)?;
        }
        Ok(true)
    }

    /// Takes in what others have made of series of theirs, each with its place in the plan.
    pub(crate) fn combine(
        &mut self,
        plan: &Plan,
        budget: &Budget,
        partials: &[(usize, Partial)],
    ) -> Result<(), QueryError> {
        for part in &mut self.parts {
            let streamed = &plan.streamed[part.streamed];
            for (_, partial) in partials.iter().filter(|(at, _)| *at == part.streamed) {
                let fold = &mut part.fold;
                fold.combine(budget, &streamed.aggregation, streamed.grid, partial)?;
            }
        }
        Ok(())
    }

    /// What was charged to the budget for them, or a little less.
    pub(crate) fn bytes(&self) -> usize {
        let of_part = |part: &Part| {
            let seen = part.seen.as_ref().map_or(0, HashSet::len);
            part.fold.bytes() + seen.saturating_mul(BYTES_SEEN)
        };
        self.parts.iter().map(of_part).sum()
    }

    /// Each with its place in the plan.
    pub(crate) fn into_parts(self) -> impl Iterator<Item = (usize, Fold)> {
        self.parts
            .into_iter()
            .map(|part| (part.streamed, part.fold))
    }
}
