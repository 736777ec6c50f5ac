//! `custom.metrics.k8s.io`: metrics of objects, which autoscalers scale by.

use serde_json::{Value, json};

use crate::adapter::{Adapter, Source, timestamp};
use crate::answer::{ApiAnswer, no_such_path, refusal};
use crate::kinds::ObjectKind;
use crate::quantity::milli;
use crate::query::{Names, Question, by_labels, vector};
use crate::request::ApiRequest;
use crate::selector::terms;

pub(crate) async fn answer(
    adapter: &Adapter,
    request: &ApiRequest,
    source: &Source,
) -> Result<ApiAnswer, ApiAnswer> {
    let parts: Vec<&str> = request.parts.iter().map(String::as_str).collect();
    let (kind, name, metric) = match (request.namespace.as_deref(), parts.as_slice()) {
        // Of the namespace itself.
        (Some(namespace), ["metrics", metric]) => {
            (ObjectKind::of("", "namespaces"), namespace, *metric)
        }
        (_, [resource, name, metric]) => (ObjectKind::of_path(resource), *name, *metric),
        _ => return Err(no_such_path()),
    };
    // Whoever may ask for what lies in one namespace must not be told of what lies in none.
    let is_of_itself = matches!(parts.as_slice(), ["metrics", _]);
    if request.namespace.is_some() && !kind.is_namespaced && !is_of_itself {
        return Err(no_such_path());
    }
    let missing = || {
        let what = kind.in_path();
        let message = match name {
            "*" => format!("the server could not find the metric {metric} for {what}"),
            name => format!("the server could not find the metric {metric} for {what} {name}"),
        };
        refusal(404, message)
    };
    let catalogue = adapter.catalogue(source).await?;
    let key = (kind.clone(), metric.to_owned());
    let found = catalogue.custom.get(&key).ok_or_else(missing)?;
    let rule = adapter.rules.get(found.rule).ok_or_else(missing)?;
    let label = rule.mapping.label(&kind).ok_or_else(missing)?;

    let selected = terms(request.parameter("metricLabelSelector"));
    let selected =
        selected.map_err(|error| refusal(400, format!("metricLabelSelector: {error}")))?;
    let names = match name {
        "*" => {
            let objects = adapter.objects(&kind.api_version, &kind.kind, request);
            objects.await?.names
        }
        name => Names::Only(vec![name.to_owned()]),
    };
    if names == Names::Only(Vec::new()) {
        return Ok(list(request, Vec::new()));
    }
    let mut question = Question::of(&found.series);
    if let Some(namespace) = request.namespace.as_deref().filter(|_| kind.is_namespaced) {
        let namespaces = ObjectKind::of("", "namespaces");
        // Without a label of the namespace, objects of one name could be others'.
        let of_namespace = rule.mapping.label(&namespaces).ok_or_else(missing)?;
        question = question.in_namespace(&of_namespace, namespace);
    }
    let question = question.about(&label, &names).with(&selected);
    let query = question.fill(&rule.query, &[label.as_str()]);
    let values = by_labels(&vector(source, &query).await?, [label.as_str()]);
    let values = values.into_iter().filter(|([name], _)| names.has(name));
    let items: Vec<Value> = values
        .filter_map(|([name], value)| {
            let value = milli(value)?;
            Some(item(request, &kind, &name, metric, &value, source))
        })
        .collect();
    match items.is_empty() && name != "*" {
        true => Err(missing()),
        false => Ok(list(request, items)),
    }
}

fn item(
    request: &ApiRequest,
    kind: &ObjectKind,
    name: &str,
    metric: &str,
    value: &str,
    source: &Source,
) -> Value {
    let mut object = json!({"kind": kind.kind, "name": name, "apiVersion": kind.api_version});
    if let Some(namespace) = request.namespace.as_deref().filter(|_| kind.is_namespaced) {
        object["namespace"] = json!(namespace);
    }
    let timestamp = timestamp(source.now_ms);
    match request.version.as_str() {
        "v1beta1" => json!({
            "describedObject": object, "metricName": metric, "timestamp": timestamp,
            "value": value, "selector": null,
        }),
        _ => json!({
            "describedObject": object, "metric": {"name": metric, "selector": null},
            "timestamp": timestamp, "value": value,
        }),
    }
}

fn list(request: &ApiRequest, items: Vec<Value>) -> ApiAnswer {
    ApiAnswer::found(json!({
        "kind": "MetricValueList",
        "apiVersion": format!("custom.metrics.k8s.io/{}", request.version),
        "metadata": {}, "items": items,
    }))
}
