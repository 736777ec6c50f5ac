//! `/api/v1/plugins`: what is shown, who may see and change more, and logs as they come.

use std::sync::Mutex;

use async_trait::async_trait;
use axum::body::{Body, BodyDataStream};
use axum::http::{Request, header};
use futures::StreamExt;
use narthex_api::{
    FOLLOWERS_MAX, PluginAdmin, PluginAdminError, PluginInstall, PluginLogs, REFERENCE_BYTES_MAX,
};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::fixture::Api;

/// A runtime with one plugin, whose version is what was done to it.
pub(crate) struct OnePlugin {
    version: Mutex<&'static str>,
    /// What the log says next.
    pub(crate) log: broadcast::Sender<Value>,
}

impl Default for OnePlugin {
    fn default() -> Self {
        Self {
            version: Mutex::new("first"),
            log: broadcast::channel(16).0,
        }
    }
}

#[async_trait]
impl PluginAdmin for OnePlugin {
    fn list(&self) -> Vec<Value> {
        vec![json!({"name": "redis"})]
    }

    fn detail(&self, name: &str) -> Option<Value> {
        let version = *self.version.lock().unwrap();
        (name == "redis").then(|| json!({"name": name, "version": version}))
    }

    fn logs(&self, name: &str) -> Option<PluginLogs> {
        let following = futures::stream::unfold(self.log.subscribe(), |mut log| async {
            log.recv().await.ok().map(|line| (line, log))
        });
        (name == "redis").then(|| PluginLogs {
            lines: vec![json!({"message": "one"}), json!({"message": "two"})],
            following: following.boxed(),
        })
    }

    fn packages(&self) -> Vec<(String, String)> {
        vec![(
            "redis".to_owned(),
            (*self.version.lock().unwrap()).to_owned(),
        )]
    }

    fn dashboards(&self, name: &str) -> Vec<(String, String)> {
        let title = format!("{name} {}", self.version.lock().unwrap());
        let text = json!({
            "kind": "Dashboard",
            "metadata": {"name": name},
            "spec": {"display": {"name": title}},
        });
        vec![("dashboard.json".to_owned(), text.to_string())]
    }

    async fn reload(&self, name: &str) -> Result<(), PluginAdminError> {
        if name != "redis" {
            return Err(PluginAdminError::Unknown(name.to_owned()));
        }
        *self.version.lock().unwrap() = "reloaded";
        Ok(())
    }

    async fn roll_back(&self, _: &str) -> Result<(), PluginAdminError> {
        Err(PluginAdminError::Refused(
            "there is no version before it".into(),
        ))
    }

    async fn available(&self) -> Result<Vec<Value>, PluginAdminError> {
        Ok(vec![json!({"name": "redis", "versions": ["2"]})])
    }

    async fn install(&self, asked: &PluginInstall) -> Result<Value, PluginAdminError> {
        match (asked.reference.as_str(), asked.approve.as_deref()) {
            ("redis:2", None) => Ok(json!({"name": "redis", "approve": "a"})),
            ("redis:2", Some("a")) => Ok(json!({"name": "redis", "changed": true})),
            ("redis:2", Some(_)) => Err(PluginAdminError::Refused("look again".into())),
            ("a/b", _) => Err(PluginAdminError::Invalid("not of the registry".into())),
            ("away", _) => Err(PluginAdminError::Unavailable("no answer".into())),
            _ => Err(PluginAdminError::Missing("there is none".into())),
        }
    }

    async fn remove(&self, name: &str) -> Result<(), PluginAdminError> {
        match name {
            "redis" => Ok(()),
            _ => Err(PluginAdminError::Missing(format!(
                "{name} is not installed"
            ))),
        }
    }
}

fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(format!("/api/v1/plugins{path}"))
}

async fn answer(api: &Api, method: &str, path: &str) -> (u16, Value) {
    let request = request(method, path).body(Body::empty()).unwrap();
    let (status, body) = api.send(request).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn plugins_are_shown_changed_and_refused_in_the_envelope() {
    let api = Api::ready().await;
    let ok = |data: Value| (200, json!({"status": "success", "data": data}));
    let failed = |status: u16, kind: &str, error: &str| {
        let answer = json!({"status": "error", "errorType": kind, "error": error});
        (status, answer)
    };
    let unknown = || failed(404, "not_found", "no plugin is named \"x\"");
    for (method, path, expected) in [
        ("GET", "", ok(json!([{"name": "redis"}]))),
        (
            "GET",
            "/redis",
            ok(json!({"name": "redis", "version": "first"})),
        ),
        ("GET", "/x", unknown()),
        (
            "GET",
            "/redis/logs",
            ok(json!([{"message": "one"}, {"message": "two"}])),
        ),
        (
            "GET",
            "/redis/logs?follow=0",
            ok(json!([{"message": "one"}, {"message": "two"}])),
        ),
        ("GET", "/x/logs", unknown()),
        (
            "GET",
            "/redis/logs?follow=maybe",
            failed(
                400,
                "bad_data",
                "invalid parameter \"follow\": \"maybe\" is neither 1 nor 0",
            ),
        ),
        (
            "POST",
            "/redis/reload",
            ok(json!({"name": "redis", "version": "reloaded"})),
        ),
        ("POST", "/x/reload", unknown()),
        (
            "POST",
            "/redis/rollback",
            failed(422, "execution", "there is no version before it"),
        ),
        ("GET", "/redis/reload", (405, Value::Null)),
        ("PUT", "/redis/reload", (405, Value::Null)),
        ("GET", "/redis/rollback", (405, Value::Null)),
        (
            "GET",
            "/available",
            ok(json!([{"name": "redis", "versions": ["2"]}])),
        ),
        (
            "POST",
            "/install",
            failed(
                400,
                "bad_data",
                "invalid parameter \"reference\": it is missing",
            ),
        ),
        (
            "POST",
            "/install?reference=redis:2",
            ok(json!({"name": "redis", "approve": "a"})),
        ),
        (
            "POST",
            "/install?reference=redis:2&approve=a",
            ok(json!({"name": "redis", "changed": true})),
        ),
        (
            "POST",
            "/install?reference=redis:2&approve=b",
            failed(422, "execution", "look again"),
        ),
        (
            "POST",
            "/install?reference=a/b",
            failed(400, "bad_data", "not of the registry"),
        ),
        (
            "POST",
            "/install?reference=away",
            failed(500, "unavailable", "no answer"),
        ),
        (
            "POST",
            "/install?reference=nothing",
            failed(404, "not_found", "there is none"),
        ),
        (
            "POST",
            "/redis/remove",
            ok(json!({"name": "redis", "version": "reloaded"})),
        ),
        (
            "POST",
            "/x/remove",
            failed(404, "not_found", "x is not installed"),
        ),
        ("GET", "/redis/remove", (405, Value::Null)),
    ] {
        assert_eq!(
            answer(&api, method, path).await,
            expected,
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_reference_longer_than_any_is_refused_before_anybody_is_asked() {
    let api = Api::ready().await;
    let path = format!("/install?reference={}", "a".repeat(REFERENCE_BYTES_MAX + 1));
    let (status, answer) = answer(&api, "POST", &path).await;
    assert_eq!((status, &answer["errorType"]), (400, &json!("bad_data")));
}

#[tokio::test]
async fn logs_and_changes_need_the_flag_and_no_other_site_gets_them() {
    let api = Api::without_admin().await;
    for (method, path, closed) in [
        ("GET", "", false),
        ("GET", "/redis", false),
        ("GET", "/redis/logs", true),
        ("GET", "/available", true),
        ("POST", "/redis/reload", true),
        ("POST", "/redis/rollback", true),
        ("POST", "/redis/remove", true),
        ("POST", "/install?reference=redis:2", true),
    ] {
        let (status, found) = answer(&api, method, path).await;
        assert_eq!(status, if closed { 500 } else { 200 }, "{method} {path}");
        if closed {
            let expected = json!({"status": "error", "errorType": "unavailable", "error": "admin APIs disabled"});
            assert_eq!(found, expected, "{method} {path}");
        }
    }
    let api = Api::ready().await;
    for (method, path) in [
        ("GET", "/redis/logs"),
        ("POST", "/redis/reload"),
        ("POST", "/redis/rollback"),
        ("POST", "/redis/remove"),
        ("POST", "/install?reference=redis:2"),
    ] {
        let request = request(method, path)
            .header(header::HOST, "prom:9090")
            .header(header::ORIGIN, "http://elsewhere")
            .body(Body::empty())
            .unwrap();
        assert_eq!(api.send(request).await.0, 403, "{method} {path}");
    }
}

async fn follow(api: &Api) -> axum::http::Response<Body> {
    let request = request("GET", "/redis/logs?follow=1").header(header::ACCEPT_ENCODING, "gzip");
    api.response(request.body(Body::empty()).unwrap()).await
}

async fn next(body: &mut BodyDataStream) -> Option<String> {
    let line = body.next().await?.unwrap();
    Some(String::from_utf8(line.to_vec()).unwrap())
}

#[tokio::test]
async fn a_log_is_followed_line_by_line_until_the_server_stops() {
    let api = Api::ready().await;
    let response = follow(&api).await;
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/x-ndjson"
    );
    assert!(!response.headers().contains_key(header::CONTENT_ENCODING));
    let mut body = response.into_body().into_data_stream();
    assert_eq!(next(&mut body).await.unwrap(), "{\"message\":\"one\"}\n");
    assert_eq!(next(&mut body).await.unwrap(), "{\"message\":\"two\"}\n");
    api.plugins.log.send(json!({"message": "three"})).unwrap();
    assert_eq!(next(&mut body).await.unwrap(), "{\"message\":\"three\"}\n");
    api.state.end_streams();
    assert_eq!(next(&mut body).await, None);
}

#[tokio::test]
async fn one_follower_too_many_is_refused_until_another_leaves() {
    let api = Api::ready().await;
    let mut followers = Vec::new();
    for _ in 0..FOLLOWERS_MAX {
        followers.push(follow(&api).await);
    }
    assert!(followers.iter().all(|response| response.status() == 200));
    let (status, refused) = answer(&api, "GET", "/redis/logs?follow=1").await;
    assert_eq!(
        (status, &refused["errorType"]),
        (500, &json!("unavailable"))
    );
    followers.pop();
    assert_eq!(follow(&api).await.status(), 200);
}
