//! `/api/v1/saved_queries`: what is kept, changed and refused, and who may do it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, header};
use narthex_api::SavedQueries;
use narthex_disk::CrashDisk;
use narthex_model::SimulatedClock;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use crate::fixture::{Api, NOW_MS};

async fn keeping() -> Api {
    let api = Api::ready().await;
    let clock = Arc::new(SimulatedClock::at(NOW_MS));
    let disk = Arc::new(CrashDisk::new(1));
    let saved = SavedQueries::open(disk, clock, &mut Registry::default()).unwrap();
    api.state.keep_queries(saved);
    api
}

fn request(method: &str, path: &str, form: &'static str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(format!("/api/v1/saved_queries{path}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .unwrap()
}

async fn answer(api: &Api, method: &str, path: &str, form: &'static str) -> (u16, Value) {
    let (status, body) = api.send(request(method, path, form)).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn queries_are_kept_renamed_and_deleted() {
    let api = keeping().await;
    let ok = |data: Value| (200, json!({"status": "success", "data": data}));
    let failed = |status: u16, kind: &str, error: &str| {
        let answer = json!({"status": "error", "errorType": kind, "error": error});
        (status, answer)
    };
    let kept = |id: &str, name: &str, panels: &str| {
        json!({
            "id": id, "name": name, "panels": panels, "updatedAt": "1970-01-01T00:10:00Z",
        })
    };
    let unknown = || failed(404, "not_found", "no saved query has the id 7");
    for (method, path, form, expected) in [
        ("GET", "", "", ok(json!([]))),
        (
            "POST",
            "",
            "name=up&panels=g0.expr%3Dup%26g0.tab%3Dgraph",
            ok(kept("600000", "up", "g0.expr=up&g0.tab=graph")),
        ),
        (
            "POST",
            "",
            "name=up&panels=g0.expr%3Dup",
            failed(400, "bad_data", "another saved query is named \"up\""),
        ),
        (
            "POST",
            "",
            "name=%3Cb%3E&panels=g0.expr%3D1",
            ok(kept("600001", "<b>", "g0.expr=1")),
        ),
        (
            "GET",
            "",
            "",
            ok(json!([
                kept("600001", "<b>", "g0.expr=1"),
                kept("600000", "up", "g0.expr=up&g0.tab=graph"),
            ])),
        ),
        (
            "PUT",
            "/600000",
            "name=load",
            ok(kept("600000", "load", "g0.expr=up&g0.tab=graph")),
        ),
        (
            "PUT",
            "/600000",
            "panels=g0.expr%3D2",
            ok(kept("600000", "load", "g0.expr=2")),
        ),
        (
            "GET",
            "/600000",
            "",
            ok(kept("600000", "load", "g0.expr=2")),
        ),
        (
            "DELETE",
            "/600000",
            "",
            ok(kept("600000", "load", "g0.expr=2")),
        ),
        ("GET", "/7", "", unknown()),
        ("PUT", "/7", "name=x", unknown()),
        ("DELETE", "/7", "", unknown()),
        (
            "GET",
            "/x",
            "",
            failed(404, "not_found", "no saved query has the id \"x\""),
        ),
        (
            "GET",
            "",
            "",
            ok(json!([kept("600001", "<b>", "g0.expr=1")])),
        ),
        ("POST", "/600001", "", (405, Value::Null)),
    ] {
        let found = answer(&api, method, path, form).await;
        assert_eq!(found, expected, "{method} {path} {form}");
    }
}

#[tokio::test]
async fn no_other_site_sees_or_changes_them() {
    let api = keeping().await;
    for (method, path) in [
        ("GET", ""),
        ("POST", ""),
        ("GET", "/600000"),
        ("PUT", "/600000"),
        ("DELETE", "/600000"),
    ] {
        let mut foreign = request(method, path, "name=a&panels=g0.expr%3D1");
        let headers = foreign.headers_mut();
        headers.insert(header::HOST, "prom:9090".parse().unwrap());
        headers.insert(header::ORIGIN, "http://elsewhere".parse().unwrap());
        assert_eq!(api.send(foreign).await.0, 403, "{method} {path}");
    }
    let (_, all) = answer(&api, "GET", "", "").await;
    assert_eq!(all["data"], json!([]));
}

#[tokio::test]
async fn without_a_place_for_them_none_are_kept() {
    let api = Api::ready().await;
    for (method, form) in [("GET", ""), ("POST", "name=a&panels=g0.expr%3D1")] {
        let (status, found) = answer(&api, method, "", form).await;
        let error = (status, found["error"].clone());
        assert_eq!(error, (500, json!("no queries are kept here")), "{method}");
    }
}
