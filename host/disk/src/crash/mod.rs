//! A disk in memory that crashes on demand.

mod chance;
mod content;
mod disk;
mod names;

pub use disk::{CrashDisk, Fault};
