//! Range queries in parts: split at borders of time, what is old kept for whoever asks next, and
//! what two ask at the same time evaluated once.
//!
//! ```text
//! query_range ─► is it the same in parts? ─► parts ─► kept ∪ evaluated ─► joined
//!                          │ no                 each: key, extents of steps, versions
//!                          └─► the engine, as a whole
//! ```
//!
//! A step of a range query depends on no other step, so each part gives what the whole would give
//! there; [`splittable`] knows the queries of which that is not true. What is kept of a part says
//! which samples it was made of and the store's version of them ([`Queryable::version`]): whatever
//! changes them, a late sample, a deletion, a block that comes or goes, makes it worthless.
//!
//! It is not: an engine, or a server. It asks the engine, and the API asks it.
//!
//! [`Queryable::version`]: narthex_storage::Queryable::version

mod asked;
mod cache;
mod doorkeeper;
mod encoded;
mod extent;
mod flights;
mod frontend;
mod joined;
mod metrics;
mod options;
mod part;
mod shared;
mod splittable;
mod steps;

pub use asked::RangeQuery;
pub use frontend::Frontend;
pub use options::FrontendOptions;
pub use shared::{OBJECT_BYTES_MAX, SharedAnswers};
