//! The queries of the benchmark: selectors, rates, quantiles, joins, ranks, subqueries, regular expressions,
//! long windows, a month, and what fills the menus of a dashboard.

use crate::http;

/// A query and its times.
#[derive(Debug)]
pub struct Question {
    /// What it is called in tables.
    pub name: &'static str,
    /// The expression, or the path.
    pub query: &'static str,
    /// At which times.
    pub at: At,
}

/// When.
#[derive(Debug)]
pub enum At {
    /// Once, at the end.
    Instant,
    /// Over so many seconds up to the end, in steps of so many.
    Range(i64, i64),
    /// It is no query, but a path with a selector.
    Path,
}

impl Question {
    /// The path below `/api/v1/`.
    pub fn path(&self, end_s: i64) -> String {
        let query = http::encode(self.query);
        match self.at {
            At::Instant => format!("query?query={query}&time={end_s}"),
            At::Range(span_s, step_s) => {
                let start_s = end_s - span_s;
                format!("query_range?query={query}&start={start_s}&end={end_s}&step={step_s}")
            }
            At::Path => self.query.replace("END", &end_s.to_string()),
        }
    }
}

const fn instant(name: &'static str, query: &'static str) -> Question {
    let at = At::Instant;
    Question { name, query, at }
}

const fn range(name: &'static str, query: &'static str, span_s: i64, step_s: i64) -> Question {
    let at = At::Range(span_s, step_s);
    Question { name, query, at }
}

const fn path(name: &'static str, query: &'static str) -> Question {
    let at = At::Path;
    Question { name, query, at }
}

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// All of them.
pub const QUESTIONS: [Question; 40] = [
    instant(
        "100 series",
        r#"http_requests_total{job="job-1",path="/api/3"}"#,
    ),
    instant("1,000 series", "http_requests_total"),
    range(
        "one series, 6 h",
        r#"memory_bytes{instance="instance-7"}"#,
        6 * HOUR,
        60,
    ),
    range(
        "100 series, 1 h",
        r#"http_requests_total{path="/api/3"}"#,
        HOUR,
        15,
    ),
    instant("count of everything", r#"count({__name__!=""})"#),
    instant("sum", "sum(http_requests_total)"),
    range("sum, 1 h", "sum(http_requests_total)", HOUR, 15),
    range("sum by, 6 h", "sum by (job) (memory_bytes)", 6 * HOUR, 60),
    range(
        "rate of 100, 1 h",
        r#"sum(rate(http_requests_total{path="/api/3"}[5m]))"#,
        HOUR,
        15,
    ),
    range(
        "rate of 1,000, 1 h",
        "sum(rate(http_requests_total[5m]))",
        HOUR,
        15,
    ),
    range(
        "rate of 1,000 by job, 6 h",
        "sum by (job) (rate(http_requests_total[5m]))",
        6 * HOUR,
        60,
    ),
    range(
        "rate of 1,000 by path, 6 h",
        "sum by (path, code) (rate(http_requests_total[5m]))",
        6 * HOUR,
        30,
    ),
    range(
        "rate of each, 1 h",
        "rate(http_requests_total[5m])",
        HOUR,
        60,
    ),
    range(
        "irate, 1 h",
        "sum by (instance) (irate(http_requests_total[5m]))",
        HOUR,
        30,
    ),
    range(
        "increase[1h], 6 h",
        "sum by (code) (increase(http_requests_total[1h]))",
        6 * HOUR,
        60,
    ),
    range(
        "share of errors, 6 h",
        r#"sum by (job) (rate(http_requests_total{code="500"}[5m])) / sum by (job) (rate(http_requests_total[5m]))"#,
        6 * HOUR,
        60,
    ),
    range(
        "histogram quantile, 1 h",
        "histogram_quantile(0.99, sum by (le) (rate(http_duration_seconds_bucket[5m])))",
        HOUR,
        60,
    ),
    range(
        "histogram quantile by job, 6 h",
        "histogram_quantile(0.9, sum by (job, le) (rate(http_duration_seconds_bucket[5m])))",
        6 * HOUR,
        60,
    ),
    instant(
        "topk of rates",
        "topk(10, sum by (instance, path) (rate(http_requests_total[5m])))",
    ),
    range("topk, 1 h", "topk(5, memory_bytes)", HOUR, 60),
    range(
        "join one to one, 1 h",
        "memory_bytes / memory_limit_bytes",
        HOUR,
        15,
    ),
    range(
        "join many to one, 1 h",
        "http_requests_total * on (job, instance) group_left memory_bytes",
        HOUR,
        60,
    ),
    instant(
        "join, once",
        "http_requests_total * on (job, instance) group_left memory_bytes",
    ),
    range("comparison, 6 h", "memory_bytes > 150", 6 * HOUR, 60),
    range(
        "and, 1 h",
        "memory_bytes and on (instance) (memory_limit_bytes > 120)",
        HOUR,
        15,
    ),
    instant(
        "subquery",
        "max_over_time(sum(rate(http_requests_total[5m]))[1h:1m])",
    ),
    range(
        "subquery, 1 h",
        "max_over_time(sum by (job) (rate(http_requests_total[5m]))[30m:1m])",
        HOUR,
        60,
    ),
    range(
        "three regular expressions, 1 h",
        r#"sum(rate(http_requests_total{instance=~"instance-[1-3].",path=~"/api/[0-5]",code!~"5.."}[5m]))"#,
        HOUR,
        60,
    ),
    range(
        "regular expression of many, 6 h",
        r#"sum(memory_bytes{instance=~"instance-1|instance-2|instance-3|instance-4"})"#,
        6 * HOUR,
        60,
    ),
    range(
        "avg_over_time[1h], 6 h",
        "avg by (job) (avg_over_time(memory_bytes[1h]))",
        6 * HOUR,
        60,
    ),
    range(
        "max_over_time[1h], 6 h",
        "max_over_time(memory_bytes[1h])",
        6 * HOUR,
        60,
    ),
    range(
        "quantile_over_time[1h], 6 h",
        "quantile_over_time(0.9, memory_bytes[1h])",
        6 * HOUR,
        60,
    ),
    range(
        "stddev_over_time[1h], 6 h",
        "stddev_over_time(memory_bytes[1h])",
        6 * HOUR,
        60,
    ),
    range(
        "predict_linear[1h], 6 h",
        "predict_linear(memory_bytes[1h], 3600)",
        6 * HOUR,
        60,
    ),
    range(
        "rate, 30 d",
        "sum(rate(old_requests_total[1h]))",
        29 * DAY,
        HOUR,
    ),
    range(
        "rate by job, 30 d",
        "sum by (job) (rate(old_requests_total[1h]))",
        29 * DAY,
        HOUR,
    ),
    range(
        "avg_over_time[1d], 30 d",
        "avg_over_time(old_temperature[1d])",
        29 * DAY,
        HOUR,
    ),
    range(
        "changes[1d], 30 d",
        "sum(changes(old_temperature[1d]))",
        29 * DAY,
        HOUR,
    ),
    path(
        "label values",
        "label/instance/values?match[]=http_requests_total&start=END&end=END",
    ),
    path(
        "series",
        "series?match[]=http_requests_total&start=END&end=END",
    ),
];
