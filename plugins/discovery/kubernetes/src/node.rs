//! The role `node`: a target for each node, its kubelet.

use narthex_sdk::{Error, log};

use crate::build::{Builder, Draft};
use crate::labels::{Labels, join, sanitized};
use crate::objects::{Node, NodeAddress};

/// The types of addresses, the best first.
const PREFERRED: [&str; 6] = [
    "InternalIP",
    "InternalDNS",
    "ExternalIP",
    "ExternalDNS",
    "LegacyHostIP",
    "Hostname",
];

impl Builder {
    #[expect(clippy::unnecessary_wraps, reason = "as the other roles have it")]
    pub(crate) fn node(&self, node: &Node, draft: &mut Draft) -> Result<(), Error> {
        let name = &node.metadata.name;
        let addresses = node.status.addresses.as_deref().unwrap_or_default();
        let of_type = |kind: &&str| addresses.iter().find(|one| one.kind == *kind);
        let Some(address) = PREFERRED.iter().find_map(of_type) else {
            log::warn("a node has no address", &[("node", name)]);
            return Ok(());
        };
        let labels = &mut draft.labels;
        labels.set_metadata("node", &node.metadata);
        labels.set("node_provider_id", &node.spec.provider_id);
        for condition in node.status.conditions.iter().flatten() {
            let kind = sanitized(&condition.kind.to_lowercase());
            let name = format!("node_condition_{kind}");
            labels.set(&name, condition.status.to_lowercase());
        }
        let port = node.status.daemon_endpoints.kubelet_endpoint.port;
        let mut target = Labels::of_target(&join(&address.address, port));
        target.set_plain("instance", name);
        // Of each type the first counts.
        for NodeAddress { kind, address } in addresses.iter().rev() {
            target.set(&format!("node_address_{}", sanitized(kind)), address);
        }
        draft.targets.push(target);
        Ok(())
    }
}
