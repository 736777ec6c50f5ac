//! A plugin that tries to get where it may not: by every name and spelling, by a resolver that
//! changes its mind, by tricks in URLs, and to what belongs to others.

use narthex_plugin::PluginOptions;
use serde_json::json;

use crate::harness::Bench;
use crate::peers::{Told, bench, echo, keep_log, logged, steps, udp_echo};

/// What the manifest of the guest asks for, none of which is granted by itself.
const REQUEST: &str = r#"
    http = ["inventory.example:80"]
    secrets = ["${config.secret}"]
"#;

#[tokio::test]
async fn what_is_not_granted_is_refused_by_every_name_and_named() {
    keep_log();
    let port = echo().await;
    // One host and port are granted, others are not, in whatever spelling; and what another
    // plugin was granted is that one's.
    let grants = r#"{"grants": {"neighbour": {"secrets": ["other"], "tls": ["other"]},
            "guest": {"tcp": ["db.example:1"], "http": ["db.example:1"],
            "udp": ["db.example:1"], "icmp": ["db.example"], "names": ["db.example"],
            "secrets": ["own"], "tls": ["own"], "kubernetes": ["v1/Pod"]}},
            "secrets": {"own": {"value": "x"}, "other": {"value": "hunter2"}},
            "tls": {"own": {}, "other": {}}}"#;
    let bench = bench(REQUEST, grants, Bench::options()).await;
    let hosts = [
        "localhost",
        "127.0.0.1",
        "127.1.2.3",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "db.example.",
        "xdb.example",
        "db.example.evil",
        "0.0.0.0",
    ];
    let mut script = Vec::new();
    let mut expected = Vec::new();
    for host in hosts {
        let address = format!("{host}:{port}");
        for (step, capability) in [
            (json!({"op": "connect", "address": address}), "tcp"),
            (json!({"op": "udp", "address": address}), "udp"),
            (
                json!({"op": "http", "url": format!("http://{address}/")}),
                "http",
            ),
        ] {
            script.push(step);
            expected.push((capability, "is not granted to plugin guest"));
        }
    }
    for (step, capability, part) in [
        (
            json!({"op": "connect", "address": "/var/run/docker.sock"}),
            "tcp",
            "\"/var/run/docker.sock\" is neither a host's name nor an address",
        ),
        (
            json!({"op": "connect", "address": "unix:/var/run/docker.sock:1"}),
            "tcp",
            "is neither a host's name nor an address",
        ),
        (
            json!({"op": "ping", "host": "127.0.0.1"}),
            "icmp",
            "icmp 127.0.0.1 is not",
        ),
        (
            json!({"op": "resolve", "host": "localhost"}),
            "names",
            "names localhost is not",
        ),
        (
            json!({"op": "secret", "name": "other"}),
            "secrets",
            "secrets other is not",
        ),
        (
            json!({"op": "reveal", "name": "other"}),
            "secrets",
            "secrets other is not",
        ),
        (
            json!({"op": "http", "url": "http://db.example:1/", "tls": "other"}),
            "tls",
            "tls other is not",
        ),
        (
            json!({"op": "tcp", "address": "db.example:1", "tls": "other"}),
            "tls",
            "tls other is not",
        ),
        (
            json!({"op": "watch", "api_version": "v1", "kind": "Secret"}),
            "kubernetes",
            "kubernetes v1/Secret is not",
        ),
        (
            json!({"op": "get", "key": "a"}),
            "state",
            "state is not granted",
        ),
        (
            json!({"op": "set", "key": "a", "value": "b"}),
            "state",
            "state is not granted",
        ),
        (
            json!({"op": "read", "path": "/proc/self/environ"}),
            "files",
            "is not granted",
        ),
        (
            json!({"op": "entries", "path": "/etc"}),
            "files",
            "files /etc is not",
        ),
        (
            json!({"op": "link", "path": "/proc/self"}),
            "files",
            "files /proc/self is not",
        ),
        (
            json!({"op": "room", "path": "/"}),
            "file_systems",
            "file_systems / is not",
        ),
    ] {
        script.push(step);
        expected.push((capability, part));
    }
    let answers = steps(&bench, "spelling", &json!(script)).await;
    let metrics = bench.metrics();
    for ((answer, (_, part)), step) in answers.iter().zip(&expected).zip(&script) {
        assert!(answer.starts_with("denied: "), "{step}: {answer}");
        assert!(answer.contains(part), "{step}: {answer}");
        assert!(!answer.contains("hunter2"), "{answer}");
    }
    for capability in [
        "tcp",
        "http",
        "udp",
        "icmp",
        "names",
        "secrets",
        "tls",
        "kubernetes",
        "state",
        "files",
        "file_systems",
    ] {
        let count = expected
            .iter()
            .filter(|(own, _)| *own == capability)
            .count();
        let line = format!(
            "narthex_plugin_denied_total{{plugin=\"guest\",capability=\"{capability}\"}} {count}"
        );
        assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
    }
    // A flood of denials is not a flood in the host's log.
    let log = logged();
    let denials = log.lines().filter(|line| {
        line.contains("plugin was denied a call") && line.contains("job=\"spelling\"")
    });
    assert_eq!(denials.count(), 10, "{log}");
    let by_name = "localhost:";
    assert!(
        log.contains(&format!("reason=\"tcp {by_name}{port} is not granted")),
        "{log}"
    );
}

#[tokio::test]
async fn urls_are_read_as_the_client_reads_them() {
    let port = echo().await;
    let granted = format!(r#"{{"grants": {{"guest": {{"http": ["127.0.0.1:{port}"]}}}}}}"#);
    let bench = bench(REQUEST, &granted, Bench::options()).await;
    for (url, expected) in [
        (format!("http://127.0.0.1:{port}/a"), "200 GET /a HTTP/1.1"),
        // The same place in other words.
        (format!("http://2130706433:{port}/b"), "200 GET /b HTTP/1.1"),
        (
            format!("http://127.0.0.1:{port}@localhost:1/"),
            "internal: ",
        ),
        (
            format!("http://127.0.0.1:{port}\\@localhost:1/"),
            "200 GET /",
        ),
        (
            format!("http://user:word@127.0.0.1:{port}/"),
            "credentials belong in a header",
        ),
        (
            format!("http://127.0.0.1:{port}#@localhost/"),
            "200 GET / HTTP/1.1",
        ),
        (
            "http://localhost#@127.0.0.1/".to_owned(),
            "denied: http localhost:80",
        ),
        (
            "http+unix://%2Fvar%2Frun%2Fdocker.sock/".to_owned(),
            "unsupported protocol scheme",
        ),
        ("//127.0.0.1/".to_owned(), "internal: "),
    ] {
        let answer = steps(&bench, "urls", &json!([{"op": "http", "url": url}])).await;
        assert!(answer[0].contains(expected), "{url}: {}", answer[0]);
    }
    let url = format!("http://127.0.0.1:{port}/");
    for (more, expected) in [
        (
            json!({"method": "CONNECT"}),
            "CONNECT is not a request to a host",
        ),
        (
            json!({"header": ["Transfer-Encoding", "chunked"]}),
            "header Transfer-Encoding is the host's to set",
        ),
        (
            json!({"header": ["X-A", "a\r\nX-B: b"]}),
            "the value of header X-A is not one",
        ),
        (json!({"header": ["X-A", "a"]}), "200 GET / HTTP/1.1 x-a: a"),
    ] {
        let mut step = json!({"op": "http", "url": url});
        step.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let answer = steps(&bench, "urls", &json!([step])).await;
        assert!(answer[0].contains(expected), "{more}: {}", answer[0]);
    }
}

#[tokio::test]
async fn a_name_that_rebinds_gets_nowhere() {
    keep_log();
    let (port, udp_port) = (echo().await, udp_echo().await);
    let grants = format!(
        r#"{{"grants": {{"guest": {{"tcp": ["rebind.example:{port}"],
            "http": ["rebind.example:{port}"], "udp": ["rebind.example:{udp_port}"]}}}}}}"#
    );
    for (step, first, capability) in [
        (
            json!({"op": "connect", "address": format!("rebind.example:{port}")}),
            "connected",
            "tcp",
        ),
        (
            json!({"op": "http", "url": format!("http://rebind.example:{port}/")}),
            "200 GET / HTTP/1.1",
            "http",
        ),
        (
            json!({"op": "udp", "address": format!("rebind.example:{udp_port}")}),
            "hello",
            "udp",
        ),
    ] {
        // The metadata service in the three guises that a resolver can give it.
        let lookup = Told::new(&[
            &["127.0.0.1"],
            &["169.254.169.254"],
            &["::ffff:169.254.169.254"],
            &["fd00:ec2::254", "fe80::1"],
            // One that is allowed among them is the one that is used.
            &["169.254.169.254", "127.0.0.1"],
        ]);
        let options = PluginOptions {
            lookup: lookup.clone(),
            ..Bench::options()
        };
        let bench = bench(REQUEST, &grants, options).await;
        let job = format!("rebinding-{capability}");
        let script = json!([step, step, step, step, step]);
        let answers = steps(&bench, &job, &script).await;
        assert_eq!(answers[0], first, "{step}");
        for (answer, address) in
            answers[1..4]
                .iter()
                .zip(["169.254.169.254", "169.254.169.254", "fd00:ec2::254"])
        {
            assert!(answer.starts_with("denied: "), "{answer}");
            let named = answer.contains(address) || answer.contains("fe80::1");
            assert!(named && answer.contains("is link-local"), "{answer}");
        }
        assert_eq!(answers[4], first, "{step}");
        // What was looked up is what was connected to: one look-up a connection.
        assert_eq!(lookup.asked(), 5, "{step}");
        assert!(logged().contains(&format!("job=\"{job}\" capability=\"{capability}\"")));
    }
}

#[tokio::test]
async fn what_the_job_s_configuration_names_needs_no_grant() {
    let (port, udp_port) = (echo().await, udp_echo().await);
    let request = r#"udp = ["${config.steps.address}"]
        http = ["${config.steps.url}"]"#;
    let bench = bench(request, "{}", Bench::options()).await;
    let script = json!([
        {"op": "udp", "address": format!("127.0.0.1:{udp_port}")},
        {"op": "http", "url": format!("http://127.0.0.1:{port}/x")},
    ]);
    let answers = steps(&bench, "named", &script).await;
    assert_eq!(answers, ["hello", "200 GET /x HTTP/1.1"]);
}

#[tokio::test]
async fn names_datagrams_and_echo_requests_work_where_they_are_granted() {
    let port = udp_echo().await;
    let grants = format!(
        r#"{{"grants": {{"guest": {{"udp": ["localhost:{port}"], "names": ["*"],
            "icmp": ["127.0.0.1"], "kubernetes": ["v1/Pod"]}}}}}}"#
    );
    let bench = bench(REQUEST, &grants, Bench::options()).await;
    let answers = steps(
        &bench,
        "granted",
        &json!([
            {"op": "udp", "address": format!("localhost:{port}")},
            {"op": "resolve", "host": "127.0.0.1"},
            {"op": "watch", "api_version": "v1", "kind": "Pod"},
            {"op": "ping", "host": "127.0.0.1", "bytes": 8193},
            {"op": "ping", "host": "127.0.0.1", "bytes": 56},
        ]),
    )
    .await;
    assert_eq!(answers[..2], ["hello", "127.0.0.1"]);
    assert!(
        answers[2].contains("this host is not connected to a cluster"),
        "{}",
        answers[2]
    );
    assert!(
        answers[3].contains("8193 bytes; at most 8192"),
        "{}",
        answers[3]
    );
    // Some systems let nobody send echo requests.
    let refused = answers[4].contains("net.ipv4.ping_group_range");
    assert!(refused || answers[4] == "127.0.0.1", "{}", answers[4]);
    bench.assert_metrics(&[
        "narthex_plugin_host_calls_total{plugin=\"guest\",interface=\"udp\"} 3",
        "narthex_plugin_host_calls_total{plugin=\"guest\",interface=\"names\"} 1",
        "narthex_plugin_host_calls_total{plugin=\"guest\",interface=\"tcp\"} 0",
    ]);
}
