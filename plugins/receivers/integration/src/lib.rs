//! What the receivers of this folder have in common: how an entry of the configuration is read, how
//! its texts are expanded and cut, and what the answer of a service means.
//!
//! It is not: a plugin, and nothing of it is about one service.

mod entry;
mod message;
mod service;
mod time;

pub use entry::{Entry, Span, Text};
pub use message::{common, expand_all, expand_secret, group_hash, is_firing, quoted, truncated};
pub use service::{Service, json};
pub use time::{rfc1123, rfc3339};
