//! The messages of Thanos' services and of one of our own, field by field: their numbers and types are Thanos', see its
//! `pkg/store/storepb`, `pkg/store/labelpb`, `pkg/info/infopb`, and the like
//! for exemplars, rules, targets and metadata. Ours is [`evaluation`].
//!
//! It is not: what the server or the client makes of them.

pub mod evaluation;
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
