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

/// Handles of the host that a guest may hold at once (connections, secrets, timers, standard
/// streams); one more is a trap.
pub const HANDLES_MAX: usize = 256;

/// Handles in the tables that a component has of its own, to resources that it made itself as
/// well; one more is a trap.
pub const COMPONENT_HANDLES_MAX: usize = 10_000;

/// Random bytes that a guest may ask for at once; more is a trap.
pub const RANDOM_BYTES_MAX: u64 = 1024 * 1024;

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

/// Calls of the host's interfaces in one call of the guest; one more is a trap. A guest that
/// works asks some thousands of times at most, and a flood of this size is over in milliseconds.
pub const HOST_CALLS_PER_CALL_MAX: u32 = 100_000;

/// Open connections and sockets of one call; one more is denied.
pub const CONNECTIONS_MAX: usize = 16;

/// Connections, sockets and HTTP requests that one call may begin; one more is denied.
pub const CONNECTS_PER_CALL_MAX: u32 = 256;

/// HTTP requests of one call to the server that an entry of the configuration names; one more is
/// denied. It is what a catalog of as many services takes.
pub const LENT_REQUESTS_PER_CALL_MAX: u32 = 10_000;

/// Names that one call may have looked up; one more is denied.
pub const LOOKUPS_PER_CALL_MAX: u32 = 256;

/// Bytes that one call may read from the outside, by all ways together; more is denied.
pub const READ_BYTES_PER_CALL_MAX: u64 = 256 * 1024 * 1024;

/// Datagrams that one call may send; one more is denied.
pub const DATAGRAMS_PER_CALL_MAX: u32 = 1000;

/// Echo requests that one call may send; one more is denied.
pub const PINGS_PER_CALL_MAX: u32 = 64;

/// Bytes in an echo request; more is an error to the guest.
pub const PING_PAYLOAD_BYTES_MAX: u16 = 8192;

/// Texts that one notification may have expanded; one more is denied.
pub const TEXTS_PER_CALL_MAX: u32 = 1000;

/// Bytes of a text that is to be expanded; a longer one is an error to the guest.
pub const TEMPLATE_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of what an expanded text may be; a longer one is an error to the guest.
pub const EXPANDED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Blobs that one call may write; one more is denied.
pub const STATE_WRITES_PER_CALL_MAX: u32 = 64;

/// Bytes of one blob of state; more is an error to the guest.
pub const STATE_VALUE_BYTES_MAX: usize = 256 * 1024;

/// Bytes of the key of a blob; more is an error to the guest.
pub const STATE_KEY_BYTES_MAX: usize = 64;

/// Blobs of one job; one more is an error to the guest.
pub const STATE_KEYS_MAX: usize = 64;

/// Denials of one call that are logged; all are counted.
pub const DENIALS_LOGGED_PER_CALL_MAX: u32 = 10;

/// Size of a secret's file; a larger one is an error.
pub const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// HTTP clients, and TLS settings, that are kept between requests; beyond, they are made anew.
pub const CLIENTS_MAX: usize = 64;

/// Watches that one instance may hold; one more is denied.
pub const WATCHES_MAX: usize = 32;

/// Events that one call takes from a watch; the rest stays for the next.
pub const WATCH_EVENTS_MAX: u32 = 10_000;

/// Bytes of objects that one call takes from a watch, as well; the rest stays for the next.
pub const WATCH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// File systems that are asked for their room at once; one more is an error to the guest. One
/// that never answers, a network's whose server is gone, holds its place until it does.
pub const FILE_SYSTEMS_ASKED_MAX: usize = 16;

/// The wait for such an answer; then the guest gets an error and can go on with the next.
pub const FILE_SYSTEM_PATIENCE: Duration = Duration::from_secs(1);

/// Names in one folder; a folder with more is an error to the guest.
pub const FILE_ENTRIES_MAX: usize = 65_536;

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

/// Compiled components kept on disk; the oldest beyond are removed.
pub const CACHE_ENTRIES_MAX: usize = 256;

/// Components that are compiled at once; further ones wait.
pub const COMPILERS_MAX: usize = 1;

/// The address space of a compiler; one that needs more ends, and its component is refused. A
/// component of 12 MB of JavaScript takes 500 MB.
pub const COMPILE_MEMORY_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// The processor time of a compiler, likewise. The same component takes 12 s.
pub const COMPILE_PROCESSOR_TIME_MAX: Duration = Duration::from_secs(60);

/// The time on the wall of a compiler, likewise.
pub const COMPILE_TIMEOUT: Duration = Duration::from_secs(180);

/// Bytes of machine code of one component; with more it is refused.
pub const COMPILED_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Bytes of what a compiler says is wrong; the rest is cut off.
pub const COMPILE_ERROR_BYTES_MAX: u64 = 4096;

/// How often the plugin folder is looked through.
pub const FOLDER_POLL: Duration = Duration::from_millis(500);

/// A file written to more recently than this is read again even if its time and size are the
/// same: clocks of file systems are coarse.
pub const FOLDER_SETTLED: Duration = Duration::from_secs(2);

/// How often a plugin is read in one look whose files are being exchanged meanwhile; after that
/// the next look reads it again.
pub const FOLDER_READS_MAX: u32 = 3;

/// The wait after the second failure in a row; the first costs none, and each further one doubles
/// it.
pub const BACKOFF_FIRST: Duration = Duration::from_secs(5);

/// The longest wait between failures that are no quarantine.
pub const BACKOFF_LONGEST: Duration = Duration::from_secs(300);

/// So many failures within [`QUARANTINE_WINDOW`] put a job's plugin into quarantine, as far as one
/// target of the job goes.
pub const QUARANTINE_FAILURES: usize = 5;

/// See [`QUARANTINE_FAILURES`].
pub const QUARANTINE_WINDOW: Duration = Duration::from_secs(600);

/// How long a quarantine lasts, unless a new version or a reload ends it.
pub const QUARANTINE: Duration = Duration::from_secs(600);

/// Targets of one job whose failures are told apart; those of further ones count as one target's.
pub const STRUCK_TARGETS_MAX: usize = 1000;

/// Log lines of one plugin that are kept; the oldest make room.
pub const LOG_RING_LINES_MAX: usize = 500;

/// Log lines of one plugin in one second, all its calls together; those beyond are counted and
/// dropped.
pub const LOG_LINES_PER_SECOND_MAX: u32 = 200;

/// Lines by which a follower of a plugin's log may be behind; then it misses the oldest.
pub const LOG_FOLLOWER_LINES_MAX: usize = 256;

/// Calls of one plugin's jobs whose backtraces are kept, the last ones.
pub const BACKTRACES_MAX: usize = 5;

/// Bytes of one backtrace; the rest is cut off.
pub const BACKTRACE_BYTES_MAX: usize = 8192;

/// The time for a collection by a version that is not at work yet.
pub const SHADOW_TIMEOUT: Duration = Duration::from_secs(10);

/// Groups that one refresh may bring; more is an error. A group may be a pod.
pub const GROUPS_MAX: usize = 65_536;

/// Targets that one refresh may bring, all groups together; more is an error.
pub const TARGETS_MAX: usize = 200_000;

/// Calls that one refresh may take, where the plugin says that there is more; one that has more
/// after them is an error.
pub const CALLS_PER_REFRESH_MAX: usize = 256;

/// The shortest time between two refreshes, however often a plugin's watches change.
pub const REFRESH_GAP: Duration = Duration::from_secs(1);

/// The time of a call outside a scrape (a refresh, a notification) where neither manifest nor
/// configuration say otherwise.
pub const CALL_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// Jobs whose instances of a new version are made and tried at once.
pub const PREPARED_AT_ONCE_MAX: usize = 16;
