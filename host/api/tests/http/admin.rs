//! Deleting, cleaning and copying as a client asks for it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, header};
use narthex_model::{PromDuration, SimulatedClock};
use narthex_storage::Appendable;
use narthex_tsdb::{Tsdb, TsdbOptions};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Api, install_tls, samples};

const PATHS: [&str; 3] = ["delete_series", "clean_tombstones", "snapshot"];

fn request(method: Method, path: &str) -> Request<Body> {
    let path = format!("/api/v1/admin/tsdb/{path}");
    let builder = Request::builder().method(method).uri(path);
    builder.body(Body::empty()).unwrap()
}

async fn post(api: &Api, path: &str) -> (u16, Value) {
    let (status, body) = api.send(request(Method::POST, path)).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

fn refused(kind: &str, error: &str) -> Value {
    json!({"status": "error", "errorType": kind, "error": error})
}

/// A server over a real store with the usual samples.
async fn over_a_store() -> (Api, TempDir, Arc<Tsdb>) {
    install_tls();
    let folder = tempfile::tempdir().unwrap();
    let options = TsdbOptions {
        min_block_duration: PromDuration::from_secs(100),
        ..TsdbOptions::new(folder.path(), Arc::new(SimulatedClock::at(i64::MAX / 2)))
    };
    let store = Tsdb::open(options, &mut Registry::default()).unwrap();
    for batch in samples() {
        store.append(&batch).unwrap();
    }
    store.maintain().await.unwrap();
    (
        Api::over_with_admin(store.clone(), store.clone()).await,
        folder,
        store,
    )
}

/// How many samples a selector has.
async fn count(api: &Api, selector: &str) -> Vec<i64> {
    let path = format!("/api/v1/query?query={selector}[1h]&time=600");
    let answer: Value = serde_json::from_str(&api.get(&path).await.1).unwrap();
    let series = answer["data"]["result"].as_array().unwrap();
    let counts = series
        .iter()
        .map(|s| s["values"].as_array().map_or(0, Vec::len) as i64);
    counts.collect()
}

#[tokio::test]
async fn without_the_flag_all_three_are_unavailable_and_from_other_sites_forbidden() {
    let api = Api::without_admin().await;
    for path in PATHS {
        for method in [Method::POST, Method::PUT] {
            let (status, body) = api.send(request(method, path)).await;
            let body: Value = serde_json::from_str(&body).unwrap();
            let expected = refused("unavailable", "admin APIs disabled");
            assert_eq!((status, body), (500, expected), "{path}");
        }
    }
    let api = Api::ready().await;
    for path in PATHS {
        assert_eq!(api.send(request(Method::GET, path)).await.0, 405, "{path}");
        let mut foreign = request(Method::POST, path);
        let evil = header::HeaderValue::from_static("http://evil.example");
        foreign.headers_mut().insert(header::ORIGIN, evil);
        assert_eq!(api.send(foreign).await.0, 403, "{path}");
    }
}

#[tokio::test]
async fn what_cannot_be_understood_is_told_in_prometheus_words() {
    let api = Api::ready().await;
    for (path, error) in [
        ("delete_series", "no match[] parameter provided"),
        (
            "delete_series?match[]=up&start=x",
            "invalid parameter \"start\": Invalid time value for 'start': cannot parse \"x\" to a valid timestamp",
        ),
        (
            "delete_series?match[]=up&end=y",
            "invalid parameter \"end\": Invalid time value for 'end': cannot parse \"y\" to a valid timestamp",
        ),
        (
            "snapshot?skip_head=maybe",
            "invalid parameter \"skip_head\": unable to parse boolean: strconv.ParseBool: parsing \"maybe\": invalid syntax",
        ),
    ] {
        assert_eq!(post(&api, path).await, (400, refused("bad_data", error)));
    }
    let (status, body) = post(&api, "delete_series?match[]=up&match[]=%7B%21").await;
    let error = body["error"].as_str().unwrap();
    assert_eq!(status, 400);
    assert!(
        error.starts_with("invalid parameter \"match[]\": "),
        "{error}"
    );
}

#[tokio::test]
async fn samples_are_deleted_room_is_freed_and_a_snapshot_has_the_rest() {
    let (api, folder, store) = over_a_store().await;
    assert_eq!(count(&api, "up").await, [11, 11]);
    let done = (204, Value::Null);
    let part = "delete_series?match[]=up%7Bjob=%22a%22%7D&start=60&end=120.5";
    assert_eq!(post(&api, part).await, done);
    let mut counts = count(&api, "up").await;
    counts.sort_unstable();
    assert_eq!(counts, [9, 11]);
    let (status, _) = api
        .send(request(
            Method::PUT,
            "delete_series?match[]=up%7Bjob=%22b%22%7D&match[]=nothing",
        ))
        .await;
    assert_eq!(status, 204);
    assert_eq!(count(&api, "up").await, [9]);
    let (status, answer) = post(&api, "snapshot?skip_head=false").await;
    let name = answer["data"]["name"].as_str().unwrap().to_owned();
    assert_eq!((status, answer["status"].as_str()), (200, Some("success")));
    assert!(folder.path().join("snapshots").join(&name).is_dir());
    assert_eq!(post(&api, "snapshot?skip_head=1").await.0, 200);
    assert_eq!(post(&api, "clean_tombstones").await, done);
    assert_eq!(count(&api, "up").await, [9]);
    // A selector that takes everything is taken at its word, as in Prometheus.
    let everything = "delete_series?match[]=%7B__name__=~%22.*%22%7D";
    assert_eq!(post(&api, everything).await, done);
    assert!(count(&api, "%7B__name__=~%22.%2B%22%7D").await.is_empty());
    store.close().await.unwrap();
    let (status, answer) = post(&api, "clean_tombstones").await;
    assert_eq!(
        (status, answer["errorType"].as_str()),
        (500, Some("internal"))
    );
    let copy = TsdbOptions::new(
        folder.path().join("snapshots").join(name),
        Arc::new(SimulatedClock::at(0)),
    );
    let copy = Tsdb::open(copy, &mut Registry::default()).unwrap();
    assert_eq!(count(&Api::over(copy).await, "up").await, [9]);
}

#[tokio::test]
async fn a_list_of_series_that_is_cut_says_so() {
    let (api, _folder, _store) = over_a_store().await;
    let path = "/api/v1/series?match[]=%7B__name__=~%22.%2B%22%7D";
    let list = async |limit: &str| {
        let (_, body) = api.get(&format!("{path}{limit}")).await;
        let answer: Value = serde_json::from_str(&body).unwrap();
        let series = answer["data"].as_array().unwrap().len();
        (series, answer["warnings"].clone())
    };
    let (all, warnings) = list("").await;
    assert!(all >= 3 && warnings.is_null());
    let cut = json!(["results truncated due to limit"]);
    assert_eq!(list("&limit=1").await, (1, cut));
    assert_eq!(list(&format!("&limit={all}")).await, (all, Value::Null));
}
