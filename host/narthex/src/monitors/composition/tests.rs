//! Objects of the golden texts are read as jobs and rules; what cannot run leaves the rest alone.

use std::path::Path;

use narthex_operator::{Kind, Options, Secrets, translate};
use serde_json::json;

use super::*;

fn object(kind: Kind, name: &str, spec: Value) -> (Kind, Value) {
    let object = json!({"metadata": {"namespace": "a", "name": name}, "spec": spec});
    (kind, object)
}

fn found(objects: &[(Kind, Value)]) -> Translation {
    let objects = objects.iter().map(|(kind, object)| (*kind, object));
    translate(objects, &Options::default(), &Secrets::default())
}

fn compose(composition: &mut Composition, scrape: &ScrapeConfigs, found: &Translation) -> Composed {
    let section = KubernetesMonitorsConfig {
        api_server: "http://k:1".to_owned(),
        ..KubernetesMonitorsConfig::default()
    };
    composition.compose(scrape, Some(&section), found, &ParseOptions::all())
}

fn config() -> ScrapeConfigs {
    let job = serde_json::from_value(json!({"job_name": "podMonitor/a/taken/0"})).unwrap();
    resolve(GlobalConfig::default(), vec![job]).unwrap()
}

/// Every object of the golden texts that is sound is read by those who read files.
#[test]
fn what_objects_are_read_as_runs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../operator/tests/translation");
    let mut count = 0;
    for kind in [
        "service_monitor",
        "pod_monitor",
        "probe",
        "scrape_config",
        "prometheus_rule",
    ] {
        let text = std::fs::read_to_string(folder.join(format!("{kind}.json"))).unwrap();
        let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
        for case in cases {
            let kind = serde_json::from_value(case["object"]["kind"].clone()).unwrap();
            let found = found(&[(kind, case["object"].clone())]);
            let composed = compose(&mut Composition::default(), &config(), &found);
            assert_eq!(composed.faults, found.faults, "{}", case["name"]);
            count += found.jobs.len() + found.rules.len();
        }
    }
    assert!(count >= 40, "{count}");
}

#[test]
fn jobs_find_their_targets_in_the_cluster_of_their_object() {
    let pods = json!({"selector": {}, "podMetricsEndpoints": [{"port": "m"}]});
    let elsewhere = json!({"kubernetesSDConfigs": [{"role": "Pod", "apiServer": "http://o:1"}]});
    let found = found(&[
        object(Kind::PodMonitor, "pods", pods),
        object(Kind::ScrapeConfig, "elsewhere", elsewhere),
    ]);
    let composed = compose(&mut Composition::default(), &config(), &found);
    assert_eq!(composed.faults, []);
    let servers = composed.scrape.jobs.iter().skip(1).map(|job| {
        let entry = &job.kubernetes_sd_configs[0];
        (job.job_name.as_str(), entry.api_server.as_str())
    });
    let expected = [
        ("podMonitor/a/pods/0", "http://k:1"),
        ("scrapeConfig/a/elsewhere", "http://o:1"),
    ];
    assert_eq!(Vec::from_iter(servers), expected);
}

#[test]
fn what_did_not_change_is_not_read_again() {
    let pods = |port: &str| json!({"selector": {}, "podMetricsEndpoints": [{"port": port}]});
    let mut composition = Composition::default();
    let both = |port: &str| {
        found(&[
            object(Kind::PodMonitor, "one", pods("m")),
            object(Kind::PodMonitor, "two", pods(port)),
        ])
    };
    let before = compose(&mut composition, &config(), &both("a"));
    let after = compose(&mut composition, &config(), &both("b"));
    let is_same = |at: usize| Arc::ptr_eq(&before.scrape.jobs[at], &after.scrape.jobs[at]);
    assert!(is_same(1) && !is_same(2));
    // Another interval is another job.
    let mut other = config();
    other.global.scrape_interval = narthex_model::PromDuration::from_secs(30);
    let composed = compose(&mut composition, &other, &both("b"));
    assert_eq!(
        composed.scrape.jobs[1].scrape_interval,
        other.global.scrape_interval
    );
}

#[test]
fn what_cannot_run_leaves_the_others_alone() {
    let pods = |fields: Value| json!({"selector": {}, "podMetricsEndpoints": [fields]});
    let rules = json!({"groups": [{"name": "g", "rules": [{"record": "a", "expr": "sum("},
        {"record": "b", "expr": "1", "annotations": {"x": "y"}}]}]});
    let found = found(&[
        object(Kind::PodMonitor, "good", pods(json!({"port": "m"}))),
        object(Kind::PodMonitor, "taken", pods(json!({}))),
        object(
            Kind::PodMonitor,
            "interval",
            pods(json!({"interval": "soon"})),
        ),
        object(
            Kind::PodMonitor,
            "late",
            pods(json!({"interval": "1s", "scrapeTimeout": "2s"})),
        ),
        object(
            Kind::PodMonitor,
            "regex",
            pods(json!({"relabelings": [{"sourceLabels": ["a"], "regex": "("}]})),
        ),
        object(Kind::PrometheusRule, "rules", rules),
    ]);
    assert_eq!(found.faults, []);
    let mut composed = compose(&mut Composition::default(), &config(), &found);
    let names = |composed: &Composed| {
        let names = composed.scrape.jobs.iter().map(|job| job.job_name.clone());
        names.collect::<Vec<_>>()
    };
    assert_eq!(
        names(&composed),
        ["podMonitor/a/taken/0", "podMonitor/a/good/0"]
    );
    assert!(composed.rules.is_empty());
    let mut objects: Vec<&str> = composed
        .faults
        .iter()
        .map(|fault| fault.object.name.as_str())
        .collect();
    objects.sort_unstable();
    let expected = ["interval", "late", "regex", "rules", "rules", "taken"];
    assert_eq!(objects, expected, "{:#?}", composed.faults);
    let of_rules = composed
        .faults
        .iter()
        .find(|fault| fault.object.name == "rules");
    assert_eq!(of_rules.unwrap().field, "spec.groups[0].rules[0].expr");

    // What only shows when a job is to begin.
    let failed = |job: &str| vec![(job.to_owned(), "no plugin".to_owned())];
    assert!(!composed.leave_out(&failed("podMonitor/a/taken/0")));
    assert!(composed.leave_out(&failed("podMonitor/a/good/0")));
    assert_eq!(names(&composed), ["podMonitor/a/taken/0"]);
}
