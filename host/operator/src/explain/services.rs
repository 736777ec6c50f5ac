//! The walk of a `ServiceMonitor`: services, the slices behind them, and their ports.

use std::collections::BTreeSet;

use serde_json::Value;

use super::candidate::{Candidate, container_ports};
use super::{Walk, full_name, labels_of, metadata, several, texts};
use crate::endpoint::Port;
use crate::service_monitor::{EndpointPort, Monitor};

/// The label of a slice that names its service.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

impl Walk<'_> {
    pub(super) fn services(mut self, monitor: &Monitor) {
        if !self.namespaces(&monitor.namespaces) {
            return;
        }
        let chosen = self.chosen(
            ("service", "services"),
            &self.seen.services,
            &monitor.namespaces,
            &monitor.selector,
        );
        if chosen.is_empty() {
            return;
        }
        if monitor.jobs.is_empty() {
            self.explained
                .stop("endpoints", "the monitor has no endpoints");
            return;
        }
        if !self.has_addresses(&chosen) {
            return;
        }
        for (at, job) in monitor.jobs.iter().enumerate() {
            let port = monitor.ports.get(at).and_then(Option::as_ref);
            let mut candidates = self.behind(&chosen, monitor, job);
            if let Some(port) = port {
                let all = std::mem::take(&mut candidates);
                let ports: BTreeSet<String> = all.iter().map(port_names).collect();
                candidates = all.into_iter().filter(|one| is_of(one, port)).collect();
                if candidates.is_empty() {
                    self.stop_at_port(at, port, &chosen, ports);
                    continue;
                }
                let text = format!(
                    "endpoint {at}: {} at {} addresses",
                    port.shown(),
                    candidates.len()
                );
                self.explained.found("port", text);
            }
            self.relabel(at, job, &candidates);
        }
    }

    fn stop_at_port(
        &mut self,
        at: usize,
        port: &EndpointPort,
        services: &[&Value],
        found: BTreeSet<String>,
    ) {
        let found: Vec<String> = found.into_iter().collect();
        let mut text = format!(
            "endpoint {at}: no address has the port {:?}; there are {}",
            port.shown(),
            several(&found)
        );
        if let EndpointPort::OfService(name) = port {
            let numbers = services
                .iter()
                .flat_map(|service| service["spec"]["ports"].as_array());
            let is_number = numbers.flatten().any(|port| {
                port["port"].as_u64().map(|port| port.to_string()).as_ref() == Some(name)
            });
            if is_number {
                text.push_str("; port is the name of a port of the service, and not its number");
            }
        }
        self.explained.stop("port", text);
    }

    /// Whether there is any address behind these services; else it says why there is none.
    fn has_addresses(&mut self, services: &[&Value]) -> bool {
        let count: usize = services.iter().map(|service| self.addresses(service)).sum();
        if count > 0 {
            let text = format!("{count} addresses behind them");
            self.explained.found("endpoints", text);
            return true;
        }
        for service in services {
            let name = full_name(service);
            let selector = texts(&service["spec"]["selector"]);
            let pods = self.seen.pods.iter().filter(|pod| {
                let labels = labels_of(pod);
                metadata(pod, "namespace") == metadata(service, "namespace")
                    && selector
                        .iter()
                        .all(|(name, value)| labels.get(name) == Some(value))
            });
            let shown: Vec<String> = selector
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            let shown = shown.join(",");
            let text = match (selector.is_empty(), pods.count()) {
                (true, _) => format!(
                    "{name} has no selector, and nobody has written an endpoint slice for it"
                ),
                (false, 0) => format!("{name} has no addresses: no pod has the labels {shown}"),
                (false, count) => format!(
                    "{name} has no addresses: of {count} pods with the labels {shown} none has one"
                ),
            };
            self.explained.stop("endpoints", text);
        }
        false
    }

    fn slices(&self, service: &Value) -> Vec<&Value> {
        let is_of = |slice: &&Value| {
            metadata(slice, "namespace") == metadata(service, "namespace")
                && slice["metadata"]["labels"][SERVICE_LABEL].as_str()
                    == Some(metadata(service, "name"))
        };
        self.seen.slices.iter().filter(is_of).collect()
    }

    fn addresses(&self, service: &Value) -> usize {
        let slices = self.slices(service).into_iter();
        let endpoints = slices
            .flat_map(|slice| slice["endpoints"].as_array())
            .flatten();
        endpoints
            .map(|endpoint| endpoint["addresses"].as_array().map_or(0, Vec::len))
            .sum()
    }

    /// What discovery finds behind services: each port of each address, and further ports of its
    /// pod.
    fn behind(&self, services: &[&Value], monitor: &Monitor, job: &Value) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for service in services {
            for slice in self.slices(service) {
                let ports = slice["ports"].as_array().into_iter().flatten();
                let ports: Vec<&Value> = ports.collect();
                for endpoint in slice["endpoints"].as_array().into_iter().flatten() {
                    let reference = &endpoint["targetRef"];
                    let text = |field: &str| reference[field].as_str().unwrap_or_default();
                    let target = (text("kind"), text("name"));
                    let pod = self.seen.pods.iter().find(|pod| {
                        target.0 == "Pod"
                            && metadata(pod, "name") == target.1
                            && metadata(pod, "namespace") == metadata(service, "namespace")
                    });
                    let of_pod = pod.map(container_ports).unwrap_or_default();
                    let addresses = endpoint["addresses"].as_array().into_iter().flatten();
                    for address in addresses.filter_map(Value::as_str) {
                        let begin = |number: u64| {
                            let address = format!("{address}:{number}");
                            let role = monitor.role;
                            let mut candidate =
                                Candidate::behind(job, service, role, &address, target);
                            if let Some(pod) = pod {
                                candidate.set_pod(pod);
                            }
                            candidate
                        };
                        for port in &ports {
                            let number = port["port"].as_u64().unwrap_or_default();
                            let mut candidate = begin(number);
                            let name = port["name"].as_str().unwrap_or_default();
                            candidate.set_port(monitor.role, name);
                            if let Some(own) = of_pod.iter().find(|own| own.number == number) {
                                candidate.set_container(own);
                            }
                            candidates.push(candidate);
                        }
                        let is_told = |number: u64| ports.iter().any(|port| port["port"] == number);
                        for own in of_pod.iter().filter(|own| !is_told(own.number)) {
                            let mut candidate = begin(own.number);
                            candidate.set_container(own);
                            candidates.push(candidate);
                        }
                    }
                }
            }
        }
        candidates
    }
}

fn is_of(candidate: &Candidate, port: &EndpointPort) -> bool {
    let own = candidate.container_port.as_ref();
    match port {
        EndpointPort::OfService(name) => candidate.port_name.as_ref() == Some(name),
        EndpointPort::OfPod(Port::Name(name)) => own.is_some_and(|(own, _)| own == name),
        EndpointPort::OfPod(Port::Number(number)) => own.is_some_and(|(_, own)| own == number),
    }
}

/// What a candidate's port is called.
fn port_names(candidate: &Candidate) -> String {
    let of_pod = candidate.container_port.as_ref();
    match (&candidate.port_name, of_pod) {
        (Some(name), Some((own, number))) => format!("{name:?} (of the pod: {own:?} {number})"),
        (Some(name), None) => format!("{name:?}"),
        (None, Some((own, number))) => format!("of the pod: {own:?} {number}"),
        (None, None) => "none".to_owned(),
    }
}
