//! Services.

use crate::fields::objects;
use crate::metadata::Metadata;
use crate::object::{Family, Object, gauge};

objects! {
    Service {
        metadata: Metadata,
        spec: ServiceSpec,
        status: ServiceStatus,
    }

    ServiceSpec {
        #[serde(rename = "type")]
        kind: String,
        #[serde(rename = "clusterIP")]
        cluster_ip: String,
        #[serde(rename = "externalIPs")]
        external_ips: Vec<String>,
        external_name: String,
        external_traffic_policy: String,
        #[serde(rename = "loadBalancerIP")]
        load_balancer_ip: String,
    }

    ServiceStatus {
        load_balancer: LoadBalancer,
    }

    LoadBalancer {
        ingress: Vec<LoadBalancerIngress>,
    }

    LoadBalancerIngress {
        ip: String,
        hostname: String,
    }
}

impl Object for Service {
    const RESOURCE: &'static str = "services";
    const NAME: &'static str = "service";
    const API_VERSION: &'static str = "v1";
    const KIND: &'static str = "Service";
    const IS_NAMESPACED: bool = true;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_service_info",
            "Where the service is.",
            |service, samples| {
                let spec = &service.spec;
                let labels = [
                    ("cluster_ip", &*spec.cluster_ip),
                    ("external_name", &*spec.external_name),
                    ("external_traffic_policy", &*spec.external_traffic_policy),
                    ("load_balancer_ip", &*spec.load_balancer_ip),
                ];
                samples.with(&labels, 1.0);
            },
        ),
        gauge(
            "kube_service_created",
            "When the service was made.",
            |service, samples| service.metadata.created(samples),
        ),
        gauge(
            "kube_service_deletion_timestamp",
            "When the service is to go.",
            |service, samples| service.metadata.deleted(samples),
        ),
        gauge(
            "kube_service_spec_type",
            "The type of the service.",
            |service, samples| samples.with(&[("type", &*service.spec.kind)], 1.0),
        ),
        gauge(
            "kube_service_spec_external_ip",
            "Further addresses of the service.",
            |service, samples| {
                for ip in &service.spec.external_ips {
                    samples.with(&[("external_ip", &**ip)], 1.0);
                }
            },
        ),
        gauge(
            "kube_service_status_load_balancer_ingress",
            "Where the service's load balancer is.",
            |service, samples| {
                for ingress in &service.status.load_balancer.ingress {
                    let labels = [("ip", &*ingress.ip), ("hostname", &*ingress.hostname)];
                    samples.with(&labels, 1.0);
                }
            },
        ),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    fn identity(&self) -> Vec<(&str, &str)> {
        vec![
            ("namespace", &*self.metadata.namespace),
            ("service", &*self.metadata.name),
            ("uid", &*self.metadata.uid),
        ]
    }
}
