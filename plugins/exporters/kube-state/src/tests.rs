//! What is told of the objects in `golden/cluster.json`, beside the golden text, and of clusters
//! that change, that refuse, and that are large.

use std::collections::{BTreeMap, BTreeSet};

use narthex_sdk::MetricKind;
use narthex_sdk::fake::Host;
use narthex_sdk::kubernetes::Change;
use serde_json::{Value, json};

use super::*;

const CLUSTER: &str = include_str!("../golden/cluster.json");
const EXPECTED: &str = include_str!("../golden/expected.txt");
const FAMILIES: &str = include_str!("tests/families.txt");

/// What the host takes of one answer.
const BOUNDARY_BYTES_MAX: usize = 64 * 1024 * 1024;

fn happen(change: Change, object: &Value) {
    let text = |name: &str| object[name].as_str().unwrap().to_owned();
    Host::happen(
        &text("apiVersion"),
        &text("kind"),
        change,
        &object.to_string(),
    );
}

fn cluster() -> Vec<Value> {
    serde_json::from_str(CLUSTER).unwrap()
}

fn install(objects: &[Value]) {
    Host::new().install();
    for object in objects {
        happen(Change::Added, object);
    }
}

fn started(config: Value) -> Result<KubeState, Error> {
    KubeState::init(serde_json::from_value(config).unwrap())
}

fn target() -> Target {
    Target {
        address: "kubernetes".to_owned(),
        labels: vec![],
        params: vec![],
    }
}

fn collected(exporter: &mut KubeState) -> Batch {
    let mut batch = Batch::new();
    exporter.collect(&target(), &mut batch).unwrap();
    batch
}

/// The lines that are not about the exporter itself.
fn told(exporter: &mut KubeState) -> Vec<String> {
    let text = collected(exporter).to_text();
    let lines = text.lines().map(str::to_owned);
    lines
        .filter(|line| !line.starts_with("kube_state_metrics_"))
        .collect()
}

/// Those of some families.
fn of(exporter: &mut KubeState, names: &[&str]) -> Vec<String> {
    let mut lines = told(exporter);
    lines.retain(|line| names.contains(&line.split(['{', ' ']).next().unwrap()));
    lines
}

fn pod(name: &str, phase: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
           "metadata": {"namespace": "a", "name": name, "uid": format!("u-{name}")},
           "spec": {"containers": [{"name": "c"}]}, "status": {"phase": phase}})
}

#[test]
fn objects_are_told_as_the_golden_text_says() {
    install(&cluster());
    let mut exporter = started(json!({})).unwrap();
    let (lines, expected) = (told(&mut exporter), EXPECTED.lines());
    for (number, (line, expected)) in lines.iter().zip(expected).enumerate() {
        assert_eq!(line, expected, "line {}", number + 1);
    }
    assert_eq!(lines.len(), EXPECTED.lines().count());
    // The next collection has the same, and nobody is asked for anything again.
    assert_eq!(told(&mut exporter), lines);
}

#[test]
fn families_are_those_of_kube_state_metrics() {
    let mut known = BTreeMap::new();
    for line in FAMILIES.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        known.insert(name, (words.next().unwrap(), words.next().unwrap()));
    }
    // It is there in kube-state-metrics, and in no list of its families.
    known.insert("kube_persistentvolume_claim_ref", ("gauge", "alpha"));
    let all: Vec<&str> = kinds::ALL.iter().map(|kind| kind.resource).collect();
    let mut objects = cluster();
    objects.extend(on_demand());
    install(&objects);
    let wanted = json!({"pods": ["*"]});
    let config = json!({"resources": all, "metric_labels_allowlist": wanted});
    let parts = collected(&mut started(config).unwrap()).into_parts();
    let mut told = BTreeSet::new();
    for family in &parts.families {
        let name = &*parts.symbols[family.name as usize];
        if name.starts_with("kube_state_metrics_") {
            continue;
        }
        let (kind, _) = known.get(name).unwrap_or_else(|| panic!("{name}"));
        let expected = match *kind {
            "counter" => MetricKind::Counter,
            _ => MetricKind::Gauge,
        };
        assert_eq!(family.kind, expected, "{name}");
        assert!(told.insert(name), "{name} comes twice");
    }
    let stable = known
        .iter()
        .filter(|(_, (_, promise))| *promise == "stable");
    let missing: Vec<&str> = stable
        .map(|(name, _)| *name)
        .filter(|name| !told.contains(name))
        .collect();
    let expected = [
        "kube_configmap_created",
        "kube_configmap_info",
        "kube_configmap_labels",
        // Deprecated since 2.14.
        "kube_endpoint_ports",
        "kube_secret_created",
        "kube_secret_info",
        "kube_secret_type",
    ];
    assert_eq!(missing, expected);
}

/// Objects of the kinds that nobody looks at unless he is told to.
fn on_demand() -> Vec<Value> {
    let metadata = |name: &str| json!({"namespace": "a", "name": name});
    vec![
        json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata("e"), "subsets": [
            {"addresses": [{"ip": "10.0.0.1"}], "notReadyAddresses": [{"ip": "10.0.0.2"}],
             "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}]}),
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": metadata("s"), "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": true},
                "targetRef": {"kind": "Pod", "namespace": "a", "name": "p"}, "nodeName": "n"}],
            "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}),
        json!({"apiVersion": "v1", "kind": "ReplicationController", "metadata": metadata("r"),
            "spec": {"replicas": 2}, "status": {"replicas": 1}}),
        json!({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "metadata": {"name": "c"}, "spec": {"signerName": "kubernetes.io/kubelet-serving"},
            "status": {"conditions": [{"type": "Approved"}], "certificate": "aGVsbG8="}}),
    ]
}

#[test]
fn kinds_are_looked_at_where_a_job_names_them() {
    install(&on_demand());
    let resources = ["endpoints", "endpointslices", "certificatesigningrequests"];
    let mut exporter = started(json!({"resources": resources})).unwrap();
    let expected = [
        "kube_endpoint_address{namespace=\"a\",endpoint=\"e\",ip=\"10.0.0.1\",port_protocol=\"TCP\",\
         port_number=\"80\",port_name=\"http\",ready=\"true\"} 1",
        "kube_endpoint_address{namespace=\"a\",endpoint=\"e\",ip=\"10.0.0.2\",port_protocol=\"TCP\",\
         port_number=\"80\",port_name=\"http\",ready=\"false\"} 1",
        "kube_endpoint_info{namespace=\"a\",endpoint=\"e\"} 1",
        "kube_endpointslice_endpoints{namespace=\"a\",endpointslice=\"s\",address=\"10.0.0.1\",\
         ready=\"true\",targetref_kind=\"Pod\",targetref_name=\"p\",targetref_namespace=\"a\",\
         endpoint_nodename=\"n\"} 1",
        "kube_endpointslice_info{namespace=\"a\",endpointslice=\"s\",addresstype=\"IPv4\"} 1",
        "kube_endpointslice_ports{namespace=\"a\",endpointslice=\"s\",port_name=\"http\",\
         port_protocol=\"TCP\",port_number=\"80\"} 1",
        "kube_certificatesigningrequest_cert_length{certificatesigningrequest=\"c\",\
         signer_name=\"kubernetes.io/kubelet-serving\"} 5",
        "kube_certificatesigningrequest_condition{certificatesigningrequest=\"c\",\
         signer_name=\"kubernetes.io/kubelet-serving\",condition=\"approved\"} 1",
        "kube_certificatesigningrequest_condition{certificatesigningrequest=\"c\",\
         signer_name=\"kubernetes.io/kubelet-serving\",condition=\"denied\"} 0",
    ];
    assert_eq!(told(&mut exporter), expected);
}

#[test]
fn a_change_is_told_by_the_next_collection() {
    install(&[pod("x", "Pending"), pod("y", "Running")]);
    let mut exporter = started(json!({"resources": ["pods"]})).unwrap();
    let mut phases = || {
        let lines = of(&mut exporter, &["kube_pod_status_phase"]);
        let is_it = lines.into_iter().filter(|line| line.ends_with(" 1"));
        let words = is_it.map(|line| {
            let parts: Vec<&str> = line.split('"').collect();
            format!("{} {}", parts[3], parts[7])
        });
        words.collect::<Vec<_>>()
    };
    assert_eq!(phases(), ["x Pending", "y Running"]);
    happen(Change::Modified, &pod("x", "Running"));
    happen(Change::Deleted, &pod("y", "Running"));
    happen(Change::Added, &pod("z", "Failed"));
    assert_eq!(phases(), ["x Running", "z Failed"]);
    // What cannot be read is not told any more, and the others are.
    let mut broken = pod("x", "Running");
    broken["spec"]["containers"] = "none".into();
    happen(Change::Modified, &broken);
    assert_eq!(phases(), ["z Failed"]);
    assert!(Host::logged().iter().any(|line| line.contains("left out")));
}

#[test]
fn labels_and_annotations_are_told_where_they_are_asked_for() {
    install(&cluster());
    let config = json!({
        "resources": ["nodes", "pods", "ingresses", "persistentvolumeclaims"],
        "metric_labels_allowlist": {"pods": ["app.kubernetes.io/part-of", "none"],
            "nodes": ["*"], "persistentvolumeclaims": ["excluded_from_alerts"]},
        "metric_annotations_allowlist": {"ingresses": ["other"]},
    });
    let families = [
        "kube_node_labels",
        "kube_pod_labels",
        "kube_persistentvolumeclaim_labels",
        "kube_ingress_labels",
        "kube_ingress_annotations",
        "kube_pod_annotations",
    ];
    let expected = [
        "kube_node_labels{node=\"n1\",label_disk_type_conflict1=\"ssd\",\
         label_disk_type_conflict2=\"nvme\",label_kubernetes_io_arch=\"amd64\"} 1",
        "kube_pod_labels{namespace=\"shop\",pod=\"cart-1\",uid=\"u-1\",\
         label_app_kubernetes_io_part_of=\"shop\"} 1",
        "kube_pod_labels{namespace=\"shop\",pod=\"job-1\",uid=\"u-2\"} 1",
        "kube_persistentvolumeclaim_labels{namespace=\"shop\",persistentvolumeclaim=\"cart\",\
         label_excluded_from_alerts=\"true\"} 1",
        "kube_ingress_annotations{namespace=\"shop\",ingress=\"cart\",annotation_other=\"x\"} 1",
    ];
    assert_eq!(of(&mut started(config).unwrap(), &families), expected);
    assert_eq!(of(&mut started(json!({})).unwrap(), &families), [""; 0]);
}

#[test]
fn families_that_are_not_wanted_are_not_told() {
    install(&cluster());
    let names = |config: Value| {
        let lines = told(&mut started(config).unwrap());
        let names = lines.iter().map(|line| line.split(['{', ' ']).next());
        let names: BTreeSet<String> = names.map(|name| name.unwrap().to_owned()).collect();
        names.into_iter().collect::<Vec<_>>()
    };
    let allow = ["kube_node_*", "kube_pod_info"];
    let deny = ["kube_node_status_*", "kube_node_spec_*"];
    assert_eq!(
        names(json!({"metric_allowlist": allow, "metric_denylist": deny})),
        [
            "kube_node_created",
            "kube_node_info",
            "kube_node_role",
            "kube_pod_info"
        ]
    );
}

#[test]
fn shards_have_all_objects_between_them_and_none_twice() {
    let pods: Vec<Value> = (0..200).map(|n| pod(&n.to_string(), "Running")).collect();
    install(&pods);
    let mut all = Vec::new();
    for shard in 0..3 {
        let config = json!({"resources": ["pods"], "shard": shard, "total_shards": 3});
        let mut exporter = started(config).unwrap();
        let infos = of(&mut exporter, &["kube_pod_info"]);
        assert!(infos.len() > 30, "{}", infos.len());
        all.extend(infos);
        let own = collected(&mut exporter).to_text();
        let ordinal =
            format!("kube_state_metrics_shard_ordinal{{shard_ordinal=\"{shard}\"}} {shard}");
        assert!(own.contains(&ordinal), "{own}");
        assert!(own.contains("kube_state_metrics_total_shards 3"), "{own}");
    }
    let different: BTreeSet<&String> = all.iter().collect();
    assert_eq!((all.len(), different.len()), (200, 200));
}

#[test]
fn a_resource_that_the_cluster_refuses_is_left_out_and_counted() {
    // The fake host refuses kinds that it has no object of.
    install(&[pod("x", "Running")]);
    let mut exporter = started(json!({"resources": ["pods", "nodes"]})).unwrap();
    for count in 1..=2 {
        let text = collected(&mut exporter).to_text();
        assert!(text.contains("kube_pod_info{"), "{text}");
        assert!(!text.contains("kube_node_info{"), "{text}");
        let own = |family: &str, resource: &str, result: &str, value: u32| {
            let line = format!(
                "kube_state_metrics_{family}_total{{resource=\"*v1.{resource}\",\
                 result=\"{result}\"}} {value}\n"
            );
            assert!(text.contains(&line), "{line}{text}");
        };
        own("list", "Pod", "success", 1);
        own("list", "Pod", "error", 0);
        own("list", "Node", "error", count);
        own("watch", "Pod", "success", 1);
        own("watch", "Node", "error", count);
    }
    // It is given the right.
    happen(Change::Added, &cluster()[0]);
    assert_eq!(of(&mut exporter, &["kube_node_created"]).len(), 1);
    // Where nothing is listed, there is nothing to tell.
    Host::new().install();
    let mut exporter = started(json!({})).unwrap();
    let nothing = exporter.collect(&target(), &mut Batch::new());
    assert!(matches!(nothing, Err(Error::Unavailable(_))), "{nothing:?}");
}

#[test]
fn of_some_namespaces_nothing_of_others_is_told() {
    let mut objects = cluster();
    objects.push(pod("x", "Running"));
    install(&objects);
    let config = json!({"resources": ["pods", "nodes"], "namespaces": ["a", "empty"]});
    let lines = of(
        &mut started(config).unwrap(),
        &["kube_pod_created", "kube_pod_info", "kube_node_created"],
    );
    assert_eq!(
        lines,
        [
            "kube_node_created{node=\"n1\"} 1704067200",
            "kube_pod_info{namespace=\"a\",pod=\"x\",uid=\"u-x\",host_network=\"false\"} 1",
        ]
    );
}

#[test]
fn what_cannot_be_done_is_an_error_that_says_so() {
    let many: Vec<String> = (0..4).map(|n| format!("n{n}")).collect();
    for (config, expected) in [
        (
            json!({"resources": ["pod"]}),
            "there is no resource \"pod\"; known are nodes, ",
        ),
        (
            json!({"metric_labels_allowlist": {"secrets": ["*"]}}),
            "no resource \"secrets\"",
        ),
        (
            json!({"shard": 2, "total_shards": 2}),
            "shard 2 is none of 2",
        ),
        (json!({"namespaces": many}), "are more than 32"),
    ] {
        match started(config) {
            Err(Error::Config(text)) => assert!(text.contains(expected), "{text}"),
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("{expected}"),
        }
    }
}

#[test]
fn the_manifest_knows_all_kinds() {
    let manifest = include_str!("../plugin.toml");
    let (_, list) = manifest.split_once("resources.items]\nenum = [\n").unwrap();
    let (list, _) = list.split_once("]\n").unwrap();
    let listed = list.lines().map(|line| line.trim_matches([' ', '"', ',']));
    let listed: BTreeSet<&str> = listed.collect();
    let known: BTreeSet<&str> = kinds::ALL.iter().map(|kind| kind.resource).collect();
    assert_eq!(listed, known);
}

#[test]
fn ten_thousand_pods_fit_into_one_answer() {
    Host::new().install();
    let mut pod = cluster().remove(2);
    for number in 0..10_000 {
        pod["metadata"]["name"] = format!("cart-7d9f8b6c5-{number:05}").into();
        pod["metadata"]["uid"] = format!("2b0c6a0e-6a1f-4c0e-9d53-00000000{number:04}").into();
        pod["status"]["podIP"] = format!("10.1.{}.{}", number / 256, number % 256).into();
        let status = &mut pod["status"]["containerStatuses"][0];
        status["containerID"] = format!("containerd://{number:064}").into();
        happen(Change::Added, &pod);
    }
    let mut exporter = started(json!({"resources": ["pods"]})).unwrap();
    let parts = collected(&mut exporter).into_parts();
    let texts: usize = parts.symbols.iter().map(|text| text.len() + 8).sum();
    let numbers = 4 * (parts.labels.len() + parts.label_counts.len()) + 8 * parts.values.len();
    assert!(parts.values.len() > 400_000, "{}", parts.values.len());
    assert!(texts + numbers < BOUNDARY_BYTES_MAX, "{texts} + {numbers}");
}
