//! A plugin's project: its folder, what its manifest says, its language.

use std::path::{Path, PathBuf};

use narthex_registry::Manifest;

use crate::{AuthorError, Language, file};

/// The manifest of a project.
pub(crate) const MANIFEST: &str = "plugin.toml";

/// Where a project has the SDK that its template came with.
pub(crate) const SDK: &str = "narthex-sdk";

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
        let path = folder.join(MANIFEST);
        if !path.is_file() {
            return Err(AuthorError::Project(format!(
                "{} has no plugin.toml: `narthex plugin new` writes a project to begin with",
                folder.display()
            )));
        }
        let manifest = Manifest::parse(&file::read_text(&path)?)
            .map_err(|error| AuthorError::Project(format!("{}: {error}", path.display())))?;
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
        let name = format!("{}.wasm", self.manifest.name);
        self.folder.join("build").join(name)
    }

    /// Where [`crate::build`] leaves a copy of the manifest.
    pub fn manifest_copy(&self) -> PathBuf {
        let name = format!("{}.toml", self.manifest.name);
        self.folder.join("build").join(name)
    }

    /// Where the steps of a build leave what the next one needs.
    pub(crate) fn intermediate(&self) -> PathBuf {
        self.folder.join("build").join("intermediate")
    }
}
