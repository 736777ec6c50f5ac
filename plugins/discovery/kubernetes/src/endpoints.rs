//! The role `endpoints`: a target for each address and port, and for the other ports of the pods
//! behind them.

use std::collections::BTreeMap;

use narthex_sdk::{Error, log};

use crate::build::{Builder, Draft};
use crate::labels::{Labels, join};
use crate::objects::{EndpointAddress, EndpointPort, Endpoints, Pod, Reference};

/// The pods behind endpoints, each with the ports that were named already.
#[derive(Default)]
pub(crate) struct Backends(BTreeMap<String, (Pod, Vec<u32>)>);

/// Says that there were more addresses than endpoints can hold.
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";

impl Builder {
    pub(crate) fn endpoints(&self, endpoints: &Endpoints, draft: &mut Draft) -> Result<(), Error> {
        let metadata = &endpoints.metadata;
        draft.labels.set("namespace", &metadata.namespace);
        draft.labels.set_metadata("endpoints", metadata);
        self.attach_service(&metadata.namespace, &metadata.name, draft)?;
        self.attach_namespace(metadata, draft)?;
        let annotations = metadata.annotations.iter().flatten();
        if let Some((_, value)) = annotations.clone().find(|(name, _)| *name == OVER_CAPACITY) {
            let fields = [("endpoints", &*metadata.name), ("over-capacity", value)];
            log::warn(
                "endpoints hold no more addresses; use role endpointslice",
                &fields,
            );
        }
        let mut backends = Backends::default();
        for subset in endpoints.subsets.iter().flatten() {
            for port in subset.ports.iter().flatten() {
                for (addresses, ready) in [
                    (&subset.addresses, "true"),
                    (&subset.not_ready_addresses, "false"),
                ] {
                    for address in addresses.iter().flatten() {
                        let target = endpoint(address, port, ready);
                        let node = address.node_name.as_deref();
                        let reference = address.target_ref.as_ref();
                        let target = self.attach_node(target, reference, node, &mut draft.needs)?;
                        let pod = self.pod_of(reference, &mut draft.needs)?;
                        // The endpoint's own protocol counts here.
                        let named = Some((port.port, Some(&*port.protocol)));
                        draft.targets.push(backends.take(target, pod, named));
                    }
                }
            }
        }
        draft.targets.extend(backends.other_ports());
        Ok(())
    }

    /// Attaches the metadata of the node that an endpoint is on, or is itself.
    pub(crate) fn attach_node(
        &self,
        mut target: Labels,
        reference: Option<&Reference>,
        node: Option<&str>,
        needs: &mut Vec<crate::needs::Need>,
    ) -> Result<Labels, Error> {
        let reference = reference.filter(|reference| reference.kind == "Node");
        let name = reference.map(|reference| reference.name.as_str()).or(node);
        if let Some(node) = self.node_metadata(name.unwrap_or(""), needs)? {
            target.merge(&node);
        }
        Ok(target)
    }
}

fn endpoint(address: &EndpointAddress, port: &EndpointPort, ready: &str) -> Labels {
    let mut target = Labels::of_target(&join(&address.ip, port.port));
    target.set("endpoint_port_name", &port.name);
    target.set("endpoint_port_protocol", &port.protocol);
    target.set("endpoint_ready", ready);
    if let Some(reference) = &address.target_ref {
        target.set("endpoint_address_target_kind", &reference.kind);
        target.set("endpoint_address_target_name", &reference.name);
    }
    target.set_some("endpoint_node_name", address.node_name.as_ref());
    let hostname = Some(&address.hostname).filter(|name| !name.is_empty());
    target.set_some("endpoint_hostname", hostname);
    target
}

impl Backends {
    /// Adds what the pod behind a target says; `port` is the target's, and the protocol that
    /// counts where it is not the container's.
    pub(crate) fn take(
        &mut self,
        mut target: Labels,
        pod: Option<(String, Pod)>,
        port: Option<(u32, Option<&str>)>,
    ) -> Labels {
        let Some((key, pod)) = pod else {
            return target;
        };
        target.merge(&pod.labels());
        if let Some((number, protocol)) = port {
            target.merge(&pod.port_labels(number, protocol));
        }
        let (_, named) = self.0.entry(key).or_insert((pod, Vec::new()));
        named.extend(port.map(|(number, _)| number));
        target
    }

    /// Targets for the ports that no endpoint has named.
    pub(crate) fn other_ports(self) -> impl Iterator<Item = Labels> {
        let pods = self.0.into_values();
        pods.flat_map(|(pod, named)| pod.other_ports(&named))
    }
}
