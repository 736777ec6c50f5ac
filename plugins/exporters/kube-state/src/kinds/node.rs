//! Nodes: what they are, what they have, and how they are.

use crate::fields::objects;
use crate::metadata::Metadata;
use crate::object::{Family, Object, gauge};
use crate::resources::{self, Resources};

/// Labels that begin so say which roles a node has.
const ROLE: &str = "node-role.kubernetes.io/";

/// The type of the address that is in `kube_node_info`.
const INTERNAL: &str = "InternalIP";

objects! {
    Node {
        metadata: Metadata,
        spec: NodeSpec,
        status: NodeStatus,
    }

    NodeSpec {
        #[serde(rename = "podCIDR")]
        pod_cidr: String,
        #[serde(rename = "providerID")]
        provider_id: String,
        taints: Vec<Taint>,
        unschedulable: bool,
    }

    Taint {
        key: String,
        value: String,
        effect: String,
    }

    NodeStatus {
        addresses: Vec<Address>,
        allocatable: Resources,
        capacity: Resources,
        conditions: Vec<NodeCondition>,
        node_info: NodeInfo,
    }

    Address {
        #[serde(rename = "type")]
        kind: String,
        address: String,
    }

    NodeCondition {
        #[serde(rename = "type")]
        kind: String,
        status: String,
    }

    NodeInfo {
        container_runtime_version: String,
        kernel_version: String,
        kube_proxy_version: String,
        kubelet_version: String,
        os_image: String,
        #[serde(rename = "systemUUID")]
        system_uuid: String,
    }
}

impl Object for Node {
    const RESOURCE: &'static str = "nodes";
    const NAME: &'static str = "node";
    const API_VERSION: &'static str = "v1";
    const KIND: &'static str = "Node";
    const IS_NAMESPACED: bool = false;
    const LABELS_KEPT: &'static str = ROLE;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_node_created",
            "When the node was made.",
            |node, samples| node.metadata.created(samples),
        ),
        gauge(
            "kube_node_deletion_timestamp",
            "When the node is to go.",
            |node, samples| node.metadata.deleted(samples),
        ),
        gauge(
            "kube_node_info",
            "What runs on the node, and where it is.",
            |node, samples| {
                let info = &node.status.node_info;
                let mut addresses = node.status.addresses.iter();
                let internal = addresses.find(|address| address.kind == INTERNAL);
                let labels = [
                    ("kernel_version", &*info.kernel_version),
                    ("os_image", &*info.os_image),
                    (
                        "container_runtime_version",
                        &*info.container_runtime_version,
                    ),
                    ("kubelet_version", &*info.kubelet_version),
                    ("kubeproxy_version", &*info.kube_proxy_version),
                    ("provider_id", &*node.spec.provider_id),
                    ("pod_cidr", &*node.spec.pod_cidr),
                    ("system_uuid", &*info.system_uuid),
                    ("internal_ip", internal.map_or("", |one| &*one.address)),
                ];
                samples.with(&labels, 1.0);
            },
        ),
        gauge(
            "kube_node_role",
            "The roles of the node.",
            |node, samples| {
                let labels = node.metadata.labels.keys();
                for role in labels.filter_map(|name| name.strip_prefix(ROLE)) {
                    samples.with(&[("role", role)], 1.0);
                }
            },
        ),
        gauge(
            "kube_node_spec_taint",
            "What keeps pods off the node.",
            |node, samples| {
                for taint in &node.spec.taints {
                    let labels = [
                        ("key", &*taint.key),
                        ("value", &*taint.value),
                        ("effect", &*taint.effect),
                    ];
                    samples.with(&labels, 1.0);
                }
            },
        ),
        gauge(
            "kube_node_spec_unschedulable",
            "Whether the node takes no new pods.",
            |node, samples| samples.flag(node.spec.unschedulable),
        ),
        gauge(
            "kube_node_status_addresses",
            "Where the node is.",
            |node, samples| {
                for address in &node.status.addresses {
                    let labels = [("type", &*address.kind), ("address", &*address.address)];
                    samples.with(&labels, 1.0);
                }
            },
        ),
        gauge(
            "kube_node_status_allocatable",
            "What the node has for pods, by resource.",
            |node, samples| resources::write(samples, &[], &node.status.allocatable),
        ),
        gauge(
            "kube_node_status_capacity",
            "What the node has, by resource.",
            |node, samples| resources::write(samples, &[], &node.status.capacity),
        ),
        gauge(
            "kube_node_status_condition",
            "The conditions of the node.",
            |node, samples| {
                for condition in &node.status.conditions {
                    let labels = [("condition", &*condition.kind)];
                    samples.condition(&labels, "status", &condition.status);
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
}
