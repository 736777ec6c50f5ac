//! `external.metrics.k8s.io`: metrics of nothing in the cluster, such as the length of a queue.

use serde_json::{Map, Value, json};

use crate::adapter::{Adapter, Source, timestamp};
use crate::answer::{ApiAnswer, no_such_path, refusal};
use crate::quantity::milli;
use crate::query::{Question, vector};
use crate::request::ApiRequest;
use crate::selector::{matcher, terms};

pub(crate) async fn answer(
    adapter: &Adapter,
    request: &ApiRequest,
    source: &Source,
) -> Result<ApiAnswer, ApiAnswer> {
    let (Some(namespace), [metric]) = (request.namespace.as_deref(), request.parts.as_slice())
    else {
        return Err(no_such_path());
    };
    let missing = || {
        let message = format!("the server could not find the metric {metric} for external metrics");
        refusal(404, message)
    };
    let catalogue = adapter.catalogue(source).await?;
    let found = catalogue.external.get(metric).ok_or_else(missing)?;
    let rule = adapter.external.get(found.rule).ok_or_else(missing)?;
    let selected = terms(request.parameter("labelSelector"));
    let selected = selected.map_err(|error| refusal(400, format!("labelSelector: {error}")))?;
    let mut question = Question::of(&found.series);
    question = match &rule.namespace_label {
        Some(label) => question.in_namespace(label, namespace),
        // A template may write a comma behind the matchers, so there is one that always holds.
        None => question.only(matcher("__namespace__", "=", "")),
    };
    let query = question.with(&selected).fill(&rule.query, &[]);
    let samples = vector(source, &query).await?;
    let items = samples.iter().filter_map(|sample| {
        let value = milli(sample.value).filter(|_| sample.histogram.is_none())?;
        let labels = sample.labels.iter().filter(|(name, _)| *name != "__name__");
        let labels = labels.map(|(name, value)| (name.to_owned(), json!(value)));
        Some(json!({
            "metricName": metric, "metricLabels": labels.collect::<Map<String, Value>>(),
            "timestamp": timestamp(sample.timestamp_ms), "value": value,
        }))
    });
    Ok(ApiAnswer::found(json!({
        "kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1",
        "metadata": {}, "items": items.collect::<Vec<Value>>(),
    })))
}
