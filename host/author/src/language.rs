//! The languages that there is an SDK for.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::AuthorError;
use crate::embedded::{self, EmbeddedFile};

/// A language that plugins are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Compiled by cargo.
    Rust,
    /// Compiled by Go's own compiler.
    Go,
    /// Packed with its interpreter by componentize-py.
    Python,
    /// Packed with its interpreter by componentize-qjs.
    JavaScript,
    /// Compiled by zig or clang.
    C,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Rust,
        Self::Go,
        Self::Python,
        Self::JavaScript,
        Self::C,
    ];

    /// As it is written on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Go => "go",
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::C => "c",
        }
    }

    /// The language of a project, by the file that every project of that language has:
    /// `Cargo.toml`, `go.mod`, `app.py`, `app.js`; without any of these, a `.c` file.
    ///
    /// # Errors
    /// There is no such file, or there are two.
    pub fn of_project(folder: &Path) -> Result<Self, AuthorError> {
        let marks = [
            ("Cargo.toml", Self::Rust),
            ("go.mod", Self::Go),
            ("app.py", Self::Python),
            ("app.js", Self::JavaScript),
        ];
        let found: Vec<_> = marks
            .into_iter()
            .filter(|(file, _)| folder.join(file).is_file())
            .collect();
        match found[..] {
            [(_, language)] => Ok(language),
            [] if !c_sources(folder).is_empty() => Ok(Self::C),
            [] => Err(AuthorError::Project(format!(
                "{} is a plugin in no language that is known: it has no Cargo.toml, go.mod, \
                 app.py, app.js or .c file",
                folder.display()
            ))),
            [(one, _), (other, _), ..] => Err(AuthorError::Project(format!(
                "{} has both {one} and {other}: a plugin is written in one language",
                folder.display()
            ))),
        }
    }

    pub(crate) fn sdk(self) -> &'static [EmbeddedFile] {
        match self {
            Self::Rust => embedded::RUST_SDK,
            Self::Go => embedded::GO_SDK,
            Self::Python => embedded::PYTHON_SDK,
            Self::JavaScript => embedded::JAVASCRIPT_SDK,
            Self::C => embedded::C_SDK,
        }
    }

    pub(crate) fn template(self) -> &'static [EmbeddedFile] {
        match self {
            Self::Rust => embedded::RUST_TEMPLATE,
            Self::Go => embedded::GO_TEMPLATE,
            Self::Python => embedded::PYTHON_TEMPLATE,
            Self::JavaScript => embedded::JAVASCRIPT_TEMPLATE,
            Self::C => embedded::C_TEMPLATE,
        }
    }
}

/// The C files of a project: those in its folder and in `src`, but not tests. Sorted.
pub(crate) fn c_sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for folder in [folder.to_path_buf(), folder.join("src")] {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        found.extend(entries.map(|entry| entry.path()).filter(|path| {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            path.extension().is_some_and(|extension| extension == "c")
                && name != "test"
                && !name.ends_with("_test")
        }));
    }
    found.sort();
    found
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == text);
        known.ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("{text:?} is none of {names}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_known_by_its_files() {
        for (files, expected) in [
            (&["Cargo.toml"][..], Ok(Language::Rust)),
            (&["go.mod", "main.go"], Ok(Language::Go)),
            (&["app.py", "requirements.txt"], Ok(Language::Python)),
            (&["app.js", "package.json"], Ok(Language::JavaScript)),
            (&["plugin.c"], Ok(Language::C)),
            (&["src/plugin.c"], Ok(Language::C)),
            (&["go.mod", "bridge.c"], Ok(Language::Go)),
            (&["plugin_test.c"], Err("in no language")),
            (&["README.md"], Err("in no language")),
            (&["Cargo.toml", "app.py"], Err("both Cargo.toml and app.py")),
        ] {
            let folder = tempfile::tempdir().unwrap();
            for file in files {
                crate::file::write(&folder.path().join(file), "").unwrap();
            }
            match (Language::of_project(folder.path()), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{files:?}"),
                (Err(error), Err(part)) => {
                    assert!(error.to_string().contains(part), "{files:?}: {error}");
                }
                (found, _) => panic!("{files:?}: {found:?}"),
            }
        }
    }

    #[test]
    fn names_read_as_they_print() {
        for language in Language::ALL {
            assert_eq!(language.to_string().parse(), Ok(language));
        }
        assert!("cobol".parse::<Language>().is_err());
    }
}
