//! `/api/v1/status/unused_metrics`: what nobody asks for, until somebody does.

use serde_json::{Value, json};

use crate::fixture::Api;

async fn unused(api: &Api, query: &str) -> (Value, u64) {
    let answer = api.json(&format!("status/unused_metrics{query}")).await;
    let data = &answer["data"];
    assert_eq!(data["isComplete"], true, "{answer}");
    assert_eq!(data["since"], "1970-01-01T00:00:01Z", "{answer}");
    (data["unused"].clone(), data["queries"].as_u64().unwrap())
}

#[tokio::test]
async fn a_metric_is_unused_until_a_query_asks_for_it() {
    let api = Api::ready().await;
    // The dashboard of the binary asks for `up`.
    let left = json!([{"name": "requests_total", "value": 1}]);
    assert_eq!(unused(&api, "").await, (left.clone(), 0));
    api.get("/api/v1/query?query=up").await;
    api.get("/api/v1/query?query=%7B__name__=~%22.%2B%22%7D")
        .await;
    api.get("/api/v1/query?query=requests_total%7B").await;
    assert_eq!(unused(&api, "?limit=5").await, (left, 2));
    api.post(
        "query_range",
        "query=rate(requests_total[1m])&start=0&end=60&step=60",
    )
    .await;
    assert_eq!(unused(&api, "").await, (json!([]), 3));
}

#[tokio::test]
async fn what_a_rule_or_a_dashboard_asks_for_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let board = json!({
        "kind": "Dashboard",
        "metadata": {"name": "requests"},
        "spec": {"panels": {"p": {"kind": "Panel", "spec": {
            "display": {"name": "Requests"},
            "plugin": {"kind": "StatChart", "spec": {}},
            "queries": [{"kind": "TimeSeriesQuery", "spec": {"plugin": {
                "kind": "PrometheusTimeSeriesQuery",
                "spec": {"query": "rate(requests_total{job=\"$job\"}[$__rate_interval])"},
            }}}],
        }}}},
    });
    std::fs::write(folder.path().join("requests.json"), board.to_string()).unwrap();
    let api = Api::with_dashboards(folder.path()).await;
    let listed = api.json("dashboards/requests").await;
    assert_eq!(listed["status"], "success", "{listed}");
    assert_eq!(unused(&api, "").await.0, json!([]));
}

#[tokio::test]
async fn a_limit_that_is_too_large_is_refused() {
    let api = Api::ready().await;
    let (status, body) = api.get("/api/v1/status/unused_metrics?limit=10001").await;
    assert_eq!(status, 400, "{body}");
}
