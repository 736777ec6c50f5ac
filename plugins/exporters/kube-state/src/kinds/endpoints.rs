//! What is behind services: endpoints and endpoint slices. There are more of these than of
//! anything else, so who wants them has to say so.

use crate::fields::objects;
use crate::metadata::Metadata;
use crate::object::{Family, Object, Samples, gauge};

objects! {
    Endpoints {
        metadata: Metadata,
        subsets: Vec<Subset>,
    }

    Subset {
        addresses: Vec<Address>,
        not_ready_addresses: Vec<Address>,
        ports: Vec<Port>,
    }

    Address {
        ip: String,
    }

    Port {
        app_protocol: String,
        name: String,
        port: f64,
        protocol: String,
    }

    EndpointSlice {
        metadata: Metadata,
        address_type: String,
        endpoints: Vec<Endpoint>,
        ports: Vec<Port>,
    }

    Endpoint {
        addresses: Vec<String>,
        conditions: EndpointConditions,
        hostname: String,
        node_name: String,
        target_ref: Option<TargetRef>,
        zone: String,
    }

    EndpointConditions {
        ready: Option<bool>,
        serving: Option<bool>,
        terminating: Option<bool>,
    }

    TargetRef {
        kind: String,
        name: String,
        namespace: String,
    }
}

impl Endpoints {
    /// A sample for each address and port.
    fn addresses(&self, samples: &mut Samples<'_, '_>) {
        for subset in &self.subsets {
            for (ready, addresses) in [
                ("true", &subset.addresses),
                ("false", &subset.not_ready_addresses),
            ] {
                for address in addresses {
                    for port in &subset.ports {
                        let number = port.port.to_string();
                        let labels = [
                            ("ip", &*address.ip),
                            ("port_protocol", &*port.protocol),
                            ("port_number", &*number),
                            ("port_name", &*port.name),
                            ("ready", ready),
                        ];
                        samples.with(&labels, 1.0);
                    }
                }
            }
        }
    }
}

/// A condition that is not told is empty.
fn word(condition: Option<bool>) -> &'static str {
    match condition {
        Some(true) => "true",
        Some(false) => "false",
        None => "",
    }
}

impl EndpointSlice {
    /// A sample for each address.
    fn endpoints(&self, samples: &mut Samples<'_, '_>) {
        for endpoint in &self.endpoints {
            let (conditions, target) = (&endpoint.conditions, endpoint.target_ref.as_ref());
            for address in &endpoint.addresses {
                let labels = [
                    ("address", &**address),
                    ("ready", word(conditions.ready)),
                    ("serving", word(conditions.serving)),
                    ("terminating", word(conditions.terminating)),
                    ("hostname", &*endpoint.hostname),
                    ("targetref_kind", target.map_or("", |target| &*target.kind)),
                    ("targetref_name", target.map_or("", |target| &*target.name)),
                    (
                        "targetref_namespace",
                        target.map_or("", |target| &*target.namespace),
                    ),
                    ("endpoint_nodename", &*endpoint.node_name),
                    ("endpoint_zone", &*endpoint.zone),
                ];
                samples.with(&labels, 1.0);
            }
        }
    }

    fn ports(&self, samples: &mut Samples<'_, '_>) {
        for port in &self.ports {
            let number = port.port.to_string();
            let labels = [
                ("port_name", &*port.name),
                ("port_protocol", &*port.protocol),
                ("port_number", &*number),
                ("app_protocol", &*port.app_protocol),
            ];
            samples.with(&labels, 1.0);
        }
    }
}

impl Object for Endpoints {
    const RESOURCE: &'static str = "endpoints";
    const NAME: &'static str = "endpoint";
    const API_VERSION: &'static str = "v1";
    const KIND: &'static str = "Endpoints";
    const IS_NAMESPACED: bool = true;
    const IS_DEFAULT: bool = false;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_endpoint_address",
            "The addresses and ports of the service.",
            Self::addresses,
        ),
        gauge(
            "kube_endpoint_created",
            "When the endpoints were made.",
            |endpoints, samples| endpoints.metadata.created(samples),
        ),
        gauge("kube_endpoint_info", "The endpoints.", |_, samples| {
            samples.value(1.0)
        }),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }
}

impl Object for EndpointSlice {
    const RESOURCE: &'static str = "endpointslices";
    const NAME: &'static str = "endpointslice";
    const API_VERSION: &'static str = "discovery.k8s.io/v1";
    const KIND: &'static str = "EndpointSlice";
    const IS_NAMESPACED: bool = true;
    const IS_DEFAULT: bool = false;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_endpointslice_created",
            "When the slice was made.",
            |slice, samples| slice.metadata.created(samples),
        ),
        gauge(
            "kube_endpointslice_endpoints",
            "The addresses of the slice.",
            Self::endpoints,
        ),
        gauge("kube_endpointslice_info", "The slice.", |slice, samples| {
            samples.with(&[("addresstype", &*slice.address_type)], 1.0)
        }),
        gauge(
            "kube_endpointslice_ports",
            "The ports of the slice.",
            Self::ports,
        ),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }
}
