//! Plugins as packages: the manifest, and what is asked for and granted.
//!
//! It is not: what runs them.

mod endpoint;
mod files;
mod manifest;
mod memory;
mod request;

pub use endpoint::{Endpoint, EndpointPattern, is_link_local, parse_ip};
pub use files::{FILES_MAX, PackagedFiles, TITLE_BYTES_MAX, check_title};
pub use manifest::{Defaults, Manifest, ManifestLimits, WIT_VERSIONS, WORLDS, is_name};
pub use memory::{MEMORY_MAX, MemorySize};
pub use request::GrantList;
