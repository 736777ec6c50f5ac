//! The bounds of access.

use std::time::Duration;

/// Bytes of a token; a longer one is refused unread.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// So many answers of each sort are remembered; then all are forgotten.
pub const REMEMBERED_MAX: usize = 4096;

/// Bytes of who asked for what, beyond which an answer is not remembered: paths may be long.
pub const REMEMBERED_BYTES_MAX: usize = 8 * 1024;

/// How long a cluster's word on whose a token is counts (kube-rbac-proxy's default).
pub const TOKEN_AGE: Duration = Duration::from_secs(120);

/// How long a refused token stays refused: one may be new, and not known everywhere yet.
pub const REFUSED_TOKEN_AGE: Duration = Duration::from_secs(10);

/// How long a cluster's yes counts (kube-rbac-proxy's default).
pub const ALLOWED_AGE: Duration = Duration::from_secs(300);

/// How long its no counts (kube-rbac-proxy's default).
pub const DENIED_AGE: Duration = Duration::from_secs(30);

/// Reviews under way at once of somebody who is known: what they may, and whether their token still
/// counts. Others wait.
pub const REVIEWS_MAX: usize = 32;

/// Reviews under way at once of tokens that nobody has seen here, which anybody can send. They have
/// turns of their own, so that a flood of them keeps nobody waiting who is known.
pub const STRANGERS_MAX: usize = 32;

/// How long a token is no stranger's after its review is forgotten: its next one has a turn among those of
/// who is known.
pub const SEEN_TOKEN_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a request waits for its turn to be reviewed; then it is refused with 503.
pub const TURN_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of a document of an issuer.
pub const DOCUMENT_BYTES_MAX: u64 = 256 * 1024;

/// Keys of an issuer; those beyond are not looked at.
pub const KEYS_MAX: usize = 100;

/// How long the keys of an issuer count.
pub const KEYS_AGE: Duration = Duration::from_secs(600);

/// A token with an unknown key makes the keys be fetched again, not more often than this; so does an
/// issuer that did not answer.
pub const KEYS_PAUSE: Duration = Duration::from_secs(10);

/// The time for one document of an issuer.
pub const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// How far the clocks of an issuer and of this machine may be apart, in seconds.
pub const LEEWAY_SECONDS: f64 = 30.0;

/// Groups of one user that are looked at.
pub const GROUPS_MAX: usize = 500;

/// Issuers that may be configured.
pub const ISSUERS_MAX: usize = 16;
