//! Plugins as packages: the manifest, what is asked for and granted, OCI layouts, signatures, and
//! with the feature `client` registries.
//!
//! It is not: what runs plugins. Without its features it is light enough for a build script.

mod bounds;
mod component;
mod contents;
mod digest;
mod endpoint;
mod error;
mod files;
mod image;
mod layout;
mod manifest;
mod memory;
pub mod oci;
mod package;
mod request;
mod signature;
pub mod template;
mod version;

pub use bounds::{COMPONENT_BYTES_MAX, IMAGE_BYTES_MAX, LAYER_BYTES_MAX, MANIFEST_BYTES_MAX};
pub use component::ComponentNames;
pub use contents::{Contents, EmbeddedBlobs, Entry, Installed};
pub use digest::Digest;
pub use endpoint::{
    Endpoint, EndpointPattern, HostPattern, is_host_name, is_link_local, parse_ip,
};
pub use error::PackageError;
pub use files::{FILES_MAX, PackagedFiles, TITLE_BYTES_MAX, check_title};
pub use image::{BlobSource, Image};
pub use layout::{INDEX_FILE, LAYOUT_FILE, Layout, Replaced};
pub use manifest::{Defaults, Manifest, ManifestLimits, WIT_VERSIONS, WORLDS, is_name};
pub use memory::{MEMORY_MAX, MemorySize};
pub use package::{MANIFEST_FILE, Package, PackageFile, read_component};
pub use request::GrantList;
pub use signature::Signature;
pub use version::{is_forward, newest_version};
