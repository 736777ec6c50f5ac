//! Namespaces and storage classes.

use crate::fields::objects;
use crate::metadata::Metadata;
use crate::object::{Family, Object, gauge};

objects! {
    Namespace {
        metadata: Metadata,
        status: NamespaceStatus,
    }

    NamespaceStatus {
        phase: String,
    }

    StorageClass {
        metadata: Metadata,
        provisioner: String,
        reclaim_policy: String,
        volume_binding_mode: String,
    }
}

impl Object for Namespace {
    const RESOURCE: &'static str = "namespaces";
    const NAME: &'static str = "namespace";
    const API_VERSION: &'static str = "v1";
    const KIND: &'static str = "Namespace";
    const IS_NAMESPACED: bool = false;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_namespace_created",
            "When the namespace was made.",
            |namespace, samples| namespace.metadata.created(samples),
        ),
        gauge(
            "kube_namespace_status_phase",
            "The phase that the namespace is in.",
            |namespace, samples| {
                let phases = ["Active", "Terminating"];
                samples.one_of("phase", &phases, &namespace.status.phase);
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

impl Object for StorageClass {
    const RESOURCE: &'static str = "storageclasses";
    const NAME: &'static str = "storageclass";
    const API_VERSION: &'static str = "storage.k8s.io/v1";
    const KIND: &'static str = "StorageClass";
    const IS_NAMESPACED: bool = false;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_storageclass_info",
            "Who makes volumes of the class, and how.",
            |class, samples| {
                let or = |text: &str, default: &'static str| match text {
                    "" => default.to_owned(),
                    text => text.to_owned(),
                };
                let reclaim = or(&class.reclaim_policy, "Delete");
                let binding = or(&class.volume_binding_mode, "Immediate");
                let labels = [
                    ("provisioner", &*class.provisioner),
                    ("reclaim_policy", &*reclaim),
                    ("volume_binding_mode", &*binding),
                ];
                samples.with(&labels, 1.0);
            },
        ),
        gauge(
            "kube_storageclass_created",
            "When the class was made.",
            |class, samples| class.metadata.created(samples),
        ),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }
}
