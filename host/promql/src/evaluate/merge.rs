//! Series of a result that came to have the same labels.

use std::collections::HashMap;

use narthex_model::Labels;

use super::Context;
use super::column::{Column, Fill, Vector, is_absent};
use crate::error::QueryError;

/// What is wrong with two series of the same labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duplicates {
    /// Two samples at the same step.
    AtAStep,
    /// Two series with a sample each, whenever that is.
    Anywhere,
}

/// The error for two series of the same labels.
pub(crate) fn same_labelset() -> QueryError {
    QueryError::Execution("vector cannot contain metrics with the same labelset".to_owned())
}

/// Makes one series of those with the same labels.
///
/// # Errors
/// They are duplicates in the sense of `duplicates`.
pub(crate) fn merged<'a>(
    context: Context<'a>,
    vector: Vector<'a>,
    steps: usize,
    duplicates: Duplicates,
) -> Result<Vector<'a>, QueryError> {
    let Some(groups) = groups(&vector) else {
        return Ok(vector);
    };
    let mut stored = context.workers.store(&vector, steps)?;
    let mut series = Vec::with_capacity(groups.len());
    let mut columns: Vec<Column> = Vec::with_capacity(groups.len());
    for group in groups {
        let mut present = group
            .into_iter()
            .filter_map(|index| Some((index, stored.take(index)?)));
        let Some((first, mut merged)) = present.next() else {
            continue;
        };
        let mut output = vector.series[first].clone();
        let mut starts_at = first_step(&merged);
        for (index, column) in present {
            if duplicates == Duplicates::Anywhere {
                return Err(same_labelset());
            }
            // The series that is there first says whether the name goes.
            let start = first_step(&column);
            if start < starts_at {
                starts_at = start;
                output.drop_name = vector.series[index].drop_name;
            }
            overlay(&mut merged, &column)?;
        }
        series.push(output);
        columns.push(merged);
    }
    let fill: Fill<'a> = Box::new(move |index, out| out.copy_from(&columns[index]));
    Ok(Vector { series, fill })
}

fn first_step(column: &[f64]) -> Option<usize> {
    column.iter().position(|value| !is_absent(*value))
}

fn overlay(into: &mut Column, column: &Column) -> Result<(), QueryError> {
    for (step, value) in column.iter().enumerate() {
        if is_absent(*value) {
            continue;
        }
        if !is_absent(into[step]) {
            return Err(same_labelset());
        }
        into.set(step, column.sample(step));
    }
    Ok(())
}

/// The series by label set in the order in which those came first; `None` where every label set
/// is there once.
fn groups(vector: &Vector<'_>) -> Option<Vec<Vec<usize>>> {
    let mut group_of: HashMap<&Labels, usize> = HashMap::with_capacity(vector.series.len());
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, series) in vector.series.iter().enumerate() {
        let group = *group_of.entry(&series.labels).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(index);
    }
    (groups.len() < vector.series.len()).then_some(groups)
}
