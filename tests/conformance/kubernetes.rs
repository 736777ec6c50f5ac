//! Narthex on an API server that is spoken to over HTTP, fed by the script in `kubernetes/`: it
//! finds what the golden texts of the plugin say, and what vmagent finds.
//!
//! Debian's Prometheus is built without discovery of Kubernetes; its vmagent, a program of others
//! with the same labels, is the peer here.

use std::collections::{BTreeMap, BTreeSet};

use narthex_tests::{ClusterServer, Fault, Narthex, free_port, http, peers, repository, until};
use serde_json::Value;

/// Labels of targets; empty ones are none.
type Labels = BTreeMap<String, String>;

const ROLES: [&str; 6] = [
    "node",
    "pod",
    "service",
    "endpoints",
    "endpointslice",
    "ingress",
];

/// What vmagent 1.79 does not know yet, by role; these labels came later.
const NEWER: [(&str, &[&str]); 5] = [
    (
        "node",
        &["node_condition_memorypressure", "node_condition_ready"],
    ),
    ("pod", &["pod_container_image", "pod_container_id"]),
    (
        "service",
        &["service_port_number", "service_loadbalancer_ip"],
    ),
    (
        "endpoints",
        &[
            "pod_container_image",
            "pod_container_init",
            // Where two ports have a number, the endpoint's protocol counts, and there the first's.
            "pod_container_port_protocol",
            // It says what belongs to role service, and less of a pod's other ports.
            "endpoints_name",
            "service_cluster_ip",
            "service_type",
        ],
    ),
    ("ingress", &[]),
];

fn script() -> Vec<Value> {
    let path = repository().join("tests/conformance/kubernetes/script.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn happen(server: &ClusterServer, step: &Value) {
    for object in step["put"].as_array().unwrap() {
        server.put(object.clone());
    }
    for object in step["delete"].as_array().unwrap() {
        server.delete(object);
    }
}

/// Drops all targets: they are discovered and not scraped.
const DROP: &str = "relabel_configs: [{action: drop, source_labels: [__address__], regex: '.*'}]";

/// vmagent remembers dropped targets for a while, and of active ones whose labels are the same it
/// keeps one.
const KEEP: &str =
    "scrape_interval: 1h\n  relabel_configs: [{action: labelmap, regex: '__meta_(.+)'}]";

/// A job for each.
fn config(jobs: &[(String, String)], server: &str, rest: &str) -> String {
    let mut text = "scrape_configs:\n".to_owned();
    for (name, fields) in jobs {
        text.push_str(&format!(
            "- job_name: {name}\n  kubernetes_sd_configs:\n  - api_server: {server}\n    {fields}\n  {rest}\n"
        ));
    }
    text
}

fn jobs() -> Vec<(String, String)> {
    let mut jobs: Vec<_> = ROLES
        .iter()
        .map(|role| ((*role).to_owned(), format!("role: {role}")))
        .collect();
    for role in ["pod", "endpoints", "endpointslice"] {
        let attach = "attach_metadata: {node: true, namespace: true}";
        let fields = format!("role: {role}\n    {attach}");
        jobs.push((format!("{role}_attached"), fields));
    }
    jobs.push((
        "endpoints_of_infra".to_owned(),
        "role: endpoints\n    namespaces: {names: [infra, empty]}".to_owned(),
    ));
    jobs
}

/// What was discovered, by job.
fn discovered(base: &str, state: &str) -> Result<BTreeMap<String, BTreeSet<Labels>>, String> {
    let data = http::api(&format!("{base}/api/v1/targets?state={state}"))?;
    let targets = data[format!("{state}Targets")].as_array();
    let mut by_job: BTreeMap<String, BTreeSet<Labels>> = BTreeMap::new();
    for target in targets.into_iter().flatten() {
        let labels = target["discoveredLabels"].as_object().ok_or("no labels")?;
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let own = labels.iter().filter(|(name, value)| {
            let is_own =
                name.starts_with("__meta_") || ["__address__", "instance"].contains(&name.as_str());
            is_own && !text(value).is_empty()
        });
        let own = own
            .map(|(name, value)| (name.clone(), text(value)))
            .collect();
        by_job.entry(text(&labels["job"])).or_default().insert(own);
    }
    Ok(by_job)
}

/// What the golden text says is there after a step.
fn golden(job: &str, step: usize) -> BTreeSet<Labels> {
    let path = format!("plugins/discovery/kubernetes/fixtures/{job}.txt");
    let text = std::fs::read_to_string(repository().join(path)).unwrap();
    let mut groups: BTreeMap<String, Vec<Labels>> = BTreeMap::new();
    // The first of each are the labels of all.
    let (mut source, mut steps) = (String::new(), 0);
    for line in text.lines() {
        if line.starts_with("== ") {
            steps += 1;
            if steps > step + 1 {
                break;
            }
        } else if line == "  -" {
            groups.get_mut(&source).unwrap().push(Labels::new());
        } else if let Some((name, value)) = line.trim().split_once(" = ") {
            let value: String = serde_json::from_str(value).unwrap();
            let labels = groups.get_mut(&source).unwrap().last_mut().unwrap();
            labels.insert(name.to_owned(), value);
        } else {
            source = line.rsplit_once(" (").unwrap().0.to_owned();
            groups.insert(source.clone(), vec![Labels::new()]);
        }
    }
    let mut all = BTreeSet::new();
    for mut group in groups.into_values() {
        let common = group.remove(0);
        for own in group {
            let mut labels = common.clone();
            labels.extend(own);
            labels.retain(|_, value| !value.is_empty());
            all.insert(labels);
        }
    }
    all
}

fn difference(found: &BTreeSet<Labels>, expected: &BTreeSet<Labels>) -> Option<String> {
    let more = found.difference(expected).next();
    let missing = expected.difference(found).next();
    (more.is_some() || missing.is_some())
        .then(|| format!("unexpected: {more:#?}\nmissing: {missing:#?}"))
}

/// Waits until Narthex has found what the golden texts say.
fn finds_golden(narthex: &Narthex, jobs: &[(String, String)], step: usize) {
    until(90, "the targets of the golden texts", || {
        let found = discovered(&narthex.url(), "dropped")?;
        for (job, _) in jobs {
            let found = found.get(job).cloned().unwrap_or_default();
            if let Some(difference) = difference(&found, &golden(job, step)) {
                return Err(format!("{job}, step {step}: {difference}"));
            }
        }
        Ok(())
    });
}

/// Waits until there is one watch of each kind that is asked for, and no other.
fn has_one_watch_each(server: &ClusterServer, paths: usize) {
    until(60, "one watch a kind", || {
        let watches = server.watches();
        let is_one = watches.values().all(|count| *count == 1);
        match is_one && watches.len() == paths {
            true => Ok(()),
            false => Err(format!("{watches:?}")),
        }
    });
}

#[test]
fn targets_are_those_of_the_golden_texts_and_of_vmagent() {
    let folder = tempfile::tempdir().unwrap();
    let server = ClusterServer::start();
    let jobs = jobs();
    let narthex = Narthex::builder()
        .config(config(&jobs, &server.url(), DROP))
        .start();
    let roles = ROLES.iter().filter(|role| **role != "endpointslice");
    let roles: Vec<_> = roles
        .map(|role| ((*role).to_owned(), format!("role: {role}")))
        .collect();
    let text = config(&roles, &server.url(), KEEP);
    let vmagent = peers::vmagent(folder.path(), free_port(), &text, "http://127.0.0.1:1/");
    for (number, step) in script().iter().enumerate() {
        happen(&server, step);
        finds_golden(&narthex, &jobs, number);
        until(90, "the targets of vmagent", || {
            let (ours, theirs) = (
                discovered(&narthex.url(), "dropped")?,
                discovered(&vmagent.url(), "active")?,
            );
            for (role, newer) in NEWER {
                let comparable = |all: &BTreeMap<String, BTreeSet<Labels>>| {
                    let all = all.get(role).cloned().unwrap_or_default();
                    all.into_iter()
                        .filter_map(|labels| comparable(role, newer, labels))
                        .collect()
                };
                if let Some(difference) = difference(&comparable(&ours), &comparable(&theirs)) {
                    return Err(format!("{role}, step {number}: {difference}"));
                }
            }
            Ok(())
        });
    }
}

/// A target without what only one of the two can say; none, where the other has no such target.
fn comparable(role: &str, newer: &[&str], mut labels: Labels) -> Option<Labels> {
    let init = "__meta_kubernetes_pod_container_init";
    // What has no address is no target there.
    labels.get("__address__")?;
    // Ports of containers that run before the others are no endpoints.
    if role == "endpoints" && labels.get(init).is_some_and(|init| init == "true") {
        return None;
    }
    for name in newer {
        labels.remove(&format!("__meta_kubernetes_{name}"));
    }
    // Of ports that the object does not name, vmagent leaves the object's labels out; in Prometheus
    // they belong to the whole group.
    if role == "endpoints" && !labels.contains_key("__meta_kubernetes_endpoint_ready") {
        labels.retain(|name, _| !name.starts_with("__meta_kubernetes_endpoints_"));
    }
    if let Some(address) = labels.get_mut("__address__")
        && !address.contains("]:")
    {
        *address = address.trim_matches(['[', ']']).to_owned();
    }
    Some(labels)
}

#[test]
fn faults_of_the_cluster_change_no_targets_and_open_no_second_watch() {
    let server = ClusterServer::start();
    let jobs = jobs();
    let narthex = Narthex::builder()
        .config(config(&jobs, &server.url(), DROP))
        .start();
    for (number, step) in script().iter().enumerate() {
        server.fail_next(&[
            Fault::Close,
            Fault::TooMany(1),
            Fault::Garbage,
            Fault::Gone,
            Fault::Error,
            Fault::HalfLine,
        ]);
        server.cut_watches(number % 2 == 0);
        happen(&server, step);
        if number % 2 == 1 {
            server.compact();
        }
        finds_golden(&narthex, &jobs, number);
    }
    // The six roles and namespaces, and two namespaces of endpoints with their services and pods.
    has_one_watch_each(&server, 7 + 6);
    let text = http::get(&format!("{}/metrics", narthex.url())).unwrap().1;
    let failures = text.lines().find_map(|line| {
        let value = line.strip_prefix("prometheus_sd_kubernetes_failures_total ")?;
        value.parse::<f64>().ok()
    });
    assert!(failures.unwrap() > 0.0);
}

#[test]
fn a_hundred_jobs_cost_one_watch_a_kind() {
    let server = ClusterServer::start();
    happen(&server, &script()[0]);
    let jobs: Vec<_> = (0..100)
        .map(|number| (format!("job-{number}"), "role: endpoints".to_owned()))
        .collect();
    let narthex = Narthex::builder()
        .config(config(&jobs, &server.url(), DROP))
        .start();
    let expected = golden("endpoints", 0);
    until(120, "the targets of a hundred jobs", || {
        let found = discovered(&narthex.url(), "dropped")?;
        let complete = found.values().filter(|found| **found == expected).count();
        (complete == 100)
            .then_some(())
            .ok_or(format!("{complete} jobs"))
    });
    has_one_watch_each(&server, 3);
    let metric = |name: &str| {
        let text = http::get(&format!("{}/metrics", narthex.url())).unwrap().1;
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().to_owned()
    };
    until(60, "what is counted of watches", || {
        let counted = ["watches", "listeners"];
        let counted = counted.map(|what| metric(&format!("narthex_kubernetes_{what} ")));
        match counted == ["3", "300"] {
            true => Ok(()),
            false => Err(format!("{counted:?}")),
        }
    });
    // Nobody listens any more.
    narthex.write_config("scrape_configs: []\n");
    http::post(&format!("{}/-/reload", narthex.url())).unwrap();
    until(60, "no watches", || {
        match metric("narthex_kubernetes_watches ").as_str() {
            "0" => Ok(()),
            count => Err(count.to_owned()),
        }
    });
}

/// Runs where `KUBECONFIG` names a cluster, such as a real one.
#[test]
fn a_real_cluster_is_found_where_there_is_one() {
    let Some(path) = std::env::var_os("KUBECONFIG") else {
        return;
    };
    let path = path.to_string_lossy();
    let mut text = "scrape_configs:\n".to_owned();
    for role in ROLES {
        text.push_str(&format!(
            "- job_name: {role}\n  kubernetes_sd_configs:\n  - {{role: {role}, kubeconfig_file: '{path}'}}\n  \
             relabel_configs:\n  - {{action: drop, source_labels: [__address__], regex: '.*'}}\n"
        ));
    }
    let narthex = Narthex::builder().config(text).start();
    until(90, "the service of the cluster itself", || {
        let found = discovered(&narthex.url(), "dropped")?;
        let addresses = |role: &str| {
            let targets = found.get(role).cloned().unwrap_or_default();
            let addresses = targets
                .into_iter()
                .filter_map(|mut target| target.remove("__address__"));
            addresses.collect::<Vec<_>>()
        };
        let own = "kubernetes.default.svc:443".to_owned();
        match addresses("service").contains(&own) && !addresses("endpoints").is_empty() {
            true => Ok(()),
            false => Err(format!("{found:?}")),
        }
    });
}
