//! What the APIs are: the documents by which clients find out what can be asked.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::adapter::{Adapter, Source};
use crate::answer::{ApiAnswer, no_such_path};
use crate::request::ApiRequest;

/// The groups with their versions, the preferred one first.
pub(crate) const GROUPS: [(&str, &[&str]); 3] = [
    ("metrics.k8s.io", &["v1beta1"]),
    ("custom.metrics.k8s.io", &["v1beta2", "v1beta1"]),
    ("external.metrics.k8s.io", &["v1beta1"]),
];

/// Answers a path that names no resource.
pub(crate) async fn answer(
    adapter: &Adapter,
    request: &ApiRequest,
    source: &Source,
) -> Result<ApiAnswer, ApiAnswer> {
    if request.path() == "/apis" {
        let groups: Vec<Value> = GROUPS.iter().map(|(name, of)| group(name, of)).collect();
        let list = json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups});
        return Ok(ApiAnswer::found(list));
    }
    let known = GROUPS.iter().find(|(name, _)| *name == request.group);
    let Some((name, versions)) = known else {
        return Err(no_such_path());
    };
    if request.version.is_empty() {
        let mut found = group(name, versions);
        found["kind"] = json!("APIGroup");
        found["apiVersion"] = json!("v1");
        return Ok(ApiAnswer::found(found));
    }
    if !versions.contains(&request.version.as_str()) {
        return Err(no_such_path());
    }
    let resources = match *name {
        "metrics.k8s.io" => vec![
            resource("nodes", false, "NodeMetrics", &["get", "list"]),
            resource("pods", true, "PodMetrics", &["get", "list"]),
        ],
        "custom.metrics.k8s.io" => custom(adapter, source).await?,
        _ => external(adapter, source).await?,
    };
    Ok(ApiAnswer::found(json!({
        "kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": format!("{name}/{}", request.version), "resources": resources,
    })))
}

async fn custom(adapter: &Adapter, source: &Source) -> Result<Vec<Value>, ApiAnswer> {
    let catalogue = adapter.catalogue(source).await?;
    let metrics: BTreeSet<(String, bool)> = catalogue
        .custom
        .keys()
        .map(|(kind, metric)| (format!("{}/{metric}", kind.in_path()), kind.is_namespaced))
        .collect();
    let metrics = metrics.iter();
    let made =
        metrics.map(|(name, namespaced)| resource(name, *namespaced, "MetricValueList", &["get"]));
    Ok(made.collect())
}

async fn external(adapter: &Adapter, source: &Source) -> Result<Vec<Value>, ApiAnswer> {
    let catalogue = adapter.catalogue(source).await?;
    let metrics = catalogue.external.keys();
    let made = metrics.map(|name| resource(name, true, "ExternalMetricValueList", &["get"]));
    Ok(made.collect())
}

fn group(name: &str, versions: &[&str]) -> Value {
    let version =
        |version: &&str| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let all: Vec<Value> = versions.iter().map(version).collect();
    json!({"name": name, "versions": all, "preferredVersion": all.first()})
}

fn resource(name: &str, namespaced: bool, kind: &str, verbs: &[&str]) -> Value {
    json!({
        "name": name, "singularName": "", "namespaced": namespaced, "kind": kind, "verbs": verbs,
    })
}
