//! The seams of the store: who writes says [`Appendable`], who reads says [`Queryable`], and
//! neither knows which store it has.
//!
//! It is not: a store that survives the process. [`MemoryStore`] is one for tests and scripts,
//! and the measure for the others: [`contract`] holds for all of them.

mod admin;
mod changes;
pub mod contract;
mod exemplars;
mod intervals;
mod join;
mod memory;
mod push_down;
mod read;
mod replay;
mod wanted;
mod warnings;
mod write;

pub use admin::{AdminError, StorageAdmin, StorageStats, StoredBlock};
pub use changes::Changes;
pub use exemplars::{ExemplarsRequest, SeriesExemplars};
pub use intervals::Intervals;
pub use join::Place;
pub use memory::MemoryStore;
pub use push_down::{EvaluatePart, Part, Partial, PushedDown, Steps};
pub use read::{
    Histograms, LabelsRequest, Queryable, SelectRequest, Series, SeriesStream, StorageError,
    TimeRange,
};
pub use replay::{ReplayProgress, ReplayStatus};
pub use wanted::{Aggregate, Wanted};
pub use warnings::Warnings;
pub use write::{AppendError, Appendable};
