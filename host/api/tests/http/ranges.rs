//! Range queries that are answered in parts, and what a client may say about it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, header};
use narthex_frontend::{Frontend, FrontendOptions};
use narthex_model::{PromDuration, SimulatedClock};
use prometheus_client::registry::Registry;

use crate::fixture::{Api, NOW_MS};

/// Parts of a minute and more, and nothing is too new to be kept.
async fn api() -> Api {
    let api = Api::ready().await;
    let mut registry = Registry::default();
    let options = FrontendOptions {
        split_interval: PromDuration::from_secs(60),
        max_freshness: PromDuration::default(),
        clock: Arc::new(SimulatedClock::at(NOW_MS)),
        ..FrontendOptions::default()
    };
    api.state
        .split_ranges(Frontend::new(options, None, &mut registry));
    api.state.add_registry(registry);
    api
}

fn metric(page: &str, name: &str) -> u64 {
    let name = format!("narthex_query_frontend_{name}_total ");
    let value = page.lines().find_map(|line| line.strip_prefix(&name));
    value.unwrap().parse().unwrap()
}

#[tokio::test]
async fn answers_in_parts_are_those_of_the_whole() {
    let (parts, whole) = (api().await, Api::ready().await);
    for path in [
        "query_range?query=requests_total&start=0&end=600&step=1",
        "query_range?query=requests_total&start=0&end=600&step=1&limit=1",
        "query_range?query=sum(rate(requests_total[30s]))&start=7&end=599.5&step=1.5",
        "query_range?query=up&start=0&end=600&step=1&lookback_delta=30s",
        "query_range?query=up+%40+end()&start=0&end=600&step=1",
        "query_range?query=time()&start=0&end=600&step=1",
        "query_range?query=nothing&start=0&end=600&step=1",
        "query_range?query=up&start=600&end=600&step=1",
        "query_range?query=up%5B5m%5D&start=0&end=600&step=1",
        "query_range?query=sum(&start=0&end=600&step=1",
        "query_range?query=vector(scalar(up)+%2B+on()+up)&start=0&end=600&step=1",
        "query_range?query=up&start=0&end=600&step=1&dedup=false",
    ] {
        let path = format!("/api/v1/{path}");
        let expected = whole.get(&path).await;
        for times in 1..=3 {
            assert_eq!(parts.get(&path).await, expected, "{path}, {times}");
        }
    }
    let (_, page) = parts.get("/metrics").await;
    assert!(metric(&page, "queries_split") > 10, "{page}");
    assert_eq!(metric(&page, "queries_whole"), 3);
    assert!(metric(&page, "parts") > metric(&page, "queries_split"));
}

#[tokio::test]
async fn who_says_no_store_gets_what_was_evaluated_for_him() {
    let api = api().await;
    let path = "/api/v1/query_range?query=up&start=0&end=600&step=1&lookback_delta=30s";
    let ask = |header: &'static str| {
        let request = Request::get(path).header(header::CACHE_CONTROL, header);
        api.send(request.body(Body::empty()).unwrap())
    };
    let (status, expected) = ask("max-age=0, No-Store").await;
    assert_eq!(status, 200, "{expected}");
    let kept = |page: &str| metric(page, "cache_misses") + metric(page, "cache_hits");
    let (_, page) = api.get("/metrics").await;
    assert_eq!(kept(&page), 0);
    // Who reloads a page does not say that.
    assert_eq!(ask("no-cache").await, (200, expected));
    let (_, page) = api.get("/metrics").await;
    assert!(metric(&page, "cache_misses") > 1);
}
