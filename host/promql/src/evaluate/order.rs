//! `sort`, `sort_desc`, `sort_by_label` and `sort_by_label_desc`: the order of an instant query's
//! answer. A range query's answer is always sorted by labels, so they do nothing there.

use std::cmp::Ordering;

use super::Context;
use super::column::{Fill, OutputSeries, Vector, is_number};
use super::grid::Grid;
use crate::ast::Span;
use crate::error::QueryError;

/// By value, NaN last.
pub(crate) fn by_value<'a>(
    context: Context<'a>,
    vector: Vector<'a>,
    span: Span,
    grid: Grid,
    descending: bool,
) -> Result<Vector<'a>, QueryError> {
    warn_of_range_query(context, span);
    if grid.count > 1 {
        return Ok(vector);
    }
    let stored = context.workers.store(&vector, 1)?;
    let mut order: Vec<(usize, f64)> = (0..vector.series.len())
        .map(|index| (index, stored.value(index, 0)))
        .filter(|(_, value)| is_number(*value))
        .collect();
    order.sort_by(|(_, a), (_, b)| nan_last(*a, *b, descending));
    let series = order.iter().map(|(index, _)| vector.series[*index].clone());
    let series: Vec<OutputSeries> = series.collect();
    let fill: Fill<'a> = Box::new(move |index, out| out.fill(order[index].1));
    Ok(Vector { series, fill })
}

/// By some labels in the natural order, then by all.
pub(crate) fn by_labels<'a>(
    context: Context<'a>,
    vector: Vector<'a>,
    span: Span,
    names: &[&str],
    descending: bool,
) -> Vector<'a> {
    warn_of_range_query(context, span);
    let mut order: Vec<usize> = (0..vector.series.len()).collect();
    order.sort_by(|a, b| {
        let (a, b) = (&vector.series[*a].labels, &vector.series[*b].labels);
        let by_names = names.iter().map(|name| {
            let value = |labels: &narthex_model::Labels| labels.get(name).unwrap_or("").to_owned();
            natural(&value(a), &value(b))
        });
        let order = by_names
            .fold(Ordering::Equal, Ordering::then)
            .then_with(|| a.cmp(b));
        if descending { order.reverse() } else { order }
    });
    let series = order.iter().map(|index| vector.series[*index].clone());
    let series: Vec<OutputSeries> = series.collect();
    let inner = vector.fill;
    let fill: Fill<'a> = Box::new(move |index, out| inner(order[index], out));
    Vector { series, fill }
}

fn warn_of_range_query(context: Context<'_>, span: Span) {
    if context.times.step_ms > 0 {
        context.annotations.warning(
            span,
            "sort is ineffective for range queries since results are always ordered by labels",
        );
    }
}

/// By value in either direction, NaN after all numbers.
pub(crate) fn nan_last(a: f64, b: f64, descending: bool) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => {
            let order = a.partial_cmp(&b).unwrap_or(Ordering::Equal);
            if descending { order.reverse() } else { order }
        }
    }
}

/// Digits compare as the numbers they are, the rest as text: `a2` before `a10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (chunks(a), chunks(b));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<i64>(), b.parse::<i64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                _ => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// A text in runs of digits and of other characters.
fn chunks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_digit = rest.bytes().next()?.is_ascii_digit();
        let len = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_digit() == is_digit)
            .count();
        let (chunk, after) = rest.split_at(len);
        rest = after;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_inside_of_labels_count_as_numbers() {
        let mut values = ["a10", "a2", "b1", "a", "2", "10", "a2b", "ä1"];
        values.sort_by(|a, b| natural(a, b));
        assert_eq!(values, ["2", "10", "a", "a2", "a2b", "a10", "b1", "ä1"]);
    }

    #[test]
    fn nan_is_last_in_both_directions() {
        for (descending, expected) in [(false, [1.0, 2.0]), (true, [2.0, 1.0])] {
            let mut values = [f64::NAN, 2.0, 1.0];
            values.sort_by(|a, b| nan_last(*a, *b, descending));
            assert_eq!(values[..2], expected);
            assert!(values[2].is_nan());
        }
    }
}
