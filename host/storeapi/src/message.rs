//! The messages of Thanos' services, field by field: their numbers and types are Thanos', see its
//! `pkg/store/storepb`, `pkg/store/labelpb` and `pkg/info/infopb`.
//!
//! It is not: what the server or the client makes of them.

pub mod info;
mod label;
pub mod store;

pub use label::{Label, LabelSet};
