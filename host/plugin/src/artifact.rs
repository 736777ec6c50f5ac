//! A plugin as it is shipped: a component and its manifest, not looked into yet.

use std::borrow::Cow;

use bytes::Bytes;
use narthex_registry::Package;

use crate::cache::digest;
use crate::version::Source;

/// A component with its manifest.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The name that it was found under; its manifest has to have the same.
    pub(crate) name: String,
    pub(crate) component: Bytes,
    pub(crate) manifest: Cow<'static, str>,
    pub(crate) source: Source,
    /// The component's SHA-256.
    pub(crate) digest: String,
    /// Whose key signed the package, if any did.
    pub(crate) signed_by: Option<String>,
}

impl Artifact {
    /// One that the binary carries.
    pub fn embedded(name: &str, component: &'static [u8], manifest: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            component: Bytes::from_static(component),
            manifest: Cow::Borrowed(manifest),
            source: Source::Embedded,
            digest: digest(component),
            signed_by: None,
        }
    }

    /// One from the plugin folder.
    pub(crate) fn from_directory(name: &str, component: Vec<u8>, manifest: String) -> Self {
        Self {
            name: name.to_owned(),
            digest: digest(&component),
            component: component.into(),
            manifest: Cow::Owned(manifest),
            source: Source::Directory,
            signed_by: None,
        }
    }

    /// One from a package in the plugin folder, whose signatures were checked.
    pub(crate) fn from_package(name: &str, package: Package, signed_by: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            digest: digest(&package.component),
            component: package.component,
            manifest: Cow::Owned(package.manifest_text),
            source: Source::Directory,
            signed_by,
        }
    }
}
