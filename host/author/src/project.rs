//! A plugin's project: its folder, what its manifest says, its language.

use std::path::{Path, PathBuf};

use narthex_registry::{MANIFEST_FILE, Manifest};

use crate::{AuthorError, Language, file};

/// Where a project has the SDK that its template came with.
pub(crate) const SDK: &str = "narthex-sdk";

/// Where a project has what was built.
pub(crate) const BUILD: &str = "build";

/// A plugin's project.
#[derive(Debug, Clone)]
pub struct Project {
    /// Where it is; an absolute path.
    pub folder: PathBuf,
    /// `plugin.toml`
    pub manifest: Manifest,
    /// What it is written in.
    pub language: Language,
}

impl Project {
    /// Reads the manifest and looks what language it is.
    ///
    /// # Errors
    /// The folder has no `plugin.toml`, or one that is wrong, or no program in a known language.
    pub fn open(folder: &Path) -> Result<Self, AuthorError> {
        let manifest = read_manifest(&find_manifest(folder)?)?;
        let language = Language::of_project(folder)?;
        let folder = folder.canonicalize().map_err(|source| AuthorError::File {
            verb: "find",
            path: folder.to_path_buf(),
            source,
        })?;
        Ok(Self {
            folder,
            manifest,
            language,
        })
    }

    /// Where [`crate::build`] leaves the component.
    pub fn component(&self) -> PathBuf {
        component_in(&self.folder, &self.manifest)
    }

    /// Where [`crate::build`] leaves a copy of the manifest.
    pub fn manifest_copy(&self) -> PathBuf {
        let name = format!("{}.toml", self.manifest.name);
        self.folder.join(BUILD).join(name)
    }

    /// Where the steps of a build leave what the next one needs.
    pub(crate) fn intermediate(&self) -> PathBuf {
        self.folder.join(BUILD).join("intermediate")
    }
}

/// The manifest's file in the folder of a project.
///
/// # Errors
/// There is none.
pub(crate) fn find_manifest(folder: &Path) -> Result<PathBuf, AuthorError> {
    let path = folder.join(MANIFEST_FILE);
    match path.is_file() {
        true => Ok(path),
        false => Err(AuthorError::Project(format!(
            "{} has no {MANIFEST_FILE}: `narthex plugin new` writes a project to begin with",
            folder.display()
        ))),
    }
}

/// Reads a manifest.
///
/// # Errors
/// It cannot be read, or is wrong.
pub(crate) fn read_manifest(path: &Path) -> Result<Manifest, AuthorError> {
    Manifest::parse(&file::read_text(path)?)
        .map_err(|error| AuthorError::Project(format!("{}: {error}", path.display())))
}

/// Where the component is in the folder of a project, once it is built.
pub(crate) fn component_in(folder: &Path, manifest: &Manifest) -> PathBuf {
    folder.join(BUILD).join(format!("{}.wasm", manifest.name))
}
