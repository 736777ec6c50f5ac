//! A project to begin with: a small plugin that works, and the SDK of this version beside it.
//!
//! The templates are folders of `sdk/`: what lies in `template` itself is every world's, what
//! lies in `template/exporter`, `template/discovery` or `template/receiver` is that world's. Two
//! texts in them stand for something: `{{name}}` is the plugin's name, `{{identifier}}` the same
//! with `_` for `-`, as metrics are named.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::embedded::{self, EmbeddedFile};
use crate::project::SDK;
use crate::{AuthorError, Language, file};

/// What a new project's README says, where its template has none of its own.
const README: &str = include_str!("scaffold/README.md");

/// What git is not to keep.
const IGNORED: &str = "/build/\n/target/\n/node_modules/\n__pycache__/\n";

/// What a plugin does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// Reads targets.
    Exporter,
    /// Finds targets.
    Discovery,
    /// Delivers notifications.
    Receiver,
}

impl World {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Exporter, Self::Discovery, Self::Receiver];

    /// As a manifest has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exporter => "exporter",
            Self::Discovery => "discovery",
            Self::Receiver => "receiver",
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for World {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == text);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("{text:?} is none of {names}")
        })
    }
}

/// A project that is to be.
#[derive(Debug, Clone)]
pub struct Scaffold {
    /// The plugin's name.
    pub name: String,
    /// What it is written in.
    pub language: Language,
    /// What it does.
    pub world: World,
}

impl Scaffold {
    /// Writes the project.
    ///
    /// # Errors
    /// The name is none, the folder has something in it, or it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), AuthorError> {
        if !narthex_registry::is_name(&self.name) {
            return Err(AuthorError::Project(format!(
                "{:?} cannot name a plugin: lower-case letters, digits and '-', beginning with a \
                 letter",
                self.name
            )));
        }
        if narthex_registry::RESERVED_NAMES.contains(&self.name.as_str()) {
            return Err(AuthorError::Project(format!(
                "{:?} cannot name a plugin: the API has a path of that name",
                self.name
            )));
        }
        if is_occupied(folder) {
            return Err(AuthorError::Project(format!(
                "{} has something in it already",
                folder.display()
            )));
        }
        let files = of_world(self.language.template(), self.world);
        if files.is_empty() {
            return Err(AuthorError::Project(format!(
                "there is no template of a {} in {} yet",
                self.world, self.language
            )));
        }
        file::write(&folder.join("README.md"), self.fill(README))?;
        file::write(&folder.join(".gitignore"), IGNORED)?;
        for (path, content) in files {
            // What is not text has no placeholders.
            let path = folder.join(path);
            match std::str::from_utf8(content) {
                Ok(text) => file::write(&path, self.fill(text))?,
                Err(_) => file::write(&path, content)?,
            }
        }
        if self.language == Language::Rust {
            file::write(&folder.join("Cargo.lock"), embedded::RUST_LOCK)?;
        }
        embedded::write(self.language.sdk(), &folder.join(SDK))
    }

    fn fill(&self, text: &str) -> String {
        let (compiler, sources) = match self.language {
            Language::Rust => ("Rust from rustup", "src/lib.rs"),
            Language::Go => ("Go 1.24 or later", "main.go"),
            Language::Python => ("`pip install componentize-py`", "app.py"),
            Language::JavaScript => ("Node and `npm install componentize-qjs@0.4.5`", "app.js"),
            Language::C => ("zig, or `pip install ziglang`", "plugin.c"),
        };
        text.replace("{{name}}", &self.name)
            .replace("{{identifier}}", &self.name.replace('-', "_"))
            .replace("{{world}}", self.world.as_str())
            .replace("{{compiler}}", compiler)
            .replace("{{sources}}", sources)
    }
}

fn is_occupied(folder: &Path) -> bool {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => folder.exists(),
    }
}

/// The files of a template for a world, by their paths in the project. Empty: the template does
/// not have that world.
fn of_world(files: &'static [EmbeddedFile], world: World) -> Vec<(&'static str, &'static [u8])> {
    let folder_of = |path: &str| {
        let (folder, _) = path.split_once('/')?;
        World::ALL.into_iter().find(|w| w.as_str() == folder)
    };
    let has_folder = |world| files.iter().any(|f| folder_of(f.path) == Some(world));
    // A template without folders is an exporter's.
    let is_there =
        has_folder(world) || (world == World::Exporter && !World::ALL.into_iter().any(has_folder));
    if !is_there {
        return Vec::new();
    }
    let own = files.iter().filter_map(|file| match folder_of(file.path) {
        None => Some((file.path, file.content)),
        Some(of) if of == world => {
            let (_, path) = file.path.split_once('/')?;
            Some((path, file.content))
        }
        Some(_) => None,
    });
    own.collect()
}

#[cfg(test)]
mod tests;
