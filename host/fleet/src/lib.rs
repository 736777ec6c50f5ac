//! One view over many hosts: whoever asks it asks all of them, and sees each series once.
//!
//! ```text
//! addresses ► members (what each has, asked every few seconds)
//!                │
//! selector ► view┴► those that may have it ► frames ► groups, sorted ► merge ► dedup ► series
//! ```
//!
//! Nothing is collected: the answers are merged as they come, series by series, and each member may
//! keep a query waiting for a bounded time in all. One that fails costs what it alone has, which
//! the reader is warned of, or the query, as the reader wishes.
//!
//! It is not: a wire, which is `narthex-storeapi`'s, a cache, or a store of its own.

mod address;
mod answer;
mod counter;
mod dedup;
mod fleet;
mod member;
mod merge;
mod metrics;
mod options;
mod view;
mod windows;

pub use address::{Address, AddressError};
pub use dedup::Dedup;
pub use fleet::Fleet;
pub use member::MemberStatus;
pub use options::{FleetOptions, ViewOptions};
