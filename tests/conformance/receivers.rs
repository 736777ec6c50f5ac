//! The receivers beside Debian's Alertmanager 0.25: the same entries and the same alerts make the
//! same requests and the same letters. `receivers/server.py` is the other side of both, once each;
//! `receivers/record.py` records of the same cases what the receivers' own tests compare with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use narthex_tests::{Narthex, Process, http, peers, run, until};
use serde_json::{Map, Value, json};

use crate::turns::Turns;

/// Where users reach both.
const EXTERNAL_URL: &str = "http://alerts.example";

/// The other side of all receivers.
struct Service {
    process: Process,
    ports: BTreeMap<String, u64>,
}

fn folder() -> std::path::PathBuf {
    narthex_tests::repository().join("tests/conformance/receivers")
}

fn cases() -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join("cases.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A certificate that nobody vouches for; the cases do not ask for that.
fn certify(folder: &Path) {
    let script = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
                  -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout key -out cert";
    run(Command::new("sh")
        .arg("-ec")
        .arg(script)
        .current_dir(folder));
}

impl Service {
    fn start(folder: &Path, name: &str) -> Self {
        let python = std::env::var("NARTHEX_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let args = [
            self::folder().join("server.py"),
            folder.join("cert"),
            folder.join("key"),
        ]
        .map(|path| path.display().to_string());
        let log = folder.join(format!("service-{name}.log"));
        let mut process = Process::start(python, &args, &log);
        let ports = until(60, "service", || {
            process.check_running()?;
            let log = process.log();
            let line = log.lines().find(|line| line.starts_with('{'));
            let read = line.and_then(|line| serde_json::from_str(line).ok());
            read.ok_or(log)
        });
        Self { process, ports }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports["http"])
    }

    /// A text of a case, with this service's places.
    fn placed(&self, case: &Value, text: &str) -> String {
        let name = case["name"].as_str().unwrap();
        let mut text = text.replace("BASE", &format!("{}/{name}", self.url()));
        for mark in ["plain", "login"] {
            let place = format!("127.0.0.1:{}", self.ports[mark]);
            text = text.replace(&format!("%{mark}"), &place);
        }
        text
    }

    /// An Alertmanager's config with a receiver for each case. JSON is YAML.
    fn config(&self, cases: &[Value]) -> String {
        let (mut receivers, mut routes) = (vec![json!({"name": "none"})], Vec::new());
        for case in cases {
            let name = case["name"].as_str().unwrap();
            let kind = case["kind"].as_str().unwrap();
            let mut entry = case["entry"].as_object().unwrap().clone();
            entry.extend(case["secrets"].as_object().unwrap().clone());
            entry.insert("send_resolved".to_owned(), true.into());
            if case["proxied"] == true {
                let http = json!({
                    "proxy_url": self.url(), "tls_config": {"insecure_skip_verify": true},
                });
                entry.insert("http_config".to_owned(), http);
            }
            let text = self.placed(case, &Value::Object(entry).to_string());
            let entry: Value = serde_json::from_str(&text).unwrap();
            let mut receiver = Map::new();
            receiver.insert("name".to_owned(), name.into());
            receiver.insert(format!("{kind}_configs"), json!([entry]));
            receivers.push(receiver.into());
            routes.push(json!({
                "receiver": name, "matchers": [format!("case=\"{name}\"")],
                "group_by": ["alertname"],
            }));
        }
        let config = json!({
            "global": {"resolve_timeout": "1h"},
            // What the default templates say is compared elsewhere; here they are their own names.
            "templates": [narthex_tests::repository()
                .join("plugins/receivers/recorded/src/names.tmpl")],
            "receivers": receivers,
            "route": {
                "receiver": "none", "group_wait": "1s", "group_interval": "2s",
                "repeat_interval": "1h", "routes": routes,
            },
        });
        config.to_string()
    }

    /// What each case was sent so far, by its name.
    fn sent(&mut self, cases: &[Value]) -> Result<BTreeMap<String, Vec<String>>, String> {
        self.process.check_running()?;
        let (_, body) = http::get(&format!("{}/recorded", self.url()))?;
        let recorded: Vec<Value> =
            serde_json::from_str(&body).map_err(|error| error.to_string())?;
        let mut sent: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for request in recorded {
            let text = request.to_string();
            let named = cases.iter().filter(|case| {
                let name = case["name"].as_str().unwrap();
                text.contains(name)
            });
            let case = named.max_by_key(|case| case["name"].as_str().unwrap().len());
            let case = case.ok_or_else(|| format!("of no case: {text}"))?;
            let name = case["name"].as_str().unwrap().to_owned();
            let shown = self.normal(case, request);
            sent.entry(name).or_default().push(format!("{shown:#}"));
        }
        Ok(sent)
    }

    /// A request without what is each server's own.
    fn normal(&self, case: &Value, mut request: Value) -> Value {
        let body = request["body"].as_str().unwrap().to_owned();
        request["body"] = match request["method"].as_str() {
            Some("SMTP") => letter(&body, &case["entry"]["headers"]).into(),
            _ => serde_json::from_str(&body).map_or_else(|_| Value::from(body.clone()), in_order),
        };
        // Later than 0.25 the device is always named.
        if let Some(path) = request["path"].as_str() {
            request["path"] = path.replace("device=&", "").into();
        }
        let text = request.to_string().replace(&self.url(), "SERVICE");
        serde_json::from_str(&text).unwrap()
    }
}

/// A letter with its headers in order, without what differs from one to the next.
fn letter(body: &str, headers: &Value) -> String {
    let (head, parts) = body.split_once("\r\n\r\n").unwrap();
    let boundary = head.split("boundary=").nth(1).unwrap_or_default();
    let boundary = boundary.lines().next().unwrap_or_default();
    let names_it = headers.as_object().is_some_and(|headers| {
        let mut names = headers.keys();
        names.any(|name| name.eq_ignore_ascii_case("message-id"))
    });
    let mut lines: Vec<&str> = head.lines().collect();
    lines.retain(|line| !line.starts_with("Date: "));
    lines.retain(|line| names_it || !line.starts_with("Message-Id: "));
    lines.sort_unstable();
    format!("{}\n\n{parts}", lines.join("\n")).replace(boundary, "BOUNDARY")
}

fn in_order(value: Value) -> Value {
    match value {
        Value::Array(list) => list.into_iter().map(in_order).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            let fields: BTreeMap<String, Value> = fields
                .map(|(name, value)| (name, in_order(value)))
                .collect();
            fields.into_iter().collect()
        }
        other => other,
    }
}

/// Now and a while, as `date` reads it.
fn date(ahead: &str) -> String {
    let mut command = Command::new("date");
    let text = run(command.args(["-u", "-d", ahead, "+%FT%T.%3NZ"]));
    text.trim().to_owned()
}

/// Two alerts a case.
fn alerts(cases: &[Value], starts: &str, ends: Option<&str>) -> String {
    let mut alerts = Vec::new();
    for case in cases {
        for instance in ["one", "two"] {
            let mut alert = json!({
                "labels": {
                    "alertname": "Down", "team": "a&b", "severity": "critical", "job": "db",
                    "case": case["name"], "instance": instance,
                },
                "annotations": {
                    "summary": "it's <down> & \"out\"", "runbook": "http://run/book?a=1&b=2",
                    "of": instance,
                },
                "startsAt": starts,
                "generatorURL": "http://prometheus.example/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
            });
            if let Some(ends) = ends {
                alert["endsAt"] = ends.into();
            }
            alerts.push(alert);
        }
    }
    Value::from(alerts).to_string()
}

/// Compiling takes a while; what is to be delivered meanwhile is told at a later turn of its group.
fn wait_for_plugins(url: &str) {
    until(240, "plugins", || {
        let (_, body) = http::get(&format!("{url}/api/v1/plugins"))?;
        let answer: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        let plugins = answer["data"].as_array().ok_or("no list")?;
        let loading = plugins.iter().filter(|plugin| plugin["state"] == "loading");
        let loading: Vec<&Value> = loading.map(|plugin| &plugin["name"]).collect();
        match loading.as_slice() {
            [] => Ok(()),
            loading => Err(format!("{loading:?}")),
        }
    });
}

/// How many requests a case makes when it fires, and when that is over.
fn expected(case: &Value) -> [usize; 2] {
    match case["entry"]["update_alerts"] == true {
        true => [3, 1],
        false => [1, 1],
    }
}

#[test]
fn the_same_entries_and_alerts_make_the_same_requests() {
    let cases = cases();
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path());
    let mut services = ["narthex", "alertmanager"].map(|name| Service::start(folder.path(), name));
    let configs = [&services[0], &services[1]].map(|service| service.config(&cases));
    let file = folder.path().join("narthex-alertmanager.yml");
    std::fs::write(&file, &configs[0]).unwrap();
    let narthex = Narthex::builder()
        .config("global: {}\n")
        .flag(format!("--alertmanager.config.file={}", file.display()))
        .flag(format!("--web.external-url={EXTERNAL_URL}"))
        .start();
    let peer = peers::alertmanager(folder.path(), &configs[1], EXTERNAL_URL);
    let urls = [narthex.url(), peer.url()];
    wait_for_plugins(&urls[0]);

    // Ahead: a group with an alert that is older than its wait is told at once, and maybe in pieces.
    let starts = date("5 seconds");
    let firing = alerts(&cases, &starts, None);
    let resolved = |began: &str| alerts(&cases, began, Some(&date("now")));
    let turns = [Turns::default(), Turns::default()];
    for (phase, body) in [(0, firing), (1, resolved(&date("-1 minute")))] {
        for (url, turns) in urls.iter().zip(&turns) {
            turns.await_turn();
            let headers = [("Content-Type", "application/json")];
            let url = format!("{url}/api/v2/alerts");
            let (status, said) = http::send("POST", &url, &headers, body.as_bytes()).unwrap();
            assert_eq!(status, 200, "{url}: {said}");
        }
        for (service, url) in services.iter_mut().zip(&urls) {
            until(180, "requests", || {
                let sent = service.sent(&cases)?;
                let missing = cases.iter().filter(|case| {
                    let count: usize = expected(case)[..=phase].iter().sum();
                    let found = sent.get(case["name"].as_str().unwrap());
                    found.map_or(0, Vec::len) < count
                });
                let missing: Vec<&Value> = missing.map(|case| &case["name"]).collect();
                match missing.as_slice() {
                    [] => Ok(()),
                    missing => Err(format!("{url}: {missing:?}")),
                }
            });
        }
    }

    until(60, "the same requests", || differ(&cases, &mut services));
}

/// What the one sent and the other did not.
fn differ(cases: &[Value], services: &mut [Service; 2]) -> Result<(), String> {
    let [ours, theirs] = services.each_mut().map(|service| service.sent(cases));
    let (ours, theirs) = (ours?, theirs?);
    let mut differing = Vec::new();
    for case in cases {
        let name = case["name"].as_str().unwrap();
        // How often a thing is repeated depends on the hour.
        let [found, expected] =
            [&ours[name], &theirs[name]].map(|sent| sent.iter().collect::<BTreeSet<&String>>());
        if found != expected {
            let more: Vec<_> = found.difference(&expected).collect();
            let less: Vec<_> = expected.difference(&found).collect();
            differing.push(format!("{name}: sent beside {more:#?}, not sent {less:#?}"));
        }
    }
    match differing.is_empty() {
        true => Ok(()),
        false => Err(differing.join("\n")),
    }
}
