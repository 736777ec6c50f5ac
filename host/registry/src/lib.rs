//! Plugins as packages: the manifest, and what is asked for and granted.
//!
//! It is not: what runs them.

mod endpoint;
mod manifest;
mod memory;
mod request;

pub use endpoint::{Endpoint, EndpointPattern, is_link_local, parse_ip};
pub use manifest::{Defaults, Manifest, ManifestLimits, WIT_VERSIONS, WORLDS, is_name};
pub use memory::{MEMORY_MAX, MemorySize};
pub use request::GrantList;
