//! The walk of a `PodMonitor`: pods, and the ports of their containers.

use std::collections::BTreeSet;

use serde_json::Value;

use super::candidate::{Candidate, container_ports};
use super::{Walk, several};
use crate::endpoint::Port;
use crate::pod_monitor::Monitor;

impl Walk<'_> {
    pub(super) fn pods(mut self, monitor: &Monitor) {
        if !self.namespaces(&monitor.namespaces) {
            return;
        }
        let chosen = self.chosen(
            ("pod", "pods"),
            &self.seen.pods,
            &monitor.namespaces,
            &monitor.selector,
        );
        if chosen.is_empty() {
            return;
        }
        if monitor.jobs.is_empty() {
            let text = "the monitor has no podMetricsEndpoints";
            self.explained.stop("endpoints", text);
            return;
        }
        for (at, job) in monitor.jobs.iter().enumerate() {
            let port = monitor.ports.get(at).and_then(Option::as_ref);
            let is_filtered = monitor.filters.get(at).copied().unwrap_or(true);
            self.endpoint(at, &chosen, port, is_filtered, job);
        }
    }

    fn endpoint(
        &mut self,
        at: usize,
        pods: &[&Value],
        port: Option<&Port>,
        is_filtered: bool,
        job: &Value,
    ) {
        let phase = |pod: &Value| {
            pod["status"]["phase"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let has_ended =
            |pod: &Value| is_filtered && ["Failed", "Succeeded"].contains(&&*phase(pod));
        let live: Vec<&&Value> = pods.iter().filter(|pod| !has_ended(pod)).collect();
        if live.is_empty() {
            let text = format!("endpoint {at}: all of these pods have ended");
            self.explained.stop("endpoints", text);
            return;
        }
        let with_address = live.iter().filter_map(|pod| {
            let address = pod["status"]["podIP"]
                .as_str()
                .filter(|ip| !ip.is_empty())?;
            Some((**pod, address))
        });
        let with_address: Vec<(&Value, &str)> = with_address.collect();
        if with_address.is_empty() {
            let phases: BTreeSet<String> = live.iter().map(|pod| phase(pod)).collect();
            let phases: Vec<String> = phases.into_iter().collect();
            let text = format!(
                "endpoint {at}: none of these pods has an address yet; they are {}",
                several(&phases)
            );
            self.explained.stop("endpoints", text);
            return;
        }
        let text = format!("endpoint {at}: {} pods with an address", with_address.len());
        self.explained.found("endpoints", text);
        let (mut candidates, mut ports) = (Vec::new(), BTreeSet::new());
        for (pod, address) in with_address {
            let of_pod = container_ports(pod);
            if of_pod.is_empty() && port.is_none() {
                // Whoever names no port is a target all the same.
                candidates.push(Candidate::of_pod(job, pod, address));
            }
            for own in of_pod {
                ports.insert(format!("{:?} {}", own.name, own.number));
                let is_meant = match port {
                    None => true,
                    Some(Port::Name(name)) => own.name == *name,
                    Some(Port::Number(number)) => own.number == *number,
                };
                if is_meant {
                    let address = format!("{address}:{}", own.number);
                    let mut candidate = Candidate::of_pod(job, pod, &address);
                    candidate.set_container(&own);
                    candidates.push(candidate);
                }
            }
        }
        if candidates.is_empty() {
            let ports: Vec<String> = ports.into_iter().collect();
            let there = match ports.is_empty() {
                true => "their containers name no port".to_owned(),
                false => format!("there are {}", several(&ports)),
            };
            let wanted = port.map(Port::shown).unwrap_or_default();
            let text = format!("endpoint {at}: no pod has the port {wanted:?}; {there}");
            self.explained.stop("port", text);
            return;
        }
        if let Some(port) = port {
            let text = format!(
                "endpoint {at}: {} of {} pods",
                port.shown(),
                candidates.len()
            );
            self.explained.found("port", text);
        }
        self.relabel(at, job, &candidates);
    }
}
