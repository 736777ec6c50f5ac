//! The Alertmanager inside beside Debian's Alertmanager 0.25: the same config and the same alerts
//! make the same notifications, and the same requests the same answers.
//!
//! All cases run side by side, each with a label of its own. A last alert that waits longer than
//! all others says when a phase is over.

mod cases;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use narthex_tests::{Hook, Narthex, http, peers, run, until};
use serde_json::{Map, Value, json};

use cases::{CASES, Case};

use crate::turns::Turns;

/// Where users reach both.
const EXTERNAL_URL: &str = "http://alerts.example";

/// The groups wait a second and are told each two; a phase ends when an alert was told that waits
/// longer than that.
const HEAD: &str = r#"
global: {resolve_timeout: 1h}
receivers:
- {name: none}
- name: hook
  webhook_configs: [{url: '@/hook'}]
- name: other
  webhook_configs: [{url: '@/other'}]
- name: firing-only
  webhook_configs: [{url: '@/firing-only', send_resolved: false}]
- name: twice
  webhook_configs: [{url: '@/twice-1'}, {url: '@/twice-2', send_resolved: false}]
- name: short
  webhook_configs: [{url: '@/short', max_alerts: 1}]
- name: team.x(1)
  webhook_configs: [{url: '@/odd'}]
time_intervals:
- name: always
  time_intervals: [{years: ['2000:2200']}]
- name: never
  time_intervals: [{years: ['1999']}]
- name: days
  time_intervals:
  - {days_of_month: ['1:15'], weekdays: ['sunday:saturday']}
  - {days_of_month: ['16:31'], location: Asia/Tokyo}
  - {days_of_month: ['-2:-1']}
mute_time_intervals:
- name: nights-and-days
  time_intervals: [{times: [{start_time: '00:00', end_time: '12:00'}, {start_time: '12:00', end_time: '24:00'}]}]
inhibit_rules:
- {source_matchers: [s="1"], target_matchers: [t="1"], equal: [case, e]}
- {source_match: {s: old}, target_match_re: {t: "o.*"}, equal: [case]}
- {source_matchers: [both=~"a|b"], target_matchers: [both=~"b|c"], equal: [case]}
route:
  receiver: hook
  group_by: [case]
  group_wait: 1s
  group_interval: 2s
  repeat_interval: 1h
  routes:
  - {matchers: [phase=~".+"], group_by: [phase], group_wait: 6s}
"#;

fn config(hook: &Hook) -> String {
    let mut config = HEAD.replace('@', &hook.url());
    for case in CASES {
        let fields = match case.route {
            "" => String::new(),
            fields => format!(", {fields}"),
        };
        config.push_str(&format!(
            "  - {{matchers: ['case=\"{}\"']{fields}}}\n",
            case.name
        ));
    }
    config
}

/// One of the two, and who it tells.
struct Side {
    api: String,
    hook: Hook,
    silences: BTreeMap<&'static str, String>,
    turns: Turns,
}

/// `a=b,c=d`
fn labels(text: &str) -> Map<String, Value> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), Value::from(value)))
        .collect()
}

/// An alert of a case: `+a=b` fires, `-a=b` is resolved; behind `;` come annotations.
fn alert(case: &str, text: &str, times: &Times) -> Value {
    let (text, annotations) = text.split_once(';').unwrap_or((text, ""));
    let (sign, text) = text.split_at(1);
    let mut labels = labels(text);
    labels.insert("case".to_owned(), case.into());
    let mut alert = json!({
        "labels": labels,
        "annotations": self::labels(annotations),
        "startsAt": times.starts,
        "generatorURL": "http://prometheus.example/graph?g0.expr=a%3E1&g0.tab=1",
    });
    if sign == "-" {
        alert["startsAt"] = times.began.clone().into();
        alert["endsAt"] = times.ends.clone().into();
    }
    alert
}

/// The same for both: what is told of an alert must not depend on when it arrived.
#[derive(Clone)]
struct Times {
    /// A little ahead: an alert that is older than its group's wait is told at once.
    starts: String,
    /// When alerts began that are resolved now.
    began: String,
    ends: String,
    later: String,
}

/// Now and a while, as `date` reads it.
fn date(ahead: &str) -> String {
    let mut command = Command::new("date");
    let text = run(command.args(["-u", "-d", ahead, "+%FT%T.%3NZ"]));
    text.trim().to_owned()
}

impl Times {
    fn now(began: Option<&Self>) -> Self {
        let starts = date("5 seconds");
        Self {
            began: began.map_or_else(|| date("-1 minute"), |began| began.starts.clone()),
            ends: date("now"),
            later: "2190-01-01T00:00:00.000Z".to_owned(),
            starts,
        }
    }
}

impl Side {
    fn post(&self, alerts: &[Value]) {
        let body = Value::from(alerts).to_string();
        let answer = self.send("POST", "/alerts", body.as_bytes());
        assert_eq!(answer.0, 200, "{}: {}", self.api, answer.1);
    }

    fn send(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        let headers = [("Content-Type", "application/json")];
        http::send(method, &format!("{}{path}", self.api), &headers, body).unwrap()
    }

    fn get(&self, path: &str) -> (u16, Value) {
        let (status, body) = http::get(&format!("{}{path}", self.api)).unwrap();
        let body = serde_json::from_str(&body).unwrap_or(Value::from(body));
        (status, body)
    }

    /// Waits until the alert that ends a phase was told.
    fn wait_for(&self, phase: &str) {
        until(180, phase, || {
            let posts = self.hook.posts();
            let ends = |post: &(String, Value)| post.1["groupLabels"]["phase"] == phase;
            match posts.iter().any(ends) {
                true => Ok(()),
                false => Err(format!("{}: {} posts", self.api, posts.len())),
            }
        });
    }

    /// All that a case was told, each once: how often a thing is repeated depends on the hour.
    fn told(&self, case: &str) -> BTreeSet<String> {
        let posts = self.hook.posts().into_iter();
        let of_case = posts.filter(|(_, body)| body["commonLabels"]["case"] == case);
        of_case
            .map(|(path, body)| format!("{path} {body:#}"))
            .collect()
    }
}

fn silence(case: &Case, times: &Times) -> Option<Value> {
    let (matchers, starts) = match case.silence {
        "" => return None,
        text => text
            .strip_prefix("later:")
            .map_or((text, &times.began), |text| (text, &times.later)),
    };
    let mut list = vec![json!({
        "name": "case", "value": case.name, "isRegex": false, "isEqual": true,
    })];
    for matcher in matchers.split(',') {
        let (name, operator, value) = ["!=", "=~", "!~", "="]
            .into_iter()
            .find_map(|operator| {
                let (name, value) = matcher.split_once(operator)?;
                Some((name, operator, value))
            })
            .unwrap();
        list.push(json!({
            "name": name, "value": value, "isRegex": operator.contains('~'),
            "isEqual": operator.starts_with('='),
        }));
    }
    Some(json!({
        "matchers": list, "startsAt": starts, "endsAt": "2199-01-01T00:00:00.000Z",
        "createdBy": "me", "comment": case.name,
    }))
}

/// Posts a phase of all cases to both, and waits until both have told it.
fn post(sides: &[Side; 2], phase: &str, alerts: impl Fn(&Case) -> &[&'static str], times: &Times) {
    let of_case = |case: &Case| {
        let alerts = alerts(case).iter();
        alerts
            .map(|text| alert(case.name, text, times))
            .collect::<Vec<_>>()
    };
    let mut posted: Vec<Value> = CASES.iter().flat_map(of_case).collect();
    let end = format!("+phase={phase}");
    posted.push(alert("end", &end, times));
    for side in sides {
        side.turns.await_turn();
        side.post(&posted);
    }
    for side in sides {
        side.wait_for(phase);
    }
}

/// What an answer says, without what is each server's own, lists and fields in order.
fn normal(found: Value) -> Value {
    match found {
        Value::Array(list) => {
            let mut list: Vec<Value> = list.into_iter().map(normal).collect();
            list.sort_by_key(ToString::to_string);
            Value::Array(list)
        }
        Value::Object(mut fields) => {
            // 0.25 does not know by what times a group is muted.
            let muted_by = fields.remove("mutedBy");
            if muted_by.is_some_and(|list| list != json!([])) {
                fields.insert("state".to_owned(), "active".into());
            }
            // Names of silences are random, times of arrival are not the same.
            for name in ["id", "updatedAt", "silencedBy"] {
                fields.remove(name);
            }
            // Of several that mute it, any is named.
            if let Some(by) = fields.get_mut("inhibitedBy") {
                *by = by.as_array().map_or(0, Vec::len).into();
            }
            if fields.contains_key("fingerprint") {
                fields.remove("endsAt");
            }
            // A silence begins when it is taken.
            if fields.contains_key("createdBy") {
                fields.remove("startsAt");
            }
            let fields: BTreeMap<String, Value> = fields
                .into_iter()
                .map(|(name, value)| (name, normal(value)))
                .collect();
            Value::Object(fields.into_iter().collect())
        }
        other => other,
    }
}

#[test]
fn the_same_alerts_make_the_same_notifications_and_answers() {
    let folder = tempfile::tempdir().unwrap();
    let hooks = [Hook::listen(), Hook::listen()];
    let files = [&hooks[0], &hooks[1]].map(config);
    let file = folder.path().join("narthex-alertmanager.yml");
    std::fs::write(&file, &files[0]).unwrap();
    let narthex = Narthex::builder()
        .config("global: {}\n")
        .flag(format!("--alertmanager.config.file={}", file.display()))
        .flag(format!("--web.external-url={EXTERNAL_URL}"))
        .start();
    let peer = peers::alertmanager(folder.path(), &files[1], EXTERNAL_URL);
    let [ours, theirs] = hooks;
    let side = |url: String, hook| Side {
        api: format!("{url}/api/v2"),
        hook,
        silences: BTreeMap::new(),
        turns: Turns::default(),
    };
    let mut sides = [side(narthex.url(), ours), side(peer.url(), theirs)];

    let first = Times::now(None);
    for side in &mut sides {
        for case in CASES {
            let Some(silence) = silence(case, &first) else {
                continue;
            };
            let (status, body) = side.send("POST", "/silences", silence.to_string().as_bytes());
            assert_eq!(status, 200, "{}: {}: {body}", side.api, case.name);
            let made: Value = serde_json::from_str(&body).unwrap();
            let id = made["silenceID"].as_str().unwrap().to_owned();
            side.silences.insert(case.name, id);
        }
    }
    // What it is posted with begins a little ahead of now, not of the silences.
    let first = Times {
        began: first.began,
        ..Times::now(None)
    };
    post(&sides, "1", |case| case.first, &first);
    compare_answers(&sides);
    for side in &sides {
        for case in CASES.iter().filter(|case| case.expires) {
            let path = format!("/silence/{}", side.silences[case.name]);
            assert_eq!(side.send("DELETE", &path, b"").0, 200, "{}", case.name);
        }
    }
    post(&sides, "2", |case| case.then, &Times::now(Some(&first)));

    let [ours, theirs] = &sides;
    // The end of the phase may come before what is told of another group.
    until(60, "the same told", || {
        let mut differing = Vec::new();
        for case in CASES {
            let (found, expected) = (ours.told(case.name), theirs.told(case.name));
            if found != expected {
                let more: Vec<_> = found.difference(&expected).collect();
                let less: Vec<_> = expected.difference(&found).collect();
                differing.push(format!(
                    "{}: told beside {more:#?}, not told {less:#?}",
                    case.name
                ));
            }
        }
        match differing.is_empty() {
            true => Ok(()),
            false => Err(differing.join("\n")),
        }
    });
    for case in CASES {
        let expected = theirs.told(case.name);
        assert_eq!(
            expected.is_empty(),
            !case.is_told,
            "{}: {expected:#?}",
            case.name
        );
    }
}

/// The same questions to both.
fn compare_answers([ours, theirs]: &[Side; 2]) {
    let filter = |text: &str| format!("filter={}", http::encode(text));
    let one = format!("/alerts?{}", filter("case=\"silence\""));
    for path in [
        "/alerts".to_owned(),
        "/alerts?active=false".to_owned(),
        "/alerts?silenced=false".to_owned(),
        "/alerts?inhibited=false".to_owned(),
        "/alerts?active=false&silenced=false".to_owned(),
        "/alerts?unprocessed=false".to_owned(),
        "/alerts?receiver=oth.*".to_owned(),
        "/alerts?receiver=ther".to_owned(),
        one.clone(),
        format!("{one}&{}", filter("x!=\"1\"")),
        format!("/alerts?{}", filter("x=~\"1|2\"")),
        "/alerts/groups".to_owned(),
        "/alerts/groups?receiver=other".to_owned(),
        "/alerts/groups?silenced=false&inhibited=false".to_owned(),
        format!("/alerts/groups?{}", filter("s=\"1\"")),
        "/receivers".to_owned(),
        "/silences".to_owned(),
        format!("/silences?{}", filter("case=\"silence\"")),
        format!("/silences?{}", filter("case=\"none\"")),
    ] {
        until(60, &path, || {
            let (found, expected) = (ours.get(&path), theirs.get(&path));
            assert_eq!(
                (found.0, expected.0),
                (200, 200),
                "{path}: {} {}",
                found.1,
                expected.1
            );
            let (found, expected) = (normal(found.1), normal(expected.1));
            match found == expected {
                true => Ok(()),
                false => Err(format!("{found:#} {expected:#}")),
            }
        });
    }
    let unknown = "/silence/00000000-0000-4000-8000-000000000000";
    let past = json!({
        "matchers": [{"name": "a", "value": "b", "isRegex": false}],
        "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2020-01-02T00:00:00Z",
        "createdBy": "me", "comment": "why",
    });
    let past = past.to_string();
    let backwards = past.replace("2020-01-02", "2019-01-01");
    let bad_regex = past
        .replace("false", "true")
        .replace("\"b\"", "\"(\"")
        .replace("2020-01-02", "2199-01-01");
    let matches_all = past
        .replace("\"b\"", "\"\"")
        .replace("2020-01-02", "2199-01-01");
    let other_name = past
        .replace("{\"matchers", "{\"id\":\"x\",\"matchers")
        .replace("2020-01-02", "2199-01-01");
    for (method, path, body) in [
        ("GET", "/alerts?filter=a", ""),
        ("GET", "/alerts?receiver=(", ""),
        ("GET", "/alerts?active=maybe", ""),
        ("GET", "/silences?filter=a", ""),
        ("GET", "/silence/x", ""),
        ("GET", unknown, ""),
        ("GET", "/nowhere", ""),
        ("POST", "/alerts", "x"),
        ("POST", "/alerts", "{}"),
        ("POST", "/alerts", "[{}]"),
        ("POST", "/alerts", "[{\"labels\": {}}]"),
        ("POST", "/alerts", "[]"),
        ("POST", "/silences", "{}"),
        ("POST", "/silences", past.as_str()),
        ("POST", "/silences", backwards.as_str()),
        ("POST", "/silences", bad_regex.as_str()),
        ("POST", "/silences", matches_all.as_str()),
        ("POST", "/silences", other_name.as_str()),
        ("DELETE", "/silence/x", ""),
    ] {
        let found = ours.send(method, path, body.as_bytes());
        let expected = theirs.send(method, path, body.as_bytes());
        assert_eq!(
            found.0, expected.0,
            "{method} {path} {body}: {} {}",
            found.1, expected.1
        );
    }
}
