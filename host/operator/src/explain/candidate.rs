//! What discovery would find: an address with the labels that the Operator's rules look at.
//!
//! It is not: all labels that discovery gives, which the plugin `kubernetes` knows.

use serde_json::Value;

use super::{labels_of, metadata};
use crate::options::Role;
use crate::relabel::label_name;

/// A target before relabelling.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) labels: Vec<(String, String)>,
    /// The port of the service, where it is one.
    pub(super) port_name: Option<String>,
    /// The port of the container, where it is one: name and number.
    pub(super) container_port: Option<(String, u64)>,
}

/// A port of a container of a pod.
#[derive(Debug, Clone)]
pub(super) struct ContainerPort {
    container: String,
    pub(super) name: String,
    pub(super) number: u64,
}

/// All ports of a pod's containers.
pub(super) fn container_ports(pod: &Value) -> Vec<ContainerPort> {
    let mut all = Vec::new();
    for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for port in container["ports"].as_array().into_iter().flatten() {
            all.push(ContainerPort {
                container: text(&container["name"]),
                name: text(&port["name"]),
                number: port["containerPort"].as_u64().unwrap_or_default(),
            });
        }
    }
    all
}

impl Candidate {
    fn new(job: &Value, namespace: &str, address: &str) -> Self {
        let mut labels = vec![
            ("__address__".to_owned(), address.to_owned()),
            (
                "__meta_kubernetes_namespace".to_owned(),
                namespace.to_owned(),
            ),
        ];
        if let Some(name) = job["job_name"].as_str() {
            labels.push(("job".to_owned(), name.to_owned()));
        }
        Self {
            labels,
            port_name: None,
            container_port: None,
        }
    }

    /// An address of a slice of a service.
    pub(super) fn behind(
        job: &Value,
        service: &Value,
        role: Role,
        address: &str,
        (kind, name): (&str, &str),
    ) -> Self {
        let mut candidate = Self::new(job, metadata(service, "namespace"), address);
        candidate.set("__meta_kubernetes_service_name", metadata(service, "name"));
        candidate.set_labels("service", service);
        let prefix = role.label_prefix();
        candidate.set(&format!("{prefix}_address_target_kind"), kind);
        candidate.set(&format!("{prefix}_address_target_name"), name);
        candidate
    }

    /// A pod.
    pub(super) fn of_pod(job: &Value, pod: &Value, address: &str) -> Self {
        let mut candidate = Self::new(job, metadata(pod, "namespace"), address);
        candidate.set_pod(pod);
        candidate
    }

    /// The pod behind it.
    pub(super) fn set_pod(&mut self, pod: &Value) {
        self.set("__meta_kubernetes_pod_name", metadata(pod, "name"));
        let phase = pod["status"]["phase"].as_str().unwrap_or_default();
        self.set("__meta_kubernetes_pod_phase", phase);
        self.set_labels("pod", pod);
    }

    /// The port of the service.
    pub(super) fn set_port(&mut self, role: Role, name: &str) {
        self.set(&format!("{}_port_name", role.label_prefix()), name);
        self.port_name = Some(name.to_owned());
    }

    /// The port of the container.
    pub(super) fn set_container(&mut self, port: &ContainerPort) {
        self.set("__meta_kubernetes_pod_container_name", &port.container);
        self.set("__meta_kubernetes_pod_container_port_name", &port.name);
        let number = port.number.to_string();
        self.set("__meta_kubernetes_pod_container_port_number", &number);
        self.container_port = Some((port.name.clone(), port.number));
    }

    fn set(&mut self, name: &str, value: &str) {
        self.labels.push((name.to_owned(), value.to_owned()));
    }

    fn set_labels(&mut self, of: &str, object: &Value) {
        for (name, value) in labels_of(object) {
            let name = label_name(&name);
            self.set(&format!("__meta_kubernetes_{of}_label_{name}"), &value);
            self.set(
                &format!("__meta_kubernetes_{of}_labelpresent_{name}"),
                "true",
            );
        }
    }
}
