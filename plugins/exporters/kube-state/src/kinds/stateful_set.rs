//! Stateful sets.

use crate::fields::objects;
use crate::metadata::Metadata;
use crate::object::{Family, Object, gauge};

objects! {
    StatefulSet {
        metadata: Metadata,
        spec: StatefulSetSpec,
        status: StatefulSetStatus,
    }

    StatefulSetSpec {
        ordinals: Option<Ordinals>,
        persistent_volume_claim_retention_policy: Option<Retention>,
        replicas: Option<f64>,
    }

    Ordinals {
        start: f64,
    }

    Retention {
        when_deleted: String,
        when_scaled: String,
    }

    StatefulSetStatus {
        available_replicas: f64,
        current_replicas: f64,
        current_revision: String,
        observed_generation: f64,
        ready_replicas: f64,
        replicas: f64,
        update_revision: String,
        updated_replicas: f64,
    }
}

impl Object for StatefulSet {
    const RESOURCE: &'static str = "statefulsets";
    const NAME: &'static str = "statefulset";
    const API_VERSION: &'static str = "apps/v1";
    const KIND: &'static str = "StatefulSet";
    const IS_NAMESPACED: bool = true;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_statefulset_created",
            "When the stateful set was made.",
            |set, samples| set.metadata.created(samples),
        ),
        gauge(
            "kube_statefulset_deletion_timestamp",
            "When the stateful set is to go.",
            |set, samples| set.metadata.deleted(samples),
        ),
        gauge(
            "kube_statefulset_metadata_generation",
            "How often what is wanted was changed.",
            |set, samples| samples.value(set.metadata.generation),
        ),
        gauge(
            "kube_statefulset_ordinals_start",
            "The number of the first pod.",
            |set, samples| {
                let ordinals = set.spec.ordinals.as_ref();
                samples.some(ordinals.map(|ordinals| ordinals.start));
            },
        ),
        gauge(
            "kube_statefulset_persistentvolumeclaim_retention_policy",
            "What becomes of the claims of pods that go.",
            |set, samples| {
                if let Some(policy) = &set.spec.persistent_volume_claim_retention_policy {
                    let labels = [
                        ("when_deleted", &*policy.when_deleted),
                        ("when_scaled", &*policy.when_scaled),
                    ];
                    samples.with(&labels, 1.0);
                }
            },
        ),
        gauge(
            "kube_statefulset_replicas",
            "How many pods are wanted.",
            |set, samples| samples.some(set.spec.replicas),
        ),
        gauge(
            "kube_statefulset_status_current_revision",
            "The revision of pods that are not updated.",
            |set, samples| samples.with(&[("revision", &*set.status.current_revision)], 1.0),
        ),
        gauge(
            "kube_statefulset_status_observed_generation",
            "The change that was seen last.",
            |set, samples| samples.value(set.status.observed_generation),
        ),
        gauge(
            "kube_statefulset_status_replicas",
            "How many pods there are.",
            |set, samples| samples.value(set.status.replicas),
        ),
        gauge(
            "kube_statefulset_status_replicas_available",
            "How many pods are available.",
            |set, samples| samples.value(set.status.available_replicas),
        ),
        gauge(
            "kube_statefulset_status_replicas_current",
            "How many pods are of the current revision.",
            |set, samples| samples.value(set.status.current_replicas),
        ),
        gauge(
            "kube_statefulset_status_replicas_ready",
            "How many pods are ready.",
            |set, samples| samples.value(set.status.ready_replicas),
        ),
        gauge(
            "kube_statefulset_status_replicas_updated",
            "How many pods are of the revision of the update.",
            |set, samples| samples.value(set.status.updated_replicas),
        ),
        gauge(
            "kube_statefulset_status_update_revision",
            "The revision of pods that are updated.",
            |set, samples| samples.with(&[("revision", &*set.status.update_revision)], 1.0),
        ),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }
}
