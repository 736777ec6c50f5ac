//! Set-ups of which something is broken, and where the walk from a monitor to its targets stops.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use narthex_operator::{Explained, Kind, Options, SecretKind, SecretRef, Secrets, Seen, explain};
use serde_json::{Value, json};

/// A cluster in which all is well: a monitor, a service, a slice and a pod.
fn sound() -> Seen {
    let meta = |name: &str| json!({"namespace": "shop", "name": name, "labels": {"app": "cart"}});
    Seen {
        monitors: vec![json!({
            "metadata": meta("cart"),
            "spec": {"selector": {"matchLabels": {"app": "cart"}}, "endpoints": [{"port": "web"}]},
        })],
        left_out: None,
        namespaces: ["shop", "other"]
            .map(|name| json!({"metadata": {"name": name}}))
            .to_vec(),
        services: vec![json!({
            "metadata": meta("cart"),
            "spec": {"selector": {"app": "cart"}, "ports": [{"name": "web", "port": 80}]},
        })],
        slices: vec![json!({
            "metadata": {"namespace": "shop", "name": "cart-x",
                         "labels": {"kubernetes.io/service-name": "cart"}},
            "ports": [{"name": "web", "port": 8080}],
            "endpoints": [{"addresses": ["10.0.0.1"],
                           "targetRef": {"kind": "Pod", "name": "cart-0"}}],
        })],
        pods: vec![json!({
            "metadata": meta("cart-0"),
            "spec": {"containers": [{"name": "main", "ports": [
                {"name": "http", "containerPort": 8080}, {"name": "admin", "containerPort": 9090}]}]},
            "status": {"phase": "Running", "podIP": "10.0.0.1"},
        })],
    }
}

/// The same for a monitor of pods.
fn sound_pods() -> Seen {
    let mut seen = sound();
    let spec = &mut seen.monitors[0]["spec"];
    *spec = json!({"selector": {"matchLabels": {"app": "cart"}},
                   "podMetricsEndpoints": [{"port": "http"}]});
    seen
}

fn walk(kind: Kind, seen: &Seen) -> Explained {
    let (mut secrets, options) = (Secrets::default(), Options::default());
    // The cluster has none of the secrets that are named.
    explain(kind, ("shop", "cart"), seen, &options, &secrets);
    for reference in secrets.wanted() {
        secrets.learn(reference, Ok(None));
    }
    explain(kind, ("shop", "cart"), seen, &options, &secrets)
}

/// Where a set-up breaks that was sound before, and a part of what is said.
fn check(kind: Kind, seen: Seen, what: &str, step: &str, text: &str) {
    let explained = walk(kind, &seen);
    let stop = explained.stops.first();
    let stop = stop.unwrap_or_else(|| panic!("{what}: it does not stop:\n{explained}"));
    assert_eq!(stop.step, step, "{what}:\n{explained}");
    assert!(
        stop.text.contains(text),
        "{what}: {text:?} is not in\n{explained}"
    );
}

type Break = fn(&mut Seen);

#[test]
fn a_sound_monitor_is_walked_to_its_targets() {
    for (kind, seen, expected) in [
        (Kind::ServiceMonitor, sound(), "10.0.0.1:8080"),
        (Kind::PodMonitor, sound_pods(), "10.0.0.1:8080"),
    ] {
        let explained = walk(kind, &seen);
        assert_eq!(explained.stops, [], "{explained}");
        let last = explained.findings.last().unwrap();
        assert_eq!(last.step, "targets");
        assert!(last.text.contains(expected), "{explained}");
    }
}

#[test]
fn the_walk_of_a_service_monitor_stops_where_it_is_broken() {
    let broken: [(&str, Break, &str, &str); 18] = [
        (
            "another namespace",
            |seen| seen.monitors[0]["metadata"]["namespace"] = json!("other"),
            "object",
            "there is one in other",
        ),
        (
            "no monitor",
            |seen| seen.monitors.clear(),
            "object",
            "has no ServiceMonitor shop/cart",
        ),
        (
            "a selector of the server",
            |seen| seen.left_out = Some("it lacks release=mine".to_owned()),
            "selected",
            "release=mine",
        ),
        (
            "no selector",
            |seen| seen.monitors[0]["spec"]["selector"] = Value::Null,
            "read",
            "spec.selector: must be there",
        ),
        (
            "a secret that is not there",
            |seen| {
                seen.monitors[0]["spec"]["endpoints"][0]["authorization"] =
                    json!({"credentials": {"name": "token", "key": "t"}});
            },
            "read",
            "Secret shop/token: there is no such object",
        ),
        (
            "a file",
            |seen| {
                seen.monitors[0]["spec"]["endpoints"][0]["bearerTokenFile"] = json!("/token");
            },
            "read",
            "allow_files",
        ),
        (
            "a namespace that is not there",
            |seen| {
                seen.monitors[0]["spec"]["namespaceSelector"] = json!({"matchNames": ["shopp"]});
            },
            "namespaces",
            "shopp",
        ),
        (
            "the service of another namespace",
            |seen| seen.services[0]["metadata"]["namespace"] = json!("other"),
            "services",
            "no service",
        ),
        (
            "a label of the service",
            |seen| seen.services[0]["metadata"]["labels"]["app"] = json!("carts"),
            "services",
            "shop/cart does not meet app=cart",
        ),
        (
            "an expression",
            |seen| {
                seen.monitors[0]["spec"]["selector"]["matchExpressions"] =
                    json!([{"key": "app", "operator": "NotIn", "values": ["cart"]}]);
            },
            "services",
            "app notin (cart)",
        ),
        (
            "no endpoints",
            |seen| seen.monitors[0]["spec"]["endpoints"] = json!([]),
            "endpoints",
            "the monitor has no endpoints",
        ),
        (
            "the selector of the service",
            |seen| {
                seen.slices.clear();
                seen.services[0]["spec"]["selector"] = json!({"app": "card"});
            },
            "endpoints",
            "no pod has the labels app=card",
        ),
        (
            "a pod that is not ready",
            |seen| seen.slices[0]["endpoints"] = Value::Null,
            "endpoints",
            "of 1 pods with the labels app=cart none has one",
        ),
        (
            "a service without a selector",
            |seen| {
                seen.slices.clear();
                seen.services[0]["spec"]["selector"] = Value::Null;
            },
            "endpoints",
            "has no selector",
        ),
        (
            "a port that is not there",
            |seen| seen.monitors[0]["spec"]["endpoints"][0]["port"] = json!("metrics"),
            "port",
            "no address has the port \"metrics\"; there are \"web\"",
        ),
        (
            "the number of a port",
            |seen| seen.monitors[0]["spec"]["endpoints"][0]["port"] = json!("80"),
            "port",
            "and not its number",
        ),
        (
            "a port of the pod that is not there",
            |seen| seen.monitors[0]["spec"]["endpoints"][0] = json!({"targetPort": 1234}),
            "port",
            "of the pod: \"admin\" 9090",
        ),
        (
            "a rule of the monitor",
            |seen| {
                seen.monitors[0]["spec"]["endpoints"][0]["relabelings"] = json!([
                    {"action": "keep", "sourceLabels": ["team"], "regex": "blue"}]);
            },
            "relabelling",
            "drops 2 of 2 targets",
        ),
    ];
    for (what, break_it, step, text) in broken {
        let mut seen = sound();
        break_it(&mut seen);
        // Of the rules alone it is asked with all ports.
        if what == "a rule of the monitor" {
            seen.monitors[0]["spec"]["endpoints"][0]["port"] = Value::Null;
        }
        check(Kind::ServiceMonitor, seen, what, step, text);
    }
}

#[test]
fn the_walk_of_a_pod_monitor_stops_where_it_is_broken() {
    let broken: [(&str, Break, &str, &str); 8] = [
        (
            "no pods",
            |seen| seen.pods.clear(),
            "pods",
            "no pod in these namespaces",
        ),
        (
            "a label of the pod",
            |seen| seen.pods[0]["metadata"]["labels"] = json!({}),
            "pods",
            "shop/cart-0 does not meet app=cart",
        ),
        (
            "no endpoints",
            |seen| seen.monitors[0]["spec"]["podMetricsEndpoints"] = json!([]),
            "endpoints",
            "no podMetricsEndpoints",
        ),
        (
            "a pod that has ended",
            |seen| seen.pods[0]["status"]["phase"] = json!("Succeeded"),
            "endpoints",
            "have ended",
        ),
        (
            "a pod that waits",
            |seen| seen.pods[0]["status"] = json!({"phase": "Pending"}),
            "endpoints",
            "they are Pending",
        ),
        (
            "a port that is not there",
            |seen| {
                seen.monitors[0]["spec"]["podMetricsEndpoints"] = json!([{"port": "metrics"}]);
            },
            "port",
            "there are \"admin\" 9090, \"http\" 8080",
        ),
        (
            "a pod that names no port",
            |seen| seen.pods[0]["spec"]["containers"][0]["ports"] = Value::Null,
            "port",
            "name no port",
        ),
        (
            "a rule of the monitor",
            |seen| {
                seen.monitors[0]["spec"]["podMetricsEndpoints"][0]["relabelings"] = json!([
                    {"action": "drop", "sourceLabels": ["container"], "regex": "main"}]);
            },
            "relabelling",
            "drops 1 of 1 targets",
        ),
    ];
    for (what, break_it, step, text) in broken {
        let mut seen = sound_pods();
        break_it(&mut seen);
        check(Kind::PodMonitor, seen, what, step, text);
    }
}

#[test]
fn one_endpoint_that_is_broken_does_not_hide_the_other() {
    let mut seen = sound();
    seen.monitors[0]["spec"]["endpoints"] = json!([{"port": "none"}, {"port": "web"}]);
    let explained = walk(Kind::ServiceMonitor, &seen);
    assert_eq!(explained.stops.len(), 1, "{explained}");
    assert_eq!(explained.findings.last().unwrap().step, "targets");
    // Pods that have ended stay where the endpoint says so.
    let mut seen = sound_pods();
    seen.pods[0]["status"]["phase"] = json!("Failed");
    seen.monitors[0]["spec"]["podMetricsEndpoints"][0]["filterRunning"] = json!(false);
    assert_eq!(walk(Kind::PodMonitor, &seen).stops, []);
}

#[test]
fn a_secret_that_nobody_asked_for_is_named() {
    let mut seen = sound();
    seen.monitors[0]["spec"]["endpoints"][0]["basicAuth"] =
        json!({"username": {"name": "login", "key": "user"}});
    let mut secrets = Secrets::default();
    let options = Options::default();
    explain(
        Kind::ServiceMonitor,
        ("shop", "cart"),
        &seen,
        &options,
        &secrets,
    );
    let wanted: Vec<SecretRef> = secrets.wanted().into_iter().collect();
    let expected = SecretRef {
        kind: SecretKind::Secret,
        namespace: "shop".to_owned(),
        name: "login".to_owned(),
    };
    assert_eq!(wanted, [expected]);
}
