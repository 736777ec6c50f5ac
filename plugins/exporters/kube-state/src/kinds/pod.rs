//! Pods: who made them, where they run, and how they and their containers are.

use super::container::{Container, ContainerStatus, Containers};
use crate::fields::objects;
use crate::metadata::Metadata;
use crate::object::{Family, Object, Samples, counter, gauge};
use crate::resources::{CPU, MEMORY, Resources};
use crate::time::Time;

/// The phases that a pod can be in.
const PHASES: [&str; 5] = ["Pending", "Succeeded", "Failed", "Unknown", "Running"];

/// The reasons of a pod's state that are told.
const REASONS: [&str; 5] = [
    "Evicted",
    "NodeAffinity",
    "NodeLost",
    "Shutdown",
    "UnexpectedAdmissionError",
];

/// How much a pod is worth to its node.
const QOS_CLASSES: [&str; 3] = ["BestEffort", "Burstable", "Guaranteed"];

objects! {
    Pod {
        metadata: Metadata,
        spec: PodSpec,
        status: PodStatus,
    }

    PodSpec {
        containers: Vec<Container>,
        init_containers: Vec<Container>,
        host_network: bool,
        node_name: String,
        overhead: Resources,
        priority_class_name: String,
        restart_policy: String,
        runtime_class_name: String,
        service_account_name: String,
        volumes: Vec<PodVolume>,
    }

    PodVolume {
        name: String,
        persistent_volume_claim: Option<PodClaim>,
        ephemeral: Option<Ephemeral>,
    }

    PodClaim {
        claim_name: String,
        read_only: bool,
    }

    /// A claim that is made with the pod, and named after it.
    Ephemeral {}

    PodStatus {
        conditions: Vec<PodCondition>,
        container_statuses: Vec<ContainerStatus>,
        init_container_statuses: Vec<ContainerStatus>,
        #[serde(rename = "hostIP")]
        host_ip: String,
        phase: String,
        #[serde(rename = "podIP")]
        pod_ip: String,
        qos_class: String,
        reason: String,
        start_time: Option<Time>,
    }

    PodCondition {
        #[serde(rename = "type")]
        kind: String,
        status: String,
        reason: String,
        last_transition_time: Option<Time>,
    }
}

impl Pod {
    /// Those that are there for as long as the pod is.
    fn containers(&self) -> Containers<'_> {
        Containers {
            asked: &self.spec.containers,
            found: &self.status.container_statuses,
            node: &self.spec.node_name,
        }
    }

    /// Those that run before the others.
    fn init_containers(&self) -> Containers<'_> {
        Containers {
            asked: &self.spec.init_containers,
            found: &self.status.init_container_statuses,
            node: &self.spec.node_name,
        }
    }

    /// The conditions of a type: one, or none yet.
    fn conditions(&self, kind: &str) -> impl Iterator<Item = &PodCondition> {
        let conditions = self.status.conditions.iter();
        conditions.filter(move |condition| condition.kind == kind)
    }

    fn condition(&self, kind: &str, samples: &mut Samples<'_, '_>) {
        for condition in self.conditions(kind) {
            samples.condition(&[], "condition", &condition.status);
        }
    }

    /// When a condition was met.
    fn met(&self, kind: &str, samples: &mut Samples<'_, '_>) {
        for condition in self.conditions(kind) {
            if condition.status == "True" {
                samples.time(condition.last_transition_time);
            }
        }
    }

    /// The claims of its volumes, each with the volume's name and whether it is read only.
    fn claims(&self) -> impl Iterator<Item = (&str, String, bool)> {
        self.spec.volumes.iter().filter_map(move |volume| {
            let own = || format!("{}-{}", self.metadata.name, volume.name);
            match (&volume.persistent_volume_claim, &volume.ephemeral) {
                (Some(claim), _) => {
                    Some((&*volume.name, claim.claim_name.clone(), claim.read_only))
                }
                (None, Some(_)) => Some((&*volume.name, own(), false)),
                (None, None) => None,
            }
        })
    }

    fn info(&self, samples: &mut Samples<'_, '_>) {
        let (spec, status) = (&self.spec, &self.status);
        let made_by = self.metadata.controller();
        let host_network = if spec.host_network { "true" } else { "false" };
        let labels = [
            ("host_ip", &*status.host_ip),
            ("pod_ip", &*status.pod_ip),
            ("node", &*spec.node_name),
            ("created_by_kind", made_by.map_or("", |owner| &*owner.kind)),
            ("created_by_name", made_by.map_or("", |owner| &*owner.name)),
            ("priority_class", &*spec.priority_class_name),
            ("host_network", host_network),
        ];
        samples.with(&labels, 1.0);
    }

    /// When the last of its containers ended, of those that have.
    fn completed(&self, samples: &mut Samples<'_, '_>) {
        let statuses = self.status.container_statuses.iter();
        let ended = statuses.filter_map(|status| status.state.terminated.as_ref()?.finished_at);
        samples.time(ended.max());
    }

    /// Why it is as it is: a sample for each reason that is told.
    fn reasons(&self, samples: &mut Samples<'_, '_>) {
        let status = &self.status;
        for reason in REASONS {
            let of_containers = status.container_statuses.iter();
            let mut of_containers =
                of_containers.filter_map(|container| container.state.terminated.as_ref());
            let is_so = status.reason == reason
                || status.conditions.iter().any(|one| one.reason == reason)
                || of_containers.any(|state| state.reason == reason);
            samples.with(&[("reason", reason)], f64::from(u8::from(is_so)));
        }
    }
}

impl Object for Pod {
    const RESOURCE: &'static str = "pods";
    const NAME: &'static str = "pod";
    const API_VERSION: &'static str = "v1";
    const KIND: &'static str = "Pod";
    const IS_NAMESPACED: bool = true;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_pod_completion_time",
            "When the last container of the pod ended.",
            Self::completed,
        ),
        gauge(
            "kube_pod_container_info",
            "The containers of the pod.",
            |pod, samples| pod.containers().info(samples),
        ),
        gauge(
            "kube_pod_container_resource_limits",
            "What a container may use, by resource.",
            |pod, samples| pod.containers().limits(samples),
        ),
        gauge(
            "kube_pod_container_resource_requests",
            "What a container asks for, by resource.",
            |pod, samples| pod.containers().requests(samples),
        ),
        gauge(
            "kube_pod_container_state_started",
            "When the container began to be as it is.",
            |pod, samples| pod.containers().started(samples),
        ),
        gauge(
            "kube_pod_container_status_last_terminated_exitcode",
            "What the container returned when it last ended.",
            |pod, samples| pod.containers().last_exit_code(samples),
        ),
        gauge(
            "kube_pod_container_status_last_terminated_reason",
            "Why the container last ended.",
            |pod, samples| pod.containers().last_reason(samples),
        ),
        gauge(
            "kube_pod_container_status_last_terminated_timestamp",
            "When the container last ended.",
            |pod, samples| pod.containers().last_time(samples),
        ),
        gauge(
            "kube_pod_container_status_ready",
            "Whether the container is ready.",
            |pod, samples| pod.containers().ready(samples),
        ),
        counter(
            "kube_pod_container_status_restarts_total",
            "How often the container was started again.",
            |pod, samples| pod.containers().restarts(samples),
        ),
        gauge(
            "kube_pod_container_status_running",
            "Whether the container runs.",
            |pod, samples| pod.containers().running(samples),
        ),
        gauge(
            "kube_pod_container_status_terminated",
            "Whether the container has ended.",
            |pod, samples| pod.containers().terminated(samples),
        ),
        gauge(
            "kube_pod_container_status_terminated_reason",
            "Why the container has ended.",
            |pod, samples| pod.containers().terminated_reason(samples),
        ),
        gauge(
            "kube_pod_container_status_waiting",
            "Whether the container waits.",
            |pod, samples| pod.containers().waiting(samples),
        ),
        gauge(
            "kube_pod_container_status_waiting_reason",
            "Why the container waits.",
            |pod, samples| pod.containers().waiting_reason(samples),
        ),
        gauge(
            "kube_pod_created",
            "When the pod was made.",
            |pod, samples| pod.metadata.created(samples),
        ),
        gauge(
            "kube_pod_deletion_timestamp",
            "When the pod is to go.",
            |pod, samples| pod.metadata.deleted(samples),
        ),
        gauge(
            "kube_pod_info",
            "Where the pod runs, and who made it.",
            Self::info,
        ),
        gauge(
            "kube_pod_init_container_info",
            "The containers of the pod that run before the others.",
            |pod, samples| pod.init_containers().info(samples),
        ),
        gauge(
            "kube_pod_init_container_resource_limits",
            "What a container that runs before the others may use, by resource.",
            |pod, samples| pod.init_containers().limits(samples),
        ),
        gauge(
            "kube_pod_init_container_resource_requests",
            "What a container that runs before the others asks for, by resource.",
            |pod, samples| pod.init_containers().requests(samples),
        ),
        gauge(
            "kube_pod_init_container_status_last_terminated_reason",
            "Why the container that runs before the others last ended.",
            |pod, samples| pod.init_containers().last_reason(samples),
        ),
        gauge(
            "kube_pod_init_container_status_ready",
            "Whether the container that runs before the others is ready.",
            |pod, samples| pod.init_containers().ready(samples),
        ),
        counter(
            "kube_pod_init_container_status_restarts_total",
            "How often the container that runs before the others was started again.",
            |pod, samples| pod.init_containers().restarts(samples),
        ),
        gauge(
            "kube_pod_init_container_status_running",
            "Whether the container that runs before the others runs.",
            |pod, samples| pod.init_containers().running(samples),
        ),
        gauge(
            "kube_pod_init_container_status_terminated",
            "Whether the container that runs before the others has ended.",
            |pod, samples| pod.init_containers().terminated(samples),
        ),
        gauge(
            "kube_pod_init_container_status_terminated_reason",
            "Why the container that runs before the others has ended.",
            |pod, samples| pod.init_containers().terminated_reason(samples),
        ),
        gauge(
            "kube_pod_init_container_status_waiting",
            "Whether the container that runs before the others waits.",
            |pod, samples| pod.init_containers().waiting(samples),
        ),
        gauge(
            "kube_pod_init_container_status_waiting_reason",
            "Why the container that runs before the others waits.",
            |pod, samples| pod.init_containers().waiting_reason(samples),
        ),
        gauge(
            "kube_pod_overhead_cpu_cores",
            "CPU time that goes to running the pod itself.",
            |pod, samples| {
                let amount = pod.spec.overhead.get(CPU);
                samples.some(amount.map(|amount| amount.exact()));
            },
        ),
        gauge(
            "kube_pod_overhead_memory_bytes",
            "Memory that goes to running the pod itself.",
            |pod, samples| {
                let amount = pod.spec.overhead.get(MEMORY);
                samples.some(amount.map(|amount| amount.whole()));
            },
        ),
        gauge(
            "kube_pod_owner",
            "Whom the pod belongs to.",
            |pod, samples| pod.metadata.owners(samples),
        ),
        gauge(
            "kube_pod_restart_policy",
            "When the pod's containers are started again.",
            |pod, samples| samples.with(&[("type", &*pod.spec.restart_policy)], 1.0),
        ),
        gauge(
            "kube_pod_runtimeclass_name_info",
            "What runs the pod's containers.",
            |pod, samples| {
                let name = &*pod.spec.runtime_class_name;
                if !name.is_empty() {
                    samples.with(&[("runtimeclass_name", name)], 1.0);
                }
            },
        ),
        gauge(
            "kube_pod_service_account",
            "As whom the pod speaks to the cluster.",
            |pod, samples| {
                let labels = [("service_account", &*pod.spec.service_account_name)];
                samples.with(&labels, 1.0);
            },
        ),
        gauge(
            "kube_pod_spec_volumes_persistentvolumeclaims_info",
            "The claims of the pod's volumes.",
            |pod, samples| {
                for (volume, claim, _) in pod.claims() {
                    let labels = [("volume", volume), ("persistentvolumeclaim", &*claim)];
                    samples.with(&labels, 1.0);
                }
            },
        ),
        gauge(
            "kube_pod_spec_volumes_persistentvolumeclaims_readonly",
            "Whether the claim of a volume is only read.",
            |pod, samples| {
                for (volume, claim, is_read_only) in pod.claims() {
                    let labels = [("volume", volume), ("persistentvolumeclaim", &*claim)];
                    samples.with(&labels, f64::from(u8::from(is_read_only)));
                }
            },
        ),
        gauge(
            "kube_pod_start_time",
            "When the pod was taken by its node.",
            |pod, samples| samples.time(pod.status.start_time),
        ),
        gauge(
            "kube_pod_status_container_ready_time",
            "When all containers of the pod were ready.",
            |pod, samples| pod.met("ContainersReady", samples),
        ),
        gauge(
            "kube_pod_status_initialized_time",
            "When the containers that run before the others had ended.",
            |pod, samples| pod.met("Initialized", samples),
        ),
        gauge(
            "kube_pod_status_phase",
            "The phase that the pod is in.",
            |pod, samples| samples.one_of("phase", &PHASES, &pod.status.phase),
        ),
        gauge(
            "kube_pod_status_qos_class",
            "How much the pod is worth to its node.",
            |pod, samples| samples.one_of("qos_class", &QOS_CLASSES, &pod.status.qos_class),
        ),
        gauge(
            "kube_pod_status_ready",
            "Whether the pod is ready.",
            |pod, samples| pod.condition("Ready", samples),
        ),
        gauge(
            "kube_pod_status_ready_time",
            "When the pod was ready.",
            |pod, samples| pod.met("Ready", samples),
        ),
        gauge(
            "kube_pod_status_reason",
            "Why the pod is as it is.",
            Self::reasons,
        ),
        gauge(
            "kube_pod_status_scheduled",
            "Whether the pod has a node.",
            |pod, samples| pod.condition("PodScheduled", samples),
        ),
        gauge(
            "kube_pod_status_scheduled_time",
            "When the pod got its node.",
            |pod, samples| pod.met("PodScheduled", samples),
        ),
        gauge(
            "kube_pod_status_unschedulable",
            "Whether no node takes the pod.",
            |pod, samples| {
                let mut conditions = pod.conditions("PodScheduled");
                let is_refused = |condition: &PodCondition| {
                    condition.status == "False" && condition.reason == "Unschedulable"
                };
                if conditions.any(is_refused) {
                    samples.value(1.0);
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
            ("pod", &*self.metadata.name),
            ("uid", &*self.metadata.uid),
        ]
    }
}
