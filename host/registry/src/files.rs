//! The files that travel with a component: what a manifest says of them, and which names they
//! may have.
//!
//! It is not: what the files hold.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// The longest path of a file in a package, in bytes.
pub const TITLE_BYTES_MAX: usize = 255;

/// So many rule files, and so many dashboards, a package has at most.
pub const FILES_MAX: usize = 32;

/// The section `files` of a manifest: paths from the manifest's folder, with `/`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PackagedFiles {
    /// A scrape config to begin with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scrape: Option<String>,
    /// Recording and alerting rules.
    pub rules: Vec<String>,
    /// Dashboards.
    pub dashboards: Vec<String>,
}

impl PackagedFiles {
    /// All paths, in the order in which a package holds them.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let lists = self.rules.iter().chain(&self.dashboards);
        self.scrape.iter().chain(lists).map(String::as_str)
    }

    /// Whether the paths stay inside the folder, are different from each other on every file
    /// system, and are not too many.
    ///
    /// # Errors
    /// What is wrong with which path.
    pub fn check(&self) -> Result<(), String> {
        if self.rules.len() > FILES_MAX || self.dashboards.len() > FILES_MAX {
            return Err(format!("files: more than {FILES_MAX} of a kind"));
        }
        let mut seen = BTreeSet::new();
        for path in self.paths() {
            check_title(path)?;
            // Where file systems do not tell cases apart, one would be written over the other.
            if !seen.insert(path.to_lowercase()) {
                return Err(format!("file {path:?} is there twice (in any case)"));
            }
        }
        Ok(())
    }
}

/// Whether a name from a package can be a path below a folder: plain parts of letters, digits,
/// `.`, `-` and `_`, with `/` between them, and none that begins with a dot.
///
/// # Errors
/// What is wrong with it.
pub fn check_title(path: &str) -> Result<(), String> {
    if path.len() > TITLE_BYTES_MAX {
        return Err(format!("file name of over {TITLE_BYTES_MAX} bytes"));
    }
    let is_plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    match path.split('/').all(is_plain) {
        true => Ok(()),
        false => Err(format!(
            "file {path:?} is not a relative path of letters, digits, '.', '-', '_' and '/'"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(paths: &[&str]) -> Result<(), String> {
        let files = PackagedFiles {
            rules: paths.iter().map(ToString::to_string).collect(),
            ..PackagedFiles::default()
        };
        files.check()
    }

    #[test]
    fn plain_relative_paths_are_taken() {
        check(&["rules.yml", "more/rules_2.yml", "a-b.c"]).unwrap();
    }

    #[test]
    fn what_could_leave_the_folder_or_hide_another_file_is_refused() {
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a/..",
            "./a",
            "a//b",
            "a/",
            ".ssh",
            "a\\b",
            "a\0b",
            "C:x",
            "a b",
            "\u{202e}a",
        ] {
            let error = check(&[path]).unwrap_err();
            assert!(
                error.contains("is not a relative path"),
                "{path:?}: {error}"
            );
        }
        assert!(check(&["a.yml", "A.yml"]).unwrap_err().contains("twice"));
        assert!(check(&["x"; 33]).unwrap_err().contains("more than 32"));
        assert!(check(&[&"x".repeat(256)]).unwrap_err().contains("255"));
    }
}
