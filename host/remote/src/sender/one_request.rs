//! Requests of somebody who has samples at hand: a command, and not the log of a server.

use bytes::Bytes;
use narthex_model::Labels;

use super::item::{Item, ItemValue, MetricMetadata};
use super::request;
use crate::MessageKind;

/// A sample and the series that it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct PushedSample {
    /// All labels, the metric name among them.
    pub labels: Labels,
    /// Milliseconds since the epoch.
    pub timestamp_ms: i64,
    /// The value.
    pub value: f64,
}

/// The packed body of a request with some samples. Those of one series that stand side by side
/// become one series of the request. How many there may be is what the receiver takes. In 2.0 each
/// series has with it what is known of its family; in 1.0 that is a request of its own
/// ([`metadata_body`]).
///
/// # Errors
/// There are more than 4 GiB of them.
pub fn request_body(
    kind: MessageKind,
    samples: &[PushedSample],
    metadata: &[MetricMetadata],
) -> Result<Bytes, snap::Error> {
    let items = samples.iter().map(|sample| Item {
        labels: sample.labels.clone(),
        value: ItemValue::Number {
            timestamp_ms: sample.timestamp_ms,
            value: sample.value,
            start_ms: 0,
        },
        seq: 0,
    });
    let items: Vec<Item> = items.collect();
    request::body(kind, &items, &request::by_name(metadata.to_vec()))
}

/// The packed body of a request of 1.0 with what is known of metrics alone.
///
/// # Errors
/// There is more than 4 GiB of it.
pub fn metadata_body(metadata: &[MetricMetadata]) -> Result<Bytes, snap::Error> {
    request::metadata_body(metadata)
}
