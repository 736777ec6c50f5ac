//! Which queries are measured: those of Prometheus' `BenchmarkRangeQuery`, its joins, its native
//! histograms and its `info()`, every function that slides over a window, over a minute and over a
//! day, and what a dashboard asks.

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

/// `H` is the metric. Two hours in steps of 30 s.
const NATIVE_HISTOGRAMS: [&str; 7] = [
    "sum(H)",
    "sum(rate(H[2m]))",
    "sum(rate(H[20m]))",
    "histogram_count(sum(rate(H[2m])))",
    "histogram_count(sum(rate(H[20m])))",
    "histogram_count(sum(rate(H[2m]))) + histogram_sum(sum(rate(H[2m])))",
    "histogram_count(sum(rate(H[20m]))) + histogram_sum(sum(rate(H[20m])))",
];

/// Two hours in steps of 30 s.
const INFO: [&str; 4] = [
    "rate(http_server_request_duration_seconds_count[2m]) * on (job, instance) \
     group_left (k8s_cluster_name) target_info{k8s_cluster_name='us-east'}",
    "info(rate(http_server_request_duration_seconds_count[2m]), {k8s_cluster_name='us-east'})",
    "sum by (k8s_cluster_name, http_status_code) \
     (rate(http_server_request_duration_seconds_count[2m]) * on (job, instance) \
     group_left (k8s_cluster_name) target_info)",
    "sum by (k8s_cluster_name, http_status_code) \
     (info(rate(http_server_request_duration_seconds_count[2m]), {k8s_cluster_name=~'.+'}))",
];

/// Two hours in steps of 30 s.
const TWO_HOURS_STEPS: i64 = 241;

/// What the side-by-side run over HTTP asks of six hours, in steps of 30 s.
const DASHBOARD: [(&str, i64); 17] = [
    ("http_requests_total{job='job-1',path='/api/3'}", 1),
    ("http_requests_total", 1),
    ("http_requests_total{path='/api/3'}", 120),
    ("count({__name__!=''})", 1),
    ("sum(http_requests_total)", 120),
    ("sum by (job) (memory_bytes)", 720),
    ("sum(rate(http_requests_total[5m]))", 240),
    ("sum by (path, code) (rate(http_requests_total[5m]))", 720),
    ("rate(http_requests_total[5m])", 60),
    ("sum by (code) (increase(http_requests_total[1h]))", 360),
    (
        "topk(10, sum by (instance, path) (rate(http_requests_total[5m])))",
        1,
    ),
    ("topk(5, memory_bytes)", 60),
    ("memory_bytes / memory_limit_bytes", 240),
    (
        "http_requests_total * on (job, instance) group_left memory_bytes",
        60,
    ),
    (
        "http_requests_total * on (job, instance) group_left memory_bytes",
        1,
    ),
    ("memory_bytes > 150", 360),
    ("max_over_time(memory_bytes[1h])", 360),
];

/// All cases on native histograms of a metric.
pub(crate) fn native_histograms(metric: &str) -> Vec<Case> {
    let cases = NATIVE_HISTOGRAMS.into_iter();
    let cases = cases.map(|query| (query, TWO_HOURS_STEPS));
    with_steps(cases, |query| query.replace('H', metric))
}

/// All cases of `info()` and of the joins that it stands for.
pub(crate) fn info() -> Vec<Case> {
    let cases = INFO.into_iter().map(|query| (query, TWO_HOURS_STEPS));
    with_steps(cases, str::to_owned)
}

/// What a dashboard asks.
pub(crate) fn dashboard() -> Vec<Case> {
    with_steps(DASHBOARD.into_iter(), str::to_owned)
}

fn with_steps<'q>(
    cases: impl Iterator<Item = (&'q str, i64)>,
    write: impl Fn(&str) -> String,
) -> Vec<Case> {
    let case = |(query, steps)| Case {
        query: write(query),
        steps,
    };
    cases.map(case).collect()
}
