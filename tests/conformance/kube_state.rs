//! The plugin `kube-state` on an API server that is spoken to over HTTP: it tells what its golden text
//! says, follows what changes, and shares its watches with discovery.
//!
//! There is no kube-state-metrics in Debian; the golden text has its names and meanings.

use std::collections::{BTreeMap, BTreeSet};

use narthex_tests::{ClusterServer, Narthex, http, repository, until};
use serde_json::Value;

/// A name, its labels and a value.
type Sample = (BTreeMap<String, String>, String);

/// The kinds that are looked at where a job names none.
const KINDS: usize = 18;

/// The group that is not there at first.
const POLICY: &str = "/apis/policy/v1";

/// Of the objects of that group.
const OF_POLICY: &str = "kube_poddisruptionbudget_";

fn fixture(name: &str) -> String {
    let folder = repository().join("plugins/exporters/kube-state/golden");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// Every number as the same number is written.
fn number(text: &str) -> String {
    text.parse::<f64>().unwrap().to_string()
}

/// The server gives objects versions of its own.
fn is_comparable(name: &str) -> bool {
    !name.ends_with("_metadata_resource_version")
}

fn expected() -> BTreeSet<Sample> {
    let text = fixture("expected.txt");
    let samples = text.lines().map(|line| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap();
        let labels = labels.trim_end_matches("\"}").split("\",");
        let labels = labels.map(|label| label.split_once("=\"").unwrap());
        let mut labels: BTreeMap<String, String> = labels
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .collect();
        labels.insert("__name__".to_owned(), name.to_owned());
        (labels, number(value))
    });
    samples
        .filter(|(labels, _)| is_comparable(&labels["__name__"]))
        .collect()
}

fn found(narthex: &Narthex, names: &str) -> Result<BTreeSet<Sample>, String> {
    let series = narthex.query(&format!("{{__name__=~\"{names}\",job=\"state\"}}"))?;
    let samples = series.iter().map(|(labels, value)| {
        let mut labels: BTreeMap<String, String> = serde_json::from_str(labels).unwrap();
        labels.retain(|name, _| !["job", "instance"].contains(&name.as_str()));
        (labels, number(value))
    });
    Ok(samples
        .filter(|(labels, _)| {
            let name = &labels["__name__"];
            is_comparable(name) && !name.starts_with("kube_state_metrics_")
        })
        .collect())
}

fn same(found: &BTreeSet<Sample>, expected: &BTreeSet<Sample>) -> Result<(), String> {
    let more = found.difference(expected).next();
    let missing = expected.difference(found).next();
    match (more, missing) {
        (None, None) => Ok(()),
        _ => Err(format!("unexpected: {more:?}\nmissing: {missing:?}")),
    }
}

#[test]
fn objects_are_told_as_they_change_and_watched_once_for_all() {
    let server = ClusterServer::start();
    server.set_absent(POLICY, true);
    let objects: Vec<Value> = serde_json::from_str(&fixture("cluster.json")).unwrap();
    for object in &objects {
        server.put(object.clone());
    }
    let url = server.url();
    let drop = "relabel_configs: [{action: drop, source_labels: [__address__], regex: '.*'}]";
    let narthex = Narthex::builder()
        .config(format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs:\n\
             - job_name: state\n  plugin: kube-state\n  plugin_config: {{api_server: '{url}'}}\n  \
             honor_labels: true\n  static_configs: [{{targets: [kubernetes]}}]\n\
             - job_name: pods\n  kubernetes_sd_configs: [{{role: pod, api_server: '{url}'}}]\n  {drop}\n\
             - job_name: nodes\n  kubernetes_sd_configs: [{{role: node, api_server: '{url}'}}]\n  {drop}\n"
        ))
        .start();

    // What the cluster does not have is left out, and says so; the rest is there.
    let all = expected();
    let without: BTreeSet<Sample> = all
        .iter()
        .filter(|(labels, _)| !labels["__name__"].starts_with(OF_POLICY))
        .cloned()
        .collect();
    assert!(without.len() < all.len());
    until(60, "what the golden text says, less a group", || {
        same(&found(&narthex, "kube_.+")?, &without)?;
        let refused = "kube_state_metrics_list_total{resource=\"*v1.PodDisruptionBudget\",\
                       result=\"error\"} > 0";
        match narthex.query(refused)?.len() {
            1 => Ok(()),
            count => Err(format!("{count} counters of refusals")),
        }
    });
    server.set_absent(POLICY, false);
    until(90, "all that the golden text says", || {
        same(&found(&narthex, "kube_.+")?, &all)
    });

    // One watch a kind, also of those that jobs find targets by.
    until(60, "one watch a kind", || {
        let watches = server.watches();
        match watches.len() == KINDS && watches.values().all(|count| *count == 1) {
            true => Ok(()),
            false => Err(format!("{watches:?}")),
        }
    });
    let line = format!("narthex_kubernetes_watches {KINDS}");
    until(60, &line, || {
        let text = http::get(&format!("{}/metrics", narthex.url()))?.1;
        let is_there = text.lines().any(|found| found == line);
        is_there.then_some(()).ok_or(text)
    });

    // A change is there with the next scrape, and what is gone is gone.
    let mut pods = objects
        .iter()
        .filter(|object| object["kind"] == "Pod")
        .cloned();
    let (mut cart, job) = (pods.next().unwrap(), pods.next().unwrap());
    cart["status"]["phase"] = "Succeeded".into();
    server.put(cart);
    server.delete(&job);
    until(60, "the changes", || {
        let phases = narthex.query("kube_pod_status_phase == 1")?;
        let phases: Vec<&str> = phases.keys().map(String::as_str).collect();
        match phases.as_slice() {
            [one] if one.contains("\"Succeeded\"") && one.contains("\"cart-1\"") => Ok(()),
            _ => Err(format!("{phases:?}")),
        }
    });
}
