//! The bounds that plugins run within.

use std::time::Duration;

use narthex_registry::MemorySize;

/// How often running guests are interrupted to let other tasks run; a deadline is noticed within
/// one tick.
pub const EPOCH_TICK: Duration = Duration::from_millis(10);

/// The memory of one instance where neither manifest nor configuration say otherwise.
pub const MEMORY_DEFAULT: MemorySize = MemorySize(64 * 1024 * 1024);

/// Elements of all tables of one instance; more traps.
pub const TABLE_ELEMENTS_MAX: usize = 100_000;

/// Core instances, memories and tables that one component may consist of: Python needs more than
/// eight, QuickJS two or three memories.
pub const CORE_INSTANCES_MAX: usize = 80;
/// See [`CORE_INSTANCES_MAX`].
pub const MEMORIES_MAX: usize = 8;
/// See [`CORE_INSTANCES_MAX`].
pub const TABLES_MAX: usize = 80;

/// The stack of a guest; recursion beyond it traps.
pub const STACK_BYTES: usize = 512 * 1024;

/// The stack on which a guest's call is suspended while the host works for it: the guest's own
/// and the host's.
pub const FIBER_STACK_BYTES: usize = 2 * 1024 * 1024;

/// Bytes that one call may hand to the host, in arguments or in its result; more traps.
pub const BOUNDARY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Handles that a guest may hold at once (connections, standard streams); more is an error.
pub const HANDLES_MAX: usize = 256;

/// Calls after which an instance is replaced by a new one, as its memory never shrinks.
pub const CALLS_PER_INSTANCE_MAX: u64 = 10_000;

/// Collections of one job that run at once, each on an instance of its own; further ones wait
/// within their deadline.
pub const INSTANCES_PER_JOB_MAX: usize = 8;

/// Instances of one job that are kept between collections; those beyond are dropped after use.
pub const IDLE_INSTANCES_PER_JOB_MAX: usize = 2;

/// The time for making an instance ready outside of a scrape: instantiate, init, health.
pub const SETUP_TIMEOUT: Duration = Duration::from_secs(10);

/// The time for an instance's last call.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// Open connections of one call; one more is an error to the guest.
pub const CONNECTIONS_MAX: usize = 16;

/// Bytes that one read from a connection may ask for; more is an error to the guest.
pub const READ_BYTES_MAX: u32 = 16 * 1024 * 1024;

/// A body read by a plugin has to be smaller than this, as a scrape's by default.
pub const HTTP_BODY_BYTES_MAX: u64 = 64_000_000;

/// Headers of one request; more is an error to the guest.
pub const HTTP_HEADERS_MAX: usize = 128;

/// Responses whose bodies stay with the host in one call; one more is an error to the guest.
pub const STORED_RESPONSES_MAX: usize = 16;

/// The size of a file that a plugin may read; a larger one is an error to the guest.
pub const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Log lines of one call; those beyond are counted and dropped.
pub const LOG_LINES_PER_CALL_MAX: u32 = 50;

/// Bytes of one log line, fields included; the rest is cut off.
pub const LOG_LINE_BYTES_MAX: usize = 4096;

/// Size of a component; a larger one is not loaded.
pub const COMPONENT_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Size of a manifest; a larger one is not loaded.
pub const MANIFEST_BYTES_MAX: u64 = 64 * 1024;

/// Plugins in one folder; those beyond, in the order of their names, are not loaded.
pub const PLUGINS_MAX: usize = 1000;

/// Compiled components kept on disk; the oldest beyond are removed.
pub const CACHE_ENTRIES_MAX: usize = 64;

/// How often the plugin folder is looked through.
pub const FOLDER_POLL: Duration = Duration::from_millis(500);

/// A file written to more recently than this is read again even if its time and size are the
/// same: clocks of file systems are coarse.
pub const FOLDER_SETTLED: Duration = Duration::from_secs(2);
