//! `absent` and `absent_over_time`: 1 where nothing is.

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME, MatchOp, Matcher};

use super::Context;
use super::column::{ABSENT, Fill, OutputSeries, Vector, is_absent};
use super::grid::Grid;
use super::range_functions::mark_present;
use crate::error::QueryError;
use crate::plan::{Node, NodeKind};

/// `absent(v)`
pub(crate) fn absent<'a>(
    context: Context<'a>,
    arg: &'a Node,
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    let vector = context.vector(arg, grid)?;
    let mut present = vec![false; grid.count];
    context.workers.for_each(&vector, grid.count, |_, column| {
        for (present, value) in present.iter_mut().zip(column.iter()) {
            *present |= !is_absent(*value);
        }
        Ok(())
    })?;
    Ok(where_not(present, arg))
}

/// `absent_over_time(m)`
pub(crate) fn absent_over_time<'a>(
    context: Context<'a>,
    arg: &'a Node,
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    let matrix = context.matrix(arg, grid)?;
    let mut present = vec![false; grid.count];
    for series in &matrix.series {
        context.workers.budget.check()?;
        mark_present(series, &matrix.windows, &mut present);
    }
    Ok(where_not(present, arg))
}

fn where_not<'a>(present: Vec<bool>, arg: &Node) -> Vector<'a> {
    let series = OutputSeries {
        labels: labels(arg),
        drop_name: false,
    };
    let fill: Fill<'a> = Box::new(move |_, out| {
        for (out, present) in out.iter_mut().zip(&present) {
            *out = if *present { ABSENT } else { 1.0 };
        }
    });
    Vector {
        series: vec![series],
        fill,
    }
}

fn labels(arg: &Node) -> Labels {
    match &arg.kind {
        NodeKind::Instant(selector) | NodeKind::Range(selector, _) => named(&selector.matchers),
        _ => Labels::empty(),
    }
}

/// The labels whose value the matchers name. One that is matched twice is not known.
fn named(matchers: &[Matcher]) -> Labels {
    let mut builder = LabelsBuilder::default();
    let mut seen: Vec<&str> = Vec::new();
    for matcher in matchers.iter().filter(|m| m.name() != METRIC_NAME) {
        if matcher.op() == MatchOp::Equal && !seen.contains(&matcher.name()) {
            builder.set(matcher.name(), matcher.value());
            seen.push(matcher.name());
        } else {
            builder.remove(matcher.name());
        }
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_once_is_known() {
        let equal = Matcher::equal;
        let not = |name: &str| Matcher::new(name, MatchOp::NotEqual, "x").unwrap();
        for (matchers, expected) in [
            (vec![equal("__name__", "up"), equal("a", "1")], r#"{a="1"}"#),
            (
                vec![equal("a", "1"), equal("a", "2"), equal("b", "3")],
                r#"{b="3"}"#,
            ),
            (vec![equal("a", "1"), not("a")], "{}"),
            (vec![not("a"), equal("a", "1")], r#"{a="1"}"#),
        ] {
            assert_eq!(named(&matchers).to_string(), expected, "{matchers:?}");
        }
    }
}
