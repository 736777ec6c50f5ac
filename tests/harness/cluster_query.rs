//! What is asked of an API server of Kubernetes: kinds, namespaces and selectors.

use std::collections::HashMap;

use serde_json::{Value, json};

/// What is asked for.
#[derive(Debug, Default, Clone)]
pub(crate) struct Asked {
    /// Of the kind, without a namespace.
    pub(crate) path: String,
    /// `Pod`
    pub(crate) kind: String,
    /// `v1`
    pub(crate) api_version: String,
    namespace: Option<String>,
    /// Those of the query.
    pub(crate) parameters: HashMap<String, String>,
}

/// Where the objects of a kind are: the path of the kind, without a namespace.
const KINDS: [(&str, &str, &str); 29] = [
    ("v1", "ConfigMap", "/api/v1/configmaps"),
    ("v1", "Endpoints", "/api/v1/endpoints"),
    ("v1", "Namespace", "/api/v1/namespaces"),
    ("v1", "Node", "/api/v1/nodes"),
    ("v1", "Pod", "/api/v1/pods"),
    ("v1", "Secret", "/api/v1/secrets"),
    ("v1", "Service", "/api/v1/services"),
    ("apps/v1", "Deployment", "/apis/apps/v1/deployments"),
    (
        "discovery.k8s.io/v1",
        "EndpointSlice",
        "/apis/discovery.k8s.io/v1/endpointslices",
    ),
    ("example.org/v1", "Widget", "/apis/example.org/v1/widgets"),
    (
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
        "/apis/monitoring.coreos.com/v1/servicemonitors",
    ),
    (
        "monitoring.coreos.com/v1",
        "PodMonitor",
        "/apis/monitoring.coreos.com/v1/podmonitors",
    ),
    (
        "monitoring.coreos.com/v1",
        "Probe",
        "/apis/monitoring.coreos.com/v1/probes",
    ),
    (
        "monitoring.coreos.com/v1",
        "PrometheusRule",
        "/apis/monitoring.coreos.com/v1/prometheusrules",
    ),
    (
        "monitoring.coreos.com/v1alpha1",
        "ScrapeConfig",
        "/apis/monitoring.coreos.com/v1alpha1/scrapeconfigs",
    ),
    (
        "monitoring.coreos.com/v1alpha1",
        "AlertmanagerConfig",
        "/apis/monitoring.coreos.com/v1alpha1/alertmanagerconfigs",
    ),
    (
        "networking.k8s.io/v1",
        "Ingress",
        "/apis/networking.k8s.io/v1/ingresses",
    ),
    ("v1", "LimitRange", "/api/v1/limitranges"),
    ("v1", "PersistentVolume", "/api/v1/persistentvolumes"),
    (
        "v1",
        "PersistentVolumeClaim",
        "/api/v1/persistentvolumeclaims",
    ),
    ("v1", "ResourceQuota", "/api/v1/resourcequotas"),
    ("apps/v1", "DaemonSet", "/apis/apps/v1/daemonsets"),
    ("apps/v1", "ReplicaSet", "/apis/apps/v1/replicasets"),
    ("apps/v1", "StatefulSet", "/apis/apps/v1/statefulsets"),
    (
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "/apis/autoscaling/v2/horizontalpodautoscalers",
    ),
    ("batch/v1", "CronJob", "/apis/batch/v1/cronjobs"),
    ("batch/v1", "Job", "/apis/batch/v1/jobs"),
    (
        "policy/v1",
        "PodDisruptionBudget",
        "/apis/policy/v1/poddisruptionbudgets",
    ),
    (
        "storage.k8s.io/v1",
        "StorageClass",
        "/apis/storage.k8s.io/v1/storageclasses",
    ),
];

impl Asked {
    /// None, where there is no such kind.
    pub(crate) fn parse(path: &str, query: &str) -> Option<Self> {
        // The namespace stands between group and kind.
        let mut namespace = None;
        let mut plain = path.to_owned();
        if let Some((group, rest)) = path.split_once("/namespaces/")
            && let Some((name, plural)) = rest.split_once('/')
        {
            namespace = Some(name.to_owned());
            plain = format!("{group}/{plural}");
        }
        let (version, kind, path) = KINDS.iter().find(|(_, _, path)| *path == plain)?;
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        Some(Self {
            path: (*path).to_owned(),
            kind: (*kind).to_owned(),
            api_version: (*version).to_owned(),
            namespace,
            parameters: pairs
                .map(|(name, value)| (decoded(name), decoded(value)))
                .collect(),
        })
    }

    /// Kind and key of the one object that a path names; none, where it names none.
    pub(crate) fn object(path: &str) -> Option<(String, String)> {
        let (list, name) = path.rsplit_once('/')?;
        let asked = Self::parse(list, "")?;
        let namespace = asked.namespace.as_deref().unwrap_or("");
        Some((asked.path, format!("{namespace}/{name}")))
    }

    /// Path, namespace and selectors.
    pub(crate) fn shown(&self) -> String {
        let mut shown = self.path.clone();
        if let Some(namespace) = &self.namespace {
            shown.push_str(&format!(" in {namespace}"));
        }
        for name in ["labelSelector", "fieldSelector"] {
            if let Some(selector) = self.parameters.get(name) {
                shown.push_str(&format!(" {selector}"));
            }
        }
        shown
    }

    /// Whether an object of that path is asked for.
    pub(crate) fn selects(&self, path: &str, object: &Value) -> bool {
        let namespace = object["metadata"]["namespace"].as_str();
        let is_there = self.namespace.is_none() || self.namespace.as_deref() == namespace;
        let selector = |name: &str| self.parameters.get(name).map_or("", String::as_str);
        let label = |name: &str| object["metadata"]["labels"][name].as_str();
        let field = |name: &str| {
            object
                .pointer(&format!("/{}", name.replace('.', "/")))?
                .as_str()
        };
        path == self.path
            && is_there
            && matches(selector("labelSelector"), label)
            && matches(selector("fieldSelector"), field)
    }
}

/// Terms with `=`, `==` and `!=`, and names alone, which have to be there or, after a `!`, not.
fn matches<'a>(selector: &str, value: impl Fn(&str) -> Option<&'a str>) -> bool {
    selector
        .split(',')
        .filter(|term| !term.is_empty())
        .all(|term| {
            if let Some((name, wanted)) = term.split_once("!=") {
                value(name) != Some(wanted)
            } else if let Some((name, wanted)) = term.split_once('=') {
                value(name) == Some(wanted.trim_start_matches('='))
            } else if let Some(name) = term.strip_prefix('!') {
                value(name).is_none()
            } else {
                value(term).is_some()
            }
        })
}

fn decoded(text: &str) -> String {
    let text = text.replace('+', " ");
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or("").as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at(part.len().min(2));
        bytes.push(u8::from_str_radix(code, 16).unwrap_or(b'?'));
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a group says of its kinds; none, where there is no such group.
pub(crate) fn kinds_of(group: &str) -> Option<Value> {
    let kinds = KINDS.iter().filter_map(|(version, kind, path)| {
        let plural = path.rsplit('/').next()?;
        (format!("/apis/{version}") == group).then(|| {
            [
                json!({"name": format!("{plural}/status"), "kind": kind, "namespaced": true}),
                json!({"name": plural, "kind": kind, "namespaced": true}),
            ]
        })
    });
    let kinds: Vec<Value> = kinds.flatten().collect();
    (!kinds.is_empty()).then(|| json!({"kind": "APIResourceList", "resources": kinds}))
}

/// The path of the kind of an object.
pub(crate) fn path_of(object: &Value) -> String {
    let text = |name: &str| object[name].as_str().unwrap_or("");
    let is_it = |(version, kind, _): &&(&str, &str, &str)| {
        *version == text("apiVersion") && *kind == text("kind")
    };
    let found = KINDS.iter().find(is_it);
    found
        .unwrap_or_else(|| panic!("no such kind: {object}"))
        .2
        .to_owned()
}

/// Namespace and name of an object.
pub(crate) fn key_of(object: &Value) -> String {
    let text = |name: &str| object["metadata"][name].as_str().unwrap_or("");
    format!("{}/{}", text("namespace"), text("name"))
}
