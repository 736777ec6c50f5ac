//! The seams of the store: who writes says [`Appendable`], who reads says [`Queryable`], and
//! neither knows which store it has.
//!
//! It is not: a store that survives the process. [`MemoryStore`] is one for tests and scripts,
//! and the measure for the others: [`contract`] holds for all of them.

pub mod contract;
mod exemplars;
mod join;
mod memory;
mod read;
mod replay;
mod write;

pub use exemplars::{ExemplarsRequest, SeriesExemplars};
pub use memory::MemoryStore;
pub use read::{
    Histograms, LabelsRequest, Queryable, SelectRequest, Series, SeriesStream, StorageAdmin,
    StorageError, StorageStats, StoredBlock, TimeRange,
};
pub use replay::{ReplayProgress, ReplayStatus};
pub use write::{AppendError, Appendable};
