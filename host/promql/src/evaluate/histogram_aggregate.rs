//! `sum` and `avg` of native histograms: what the groups have become of those, beside what they
//! have become of numbers. The other aggregations count histograms or leave them out.

use std::sync::Arc;

use narthex_model::histogram::{HistogramMean, HistogramSum};
use narthex_model::{CounterResetHint, FloatHistogram};

use super::column::{ABSENT, Column, is_absent};
use crate::annotations::{Annotations, Note, Notes};
use crate::ast::{AggregateOp, Span};

/// What the groups are at all steps; a place is a group and a step.
pub(crate) struct HistogramCells {
    op: AggregateOp,
    places: usize,
    /// Made when the first histogram comes, which in most queries is never.
    cells: Vec<Option<Box<HistogramCell>>>,
    notes: Notes,
    /// Metrics that have histograms which do not go together.
    mixed_metrics: Vec<String>,
}

/// What the histograms of a group are at a step.
enum Folded {
    Sum(HistogramSum),
    Mean(HistogramMean),
    /// Exponential and custom buckets do not go together.
    Incompatible,
}

struct HistogramCell {
    folded: Folded,
    has_reset: bool,
    has_not_reset: bool,
}

impl HistogramCells {
    /// No histogram yet.
    pub(crate) fn new(op: AggregateOp) -> Self {
        Self {
            op,
            places: 0,
            cells: Vec::new(),
            notes: Notes::default(),
            mixed_metrics: Vec::new(),
        }
    }

    /// Makes room for so many places.
    pub(crate) fn resize(&mut self, places: usize) {
        self.places = places;
        if !self.cells.is_empty() {
            self.cells.resize_with(places, || None);
        }
    }

    /// Whether a histogram was taken.
    pub(crate) fn has_cells(&self) -> bool {
        !self.cells.is_empty()
    }

    /// Whether the aggregation makes a histogram of histograms.
    pub(crate) fn takes(&self) -> bool {
        matches!(self.op, AggregateOp::Sum | AggregateOp::Avg)
    }

    /// Whether a histogram is as good as a number.
    pub(crate) fn counts(&self) -> bool {
        matches!(self.op, AggregateOp::Count | AggregateOp::Group)
    }

    /// Leaves a histogram out.
    pub(crate) fn ignore(&mut self) {
        self.notes.add(Note::IgnoredInAggregation);
    }

    /// Takes a histogram of a metric.
    pub(crate) fn add(&mut self, place: usize, histogram: &FloatHistogram, metric: &str) {
        if self.cells.is_empty() {
            self.cells.resize_with(self.places, || None);
        }
        let Some(cell) = &mut self.cells[place] else {
            let folded = match self.op {
                AggregateOp::Avg => Folded::Mean(HistogramMean::new(histogram)),
                _ => Folded::Sum(HistogramSum::new(histogram)),
            };
            let mut cell = HistogramCell {
                folded,
                has_reset: false,
                has_not_reset: false,
            };
            cell.see(histogram.counter_reset_hint);
            self.cells[place] = Some(Box::new(cell));
            return;
        };
        let combined = match &mut cell.folded {
            Folded::Sum(sum) => sum.add(histogram),
            Folded::Mean(mean) => mean.add(histogram),
            Folded::Incompatible => return,
        };
        cell.see(histogram.counter_reset_hint);
        match combined {
            Ok(combined) if combined.bounds_reconciled => {
                self.notes.add(Note::ReconciledInAggregation);
            }
            Ok(_) => {}
            Err(_) => {
                cell.folded = Folded::Incompatible;
                if !self.mixed_metrics.iter().any(|known| known == metric) {
                    self.mixed_metrics.push(metric.to_owned());
                }
            }
        }
    }

    /// Says what was found while the histograms came.
    pub(crate) fn report(&self, annotations: &Annotations, span: Span) {
        self.notes.report(annotations, span, self.op.as_str());
        for metric in &self.mixed_metrics {
            let mut notes = Notes::default();
            notes.add(Note::MixedSchemas);
            notes.report(annotations, span, metric);
        }
    }

    /// Puts the histograms of a group into a column that has what its numbers have become.
    pub(crate) fn fill(&self, first_place: usize, out: &mut Column) -> Notes {
        let mut notes = Notes::default();
        if self.cells.is_empty() {
            return notes;
        }
        for step in 0..out.len() {
            let Some(cell) = &self.cells[first_place + step] else {
                continue;
            };
            if !is_absent(out[step]) {
                notes.add(Note::MixedAggregation);
                out[step] = ABSENT;
                continue;
            }
            let mut histogram = match &cell.folded {
                Folded::Sum(sum) => sum.total(),
                Folded::Mean(mean) => mean.result(),
                Folded::Incompatible => continue,
            };
            if cell.has_reset && cell.has_not_reset {
                notes.add(Note::ResetsCollideInAggregation);
            }
            histogram.compact();
            out.set_histogram(step, Arc::new(histogram));
        }
        notes
    }
}

impl HistogramCell {
    fn see(&mut self, hint: CounterResetHint) {
        self.has_reset |= hint == CounterResetHint::Reset;
        self.has_not_reset |= hint == CounterResetHint::NotReset;
    }
}
