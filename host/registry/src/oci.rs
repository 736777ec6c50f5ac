//! The JSON of OCI images, as far as packages use it: descriptors, manifests, indexes; and the
//! media types and annotations of ours.
//!
//! It is not: a whole OCI library. Fields that are not named here are ignored in manifests, whose
//! bytes are kept as they are, and kept in the index of a layout, which is written anew.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::PackageError;

/// What a package is.
pub const PACKAGE_TYPE: &str = "application/vnd.narthex.plugin.v1";
/// Any OCI manifest.
pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// An index of manifests.
pub const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// The config of an image whose content is WebAssembly.
pub const WASM_CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
/// The component.
pub const COMPONENT_TYPE: &str = "application/wasm";
/// `plugin.toml`.
pub const PLUGIN_MANIFEST_TYPE: &str = "application/vnd.narthex.manifest.v1+toml";
/// A scrape config.
pub const SCRAPE_TYPE: &str = "application/vnd.narthex.scrape.v1+yaml";
/// A file of rules.
pub const RULES_TYPE: &str = "application/vnd.narthex.rules.v1+yaml";
/// A dashboard.
pub const DASHBOARD_TYPE: &str = "application/vnd.narthex.dashboard.v1+json";

/// The annotation with a layer's file name, or an image's.
pub const TITLE: &str = "org.opencontainers.image.title";
/// The annotation with a package's version.
pub const VERSION: &str = "org.opencontainers.image.version";
/// The annotation with a package's description.
pub const DESCRIPTION: &str = "org.opencontainers.image.description";
/// The annotation with a package's world.
pub const WORLD: &str = "io.narthex.plugin.world";
/// The annotation with the tag of an entry in a layout's index.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation that says which package of a layout is at work: [`CURRENT`] or [`PREVIOUS`].
pub const STATE: &str = "io.narthex.plugin.state";
/// The package that is at work.
pub const CURRENT: &str = "current";
/// The package that was at work before.
pub const PREVIOUS: &str = "previous";

/// Annotations, in order, so that what is written is the same each time.
pub type Annotations = BTreeMap<String, String>;

/// Says where some bytes are, by their digest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What they are.
    pub media_type: String,
    /// Their digest.
    pub digest: Digest,
    /// How many they are.
    pub size: u64,
    /// What else is said of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
    /// Fields that others wrote.
    #[serde(flatten)]
    pub others: serde_json::Map<String, serde_json::Value>,
}

impl Descriptor {
    /// Describes some bytes.
    pub fn of(media_type: &str, bytes: &[u8]) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            annotations: Annotations::new(),
            others: serde_json::Map::new(),
        }
    }

    /// With an annotation.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.to_owned());
        self
    }

    /// An annotation, empty where there is none.
    pub fn annotation(&self, name: &str) -> &str {
        self.annotations.get(name).map_or("", String::as_str)
    }
}

/// An image manifest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    /// 2.
    pub schema_version: u32,
    /// [`MANIFEST_TYPE`].
    #[serde(default)]
    pub media_type: String,
    /// What the image is, where it is no container's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub artifact_type: String,
    /// The config.
    pub config: Descriptor,
    /// The content.
    pub layers: Vec<Descriptor>,
    /// What else is said of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
}

impl ImageManifest {
    /// Reads one.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, PackageError> {
        let fault = |text: String| PackageError::Invalid(format!("OCI manifest: {text}"));
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| fault(error.to_string()))?;
        // An index has no media type of a manifest, whatever registries call it.
        if manifest.schema_version != 2
            || !matches!(manifest.media_type.as_str(), "" | MANIFEST_TYPE)
        {
            return Err(fault(format!("is a {:?}", manifest.media_type)));
        }
        Ok(manifest)
    }

    /// An annotation, empty where there is none.
    pub fn annotation(&self, name: &str) -> &str {
        self.annotations.get(name).map_or("", String::as_str)
    }
}

/// An index of manifests: what `index.json` of a layout holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageIndex {
    /// 2.
    pub schema_version: u32,
    /// [`INDEX_TYPE`], or nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// The manifests.
    pub manifests: Vec<Descriptor>,
    /// Fields that others wrote.
    #[serde(flatten)]
    pub others: serde_json::Map<String, serde_json::Value>,
}

impl Default for ImageIndex {
    fn default() -> Self {
        Self {
            schema_version: 2,
            media_type: INDEX_TYPE.to_owned(),
            manifests: Vec::new(),
            others: serde_json::Map::new(),
        }
    }
}
