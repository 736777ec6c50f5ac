//! Workloads of pods that are all alike: deployments, their replica sets, replication controllers
//! and daemon sets.

use crate::fields::{NumberOrText, objects};
use crate::metadata::Metadata;
use crate::object::{Family, Object, gauge};

objects! {
    Deployment {
        metadata: Metadata,
        spec: DeploymentSpec,
        status: DeploymentStatus,
    }

    DeploymentSpec {
        paused: bool,
        replicas: Option<f64>,
        strategy: Strategy,
    }

    Strategy {
        rolling_update: Option<RollingUpdate>,
    }

    RollingUpdate {
        max_unavailable: Option<NumberOrText>,
        max_surge: Option<NumberOrText>,
    }

    DeploymentStatus {
        available_replicas: f64,
        conditions: Vec<DeploymentCondition>,
        observed_generation: f64,
        ready_replicas: f64,
        replicas: f64,
        unavailable_replicas: f64,
        updated_replicas: f64,
    }

    DeploymentCondition {
        #[serde(rename = "type")]
        kind: String,
        status: String,
    }

    ReplicaSet {
        metadata: Metadata,
        spec: ReplicaSetSpec,
        status: ReplicaSetStatus,
    }

    ReplicaSetSpec {
        replicas: Option<f64>,
    }

    ReplicaSetStatus {
        fully_labeled_replicas: f64,
        observed_generation: f64,
        ready_replicas: f64,
        replicas: f64,
    }

    ReplicationController {
        metadata: Metadata,
        spec: ReplicaSetSpec,
        status: ReplicationControllerStatus,
    }

    ReplicationControllerStatus {
        available_replicas: f64,
        fully_labeled_replicas: f64,
        observed_generation: f64,
        ready_replicas: f64,
        replicas: f64,
    }

    DaemonSet {
        metadata: Metadata,
        status: DaemonSetStatus,
    }

    DaemonSetStatus {
        current_number_scheduled: f64,
        desired_number_scheduled: f64,
        number_available: f64,
        number_misscheduled: f64,
        number_ready: f64,
        number_unavailable: f64,
        observed_generation: f64,
        updated_number_scheduled: f64,
    }
}

impl Deployment {
    /// How many pods it wants; one, where it does not say.
    fn replicas(&self) -> f64 {
        self.spec.replicas.unwrap_or(1.0)
    }
}

impl Object for Deployment {
    const RESOURCE: &'static str = "deployments";
    const NAME: &'static str = "deployment";
    const API_VERSION: &'static str = "apps/v1";
    const KIND: &'static str = "Deployment";
    const IS_NAMESPACED: bool = true;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_deployment_created",
            "When the deployment was made.",
            |deployment, samples| deployment.metadata.created(samples),
        ),
        gauge(
            "kube_deployment_deletion_timestamp",
            "When the deployment is to go.",
            |deployment, samples| deployment.metadata.deleted(samples),
        ),
        gauge(
            "kube_deployment_metadata_generation",
            "How often what is wanted was changed.",
            |deployment, samples| samples.value(deployment.metadata.generation),
        ),
        gauge(
            "kube_deployment_owner",
            "Whom the deployment belongs to.",
            |deployment, samples| deployment.metadata.owners(samples),
        ),
        gauge(
            "kube_deployment_spec_paused",
            "Whether changes wait.",
            |deployment, samples| samples.flag(deployment.spec.paused),
        ),
        gauge(
            "kube_deployment_spec_replicas",
            "How many pods are wanted.",
            |deployment, samples| samples.value(deployment.replicas()),
        ),
        gauge(
            "kube_deployment_spec_strategy_rollingupdate_max_surge",
            "How many pods more than wanted an update may have.",
            |deployment, samples| {
                let update = deployment.spec.strategy.rolling_update.as_ref();
                let surge = update.and_then(|update| update.max_surge.as_ref());
                let share = surge.and_then(|surge| surge.of(deployment.replicas()));
                samples.some(share.map(f64::ceil));
            },
        ),
        gauge(
            "kube_deployment_spec_strategy_rollingupdate_max_unavailable",
            "How many pods less than wanted an update may have.",
            |deployment, samples| {
                let update = deployment.spec.strategy.rolling_update.as_ref();
                let missing = update.and_then(|update| update.max_unavailable.as_ref());
                let share = missing.and_then(|missing| missing.of(deployment.replicas()));
                samples.some(share.map(f64::floor));
            },
        ),
        gauge(
            "kube_deployment_status_condition",
            "The conditions of the deployment.",
            |deployment, samples| {
                for condition in &deployment.status.conditions {
                    let labels = [("condition", &*condition.kind)];
                    samples.condition(&labels, "status", &condition.status);
                }
            },
        ),
        gauge(
            "kube_deployment_status_observed_generation",
            "The change that was seen last.",
            |deployment, samples| samples.value(deployment.status.observed_generation),
        ),
        gauge(
            "kube_deployment_status_replicas",
            "How many pods there are.",
            |deployment, samples| samples.value(deployment.status.replicas),
        ),
        gauge(
            "kube_deployment_status_replicas_available",
            "How many pods are available.",
            |deployment, samples| samples.value(deployment.status.available_replicas),
        ),
        gauge(
            "kube_deployment_status_replicas_ready",
            "How many pods are ready.",
            |deployment, samples| samples.value(deployment.status.ready_replicas),
        ),
        gauge(
            "kube_deployment_status_replicas_unavailable",
            "How many pods are not available.",
            |deployment, samples| samples.value(deployment.status.unavailable_replicas),
        ),
        gauge(
            "kube_deployment_status_replicas_updated",
            "How many pods are as they are wanted.",
            |deployment, samples| samples.value(deployment.status.updated_replicas),
        ),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }
}

impl Object for ReplicaSet {
    const RESOURCE: &'static str = "replicasets";
    const NAME: &'static str = "replicaset";
    const API_VERSION: &'static str = "apps/v1";
    const KIND: &'static str = "ReplicaSet";
    const IS_NAMESPACED: bool = true;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_replicaset_created",
            "When it was made.",
            |set, samples| set.metadata.created(samples),
        ),
        gauge(
            "kube_replicaset_metadata_generation",
            "How often what is wanted was changed.",
            |set, samples| samples.value(set.metadata.generation),
        ),
        gauge(
            "kube_replicaset_owner",
            "Whom it belongs to.",
            |set, samples| set.metadata.owners(samples),
        ),
        gauge(
            "kube_replicaset_spec_replicas",
            "How many pods are wanted.",
            |set, samples| samples.some(set.spec.replicas),
        ),
        gauge(
            "kube_replicaset_status_fully_labeled_replicas",
            "How many pods have all labels of the template.",
            |set, samples| samples.value(set.status.fully_labeled_replicas),
        ),
        gauge(
            "kube_replicaset_status_observed_generation",
            "The change that was seen last.",
            |set, samples| samples.value(set.status.observed_generation),
        ),
        gauge(
            "kube_replicaset_status_ready_replicas",
            "How many pods are ready.",
            |set, samples| samples.value(set.status.ready_replicas),
        ),
        gauge(
            "kube_replicaset_status_replicas",
            "How many pods there are.",
            |set, samples| samples.value(set.status.replicas),
        ),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }
}

impl Object for ReplicationController {
    const RESOURCE: &'static str = "replicationcontrollers";
    const NAME: &'static str = "replicationcontroller";
    const API_VERSION: &'static str = "v1";
    const KIND: &'static str = "ReplicationController";
    const IS_NAMESPACED: bool = true;
    const IS_DEFAULT: bool = false;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_replicationcontroller_created",
            "When it was made.",
            |controller, samples| controller.metadata.created(samples),
        ),
        gauge(
            "kube_replicationcontroller_metadata_generation",
            "How often what is wanted was changed.",
            |controller, samples| samples.value(controller.metadata.generation),
        ),
        gauge(
            "kube_replicationcontroller_owner",
            "Whom it belongs to.",
            |controller, samples| controller.metadata.owners(samples),
        ),
        gauge(
            "kube_replicationcontroller_spec_replicas",
            "How many pods are wanted.",
            |controller, samples| samples.some(controller.spec.replicas),
        ),
        gauge(
            "kube_replicationcontroller_status_available_replicas",
            "How many pods are available.",
            |controller, samples| samples.value(controller.status.available_replicas),
        ),
        gauge(
            "kube_replicationcontroller_status_fully_labeled_replicas",
            "How many pods have all labels of the template.",
            |controller, samples| samples.value(controller.status.fully_labeled_replicas),
        ),
        gauge(
            "kube_replicationcontroller_status_observed_generation",
            "The change that was seen last.",
            |controller, samples| samples.value(controller.status.observed_generation),
        ),
        gauge(
            "kube_replicationcontroller_status_ready_replicas",
            "How many pods are ready.",
            |controller, samples| samples.value(controller.status.ready_replicas),
        ),
        gauge(
            "kube_replicationcontroller_status_replicas",
            "How many pods there are.",
            |controller, samples| samples.value(controller.status.replicas),
        ),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }
}

impl Object for DaemonSet {
    const RESOURCE: &'static str = "daemonsets";
    const NAME: &'static str = "daemonset";
    const API_VERSION: &'static str = "apps/v1";
    const KIND: &'static str = "DaemonSet";
    const IS_NAMESPACED: bool = true;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_daemonset_created",
            "When the daemon set was made.",
            |set, samples| set.metadata.created(samples),
        ),
        gauge(
            "kube_daemonset_deletion_timestamp",
            "When the daemon set is to go.",
            |set, samples| set.metadata.deleted(samples),
        ),
        gauge(
            "kube_daemonset_metadata_generation",
            "How often what is wanted was changed.",
            |set, samples| samples.value(set.metadata.generation),
        ),
        gauge(
            "kube_daemonset_status_current_number_scheduled",
            "How many nodes have a pod and are to have one.",
            |set, samples| samples.value(set.status.current_number_scheduled),
        ),
        gauge(
            "kube_daemonset_status_desired_number_scheduled",
            "How many nodes are to have a pod.",
            |set, samples| samples.value(set.status.desired_number_scheduled),
        ),
        gauge(
            "kube_daemonset_status_number_available",
            "How many nodes have a pod that is available.",
            |set, samples| samples.value(set.status.number_available),
        ),
        gauge(
            "kube_daemonset_status_number_misscheduled",
            "How many nodes have a pod and are not to have one.",
            |set, samples| samples.value(set.status.number_misscheduled),
        ),
        gauge(
            "kube_daemonset_status_number_ready",
            "How many nodes have a pod that is ready.",
            |set, samples| samples.value(set.status.number_ready),
        ),
        gauge(
            "kube_daemonset_status_number_unavailable",
            "How many nodes have no pod that is available, and are to have one.",
            |set, samples| samples.value(set.status.number_unavailable),
        ),
        gauge(
            "kube_daemonset_status_observed_generation",
            "The change that was seen last.",
            |set, samples| samples.value(set.status.observed_generation),
        ),
        gauge(
            "kube_daemonset_status_updated_number_scheduled",
            "How many nodes have a pod that is as it is wanted.",
            |set, samples| samples.value(set.status.updated_number_scheduled),
        ),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }
}
