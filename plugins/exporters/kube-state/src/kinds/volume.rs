//! Persistent volumes, and the claims on them.

use crate::fields::objects;
use crate::metadata::Metadata;
use crate::object::{Family, Object, Samples, gauge};
use crate::resources::{Resources, STORAGE};

objects! {
    Volume {
        metadata: Metadata,
        spec: VolumeSpec,
        status: Phase,
    }

    VolumeSpec {
        access_modes: Vec<String>,
        capacity: Resources,
        claim_ref: Option<ClaimRef>,
        persistent_volume_reclaim_policy: String,
        storage_class_name: String,
        volume_mode: String,
        aws_elastic_block_store: ElasticBlockStore,
        azure_disk: AzureDisk,
        csi: Csi,
        fc: FibreChannel,
        gce_persistent_disk: GceDisk,
        host_path: HostPath,
        iscsi: Iscsi,
        local: Local,
        nfs: Nfs,
    }

    ClaimRef {
        name: String,
        namespace: String,
    }

    ElasticBlockStore {
        #[serde(rename = "volumeID")]
        volume_id: String,
    }

    AzureDisk {
        disk_name: String,
    }

    Csi {
        driver: String,
        volume_handle: String,
    }

    FibreChannel {
        lun: Option<f64>,
        #[serde(rename = "targetWWNs")]
        target_wwns: Vec<String>,
        wwids: Vec<String>,
    }

    GceDisk {
        pd_name: String,
    }

    HostPath {
        path: String,
        #[serde(rename = "type")]
        kind: String,
    }

    Iscsi {
        initiator_name: String,
        iqn: String,
        lun: Option<f64>,
        target_portal: String,
    }

    Local {
        fs_type: String,
        path: String,
    }

    Nfs {
        path: String,
        server: String,
    }

    Phase {
        phase: String,
    }

    Claim {
        metadata: Metadata,
        spec: ClaimSpec,
        status: Phase,
    }

    ClaimSpec {
        access_modes: Vec<String>,
        resources: ClaimResources,
        storage_class_name: Option<String>,
        volume_mode: String,
        volume_name: String,
    }

    ClaimResources {
        requests: Resources,
    }
}

/// The annotation that named a claim's storage class before there was a field for it.
const CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

impl Volume {
    /// What it is, and where; of the places there is one.
    fn info(&self, samples: &mut Samples<'_, '_>) {
        let spec = &self.spec;
        let text = |number: Option<f64>| number.map(|number| number.to_string());
        let (fc_lun, iscsi_lun) = (text(spec.fc.lun), text(spec.iscsi.lun));
        let (wwids, wwns) = (spec.fc.wwids.join(","), spec.fc.target_wwns.join(","));
        let labels = [
            ("storageclass", &*spec.storage_class_name),
            (
                "gce_persistent_disk_name",
                &*spec.gce_persistent_disk.pd_name,
            ),
            ("ebs_volume_id", &*spec.aws_elastic_block_store.volume_id),
            ("azure_disk_name", &*spec.azure_disk.disk_name),
            ("fc_wwids", &*wwids),
            ("fc_lun", fc_lun.as_deref().unwrap_or_default()),
            ("fc_target_wwns", &*wwns),
            ("iscsi_target_portal", &*spec.iscsi.target_portal),
            ("iscsi_iqn", &*spec.iscsi.iqn),
            ("iscsi_lun", iscsi_lun.as_deref().unwrap_or_default()),
            ("iscsi_initiator_name", &*spec.iscsi.initiator_name),
            ("nfs_server", &*spec.nfs.server),
            ("nfs_path", &*spec.nfs.path),
            ("csi_driver", &*spec.csi.driver),
            ("csi_volume_handle", &*spec.csi.volume_handle),
            ("local_path", &*spec.local.path),
            ("local_fs", &*spec.local.fs_type),
            ("host_path", &*spec.host_path.path),
            ("host_path_type", &*spec.host_path.kind),
            ("reclaim_policy", &*spec.persistent_volume_reclaim_policy),
        ];
        samples.with(&labels, 1.0);
    }
}

impl Claim {
    /// The class of the volume; where nobody named one, the cluster's default.
    fn class(&self) -> &str {
        let annotations = &self.metadata.annotations;
        let named = annotations
            .get(CLASS_ANNOTATION)
            .filter(|name| !name.is_empty());
        let named = named.or(self.spec.storage_class_name.as_ref());
        named.map_or("<none>", String::as_str)
    }
}

impl Object for Volume {
    const RESOURCE: &'static str = "persistentvolumes";
    const NAME: &'static str = "persistentvolume";
    const API_VERSION: &'static str = "v1";
    const KIND: &'static str = "PersistentVolume";
    const IS_NAMESPACED: bool = false;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_persistentvolume_access_mode",
            "Who may use the volume at once.",
            |volume, samples| {
                for mode in &volume.spec.access_modes {
                    samples.with(&[("access_mode", &**mode)], 1.0);
                }
            },
        ),
        gauge(
            "kube_persistentvolume_capacity_bytes",
            "How large the volume is.",
            |volume, samples| {
                let amount = volume.spec.capacity.get(STORAGE);
                samples.value(amount.map_or(0.0, |amount| amount.whole()));
            },
        ),
        gauge(
            "kube_persistentvolume_claim_ref",
            "The claim that has the volume.",
            |volume, samples| {
                if let Some(claim) = &volume.spec.claim_ref {
                    let labels = [
                        ("name", &*claim.name),
                        ("claim_namespace", &*claim.namespace),
                    ];
                    samples.with(&labels, 1.0);
                }
            },
        ),
        gauge(
            "kube_persistentvolume_created",
            "When the volume was made.",
            |volume, samples| volume.metadata.created(samples),
        ),
        gauge(
            "kube_persistentvolume_deletion_timestamp",
            "When the volume is to go.",
            |volume, samples| volume.metadata.deleted(samples),
        ),
        gauge(
            "kube_persistentvolume_info",
            "What the volume is, and where.",
            Self::info,
        ),
        gauge(
            "kube_persistentvolume_status_phase",
            "The phase that the volume is in.",
            |volume, samples| {
                let phases = ["Pending", "Available", "Bound", "Released", "Failed"];
                samples.one_of("phase", &phases, &volume.status.phase);
            },
        ),
        gauge(
            "kube_persistentvolume_volume_mode",
            "Whether the volume is a file system or a block device.",
            |volume, samples| samples.with(&[("volumemode", &*volume.spec.volume_mode)], 1.0),
        ),
    ];

    fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }
}

impl Object for Claim {
    const RESOURCE: &'static str = "persistentvolumeclaims";
    const NAME: &'static str = "persistentvolumeclaim";
    const API_VERSION: &'static str = "v1";
    const KIND: &'static str = "PersistentVolumeClaim";
    const IS_NAMESPACED: bool = true;
    const ANNOTATIONS_KEPT: &'static str = CLASS_ANNOTATION;
    const FAMILIES: &'static [Family<Self>] = &[
        gauge(
            "kube_persistentvolumeclaim_access_mode",
            "Who may use the volume at once.",
            |claim, samples| {
                for mode in &claim.spec.access_modes {
                    samples.with(&[("access_mode", &**mode)], 1.0);
                }
            },
        ),
        gauge(
            "kube_persistentvolumeclaim_created",
            "When the claim was made.",
            |claim, samples| claim.metadata.created(samples),
        ),
        gauge(
            "kube_persistentvolumeclaim_deletion_timestamp",
            "When the claim is to go.",
            |claim, samples| claim.metadata.deleted(samples),
        ),
        gauge(
            "kube_persistentvolumeclaim_info",
            "What is claimed, and what it got.",
            |claim, samples| {
                let labels = [
                    ("storageclass", claim.class()),
                    ("volumename", &*claim.spec.volume_name),
                    ("volumemode", &*claim.spec.volume_mode),
                ];
                samples.with(&labels, 1.0);
            },
        ),
        gauge(
            "kube_persistentvolumeclaim_resource_requests_storage_bytes",
            "How much is claimed.",
            |claim, samples| {
                let amount = claim.spec.resources.requests.get(STORAGE);
                samples.some(amount.map(|amount| amount.whole()));
            },
        ),
        gauge(
            "kube_persistentvolumeclaim_status_phase",
            "The phase that the claim is in.",
            |claim, samples| {
                let phases = ["Lost", "Bound", "Pending"];
                samples.one_of("phase", &phases, &claim.status.phase);
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
