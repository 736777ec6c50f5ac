//! Which queries give at each step what they give when that step is evaluated alone.
//!
//! Nearly all do. Not: what asks for the query's own start or end; rankings that decide between equal
//! values by the order of series that the query itself makes; what makes one series of two, which is
//! an error even where they are years apart; and `info`, which compares over all steps.
//!
//! It is not: about the last digit. Sums of many samples are added in an order that depends on where
//! a query begins, so that two queries for the same step may differ there, too.

use narthex_model::{METRIC_NAME, MatchOp};
use narthex_promql::ast::{
    Aggregate, AggregateOp, AtModifier, BinaryOp, DurationArg, DurationExpr, DurationExprKind,
    Expr, ExprKind, TimeShift, ValueType, VectorSelector,
};

/// Whether a query may be evaluated in parts. With `delayed_name_removal` series become one at the
/// end, not where their names are dropped.
pub(crate) fn is_splittable(expr: &Expr, delayed_name_removal: bool) -> bool {
    let mut is = true;
    expr.walk(&mut |inner| is = is && stands_alone(inner));
    is && (!delayed_name_removal || Names::of(expr) != Names::Several)
}

fn stands_alone(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::VectorSelector(selector) => is_fixed_shift(&selector.shift),
        ExprKind::MatrixSelector(matrix) => {
            is_fixed_shift(&matrix.selector.shift) && is_fixed(&matrix.range)
        }
        ExprKind::Subquery(subquery) => {
            is_fixed_shift(&subquery.shift)
                && is_fixed(&subquery.range)
                && subquery.step.as_ref().is_none_or(is_fixed)
        }
        ExprKind::Aggregate(aggregate) => match aggregate.op {
            AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk => {
                is_in_order(&aggregate.expr)
            }
            _ => true,
        },
        ExprKind::Call(call) => {
            let is_of_times = matches!(call.function.name, "start" | "end" | "range" | "info");
            let mut ranges = call
                .args
                .iter()
                .filter(|arg| arg.value_type() == ValueType::Matrix);
            !is_of_times && ranges.all(|range| Names::of(range) != Names::Several)
        }
        ExprKind::Number(_)
        | ExprKind::String(_)
        | ExprKind::Binary(_)
        | ExprKind::Unary(..)
        | ExprKind::Paren(_) => true,
    }
}

fn is_fixed_shift(shift: &TimeShift) -> bool {
    !matches!(shift.at, Some(AtModifier::Start | AtModifier::End))
        && shift.offset.as_ref().is_none_or(is_fixed)
}

/// Whether a duration does not depend on where the query begins and ends. The step is the same in all
/// parts.
fn is_fixed(duration: &DurationArg) -> bool {
    match duration {
        DurationArg::Fixed(_) => true,
        DurationArg::Computed(expr) => is_fixed_expr(expr),
    }
}

fn is_fixed_expr(expr: &DurationExpr) -> bool {
    match &expr.kind {
        DurationExprKind::Number(_) | DurationExprKind::Step => true,
        DurationExprKind::Range => false,
        DurationExprKind::Unary(_, inner) => is_fixed_expr(inner),
        DurationExprKind::Binary(_, a, b)
        | DurationExprKind::MinOf(a, b)
        | DurationExprKind::MaxOf(a, b) => is_fixed_expr(a) && is_fixed_expr(b),
    }
}

/// Whether the series of an expression come in the order of the store's labels, whatever other
/// series there are.
fn is_in_order(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::VectorSelector(_) | ExprKind::MatrixSelector(_) => true,
        ExprKind::Paren(inner) | ExprKind::Unary(_, inner) => is_in_order(inner),
        ExprKind::Call(call) => {
            let is_of_each = !matches!(
                call.function.name,
                "absent"
                    | "absent_over_time"
                    | "histogram_fraction"
                    | "histogram_quantile"
                    | "histogram_quantiles"
                    | "info"
                    | "label_join"
                    | "label_replace"
                    | "scalar"
                    | "sort"
                    | "sort_by_label"
                    | "sort_by_label_desc"
                    | "sort_desc"
                    | "vector"
            );
            let mut vectors = call
                .args
                .iter()
                .filter(|arg| matches!(arg.value_type(), ValueType::Vector | ValueType::Matrix));
            is_of_each && vectors.all(is_in_order)
        }
        ExprKind::Binary(binary) if binary.matching.is_none() => {
            [&binary.lhs, &binary.rhs].into_iter().all(is_in_order)
        }
        ExprKind::Number(_) => true,
        _ => false,
    }
}

/// Which metric names the series of an expression may have. Where there are several, two series may
/// be the same but for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names<'a> {
    None,
    One(&'a str),
    Several,
}

impl<'a> Names<'a> {
    fn of(expr: &'a Expr) -> Self {
        match &expr.kind {
            ExprKind::Number(_) | ExprKind::String(_) => Self::None,
            ExprKind::VectorSelector(selector) => Self::of_selector(selector),
            ExprKind::MatrixSelector(matrix) => Self::of_selector(&matrix.selector),
            ExprKind::Subquery(subquery) => Self::of(&subquery.expr),
            ExprKind::Paren(inner) | ExprKind::Unary(_, inner) => Self::of(inner),
            ExprKind::Aggregate(aggregate) => Self::of_aggregate(aggregate),
            ExprKind::Binary(binary) => {
                let includes_name = binary
                    .matching
                    .as_ref()
                    .is_some_and(|matching| matching.include.iter().any(|l| l == METRIC_NAME));
                match binary.op {
                    _ if includes_name => Self::Several,
                    BinaryOp::Add
                    | BinaryOp::Sub
                    | BinaryOp::Mul
                    | BinaryOp::Div
                    | BinaryOp::Mod
                    | BinaryOp::Pow
                    | BinaryOp::Atan2 => Self::None,
                    BinaryOp::And | BinaryOp::Unless => Self::of(&binary.lhs),
                    // One side of a comparison may be a number, which has no series.
                    _ if binary.matching.is_none() => match Self::of(&binary.lhs) {
                        Self::None => Self::of(&binary.rhs),
                        names => names,
                    },
                    _ => Self::of(&binary.lhs).with(Self::of(&binary.rhs)),
                }
            }
            ExprKind::Call(call) => {
                let renames = matches!(call.function.name, "label_join" | "label_replace")
                    && matches!(
                        call.args.get(1).map(|label| &label.kind),
                        Some(ExprKind::String(label)) if label == METRIC_NAME
                    );
                if renames {
                    return Self::Several;
                }
                let mut vectors = call
                    .args
                    .iter()
                    .filter(|arg| matches!(arg.value_type(), ValueType::Vector | ValueType::Matrix))
                    .map(Self::of);
                let first = vectors.next().unwrap_or(Self::None);
                vectors.fold(first, Self::with)
            }
        }
    }

    fn of_selector(selector: &'a VectorSelector) -> Self {
        let named = |matcher: &&narthex_model::Matcher| {
            matcher.name() == METRIC_NAME && matcher.op() == MatchOp::Equal
        };
        let named = selector.matchers.iter().find(named);
        named.map_or(Self::Several, |matcher| Self::One(matcher.value()))
    }

    fn of_aggregate(aggregate: &'a Aggregate) -> Self {
        let grouping = &aggregate.grouping;
        let is_label = |label: &String| label == METRIC_NAME;
        match aggregate.op {
            AggregateOp::Topk
            | AggregateOp::Bottomk
            | AggregateOp::Limitk
            | AggregateOp::LimitRatio => Self::of(&aggregate.expr),
            AggregateOp::CountValues => match aggregate.param.as_ref().map(|param| &param.kind) {
                Some(ExprKind::String(label)) if label != METRIC_NAME => Self::None,
                _ => Self::Several,
            },
            _ if !grouping.without && grouping.labels.iter().any(is_label) => {
                Self::of(&aggregate.expr)
            }
            _ => Self::None,
        }
    }

    /// Of the series of both.
    fn with(self, other: Self) -> Self {
        if self == other { self } else { Self::Several }
    }
}

#[cfg(test)]
mod tests {
    use narthex_promql::{ParseOptions, parse};

    use super::*;

    fn check(delayed_name_removal: bool, expected: bool, queries: &[&str]) {
        for query in queries {
            let expr = parse(query, &ParseOptions::all()).unwrap();
            let found = is_splittable(&expr, delayed_name_removal);
            assert_eq!(found, expected, "{query}");
        }
    }

    #[test]
    fn what_dashboards_ask_is_the_same_in_parts() {
        let queries = [
            "up",
            r#"{job="a"}"#,
            "1 + time()",
            "sum by (job) (rate(http_requests_total[5m]))",
            "histogram_quantile(0.9, sum by (le) (rate(h_bucket[5m])))",
            "topk(5, rate(x[5m]))",
            "bottomk by (job) (2, -x > 1)",
            "x @ 1600000000 offset 5m",
            "max_over_time(sum(rate(x[5m]))[1h:1m])",
            "max_over_time((rate(x[5m]) / rate(y[5m]))[1h:1m] offset 1d)",
            "x offset step()",
            "count_over_time(x[5m * step()])",
            r#"label_replace({job="a"}, "a", "b", "c", "d")"#,
            r#"count_values("v", x)"#,
            "limit_ratio(0.5, sum by (job) (x))",
            "absent(x) or absent_over_time(y[5m])",
            "sort_desc(x)",
            "quantile(0.5, {__name__=~\"a|b\"})",
            "sum by (__name__) ({__name__=~\"a|b\"})",
        ];
        check(false, true, &queries);
    }

    #[test]
    fn what_depends_on_the_whole_stays_whole() {
        let queries = [
            "x @ start()",
            "sum(rate(x[5m] @ end()))",
            "max_over_time(x[1h:1m] @ end())",
            "start()",
            "x + end()",
            "range()",
            "x offset range()",
            "rate(x[range()])",
            "max_over_time(x[1h:range()])",
            "topk(3, sum by (job) (x))",
            "bottomk(3, x * on (job) y)",
            "limitk(3, label_replace(x, \"a\", \"b\", \"c\", \"d\"))",
            "max(topk(1, x or y))",
            "rate({__name__=~\"a|b\"}[5m])",
            "rate({job=\"a\"}[5m])",
            "sum_over_time((a or b)[1h:1m])",
            "sum_over_time((a or sum(b))[1h:1m])",
            "max_over_time(label_replace(a, \"__name__\", \"b\", \"\", \"\")[1h:1m])",
            "sum_over_time(sum by (__name__) ({job=\"a\"})[1h:1m])",
            "info(x)",
        ];
        check(false, false, &queries);
    }

    #[test]
    fn names_that_go_at_the_end_may_make_one_series_of_two_anywhere() {
        check(true, true, &["rate(x[5m])", "sum({job=\"a\"})", "a + b"]);
        check(true, false, &["abs({job=\"a\"})", "a or b"]);
    }
}
