//! Objects of a cluster, as far as discovery wants to know them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::labels::Labels;

/// Objects whose fields may be absent.
macro_rules! objects {
    ($($(#[$doc:meta])* $name:ident { $($(#[$mark:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Default, PartialEq, Deserialize)]
            #[serde(default, rename_all = "camelCase")]
            pub(crate) struct $name {
                $($(#[$mark])* pub(crate) $field: $type,)*
            }
        )*
    };
}

objects! {
    /// What every object has.
    Metadata {
        name: String,
        namespace: String,
        uid: String,
        labels: Option<BTreeMap<String, String>>,
        annotations: Option<BTreeMap<String, String>>,
        owner_references: Option<Vec<Owner>>,
    }

    Owner {
        kind: String,
        name: String,
        controller: Option<bool>,
    }

    /// An object of which only the metadata counts.
    Plain {
        metadata: Metadata,
    }

    Node {
        metadata: Metadata,
        spec: NodeSpec,
        status: NodeStatus,
    }

    NodeStatus {
        addresses: Option<Vec<NodeAddress>>,
        conditions: Option<Vec<Condition>>,
        daemon_endpoints: DaemonEndpoints,
    }

    DaemonEndpoints {
        kubelet_endpoint: DaemonEndpoint,
    }

    Pod {
        metadata: Metadata,
        /// What it belongs to beyond its controller, as far as that is wanted: no field of its own.
        #[serde(skip)]
        workload: Labels,
        spec: PodSpec,
        status: PodStatus,
    }

    PodSpec {
        node_name: String,
        containers: Option<Vec<Container>>,
        init_containers: Option<Vec<Container>>,
    }

    Container {
        name: String,
        image: String,
        ports: Option<Vec<ContainerPort>>,
    }

    ContainerPort {
        name: String,
        container_port: u32,
        protocol: String,
    }

    PodStatus {
        phase: String,
        #[serde(rename = "podIP")]
        pod_ip: String,
        #[serde(rename = "hostIP")]
        host_ip: String,
        conditions: Option<Vec<Condition>>,
        container_statuses: Option<Vec<ContainerStatus>>,
        init_container_statuses: Option<Vec<ContainerStatus>>,
    }

    Service {
        metadata: Metadata,
        spec: ServiceSpec,
        status: ServiceStatus,
    }

    ServicePort {
        name: String,
        port: u32,
        protocol: String,
    }

    ServiceStatus {
        load_balancer: LoadBalancer,
    }

    LoadBalancer {
        ingress: Option<Vec<LoadBalancerIngress>>,
    }

    LoadBalancerIngress {
        ip: String,
    }

    Endpoints {
        metadata: Metadata,
        subsets: Option<Vec<Subset>>,
    }

    Subset {
        addresses: Option<Vec<EndpointAddress>>,
        not_ready_addresses: Option<Vec<EndpointAddress>>,
        ports: Option<Vec<EndpointPort>>,
    }

    EndpointAddress {
        ip: String,
        hostname: String,
        node_name: Option<String>,
        target_ref: Option<Reference>,
    }

    EndpointPort {
        name: String,
        port: u32,
        protocol: String,
    }

    Reference {
        kind: String,
        namespace: String,
        name: String,
    }

    EndpointSlice {
        metadata: Metadata,
        address_type: String,
        endpoints: Option<Vec<SliceEndpoint>>,
        ports: Option<Vec<SlicePort>>,
    }

    SliceEndpoint {
        addresses: Option<Vec<String>>,
        conditions: SliceConditions,
        hostname: Option<String>,
        node_name: Option<String>,
        zone: Option<String>,
        target_ref: Option<Reference>,
        deprecated_topology: Option<BTreeMap<String, String>>,
    }

    SliceConditions {
        ready: Option<bool>,
        serving: Option<bool>,
        terminating: Option<bool>,
    }

    SlicePort {
        name: Option<String>,
        protocol: Option<String>,
        port: Option<u32>,
        app_protocol: Option<String>,
    }

    Ingress {
        metadata: Metadata,
        spec: IngressSpec,
    }

    IngressSpec {
        ingress_class_name: Option<String>,
        tls: Option<Vec<IngressTls>>,
        rules: Option<Vec<IngressRule>>,
    }

    IngressTls {
        hosts: Option<Vec<String>>,
    }

    IngressRule {
        host: String,
        http: Option<IngressPaths>,
    }

    IngressPaths {
        paths: Option<Vec<IngressPath>>,
    }

    IngressPath {
        path: String,
    }
}

/// An address of a node.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct NodeAddress {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) address: String,
}

/// Of a node or a pod.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Condition {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
}

/// Where a node's own server is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct DaemonEndpoint {
    // The one field that the API spells in this way.
    #[serde(rename = "Port")]
    pub(crate) port: u32,
}

/// What was asked of a node.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct NodeSpec {
    #[serde(rename = "providerID")]
    pub(crate) provider_id: String,
}

/// What a container became.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerStatus {
    pub(crate) name: String,
    #[serde(rename = "containerID")]
    pub(crate) container_id: String,
}

/// What was asked of a service.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ServiceSpec {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(rename = "clusterIP")]
    pub(crate) cluster_ip: String,
    pub(crate) external_name: String,
    #[serde(rename = "loadBalancerIP")]
    pub(crate) load_balancer_ip: String,
    pub(crate) ip_families: Option<Vec<String>>,
    pub(crate) ip_family_policy: Option<String>,
    pub(crate) ports: Option<Vec<ServicePort>>,
}

impl Metadata {
    /// Who looks after the object.
    pub(crate) fn controller(&self) -> Option<&Owner> {
        let mut owners = self.owner_references.iter().flatten();
        owners.find(|owner| owner.controller == Some(true))
    }
}
