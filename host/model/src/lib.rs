//! The values every layer speaks in: labels, samples, matchers, relabel rules, durations, time.
//!
//! It is not: a place for formats, storage or I/O. Nothing here is async, nothing but
//! [`SystemClock`] reads the clock, and no function blocks.

mod byte_size;
mod clock;
mod duration;
mod exemplar;
mod float_text;
pub mod histogram;
mod kahan;
mod labels;
mod matcher;
mod plugin_settings;
mod quoted;
pub mod regexp;
pub mod relabel;
pub mod sample;
mod sources;
mod write;

pub use byte_size::{ByteSize, ByteSizeError};
pub use clock::{Clock, SimulatedClock, SystemClock};
pub use duration::{DurationError, PromDuration};
pub use exemplar::{EXEMPLAR_CHARS_MAX, Exemplar, ExemplarRejection, ExemplarSample};
pub use float_text::{FloatText, float_text, float_text_from};
pub use histogram::{CounterResetHint, FloatHistogram};
pub use kahan::Kahan;
pub use labels::{Labels, LabelsBuilder, is_classic_label_name, is_classic_metric_name};
pub use matcher::{MatchOp, Matcher, MatcherError};
pub use plugin_settings::{PluginSettings, is_secret_name};
pub use quoted::{Quoted, write_escaped};
pub use sources::with_sources;
pub use write::{
    AppendReport, HistogramSample, Rejection, Sample, SeriesRef, StartTimestamps, WriteBatch,
};

/// The label that holds the metric name.
pub const METRIC_NAME: &str = "__name__";
