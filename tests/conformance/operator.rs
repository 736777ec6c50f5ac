//! Narthex on an API server that holds objects of the Prometheus Operator: pools, rules and routes
//! come, change and go with them, and what is wrong is said where it is wrong.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};

use narthex_tests::{ClusterServer, Fault, Narthex, Target, binary, http, until};
use serde_json::{Value, json};

/// A cluster may have so many monitors, each in a namespace of its own.
const MONITORS: usize = 1000;

fn object(version: &str, kind: &str, (namespace, name): (&str, &str), rest: Value) -> Value {
    let mut object = json!({
        "apiVersion": version,
        "kind": kind,
        "metadata": {"namespace": namespace, "name": name, "uid": format!("uid-{name}")},
    });
    for (field, value) in rest.as_object().unwrap() {
        match field.as_str() {
            "labels" => object["metadata"]["labels"] = value.clone(),
            _ => object[field] = value.clone(),
        }
    }
    object
}

fn monitor(namespace: &str, name: &str, endpoint: Value) -> Value {
    let spec = json!({"selector": {"matchLabels": {"app": name}}, "endpoints": [endpoint]});
    let version = "monitoring.coreos.com/v1";
    object(
        version,
        "ServiceMonitor",
        (namespace, name),
        json!({"spec": spec}),
    )
}

/// A service with one pod behind it that listens where a target does.
fn put_service(server: &ClusterServer, namespace: &str, name: &str, target: &Target) {
    let address = target.address();
    let (host, port) = address.rsplit_once(':').unwrap();
    let port: u16 = port.parse().unwrap();
    server.put(object(
        "v1",
        "Service",
        (namespace, name),
        json!({"labels": {"app": name, "team": "blue"},
               "spec": {"ports": [{"name": "web", "port": 80}], "selector": {"app": name}}}),
    ));
    let pod = format!("{name}-0");
    server.put(object(
        "v1",
        "Pod",
        (namespace, &pod),
        json!({"labels": {"app": name},
               "spec": {"nodeName": "n", "containers": [
                   {"name": "main", "ports": [{"name": "web", "containerPort": port}]}]},
               "status": {"phase": "Running", "podIP": host, "hostIP": host}}),
    ));
    server.put(object(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        (namespace, &format!("{name}-x")),
        json!({"labels": {"kubernetes.io/service-name": name},
               "addressType": "IPv4",
               "ports": [{"name": "web", "port": port, "protocol": "TCP"}],
               "endpoints": [{"addresses": [host], "conditions": {"ready": true},
                   "targetRef": {"kind": "Pod", "name": pod, "namespace": namespace}}]}),
    ));
}

fn config(server: &ClusterServer, rest: &str) -> String {
    format!(
        "global: {{scrape_interval: 1s}}\nkubernetes_monitors:\n  api_server: {}\n  \
         secrets_refresh_interval: 1s\n{rest}",
        server.url()
    )
}

/// The labels of the targets of each pool.
fn targets(narthex: &Narthex) -> Result<BTreeMap<String, Vec<Value>>, String> {
    let data = narthex.api("targets?state=active")?;
    let mut pools: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for target in data["activeTargets"].as_array().into_iter().flatten() {
        let pool = target["scrapePool"].as_str().unwrap().to_owned();
        pools.entry(pool).or_default().push(target.clone());
    }
    Ok(pools)
}

fn until_pools(narthex: &Narthex, expected: &[&str]) {
    until(90, "the pools of the monitors", || {
        let data = narthex.api("scrape_pools")?;
        let pools = data["scrapePools"].as_array().cloned().unwrap_or_default();
        let found: Vec<&str> = pools.iter().filter_map(Value::as_str).collect();
        match found == expected {
            true => Ok(()),
            false => Err(format!("{found:?}")),
        }
    });
}

fn metric(narthex: &Narthex, name: &str) -> Result<f64, String> {
    let (_, text) = http::get(&format!("{}/metrics", narthex.url()))?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line.ok_or_else(|| format!("no {name}"))?.trim();
    value.parse().map_err(|_| format!("{name}{value}"))
}

fn until_metric(narthex: &Narthex, name: &str, expected: f64) {
    until(60, name, || match metric(narthex, name)? {
        value if value == expected => Ok(()),
        value => Err(value.to_string()),
    });
}

#[test]
fn pools_come_change_and_go_with_their_monitors() {
    let server = ClusterServer::start();
    let target = Target::serve_text(|| "orders_total 1\n".to_owned());
    put_service(&server, "shop", "cart", &target);
    let narthex = Narthex::builder().config(config(&server, "")).start();
    server.put(monitor("shop", "cart", json!({"port": "web"})));
    let pool = "serviceMonitor/shop/cart/0";
    let found = until(90, "the target", || {
        let pools = targets(&narthex)?;
        let found = pools.get(pool).and_then(|targets| targets.first());
        let found = found.ok_or_else(|| format!("{pools:?}"))?;
        match found["health"].as_str() {
            Some("up") => Ok(found.clone()),
            _ => Err(found.to_string()),
        }
    });
    let expected = json!({
        "container": "main", "endpoint": "web", "instance": target.address(), "job": "cart",
        "namespace": "shop", "pod": "cart-0", "service": "cart",
    });
    assert_eq!(found["labels"], expected);
    assert_eq!(found["scrapeInterval"], "1s");

    // Another interval and a label of the service.
    let mut other = monitor("shop", "cart", json!({"port": "web", "interval": "2s"}));
    other["spec"]["targetLabels"] = json!(["team"]);
    server.put(other);
    until(60, "the new interval", || {
        let pools = targets(&narthex)?;
        let found = pools.get(pool).and_then(|targets| targets.first());
        let found = found.ok_or_else(|| format!("{pools:?}"))?;
        match (&found["scrapeInterval"], &found["labels"]["team"]) {
            (interval, team) if interval == "2s" && team == "blue" => Ok(()),
            _ => Err(found.to_string()),
        }
    });

    // A reload of the file keeps them, and so does a cluster that is not well.
    narthex.write_config(&config(&server, "scrape_configs: [{job_name: own}]\n"));
    http::post(&format!("{}/-/reload", narthex.url())).unwrap();
    until_pools(&narthex, &["own", pool]);
    server.fail_next(&[Fault::Gone, Fault::Error, Fault::Close]);
    server.compact();
    server.cut_watches(true);
    server.put(monitor("shop", "pay", json!({"port": "web"})));
    until_pools(&narthex, &["own", pool, "serviceMonitor/shop/pay/0"]);

    server.delete(&monitor("shop", "cart", json!({})));
    until_pools(&narthex, &["own", "serviceMonitor/shop/pay/0"]);
    // Without the section they are gone.
    narthex.write_config("scrape_configs: [{job_name: own}]\n");
    http::post(&format!("{}/-/reload", narthex.url())).unwrap();
    until_pools(&narthex, &["own"]);
}

#[test]
fn a_monitor_that_is_wrong_is_told_of_and_leaves_the_others_alone() {
    let server = ClusterServer::start();
    let narthex = Narthex::builder().config(config(&server, "")).start();
    server.put(monitor("a", "good", json!({"port": "web"})));
    server.put(monitor(
        "a",
        "interval",
        json!({"port": "web", "interval": "soon"}),
    ));
    let credentials = json!({"username": {"name": "login", "key": "user"}});
    server.put(monitor(
        "a",
        "secret",
        json!({"port": "web", "basicAuth": credentials}),
    ));
    until_pools(&narthex, &["serviceMonitor/a/good/0"]);
    let rejected = "narthex_kubernetes_monitors_rejected_objects{kind=\"ServiceMonitor\"} ";
    until_metric(&narthex, rejected, 2.0);
    let objects = "narthex_kubernetes_monitors_objects{kind=\"ServiceMonitor\"} ";
    until_metric(&narthex, objects, 3.0);
    let events = until(60, "events on both", || {
        let events = server.events();
        (events.len() == 2)
            .then_some(events)
            .ok_or("not two".to_owned())
    });
    let mut said: Vec<(&str, &str)> = events
        .iter()
        .map(|event| {
            assert_eq!(event["reason"], "InvalidConfiguration");
            assert_eq!(event["metadata"]["namespace"], "a");
            let name = event["involvedObject"]["name"].as_str().unwrap();
            (name, event["message"].as_str().unwrap())
        })
        .collect();
    said.sort_unstable();
    assert_eq!(said[0].0, "interval");
    assert_eq!(
        said[1],
        (
            "secret",
            "spec.endpoints[0].basicAuth.username: Secret a/login: there is no such object"
        )
    );

    // Both are put right: the one by its secret, of which nobody watches another.
    let data = json!({"data": {"user": "dQ=="}});
    server.put(object("v1", "Secret", ("a", "login"), data));
    server.put(monitor(
        "a",
        "interval",
        json!({"port": "web", "interval": "5s"}),
    ));
    until_pools(
        &narthex,
        &[
            "serviceMonitor/a/good/0",
            "serviceMonitor/a/interval/0",
            "serviceMonitor/a/secret/0",
        ],
    );
    until_metric(&narthex, rejected, 0.0);
    assert_eq!(server.events().len(), 2);
    let watches = server.watches();
    let of_secrets = watches.keys().filter(|path| path.contains("secrets"));
    assert!(
        of_secrets.eq(["/api/v1/secrets in a metadata.name=login"]),
        "{watches:?}"
    );
}

/// A target that keeps what it is asked with, the last time.
fn serve_and_keep_credentials() -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let kept = Arc::<Mutex<String>>::default();
    let last = Arc::clone(&kept);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
            let given = head.iter().filter_map(|line| line.split_once(": "));
            let mut given = given.filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
            let given = given.next().map_or("", |(_, value)| value);
            *last.lock().unwrap() = given.to_owned();
            let answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\
                          Connection: close\r\n\r\nab 1\n";
            // A scraper that has left is none of ours.
            let _ = (&stream).write_all(answer.as_bytes());
        }
    });
    (address, kept)
}

#[test]
fn a_secret_that_is_rotated_is_used_at_the_next_scrape() {
    let server = ClusterServer::start();
    let (address, kept) = serve_and_keep_credentials();
    let secret = |value: &str| {
        let data = json!({"stringData": {"token": value}});
        object("v1", "Secret", ("a", "login"), data)
    };
    server.put(secret("old"));
    let authorization = json!({"credentials": {"name": "login", "key": "token"}});
    let spec = json!({"staticConfigs": [{"targets": [address]}], "authorization": authorization});
    let version = "monitoring.coreos.com/v1alpha1";
    let job = object(version, "ScrapeConfig", ("a", "job"), json!({"spec": spec}));
    server.put(job);
    // Of another nobody may know more than its value.
    let data = json!({"stringData": {"token": "x"}});
    server.put(object("v1", "Secret", ("a", "hidden"), data));
    server.forbid("/api/v1/secrets in a metadata.name=hidden");
    let authorization = json!({"credentials": {"name": "hidden", "key": "token"}});
    let spec = json!({"staticConfigs": [], "authorization": authorization});
    let other = object(
        version,
        "ScrapeConfig",
        ("a", "other"),
        json!({"spec": spec}),
    );
    server.put(other);
    // Whoever asked again from time to time would not know before the test is over.
    let text = config(&server, "").replace("refresh_interval: 1s", "refresh_interval: 1d");
    let _narthex = Narthex::builder().config(text).start();
    let until_asked_with = |expected: &str| {
        until(60, "the credentials of a scrape", || {
            let found = kept.lock().unwrap().clone();
            (found == expected).then_some(()).ok_or(found)
        });
    };
    until_asked_with("Bearer old");
    until(60, "the watch of the secret", || {
        let watches = server.watches();
        let is_there = watches.contains_key("/api/v1/secrets in a metadata.name=login");
        is_there.then_some(()).ok_or_else(|| format!("{watches:?}"))
    });
    server.put(secret("new"));
    until_asked_with("Bearer new");
    // Also after the cluster was away.
    server.fail_next(&[Fault::Error, Fault::Gone]);
    server.cut_watches(true);
    server.put(secret("newest"));
    until_asked_with("Bearer newest");
}

#[test]
fn rules_of_a_cluster_are_evaluated() {
    let server = ClusterServer::start();
    let narthex = Narthex::builder()
        .config(config(&server, "").replace("1s}", "1s, evaluation_interval: 1s}"))
        .start();
    let rule = |expr: &str| {
        let spec = json!({"groups": [{"name": "g", "rules": [
            {"record": "answer", "expr": expr, "labels": {"from": "cluster"}}]}]});
        let version = "monitoring.coreos.com/v1";
        object(
            version,
            "PrometheusRule",
            ("a", "rules"),
            json!({"spec": spec}),
        )
    };
    server.put(rule("vector(42)"));
    let answers = |expected: &str| {
        until(60, "the recorded series", || {
            let found = narthex.query("answer")?;
            match found.values().next().map(String::as_str) {
                Some(value) if value == expected => Ok(()),
                _ => Err(format!("{found:?}")),
            }
        });
    };
    answers("42");
    let data = narthex.api("rules").unwrap();
    assert_eq!(data["groups"][0]["file"], "a-rules-uid-rules.yaml");
    server.put(rule("vector(43)"));
    answers("43");
    server.put(rule("vector("));
    let rejected = "narthex_kubernetes_monitors_rejected_objects{kind=\"PrometheusRule\"} ";
    until_metric(&narthex, rejected, 1.0);
    until(60, "no rules", || {
        let data = narthex.api("rules")?;
        match data["groups"] == json!([]) {
            true => Ok(()),
            false => Err(data.to_string()),
        }
    });
}

#[test]
fn a_thousand_monitors_in_as_many_namespaces_add_no_watch() {
    let server = ClusterServer::start();
    for number in 0..MONITORS {
        let namespace = format!("ns-{number}");
        server.put(monitor(&namespace, "cart", json!({"port": "web"})));
    }
    let target = Target::serve_text(|| "orders_total 1\n".to_owned());
    put_service(&server, "ns-7", "cart", &target);
    let narthex = Narthex::builder().config(config(&server, "")).start();
    until(240, "all pools, and the target", || {
        let data = narthex.api("scrape_pools")?;
        let count = data["scrapePools"].as_array().map_or(0, Vec::len);
        let found = targets(&narthex)?;
        let names: Vec<&String> = found.keys().collect();
        match count == MONITORS && names == ["serviceMonitor/ns-7/cart/0"] {
            true => Ok(()),
            false => Err(format!("{count} pools, {names:?}")),
        }
    });
    // The five kinds, and services, slices and pods of all namespaces.
    until(60, "a watch of each", || {
        let watches = server.watches();
        match watches.len() == 8 && watches.values().all(|count| *count == 1) {
            true => Ok(()),
            false => Err(format!("{watches:#?}")),
        }
    });
    // One that comes later is no watch either.
    put_service(&server, "ns-8", "cart", &target);
    server.put(monitor("later", "cart", json!({"port": "web"})));
    until(60, "the next target", || {
        let found = targets(&narthex)?;
        let data = narthex.api("scrape_pools")?;
        let count = data["scrapePools"].as_array().map_or(0, Vec::len);
        let is_there = found.contains_key("serviceMonitor/ns-8/cart/0");
        (is_there && count == MONITORS + 1)
            .then_some(())
            .ok_or_else(|| format!("{:?}", found.keys()))
    });
    assert_eq!(server.watches().len(), 8);
}

#[test]
fn selectors_choose_and_a_cluster_without_the_kinds_is_no_fault() {
    let server = ClusterServer::start();
    for group in [
        "/apis/monitoring.coreos.com/v1",
        "/apis/monitoring.coreos.com/v1alpha1",
    ] {
        server.set_absent(group, true);
    }
    let rest = "  kinds: [ServiceMonitor]\n  namespace_selector: monitored=yes\n  \
                selectors: {ServiceMonitor: release=mine}\nscrape_configs: [{job_name: own}]\n";
    let narthex = Narthex::builder().config(config(&server, rest)).start();
    until_pools(&narthex, &["own"]);
    let namespace = |name: &str, label: &str| {
        let mut namespace = object("v1", "Namespace", ("", name), json!({}));
        namespace["metadata"] = json!({"name": name, "labels": {"monitored": label}});
        namespace
    };
    server.put(namespace("a", "yes"));
    server.put(namespace("b", "no"));
    for (place, label) in [("a", "mine"), ("a", "other"), ("b", "mine")] {
        let mut monitor = monitor(place, &format!("{place}-{label}"), json!({"port": "web"}));
        monitor["metadata"]["labels"] = json!({"release": label});
        server.put(monitor);
    }
    server.set_absent("/apis/monitoring.coreos.com/v1", false);
    until_pools(&narthex, &["own", "serviceMonitor/a/a-mine/0"]);
    server.put(namespace("b", "yes"));
    until_pools(
        &narthex,
        &[
            "own",
            "serviceMonitor/a/a-mine/0",
            "serviceMonitor/b/b-mine/0",
        ],
    );
}

#[test]
fn what_keeps_a_monitor_from_its_targets_is_explained() {
    let server = ClusterServer::start();
    let target = Target::serve_text(|| "orders_total 1\n".to_owned());
    put_service(&server, "shop", "cart", &target);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prometheus.yml");
    std::fs::write(&file, config(&server, "")).unwrap();
    let explain = || {
        let output = Command::new(binary())
            .args(["explain", "servicemonitor", "shop/cart"])
            .arg(format!("--config.file={}", file.display()))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.success(), text)
    };
    let expect = |is_sound: bool, part: &str| {
        let (found, text) = explain();
        assert_eq!(found, is_sound, "{text}");
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    };
    expect(
        false,
        "STOP  object: the cluster has no ServiceMonitor shop/cart",
    );
    server.put(monitor("shop", "cart", json!({"port": "80"})));
    expect(
        false,
        "STOP  port: endpoint 0: no address has the port \"80\"; there are \"web\"",
    );
    server.put(monitor("shop", "cart", json!({"port": "web"})));
    expect(
        true,
        &format!("ok    targets: endpoint 0: {}", target.address()),
    );
    let rest = "  selectors: {ServiceMonitor: release=mine}\n";
    std::fs::write(&file, config(&server, rest)).unwrap();
    expect(
        false,
        "STOP  selected: it does not have the labels release=mine",
    );
}
