//! The formats in which targets expose metrics: Prometheus text 0.0.4 and 1.0.0 and
//! OpenMetrics text 1.0.0 and 0.0.1, and protobuf, read and written, the negotiation between
//! them, and the batch that plugins hand over instead of a text.
//!
//! [`Parser`] is an iterator over borrowed entries. It checks every line, but a series' labels
//! are unescaped and sorted only when [`SeriesEntry::labels`] asks for them: a scrape looks a
//! series up by its text as written and needs the labels once.
//!
//! It is not: the place of limits on labels and samples (the scrape's), or of relabelling.
//! Nothing here recurses, blocks or reads a clock. A line may be as long as the body, which its
//! reader has bounded.

mod classic;
mod entry;
mod error;
mod exact;
mod families;
mod float;
mod format;
mod labels;
mod lexer;
mod ordinary;
mod parser;
mod protobuf;
mod quote;
pub mod write;

pub use classic::{CLASSIC_BUCKETS_MAX, ClassicError, ClassicHistogram};
pub use entry::{Entry, Exemplar, MetricType, SeriesEntry};
pub use error::ParseError;
pub use families::{Families, FamiliesError, Family, FamilyMeta, FamilySamples, Sample};
pub use format::{Format, PageFormat, UnsupportedContentType};
pub use labels::{LabelPairs, LabelsError};
pub use parser::Parser;
pub use protobuf::{
    BUCKETS_MAX, LABELS_MAX, Metric, MetricExemplar, MetricSample, PROTOBUF_CONTENT_TYPE,
    ProtobufEntry, ProtobufError, ProtobufMessage, ProtobufParser, ProtobufWriter, QUANTILES_MAX,
    push_varint, zigzag,
};
