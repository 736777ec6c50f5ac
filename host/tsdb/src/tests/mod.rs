//! The store as its users see it, across cuts, restarts and crashes.

mod compaction;
mod crashes;
mod cuts;
mod fixture;
mod import;
mod kinds;
mod late;
mod open_metrics;
mod recovery;
mod retention;
mod tools;
mod workload;
