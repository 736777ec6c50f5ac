//! The part of `prometheus.yml` that says what is scraped and how: `global` and
//! `scrape_configs`, field for field as Prometheus 3.14 reads and prints them.
//!
//! It is not: a reader of YAML. The binary reads the file into these types and then calls
//! [`resolve`], which fills in what a job takes from `global` and checks what belongs together.

mod global;
mod job;
mod protocol;
mod resolve;

use narthex_model::ByteSize;

pub use global::GlobalConfig;
pub use job::ScrapeConfig;
pub use protocol::{EscapingScheme, ScrapeProtocol, ValidationScheme};
pub use resolve::{ConfigFault, ScrapeConfigs, resolve};

/// A scrape's body is refused from this size on, unless the configuration says otherwise.
/// Prometheus has no such default.
pub const BODY_SIZE_LIMIT_DEFAULT: ByteSize = ByteSize::from_bytes(64 << 20);

/// serde asks whether a field may be left out.
fn is_zero(number: &u64) -> bool {
    *number == 0
}

fn is_false(flag: &bool) -> bool {
    !*flag
}
