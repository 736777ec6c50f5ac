//! `ServiceMonitor`: a job for each of its endpoints, of targets behind services.

use serde_json::{Map, Value, json};

use crate::endpoint::{self, Port};
use crate::fields::{Fields, Report};
use crate::options::{Options, Role};
use crate::relabel::{
    copy_present_rule, copy_rule, first_rule, keep_rule, label_name, label_rules, rules,
    running_filter, set_rule, shard_rules,
};
use crate::selector::{Selector, discovery, namespaces};

/// What one monitor says that all its endpoints share.
pub(crate) struct Monitor {
    pub(crate) namespaces: Vec<String>,
    pub(crate) selector: Selector,
    pub(crate) role: Role,
    pub(crate) ports: Vec<Option<EndpointPort>>,
    pub(crate) jobs: Vec<Value>,
}

/// Where an endpoint is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EndpointPort {
    /// The name of a port of the service.
    OfService(String),
    /// A port of the pod.
    OfPod(Port),
}

impl EndpointPort {
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::OfService(name) => name.clone(),
            Self::OfPod(port) => port.shown(),
        }
    }
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
    let role = match fields.text("serviceDiscoveryRole", report) {
        None => options.service_discovery_role,
        Some("Endpoints") => Role::Endpoints,
        Some("EndpointSlice") => Role::EndpointSlice,
        Some(other) => {
            let text = format!("{other:?} is neither Endpoints nor EndpointSlice");
            report.fault(&fields.at("serviceDiscoveryRole"), text);
            options.service_discovery_role
        }
    };
    let attach = imposed.attach_node(endpoint::attach_node(&mut fields, report));
    let mut labels = label_rules("service", &fields.texts("targetLabels", report));
    let mut of_pods = fields.texts("podTargetLabels", report);
    of_pods.extend(options.pod_target_labels.iter().cloned());
    labels.extend(label_rules("pod", &of_pods));
    let job_label = fields.text("jobLabel", report);

    let selectors = match is_by_role {
        true => vec![("service", &selector), (role.as_str(), &selector)],
        false => Vec::new(),
    };
    let found = discovery(role.as_str(), &namespaces, attach, &selectors);
    let (mut jobs, mut ports) = (Vec::new(), Vec::new());
    for (at, mut entry) in fields.maps("endpoints", report).into_iter().enumerate() {
        let object = report.object;
        let name = format!("serviceMonitor/{}/{}/{at}", object.namespace, object.name);
        let mut job = endpoint::job(name);
        endpoint::scrape(&mut entry, &mut job, (options, &imposed), report);
        job.insert("kubernetes_sd_configs".to_owned(), found.clone());
        job.extend(common.clone());
        imposed.fill(&mut job);

        let target_port = Port::read(&mut entry, "targetPort", report);
        let port = match entry.text("port", report) {
            Some(name) => Some(EndpointPort::OfService(name.to_owned())),
            None => target_port.map(EndpointPort::OfPod),
        };
        let is_filtered = entry.flag("filterRunning", report).unwrap_or(true);
        let mut all = vec![first_rule()];
        if !is_by_role {
            all.extend(selector.relabelings("service"));
        }
        all.extend(port.as_ref().map(|port| port_rule(port, role)));
        all.extend(identity_rules(role));
        all.extend(is_filtered.then(running_filter));
        all.extend(labels.iter().cloned());
        all.push(json!({
            "source_labels": ["__meta_kubernetes_service_name"],
            "target_label": "job",
            "replacement": "${1}",
        }));
        all.extend(job_label.map(|label| {
            let label = label_name(label);
            copy_present_rule(&format!("__meta_kubernetes_service_label_{label}"), "job")
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
    }
    fields.finish(report);
    Monitor {
        namespaces,
        selector,
        role,
        ports,
        jobs,
    }
}

fn port_rule(port: &EndpointPort, role: Role) -> Value {
    match port {
        EndpointPort::OfService(name) => {
            keep_rule(&[format!("{}_port_name", role.label_prefix())], name)
        }
        EndpointPort::OfPod(port) => port.rule(),
    }
}

/// What a target is: its node or pod, namespace, service and container.
fn identity_rules(role: Role) -> Vec<Value> {
    let prefix = role.label_prefix();
    let of_kind = |kind: &str, label: &str| {
        json!({
            "source_labels": [
                format!("{prefix}_address_target_kind"),
                format!("{prefix}_address_target_name"),
            ],
            "separator": ";",
            "regex": format!("{kind};(.*)"),
            "replacement": "${1}",
            "target_label": label,
        })
    };
    vec![
        of_kind("Node", "node"),
        of_kind("Pod", "pod"),
        copy_rule("__meta_kubernetes_namespace", "namespace"),
        copy_rule("__meta_kubernetes_service_name", "service"),
        copy_rule("__meta_kubernetes_pod_name", "pod"),
        copy_rule("__meta_kubernetes_pod_container_name", "container"),
    ]
}
