//! The files in which people keep what amtool shall take where no flag says it.
//!
//! It is not: what each of the values means, which those know who ask for it.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_yaml::Value;

use crate::yaml;

/// The home folder's files and those of the machine, amtool's own before those of Debian's amtool.
const IN_HOME: [&str; 2] = [".config/amtool/config.yml", ".config/prometheus/amtool.yml"];
const OF_MACHINE: [&str; 2] = ["/etc/amtool/config.yml", "/etc/prometheus/amtool.yml"];

/// Names of before, and what they are called now.
const OLD_NAMES: [(&str, &str); 1] = [("comment_required", "require-comment")];

/// Values by the names of amtool's flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Defaults(BTreeMap<String, String>);

impl Defaults {
    /// What the files of this user and of the machine say; the first that has a name counts.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub(super) fn load() -> anyhow::Result<Self> {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let in_home = home
            .iter()
            .flat_map(|home| IN_HOME.map(|file| home.join(file)));
        Self::of_files(in_home.chain(OF_MACHINE.map(PathBuf::from)))
    }

    fn of_files(files: impl IntoIterator<Item = PathBuf>) -> anyhow::Result<Self> {
        let mut defaults = Self::default();
        for path in files {
            match yaml::read_text(&path) {
                Ok(text) => defaults.add(&path, &text)?,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(error).with_context(|| path.display().to_string());
                }
            }
        }
        Ok(defaults)
    }

    fn add(&mut self, path: &Path, text: &str) -> anyhow::Result<()> {
        let read: Option<BTreeMap<String, Value>> =
            serde_yaml::from_str(text).with_context(|| path.display().to_string())?;
        let read = read.unwrap_or_default();
        for (name, value) in &read {
            let new = OLD_NAMES.iter().find(|(old, _)| old == name);
            let name = match new {
                Some((_, new)) if read.contains_key(*new) => continue,
                Some((_, new)) => *new,
                None => name.as_str(),
            };
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Bool(flag) => flag.to_string(),
                Value::Number(number) => number.to_string(),
                Value::Null => continue,
                _ => bail!("{}: {name} is no text", path.display()),
            };
            self.0.entry(name.to_owned()).or_insert(value);
        }
        Ok(())
    }

    /// The value of a flag, where a file has one.
    pub(super) fn get(&self, flag: &str) -> Option<&str> {
        self.0.get(flag).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_that_has_a_name_counts() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let first = write(
            "a.yml",
            "alertmanager.url: http://a\ncomment_required: false\ntimeout: 5s\nx:\n",
        );
        let second = write("b.yml", "alertmanager.url: http://b\nauthor: ada\n");
        let empty = write("empty.yml", "# nothing\n");
        let missing = folder.path().join("missing.yml");
        let defaults = Defaults::of_files([missing, empty, first, second]).unwrap();
        for (flag, value) in [
            ("alertmanager.url", Some("http://a")),
            ("author", Some("ada")),
            ("require-comment", Some("false")),
            ("timeout", Some("5s")),
            ("x", None),
            ("output", None),
        ] {
            assert_eq!(defaults.get(flag), value, "{flag}");
        }
    }

    #[test]
    fn a_name_of_before_goes_behind_the_new_one() {
        let mut defaults = Defaults::default();
        let text = "comment_required: true\nrequire-comment: false\n";
        defaults.add(Path::new("a.yml"), text).unwrap();
        assert_eq!(defaults.get("require-comment"), Some("false"));
    }

    #[test]
    fn a_file_that_is_none_is_an_error_with_its_name() {
        for text in ["a: [1]\n", "- a\n", "a: {b: c}\n"] {
            let mut defaults = Defaults::default();
            let error = defaults.add(Path::new("a.yml"), text).unwrap_err();
            assert!(error.to_string().contains("a.yml"), "{error}");
        }
    }
}
