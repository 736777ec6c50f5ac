//! The sender of remote write: what is appended here goes to other servers.
//!
//! ```text
//! log ► LogTail ► series: external labels, relabelling ► shard by its hash
//!                                                        ├ queue ► batch ► request ► receiver
//!                                                        └ queue ► ...
//! ```
//!
//! The log is the queue: a shard holds a few thousand samples, and while they cannot be sent the
//! log is not read on. What was sent is written down every second, so a process that comes
//! back goes on where the one before it was; what was sent since then is sent twice, and a
//! receiver that has a sample already says so of a duplicate that is the same. Segments of the
//! log are kept for a sender that is behind, up to a bound that the head has.
//!
//! The samples of one series go through one shard, one request after the other, so they arrive in
//! order.

mod delivery;
mod exchange;
mod item;
mod manager;
mod metrics;
mod one_request;
mod place;
mod queue;
mod rates;
mod request;
mod retry_after;
mod series;
mod shard;
#[cfg(test)]
mod tests;

pub use exchange::{Answer, Exchange, HttpExchange, Post};
pub use item::{MetadataSource, MetricKind, MetricMetadata};
pub use manager::{LogSource, PreparedSenders, WriteManager, WriteOptions};
pub use one_request::{PushedSample, metadata_body, request_body};
