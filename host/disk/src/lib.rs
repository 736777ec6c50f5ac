//! The file system as the store uses it: a folder, named files that grow at their end, and an
//! explicit word for each thing that must outlive the machine.
//!
//! [`SystemDisk`] is a folder of the machine. [`CrashDisk`] lies in memory and knows what a real
//! disk would have kept: it dies at any operation, loses what was not forced when the power goes,
//! fails, and fills up, all from a seed. [`contract`] is what both must do.
//!
//! It is not: a cache, a format, or async. Who reads from async code decides himself where the
//! reading is done; [`DiskFile::try_read_at`] tells whether there is anything to wait for.

pub mod contract;
mod crash;
mod disk;
mod full;
mod reader;
mod system;
mod trouble;
mod within;

pub use crash::{CrashDisk, Fault};
pub use disk::{Disk, DiskExt, DiskFile, Entry, Lock, Space};
pub use full::is_full;
pub use reader::Reader;
pub use system::SystemDisk;
pub use trouble::blame;
pub use within::Within;
