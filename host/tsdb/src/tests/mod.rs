//! The store as its users see it, across cuts, restarts and crashes.

mod compaction;
mod cuts;
mod fixture;
mod import;
mod late;
mod recovery;
mod retention;
mod workload;
