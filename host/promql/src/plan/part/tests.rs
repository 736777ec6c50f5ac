use narthex_storage::Steps;

use super::*;
use crate::plan::plan;
use crate::{ParseOptions, parse};

const OPTIONS: PlanOptions = PlanOptions {
    lookback_ms: 300_000,
    subquery_step_ms: 60_000,
};

/// Every aggregation that may be evaluated elsewhere, as it stands in the query.
fn pushable(query: &str) -> Vec<&str> {
    let expr = parse(query, &ParseOptions::all()).unwrap();
    let times = QueryTimes {
        start_ms: 0,
        end_ms: 600_000,
        step_ms: 60_000,
    };
    let planned = plan(&expr, times, OPTIONS).unwrap();
    let streamed = planned.streamed.iter();
    let streamed = streamed.filter(|streamed| planned.requests[streamed.request].is_pushable);
    let mut found: Vec<&str> = streamed
        .map(|streamed| &query[streamed.span.start..streamed.span.end])
        .collect();
    found.sort_unstable();
    found
}

#[test]
fn what_makes_one_of_each_series_and_distributes_may_be_evaluated_elsewhere() {
    for (query, expected) in [
        ("sum(x)", vec!["sum(x)"]),
        (
            "1 + sum by (job) (rate(x[5m])) > 2",
            vec!["sum by (job) (rate(x[5m]))"],
        ),
        ("avg(x) / count(x)", vec!["avg(x)", "count(x)"]),
        (
            "min(-x * 2) + group(y offset 1m)",
            vec!["group(y offset 1m)", "min(-x * 2)"],
        ),
        ("topk(3, x)", vec!["topk(3, x)"]),
        ("max_over_time(max(x)[5m:1m])", vec!["max(x)"]),
        ("sum(sum by (a) (x))", vec!["sum by (a) (x)"]),
        (
            "histogram_quantile(0.9, sum by (le) (rate(x[5m])))",
            vec!["sum by (le) (rate(x[5m]))"],
        ),
        (
            "sum(max_over_time(rate(x[1m])[5m:1m]))",
            vec!["sum(max_over_time(rate(x[1m])[5m:1m]))"],
        ),
        // The series are wanted as well.
        ("x / on () group_left () sum(x)", vec![]),
        ("sum(x) + stddev(x)", vec![]),
        // Results of parts are no result of all.
        ("stddev(x)", vec![]),
        ("quantile(0.5, x)", vec![]),
        ("count_values('v', x)", vec![]),
        ("limitk(2, x)", vec![]),
        // Several series have to be seen at once.
        ("sum(x + y)", vec![]),
        ("sum(absent(x))", vec![]),
        ("topk(scalar(y), x)", vec![]),
        ("sum(clamp_max(x, scalar(y)))", vec![]),
        ("sum(histogram_quantile(0.9, x))", vec![]),
        // Series may come to be the same.
        ("sum(label_replace(x, 'a', '', 'b', ''))", vec![]),
        ("max(abs(label_join(x, 'a', '', 'b')))", vec![]),
        ("x", vec![]),
        ("sum(vector(1))", vec![]),
    ] {
        assert_eq!(pushable(query), expected, "{query}");
    }
}

#[test]
fn a_part_is_planned_by_its_place_and_nothing_else_is() {
    let query = "1 + (avg by (job) (x)) / x";
    let expr = parse(query, &ParseOptions::all()).unwrap();
    let planned = |query: &Expr, start: usize, end: usize, count: usize| {
        let part = Part {
            query: String::new(),
            start,
            end,
            query_start_ms: 0,
            query_end_ms: 100,
            query_step_ms: 0,
            steps: Steps {
                start_ms: 50,
                step_ms: 10,
                count,
            },
            lookback_ms: OPTIONS.lookback_ms,
            subquery_step_ms: OPTIONS.subquery_step_ms,
            max_resolution_ms: None,
            with_counts: true,
        };
        super::part(query, &part, OPTIONS, Resolutions::default())
    };
    let text = "avg by (job) (x)";
    let start = query.find(text).unwrap();
    let found = planned(&expr, start, start + text.len(), 3).unwrap();
    assert_eq!((found.plan.requests.len(), found.plan.grid.count), (1, 3));
    assert!(found.counts.is_some());
    for (start, end, count, expected) in [
        (start - 1, start + text.len() + 1, 3, "no aggregation"),
        (start, start + text.len(), 0, "no step"),
        (0, usize::MAX, 3, "no aggregation"),
    ] {
        let error = planned(&expr, start, end, count).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let several = parse("stddev(x)", &ParseOptions::all()).unwrap();
    let error = planned(&several, 0, 9, 1).unwrap_err().to_string();
    assert!(error.contains("apart from its query"), "{error}");
}
