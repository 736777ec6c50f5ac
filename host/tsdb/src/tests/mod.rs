//! The store as its users see it, across cuts, restarts and crashes.

mod cuts;
mod fixture;
mod recovery;
mod workload;
