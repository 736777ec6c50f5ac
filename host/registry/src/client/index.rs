//! The index of a registry's plugins: what `narthex plugin search` looks through. It is an image
//! of its own, signed like a package, in a repository that no plugin can have the name of.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::PackageError;
use crate::image::Image;
use crate::manifest::{Manifest, is_name};
use crate::oci::{Annotations, Descriptor};
use crate::version;

/// What the image is.
const INDEX_ARTIFACT_TYPE: &str = "application/vnd.narthex.index.v1";
/// What its layer is.
const INDEX_LAYER_TYPE: &str = "application/vnd.narthex.index.v1+json";
/// A config that says nothing.
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";

/// The repository; a plugin's name has no dot.
pub(super) const INDEX_REPOSITORY: &str = "narthex.index";
/// The tag.
pub(super) const INDEX_TAG: &str = "latest";

/// The plugins of a registry, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
pub struct Index {
    /// The plugins.
    pub plugins: Vec<IndexEntry>,
}

/// A plugin.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct IndexEntry {
    /// Its name.
    pub name: String,
    /// What it is for, in its newest version.
    pub description: String,
    /// Its world, in its newest version.
    pub world: String,
    /// Its versions, the newest first.
    pub versions: Vec<IndexVersion>,
}

/// A version of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct IndexVersion {
    /// The version.
    pub version: String,
    /// The digest of its package.
    pub digest: Digest,
}

impl Index {
    /// Adds a version of a plugin, in place of the same version.
    pub fn add(&mut self, manifest: &Manifest, digest: Digest) {
        let place = self
            .plugins
            .iter()
            .position(|entry| entry.name == manifest.name);
        let place = place.unwrap_or_else(|| {
            self.plugins.push(IndexEntry {
                name: manifest.name.clone(),
                description: String::new(),
                world: String::new(),
                versions: Vec::new(),
            });
            self.plugins.len() - 1
        });
        let entry = &mut self.plugins[place];
        entry
            .versions
            .retain(|version| version.version != manifest.version);
        entry.versions.push(IndexVersion {
            version: manifest.version.clone(),
            digest,
        });
        entry
            .versions
            .sort_by(|one, other| version::order(&other.version, &one.version));
        if entry.versions[0].digest == digest {
            entry.description.clone_from(&manifest.description);
            entry.world.clone_from(&manifest.world);
        }
        self.plugins.sort_by(|one, other| one.name.cmp(&other.name));
    }

    /// The plugins whose name or description has a text in it, in any case.
    pub fn search(&self, text: &str) -> impl Iterator<Item = &IndexEntry> {
        let text = text.to_lowercase();
        self.plugins.iter().filter(move |entry| {
            entry.name.contains(&text) || entry.description.to_lowercase().contains(&text)
        })
    }

    /// The image that holds it.
    ///
    /// # Errors
    /// It has become too large.
    pub fn image(&self) -> Result<Image, PackageError> {
        let text = serde_json::to_vec(self);
        let text = text.map_err(|error| PackageError::Invalid(error.to_string()))?;
        let layer = (Descriptor::of(INDEX_LAYER_TYPE, &text), text.into());
        let empty = Bytes::from_static(b"{}");
        let config = (Descriptor::of(EMPTY_TYPE, &empty), empty);
        let image = Image::build(INDEX_ARTIFACT_TYPE, config, vec![layer], Annotations::new())?;
        crate::image::check_manifest(image.manifest())?;
        Ok(image)
    }

    /// Reads it from an image.
    ///
    /// # Errors
    /// It is none.
    pub fn from_image(image: &Image) -> Result<Self, PackageError> {
        let fault = |text: String| PackageError::Invalid(format!("index of plugins: {text}"));
        let manifest = image.manifest();
        if manifest.artifact_type != INDEX_ARTIFACT_TYPE {
            return Err(fault(format!("is a {:?}", manifest.artifact_type)));
        }
        let mut layers = manifest.layers.iter();
        let layer = layers.find(|layer| layer.media_type == INDEX_LAYER_TYPE);
        let bytes = layer.and_then(|layer| image.layer(layer));
        let bytes = bytes.ok_or_else(|| fault("it has no content".to_owned()))?;
        let index: Self =
            serde_json::from_slice(bytes).map_err(|error| fault(error.to_string()))?;
        match index.plugins.iter().find(|entry| !is_name(&entry.name)) {
            Some(entry) => Err(fault(format!("{:?} is not a plugin's name", entry.name))),
            None => Ok(index),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::tests::package;

    #[test]
    fn versions_are_added_and_found() {
        let mut index = Index::default();
        for version in ["0.9.0", "0.10.0", "0.2.0", "0.10.0"] {
            let package = package(version);
            let mut manifest = package.manifest.clone();
            manifest.description = format!("Reads {version}.");
            index.add(&manifest, package.image().unwrap().digest());
        }
        let mut other = package("1.0.0").manifest;
        other.name = "aaa".to_owned();
        index.add(&other, Digest::of(b"x"));
        let names: Vec<&str> = index
            .plugins
            .iter()
            .map(|entry| entry.name.as_str())
            .collect();
        assert_eq!(names, ["aaa", "redis"]);
        let versions = index.plugins[1].versions.iter();
        let versions: Vec<&str> = versions.map(|version| version.version.as_str()).collect();
        assert_eq!(versions, ["0.10.0", "0.9.0", "0.2.0"]);
        assert_eq!(index.plugins[1].description, "Reads 0.10.0.");
        for (text, found) in [("", 2), ("RED", 1), ("reads 0.10", 1), ("postgres", 0)] {
            assert_eq!(index.search(text).count(), found, "{text}");
        }
        let image = index.image().unwrap();
        assert_eq!(Index::from_image(&image), Ok(index));
        assert!(Index::from_image(&package("1.0.0").image().unwrap()).is_err());
    }
}
