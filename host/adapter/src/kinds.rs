//! Kinds of objects that metrics are about: how a resource is called in paths, rules and answers.
//!
//! It is not: what a cluster knows. A kind that is not in the table is called by the rules of
//! English, as tools that generate names do.

/// A kind of objects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectKind {
    /// `apps`; empty for the core.
    pub(crate) group: String,
    /// `deployments`
    pub(crate) plural: String,
    /// `deployment`
    pub(crate) singular: String,
    /// `Deployment`
    pub(crate) kind: String,
    /// `apps/v1`
    pub(crate) api_version: String,
    /// Whether its objects lie in namespaces.
    pub(crate) is_namespaced: bool,
}

/// Group, version, plural, kind, and whether the objects lie in namespaces.
const KNOWN: [(&str, &str, &str, &str, bool); 15] = [
    ("", "v1", "namespaces", "Namespace", false),
    ("", "v1", "nodes", "Node", false),
    ("", "v1", "persistentvolumes", "PersistentVolume", false),
    (
        "",
        "v1",
        "persistentvolumeclaims",
        "PersistentVolumeClaim",
        true,
    ),
    ("", "v1", "pods", "Pod", true),
    (
        "",
        "v1",
        "replicationcontrollers",
        "ReplicationController",
        true,
    ),
    ("", "v1", "services", "Service", true),
    ("apps", "v1", "daemonsets", "DaemonSet", true),
    ("apps", "v1", "deployments", "Deployment", true),
    ("apps", "v1", "replicasets", "ReplicaSet", true),
    ("apps", "v1", "statefulsets", "StatefulSet", true),
    ("batch", "v1", "cronjobs", "CronJob", true),
    ("batch", "v1", "jobs", "Job", true),
    (
        "autoscaling",
        "v2",
        "horizontalpodautoscalers",
        "HorizontalPodAutoscaler",
        true,
    ),
    ("networking.k8s.io", "v1", "ingresses", "Ingress", true),
];

impl ObjectKind {
    /// The kind that a rule names by group and resource, the latter in the singular or plural. Without
    /// a group, a resource of the table that only one group has is that one.
    pub(crate) fn of(group: &str, resource: &str) -> Self {
        Self::known(group, resource).unwrap_or_else(|| Self::guessed(group, resource))
    }

    /// The same of the table alone.
    pub(crate) fn known(group: &str, resource: &str) -> Option<Self> {
        let resource = resource.to_ascii_lowercase();
        let is_it = |(other, _, plural, kind, _): &&(&str, &str, &str, &str, bool)| {
            (group.is_empty() || *other == group)
                && (*plural == resource || kind.to_ascii_lowercase() == resource)
        };
        let (group, version, plural, kind, is_namespaced) = KNOWN.iter().find(is_it)?;
        let api_version = match *group {
            "" => (*version).to_owned(),
            group => format!("{group}/{version}"),
        };
        Some(Self {
            group: (*group).to_owned(),
            plural: (*plural).to_owned(),
            singular: kind.to_ascii_lowercase(),
            kind: (*kind).to_owned(),
            api_version,
            is_namespaced: *is_namespaced,
        })
    }

    fn guessed(group: &str, resource: &str) -> Self {
        let singular = singular(&resource.to_ascii_lowercase());
        let mut letters = singular.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        Self {
            group: group.to_owned(),
            plural: plural(&singular),
            kind: first.into_iter().chain(letters).collect(),
            api_version: match group {
                "" => "v1".to_owned(),
                group => format!("{group}/v1"),
            },
            is_namespaced: true,
            singular,
        }
    }

    /// The kind that a path names: `pods`, `deployments.apps`.
    pub(crate) fn of_path(resource: &str) -> Self {
        match resource.split_once('.') {
            Some((resource, group)) => Self::of(group, resource),
            None => Self::of("", resource),
        }
    }

    /// As a path names it.
    pub(crate) fn in_path(&self) -> String {
        match self.group.as_str() {
            "" => self.plural.clone(),
            group => format!("{}.{group}", self.plural),
        }
    }
}

fn singular(resource: &str) -> String {
    if let Some(stem) = resource.strip_suffix("ies") {
        return format!("{stem}y");
    }
    for ending in ["sses", "xes", "ches", "shes"] {
        if resource.ends_with(ending) {
            return resource.trim_end_matches("es").to_owned();
        }
    }
    match resource.strip_suffix('s') {
        Some(stem) if !stem.ends_with('s') => stem.to_owned(),
        _ => resource.to_owned(),
    }
}

fn plural(singular: &str) -> String {
    if let Some(stem) = singular.strip_suffix('y')
        && !stem.ends_with(['a', 'e', 'i', 'o', 'u'])
    {
        return format!("{stem}ies");
    }
    match ["s", "x", "ch", "sh"]
        .iter()
        .any(|end| singular.ends_with(end))
    {
        true => format!("{singular}es"),
        false => format!("{singular}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_found_by_each_of_its_names() {
        for (group, resource, path, kind) in [
            ("", "pod", "pods", "Pod"),
            ("", "Pods", "pods", "Pod"),
            ("", "namespace", "namespaces", "Namespace"),
            ("apps", "deployment", "deployments.apps", "Deployment"),
            ("", "deployments", "deployments.apps", "Deployment"),
            (
                "networking.k8s.io",
                "ingress",
                "ingresses.networking.k8s.io",
                "Ingress",
            ),
            ("example.org", "widgets", "widgets.example.org", "Widget"),
            ("example.org", "policy", "policies.example.org", "Policy"),
            ("example.org", "boxes", "boxes.example.org", "Box"),
        ] {
            let found = ObjectKind::of(group, resource);
            assert_eq!(
                (found.in_path().as_str(), found.kind.as_str()),
                (path, kind)
            );
            assert_eq!(ObjectKind::of_path(path), found);
        }
    }
}
