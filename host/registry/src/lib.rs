//! Plugins as packages: the manifest, what is asked for and granted, OCI layouts, signatures, and
//! with the feature `client` registries.
//!
//! It is not: what runs plugins. Without its features (`signature`: keys, `client`: registries) it
//! is light enough for a build script.

mod bounds;
#[cfg(feature = "client")]
mod client;
mod component;
mod config;
mod contents;
mod digest;
mod directory;
mod endpoint;
mod error;
mod files;
mod image;
#[cfg(feature = "signature")]
mod key;
mod layout;
mod manifest;
mod memory;
pub mod oci;
mod package;
mod request;
#[cfg(feature = "schema")]
mod schema;
mod signature;
pub mod template;
#[cfg(feature = "signature")]
mod trust;
mod version;

pub use bounds::{COMPONENT_BYTES_MAX, IMAGE_BYTES_MAX, LAYER_BYTES_MAX, MANIFEST_BYTES_MAX};
#[cfg(feature = "client")]
pub use client::{
    Credentials, CredentialsFile, Follower, FollowerMetrics, Index, IndexEntry, IndexVersion,
    Polled, Registry, RegistryError,
};
pub use component::ComponentNames;
pub use config::{Followed, RegistryConfig, is_tag};
pub use contents::{Contents, EmbeddedBlobs, Entry, Installed};
pub use digest::Digest;
pub use directory::{Listed, ListedState, PluginDirectory, Update};
pub use endpoint::{Endpoint, EndpointPattern, HostPattern, is_host_name, is_link_local, parse_ip};
pub use error::PackageError;
pub use files::{FILES_MAX, PackagedFiles, TITLE_BYTES_MAX, check_title};
pub use image::{BlobSource, Image};
#[cfg(feature = "signature")]
pub use key::{PrivateKey, PublicKey};
pub use layout::{INDEX_FILE, LAYOUT_FILE, Layout, Replaced};
pub use manifest::{
    Defaults, Manifest, ManifestLimits, RESERVED_NAMES, WIT_VERSIONS, WORLDS, is_name,
};
pub use memory::{MEMORY_MAX, MemorySize};
/// A text that prints as `<secret>`.
#[cfg(feature = "client")]
pub use narthex_http::Secret;
pub use package::{MANIFEST_FILE, Package, PackageFile, read_component};
pub use request::GrantList;
#[cfg(feature = "schema")]
pub use schema::{CONFIG_FAULTS_MAX, ConfigFault, ConfigSchema};
pub use signature::Signature;
#[cfg(feature = "signature")]
pub use trust::{Trust, TrustError, TrustPolicy};
pub use version::{is_forward, newest_version};
