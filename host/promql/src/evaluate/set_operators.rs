//! `and`, `or` and `unless`.

use super::Context;
use super::column::{ABSENT, Fill, Vector, is_absent};
use super::grid::Grid;
use super::instant_functions::checked;
use super::matching::MatchGroups;
use crate::ast::{BinaryOp, VectorMatching};
use crate::error::QueryError;

/// Applies a set operator.
pub(crate) fn set_operator<'a>(
    context: Context<'a>,
    op: BinaryOp,
    matching: &VectorMatching,
    left: Vector<'a>,
    right: Vector<'a>,
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    let groups = MatchGroups::new(matching, &left.series, &right.series);
    let vector = match op {
        BinaryOp::Or => or(context, &groups, left, right, grid)?,
        _ => {
            let right = Presence::of(context, &right, &groups.of_right, groups.len(), grid)?;
            let wanted = op == BinaryOp::And;
            masked(left, groups.of_left, right, wanted)
        }
    };
    checked(context, vector, grid)
}

fn or<'a>(
    context: Context<'a>,
    groups: &MatchGroups,
    left: Vector<'a>,
    right: Vector<'a>,
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    // The left side is needed twice: for its values, and to see which steps are taken.
    let stored = context.workers.store(&left, grid.count)?;
    let mut presence = Presence::new(groups.len(), grid.count);
    for (index, group) in groups.of_left.iter().enumerate() {
        if let Some(column) = stored.column(index) {
            presence.mark(*group, column);
        }
    }
    let left_len = left.series.len();
    let right = masked(right, groups.of_right.clone(), presence, false);
    let mut series = left.series;
    series.extend(right.series);
    let fill: Fill<'a> = Box::new(move |index, out| match index.checked_sub(left_len) {
        None => stored.copy(index, out),
        Some(index) => (right.fill)(index, out),
    });
    Ok(Vector { series, fill })
}

/// A vector at the steps at which the other side has, or has not, a sample in the same group.
fn masked<'a>(
    vector: Vector<'a>,
    group_of: Vec<usize>,
    other: Presence,
    wanted: bool,
) -> Vector<'a> {
    let inner = vector.fill;
    let fill: Fill<'a> = Box::new(move |index, out| {
        inner(index, out);
        for (out, present) in out.iter_mut().zip(other.group(group_of[index])) {
            if *present != wanted {
                *out = ABSENT;
            }
        }
    });
    Vector {
        series: vector.series,
        fill,
    }
}

/// At which steps a match group has a sample.
pub(crate) struct Presence {
    steps: usize,
    present: Vec<bool>,
}

impl Presence {
    fn new(groups: usize, steps: usize) -> Self {
        Self {
            steps,
            present: vec![false; groups * steps],
        }
    }

    fn of(
        context: Context<'_>,
        vector: &Vector<'_>,
        group_of: &[usize],
        groups: usize,
        grid: Grid,
    ) -> Result<Self, QueryError> {
        let bytes = groups.saturating_mul(grid.count);
        context.workers.budget.charge_bytes(bytes)?;
        let mut presence = Self::new(groups, grid.count);
        context
            .workers
            .for_each(vector, grid.count, |index, column| {
                presence.mark(group_of[index], column);
                Ok(())
            })?;
        Ok(presence)
    }

    fn mark(&mut self, group: usize, column: &[f64]) {
        let start = group * self.steps;
        let present = &mut self.present[start..start + self.steps];
        for (present, value) in present.iter_mut().zip(column.iter()) {
            *present |= !is_absent(*value);
        }
    }

    fn group(&self, group: usize) -> &[bool] {
        let start = group * self.steps;
        &self.present[start..start + self.steps]
    }
}
