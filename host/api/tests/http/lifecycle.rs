//! Health, readiness, reload, quit, and who may ask for them.

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use narthex_api::{LifecycleRequest, RunningConfig};
use serde_json::{Value, json};

use crate::fixture::Api;

fn post(path: &str) -> Request<Body> {
    Request::post(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn before_it_is_ready_it_is_healthy_and_answers_no_query() {
    let api = Api::starting(true);
    assert_eq!(
        api.get("/-/healthy").await,
        (200, "Prometheus Server is Healthy.\n".into())
    );
    for path in [
        "/-/ready",
        "/api/v1/query?query=up",
        "/federate",
        "/api/v1/status/tsdb",
    ] {
        assert_eq!(
            api.get(path).await,
            (503, "Service Unavailable".into()),
            "{path}"
        );
    }
    let tells = async |api: &Api, line: &str| {
        let (status, page) = api.get("/metrics").await;
        assert_eq!(status, 200);
        assert!(page.lines().any(|found| found == line), "{page}");
    };
    tells(&api, "prometheus_ready 0").await;
    let ready = Api::ready().await;
    tells(&ready, "prometheus_ready 1").await;
    assert_eq!(
        ready.get("/-/ready").await,
        (200, "Prometheus Server is Ready.\n".into())
    );
    ready.state.stop_serving();
    assert_eq!(ready.get("/-/ready").await.0, 503);
    tells(&ready, "prometheus_ready 0").await;
}

#[tokio::test]
async fn a_server_that_is_about_to_stop_answers_and_is_not_ready() {
    let api = Api::ready().await;
    let ready = async || {
        let request = Request::get("/-/ready").body(Body::empty()).unwrap();
        let answer = api.response(request).await;
        let stopping = answer.headers().get("x-prometheus-stopping");
        let stopping = stopping.map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), stopping)
    };
    assert_eq!(ready().await, (200, None));
    api.state.begin_to_stop();
    assert_eq!(ready().await, (503, Some("true".to_owned())));
    assert_eq!(api.get("/api/v1/query?query=1").await.0, 200);
    assert_eq!(api.get("/-/healthy").await.0, 200);
    api.state.stop_serving();
    assert_eq!(api.get("/api/v1/query?query=1").await.0, 503);
    let starting = Api::starting(true);
    let request = Request::get("/-/ready").body(Body::empty()).unwrap();
    let answer = starting.response(request).await;
    assert_eq!(answer.headers()["x-prometheus-stopping"], "false");
}

#[tokio::test]
async fn lifecycle_needs_its_flag_and_its_method() {
    let off = Api::starting(false);
    let on = Api::starting(true);
    for path in ["/-/reload", "/-/quit"] {
        let refused = (403, "Lifecycle API is not enabled.".to_owned());
        assert_eq!(off.send(post(path)).await, refused, "{path}");
        let wrong = (405, "Only POST or PUT requests allowed".to_owned());
        assert_eq!(on.get(path).await, wrong, "{path}");
    }
}

#[tokio::test]
async fn a_reload_tells_how_it_went_and_quit_is_passed_on() {
    let mut api = Api::starting(true);
    let mut requests = std::mem::replace(&mut api.requests, tokio::sync::mpsc::channel(1).1);
    let answering = tokio::spawn(async move {
        for answer in [Ok(()), Err("line 3, column 5: no".to_owned())] {
            match requests.recv().await {
                Some(LifecycleRequest::Reload(reply)) => reply.send(answer).unwrap(),
                other => panic!("{other:?}"),
            }
        }
        matches!(requests.recv().await, Some(LifecycleRequest::Quit))
    });
    assert_eq!(api.send(post("/-/reload")).await, (200, String::new()));
    assert_eq!(
        api.send(post("/-/reload")).await,
        (
            500,
            "failed to reload config: line 3, column 5: no\n".into()
        )
    );
    let put = Request::put("/-/quit").body(Body::empty()).unwrap();
    assert_eq!(api.send(put).await.0, 200);
    assert!(answering.await.unwrap());
    // Nobody listens any more.
    assert_eq!(api.send(post("/-/reload")).await.0, 503);
}

#[tokio::test]
async fn another_site_may_read_and_may_not_change() {
    let api = Api::ready().await;
    let from_elsewhere = |request: axum::http::request::Builder| {
        request
            .header(header::HOST, "prom:9090")
            .header(header::ORIGIN, "http://elsewhere")
            .body(Body::empty())
            .unwrap()
    };
    let read = api
        .response(from_elsewhere(Request::get("/api/v1/query?query=1")))
        .await;
    assert_eq!(read.status(), 200);
    assert_eq!(read.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let options = api
        .response(from_elsewhere(Request::options("/api/v1/query")))
        .await;
    assert_eq!(options.status(), 204);
    assert_eq!(
        options.headers()[header::ACCESS_CONTROL_ALLOW_METHODS],
        "GET, POST, OPTIONS"
    );
    let (status, _) = api.send(from_elsewhere(Request::post("/-/reload"))).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn how_far_the_replay_is_can_be_asked_before_the_server_is_ready() {
    let (api, replay) = Api::replaying();
    let status = |min: u32, max: u32, current: u32| {
        json!({
            "status": "success",
            "data": {"min": min, "max": max, "current": current},
        })
    };
    assert_eq!(api.json("status/walreplay").await, status(0, 0, 0));
    replay.start(3, 9);
    assert_eq!(api.json("status/walreplay").await, status(3, 9, 3));
    replay.reach(7);
    assert_eq!(api.json("status/walreplay").await, status(3, 9, 7));
}

#[tokio::test]
async fn what_the_server_has_to_tell_is_listed_and_comes_as_events() {
    let told = |api: &Value| -> Vec<String> {
        let told = api["data"].as_array().unwrap().iter();
        told.map(|own| own["text"].as_str().unwrap().to_owned())
            .collect()
    };
    let starting = "Prometheus is starting and replaying the write-ahead log (WAL).";
    let failed = "Configuration reload has failed.";
    let stopping = "Prometheus is shutting down and gracefully stopping all operations.";
    let api = Api::starting(true);
    assert_eq!(told(&api.json("notifications").await), [starting]);

    let api = Api::ready().await;
    assert!(told(&api.json("notifications").await).is_empty());
    let taken = RunningConfig::clone(&api.state.config());
    let not_taken = RunningConfig {
        is_last_load_successful: false,
        ..taken.clone()
    };
    api.state.set_config(not_taken);
    assert_eq!(told(&api.json("notifications").await), [failed]);
    let live = Request::get("/api/v1/notifications/live");
    let live = api.response(live.body(Body::empty()).unwrap()).await;
    assert_eq!(live.headers()[header::CONTENT_TYPE], "text/event-stream");
    // There is one place.
    assert_eq!(api.get("/api/v1/notifications/live").await.0, 204);
    api.state.set_config(taken);
    api.state.begin_to_stop();
    api.state.end_streams();
    let events = to_bytes(live.into_body(), usize::MAX).await.unwrap();
    let events = String::from_utf8(events.to_vec()).unwrap();
    let events: Vec<(String, bool)> = events
        .split_terminator("\n\n")
        .map(|event| {
            let event = event.strip_prefix("data: ").unwrap();
            let event: Value = serde_json::from_str(event).unwrap();
            let text = event["text"].as_str().unwrap().to_owned();
            (text, event["active"].as_bool().unwrap())
        })
        .collect();
    let known = [(failed, true), (failed, false), (stopping, true)];
    let known = known.map(|(text, is_active)| (text.to_owned(), is_active));
    // What was told when the stream ended may be missing.
    assert_eq!(events, known[..events.len()]);
    assert!(
        !api.get("/metrics")
            .await
            .1
            .contains("notification_active_subscribers 1")
    );
}
