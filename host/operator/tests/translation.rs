//! Objects and what becomes of them, field by field: `translation/KIND.json` has the objects,
//! `translation/KIND.golden` what they are read as. Where `NARTHEX_RECORD` in the environment names a
//! folder, the goldens are written there instead of compared, for somebody to look at.
//!
//! It is not: whether the readers of those configs take them, which a test of the binary says.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use narthex_operator::{
    Excluded, Kind, Limits, Options, Role, ScrapeClass, SecretKind, SecretRef, Secrets,
    Translation, translate,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// One object, and what holds while it is read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    options: CaseOptions,
    /// By `Secret/NAME` and `ConfigMap/NAME`, in the object's namespace.
    #[serde(default)]
    secrets: Map<String, Value>,
    object: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CaseOptions {
    service_discovery_role: Role,
    ignore_namespace_selectors: bool,
    override_honor_labels: bool,
    override_honor_timestamps: bool,
    allow_files: bool,
    pod_target_labels: Vec<String>,
    enforced_limits: Limits,
    enforced_namespace_label: String,
    excluded_from_enforcement: Vec<Excluded>,
    scrape_classes: Vec<ScrapeClass>,
    shards: u64,
    shard: u64,
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/translation")
        .join(name)
}

fn cases(kind: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(path(&format!("{kind}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn read(case: Case) -> Translation {
    let kind: Kind = serde_json::from_value(case.object["kind"].clone()).unwrap();
    let options = Options {
        service_discovery_role: case.options.service_discovery_role,
        ignore_namespace_selectors: case.options.ignore_namespace_selectors,
        override_honor_labels: case.options.override_honor_labels,
        override_honor_timestamps: case.options.override_honor_timestamps,
        allow_files: case.options.allow_files,
        pod_target_labels: case.options.pod_target_labels,
        enforced_limits: case.options.enforced_limits,
        enforced_namespace_label: case.options.enforced_namespace_label,
        excluded_from_enforcement: case.options.excluded_from_enforcement,
        scrape_classes: case.options.scrape_classes,
        shards: case.options.shards,
        shard: case.options.shard,
    };
    let namespace = case.object["metadata"]["namespace"].as_str().unwrap();
    let mut secrets = Secrets::default();
    // What is not among the case's is asked for, and not there.
    let first = translate([(kind, &case.object)], &options, &secrets);
    for reference in secrets.wanted() {
        let key = format!("{}/{}", reference.kind.as_str(), reference.name);
        assert_eq!(reference.namespace, namespace, "{first:?}");
        let field = match reference.kind {
            SecretKind::Secret => "stringData",
            SecretKind::ConfigMap => "data",
        };
        let object = case.secrets.get(&key).map(|values| json!({field: values}));
        secrets.learn(reference, Ok(object.as_ref()));
    }
    translate([(kind, &case.object)], &options, &secrets)
}

fn print(translation: &Translation, text: &mut String) {
    let Translation {
        jobs,
        rules,
        routings,
        faults,
        warnings,
        waiting,
    } = translation;
    assert!(waiting.is_empty());
    for job in jobs {
        print_fields(&job.config, text);
    }
    for rules in rules {
        writeln!(text, "file {}", rules.path).unwrap();
        for group in rules.groups["groups"].as_array().unwrap() {
            print_fields(group, text);
        }
    }
    for routing in routings {
        if let Some(route) = &routing.route {
            writeln!(text, "route {route}").unwrap();
        }
        for (name, entries) in [
            ("receiver", &routing.receivers),
            ("inhibit rule", &routing.inhibit_rules),
            ("time interval", &routing.time_intervals),
        ] {
            for entry in entries {
                writeln!(text, "{name} {entry}").unwrap();
            }
        }
    }
    for fault in faults {
        writeln!(text, "fault {fault}").unwrap();
    }
    for warning in warnings {
        writeln!(text, "warning {warning}").unwrap();
    }
}

/// A line a field, and a line a rule.
fn print_fields(value: &Value, text: &mut String) {
    for (at, (name, value)) in value.as_object().unwrap().iter().enumerate() {
        let mark = if at == 0 { "-" } else { " " };
        match value
            .as_array()
            .filter(|_| name.ends_with("_configs") || name == "rules")
        {
            None => writeln!(text, "{mark} {name}: {value}").unwrap(),
            Some(entries) => {
                writeln!(text, "{mark} {name}:").unwrap();
                for entry in entries {
                    writeln!(text, "  - {entry}").unwrap();
                }
            }
        }
    }
}

fn check(kind: &str) -> usize {
    let (mut text, mut names) = (String::new(), BTreeSet::new());
    let cases = cases(kind);
    let count = cases.len();
    for case in cases {
        assert!(
            names.insert(case.name.clone()),
            "{} is there twice",
            case.name
        );
        writeln!(text, "== {}", case.name).unwrap();
        let translation = read(case);
        print(&translation, &mut text);
    }
    let name = format!("{kind}.golden");
    if let Some(folder) = std::env::var_os("NARTHEX_RECORD") {
        std::fs::write(PathBuf::from(folder).join(name), text).unwrap();
        return count;
    }
    let golden = path(&name);
    let expected = std::fs::read_to_string(&golden).unwrap();
    for (at, (found, expected)) in text.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "{}:{}", golden.display(), at + 1);
    }
    assert_eq!(text.lines().count(), expected.lines().count(), "{kind}");
    count
}

#[test]
fn objects_become_what_the_operator_makes_of_them() {
    let kinds = [
        "service_monitor",
        "pod_monitor",
        "probe",
        "scrape_config",
        "prometheus_rule",
        "alertmanager_config",
    ];
    let objects: usize = kinds.iter().map(|kind| check(kind)).sum();
    assert!(objects >= 60, "{objects}");
}

fn monitor(name: &str, spec: Value) -> Value {
    json!({"metadata": {"namespace": "a", "name": name}, "spec": spec})
}

#[test]
fn one_broken_object_leaves_the_others_as_they_are() {
    let good = monitor(
        "good",
        json!({"selector": {}, "endpoints": [{"port": "web"}]}),
    );
    let bad = monitor(
        "bad",
        json!({"selector": {}, "endpoints": [{"interval": 5, "basicAuth": {"username":
            {"name": "none", "key": "user"}}}, "x"]}),
    );
    let rule = monitor(
        "rule",
        json!({"groups": [{"name": "g", "rules": [{"expr": 1}]}]}),
    );
    let objects = [
        (Kind::PrometheusRule, &rule),
        (Kind::ServiceMonitor, &bad),
        (Kind::ServiceMonitor, &good),
    ];
    let mut secrets = Secrets::default();
    let options = Options::default();
    let found = translate(objects, &options, &secrets);
    assert_eq!(found.jobs.len(), 1);
    assert_eq!(found.rules.len(), 1);
    let faults: Vec<String> = found.faults.iter().map(ToString::to_string).collect();
    let expected = [
        "ServiceMonitor a/bad: spec.endpoints[1]: it is no map",
        "ServiceMonitor a/bad: spec.endpoints[0].interval: it is no text",
    ];
    assert_eq!(faults, expected);
    let wanted: Vec<SecretRef> = secrets.wanted().into_iter().collect();
    assert_eq!(wanted.len(), 1);
    assert_eq!((&*wanted[0].namespace, &*wanted[0].name), ("a", "none"));
}

#[test]
fn an_object_waits_for_its_secret_and_takes_a_new_value() {
    let object = monitor(
        "m",
        json!({"selector": {}, "endpoints": [{"authorization": {"credentials":
            {"name": "token", "key": "t"}}}]}),
    );
    let mut secrets = Secrets::default();
    let options = Options::default();
    let translated =
        |secrets: &Secrets| translate([(Kind::PodMonitor, &object)], &options, secrets);
    // It is read as one of the other kind, to which its endpoints are unknown.
    assert_eq!(translated(&secrets).warnings.len(), 1);
    let translated =
        |secrets: &Secrets| translate([(Kind::ServiceMonitor, &object)], &options, secrets);
    let found = translated(&secrets);
    assert_eq!((found.jobs.len(), found.waiting.len()), (0, 1));
    let wanted = secrets.wanted();
    let token = wanted.first().unwrap().clone();
    for (value, expected) in [("dA==", "t"), ("dDI=", "t2")] {
        let answer = json!({"data": {"t": value}});
        assert!(secrets.learn(token.clone(), Ok(Some(&answer))));
        assert!(!secrets.learn(token.clone(), Ok(Some(&answer))));
        let found = translated(&secrets);
        assert_eq!(
            found.jobs[0].config["authorization"]["credentials"],
            expected
        );
        assert_eq!(format!("{secrets:?}").find(value), None);
    }
    // A cluster that does not answer takes no value away; one that says it is gone does.
    assert!(!secrets.learn(token.clone(), Err("timeout".to_owned())));
    assert_eq!(translated(&secrets).jobs.len(), 1);
    assert!(secrets.learn(token, Ok(None)));
    let found = translated(&secrets);
    assert_eq!(
        found.faults[0].to_string(),
        "ServiceMonitor a/m: spec.endpoints[0].authorization.credentials: Secret a/token: there \
         is no such object"
    );
}

#[test]
fn a_flood_of_entries_or_of_faults_is_bounded() {
    use narthex_operator::limits::{ENTRIES_MAX, FAULTS_PER_OBJECT_MAX, ROUTE_DEPTH_MAX};
    let options = Options::default();
    let secrets = Secrets::default();
    let endpoints = vec![json!({"port": "a"}); ENTRIES_MAX + 1];
    let large = monitor("large", json!({"selector": {}, "endpoints": endpoints}));
    let found = translate([(Kind::ServiceMonitor, &large)], &options, &secrets);
    assert_eq!(found.jobs.len(), 0);
    assert!(
        found.faults[0].text.contains("more than"),
        "{:?}",
        found.faults
    );
    let endpoints = vec![json!({"port": 1, "path": 2}); 100];
    let wrong = monitor("wrong", json!({"selector": {}, "endpoints": endpoints}));
    let found = translate([(Kind::ServiceMonitor, &wrong)], &options, &secrets);
    assert_eq!(found.faults.len(), FAULTS_PER_OBJECT_MAX);
    let mut route = json!({"receiver": "r"});
    for _ in 0..ROUTE_DEPTH_MAX + 1 {
        route = json!({"receiver": "r", "routes": [route]});
    }
    let deep = monitor("deep", json!({"route": route}));
    let found = translate([(Kind::AlertmanagerConfig, &deep)], &options, &secrets);
    assert!(
        found.faults[0].text.contains("deep within"),
        "{:?}",
        found.faults
    );
}
