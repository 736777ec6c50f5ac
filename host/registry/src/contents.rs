//! What an OCI layout holds, wherever its bytes are: in a folder, in the binary.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::bounds::{ENTRIES_MAX, IMAGE_BYTES_MAX, SIGNATURES_MAX};
use crate::digest::Digest;
use crate::error::PackageError;
use crate::image::{BlobSource, Image, read_blob};
use crate::oci::{self, Descriptor, ImageIndex, ImageManifest};
use crate::package::Package;
use crate::signature::Signature;
use crate::version;

/// The index of a layout and where its blobs are.
#[derive(Debug)]
pub struct Contents<S> {
    index: ImageIndex,
    source: S,
}

/// A package that a layout holds, as its manifest's annotations tell; its layers are not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The plugin.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it is for.
    pub description: String,
    /// Its world.
    pub world: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The tag that it has in the layout, empty where it has none.
    pub tag: String,
    /// [`oci::CURRENT`], [`oci::PREVIOUS`] or nothing.
    pub state: String,
}

/// A package with its digest and the signatures that lie beside it, which nobody has checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The package.
    pub package: Package,
    /// The digest of its manifest: what a signature signs.
    pub digest: Digest,
    /// The signatures; see [`crate::TrustPolicy`].
    pub signatures: Vec<Signature>,
    /// The package as an image.
    pub image: Image,
}

impl Installed {
    /// Reads the package out of an image.
    ///
    /// # Errors
    /// It is no package.
    pub fn new(image: Image, signatures: Vec<Signature>) -> Result<Self, PackageError> {
        Ok(Self {
            package: Package::from_image(&image)?,
            digest: image.digest(),
            signatures,
            image,
        })
    }
}

impl<S: BlobSource> Contents<S> {
    /// Reads an index.
    ///
    /// # Errors
    /// It is none, or has too many entries.
    pub fn read(index: &[u8], source: S) -> Result<Self, PackageError> {
        let fault = |text: String| PackageError::Invalid(format!("index.json: {text}"));
        let index: ImageIndex =
            serde_json::from_slice(index).map_err(|error| fault(error.to_string()))?;
        if index.manifests.len() > ENTRIES_MAX {
            return Err(fault(format!("more than {ENTRIES_MAX} entries")));
        }
        Ok(Self { index, source })
    }

    /// An index that was not read but made.
    pub(crate) fn of(index: ImageIndex, source: S) -> Self {
        Self { index, source }
    }

    /// The index as it is.
    pub fn index(&self) -> &ImageIndex {
        &self.index
    }

    /// All packages, in the index's order. What is neither a package nor readable as an image
    /// manifest is passed over.
    ///
    /// # Errors
    /// A manifest is missing or damaged.
    pub fn packages(&self) -> Result<Vec<Entry>, PackageError> {
        let mut entries = Vec::new();
        for descriptor in self.candidates() {
            entries.extend(self.entry(descriptor)?);
        }
        Ok(entries)
    }

    /// Entries that are no signatures.
    fn candidates(&self) -> impl DoubleEndedIterator<Item = &Descriptor> {
        self.index.manifests.iter().filter(|descriptor| {
            descriptor.media_type == oci::MANIFEST_TYPE
                && !Digest::is_signature_tag(descriptor.annotation(oci::REF_NAME))
        })
    }

    fn entry(&self, descriptor: &Descriptor) -> Result<Option<Entry>, PackageError> {
        let bytes = read_blob(&self.source, descriptor, IMAGE_BYTES_MAX)?;
        let Ok(manifest) = ImageManifest::parse(&bytes) else {
            return Ok(None);
        };
        let text = |name: &str| manifest.annotation(name).to_owned();
        Ok(
            (manifest.artifact_type == oci::PACKAGE_TYPE).then(|| Entry {
                name: text(oci::TITLE),
                version: text(oci::VERSION),
                description: text(oci::DESCRIPTION),
                world: text(oci::WORLD),
                digest: descriptor.digest,
                tag: descriptor.annotation(oci::REF_NAME).to_owned(),
                state: descriptor.annotation(oci::STATE).to_owned(),
            }),
        )
    }

    /// The digest of the package that is at work: the last one that says so; where none does, the
    /// newest version, of several the last.
    ///
    /// # Errors
    /// There is none, or a manifest cannot be read.
    pub fn current_digest(&self) -> Result<Digest, PackageError> {
        if let Some(digest) = self.with_state(oci::CURRENT) {
            return Ok(digest);
        }
        let packages = self.packages()?;
        let newest = packages
            .iter()
            .max_by(|one, other| version::order(&one.version, &other.version));
        let newest = newest.map(|entry| entry.digest);
        newest.ok_or_else(|| PackageError::NotFound("the layout holds no plugin package".into()))
    }

    /// The digest of the package that was at work before, where one is kept.
    pub fn previous_digest(&self) -> Option<Digest> {
        self.with_state(oci::PREVIOUS)
    }

    fn with_state(&self, state: &str) -> Option<Digest> {
        let mut candidates = self.candidates().rev();
        let found = candidates.find(|descriptor| descriptor.annotation(oci::STATE) == state);
        found.map(|descriptor| descriptor.digest)
    }

    /// The package that is at work.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn current(&self) -> Result<Installed, PackageError> {
        self.load(&self.current_digest()?)
    }

    /// The package that was at work before.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn previous(&self) -> Result<Option<Installed>, PackageError> {
        let digest = self.previous_digest();
        digest.map(|digest| self.load(&digest)).transpose()
    }

    /// The package that a text names: by its tag, else by its plugin's name, its version or its
    /// digest. Of several versions of a plugin the newest.
    ///
    /// # Errors
    /// There is none, there are several plugins, or a manifest cannot be read.
    pub fn find(&self, text: &str) -> Result<Entry, PackageError> {
        let packages = self.packages()?;
        let by: [fn(&Entry) -> String; 4] = [
            |entry| entry.tag.clone(),
            |entry| entry.name.clone(),
            |entry| entry.version.clone(),
            |entry| entry.digest.to_string(),
        ];
        let named = by.iter().map(|by| {
            let named = packages.iter().filter(|entry| by(entry) == text);
            named.collect::<Vec<_>>()
        });
        let named = named
            .into_iter()
            .find(|named| !named.is_empty())
            .unwrap_or_default();
        if named.windows(2).any(|pair| pair[0].name != pair[1].name) {
            let text = format!("{text:?} is the version of several plugins of the layout");
            return Err(PackageError::Invalid(text));
        }
        let newest = named
            .into_iter()
            .max_by(|one, other| version::order(&one.version, &other.version));
        let missing = || PackageError::NotFound(format!("the layout holds no package {text:?}"));
        newest.cloned().ok_or_else(missing)
    }

    /// Reads a package whole, with the signatures beside it.
    ///
    /// # Errors
    /// A part is missing, damaged or too large.
    pub fn load(&self, digest: &Digest) -> Result<Installed, PackageError> {
        let image = Image::read(&self.source, digest)?;
        Installed::new(image, self.signatures(digest)?)
    }

    /// The signatures of a digest.
    ///
    /// # Errors
    /// They are damaged.
    pub fn signatures(&self, digest: &Digest) -> Result<Vec<Signature>, PackageError> {
        let tag = digest.signature_tag();
        let mut signatures = Vec::new();
        let entries = self.index.manifests.iter();
        let entries = entries.filter(|entry| entry.annotation(oci::REF_NAME) == tag);
        for entry in entries.take(SIGNATURES_MAX) {
            let image = Image::read(&self.source, &entry.digest)?;
            signatures.extend(Signature::from_image(&image));
        }
        signatures.truncate(SIGNATURES_MAX);
        Ok(signatures)
    }

    /// Every digest that the entries lead to: what has to be kept.
    pub(crate) fn reachable(&self) -> Vec<Digest> {
        let mut digests = Vec::new();
        for descriptor in &self.index.manifests {
            digests.push(descriptor.digest);
            let bytes = read_blob(&self.source, descriptor, IMAGE_BYTES_MAX);
            let manifest = bytes.and_then(|bytes| ImageManifest::parse(&bytes));
            if let Ok(manifest) = manifest {
                digests.push(manifest.config.digest);
                digests.extend(manifest.layers.iter().map(|layer| layer.digest));
            }
        }
        digests
    }
}

/// Blobs that are part of the binary, by their digests as text.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedBlobs(pub &'static [(&'static str, &'static [u8])]);

impl BlobSource for EmbeddedBlobs {
    fn blob(&self, digest: &Digest, _: u64) -> Result<Bytes, PackageError> {
        let text = digest.to_string();
        let found = self.0.iter().find(|(digest, _)| *digest == text);
        let bytes = found.map(|(_, bytes)| Bytes::from_static(bytes));
        bytes.ok_or_else(|| PackageError::NotFound(format!("there is no blob {digest}")))
    }
}

impl BlobSource for BTreeMap<Digest, Bytes> {
    fn blob(&self, digest: &Digest, _: u64) -> Result<Bytes, PackageError> {
        let missing = || PackageError::NotFound(format!("there is no blob {digest}"));
        self.get(digest).cloned().ok_or_else(missing)
    }
}
