//! The role `endpointslice`: a target for each address and port, and for the other ports of the
//! pods behind them.

use narthex_sdk::Error;

use crate::build::{Builder, Draft};
use crate::endpoints::Backends;
use crate::labels::{Labels, join, sanitized};
use crate::objects::{EndpointSlice, SliceEndpoint, SlicePort};

/// The label that says whose slice it is.
const SERVICE: &str = "kubernetes.io/service-name";

impl Builder {
    pub(crate) fn endpoint_slice(
        &self,
        slice: &EndpointSlice,
        draft: &mut Draft,
    ) -> Result<(), Error> {
        let metadata = &slice.metadata;
        draft.labels.set("namespace", &metadata.namespace);
        draft
            .labels
            .set("endpointslice_address_type", &slice.address_type);
        draft.labels.set_metadata("endpointslice", metadata);
        let service = match metadata.labels.as_ref().and_then(|all| all.get(SERVICE)) {
            Some(name) => self.attach_service(&metadata.namespace, name, draft)?,
            None => None,
        };
        self.attach_namespace(metadata, draft)?;
        // A service of two families has a slice of each, and the pods are the same.
        let primary = service
            .as_ref()
            .and_then(|service| service.primary_family());
        if primary.is_some_and(|family| family != slice.address_type) {
            return Ok(());
        }
        let mut backends = Backends::default();
        for endpoint in slice.endpoints.iter().flatten() {
            for port in slice.ports.iter().flatten() {
                for address in endpoint.addresses.iter().flatten() {
                    let target = slice_target(address, endpoint, port);
                    let node = endpoint.node_name.as_deref();
                    let reference = endpoint.target_ref.as_ref();
                    let target = self.attach_node(target, reference, node, &mut draft.needs)?;
                    let pod = self.pod_of(reference, &mut draft.needs)?;
                    let named = port.port.map(|number| (number, None));
                    draft.targets.push(backends.take(target, pod, named));
                }
            }
        }
        draft.targets.extend(backends.other_ports());
        Ok(())
    }
}

fn slice_target(address: &str, endpoint: &SliceEndpoint, port: &SlicePort) -> Labels {
    let mut target = match port.port {
        Some(number) => Labels::of_target(&join(address, number)),
        None => Labels::of_target(address),
    };
    let mut set = |name: &str, value: Option<String>| {
        target.set_some(&format!("endpointslice_{name}"), value);
    };
    set("port_name", port.name.clone());
    set("port_protocol", port.protocol.clone());
    set("port", port.port.map(|number| number.to_string()));
    set("port_app_protocol", port.app_protocol.clone());
    let conditions = &endpoint.conditions;
    for (name, condition) in [
        ("ready", conditions.ready),
        ("serving", conditions.serving),
        ("terminating", conditions.terminating),
    ] {
        let name = format!("endpoint_conditions_{name}");
        set(&name, condition.map(|holds| holds.to_string()));
    }
    set("endpoint_hostname", endpoint.hostname.clone());
    set("endpoint_node_name", endpoint.node_name.clone());
    set("endpoint_zone", endpoint.zone.clone());
    if let Some(reference) = &endpoint.target_ref {
        set("address_target_kind", Some(reference.kind.clone()));
        set("address_target_name", Some(reference.name.clone()));
    }
    for (key, value) in endpoint.deprecated_topology.iter().flatten() {
        let key = sanitized(key);
        set(&format!("endpoint_topology_{key}"), Some(value.clone()));
        let present = format!("endpoint_topology_present_{key}");
        set(&present, Some("true".to_owned()));
    }
    target
}
