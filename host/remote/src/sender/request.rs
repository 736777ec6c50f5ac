//! Bodies of requests.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use narthex_model::Labels;
use snap::raw::Encoder;

use super::item::{Item, ItemValue, MetricMetadata};
use crate::MessageKind;
use crate::wire::histogram;
use crate::wire::message::Message;

/// What is known of metrics, by the names of their families.
pub(super) type MetadataByName = HashMap<String, MetricMetadata>;

/// What the names of series have behind those of their families.
const SUFFIXES: [&str; 6] = ["_total", "_bucket", "_sum", "_count", "_created", "_info"];

/// The packed body of a request with some items.
pub(super) fn body(
    kind: MessageKind,
    items: &[Item],
    metadata: &MetadataByName,
) -> Result<Bytes, snap::Error> {
    let message = match kind {
        MessageKind::V1 => v1(items),
        MessageKind::V2 => v2(items, metadata),
    };
    packed(&message)
}

/// The packed body of a request of 1.0 with metadata alone.
pub(super) fn metadata_body(metadata: &[MetricMetadata]) -> Result<Bytes, snap::Error> {
    let mut request = Message::new();
    for known in metadata {
        request.message(3, |message| {
            message.number(1, known.kind as u64);
            message.text(2, &known.metric);
            message.text(4, &known.help);
            message.text(5, &known.unit);
        });
    }
    packed(&request)
}

fn packed(message: &Message) -> Result<Bytes, snap::Error> {
    Encoder::new()
        .compress_vec(message.as_bytes())
        .map(Bytes::from)
}

/// Items one after the other that are of the same series become one series of the request.
fn by_series(items: &[Item]) -> impl Iterator<Item = &[Item]> {
    items.chunk_by(|a, b| a.labels == b.labels)
}

fn v1(items: &[Item]) -> Message {
    let mut request = Message::new();
    for items in by_series(items) {
        request.message(1, |series| {
            if let Some(first) = items.first() {
                push_labels(series, &first.labels);
            }
            for item in items {
                match &item.value {
                    ItemValue::Number {
                        timestamp_ms,
                        value,
                        ..
                    } => series.message(2, |sample| {
                        sample.double(1, *value);
                        sample.signed(2, *timestamp_ms);
                    }),
                    ItemValue::Exemplar(exemplar) => series.message(3, |message| {
                        push_labels(message, &exemplar.labels);
                        message.double(2, exemplar.value);
                        message.signed(3, exemplar.timestamp_ms);
                    }),
                    ItemValue::Histogram {
                        timestamp_ms,
                        histogram,
                        ..
                    } => series.message(4, |message| {
                        histogram::encode(message, histogram, *timestamp_ms, 0);
                    }),
                }
            }
        });
    }
    request
}

fn push_labels(message: &mut Message, labels: &Labels) {
    for (name, value) in labels {
        message.message(1, |label| {
            label.text(1, name);
            label.text(2, value);
        });
    }
}

/// The table of symbols: the first one is empty.
struct Symbols<'a> {
    places: HashMap<&'a str, u64>,
    table: Vec<&'a str>,
}

impl<'a> Symbols<'a> {
    fn new() -> Self {
        Self {
            places: HashMap::from([("", 0)]),
            table: vec![""],
        }
    }

    fn place(&mut self, text: &'a str) -> u64 {
        let next = self.table.len() as u64;
        *self.places.entry(text).or_insert_with(|| {
            self.table.push(text);
            next
        })
    }

    fn pairs(&mut self, labels: &'a Labels) -> Vec<u64> {
        let texts = labels.iter().flat_map(|(name, value)| [name, value]);
        texts.map(|text| self.place(text)).collect()
    }
}

fn v2(items: &[Item], metadata: &MetadataByName) -> Message {
    let mut symbols = Symbols::new();
    let mut all = Message::new();
    for items in by_series(items) {
        let Some(first) = items.first() else { continue };
        let references = symbols.pairs(&first.labels);
        let known = find(metadata, first.labels.metric_name());
        let known = known.map(|known| {
            let places = (symbols.place(&known.help), symbols.place(&known.unit));
            (known.kind, places)
        });
        let mut exemplars = Vec::new();
        for item in items {
            if let ItemValue::Exemplar(exemplar) = &item.value {
                exemplars.push((symbols.pairs(&exemplar.labels), exemplar));
            }
        }
        all.message(5, |series| {
            series.packed(1, references);
            for item in items {
                match &item.value {
                    ItemValue::Number {
                        timestamp_ms,
                        value,
                        start_ms,
                    } => series.message(2, |sample| {
                        sample.double(1, *value);
                        sample.signed(2, *timestamp_ms);
                        sample.signed(3, *start_ms);
                    }),
                    ItemValue::Histogram {
                        timestamp_ms,
                        histogram,
                        start_ms,
                    } => series.message(3, |message| {
                        histogram::encode(message, histogram, *timestamp_ms, *start_ms);
                    }),
                    ItemValue::Exemplar(_) => {}
                }
            }
            for (references, exemplar) in exemplars {
                series.message(4, |message| {
                    message.packed(1, references);
                    message.double(2, exemplar.value);
                    message.signed(3, exemplar.timestamp_ms);
                });
            }
            if let Some((kind, (help, unit))) = known {
                series.message(5, |message| {
                    message.number(1, kind as u64);
                    message.number(3, help);
                    message.number(4, unit);
                });
            }
        });
    }
    let mut request = Message::new();
    for symbol in &symbols.table {
        request.bytes(4, symbol.as_bytes());
    }
    request.append(&all);
    request
}

/// What is known of the family that a series is of.
fn find<'a>(metadata: &'a MetadataByName, name: &str) -> Option<&'a MetricMetadata> {
    metadata.get(name).or_else(|| {
        let mut families = SUFFIXES
            .iter()
            .filter_map(|suffix| name.strip_suffix(suffix));
        families.find_map(|family| metadata.get(family))
    })
}

/// By the names of the families.
pub(super) fn by_name(metadata: Vec<MetricMetadata>) -> Arc<MetadataByName> {
    let pairs = metadata
        .into_iter()
        .map(|known| (known.metric.clone(), known));
    Arc::new(pairs.collect())
}
