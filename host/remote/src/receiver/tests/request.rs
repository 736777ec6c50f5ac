//! Requests, written field by field.

use narthex_model::sample::STALE_NAN_BITS;

use super::NOW_MS;
use crate::receiver::MessageKind;
use crate::wire::message::{Message, zigzag};

type LabelPairs = Vec<(String, String)>;

/// A series of a request.
#[derive(Debug, Clone, Default)]
pub(super) struct Sent {
    labels: LabelPairs,
    /// Value, time, start.
    samples: Vec<(f64, i64, i64)>,
    histograms: Vec<Message>,
    /// Labels, value, time.
    exemplars: Vec<(LabelPairs, f64, i64)>,
    start_ms: i64,
    /// The number of the type.
    metadata: Option<u64>,
    /// References that are written instead of those of the labels.
    references: Option<Vec<u64>>,
}

pub(super) fn series<const N: usize>(labels: [(&str, &str); N]) -> Sent {
    Sent {
        labels: owned(&labels),
        ..Sent::default()
    }
}

fn owned(labels: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    owned.collect()
}

impl Sent {
    pub(super) fn sample(self, value: f64, seconds: i64) -> Self {
        self.started_sample(value, seconds, 0)
    }

    pub(super) fn started_sample(mut self, value: f64, seconds: i64, start_ms: i64) -> Self {
        self.samples
            .push((value, NOW_MS + seconds * 1000, start_ms));
        self
    }

    pub(super) fn started(mut self, start_ms: i64) -> Self {
        self.start_ms = start_ms;
        self
    }

    pub(super) fn histogram(mut self, histogram: Message) -> Self {
        self.histograms.push(histogram);
        self
    }

    pub(super) fn exemplar(mut self, labels: &[(&str, &str)], value: f64, seconds: i64) -> Self {
        self.exemplars
            .push((owned(labels), value, NOW_MS + seconds * 1000));
        self
    }

    pub(super) fn metadata(mut self, kind: u64) -> Self {
        self.metadata = Some(kind);
        self
    }

    pub(super) fn references(mut self, references: &[u64]) -> Self {
        self.references = Some(references.to_vec());
        self
    }
}

#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) kind: MessageKind,
    series: Vec<Sent>,
}

impl Request {
    pub(super) fn new(kind: MessageKind) -> Self {
        Self {
            kind,
            series: Vec::new(),
        }
    }

    pub(super) fn with(mut self, series: Sent) -> Self {
        self.series.push(series);
        self
    }

    /// As it is sent.
    pub(super) fn body(&self) -> Vec<u8> {
        packed(&self.message())
    }

    pub(super) fn message(&self) -> Vec<u8> {
        match self.kind {
            MessageKind::V1 => self.v1(),
            MessageKind::V2 => self.v2(),
        }
    }

    fn v1(&self) -> Vec<u8> {
        let mut request = Message::new();
        for sent in &self.series {
            request.message(1, |series| {
                let write_labels = |message: &mut Message, labels: &[(String, String)]| {
                    for (name, value) in labels {
                        message.message(1, |label| {
                            label.text(1, name);
                            label.text(2, value);
                        });
                    }
                };
                write_labels(series, &sent.labels);
                for (value, timestamp_ms, _) in &sent.samples {
                    series.message(2, |sample| {
                        sample.double(1, *value);
                        sample.signed(2, *timestamp_ms);
                    });
                }
                for (labels, value, timestamp_ms) in &sent.exemplars {
                    series.message(3, |exemplar| {
                        write_labels(exemplar, labels);
                        exemplar.double(2, *value);
                        exemplar.signed(3, *timestamp_ms);
                    });
                }
                for histogram in &sent.histograms {
                    series.bytes(4, histogram.as_bytes());
                }
            });
        }
        // Metadata of a family.
        request.message(3, |metadata| {
            metadata.number(1, 2);
            metadata.text(2, "up");
            metadata.text(4, "is it?");
            metadata.text(5, "s");
        });
        request.into_bytes()
    }

    fn v2(&self) -> Vec<u8> {
        let mut symbols = vec![String::new(), "help".to_owned()];
        let mut reference = |text: &str| {
            let at = symbols.iter().position(|symbol| symbol == text);
            let at = at.unwrap_or_else(|| {
                symbols.push(text.to_owned());
                symbols.len() - 1
            });
            at as u64
        };
        let mut all = Message::new();
        for sent in &self.series {
            let mut refer = |labels: &[(String, String)]| -> Vec<u64> {
                let texts = labels.iter().flat_map(|(name, value)| [name, value]);
                texts.map(|text| reference(text)).collect()
            };
            let references = refer(&sent.labels);
            let references = sent.references.clone().unwrap_or(references);
            let exemplars = sent.exemplars.iter();
            let exemplars: Vec<_> = exemplars
                .map(|(labels, value, timestamp_ms)| (refer(labels), value, timestamp_ms))
                .collect();
            all.message(5, |series| {
                series.packed(1, references);
                for (value, timestamp_ms, start_ms) in &sent.samples {
                    series.message(2, |sample| {
                        sample.double(1, *value);
                        sample.signed(2, *timestamp_ms);
                        sample.signed(3, *start_ms);
                    });
                }
                for histogram in &sent.histograms {
                    series.bytes(3, histogram.as_bytes());
                }
                for (references, value, timestamp_ms) in exemplars {
                    series.message(4, |exemplar| {
                        exemplar.packed(1, references);
                        exemplar.double(2, *value);
                        exemplar.signed(3, *timestamp_ms);
                    });
                }
                if let Some(kind) = sent.metadata {
                    series.message(5, |metadata| {
                        metadata.number(1, kind);
                        // Who has no type has no help.
                        metadata.number(3, kind.min(1));
                    });
                }
                series.signed(6, sent.start_ms);
            });
        }
        // The table may stand behind what refers to it.
        for symbol in &symbols {
            all.bytes(4, symbol.as_bytes());
        }
        all.into_bytes()
    }
}

pub(super) fn packed(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).unwrap()
}

/// A histogram of integers: ten observations.
pub(super) fn integers(seconds: i64) -> Message {
    let mut histogram = Message::new();
    histogram.number(1, 10);
    histogram.double(3, 25.5);
    histogram.zigzag(4, 1);
    histogram.double(5, 0.001);
    histogram.number(6, 1);
    span(&mut histogram, 8, -1, 1);
    histogram.packed(9, [zigzag(2)]);
    span(&mut histogram, 11, 0, 2);
    span(&mut histogram, 11, 3, 1);
    // Counts of 3, 4 and 0; with 2 below zero and 1 at zero that is ten.
    histogram.packed(12, [3, 1, -4].map(zigzag));
    histogram.number(14, 2);
    histogram.signed(15, NOW_MS + seconds * 1000);
    histogram
}

/// A histogram of floats with bounds of its own.
pub(super) fn custom(seconds: i64) -> Message {
    let mut histogram = Message::new();
    histogram.double_always(2, 3.5);
    histogram.double(3, 7.0);
    histogram.zigzag(4, -53);
    span(&mut histogram, 11, 1, 2);
    histogram.packed_doubles(13, &[1.5, 2.0]);
    histogram.packed_doubles(16, &[0.5, 5.0]);
    histogram.signed(15, NOW_MS + seconds * 1000);
    histogram
}

/// The mark that a series of histograms ended.
pub(super) fn stale(seconds: i64) -> Message {
    let mut histogram = Message::new();
    histogram.double(3, f64::from_bits(STALE_NAN_BITS));
    histogram.signed(15, NOW_MS + seconds * 1000);
    histogram
}

pub(super) fn span(histogram: &mut Message, field: u32, gap: i64, len: u64) {
    histogram.message(field, |span| {
        span.zigzag(1, gap);
        span.number(2, len);
    });
}
