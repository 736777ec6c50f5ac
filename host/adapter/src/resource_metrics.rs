//! `metrics.k8s.io`: what nodes and the containers of pods use, as `kubectl top` and autoscalers ask
//! for it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::adapter::{Adapter, Objects, Source, timestamp};
use crate::answer::{ApiAnswer, no_such_path, not_found};
use crate::kinds::ObjectKind;
use crate::quantity::{kibi, nano};
use crate::query::{Names, Question, by_labels, vector};
use crate::request::ApiRequest;
use crate::rule::CompiledQueries;
use crate::table;

const GROUP: &str = "metrics.k8s.io";
const VERSION: &str = "metrics.k8s.io/v1beta1";

/// Usage of containers by namespace, pod and container.
type OfContainers = BTreeMap<[String; 3], f64>;

pub(crate) async fn answer(
    adapter: &Adapter,
    request: &ApiRequest,
    source: &Source,
) -> Result<ApiAnswer, ApiAnswer> {
    let parts: Vec<&str> = request.parts.iter().map(String::as_str).collect();
    let namespace = request.namespace.as_deref();
    match (namespace, parts.as_slice()) {
        (None, ["nodes"]) => {
            let objects = adapter.objects("v1", "Node", request).await?;
            let items = nodes(adapter, &objects, source).await?;
            Ok(list(request, "NodeMetricsList", items))
        }
        (None, ["nodes", name]) => {
            let items = nodes(adapter, &only(name), source).await?;
            one(request, items).ok_or_else(|| not_found(GROUP, "nodemetrics", name))
        }
        (_, ["pods"]) => {
            let objects = adapter.objects("v1", "Pod", request).await?;
            let items = pods(adapter, namespace, &objects, source).await?;
            Ok(list(request, "PodMetricsList", items))
        }
        (Some(own), ["pods", name]) => {
            let items = pods(adapter, namespace, &only(name), source).await?;
            let named = format!("{own}/{name}");
            one(request, items).ok_or_else(|| not_found(GROUP, "podmetrics", &named))
        }
        _ => Err(no_such_path()),
    }
}

fn only(name: &str) -> Objects {
    Objects {
        names: Names::Only(vec![name.to_owned()]),
        listed: BTreeMap::new(),
    }
}

async fn nodes(
    adapter: &Adapter,
    objects: &Objects,
    source: &Source,
) -> Result<Vec<Value>, ApiAnswer> {
    let rules = &adapter.resources;
    let kind = ObjectKind::of("", "nodes");
    let cpu = of_nodes(&rules.cpu, &kind, objects, source).await?;
    let memory = of_nodes(&rules.memory, &kind, objects, source).await?;
    let mut items = Vec::new();
    for (key, cores) in &cpu {
        let [name] = key;
        let Some(usage) = memory.get(key).and_then(|bytes| usage(*cores, *bytes)) else {
            continue;
        };
        items.push(json!({
            "kind": "NodeMetrics", "apiVersion": VERSION,
            "metadata": metadata(None, name, objects, source),
            "timestamp": timestamp(source.now_ms), "window": window(rules.window),
            "usage": usage,
        }));
    }
    Ok(items)
}

async fn of_nodes(
    queries: &CompiledQueries,
    kind: &ObjectKind,
    objects: &Objects,
    source: &Source,
) -> Result<BTreeMap<[String; 1], f64>, ApiAnswer> {
    let label = queries.mapping.label(kind).unwrap_or_default();
    if objects.names == Names::Only(Vec::new()) {
        return Ok(BTreeMap::new());
    }
    let question = Question::of("").about(&label, &objects.names);
    let query = question.fill(&queries.nodes, &[label.as_str()]);
    let mut found = by_labels(&vector(source, &query).await?, [label.as_str()]);
    found.retain(|[name], _| objects.names.has(name));
    Ok(found)
}

async fn pods(
    adapter: &Adapter,
    namespace: Option<&str>,
    objects: &Objects,
    source: &Source,
) -> Result<Vec<Value>, ApiAnswer> {
    let rules = &adapter.resources;
    let cpu = of_containers(&rules.cpu, namespace, objects, source).await?;
    let memory = of_containers(&rules.memory, namespace, objects, source).await?;
    let mut pods: BTreeMap<(&str, &str), Vec<Value>> = BTreeMap::new();
    for (key, cores) in &cpu {
        let [namespace, pod, container] = key;
        let Some(usage) = memory.get(key).and_then(|bytes| usage(*cores, *bytes)) else {
            continue;
        };
        let containers = pods.entry((namespace.as_str(), pod.as_str())).or_default();
        containers.push(json!({"name": container, "usage": usage}));
    }
    let items = pods.into_iter().map(|((namespace, pod), containers)| {
        json!({
            "kind": "PodMetrics", "apiVersion": VERSION,
            "metadata": metadata(Some(namespace), pod, objects, source),
            "timestamp": timestamp(source.now_ms), "window": window(rules.window),
            "containers": containers,
        })
    });
    Ok(items.collect())
}

async fn of_containers(
    queries: &CompiledQueries,
    namespace: Option<&str>,
    objects: &Objects,
    source: &Source,
) -> Result<OfContainers, ApiAnswer> {
    if objects.names == Names::Only(Vec::new()) {
        return Ok(OfContainers::new());
    }
    let label = |resource: &str| {
        let kind = ObjectKind::of("", resource);
        queries.mapping.label(&kind).unwrap_or_default()
    };
    let (of_namespace, of_pod) = (label("namespaces"), label("pods"));
    let mut question = Question::of("");
    if let Some(namespace) = namespace {
        question = question.in_namespace(&of_namespace, namespace);
    }
    let question = question.about(&of_pod, &objects.names);
    let of_container = queries.container_label.as_str();
    let labels = [of_namespace.as_str(), of_pod.as_str(), of_container];
    let query = question.fill(&queries.containers, &labels);
    let mut found = by_labels(&vector(source, &query).await?, labels);
    found.retain(|[namespace, pod, _], _| match objects.listed.is_empty() {
        true => objects.names.has(pod),
        // Pods of one name lie in several namespaces.
        false => objects.find(namespace, pod).is_some(),
    });
    Ok(found)
}

/// Cores and bytes as quantities.
fn usage(cores: f64, bytes: f64) -> Option<Value> {
    Some(json!({"cpu": nano(cores)?, "memory": kibi(bytes)?}))
}

/// A duration as Kubernetes writes it: `1m0s`, `30s`.
fn window(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, minutes) => format!("{minutes}m{rest}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}s"),
    }
}

/// The labels are those of the object, where the cluster was asked for it.
fn metadata(namespace: Option<&str>, name: &str, objects: &Objects, source: &Source) -> Value {
    let mut metadata = json!({"name": name, "creationTimestamp": timestamp(source.now_ms)});
    if let Some(namespace) = namespace {
        metadata["namespace"] = json!(namespace);
    }
    let object = objects.find(namespace.unwrap_or(""), name);
    if let Some(labels) = object.map(|object| &object["metadata"]["labels"])
        && labels.is_object()
    {
        metadata["labels"] = labels.clone();
    }
    metadata
}

fn list(request: &ApiRequest, kind: &str, items: Vec<Value>) -> ApiAnswer {
    if request.wants_table() {
        return ApiAnswer::found(table::of_metrics(&items));
    }
    ApiAnswer::found(json!({
        "kind": kind, "apiVersion": VERSION, "metadata": {}, "items": items,
    }))
}

fn one(request: &ApiRequest, items: Vec<Value>) -> Option<ApiAnswer> {
    let item = items.into_iter().next()?;
    Some(ApiAnswer::found(match request.wants_table() {
        true => table::of_metrics(&[item]),
        false => item,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_written_as_go_writes_durations() {
        for (seconds, expected) in [(30, "30s"), (60, "1m0s"), (300, "5m0s"), (3_661, "1h1m1s")] {
            assert_eq!(window(seconds), expected);
        }
    }
}
