//! The Pushgateway's groups: what jobs push that do not live long enough to be scraped, kept until
//! somebody deletes it, shown on one page for a scrape to read.
//!
//! ```text
//! path ► grouping key ┐
//! body ► families     ┴► check ► file ► memory ► page
//! ```
//!
//! A push that was answered is on the disk, which is more than the Pushgateway promises.
//!
//! It is not: an HTTP server, or a way into the store. What is pushed becomes samples when a job of
//! the config scrapes the page, with `honor_labels: true`.

mod body;
mod family;
mod file;
mod group;
mod groups;
mod key;

pub use body::{BodyError, PUSH_BYTES_MAX, Pushed, parse};
pub use family::{Bucket, Families, Family, Metric, Quantile, Value};
pub use group::{Group, TimedFamily};
pub use groups::{GROUPS_MAX, Groups, PUSHED_BYTES_MAX, PushError};
pub use key::{GroupingKey, KeyError, parse as parse_key};
