//! Which queries are measured: those of Prometheus' `BenchmarkRangeQuery`, its joins, and every
//! function that slides over a window, over a minute and over a day.

use std::fmt;

/// A query and over how many steps.
pub(crate) struct Case {
    pub(crate) query: String,
    pub(crate) steps: i64,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} steps={}", self.query, self.steps)
    }
}

/// `X` is the number of series, in words; 0 steps are 1 and 1000.
const RANGE_QUERIES: [(&str, i64); 60] = [
    ("a_X", 0),
    ("a_X", 10_000),
    ("rate(a_X[1m])", 0),
    ("rate(a_X[1m])", 10_000),
    ("rate(sparse[1m])", 10_000),
    ("rate(a_X[1m] smoothed)", 0),
    ("rate(a_X[1m] smoothed)", 10_000),
    ("rate(sparse[1m] smoothed)", 10_000),
    ("double_exponential_smoothing(a_X[1d], 0.3, 0.3)", 0),
    ("changes(a_X[1d])", 0),
    ("rate(a_X[1d])", 0),
    ("absent_over_time(a_X[1d])", 0),
    ("-a_X", 0),
    ("a_X - b_X", 0),
    ("a_X - b_X", 10_000),
    ("a_X and b_X{l=~'.*[0-4]$'}", 0),
    ("a_X or b_X{l=~'.*[0-4]$'}", 0),
    ("a_X unless b_X{l=~'.*[0-4]$'}", 0),
    ("a_X and b_X{l='notfound'}", 0),
    ("abs(a_X)", 0),
    ("label_replace(a_X, 'l2', '$1', 'l', '(.*)')", 0),
    ("label_join(a_X, 'l2', '-', 'l', 'l')", 0),
    ("sum(a_X)", 0),
    ("avg(a_X)", 0),
    ("sum without (l) (h_X)", 0),
    ("sum without (le) (h_X)", 0),
    ("sum by (l) (h_X)", 0),
    ("sum by (le) (h_X)", 0),
    ("count_values('value', h_X)", 100),
    ("topk(1, a_X)", 0),
    ("topk(5, a_X)", 0),
    ("limitk(1, a_X)", 0),
    ("limitk(5, a_X)", 0),
    ("limit_ratio(0.1, a_X)", 0),
    ("limit_ratio(0.5, a_X)", 0),
    ("limit_ratio(-0.5, a_X)", 0),
    ("rate(a_X[1m]) + rate(b_X[1m])", 0),
    ("sum without (l) (rate(a_X[1m]))", 0),
    (
        "sum without (l) (rate(a_X[1m])) / sum without (l) (rate(b_X[1m]))",
        0,
    ),
    ("histogram_quantile(0.9, rate(h_X[5m]))", 0),
    ("a_X + on(l) group_right a_one", 0),
    ("count({__name__!=''})", 1),
    ("timestamp(a_X)", 0),
    ("sum_over_time(a_X[W])", 1000),
    ("avg_over_time(a_X[W])", 1000),
    ("min_over_time(a_X[W])", 1000),
    ("max_over_time(a_X[W])", 1000),
    ("ts_of_max_over_time(a_X[W])", 1000),
    ("count_over_time(a_X[W])", 1000),
    ("stddev_over_time(a_X[W])", 1000),
    ("quantile_over_time(0.9, a_X[W])", 1000),
    ("mad_over_time(a_X[W])", 1000),
    ("rate(a_X[W])", 1000),
    ("rate(resetting[W])", 1000),
    ("changes(a_X[W])", 1000),
    ("resets(a_X[W])", 1000),
    ("deriv(a_X[W])", 1000),
    ("predict_linear(a_X[W], 60)", 1000),
    ("double_exponential_smoothing(a_X[W], 0.3, 0.3)", 1000),
    ("last_over_time(a_X[W])", 1000),
];

/// Over 2 metrics of 1000 instances with 8 labels.
const JOINS: [&str; 5] = [
    "rpc_request_success_total + rpc_request_error_total",
    "rpc_request_success_total + on (job, instance) group_left rpc_request_error_total",
    "rpc_request_success_total and rpc_request_error_total{instance=~'0.*'}",
    "rpc_request_success_total or rpc_request_error_total{instance=~'0.*'}",
    "rpc_request_success_total unless rpc_request_error_total{instance=~'0.*'}",
];

/// How many steps a join is evaluated at.
const JOIN_STEPS: i64 = 1000;

/// All range queries, `X` and `W` (the window) written out.
pub(crate) fn range_queries() -> Vec<Case> {
    let mut cases = Vec::new();
    for (query, steps) in RANGE_QUERIES {
        let counts: &[&str] = match query.contains("_X") {
            true => &["_one", "_hundred"],
            false => &[""],
        };
        let windows: &[&str] = match query.contains("[W]") {
            true => &["[1m]", "[1d]"],
            false => &[""],
        };
        let steps: &[i64] = match steps {
            0 => &[1, 1000],
            _ => &[steps],
        };
        for (count, window) in counts
            .iter()
            .flat_map(|c| windows.iter().map(move |w| (c, w)))
        {
            let query = query.replace("_X", count).replace("[W]", window);
            cases.extend(steps.iter().map(|steps| Case {
                query: query.clone(),
                steps: *steps,
            }));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    cases.retain(|case| seen.insert(case.to_string()));
    cases
}

/// All joins.
pub(crate) fn joins() -> Vec<Case> {
    let queries = JOINS.into_iter().map(str::to_owned);
    queries
        .map(|query| Case {
            query,
            steps: JOIN_STEPS,
        })
        .collect()
}
