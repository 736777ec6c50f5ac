//! A plugin with all that travels with it, as values; and the same as an OCI image.
//!
//! One manifest of [`crate::oci::PACKAGE_TYPE`]: its layers are the component, `plugin.toml` and
//! the files that this names, in that order, each with its title. The same content always makes
//! the same bytes. Layers of other types are ignored, so that a later version can add some.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use bytes::Bytes;

use crate::bounds::{COMPONENT_BYTES_MAX, LAYER_BYTES_MAX, MANIFEST_BYTES_MAX};
use crate::component::wasm_config;
use crate::error::PackageError;
use crate::image::{self, Image};
use crate::manifest::Manifest;
use crate::oci::{self, Annotations, Descriptor};

/// The manifest's name in an author's folder and in a package.
pub const MANIFEST_FILE: &str = "plugin.toml";

/// A component, its manifest, and the files that the manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// The manifest, read.
    pub manifest: Manifest,
    /// The manifest as it was written.
    pub manifest_text: String,
    /// The component.
    pub component: Bytes,
    /// A scrape config to begin with.
    pub scrape: Option<PackageFile>,
    /// Recording and alerting rules.
    pub rules: Vec<PackageFile>,
    /// Dashboards.
    pub dashboards: Vec<PackageFile>,
}

/// A text file of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageFile {
    /// Its path, as in the manifest.
    pub title: String,
    /// What it holds.
    pub text: String,
}

impl Package {
    /// Takes the manifest and the files that it names from an author's folder.
    ///
    /// # Errors
    /// A file is missing, too large, or not what it should be.
    pub fn from_folder(folder: &Path, component: impl Into<Bytes>) -> Result<Self, PackageError> {
        let manifest_text = read_text(&folder.join(MANIFEST_FILE), MANIFEST_BYTES_MAX)?;
        let read = |title: &str| read_text(&folder.join(title), LAYER_BYTES_MAX);
        Self::assemble(manifest_text, component.into(), read)
    }

    /// A package of a component and a manifest that names no files, or whose files are left out.
    ///
    /// # Errors
    /// The manifest is not right.
    pub fn from_pair(
        manifest_text: String,
        component: impl Into<Bytes>,
    ) -> Result<Self, PackageError> {
        let manifest = parse_manifest(&manifest_text)?;
        Ok(Self {
            manifest,
            manifest_text,
            component: component.into(),
            scrape: None,
            rules: Vec::new(),
            dashboards: Vec::new(),
        })
    }

    /// Reads an image, whose digests were checked when it was made.
    ///
    /// # Errors
    /// It is no package, or its parts do not belong together.
    pub fn from_image(image: &Image) -> Result<Self, PackageError> {
        let oci = image.manifest();
        let fault = |text: String| PackageError::Invalid(format!("not a plugin package: {text}"));
        if oci.artifact_type != oci::PACKAGE_TYPE {
            let text = format!(
                "its type is {:?}, not {}",
                oci.artifact_type,
                oci::PACKAGE_TYPE
            );
            return Err(fault(text));
        }
        let bytes = |layer: &Descriptor| {
            let bytes = image.layer(layer).cloned();
            bytes.ok_or_else(|| fault(format!("{} is missing", image::name(layer))))
        };
        let only = |media_type: &str| {
            let mut layers = oci.layers.iter().filter(|l| l.media_type == media_type);
            match (layers.next(), layers.next()) {
                (Some(layer), None) => bytes(layer),
                _ => Err(fault(format!("it needs one layer of type {media_type}"))),
            }
        };
        let component = only(oci::COMPONENT_TYPE)?;
        let manifest_text = text(MANIFEST_FILE, only(oci::PLUGIN_MANIFEST_TYPE)?.to_vec())?;
        let mut titles = oci
            .layers
            .iter()
            .filter(|layer| is_file(&layer.media_type))
            .collect::<Vec<_>>();
        let package = Self::assemble(manifest_text, component, |title| {
            let place = titles
                .iter()
                .position(|l| l.annotation(oci::TITLE) == title);
            let layer = titles.remove(place.ok_or_else(|| fault(format!("no file {title:?}")))?);
            text(title, bytes(layer)?.to_vec())
        })?;
        if let Some(layer) = titles.first() {
            let text = format!("its manifest does not name {}", image::name(layer));
            return Err(fault(text));
        }
        for (name, value) in package.annotations() {
            if oci.annotation(&name) != value {
                let text = format!("its annotation {name} is not {value:?}, as in its manifest");
                return Err(fault(text));
            }
        }
        Ok(package)
    }

    fn assemble(
        manifest_text: String,
        component: Bytes,
        mut read: impl FnMut(&str) -> Result<String, PackageError>,
    ) -> Result<Self, PackageError> {
        let mut package = Self::from_pair(manifest_text, component)?;
        let mut file = |title: &String| {
            read(title).map(|text| PackageFile {
                title: title.clone(),
                text,
            })
        };
        let files = &package.manifest.files;
        package.scrape = files.scrape.as_ref().map(&mut file).transpose()?;
        package.rules = files
            .rules
            .iter()
            .map(&mut file)
            .collect::<Result<_, _>>()?;
        package.dashboards = files
            .dashboards
            .iter()
            .map(&mut file)
            .collect::<Result<_, _>>()?;
        Ok(package)
    }

    /// The package as an OCI image; the same package always as the same bytes.
    ///
    /// # Errors
    /// The component is none, or a part is too large.
    pub fn image(&self) -> Result<Image, PackageError> {
        let layer = |media_type: &str, title: &str, bytes: Bytes| {
            let descriptor = Descriptor::of(media_type, &bytes).with(oci::TITLE, title);
            (descriptor, bytes)
        };
        let component_title = format!("{}.wasm", self.manifest.name);
        let manifest_text = self.manifest_text.clone().into();
        let mut layers = vec![
            layer(
                oci::COMPONENT_TYPE,
                &component_title,
                self.component.clone(),
            ),
            layer(oci::PLUGIN_MANIFEST_TYPE, MANIFEST_FILE, manifest_text),
        ];
        for (media_type, file) in self.files() {
            layers.push(layer(media_type, &file.title, file.text.clone().into()));
        }
        let config = wasm_config(&self.component, &[layers[0].0.digest])?;
        let config = (
            Descriptor::of(oci::WASM_CONFIG_TYPE, &config),
            config.into(),
        );
        let image = Image::build(oci::PACKAGE_TYPE, config, layers, self.annotations())?;
        image::check_manifest(image.manifest())?;
        Ok(image)
    }

    /// All files but component and manifest, with their media types.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &PackageFile)> {
        let of = |media_type: &'static str| move |file| (media_type, file);
        self.scrape
            .iter()
            .map(of(oci::SCRAPE_TYPE))
            .chain(self.rules.iter().map(of(oci::RULES_TYPE)))
            .chain(self.dashboards.iter().map(of(oci::DASHBOARD_TYPE)))
    }

    fn annotations(&self) -> Annotations {
        let manifest = &self.manifest;
        let mut annotations = Annotations::new();
        for (name, value) in [
            (oci::TITLE, &manifest.name),
            (oci::VERSION, &manifest.version),
            (oci::WORLD, &manifest.world),
            (oci::DESCRIPTION, &manifest.description),
        ] {
            if !value.is_empty() {
                annotations.insert(name.to_owned(), value.clone());
            }
        }
        annotations
    }
}

fn is_file(media_type: &str) -> bool {
    matches!(
        media_type,
        oci::SCRAPE_TYPE | oci::RULES_TYPE | oci::DASHBOARD_TYPE
    )
}

fn parse_manifest(text: &str) -> Result<Manifest, PackageError> {
    let fault = |error| PackageError::Invalid(format!("{MANIFEST_FILE}: {error}"));
    Manifest::parse(text).map_err(fault)
}

fn text(title: &str, bytes: Vec<u8>) -> Result<String, PackageError> {
    String::from_utf8(bytes).map_err(|_| PackageError::Invalid(format!("{title} is not UTF-8")))
}

fn read_text(path: &Path, bytes_max: u64) -> Result<String, PackageError> {
    text(&path.display().to_string(), read_file(path, bytes_max)?)
}

/// Reads a component from a file.
///
/// # Errors
/// It cannot be read or is too large.
pub fn read_component(path: &Path) -> Result<Vec<u8>, PackageError> {
    read_file(path, COMPONENT_BYTES_MAX)
}

/// Reads a plain file that has at most so many bytes.
pub(crate) fn read_file(path: &Path, bytes_max: u64) -> Result<Vec<u8>, PackageError> {
    let fault = |error| PackageError::file(path, &error);
    // A pipe or device would keep the reader waiting, or never end.
    if !path.metadata().map_err(fault)?.is_file() {
        return Err(PackageError::File(format!(
            "{}: not a file",
            path.display()
        )));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(fault)?;
    file.take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(fault)?;
    if bytes.len() as u64 > bytes_max {
        return Err(PackageError::TooLarge {
            what: path.display().to_string(),
            bytes_max,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
pub(crate) mod tests;
