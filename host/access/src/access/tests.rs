use narthex_http::header::HeaderValue;
use narthex_model::SimulatedClock;
use serde_json::{Value, json};

use super::*;

fn access(section: Value, has_users: bool) -> Access {
    let config: AccessConfig = serde_json::from_value(section).unwrap();
    let connect = |_: &KubernetesAccess| Err("there is no cluster here".to_owned());
    let parts = AccessParts {
        connect: &connect,
        clock: Arc::new(SimulatedClock::at(1_500_000_000_000)),
        metrics: AccessMetrics::default(),
    };
    Access::new(&config, "/prom", has_users, &parts).unwrap()
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

/// The status that stands for a verdict.
fn status(verdict: &Verdict) -> u16 {
    match verdict {
        Verdict::Granted => 200,
        Verdict::Unauthorized(_) => 401,
        Verdict::Forbidden(_) => 403,
        Verdict::Unavailable(_) => 503,
    }
}

/// The peer, method, path and headers of a request, and what becomes of it.
type Case<'a> = (
    &'a str,
    &'a str,
    &'a str,
    &'a [(&'static str, &'static str)],
    u16,
);

#[tokio::test]
async fn a_proxy_is_believed_in_its_network_only() {
    let access = access(
        json!({
            "trusted_proxies": {"networks": ["10.0.0.0/8"], "groups_header": "X-Forwarded-Groups"},
            "roles": {"read": {"groups": ["dev"]}, "admin": {"users": ["ada"]}},
        }),
        false,
    );
    let ada = ("x-forwarded-user", "ada");
    let bob = ("x-forwarded-user", "bob");
    let dev = ("x-forwarded-groups", "ops, dev");
    let table: [Case<'_>; 14] = [
        ("10.1.1.1", "GET", "/prom/api/v1/query", &[ada], 200),
        ("10.1.1.1", "POST", "/prom/-/reload", &[ada], 200),
        ("10.1.1.1", "GET", "/prom/api/v1/query", &[bob, dev], 200),
        ("10.1.1.1", "POST", "/prom/api/v1/query", &[bob, dev], 200),
        ("10.1.1.1", "POST", "/prom/-/reload", &[bob, dev], 403),
        ("10.1.1.1", "GET", "/prom/api/v1/query", &[bob], 403),
        ("11.1.1.1", "GET", "/prom/api/v1/query", &[ada], 401),
        ("10.1.1.1", "GET", "/prom/api/v1/query", &[], 401),
        ("10.1.1.1", "GET", "/prom/api/v1/query", &[bob, ada], 401),
        ("10.1.1.1", "GET", "/prom/api/v1/query", &[dev], 401),
        (
            "10.1.1.1",
            "GET",
            "/prom/api/v1/query",
            &[("x-forwarded-user", "system:admin"), dev],
            401,
        ),
        ("11.1.1.1", "GET", "/prom/-/healthy", &[], 200),
        ("11.1.1.1", "POST", "/prom/-/healthy", &[], 401),
        ("11.1.1.1", "GET", "/prom/-/healthy/x", &[], 401),
    ];
    for (peer, method, path, pairs, expected) in table {
        let headers = headers(pairs);
        let asking = Asking {
            method,
            path,
            peer: peer.parse().ok(),
            headers: &headers,
            user: None,
        };
        let verdict = access.judge(&asking).await;
        let shown = format!("{peer} {method} {path} {pairs:?}: {verdict:?}");
        assert_eq!(status(&verdict), expected, "{shown}");
    }
}

#[tokio::test]
async fn users_with_passwords_have_roles_too() {
    let section = json!({"roles": {"write": {"users": ["agent"]}, "read": {"users": ["ada"]}}});
    let access = access(section, true);
    for (user, method, path, expected) in [
        (Some("ada"), "GET", "/prom/api/v1/query", 200),
        (Some("ada"), "POST", "/prom/api/v1/write", 403),
        (Some("agent"), "POST", "/prom/api/v1/write", 200),
        (Some("agent"), "GET", "/prom/api/v1/query", 403),
        (None, "GET", "/prom/api/v1/query", 401),
    ] {
        let asking = Asking {
            method,
            path,
            peer: None,
            headers: &HeaderMap::new(),
            user,
        };
        let verdict = access.judge(&asking).await;
        assert_eq!(
            status(&verdict),
            expected,
            "{user:?} {method} {path}: {verdict:?}"
        );
    }
}

#[test]
fn a_cluster_that_nobody_knows_is_an_error_at_once() {
    let config: AccessConfig = serde_json::from_value(json!({"kubernetes": {}})).unwrap();
    let connect = |_: &KubernetesAccess| Err("there is no cluster here".to_owned());
    let parts = AccessParts {
        connect: &connect,
        clock: Arc::new(SimulatedClock::at(0)),
        metrics: AccessMetrics::default(),
    };
    let error = Access::new(&config, "", false, &parts).unwrap_err();
    assert_eq!(error, "kubernetes: there is no cluster here");
}
