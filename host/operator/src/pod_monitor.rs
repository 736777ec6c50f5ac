//! `PodMonitor`: a job for each of its endpoints, of targets that are pods.

use serde_json::{Map, Value};

use crate::endpoint::{self, Port};
use crate::fields::{Fields, Report};
use crate::options::Options;
use crate::relabel::{
    copy_present_rule, copy_rule, first_rule, label_name, label_rules, rules, running_filter,
    set_rule, shard_rules,
};
use crate::selector::{Selector, discovery, namespaces};

/// What one monitor says that all its endpoints share.
pub(crate) struct Monitor {
    pub(crate) namespaces: Vec<String>,
    pub(crate) selector: Selector,
    pub(crate) ports: Vec<Option<Port>>,
    /// Whether the endpoint leaves out pods that have ended.
    pub(crate) filters: Vec<bool>,
    pub(crate) jobs: Vec<Value>,
}

/// Reads a monitor.
pub(crate) fn read(mut fields: Fields<'_>, options: &Options, report: &mut Report<'_>) -> Monitor {
    let mut common = Map::new();
    let imposed = endpoint::spec(&mut fields, &mut common, options, report);
    let selector = match fields.map("selector", report) {
        Some(selector) => Selector::read(selector, report),
        None => {
            report.fault(&fields.at("selector"), "must be there");
            Selector::default()
        }
    };
    let selected = fields.map("namespaceSelector", report);
    let namespaces = namespaces(selected, options, report);
    let is_by_role = endpoint::is_selected_by_role(&mut fields, report);
    let attach = imposed.attach_node(endpoint::attach_node(&mut fields, report));
    let mut of_pods = fields.texts("podTargetLabels", report);
    of_pods.extend(options.pod_target_labels.iter().cloned());
    let labels = label_rules("pod", &of_pods);
    let job_label = fields.text("jobLabel", report);
    let selectors = match is_by_role {
        true => vec![("pod", &selector)],
        false => Vec::new(),
    };
    let found = discovery("pod", &namespaces, attach, &selectors);
    let (mut jobs, mut ports, mut filters) = (Vec::new(), Vec::new(), Vec::new());
    let entries = fields.maps("podMetricsEndpoints", report);
    for (at, mut entry) in entries.into_iter().enumerate() {
        let object = report.object;
        let whole = format!("{}/{}", object.namespace, object.name);
        let mut job = endpoint::job(format!("podMonitor/{whole}/{at}"));
        endpoint::scrape(&mut entry, &mut job, (options, &imposed), report);
        job.insert("kubernetes_sd_configs".to_owned(), found.clone());
        job.extend(common.clone());
        imposed.fill(&mut job);

        let target_port = Port::read(&mut entry, "targetPort", report);
        let number = entry.count("portNumber", report).filter(|port| *port > 0);
        let port = match entry.text("port", report) {
            Some(name) => Some(Port::Name(name.to_owned())),
            None => number.map(Port::Number).or(target_port),
        };
        let is_filtered = entry.flag("filterRunning", report).unwrap_or(true);
        let mut all = vec![first_rule()];
        all.extend(is_filtered.then(running_filter));
        if !is_by_role {
            all.extend(selector.relabelings("pod"));
        }
        all.extend(port.as_ref().map(Port::rule));
        all.push(copy_rule("__meta_kubernetes_namespace", "namespace"));
        all.push(copy_rule(
            "__meta_kubernetes_pod_container_name",
            "container",
        ));
        all.push(copy_rule("__meta_kubernetes_pod_name", "pod"));
        all.extend(labels.iter().cloned());
        all.push(set_rule("job", &whole));
        all.extend(job_label.map(|label| {
            let label = label_name(label);
            copy_present_rule(&format!("__meta_kubernetes_pod_label_{label}"), "job")
        }));
        all.extend(
            port.as_ref()
                .map(|port| set_rule("endpoint", &port.shown())),
        );
        all.extend(imposed.target_rules(rules(&mut entry, "relabelings", report)));
        all.extend(shard_rules("__address__", options));
        job.insert("relabel_configs".to_owned(), all.into());
        entry.finish(report);
        jobs.push(Value::Object(job));
        ports.push(port);
        filters.push(is_filtered);
    }
    fields.finish(report);
    Monitor {
        namespaces,
        selector,
        ports,
        filters,
        jobs,
    }
}
