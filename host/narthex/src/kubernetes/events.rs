//! Events on objects that are wrong, for `kubectl describe`.
//!
//! It is not: what is wrong. Where many come at once, some are not written, which the log has anyway.

use std::sync::Arc;
use std::time::Duration;

use narthex_model::Clock;
use narthex_operator::ObjectRef;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::SharedCluster;

/// So many events may wait to be written; further ones are left out.
const EVENTS_MAX: usize = 256;

/// Between two of them there is this much time: a cluster has better things to do.
const PAUSE: Duration = Duration::from_millis(200);

/// A longer text of a fault is cut: a cluster takes 1024 bytes.
const MESSAGE_CHARS_MAX: usize = 250;

/// Who says it.
const COMPONENT: &str = "narthex";

/// The object that an event is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Involved<'a> {
    /// `v1`
    pub(crate) api_version: &'a str,
    /// `ConfigMap`
    pub(crate) kind: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    /// Empty where nobody knows it.
    pub(crate) uid: &'a str,
}

impl<'a> From<&'a ObjectRef> for Involved<'a> {
    fn from(object: &'a ObjectRef) -> Self {
        Self {
            api_version: object.kind.api_version(),
            kind: object.kind.as_str(),
            namespace: &object.namespace,
            name: &object.name,
            uid: &object.uid,
        }
    }
}

/// The task that writes.
pub(crate) struct Events {
    queue: mpsc::Sender<Value>,
    clock: Arc<dyn Clock>,
    task: AbortHandle,
}

impl Events {
    /// Writes to this cluster.
    pub(crate) fn start(cluster: Arc<SharedCluster>, clock: Arc<dyn Clock>) -> Self {
        let (queue, mut waiting) = mpsc::channel::<Value>(EVENTS_MAX);
        let task = tokio::spawn(async move {
            let mut is_refused = false;
            while let Some(event) = waiting.recv().await {
                let namespace = event["metadata"]["namespace"].as_str().unwrap_or_default();
                let written = cluster.cluster().write_event(namespace, &event).await;
                match &written {
                    Err(error) if !is_refused => {
                        tracing::warn!(error, "the cluster takes no event of an object");
                    }
                    _ => {}
                }
                is_refused = written.is_err();
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self {
            queue,
            clock,
            task: task.abort_handle(),
        }
    }

    /// Writes what is wrong with an object, unless too many wait. A fault of a field begins with the
    /// field.
    pub(crate) fn write(&self, object: &Involved<'_>, text: &str) {
        let event = event(object, text, self.clock.now_ms());
        if self.queue.try_send(event).is_err() {
            let Involved {
                kind,
                namespace,
                name,
                ..
            } = object;
            tracing::debug!(
                kind,
                namespace,
                name,
                "an event was left out: too many wait to be written"
            );
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn event(object: &Involved<'_>, text: &str, now_ms: i64) -> Value {
    let message: String = text.chars().take(MESSAGE_CHARS_MAX).collect();
    let now = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default();
    // Times of events have seconds alone.
    let now = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "generateName": format!("{}.", object.name),
            "namespace": object.namespace,
        },
        "involvedObject": {
            "apiVersion": object.api_version,
            "kind": object.kind,
            "namespace": object.namespace,
            "name": object.name,
            "uid": object.uid,
        },
        "type": "Warning",
        "reason": "InvalidConfiguration",
        "message": message,
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
        "reportingInstance": COMPONENT,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    })
}

#[cfg(test)]
mod tests {
    use narthex_operator::Kind;

    use super::*;

    #[test]
    fn an_event_names_the_object_and_its_field() {
        let object = ObjectRef {
            kind: Kind::Probe,
            namespace: "a".to_owned(),
            name: "b".to_owned(),
            uid: "u".to_owned(),
        };
        let text = format!("spec.prober: {}", "ü".repeat(2000));
        let event = event(&Involved::from(&object), &text, 1_700_000_000_999);
        assert_eq!(
            event["involvedObject"]["apiVersion"],
            "monitoring.coreos.com/v1"
        );
        assert_eq!(event["firstTimestamp"], "2023-11-14T22:13:20Z");
        let message = event["message"].as_str().unwrap();
        assert!(message.starts_with("spec.prober: ü") && message.len() <= 1024);
    }
}
