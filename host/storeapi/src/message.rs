//! The messages of Thanos' services, field by field: their numbers and types are Thanos', see its
//! `pkg/store/storepb`, `pkg/store/labelpb`, `pkg/info/infopb`, and the like
//! for exemplars, rules, targets and metadata.
//!
//! It is not: what the server or the client makes of them.

pub mod exemplars;
pub mod health;
pub mod info;
mod label;
pub mod metadata;
pub mod rules;
pub mod store;
pub mod targets;
mod timestamp;

pub use label::{Label, LabelSet};
pub use timestamp::Timestamp;
