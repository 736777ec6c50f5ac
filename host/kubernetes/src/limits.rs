//! The bounds of watches on a cluster.

use std::time::Duration;

/// Objects of one page of a list. A page that is too large is asked for again with fewer.
pub const PAGE_OBJECTS: u32 = 500;

/// Bytes of one page, unpacked; a list whose pages of a single object have more fails, and is
/// tried again.
pub const PAGE_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Bytes of one line of a watch, which is one object; after a longer one the objects are listed
/// again. A cluster's own bound on an object is 1.5 MiB.
pub const LINE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Objects of one watch; those beyond are left out, and the log says so.
pub const OBJECTS_MAX: usize = 250_000;

/// Bytes of all files of a ConfigMap, which is a cluster's own bound; a larger one is an error.
pub const CONFIG_MAP_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of the name of such a file, which is a cluster's own bound.
pub const CONFIG_MAP_KEY_BYTES_MAX: usize = 253;

/// Deleted objects that are kept for listeners that have not heard of it yet. Beyond, the oldest
/// are forgotten, and a listener that was behind begins anew.
pub const GRAVES_MAX: usize = 4096;

/// Watches of one cluster; one more is an error.
pub const WATCHES_MAX: usize = 512;

/// Bytes of an answer that says what went wrong; the rest is not read.
pub const ERROR_BYTES_MAX: u64 = 64 * 1024;

/// Bytes of a group's list of kinds; a longer one is an error.
pub const KINDS_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The time for one page of a list.
pub const PAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// The time for one object that is asked for by its name, and for an event that is written.
pub const OBJECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The time for one review: who asks waits for it.
pub const REVIEW_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of the answer to a review; a longer one is an error.
pub const REVIEW_BYTES_MAX: u64 = 256 * 1024;

/// The time beyond that which a watch was asked for, after which it is given up: the other side
/// may be gone without a word.
pub const WATCH_GRACE: Duration = Duration::from_secs(30);

/// The longest wait that a server's `Retry-After` can ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// Bytes of what a program of `exec` prints; more is an error.
pub const EXEC_BYTES_MAX: u64 = 1024 * 1024;

/// The time of a program of `exec`; one that takes longer is ended.
pub const EXEC_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a token of `exec` is used before the program is asked for another; also once the
/// cluster refuses it.
pub const EXEC_TOKEN_AGE: Duration = Duration::from_secs(300);
