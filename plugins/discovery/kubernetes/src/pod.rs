//! The role `pod`: a target for each port of each container; and what a pod lends to the
//! endpoints that it is behind.

use std::net::IpAddr;

use narthex_sdk::Error;

use crate::build::{Builder, Draft};
use crate::labels::{Labels, join};
use crate::objects::{Container, ContainerPort, Pod};

impl Builder {
    pub(crate) fn pod(&self, pod: &Pod, draft: &mut Draft) -> Result<(), Error> {
        let ip = &pod.status.pod_ip;
        // One that starts or was evicted has none.
        if ip.is_empty() {
            return Ok(());
        }
        if self.attach.node {
            let node = self.node_metadata(&pod.spec.node_name, &mut draft.needs)?;
            // Nodes can be selected, and a pod goes with its node.
            let Some(node) = node else {
                return Ok(());
            };
            draft.labels.merge(&node);
        }
        draft.labels.merge(&pod.labels());
        let workload = self.workload(&pod.metadata, &mut draft.needs)?;
        draft.labels.merge(&workload);
        draft.labels.set("namespace", &pod.metadata.namespace);
        self.attach_namespace(&pod.metadata, draft)?;
        for (container, is_init) in pod.containers() {
            let mut own = Labels::default();
            own.set("pod_container_name", &container.name);
            own.set(
                "pod_container_id",
                pod.container_id(&container.name, is_init),
            );
            own.set("pod_container_image", &container.image);
            own.set("pod_container_init", is_init.to_string());
            let ports = container.ports.as_deref().unwrap_or_default();
            if ports.is_empty() {
                // The port is for the user to add.
                let mut target = Labels::of_target(&bare(ip));
                target.merge(&own);
                draft.targets.push(target);
            }
            for port in ports {
                let mut target = Labels::of_target(&join(ip, port.container_port));
                target.merge(&own);
                target.set_port(port);
                draft.targets.push(target);
            }
        }
        Ok(())
    }
}

/// An address that stands without a port.
fn bare(ip: &str) -> String {
    match ip.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => ip.to_owned(),
    }
}

impl Labels {
    fn set_port(&mut self, port: &ContainerPort) {
        self.set("pod_container_port_name", &port.name);
        self.set("pod_container_port_number", port.container_port.to_string());
        self.set("pod_container_port_protocol", &port.protocol);
    }
}

impl Pod {
    /// Those that run, and then those that run before them.
    fn containers(&self) -> impl Iterator<Item = (&Container, bool)> {
        let (running, init) = (&self.spec.containers, &self.spec.init_containers);
        let running = running.iter().flatten().map(|container| (container, false));
        let init = init.iter().flatten().map(|container| (container, true));
        running.chain(init)
    }

    fn container_id(&self, name: &str, is_init: bool) -> &str {
        let statuses = match is_init {
            true => &self.status.init_container_statuses,
            false => &self.status.container_statuses,
        };
        let mut statuses = statuses.iter().flatten();
        let status = statuses.find(|status| status.name == name);
        status.map_or("", |status| &status.container_id)
    }

    /// What is said of a pod wherever it is.
    pub(crate) fn labels(&self) -> Labels {
        let mut labels = Labels::default();
        labels.set_metadata("pod", &self.metadata);
        let mut conditions = self.status.conditions.iter().flatten();
        let ready = conditions.find(|condition| condition.kind == "Ready");
        let ready = ready.map_or("unknown".to_owned(), |ready| ready.status.to_lowercase());
        labels.set("pod_ready", ready);
        for (name, value) in [
            ("pod_ip", &self.status.pod_ip),
            ("pod_phase", &self.status.phase),
            ("pod_node_name", &self.spec.node_name),
            ("pod_host_ip", &self.status.host_ip),
            ("pod_uid", &self.metadata.uid),
        ] {
            labels.set(name, value);
        }
        if let Some(owner) = self.metadata.controller() {
            for (name, value) in [
                ("pod_controller_kind", &owner.kind),
                ("pod_controller_name", &owner.name),
            ] {
                labels.set_some(name, Some(value).filter(|value| !value.is_empty()));
            }
        }
        labels.merge(&self.workload);
        labels
    }

    /// The labels of the container that listens on a port. A `protocol` that is given counts in
    /// place of the port's own.
    pub(crate) fn port_labels(&self, number: u32, protocol: Option<&str>) -> Labels {
        let mut labels = Labels::default();
        for (container, is_init) in self.containers() {
            let mut ports = container.ports.iter().flatten();
            if let Some(port) = ports.find(|port| port.container_port == number) {
                labels.set_container(container, is_init);
                labels.set_port(port);
                labels.set_some("pod_container_port_protocol", protocol);
            }
        }
        labels
    }

    /// A target for each port that no endpoint has named: they are worth having as well.
    pub(crate) fn other_ports(&self, named: &[u32]) -> Vec<Labels> {
        if self.status.pod_ip.is_empty() {
            return Vec::new();
        }
        let mut targets = Vec::new();
        for (container, is_init) in self.containers() {
            for port in container.ports.iter().flatten() {
                if named.contains(&port.container_port) {
                    continue;
                }
                let address = join(&self.status.pod_ip, port.container_port);
                let mut target = Labels::of_target(&address);
                target.set_container(container, is_init);
                target.set_port(port);
                target.merge(&self.labels());
                targets.push(target);
            }
        }
        targets
    }
}

impl Labels {
    fn set_container(&mut self, container: &Container, is_init: bool) {
        self.set("pod_container_name", &container.name);
        self.set("pod_container_image", &container.image);
        self.set("pod_container_init", is_init.to_string());
    }
}
