//! How large the parts of a package may be. A part that is larger is not read to its end, and
//! the package is refused.

use crate::oci;

/// A component.
pub const COMPONENT_BYTES_MAX: u64 = 128 << 20;

/// A `plugin.toml`.
pub const MANIFEST_BYTES_MAX: u64 = 64 << 10;

/// Any other layer: rules, dashboards, what a later version may add.
pub const LAYER_BYTES_MAX: u64 = 1 << 20;

/// An OCI manifest or an OCI config.
pub const IMAGE_BYTES_MAX: u64 = 64 << 10;

/// The layers of one package: the component, the manifest, a scrape config, the files that a
/// manifest can name, and some that a later version may add.
pub(crate) const LAYERS_MAX: usize = 2 + 1 + 2 * crate::files::FILES_MAX + 13;

/// The `index.json` of a layout.
pub(crate) const INDEX_BYTES_MAX: u64 = 1 << 20;

/// The entries of an `index.json`.
pub(crate) const ENTRIES_MAX: usize = 1000;

/// The signatures of one package that are looked at.
pub(crate) const SIGNATURES_MAX: usize = 16;

/// The most bytes of a layer of this media type.
pub(crate) fn layer_bytes_max(media_type: &str) -> u64 {
    match media_type {
        oci::COMPONENT_TYPE => COMPONENT_BYTES_MAX,
        oci::PLUGIN_MANIFEST_TYPE => MANIFEST_BYTES_MAX,
        _ => LAYER_BYTES_MAX,
    }
}
