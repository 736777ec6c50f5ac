//! A few queries as dashboards and alerts ask them, over the newest samples.

use narthex_tests::usage::threads_cpu_ms;
use narthex_tests::{http, instant};

use narthex_tests::system::Running;

/// How often each is asked.
const ROUNDS: usize = 5;

/// Name, query, and over how many seconds at which step; an instant query where the step is 0.
const QUERIES: [(&str, &str, i64, i64); 8] = [
    (
        "one target, instant",
        "node_load1{instance=~\"node-0.*\"}",
        0,
        0,
    ),
    ("all of a name, instant", "sum(node_network_up)", 0, 0),
    (
        "rate, instant",
        "sum by (mode) (rate(node_cpu_seconds_total[5m]))",
        0,
        0,
    ),
    (
        "one target, half an hour",
        "node_cpu_seconds_total{instance=~\"node-8.*\"}",
        1_800,
        15,
    ),
    (
        "rate, half an hour",
        "sum by (mode) (rate(node_cpu_seconds_total[5m]))",
        1_800,
        30,
    ),
    (
        "quantile, half an hour",
        "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))",
        1_800,
        30,
    ),
    (
        "join, instant",
        "sum by (namespace) (container_memory_rss / on (instance, namespace, pod, container) \
         group_left () container_spec_memory_limit_bytes)",
        0,
        0,
    ),
    (
        "largest, instant",
        "topk(5, sum by (instance) (rate(http_requests_total[5m])))",
        0,
        0,
    ),
];

/// What a query cost: CPU time of the whole server, in milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct Cost {
    pub(crate) name: &'static str,
    pub(crate) cpu_ms: f64,
}

/// Asks all of them.
pub(crate) fn ask_all(running: &Running, end_s: i64) -> Vec<Cost> {
    let costs = QUERIES.iter().map(|(name, query, span_s, step_s)| {
        let query = http::encode(query);
        let path = match step_s {
            0 => format!("query?time={end_s}&query={query}"),
            _ => format!(
                "query_range?start={}&end={end_s}&step={step_s}&query={query}",
                end_s - span_s
            ),
        };
        let url = format!("{}/api/v1/{path}", running.url());
        let before = threads_cpu_ms(running.pid());
        for _ in 0..ROUNDS {
            http::api(&url).unwrap_or_else(|error| panic!("{url}: {error}"));
        }
        let cpu_ms = threads_cpu_ms(running.pid()) - before;
        Cost {
            name,
            cpu_ms: cpu_ms / ROUNDS as f64,
        }
    });
    costs.collect()
}

/// How many series of the fleet have a sample then.
pub(crate) fn series(running: &Running, end_s: i64) -> f64 {
    let query = format!("count({{job=\"load\", __name__!~\"up|scrape_.*\"}} @ {end_s})");
    let found = instant(&running.url(), &query).unwrap_or_else(|error| panic!("{error}"));
    let count = found.values().next().and_then(|count| count.parse().ok());
    count.unwrap_or(0.0)
}
