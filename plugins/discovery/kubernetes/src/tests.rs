//! The groups of each role for the objects of `tests/conformance/kubernetes/script.json`, step by
//! step, beside the golden texts in `fixtures/`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use narthex_sdk::fake::Host;
use narthex_sdk::kubernetes::Change;
use narthex_sdk::{Discovery, Error, Group};
use serde_json::{Value, json};

use super::*;

const SCRIPT: &str = include_str!("../../../../tests/conformance/kubernetes/script.json");

/// Groups by source, as a host that is told of changes has them.
type Known = BTreeMap<String, Group>;

fn steps() -> Vec<Value> {
    serde_json::from_str(SCRIPT).unwrap()
}

fn text(object: &Value, pointer: &str) -> String {
    let found = object.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or("").to_owned()
}

/// Lets everything of a step happen. Returns nothing: the host knows.
fn happen(step: &Value, there: &mut BTreeMap<String, Value>) {
    let key = |object: &Value| {
        let part = |pointer| text(object, pointer);
        format!(
            "{} {} {}",
            part("/kind"),
            part("/metadata/namespace"),
            part("/metadata/name")
        )
    };
    let tell = |change, object: &Value| {
        let (version, kind) = (text(object, "/apiVersion"), text(object, "/kind"));
        Host::happen(&version, &kind, change, &object.to_string());
    };
    for object in step["put"].as_array().unwrap() {
        let before = there.insert(key(object), object.clone());
        let change = match before {
            None => Change::Added,
            Some(_) => Change::Modified,
        };
        tell(change, object);
    }
    for object in step["delete"].as_array().unwrap() {
        let before = there.remove(&key(object)).unwrap();
        tell(Change::Deleted, &before);
    }
}

fn started(config: Value) -> Kubernetes {
    Kubernetes::init(serde_json::from_value(config).unwrap()).unwrap()
}

/// All that it has to tell.
fn told(discovery: &mut Kubernetes) -> Vec<Group> {
    let mut groups = discovery.refresh().unwrap();
    while Host::has_more() {
        groups.extend(discovery.refresh().unwrap());
    }
    groups
}

fn take(known: &mut Known, groups: Vec<Group>) {
    for group in groups {
        match group.targets.is_empty() {
            true => known.remove(&group.source),
            false => known.insert(group.source.clone(), group),
        };
    }
}

fn printed(groups: &[Group]) -> String {
    let mut out = String::new();
    let labels = |out: &mut String, labels: &[(String, String)]| {
        for (name, value) in labels {
            writeln!(out, "    {name} = {value:?}").unwrap();
        }
    };
    for group in groups {
        let count = group.targets.len();
        writeln!(out, "{} ({count})", group.source).unwrap();
        labels(&mut out, &group.labels);
        for target in &group.targets {
            writeln!(out, "  -").unwrap();
            labels(&mut out, target);
        }
    }
    out
}

/// Compares what is told in each step with the golden text of that name.
fn check(golden: &str, config: Value) {
    Host::new().install();
    let (mut there, mut known, mut out) = (BTreeMap::new(), Known::new(), String::new());
    let mut discovery = None;
    for step in steps() {
        happen(&step, &mut there);
        let discovery = discovery.get_or_insert_with(|| started(config.clone()));
        let groups = told(discovery);
        writeln!(out, "== {}", text(&step, "/step")).unwrap();
        out.push_str(&printed(&groups));
        take(&mut known, groups);
        // Who begins now finds the same, and nobody is told anything twice.
        let mut anew = Known::new();
        take(&mut anew, told(&mut started(config.clone())));
        let values = |known: &Known| known.values().cloned().collect::<Vec<_>>();
        assert_eq!(
            printed(&values(&known)),
            printed(&values(&anew)),
            "{golden}"
        );
        assert_eq!(printed(&told(discovery)), "");
    }
    let path = format!("{}/fixtures/{golden}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("NARTHEX_WRITE_GOLDENS").is_some() {
        std::fs::write(&path, &out).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    for (line, (found, wanted)) in out.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, wanted, "{golden}:{}", line + 1);
    }
    assert_eq!(out.lines().count(), expected.lines().count(), "{golden}");
}

#[test]
fn each_role_finds_what_its_golden_text_says() {
    for role in [
        "node",
        "pod",
        "service",
        "endpoints",
        "endpointslice",
        "ingress",
    ] {
        check(role, json!({"role": role}));
    }
}

#[test]
fn metadata_is_attached_where_it_is_wanted() {
    let attach = json!({"node": true, "namespace": true});
    for role in ["pod", "endpoints", "endpointslice"] {
        let golden = format!("{role}_attached");
        check(&golden, json!({"role": role, "attach_metadata": attach}));
    }
}

/// The labels of the first target of each group that are about what a pod belongs to.
fn workloads(groups: &[Group]) -> BTreeMap<String, Vec<(String, String)>> {
    let names = ["pod_deployment_name", "pod_job_name", "pod_cronjob_name"];
    let is_one = |name: &str| {
        let name = name.strip_prefix("__meta_kubernetes_");
        name.is_some_and(|name| names.contains(&name))
    };
    let labels = |group: &Group| {
        let labels = group.labels.iter().chain(group.targets.iter().flatten());
        let labels = labels.filter(|(name, _)| is_one(name));
        labels.cloned().collect::<Vec<_>>()
    };
    let groups = groups.iter();
    groups
        .map(|group| (group.source.clone(), labels(group)))
        .collect()
}

#[test]
fn what_a_pods_controller_belongs_to_is_attached() {
    let owned = |kind: &str, name: &str, owner: (&str, &str)| {
        let owners = json!([{"kind": owner.0, "name": owner.1, "controller": true}]);
        let owners = if owner.0.is_empty() {
            json!(null)
        } else {
            owners
        };
        json!({"kind": kind, "metadata": {"namespace": "a", "name": name,
            "ownerReferences": owners},
            "spec": {"containers": [{"name": "c"}]}, "status": {"podIP": "10.0.0.1"}})
        .to_string()
    };
    let happen = |version: &str, kind: &str, change, name: &str, owner| {
        Host::happen(version, kind, change, &owned(kind, name, owner));
    };
    Host::new().install();
    for (name, owner) in [
        ("web", ("ReplicaSet", "web-1")),
        ("bare", ("ReplicaSet", "bare-1")),
        ("night", ("Job", "night-7")),
        ("once", ("Job", "once")),
        ("agent", ("DaemonSet", "agent")),
        ("alone", ("", "")),
    ] {
        happen("v1", "Pod", Change::Added, name, owner);
    }
    for (name, owner) in [("web-1", ("Deployment", "web")), ("bare-1", ("", ""))] {
        happen("apps/v1", "ReplicaSet", Change::Added, name, owner);
    }
    happen(
        "batch/v1",
        "Job",
        Change::Added,
        "night-7",
        ("CronJob", "night"),
    );
    let slice = json!({"kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"namespace": "a", "name": "s"}, "ports": [{"port": 80}],
        "endpoints": [{"addresses": ["10.0.0.1"], "targetRef":
            {"kind": "Pod", "namespace": "a", "name": "web"}}]});
    let version = "discovery.k8s.io/v1";
    Host::happen(version, "EndpointSlice", Change::Added, &slice.to_string());
    let service = json!({"kind": "Service", "metadata": {"namespace": "a", "name": "s"}});
    Host::happen("v1", "Service", Change::Added, &service.to_string());

    let label = |name: &str, value: &str| {
        let name = format!("__meta_kubernetes_pod_{name}_name");
        (name, value.to_owned())
    };
    let expected = |of: [(&str, Vec<(String, String)>); 6]| {
        let groups = of.into_iter();
        groups
            .map(|(name, labels)| (format!("pod/a/{name}"), labels))
            .collect::<BTreeMap<_, _>>()
    };
    let all = json!({"deployment": true, "job": true, "cronjob": true});
    let mut pods = started(json!({"role": "pod", "attach_metadata": all}));
    let night = vec![label("cronjob", "night"), label("job", "night-7")];
    let found = expected([
        ("web", vec![label("deployment", "web")]),
        ("bare", vec![]),
        ("night", night),
        ("once", vec![label("job", "once")]),
        ("agent", vec![]),
        ("alone", vec![]),
    ]);
    assert_eq!(workloads(&told(&mut pods)), found);
    // A job that comes later is a reason to make its pods' group anew.
    happen(
        "batch/v1",
        "Job",
        Change::Added,
        "once",
        ("CronJob", "daily"),
    );
    let again = vec![label("cronjob", "daily"), label("job", "once")];
    let again = BTreeMap::from([("pod/a/once".to_owned(), again)]);
    assert_eq!(workloads(&told(&mut pods)), again);
    // Nobody asked for it here.
    let mut plain = started(json!({"role": "pod"}));
    let labels = workloads(&told(&mut plain));
    assert!(labels.values().all(Vec::is_empty), "{labels:?}");
    let mut slices = started(json!({"role": "endpointslice", "attach_metadata": all}));
    let found = vec![label("deployment", "web")];
    let found = BTreeMap::from([("endpointslice/a/s".to_owned(), found)]);
    assert_eq!(workloads(&told(&mut slices)), found);
}

#[test]
fn of_some_namespaces_nothing_of_others_is_seen() {
    let namespaces = json!({"names": ["infra", "empty"]});
    check(
        "endpoints_of_infra",
        json!({"role": "endpoints", "namespaces": namespaces}),
    );
    let config = json!({"role": "pod", "namespaces": {"own_namespace": true}});
    let error = Kubernetes::init(serde_json::from_value(config).unwrap());
    assert!(matches!(error, Err(Error::Config(_))));
}

#[test]
fn more_groups_than_one_call_tells_come_in_pieces() {
    Host::new().install();
    let count = 2 * GROUPS_AT_ONCE + 1;
    for number in 0..count {
        let pod = json!({"metadata": {"namespace": "a", "name": format!("p{number:05}")},
            "spec": {"containers": [{"name": "c"}]}, "status": {"podIP": "10.0.0.1"}});
        Host::happen("v1", "Pod", Change::Added, &pod.to_string());
    }
    let mut pods = started(json!({"role": "pod"}));
    let mut sizes = Vec::new();
    loop {
        sizes.push(pods.refresh().unwrap().len());
        if !Host::has_more() {
            break;
        }
    }
    assert_eq!(sizes, [GROUPS_AT_ONCE, GROUPS_AT_ONCE, 1]);
}

#[test]
fn an_object_that_does_not_fit_is_left_out_and_the_others_are_not() {
    Host::new().install();
    let pod = |name: &str, containers: Value| {
        json!({"metadata": {"namespace": "a", "name": name},
               "spec": {"containers": containers}, "status": {"podIP": "10.0.0.1"}})
        .to_string()
    };
    let good = json!([{"name": "c"}]);
    Host::happen("v1", "Pod", Change::Added, &pod("x", json!("none")));
    Host::happen("v1", "Pod", Change::Added, &pod("y", good.clone()));
    let mut pods = started(json!({"role": "pod"}));
    let counts = |groups: Vec<Group>| {
        let groups = groups.into_iter();
        groups
            .map(|group| (group.source, group.targets.len()))
            .collect::<Vec<_>>()
    };
    let expected = [("pod/a/x".to_owned(), 0), ("pod/a/y".to_owned(), 1)];
    assert_eq!(counts(told(&mut pods)), expected);
    Host::happen("v1", "Pod", Change::Modified, &pod("x", good));
    assert_eq!(counts(told(&mut pods)), [("pod/a/x".to_owned(), 1)]);
}
