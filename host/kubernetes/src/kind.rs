//! Where the objects of a kind are.

use serde::Deserialize;

use crate::api::{Api, ApiError};
use crate::limits::KINDS_BYTES_MAX;

/// Where the objects of a kind are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kind {
    /// `pods`
    plural: String,
    /// Whether they belong to namespaces.
    is_namespaced: bool,
}

/// The kinds that are the same in every cluster: nobody has to ask for them.
const KNOWN: [(&str, &str, &str, bool); 23] = [
    ("v1", "ConfigMap", "configmaps", true),
    ("v1", "Endpoints", "endpoints", true),
    ("v1", "LimitRange", "limitranges", true),
    ("v1", "Namespace", "namespaces", false),
    ("v1", "Node", "nodes", false),
    ("v1", "PersistentVolume", "persistentvolumes", false),
    (
        "v1",
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        true,
    ),
    ("v1", "Pod", "pods", true),
    (
        "v1",
        "ReplicationController",
        "replicationcontrollers",
        true,
    ),
    ("v1", "ResourceQuota", "resourcequotas", true),
    ("v1", "Secret", "secrets", true),
    ("v1", "Service", "services", true),
    ("apps/v1", "DaemonSet", "daemonsets", true),
    ("apps/v1", "Deployment", "deployments", true),
    ("apps/v1", "ReplicaSet", "replicasets", true),
    ("apps/v1", "StatefulSet", "statefulsets", true),
    (
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        true,
    ),
    ("batch/v1", "CronJob", "cronjobs", true),
    ("batch/v1", "Job", "jobs", true),
    (
        "discovery.k8s.io/v1",
        "EndpointSlice",
        "endpointslices",
        true,
    ),
    ("networking.k8s.io/v1", "Ingress", "ingresses", true),
    (
        "policy/v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        true,
    ),
    ("storage.k8s.io/v1", "StorageClass", "storageclasses", false),
];

#[derive(Debug, Deserialize)]
struct Kinds {
    resources: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    /// `pods`, or `pods/status`, which is a part of one.
    name: String,
    kind: String,
    namespaced: bool,
}

impl Kind {
    /// Looks for it: here first, then in the cluster.
    pub(crate) async fn find(api: &Api, api_version: &str, kind: &str) -> Result<Self, ApiError> {
        let known = KNOWN
            .iter()
            .find(|(version, name, ..)| *version == api_version && *name == kind);
        if let Some((_, _, plural, is_namespaced)) = known {
            return Ok(Self {
                plural: (*plural).to_owned(),
                is_namespaced: *is_namespaced,
            });
        }
        let kinds: Kinds = api.json(&group(api_version), KINDS_BYTES_MAX).await?;
        let is_it = |listed: &&Listed| listed.kind == kind && !listed.name.contains('/');
        match kinds.resources.iter().find(is_it) {
            Some(listed) => Ok(Self {
                plural: listed.name.clone(),
                is_namespaced: listed.namespaced,
            }),
            None => Err(ApiError::Garbage(format!(
                "{api_version}/{kind}: the cluster has no such kind"
            ))),
        }
    }

    /// The path of its objects.
    pub(crate) fn path(&self, api_version: &str, namespace: Option<&str>) -> String {
        let (group, plural) = (group(api_version), &self.plural);
        match namespace.filter(|_| self.is_namespaced) {
            Some(namespace) => format!("{group}/namespaces/{namespace}/{plural}"),
            None => format!("{group}/{plural}"),
        }
    }
}

/// The first group has no name.
fn group(api_version: &str) -> String {
    match api_version.contains('/') {
        true => format!("/apis/{api_version}"),
        false => format!("/api/{api_version}"),
    }
}

/// Whether it can stand in a path as it is.
pub(crate) fn is_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !text.is_empty() && text.bytes().all(is_plain) && !text.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_a_cluster_has_them() {
        for (version, plural, is_namespaced, namespace, expected) in [
            ("v1", "pods", true, None, "/api/v1/pods"),
            ("v1", "pods", true, Some("a"), "/api/v1/namespaces/a/pods"),
            ("v1", "nodes", false, Some("a"), "/api/v1/nodes"),
            (
                "apps/v1",
                "x",
                true,
                Some("b"),
                "/apis/apps/v1/namespaces/b/x",
            ),
        ] {
            let kind = Kind {
                plural: plural.to_owned(),
                is_namespaced,
            };
            assert_eq!(kind.path(version, namespace), expected);
        }
    }

    #[test]
    fn no_path_leads_elsewhere() {
        for (text, expected) in [
            ("kube-system", true),
            ("v1", true),
            ("", false),
            ("..", false),
            ("a/b", false),
            ("a?b", false),
            ("a%2f", false),
        ] {
            assert_eq!(is_word(text), expected, "{text}");
        }
    }
}
