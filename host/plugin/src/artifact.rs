//! A plugin as it is shipped: a component and its manifest, not looked into yet.

use std::borrow::Cow;

use crate::cache::digest;
use crate::version::Source;

/// A component with its manifest.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The name that it was found under; its manifest has to have the same.
    pub(crate) name: String,
    pub(crate) component: Cow<'static, [u8]>,
    pub(crate) manifest: Cow<'static, str>,
    pub(crate) source: Source,
    /// The component's SHA-256.
    pub(crate) digest: String,
}

impl Artifact {
    /// One that the binary carries.
    pub fn embedded(name: &str, component: &'static [u8], manifest: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            component: Cow::Borrowed(component),
            manifest: Cow::Borrowed(manifest),
            source: Source::Embedded,
            digest: digest(component),
        }
    }

    /// One from the plugin folder.
    pub(crate) fn from_directory(name: &str, component: Vec<u8>, manifest: String) -> Self {
        Self {
            name: name.to_owned(),
            digest: digest(&component),
            component: Cow::Owned(component),
            manifest: Cow::Owned(manifest),
            source: Source::Directory,
        }
    }
}
