//! What a config may say, and what is likely to be a mistake: names of things that are no more.
//!
//! It is not: a fault. The config is taken, and these are warnings.

use crate::yaml::{Document, Fault};

/// So many warnings of one file are given.
const WARNINGS_MAX: usize = 100;

/// A part of a text that speaks of something that is gone, what to say of it, and what to do.
struct Gone {
    part: &'static str,
    message: &'static str,
    hint: &'static str,
}

const GONE: &[Gone] = &[
    Gone {
        part: ":10251",
        message: "kube-scheduler has no port 10251 since Kubernetes 1.23",
        hint: "scrape port 10259 with `scheme: https` and a service account's token",
    },
    Gone {
        part: ":10252",
        message: "kube-controller-manager has no port 10252 since Kubernetes 1.22",
        hint: "scrape port 10257 with `scheme: https` and a service account's token",
    },
    Gone {
        part: ":10255",
        message: "the kubelet's read-only port 10255 is off in Kubernetes today",
        hint: "scrape port 10250 with `scheme: https` and a service account's token",
    },
    Gone {
        part: "istio-mixer",
        message: "Istio has no mixer since 1.8",
        hint: "scrape the proxies (:15020/stats/prometheus) and istiod (:15014/metrics)",
    },
    Gone {
        part: "istio-telemetry",
        message: "Istio has no istio-telemetry since 1.8, which was its mixer",
        hint: "scrape the proxies (:15020/stats/prometheus) and istiod (:15014/metrics)",
    },
    Gone {
        part: "istio-policy",
        message: "Istio has no istio-policy since 1.8, which was its mixer",
        hint: "scrape the proxies (:15020/stats/prometheus) and istiod (:15014/metrics)",
    },
    Gone {
        part: "heapster",
        message: "Heapster is no more",
        hint: "scrape the kubelets (/metrics/resource and /metrics/cadvisor) and kube-state-metrics",
    },
    Gone {
        part: "tiller",
        message: "Helm has no Tiller since 3.0",
        hint: "take the job out",
    },
];

/// Labels and metrics that have other names now, where a relabelling rule asks for them.
const RENAMED: &[(&str, &str, &str)] = &[
    (
        "pod_name",
        "pod",
        "cAdvisor's label is called otherwise since Kubernetes 1.16",
    ),
    (
        "container_name",
        "container",
        "cAdvisor's label is called otherwise since Kubernetes 1.16",
    ),
    (
        "apiserver_request_count",
        "apiserver_request_total",
        "the metric is called otherwise since Kubernetes 1.17",
    ),
    (
        "apiserver_request_latencies_bucket",
        "apiserver_request_duration_seconds_bucket",
        "the metric is called otherwise since Kubernetes 1.17",
    ),
    (
        "etcd_request_latencies_summary",
        "etcd_request_duration_seconds",
        "the metric is called otherwise since Kubernetes 1.17",
    ),
    (
        "kubelet_docker_operations",
        "kubelet_runtime_operations_total",
        "the metric is called otherwise since Kubernetes 1.17",
    ),
    (
        "node_cpu",
        "node_cpu_seconds_total",
        "the metric is called otherwise since node exporter 0.16",
    ),
    (
        "node_memory_MemTotal",
        "node_memory_MemTotal_bytes",
        "the metric is called otherwise since node exporter 0.16",
    ),
    (
        "node_memory_MemAvailable",
        "node_memory_MemAvailable_bytes",
        "the metric is called otherwise since node exporter 0.16",
    ),
    (
        "node_filesystem_size",
        "node_filesystem_size_bytes",
        "the metric is called otherwise since node exporter 0.16",
    ),
    (
        "node_filesystem_avail",
        "node_filesystem_avail_bytes",
        "the metric is called otherwise since node exporter 0.16",
    ),
    (
        "kube_pod_container_resource_requests_cpu_cores",
        "kube_pod_container_resource_requests{resource=\"cpu\"}",
        "the metric is called otherwise since kube-state-metrics 2.0",
    ),
    (
        "kube_pod_container_resource_limits_memory_bytes",
        "kube_pod_container_resource_limits{resource=\"memory\"}",
        "the metric is called otherwise since kube-state-metrics 2.0",
    ),
];

/// What is likely to be a mistake, with its place.
pub(super) fn faults(document: &Document) -> Vec<Fault> {
    let mut found = Vec::new();
    for (pointer, text) in document.texts() {
        if found.len() >= WARNINGS_MAX {
            break;
        }
        let is_of_job = ["/scrape_configs/", "/alerting/", "/remote_write/"]
            .iter()
            .any(|section| pointer.starts_with(section));
        if !is_of_job {
            continue;
        }
        if let Some(gone) = GONE.iter().find(|gone| has_word(text, gone.part)) {
            let fault = document.at(&pointer, gone.message.to_owned());
            found.push(fault.with_hint(gone.hint));
        }
        let is_rule = pointer.contains("relabel_configs/");
        let renamed = RENAMED.iter().filter(|_| is_rule);
        for (old, new, why) in renamed.filter(|(old, ..)| has_word(text, old)) {
            let fault = document.at(&pointer, format!("`{old}` is called `{new}` now"));
            found.push(fault.with_hint(why));
        }
    }
    found
}

/// Whether a text has the part, and not as a part of another name.
pub(super) fn has_word(text: &str, part: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(part).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + part.len()..].chars().next();
        let begins = !part.starts_with(is_name) || !before.is_some_and(is_name);
        begins && !after.is_some_and(is_name)
    })
}

/// Says of a name of a metric what it is called now, for rules.
pub(crate) fn renamed(text: &str) -> Option<String> {
    let (old, new, why) = RENAMED.iter().find(|(old, ..)| has_word(text, old))?;
    Some(format!("`{old}` is called `{new}` now: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_found_where_it_stands() {
        let text = "scrape_configs:\n\
                    - job_name: a\n\
                    \x20 static_configs:\n\
                    \x20 - targets: ['master:10251', 'master:102510', heapster:80, my_heapster:80]\n\
                    \x20 metric_relabel_configs:\n\
                    \x20 - {source_labels: [pod_name], target_label: kube_pod_name, regex: 'node_cpu|x'}\n\
                    remote_write:\n- {url: 'http://istio-mixer/'}\n";
        let document = Document::parse(text, "f.yml").unwrap();
        let found = faults(&document);
        let found: Vec<_> = found
            .iter()
            .map(|fault| (fault.place.unwrap(), fault.path.clone().unwrap()))
            .collect();
        let targets = "scrape_configs[0].static_configs[0].targets";
        let rule = "scrape_configs[0].metric_relabel_configs[0]";
        let expected = [
            ((4, 15), format!("{targets}[0]")),
            ((4, 48), format!("{targets}[2]")),
            ((6, 22), format!("{rule}.source_labels[0]")),
            ((6, 69), format!("{rule}.regex")),
            ((8, 9), "remote_write[0].url".to_owned()),
        ];
        assert_eq!(found, expected);
    }
}
