//! The role `service`: a target for each port of each service.

use narthex_sdk::Error;

use crate::build::{Builder, Draft};
use crate::labels::{Labels, join};
use crate::objects::Service;

impl Builder {
    pub(crate) fn service(&self, service: &Service, draft: &mut Draft) -> Result<(), Error> {
        draft.labels.merge(&service.labels());
        self.attach_namespace(&service.metadata, draft)?;
        let (spec, metadata) = (&service.spec, &service.metadata);
        let host = format!("{}.{}.svc", metadata.name, metadata.namespace);
        for port in spec.ports.iter().flatten() {
            let mut target = Labels::of_target(&join(&host, port.port));
            target.set("service_port_name", &port.name);
            target.set("service_port_number", port.port.to_string());
            target.set("service_port_protocol", &port.protocol);
            target.set("service_type", &spec.kind);
            match spec.kind.as_str() {
                "ExternalName" => target.set("service_external_name", &spec.external_name),
                _ => target.set("service_cluster_ip", &spec.cluster_ip),
            }
            if spec.kind == "LoadBalancer" {
                target.set("service_loadbalancer_ip", service.balancer_ip());
            }
            draft.targets.push(target);
        }
        Ok(())
    }
}

impl Service {
    /// What is said of a service wherever it is.
    pub(crate) fn labels(&self) -> Labels {
        let mut labels = Labels::default();
        labels.set_metadata("service", &self.metadata);
        labels.set("namespace", &self.metadata.namespace);
        labels
    }

    /// What the balancer got, and where it got nothing, what it was to get.
    fn balancer_ip(&self) -> String {
        let ingress = self.status.load_balancer.ingress.iter().flatten();
        let found: Vec<&str> = ingress
            .map(|one| one.ip.as_str())
            .filter(|ip| !ip.is_empty())
            .collect();
        match found.is_empty() {
            true => self.spec.load_balancer_ip.clone(),
            false => found.join(","),
        }
    }

    /// The family of addresses that counts, where the service has two.
    pub(crate) fn primary_family(&self) -> Option<&str> {
        let policy = self.spec.ip_family_policy.as_deref();
        let has_two = policy.is_some_and(|policy| policy.ends_with("DualStack"));
        let mut families = self.spec.ip_families.iter().flatten();
        families.next().filter(|_| has_two).map(String::as_str)
    }
}
