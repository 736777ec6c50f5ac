//! The store as its users see it, across cuts, restarts and crashes.

mod agent;
mod compaction;
mod crashes;
mod cuts;
mod deletes;
mod deletion_crashes;
mod fixture;
mod import;
mod import_histograms;
mod kinds;
mod late;
mod open_metrics;
mod recovery;
mod resolutions;
mod retention;
mod room;
mod snapshots;
mod stale;
mod tools;
mod workload;

// Blocks of Prometheus, as the tests of the crate that reads them make them.
#[path = "../../../promblock/tests/promblock/chunks.rs"]
mod chunks;
#[allow(dead_code, reason = "those tests ask for more")]
#[path = "../../../promblock/tests/promblock/handmade.rs"]
mod handmade;
#[path = "../../../promblock/tests/promblock/live.rs"]
mod live;
