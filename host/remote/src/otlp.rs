//! The receiver of OpenTelemetry's metrics (OTLP): a request becomes one batch of the store.
//!
//! ```text
//! body ► unpack ► message ─┬ names, units ► metric name
//!   (protobuf or JSON)     ├ resource, scope, attributes ► series that are known, or new labels
//!                          └ points ► samples ► WriteBatch ► store ► what was refused, and why
//! ```
//!
//! The rules are those of Prometheus' translator. What differs: a point that is refused costs
//! that point, not its request, and the sender is told how many were refused and why (OTLP's
//! partial success). What is wrong with the store costs the whole request, which then comes again.
//!
//! It is not: a receiver of logs or traces.

mod config;
mod delta;
mod exemplar;
mod family;
mod histogram;
mod json;
mod labels;
mod message;
mod names;
mod protobuf;
mod receiver;
mod series;
mod translate;
mod units;
mod value;

pub use config::{OtlpConfig, TranslationStrategy};
pub use receiver::{
    OTLP_BYTES_MAX, OtlpAccepted, OtlpDelta, OtlpForm, OtlpOptions, OtlpReceiver, OtlpRefusal,
};
