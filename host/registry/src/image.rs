//! An OCI image as bytes: a manifest with all that it refers to, every digest checked.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::bounds::{IMAGE_BYTES_MAX, LAYERS_MAX, layer_bytes_max};
use crate::digest::Digest;
use crate::error::PackageError;
use crate::oci::{self, Descriptor, ImageManifest};

/// Where blobs come from: a layout's folder, the binary itself. What it hands out is not to be
/// trusted; [`read_blob`] checks it.
pub trait BlobSource {
    /// The bytes under a digest. It stops reading, with an error or with what it has, beyond
    /// `bytes_max`.
    ///
    /// # Errors
    /// There is no such blob, it cannot be read, or it is too large.
    fn blob(&self, digest: &Digest, bytes_max: u64) -> Result<Bytes, PackageError>;
}

/// A manifest's bytes and those of its config and layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    bytes: Bytes,
    digest: Digest,
    manifest: ImageManifest,
    blobs: BTreeMap<Digest, Bytes>,
}

impl Image {
    /// Makes one of parts: the manifest's layers are `layers`, in their order.
    pub(crate) fn build(
        artifact_type: &str,
        config: (Descriptor, Bytes),
        layers: Vec<(Descriptor, Bytes)>,
        annotations: oci::Annotations,
    ) -> Result<Self, PackageError> {
        let manifest = ImageManifest {
            schema_version: 2,
            media_type: oci::MANIFEST_TYPE.to_owned(),
            artifact_type: artifact_type.to_owned(),
            config: config.0.clone(),
            layers: layers.iter().map(|layer| layer.0.clone()).collect(),
            annotations,
        };
        let bytes = serde_json::to_vec(&manifest)
            .map_err(|error| PackageError::Invalid(format!("OCI manifest: {error}")))?;
        let blobs = layers.into_iter().chain([config]);
        let blobs = blobs.map(|(descriptor, bytes)| (descriptor.digest, bytes));
        Ok(Self {
            digest: Digest::of(&bytes),
            bytes: bytes.into(),
            manifest,
            blobs: blobs.collect(),
        })
    }

    /// Reads the image whose manifest has this digest, and checks every part.
    ///
    /// # Errors
    /// A part is missing, changed, larger than its bound, or not what it should be.
    pub fn read(source: &dyn BlobSource, digest: &Digest) -> Result<Self, PackageError> {
        let bytes = source.blob(digest, IMAGE_BYTES_MAX)?;
        check("OCI manifest", &bytes, digest, IMAGE_BYTES_MAX)?;
        let manifest = ImageManifest::parse(&bytes)?;
        check_manifest(&manifest)?;
        let mut blobs = BTreeMap::new();
        blobs.insert(
            manifest.config.digest,
            read_blob(source, &manifest.config, IMAGE_BYTES_MAX)?,
        );
        for layer in &manifest.layers {
            let bytes = read_blob(source, layer, layer_bytes_max(&layer.media_type))?;
            blobs.insert(layer.digest, bytes);
        }
        Ok(Self {
            bytes,
            digest: *digest,
            manifest,
            blobs,
        })
    }

    /// The manifest as it is.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The manifest's digest, which is the image's.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The manifest, read.
    pub fn manifest(&self) -> &ImageManifest {
        &self.manifest
    }

    /// Config and layers by digest.
    pub fn blobs(&self) -> impl Iterator<Item = (&Digest, &Bytes)> {
        self.blobs.iter()
    }

    /// The bytes of a layer of this image.
    pub fn layer(&self, layer: &Descriptor) -> Option<&Bytes> {
        self.blobs.get(&layer.digest)
    }

    /// How an index refers to it.
    pub fn descriptor(&self) -> Descriptor {
        let mut descriptor = Descriptor::of(oci::MANIFEST_TYPE, &self.bytes);
        if !self.manifest.artifact_type.is_empty() {
            let kind = self.manifest.artifact_type.clone();
            descriptor
                .others
                .insert("artifactType".to_owned(), kind.into());
        }
        descriptor
    }
}

/// Whether an image's parts are within their bounds by what the manifest says of them: asked
/// before any of them is fetched.
///
/// # Errors
/// There are too many, or one is too large.
pub(crate) fn check_manifest(manifest: &ImageManifest) -> Result<(), PackageError> {
    if manifest.layers.len() > LAYERS_MAX {
        return Err(PackageError::Invalid(format!(
            "the package has {} layers, more than {LAYERS_MAX}",
            manifest.layers.len()
        )));
    }
    check_size(&manifest.config, IMAGE_BYTES_MAX)?;
    let mut layers = manifest.layers.iter();
    layers.try_for_each(|layer| check_size(layer, layer_bytes_max(&layer.media_type)))
}

fn check_size(descriptor: &Descriptor, bytes_max: u64) -> Result<(), PackageError> {
    match descriptor.size <= bytes_max {
        true => Ok(()),
        false => Err(PackageError::TooLarge {
            what: name(descriptor),
            bytes_max,
        }),
    }
}

/// Reads the bytes that a descriptor describes, and checks that they are those.
///
/// # Errors
/// They are missing, too many, or others.
pub(crate) fn read_blob(
    source: &dyn BlobSource,
    descriptor: &Descriptor,
    bytes_max: u64,
) -> Result<Bytes, PackageError> {
    check_size(descriptor, bytes_max)?;
    let bytes = source.blob(&descriptor.digest, descriptor.size)?;
    check(&name(descriptor), &bytes, &descriptor.digest, bytes_max)?;
    if bytes.len() as u64 != descriptor.size {
        return Err(PackageError::Invalid(format!(
            "{} has {} bytes, not {}",
            name(descriptor),
            bytes.len(),
            descriptor.size
        )));
    }
    Ok(bytes)
}

fn check(what: &str, bytes: &[u8], expected: &Digest, max: u64) -> Result<(), PackageError> {
    if bytes.len() as u64 > max {
        return Err(PackageError::TooLarge {
            what: what.to_owned(),
            bytes_max: max,
        });
    }
    match Digest::of(bytes) {
        actual if actual == *expected => Ok(()),
        actual => Err(PackageError::Changed {
            what: what.to_owned(),
            expected: *expected,
            actual,
        }),
    }
}

/// What an error calls a part: its media type, and its title where it has one.
pub(crate) fn name(descriptor: &Descriptor) -> String {
    match descriptor.annotation(oci::TITLE) {
        "" => descriptor.media_type.clone(),
        title => format!("{:?} ({})", shorten(title), descriptor.media_type),
    }
}

/// The beginning of a text that somebody else wrote, for a message.
fn shorten(text: &str) -> String {
    text.chars().take(100).collect()
}
