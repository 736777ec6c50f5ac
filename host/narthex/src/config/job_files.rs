//! `scrape_config_files`: jobs that stand in files of their own.
//!
//! It is not: a reader of the main file. A pattern may have wildcards in its last part alone, as in
//! Prometheus; files that match are taken in the order of their names, and a pattern that nothing
//! matches is no fault.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::sections::Job;
use super::{ConfigError, read_file};
use crate::yaml::{self, Fault, YamlError};

/// So many files may be named; more are refused.
const FILES_MAX: usize = 10_000;

/// A file with jobs.
#[derive(Debug)]
pub(super) struct JobFile {
    /// Its name.
    pub(super) name: String,
    /// What it says.
    pub(super) text: String,
    /// The jobs in it.
    pub(super) jobs: Vec<Job>,
}

/// All that such a file may have.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct JobSections {
    scrape_configs: Vec<Job>,
}

/// Reads the files; relative patterns are meant from `folder`.
///
/// # Errors
/// A pattern is none, or a file cannot be read.
pub(super) fn read(
    main_file: &str,
    patterns: &[String],
    folder: &Path,
) -> Result<Vec<JobFile>, ConfigError> {
    let mut files = Vec::new();
    for pattern in patterns {
        let found = matching(&folder.join(pattern)).map_err(|message| {
            ConfigError::Parse(YamlError {
                file: main_file.to_owned(),
                faults: vec![Fault::new("", None, format!("{message}: {pattern:?}"))],
            })
        })?;
        for path in found {
            let name = path.display().to_string();
            let text = read_file(&path)?;
            let sections: JobSections = yaml::read(&text, &name).map_err(ConfigError::Parse)?;
            files.push(JobFile {
                name,
                text,
                jobs: sections.scrape_configs,
            });
        }
    }
    Ok(files)
}

/// The files that a pattern means.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, String> {
    let invalid = || "invalid scrape config file path".to_owned();
    let last = pattern.file_name().and_then(|name| name.to_str());
    let last = last.ok_or_else(invalid)?;
    let folder = pattern.parent().unwrap_or(Path::new(""));
    if has_wildcard(&folder.display().to_string()) {
        return Err(invalid());
    }
    if !has_wildcard(last) {
        return Ok(Vec::from_iter(
            pattern.exists().then(|| pattern.to_path_buf()),
        ));
    }
    let listed = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let Ok(entries) = std::fs::read_dir(listed) else {
        return Ok(Vec::new());
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_match(last, name))
        .take(FILES_MAX + 1)
        .collect();
    if names.len() > FILES_MAX {
        return Err(format!("more than {FILES_MAX} files"));
    }
    names.sort_unstable();
    Ok(names.iter().map(|name| folder.join(name)).collect())
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Whether a name is what `*` (any text) and `?` (one character) stand for.
fn is_match(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), name.chars().collect());
    // Where the last `*` was and how much of the name it stands for: it is the only place to which
    // it is worth to go back.
    let mut star: Option<(usize, usize)> = None;
    let (mut at, mut read) = (0, 0);
    while read < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(c) if *c == '?' || *c == name[read] => {
                at += 1;
                read += 1;
            }
            _ => match star {
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    at = star_at + 1;
                    read = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_a_question_mark_one_character() {
        for (pattern, name, expected) in [
            ("*.yml", "a.yml", true),
            ("*.yml", ".yml", true),
            ("*.yml", "a.yaml", false),
            ("a*b*c", "axxbyybc", true),
            ("a*b*c", "axxbyyb", false),
            ("?.yml", "ü.yml", true),
            ("?.yml", "ab.yml", false),
            ("*", "", true),
            ("", "a", false),
        ] {
            assert_eq!(is_match(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn only_the_last_part_of_a_path_may_have_a_wildcard() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yml", "a.yml", "c.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = |pattern: &str| {
            let found = matching(&folder.path().join(pattern))?;
            let names = found
                .iter()
                .map(|path| path.file_name().unwrap().to_str().unwrap());
            Ok::<_, String>(names.map(str::to_owned).collect::<Vec<_>>())
        };
        assert_eq!(found("*.yml").unwrap(), ["a.yml", "b.yml"]);
        assert_eq!(found("c.txt").unwrap(), ["c.txt"]);
        assert!(found("d.txt").unwrap().is_empty());
        assert!(found("no/*.yml").unwrap().is_empty());
        assert_eq!(
            found("*/a.yml").unwrap_err(),
            "invalid scrape config file path"
        );
    }
}
