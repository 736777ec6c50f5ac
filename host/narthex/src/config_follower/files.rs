//! The files that make up a config, told from what they were by their contents.
//!
//! It is not: a reader of configs. Of a file only the names of others are read here. What is mounted
//! is exchanged by swapping a link, which changes neither the name nor, at times, the age of a file;
//! so the contents decide.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use md5::{Digest as _, Md5};
use serde::Deserialize;
use tokio::time::{Interval, MissedTickBehavior};

use crate::config;
use crate::yaml::{self, UnknownFields};

/// What files hold; equal ones hold the same.
type Checksum = [u8; 16];

/// The files of a config, looked at from time to time.
#[derive(Debug)]
pub(super) struct FollowedFiles {
    files: Arc<Mutex<Vec<MainFile>>>,
    /// As they were when the config was taken last, or was refused.
    known: Checksum,
    interval: Interval,
}

/// A file that names others.
#[derive(Debug)]
struct MainFile {
    path: PathBuf,
    /// What it held when the others were read from it.
    text: Option<Checksum>,
    others: Vec<PathBuf>,
}

/// Where a file names others, from its own folder on: the server's config and the Alertmanager's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Others {
    rule_files: Vec<String>,
    scrape_config_files: Vec<String>,
    templates: Vec<String>,
}

impl FollowedFiles {
    /// Follows these files, and those that they name, from what they hold now. Has to be called
    /// within tokio.
    pub(super) async fn start(files: Vec<PathBuf>, every: Duration) -> Self {
        let files = files.into_iter().map(|path| MainFile {
            path,
            text: None,
            others: Vec::new(),
        });
        let mut interval = tokio::time::interval(every);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut followed = Self {
            files: Arc::new(Mutex::new(files.collect())),
            known: Checksum::default(),
            interval,
        };
        followed.note().await;
        followed
    }

    /// Waits until it is time to look again. Nothing is lost where the caller does not wait for it.
    pub(super) async fn turn(&mut self) {
        self.interval.tick().await;
    }

    /// Whether the files hold anything else than what was noted last.
    pub(super) async fn is_changed(&self) -> bool {
        self.checksum().await != self.known
    }

    /// Takes note of what the files hold now.
    pub(super) async fn note(&mut self) {
        self.known = self.checksum().await;
    }

    async fn checksum(&self) -> Checksum {
        let files = Arc::clone(&self.files);
        let read = tokio::task::spawn_blocking(move || {
            let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
            checksum(&mut files)
        });
        // A reading that panicked says nothing new.
        read.await.unwrap_or(self.known)
    }
}

fn checksum(files: &mut [MainFile]) -> Checksum {
    let mut hash = Md5::new();
    for file in files {
        let text = add(&mut hash, &file.path);
        let now = text.as_ref().map(|text| Checksum::from(Md5::digest(text)));
        if now != file.text || text.is_none() {
            file.others = text.map_or_else(Vec::new, |text| others(&text, &file.path));
            file.text = now;
        }
        for pattern in &file.others {
            // A pattern that means nothing is a fault that a reload tells of.
            for path in config::matching(pattern).unwrap_or_default() {
                add(&mut hash, &path);
            }
        }
    }
    hash.finalize().into()
}

/// Adds a file with its name; returns what it holds, where it can be read.
fn add(hash: &mut Md5, path: &Path) -> Option<String> {
    let name = path.display().to_string();
    let text = yaml::read_text(path).ok();
    for part in [Some(&name), text.as_ref()] {
        // With the length before it nothing can be moved from one to the next.
        let length = part.map_or(u64::MAX, |part| part.len() as u64);
        hash.update(length.to_be_bytes());
        hash.update(part.map_or("", String::as_str));
    }
    text
}

/// The files that one names. One that is broken names none, and is another when it is not.
fn others(text: &str, path: &Path) -> Vec<PathBuf> {
    let name = path.display().to_string();
    let read = yaml::read_with::<Others>(text, &name, UnknownFields::Ignored);
    let Others {
        rule_files,
        scrape_config_files,
        templates,
    } = read.unwrap_or_default();
    let folder = path.parent().unwrap_or(Path::new(""));
    let all = [rule_files, scrape_config_files, templates].concat();
    all.iter().map(|pattern| folder.join(pattern)).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    async fn followed(folder: &Path) -> FollowedFiles {
        let file = folder.join("prometheus.yml");
        FollowedFiles::start(vec![file], Duration::from_secs(1)).await
    }

    #[tokio::test]
    async fn what_the_config_names_is_followed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        let config = "rule_files: [r-*.yml]\nscrape_config_files: [jobs.yml]\nglobal: {}\n";
        write("prometheus.yml", config);
        let mut files = followed(folder.path()).await;
        assert!(!files.is_changed().await);
        let steps = [
            ("r-1.yml", "groups: []", true),
            ("r-1.yml", "groups: []", false),
            ("r-1.yml", "groups:", true),
            ("jobs.yml", "scrape_configs: []", true),
            ("other.yml", "a: b", false),
            ("prometheus.yml", "rule_files: [", true),
            // Nobody knows of it while the config is broken.
            ("r-1.yml", "groups: [1]", false),
            ("prometheus.yml", config, true),
            ("r-1.yml", "groups: [2]", true),
        ];
        for (name, text, expected) in steps {
            write(name, text);
            assert_eq!(files.is_changed().await, expected, "{name}: {text}");
            files.note().await;
        }
        std::fs::remove_file(folder.path().join("r-1.yml")).unwrap();
        assert!(files.is_changed().await);
    }

    #[tokio::test]
    async fn a_swapped_link_is_seen_and_one_to_the_same_is_not() {
        let mount = tempfile::tempdir().unwrap();
        // As the kubelet does: the files are links through a link that is exchanged.
        let point = |version: &str, text: &str| {
            let folder = mount.path().join(version);
            std::fs::create_dir(&folder).unwrap();
            std::fs::write(folder.join("prometheus.yml"), text).unwrap();
            let next = mount.path().join("..data_tmp");
            symlink(version, &next).unwrap();
            std::fs::rename(next, mount.path().join("..data")).unwrap();
        };
        point("..1", "global: {}\n");
        symlink("..data/prometheus.yml", mount.path().join("prometheus.yml")).unwrap();
        let mut files = followed(mount.path()).await;
        point("..2", "global: {}\n");
        assert!(!files.is_changed().await);
        point("..3", "global: {scrape_interval: 5s}\n");
        assert!(files.is_changed().await);
        files.note().await;
        assert!(!files.is_changed().await);
    }
}
