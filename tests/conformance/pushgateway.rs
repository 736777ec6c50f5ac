//! The Pushgateway's interface beside Debian's Pushgateway: the same requests, the same statuses
//! and the same page.

use std::process::Command;

use narthex_tests::{Narthex, http, peers, run, until};
use serde_json::Value;

const TEXT: &str = "# TYPE a counter\n# HELP a Help\\nx \"q\"\na{x=\"1\"} 1e6\nb 2\n";
const KINDS: &str = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"5\"} 3\nh_sum 4\nh_count 4\n\
                     # TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 3\n";

/// Method, path below the root, body.
const REQUESTS: &[(&str, &str, &str)] = &[
    ("PUT", "/metrics/job/j1/instance/i", TEXT),
    (
        "POST",
        "/metrics/job/j1/instance/i",
        "a{x=\"1\",job=\"other\"} 3\n",
    ),
    ("PUT", "/metrics/job/j2", "a 3\n"),
    ("PUT", "/metrics/job/j3", "# TYPE a gauge\na 3\n"),
    ("PUT", "/metrics/job/j4", "t 3 1000\n"),
    ("PUT", "/metrics/job/j5", "t 3\nt 4\n"),
    ("PUT", "/metrics/job/j6", "t 3"),
    ("PUT", "/metrics/job/hist", KINDS),
    ("PUT", "/metrics/job@base64/YWIv/l@base64/Yi9j", "x 1\n"),
    ("PUT", "/metrics/job@base64/YQ==", "x 1\n"),
    ("PUT", "/metrics/job@base64/=", "x 1\n"),
    ("PUT", "/metrics/job@base64/a", "x 1\n"),
    ("PUT", "/metrics/job/q/odd", "x 1\n"),
    ("PUT", "/metrics/job/q/__l/v", "x 1\n"),
    ("PUT", "/metrics/job/q/5l/v", "x 1\n"),
    ("PUT", "/metrics/job/q/l@base64/a", "x 1\n"),
    ("PUT", "/metrics/job/q%2Fr/a%20b/v", "x 1\n"),
    ("PUT", "/metrics/job/sp%20ace/a/b%2Fc/d", "x 1\n"),
    ("PUT", "/metrics/job/tr/", "x 1\n"),
    ("PUT", "/metrics/job/em/a/", "x 1\n"),
    ("PUT", "/metrics/job/dup/job/other", "x 1\n"),
    ("PUT", "/metrics/job", "x 1\n"),
    ("PUT", "/metrics/jobs/x", "x 1\n"),
    ("DELETE", "/metrics/job/nothere", ""),
    ("PUT", "/metrics/job/empty", ""),
    ("PUT", "/metrics/job/own", "push_time_seconds 5\n"),
    (
        "PUT",
        "/metrics/job/z",
        "# TYPE z gauge\nz{a=\"\"} -0\nz{b=\"1\"} NaN\nz{b=\"2\"} +Inf\n",
    ),
    ("PUT", "/metrics/job/gone", "x 1\n"),
    ("DELETE", "/metrics/job/gone", ""),
    ("POST", "/metrics/job/hist", "# TYPE s summary\ns_count 7\n"),
    ("GET", "/metrics/job/hist", ""),
];

/// The lines of a page, without the gateway's own metrics and the times of pushes that succeeded or
/// failed (0 stays 0).
fn page(root: &str) -> Vec<String> {
    let (status, page) = http::get(&format!("{root}/metrics")).unwrap();
    assert_eq!(status, 200);
    let own = ["go_", "process_", "pushgateway_", "promhttp_"];
    let is_own = |line: &str| {
        let name = line
            .trim_start_matches("# HELP ")
            .trim_start_matches("# TYPE ");
        own.iter().any(|prefix| name.starts_with(prefix))
    };
    let without_time = |line: &str| match line.rsplit_once(' ') {
        Some((series, value)) if series.starts_with("push_") && value != "0" => {
            format!("{series} time")
        }
        _ => line.to_owned(),
    };
    let lines = page.lines().filter(|line| !is_own(line));
    lines.map(without_time).collect()
}

/// What is counted of requests, less the quantiles and buckets, and the times.
fn counted(page: &str) -> Vec<String> {
    let page = http::get(page).unwrap().1;
    let wanted = [
        "pushgateway_http_requests_total",
        "pushgateway_http_push_size_bytes_count",
        "pushgateway_http_push_duration_seconds_count",
    ];
    let lines = page.lines();
    let mut lines: Vec<String> = lines
        .filter(|line| wanted.iter().any(|name| line.starts_with(name)))
        // Whoever starts the peer asks it whether it is ready.
        .filter(|line| !line.contains("handler=\"ready\""))
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

/// What is told of an error: what comes behind the colon shows a metric in Go's form.
fn told(body: &str) -> String {
    let body = body.trim_end();
    let shown = "pushed metrics are invalid or inconsistent with existing metrics";
    match body.strip_prefix(shown) {
        Some(rest) if rest.contains("timestamps") => body.to_owned(),
        Some(_) => shown.to_owned(),
        // It shows what it could decode, and why not more.
        None => ["in job name", ": illegal base64"]
            .iter()
            .fold(body, |text, end| text.split(end).next().unwrap_or_default())
            .to_owned(),
    }
}

/// Groups by their labels: whether the last push worked, and the families with their metrics.
fn groups(root: &str) -> Vec<String> {
    let data = http::api(&format!("{root}/api/v1/metrics")).unwrap();
    let group = |group: &Value| {
        let mut shown: Vec<String> = Vec::new();
        for (name, family) in group.as_object().unwrap() {
            let mut family = family.clone();
            if let Some(fields) = family.as_object_mut() {
                fields.remove("time_stamp");
                if name.starts_with("push_") {
                    fields.remove("metrics");
                }
            }
            shown.push(format!("{name} {}", sorted(&family)));
        }
        shown.sort();
        shown.join("\n")
    };
    let mut groups: Vec<String> = data.as_array().unwrap().iter().map(group).collect();
    groups.sort();
    groups
}

/// JSON with the names of objects in their order.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{name}:{}", sorted(value)))
                .collect();
            fields.sort();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(sorted).collect();
            format!("[{}]", values.join(","))
        }
        value => value.to_string(),
    }
}

#[test]
fn the_same_requests_make_the_same_page() {
    let folder = tempfile::tempdir().unwrap();
    let peer = peers::pushgateway(folder.path());
    let mut narthex = Narthex::builder()
        .config("global: {}\n")
        .flag("--web.enable-push")
        .flag("--web.enable-admin-api")
        .start();
    let ours = format!("{}/push", narthex.url());
    let theirs = peer.url();
    for (method, path, body) in REQUESTS {
        let send = |root: &str| {
            let url = format!("{root}{path}");
            http::send(method, &url, &[], body.as_bytes()).unwrap()
        };
        let ((status, text), (expected, expected_text)) = (send(&ours), send(&theirs));
        assert_eq!(status, expected, "{method} {path}: {text} {expected_text}");
        if status == 400 {
            assert_eq!(told(&text), told(&expected_text), "{method} {path}");
        }
    }
    assert_eq!(page(&ours), page(&theirs));
    assert_eq!(groups(&ours), groups(&theirs));
    let fields = |root: &str| {
        let status = http::api(&format!("{root}/api/v1/status")).unwrap();
        let names = |value: &Value| {
            value
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        (names(&status), names(&status["build_information"]))
    };
    assert_eq!(fields(&ours), fields(&theirs));
    assert_eq!(
        counted(&format!("{}/metrics", narthex.url())),
        counted(&format!("{theirs}/metrics"))
    );
    // Over a kill.
    let before = http::get(&format!("{ours}/metrics")).unwrap();
    narthex.restart();
    assert_eq!(http::get(&format!("{ours}/metrics")).unwrap(), before);
    for path in ["/-/ready", "/-/healthy"] {
        assert_eq!(
            http::get(&format!("{ours}{path}")).unwrap(),
            http::get(&format!("{theirs}{path}")).unwrap()
        );
    }
    let wiped = http::send("PUT", &format!("{ours}/api/v1/admin/wipe"), &[], b"").unwrap();
    assert_eq!(wiped, (202, String::new()));
    assert_eq!(page(&ours), Vec::<String>::new());
}

#[test]
fn pythons_client_pushes_and_narthex_scrapes_itself() {
    let mut narthex = Narthex::builder()
        .config("global: {}\n")
        .flag("--web.enable-push")
        .start();
    let address = narthex.url().replace("http://", "");
    narthex.write_config(&format!(
        "scrape_configs: [{{job_name: pushed, honor_labels: true, scrape_interval: 500ms, \
         scrape_timeout: 500ms, metrics_path: /push/metrics, \
         static_configs: [{{targets: [\"{address}\"]}}]}}]\n"
    ));
    narthex.restart();
    let python = std::env::var("NARTHEX_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = format!(
        "from prometheus_client import CollectorRegistry, Gauge, push_to_gateway\n\
         r = CollectorRegistry()\n\
         Gauge('backup_size_bytes', 'Size', registry=r).set(42)\n\
         push_to_gateway('{address}/push', job='backup', registry=r, grouping_key={{'db': 'a/b'}})\n"
    );
    run(Command::new(python).args(["-c", &script]));
    let query = http::encode("backup_size_bytes{job=\"backup\",db=\"a/b\"}");
    let url = format!("{}/api/v1/query?query={query}", narthex.url());
    until(60, "the pushed metric", || {
        let data = http::api(&url)?;
        match data["result"][0]["value"][1].as_str() {
            Some("42") if data["result"][0]["metric"]["instance"].is_null() => Ok(()),
            _ => Err(data.to_string()),
        }
    });
}
