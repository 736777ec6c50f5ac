//! `topk`, `bottomk`, `limitk` and `limit_ratio`: some of the series as they are.

use xxhash_rust::xxh64::xxh64;

use super::Context;
use super::column::{ABSENT, Column, Fill, OutputSeries, Stored, Vector, is_absent, is_number};
use super::grid::Grid;
use super::order::nan_last;
use crate::annotations::{Note, Notes, shortest};
use crate::ast::{AggregateOp, Span};
use crate::error::QueryError;
use narthex_model::Labels;

/// From this parameter on a count does not fit into 63 bits.
const COUNT_MAX: f64 = 9_223_372_036_854_775_807.0;

/// The `k[step]` best series of each group at each step.
pub(crate) fn ranked<'a>(
    context: Context<'a>,
    op: AggregateOp,
    vector: Vector<'a>,
    group_of: &[usize],
    k: Vec<f64>,
    span: Span,
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    let highest = k.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if vector.series.is_empty() || highest < 1.0 && !k.iter().any(|k| k.is_nan()) {
        return Ok(Vector::empty());
    }
    check_counts(&k)?;
    let stored = context.workers.store(&vector, grid.count)?;
    let group_count = group_of.iter().max().map_or(0, |max| max + 1);
    let mut members = vec![Vec::new(); group_count];
    for (index, group) in group_of.iter().enumerate() {
        members[*group].push(index);
    }
    // Histograms have no order; those functions that want one leave them out.
    let is_ordered = op != AggregateOp::Limitk;
    let has_histogram = |at| stored.column(at).is_some_and(Column::has_a_histogram);
    if is_ordered && (0..vector.series.len()).any(has_histogram) {
        let mut notes = Notes::default();
        notes.add(Note::IgnoredInAggregation);
        notes.report(context.annotations, span, op.as_str());
    }
    let chosen: Vec<Vec<usize>> = k
        .iter()
        .enumerate()
        .map(|(step, k)| {
            let of_group = |members: &Vec<usize>| best(op, &stored, members, step, *k);
            members.iter().flat_map(of_group).collect()
        })
        .collect();
    Ok(match &chosen[..] {
        // An instant query is answered in the order of the ranks.
        [ranks] => in_order(&vector, stored, ranks.clone()),
        _ => at_their_steps(vector, stored, &chosen, grid),
    })
}

fn check_counts(k: &[f64]) -> Result<(), QueryError> {
    let error = |text: String| Err(QueryError::Execution(text));
    if k.iter().any(|k| k.is_nan()) {
        return error("Parameter value is NaN".to_owned());
    }
    if let Some(k) = k.iter().find(|k| **k <= -COUNT_MAX) {
        return error(format!("Scalar value {} underflows int64", shortest(*k)));
    }
    if let Some(k) = k.iter().find(|k| **k >= COUNT_MAX) {
        return error(format!("Scalar value {} overflows int64", shortest(*k)));
    }
    Ok(())
}

/// The best series of a group at a step, best first.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the conversion saturates, and no more than all series are taken"
)]
fn best(
    op: AggregateOp,
    stored: &Stored<'_>,
    members: &[usize],
    step: usize,
    k: f64,
) -> Vec<usize> {
    let k = (k.max(0.0) as usize).min(members.len());
    let mut present: Vec<(usize, f64)> = members
        .iter()
        .map(|index| (*index, stored.value(*index, step)))
        .filter(|(_, value)| match op {
            AggregateOp::Limitk => !is_absent(*value),
            _ => is_number(*value),
        })
        .collect();
    match op {
        AggregateOp::Topk => present.sort_by(|(_, a), (_, b)| nan_last(*a, *b, true)),
        AggregateOp::Bottomk => present.sort_by(|(_, a), (_, b)| nan_last(*a, *b, false)),
        _ => {}
    }
    present.truncate(k);
    present.into_iter().map(|(index, _)| index).collect()
}

fn in_order<'a>(vector: &Vector<'a>, stored: Stored<'a>, ranks: Vec<usize>) -> Vector<'a> {
    let series = ranks.iter().map(|index| vector.series[*index].clone());
    let series: Vec<OutputSeries> = series.collect();
    let fill: Fill<'a> = Box::new(move |rank, out| stored.copy(ranks[rank], out));
    Vector { series, fill }
}

fn at_their_steps<'a>(
    vector: Vector<'a>,
    stored: Stored<'a>,
    chosen: &[Vec<usize>],
    grid: Grid,
) -> Vector<'a> {
    let mut steps_of: Vec<Vec<usize>> = vec![Vec::new(); vector.series.len()];
    for (step, chosen) in chosen.iter().enumerate().take(grid.count) {
        for index in chosen {
            steps_of[*index].push(step);
        }
    }
    let fill: Fill<'a> = Box::new(move |index, out| {
        out.fill(ABSENT);
        for step in &steps_of[index] {
            out.set(*step, stored.sample(index, *step));
        }
    });
    Vector {
        series: vector.series,
        fill,
    }
}

/// `limit_ratio`: a share of all series, the same ones at every step and in every query.
pub(crate) fn limit_ratio<'a>(
    context: Context<'a>,
    vector: Vector<'a>,
    ratios: Vec<f64>,
    span: Span,
) -> Result<Vector<'a>, QueryError> {
    let highest = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let lowest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    if vector.series.is_empty() || (highest == 0.0 && lowest == 0.0) {
        return Ok(Vector::empty());
    }
    if ratios.iter().any(|ratio| ratio.is_nan()) {
        return Err(QueryError::Execution("Ratio value is NaN".to_owned()));
    }
    for (ratio, to) in [(highest, 1.0), (lowest, -1.0)] {
        if ratio.abs() > 1.0 && ratio.signum() == to {
            context.annotations.warning(
                span,
                &format!(
                    "ratio value should be between -1 and 1, got {}, capping to {to}",
                    shortest(ratio)
                ),
            );
        }
    }
    let places: Vec<f64> = vector
        .series
        .iter()
        .map(|series| place(&series.labels))
        .collect();
    let inner = vector.fill;
    let fill: Fill<'a> = Box::new(move |index, out| {
        inner(index, out);
        for (out, ratio) in out.iter_mut().zip(&ratios) {
            if !takes(ratio.clamp(-1.0, 1.0), places[index]) {
                *out = ABSENT;
            }
        }
    });
    Ok(Vector {
        series: vector.series,
        fill,
    })
}

fn takes(ratio: f64, place: f64) -> bool {
    if ratio >= 0.0 {
        place < ratio
    } else {
        place >= 1.0 + ratio
    }
}

/// Where a label set lies between 0 and 1: the hash that Prometheus takes of its own encoding of
/// labels, so that the same series are chosen.
#[allow(
    clippy::cast_precision_loss,
    reason = "the original rounds the hash to a double as well"
)]
fn place(labels: &Labels) -> f64 {
    let mut encoded = Vec::new();
    for (name, value) in labels {
        push(&mut encoded, name);
        push(&mut encoded, value);
    }
    xxh64(&encoded, 0) as f64 / u64::MAX as f64
}

/// A text after its length: one byte below 255, else 255 and three bytes, lowest first.
fn push(encoded: &mut Vec<u8>, text: &str) {
    match u8::try_from(text.len()) {
        Ok(len) if len < u8::MAX => encoded.push(len),
        _ => {
            encoded.push(u8::MAX);
            encoded.extend_from_slice(&text.len().to_le_bytes()[..3]);
        }
    }
    encoded.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_and_its_complement_share_all_series() {
        for place in [0.0, 0.12, 0.31, 0.53, 0.999] {
            for ratio in [0.1, 0.3, 0.5, 1.0] {
                let both = [takes(ratio, place), takes(ratio - 1.0, place)];
                assert!(ratio == 1.0 || both[0] != both[1], "{place} {ratio}");
            }
        }
    }

    #[test]
    fn counts_that_are_no_counts_are_refused() {
        for (k, expected) in [
            (f64::NAN, "Parameter value is NaN"),
            (1e30, "Scalar value 1e+30 overflows int64"),
            (f64::NEG_INFINITY, "Scalar value -Inf underflows int64"),
        ] {
            assert_eq!(check_counts(&[1.0, k]).unwrap_err().to_string(), expected);
        }
    }
}
