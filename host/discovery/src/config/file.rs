//! `file_sd_configs`: target groups in files.

use narthex_model::PromDuration;
use serde::{Deserialize, Serialize};

/// How the names of files may end.
const ENDINGS: [&str; 3] = ["json", "yml", "yaml"];

/// One entry of `file_sd_configs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileSdConfig {
    /// The files; `*`, `?` and ranges such as `[0-9]` may stand in the last part of a path.
    pub files: Vec<String>,
    /// How often they are read at least; they are also read when they change.
    pub refresh_interval: PromDuration,
}

impl Default for FileSdConfig {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            refresh_interval: PromDuration::from_secs(5 * 60),
        }
    }
}

impl FileSdConfig {
    pub(super) fn faults(&self) -> Vec<String> {
        if self.files.is_empty() {
            let text = "file service discovery config must contain at least one path name";
            return vec![text.to_owned()];
        }
        let wrong = self.files.iter().filter(|name| !is_valid(name));
        wrong
            .map(|name| format!("path name {name:?} is not valid for file discovery"))
            .collect()
    }
}

/// One `*` at most, in the last part and before its ending.
fn is_valid(name: &str) -> bool {
    let Some((stem, ending)) = name.rsplit_once('.') else {
        return false;
    };
    let is_upper = ending.chars().all(char::is_uppercase);
    let lower = ending.to_ascii_lowercase();
    let ending = if is_upper { &lower } else { ending };
    let has_one_star = match stem.split_once('*') {
        None => true,
        Some((_, rest)) => !rest.contains('/'),
    };
    ENDINGS.contains(&ending) && has_one_star
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files() {
        for (name, expected) in [
            ("a.json", true),
            ("/etc/a*.yml", true),
            ("*.YAML", true),
            ("a/*b*.yml", true),
            ("a.Json", false),
            ("a.txt", false),
            ("json", false),
            ("*/a.json", false),
            ("a.json.bak", false),
        ] {
            assert_eq!(is_valid(name), expected, "{name}");
        }
    }
}
