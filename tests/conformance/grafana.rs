//! What Grafana's data sources ask a Prometheus and an Alertmanager, of Debian's and of ours: the
//! answers have the same shapes, and the same values where the samples are the same.
//!
//! It is not: Grafana. The requests are those that its sources make, form by form.

mod requests;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use narthex_tests::{Hook, Narthex, Target, binary, free_port, http, peers, run, until};
use serde_json::{Map, Value};

use requests::{ALERTMANAGER, By, PROMETHEUS};

/// 2025-01-01 00:00 UTC.
const START_S: i64 = 1_735_689_600;

/// The media type of forms.
const FORM: &str = "application/x-www-form-urlencoded";

const RULES: &str = "
groups:
- name: g
  interval: 1s
  rules:
  - {record: ups, expr: sum(up), labels: {a: b}}
  - {alert: Up, expr: up == 1, for: 1s, labels: {severity: page}, annotations: {summary: 's {{ $value }}'}}
";

/// A page with a histogram that has exemplars.
const PAGE: &str = "\
# HELP took_seconds How long it took.
# TYPE took_seconds histogram
# UNIT took_seconds seconds
took_seconds_bucket{le=\"1.0\"} 1 # {trace_id=\"ab\"} 0.5
took_seconds_bucket{le=\"+Inf\"} 2 # {trace_id=\"cd\"} 3
took_seconds_sum 3.5
took_seconds_count 2
# EOF
";

fn open_metrics() -> String {
    let mut text = String::from("# TYPE heat gauge\n");
    for room in 0..3 {
        for minute in 0..150 {
            let (value, time_s) = (room * 1_000 + minute, START_S + minute * 60);
            writeln!(text, "heat{{room=\"{room}\"}} {value}.5 {time_s}").unwrap();
        }
    }
    for minute in 0..150 {
        let time_s = START_S + minute * 60;
        writeln!(text, "cold{{room=\"cellar\"}} {minute} {time_s}").unwrap();
    }
    text + "# EOF\n"
}

/// The shape of a value: the types of its fields, and of all entries of a list together.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(entries) => {
            let mut all = Map::new();
            for entry in entries {
                match shape(entry) {
                    Value::Object(fields) => all.extend(fields),
                    other => all.extend([("[]".to_owned(), other)]),
                }
            }
            Value::Array(vec![Value::Object(all)])
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            Value::Object(
                fields
                    .map(|(name, value)| (name.clone(), shape(value)))
                    .collect(),
            )
        }
    }
}

/// What of theirs is missing in ours, or is of another type.
fn missing(theirs: &Value, ours: &Value, path: &str, found: &mut Vec<String>) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for (name, value) in theirs {
                let path = format!("{path}.{name}");
                match ours.get(name) {
                    Some(own) => missing(value, own, &path, found),
                    None => found.push(format!("{path} is missing")),
                }
            }
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            missing(&theirs[0], &ours[0], &format!("{path}[]"), found);
        }
        _ if theirs == ours => {}
        _ => found.push(format!("{path} is {ours} and not {theirs}")),
    }
}

/// The same value written the same way: times as floats, lists of texts or series in order.
fn normal(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().unwrap_or_default().into(),
        Value::Array(entries) => {
            let mut entries: Vec<Value> = entries.iter().map(normal).collect();
            if entries
                .iter()
                .all(|entry| entry.is_object() || entry.is_string())
            {
                entries.sort_by_key(|entry| sorted_fields(entry).to_string());
            }
            Value::Array(entries)
        }
        Value::Object(_) => sorted_fields(value),
        other => other.clone(),
    }
}

fn sorted_fields(value: &Value) -> Value {
    let Value::Object(fields) = value else {
        return value.clone();
    };
    let fields: BTreeMap<&String, Value> = fields
        .iter()
        .map(|(name, value)| (name, normal(value)))
        .collect();
    Value::Object(
        fields
            .into_iter()
            .map(|(name, value)| (name.clone(), value))
            .collect(),
    )
}

/// A request to each, and what differs.
fn compare(
    wrong: &mut String,
    (method, path, by): (&str, &str, By),
    body: &[u8],
    headers: &[(&str, &str)],
    [theirs, ours]: [&str; 2],
) {
    let ask = |base: &str| {
        let answer = http::send(method, &format!("{base}{path}"), headers, body);
        let (status, text) = answer.unwrap();
        let value = match text.is_empty() {
            true => Value::Null,
            false => serde_json::from_str(&text).unwrap_or_else(|_| text.clone().into()),
        };
        (status, value)
    };
    let (theirs, ours) = (ask(theirs), ask(ours));
    let what = format!("{method} {path} {}", String::from_utf8_lossy(body));
    if theirs.0 != ours.0 {
        writeln!(wrong, "{what}\n{theirs:?}\n{ours:?}").unwrap();
        return;
    }
    match by {
        By::Value => {
            if normal(&theirs.1) != normal(&ours.1) {
                writeln!(wrong, "{what}\ntheirs {}\nours {}", theirs.1, ours.1).unwrap();
            }
        }
        By::Shape => {
            let mut found = Vec::new();
            missing(&shape(&theirs.1), &shape(&ours.1), "", &mut found);
            if !found.is_empty() {
                writeln!(wrong, "{what}\n{found:#?}").unwrap();
            }
        }
    }
}

#[test]
fn grafana_is_answered_as_by_prometheus() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (text, rules, ours) = (path("series.txt"), path("rules.yml"), path("ours"));
    std::fs::write(&text, open_metrics()).unwrap();
    std::fs::write(&rules, RULES).unwrap();
    let port = free_port();
    let theirs = path(&format!("prometheus-{port}"));
    run(std::process::Command::new(binary())
        .args(["tsdb", "create-blocks-from", "openmetrics", "-q"])
        .args([&text, &ours]));
    peers::promtool_blocks(&text, &theirs, "2h");
    let page = Target::serve(|_| {
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        (kind.to_owned(), PAGE.to_owned())
    });
    let config = format!(
        "global: {{scrape_interval: 1s}}\nrule_files: ['{}']\nscrape_configs:\n\
         - {{job_name: page, static_configs: [{{targets: ['{}']}}]}}\n",
        rules.display(),
        page.address()
    );
    let flags = [
        "--storage.tsdb.retention.time=100y",
        "--enable-feature=exemplar-storage",
    ];
    let prometheus = peers::prometheus_at(folder.path(), port, &config, &flags);
    let narthex = Narthex::builder()
        .config(config)
        .data(&ours)
        .flag(flags[0])
        .flag(flags[1])
        .start();
    let servers = [prometheus.url(), narthex.url()];
    let servers = servers.each_ref().map(String::as_str);
    for server in servers {
        until(60, "an alert and an exemplar", || {
            let alerts = http::api(&format!("{server}/api/v1/alerts"))?;
            match alerts["alerts"][0]["state"] == "firing" {
                true => Ok(()),
                false => Err(alerts.to_string()),
            }
        });
    }
    // The server's own clock, so that the exemplars of this minute are found.
    let now = http::api(&format!("{}/api/v1/query?query=time()", servers[0])).unwrap();
    let now = now["result"][0].as_f64().unwrap();
    let mut wrong = String::new();
    for (method, path, fields, by) in PROMETHEUS {
        let fields = fields.iter().map(|(name, value)| {
            let value = match value.strip_prefix("@NOW") {
                Some(offset) => (now + offset.parse::<f64>().unwrap()).to_string(),
                None => (*value).to_owned(),
            };
            format!("{}={}", http::encode(name), http::encode(&value))
        });
        let fields = fields.collect::<Vec<_>>().join("&");
        let (path, body) = match *method {
            "POST" => (format!("/api/v1/{path}"), fields),
            _ => (format!("/api/v1/{path}?{fields}"), String::new()),
        };
        let headers: &[(&str, &str)] = match *method {
            "POST" => &[("content-type", FORM)],
            _ => &[],
        };
        compare(
            &mut wrong,
            (*method, path.as_str(), *by),
            body.as_bytes(),
            headers,
            servers,
        );
    }
    assert!(wrong.is_empty(), "{wrong}");
    // Who names features is taken for a Mimir, whose rules can be written.
    let info = narthex.api("status/buildinfo").unwrap();
    assert!(info["features"].is_null(), "{info}");
}

#[test]
fn grafana_is_answered_as_by_alertmanager() {
    let folder = tempfile::tempdir().unwrap();
    let hook = Hook::listen();
    let config = format!(
        "route: {{receiver: hook, group_by: [alertname], group_wait: 1h}}\n\
         receivers: [{{name: hook, webhook_configs: [{{url: '{}'}}]}}]\n",
        hook.url()
    );
    let theirs = peers::alertmanager(folder.path(), &config, "http://alerts.example");
    let file = folder.path().join("ours.yml");
    std::fs::write(&file, &config).unwrap();
    let narthex = Narthex::builder()
        .config("global: {}\n")
        .flag(format!("--alertmanager.config.file={}", file.display()))
        .start();
    let servers = [theirs.url(), narthex.url()];
    let servers = servers.each_ref().map(String::as_str);
    let mut wrong = String::new();
    for (method, path, body) in ALERTMANAGER {
        let path = format!("/api/v2/{path}");
        let headers = [("content-type", "application/json")];
        compare(
            &mut wrong,
            (*method, path.as_str(), By::Shape),
            body.as_bytes(),
            &headers,
            servers,
        );
    }
    // Each has a name of its own for its silence; that of each ends it.
    for server in servers {
        let (_, silences) = http::get(&format!("{server}/api/v2/silences")).unwrap();
        let silences: Value = serde_json::from_str(&silences).unwrap();
        let id = silences[0]["id"].as_str().unwrap();
        let one = format!("{server}/api/v2/silence/{id}");
        assert_eq!(http::get(&one).unwrap().0, 200);
        assert_eq!(http::send("DELETE", &one, &[], b"").unwrap().0, 200);
    }
    assert!(wrong.is_empty(), "{wrong}");
}
