//! The messages of Thanos' services, field by field: their numbers and types are Thanos', see its
//! `pkg/store/storepb`, `pkg/store/labelpb`, `pkg/info/infopb` and `pkg/exemplars/exemplarspb`.
//!
//! It is not: what the server or the client makes of them.

pub mod exemplars;
pub mod info;
mod label;
pub mod store;

pub use label::{Label, LabelSet};
