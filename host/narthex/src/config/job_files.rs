//! `scrape_config_files`: jobs that stand in files of their own.
//!
//! It is not: a reader of the main file. A pattern may have wildcards in its last part alone, as in
//! Prometheus; files that match are taken in the order of their names, and a pattern that nothing
//! matches is no fault.

use std::path::{Path, PathBuf};

use narthex_scrape::config::ScrapeConfig;
use serde::Deserialize;

use super::read::take_absent;
use super::read_file;
use crate::yaml::{Document, Fault};

/// So many files may be named; more are refused.
const FILES_MAX: usize = 10_000;

/// All that such a file may have.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct JobSections {
    scrape_configs: Vec<ScrapeConfig>,
}

/// Reads the files that the main one names, each with its jobs; relative patterns are meant from
/// `folder`. What is wrong with a pattern or with a file that is no YAML is written down in the
/// main file, the rest in the file itself.
pub(super) fn read(
    main: &mut Document,
    patterns: &[String],
    folder: &Path,
    missing: &mut Vec<Fault>,
) -> Vec<(Document, Vec<ScrapeConfig>)> {
    let mut files = Vec::new();
    for (at, pattern) in patterns.iter().enumerate() {
        let found = matching(&folder.join(pattern)).unwrap_or_else(|message| {
            let pointer = format!("/scrape_config_files/{at}");
            main.fault(&pointer, format!("{message}: {pattern:?}"));
            Vec::new()
        });
        for path in found {
            let name = path.display().to_string();
            let text = match read_file(&path) {
                Ok(text) => text,
                Err(error) => {
                    main.fault(&format!("/scrape_config_files/{at}"), error.to_string());
                    continue;
                }
            };
            let mut document = match Document::parse(&text, &name) {
                Ok(document) => document,
                Err(error) => {
                    let faults = error.faults.into_iter();
                    faults.for_each(|fault| main.push(fault.in_file(&name)));
                    continue;
                }
            };
            let mut absent = Vec::new();
            take_absent(&mut document, &mut absent);
            missing.extend(absent.into_iter().map(|fault| fault.in_file(&name)));
            let sections = document.read::<JobSections>().unwrap_or_default();
            files.push((document, sections.scrape_configs));
        }
    }
    files
}

/// Whether a text may name files: wildcards stand in its last part alone.
pub(super) fn is_pattern(pattern: &str) -> bool {
    match pattern.split_once('*') {
        Some((_, behind)) => !behind.contains('/'),
        None => true,
    }
}

/// The files that a pattern means.
pub(crate) fn matching(pattern: &Path) -> Result<Vec<PathBuf>, String> {
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
        return Err(format!("more than {FILES_MAX} files match"));
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
