//! Operators between two expressions.

use std::collections::{HashMap, HashSet};

use narthex_model::Labels;

use super::column::{
    ABSENT, Column, Fill, OutputSeries, SampleValue, Stored, Vector, is_absent, without_metadata,
};
use super::grid::Grid;
use super::histogram_operators;
use super::instant_functions::checked;
use super::matching::{MatchGroups, match_labels, result_labels};
use super::operators::{self, Keep, changes_metric};
use super::set_operators::set_operator;
use super::{Context, Evaluated, mistyped};
use crate::annotations::Notes;
use crate::ast::{BinaryOp, Cardinality, Span, VectorMatching};
use crate::error::QueryError;
use crate::plan::Operation;

/// Applies an operator.
pub(crate) fn binary<'a>(
    context: Context<'a>,
    operation: &'a Operation,
    span: Span,
    grid: Grid,
) -> Result<Evaluated<'a>, QueryError> {
    let op = operation.op;
    let lhs = context.evaluate(&operation.lhs, grid)?;
    let rhs = context.evaluate(&operation.rhs, grid)?;
    match (lhs, rhs) {
        (Evaluated::Scalar(a), Evaluated::Scalar(b)) => {
            let mut out = vec![ABSENT; grid.count];
            operators::columns(op, Keep::Bool, &a, &b, &mut out);
            Ok(Evaluated::Scalar(out))
        }
        (Evaluated::Vector(vector), Evaluated::Scalar(scalar)) => {
            with_scalar(context, operation, span, vector, scalar, false, grid)
        }
        (Evaluated::Scalar(scalar), Evaluated::Vector(vector)) => {
            with_scalar(context, operation, span, vector, scalar, true, grid)
        }
        (Evaluated::Vector(lhs), Evaluated::Vector(rhs)) => {
            let matching = operation.matching.as_ref();
            let matching = matching.ok_or_else(|| mistyped("a matched operator"))?;
            let vector = match op {
                BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => {
                    set_operator(context, op, matching, lhs, rhs, grid)?
                }
                _ => between_vectors(context, operation, span, (matching, lhs, rhs), grid)?,
            };
            Ok(Evaluated::Vector(vector))
        }
        _ => Err(mistyped("a scalar or an instant vector")),
    }
}

fn with_scalar<'a>(
    context: Context<'a>,
    operation: &'a Operation,
    span: Span,
    vector: Vector<'a>,
    scalar: Vec<f64>,
    scalar_is_left: bool,
    grid: Grid,
) -> Result<Evaluated<'a>, QueryError> {
    let (op, returns_bool) = (operation.op, operation.returns_bool);
    // A comparison keeps the vector's value, on whichever side it stands.
    let keep = match (returns_bool, scalar_is_left) {
        (true, _) => Keep::Bool,
        (false, true) => Keep::Right,
        (false, false) => Keep::Left,
    };
    let loses_name = changes_metric(op) || returns_bool;
    let series = vector.series.iter().map(|series| {
        if loses_name {
            context.renamed(series)
        } else {
            series.clone()
        }
    });
    let series: Vec<OutputSeries> = series.collect();
    let inner = vector.fill;
    let fill: Fill<'a> = Box::new(move |index, out| {
        inner(index, out);
        if out.has_histograms() || operators::is_trim(op) {
            let mut notes = Notes::default();
            let scalar = Column::from(scalar.clone());
            let vector = out.clone();
            let sides = match scalar_is_left {
                true => (&scalar, &vector),
                false => (&vector, &scalar),
            };
            histogram_operators::columns(op, keep, sides, out, &mut notes);
            notes.report(context.annotations, span, op.as_str());
            return;
        }
        for (out, scalar) in out.iter_mut().zip(&scalar) {
            if is_absent(*out) {
                continue;
            }
            *out = if scalar_is_left {
                operators::one(op, keep, *scalar, *out)
            } else {
                operators::one(op, keep, *out, *scalar)
            };
        }
    });
    checked(context, Vector { series, fill }, grid).map(Evaluated::Vector)
}

/// The two sides of an operation by their part in it. The "many" side is the left one unless
/// `group_right` says otherwise.
struct Sides<'a, 'm> {
    context: Context<'a>,
    op: BinaryOp,
    span: Span,
    keep: Keep,
    is_mean: bool,
    matching: &'m VectorMatching,
    many: Vector<'a>,
    one: Vector<'a>,
    groups: MatchGroups,
}

fn between_vectors<'a>(
    context: Context<'a>,
    operation: &'a Operation,
    span: Span,
    (matching, lhs, rhs): (&'a VectorMatching, Vector<'a>, Vector<'a>),
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    let (many, one) = match matching.cardinality {
        Cardinality::OneToMany => (rhs, lhs),
        _ => (lhs, rhs),
    };
    let keep = match operation.returns_bool {
        true => Keep::Bool,
        false => Keep::Left,
    };
    let sides = Sides {
        context,
        op: operation.op,
        span,
        keep,
        is_mean: operation.is_mean,
        matching,
        groups: match operation.is_mean {
            true => MatchGroups::of_same_series(&many.series, &one.series),
            false => MatchGroups::new(matching, &many.series, &one.series),
        },
        many,
        one,
    };
    let vector = match sides.pairs() {
        Some(pairs) => sides.pairwise(pairs, grid)?,
        None => sides.step_by_step(grid)?,
    };
    checked(context, vector, grid)
}

impl<'a> Sides<'a, '_> {
    /// The pairs of series that meet, where no step can make a match wrong: at most one series
    /// on the "one" side of each group, and no two results with the same labels in a group.
    fn pairs(&self) -> Option<Vec<(usize, usize)>> {
        let fills = self.matching.fill_left.is_some() || self.matching.fill_right.is_some();
        if fills || self.groups.right.iter().any(|right| right.len() > 1) {
            return None;
        }
        let one_to_one = self.matching.cardinality == Cardinality::OneToOne;
        let mut pairs = Vec::new();
        for (many, group) in self.groups.of_left.iter().enumerate() {
            if let [one] = self.groups.right[*group][..] {
                if one_to_one && self.groups.left[*group].len() > 1 {
                    return None;
                }
                pairs.push((many, one));
            }
        }
        if !one_to_one && !self.results_are_unique(&pairs) {
            return None;
        }
        Some(pairs)
    }

    fn results_are_unique(&self, pairs: &[(usize, usize)]) -> bool {
        let mut seen = HashSet::with_capacity(pairs.len());
        pairs.iter().all(|(many, one)| {
            let group = self.groups.of_left[*many];
            seen.insert((
                group,
                self.labels(&self.many_labels(*many), &self.one_labels(*one)),
            ))
        })
    }

    fn many_labels(&self, index: usize) -> Labels {
        self.many.series[index].labels.clone()
    }

    fn one_labels(&self, index: usize) -> Labels {
        self.one.series[index].labels.clone()
    }

    fn labels(&self, many: &Labels, one: &Labels) -> Labels {
        if self.is_mean {
            // The functions that made the sides have dropped the name, or will.
            return many.clone();
        }
        let labels = result_labels(self.op, self.matching, many, one);
        if self.keep == Keep::Bool && !self.context.delayed_name_removal {
            without_metadata(&labels)
        } else {
            labels
        }
    }

    fn output(&self, labels: Labels) -> OutputSeries {
        OutputSeries {
            labels,
            drop_name: self.is_mean || self.keep == Keep::Bool,
        }
    }

    fn is_swapped(&self) -> bool {
        self.matching.cardinality == Cardinality::OneToMany
    }

    fn pairwise(self, pairs: Vec<(usize, usize)>, grid: Grid) -> Result<Vector<'a>, QueryError> {
        let series = pairs
            .iter()
            .map(|(many, one)| {
                self.output(self.labels(&self.many_labels(*many), &self.one_labels(*one)))
            })
            .collect();
        let (op, keep, swapped) = (self.op, self.keep, self.is_swapped());
        let (annotations, span) = (self.context.annotations, self.span);
        let one_to_one = self.matching.cardinality == Cardinality::OneToOne;
        // A "one" side is met by many, so its columns are kept; between one and one each column
        // is asked for once.
        let kept = match one_to_one {
            true => None,
            false => Some(self.context.workers.store(&self.one, grid.count)?),
        };
        let (many, one) = (self.many.fill, self.one.fill);
        let fill: Fill<'a> = Box::new(move |index, out| {
            let (many_at, one_at) = pairs[index];
            let mut left = Column::new(out.len());
            many(many_at, &mut left);
            let mut right = Column::new(out.len());
            match &kept {
                Some(kept) => kept.copy(one_at, &mut right),
                None => one(one_at, &mut right),
            }
            if swapped {
                std::mem::swap(&mut left, &mut right);
            }
            if left.has_histograms() || right.has_histograms() || operators::is_trim(op) {
                let mut notes = Notes::default();
                histogram_operators::columns(op, keep, (&left, &right), out, &mut notes);
                notes.report(annotations, span, op.as_str());
            } else {
                operators::columns(op, keep, &left, &right, out);
            }
        });
        Ok(Vector { series, fill })
    }

    /// Matches at every step anew: what meets depends on which series have a sample.
    fn step_by_step(self, grid: Grid) -> Result<Vector<'a>, QueryError> {
        let workers = self.context.workers;
        let many = workers.store(&self.many, grid.count)?;
        let one = workers.store(&self.one, grid.count)?;
        let many_present = steps_present(&many, self.many.series.len(), grid.count);
        let mut results = Results::default();
        let mut notes = Notes::default();
        for group in 0..self.groups.len() {
            workers.budget.check()?;
            for (step, any_many) in many_present.iter().enumerate() {
                let sides = (&many, &one);
                let results = (&mut results, &mut notes);
                self.match_step(group, step, *any_many, sides, grid, results)?;
            }
        }
        let (annotations, span) = (self.context.annotations, self.span);
        notes.report(annotations, span, self.op.as_str());
        let columns = results.columns;
        let fill: Fill<'a> = Box::new(move |index, out| out.copy_from(&columns[index]));
        Ok(Vector {
            series: results.series,
            fill,
        })
    }

    fn match_step(
        &self,
        group: usize,
        step: usize,
        any_many: bool,
        (many, one): (&Stored<'_>, &Stored<'_>),
        grid: Grid,
        (results, notes): (&mut Results, &mut Notes),
    ) -> Result<(), QueryError> {
        let (fill_one, fill_many) = if self.is_swapped() {
            (self.matching.fill_left, self.matching.fill_right)
        } else {
            (self.matching.fill_right, self.matching.fill_left)
        };
        let fills = fill_one.is_some() || fill_many.is_some();
        let mut found: Option<usize> = None;
        for candidate in &self.groups.right[group] {
            if is_absent(one.value(*candidate, step)) {
                continue;
            }
            if let Some(found) = found {
                // Where nothing can match, nobody looks at the "one" side either.
                if any_many || fills {
                    return Err(self.duplicate(*candidate, found));
                }
            }
            found = Some(*candidate);
        }
        let filled = |fill: Option<f64>| fill.map(SampleValue::Number);
        let one_value = found.and_then(|found| one.sample(found, step));
        let one_value = one_value.or(filled(fill_one));
        let mut taken: HashSet<Labels> = HashSet::new();
        let mut matched = false;
        for many_at in &self.groups.left[group] {
            let value = many.sample(*many_at, step);
            let (Some(value), Some(one_value)) = (value, &one_value) else {
                continue;
            };
            let labels = self.pair_labels(Some(*many_at), found);
            if matched && self.matching.cardinality == Cardinality::OneToOne {
                return Err(QueryError::Execution(
                    "multiple matches for labels: many-to-one matching must be explicit \
                     (group_left/group_right)"
                        .to_owned(),
                ));
            }
            if !taken.insert(labels.clone()) {
                return Err(QueryError::Execution(
                    "multiple matches for labels: grouping labels must ensure unique matches"
                        .to_owned(),
                ));
            }
            matched = true;
            let value = self.value(&value, one_value, notes);
            results.put((Some(*many_at), found), step, value, grid, || {
                self.output(labels)
            });
        }
        if let (false, Some(fill), Some(found)) = (matched, filled(fill_many), found)
            && let Some(value) = one.sample(found, step)
        {
            let value = self.value(&fill, &value, notes);
            let output = || self.output(self.pair_labels(None, Some(found)));
            results.put((None, Some(found)), step, value, grid, output);
        }
        Ok(())
    }

    /// The labels of the result of two series, of which one may be filled in.
    fn pair_labels(&self, many: Option<usize>, one: Option<usize>) -> Labels {
        let (many, one) = match (many, one) {
            (Some(many), Some(one)) => (self.many_labels(many), self.one_labels(one)),
            (Some(many), None) => {
                let many = self.many_labels(many);
                let one = match_labels(self.matching, &many);
                (many, one)
            }
            (None, Some(one)) => {
                let one = self.one_labels(one);
                (match_labels(self.matching, &one), one)
            }
            (None, None) => (Labels::empty(), Labels::empty()),
        };
        self.labels(&many, &one)
    }

    fn value(
        &self,
        many: &SampleValue,
        one: &SampleValue,
        notes: &mut Notes,
    ) -> Option<SampleValue> {
        let (left, right) = match self.is_swapped() {
            true => (one, many),
            false => (many, one),
        };
        histogram_operators::one(self.op, self.keep, left, right, notes)
    }

    fn duplicate(&self, second: usize, first: usize) -> QueryError {
        let side = if self.is_swapped() { "left" } else { "right" };
        let second = self.one_labels(second);
        QueryError::Execution(format!(
            "found duplicate series for the match group {} on the {side} hand-side of the \
             operation: [{second}, {}];many-to-many matching not allowed: matching labels must \
             be unique on one side",
            match_labels(self.matching, &second),
            self.one_labels(first),
        ))
    }
}

/// The columns that matching step by step has made so far, by the pair they come from.
#[derive(Default)]
struct Results {
    index_of: HashMap<(Option<usize>, Option<usize>), usize>,
    series: Vec<OutputSeries>,
    columns: Vec<Column>,
}

impl Results {
    fn put(
        &mut self,
        pair: (Option<usize>, Option<usize>),
        step: usize,
        value: Option<SampleValue>,
        grid: Grid,
        series: impl FnOnce() -> OutputSeries,
    ) {
        if value.is_none() {
            return;
        }
        let index = *self.index_of.entry(pair).or_insert_with(|| {
            self.series.push(series());
            self.columns.push(Column::new(grid.count));
            self.series.len() - 1
        });
        self.columns[index].set(step, value);
    }
}

fn steps_present(stored: &Stored<'_>, series: usize, steps: usize) -> Vec<bool> {
    let mut present = vec![false; steps];
    for column in (0..series).filter_map(|index| stored.column(index)) {
        for (present, value) in present.iter_mut().zip(column.iter()) {
            *present |= !is_absent(*value);
        }
    }
    present
}
