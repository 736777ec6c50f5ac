//! Target groups in files, of `file_sd_configs`.
//!
//! Prometheus is told of changes by the system; here the files are looked at every few seconds,
//! which is as often as a job takes new targets over, and works on every file system.

mod pattern;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::pattern::Pattern;
use crate::file_metrics::EntryMetrics;
use crate::{Discoverer, FileSdConfig, KnownGroups, RefreshMetrics, Refreshes, TargetGroup};

/// A file may be this large; a larger one is a read error.
pub const FILE_BYTES_MAX: u64 = 64 << 20;

/// So many files of one entry are read; those behind are left out, which is logged as an error.
const FILES_MAX: usize = 10_000;

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// What finds targets in files.
const MECHANISM: &str = "file";

/// The label with the name of the file.
const PATH_LABEL: &str = "__meta_filepath";

/// Reads YAML, which this crate does not: its owner lends it. Nothing at all is an empty list.
pub type ReadYaml = fn(&str) -> Result<Vec<Option<FileGroup>>, String>;

/// Reads the files of one entry.
pub struct FileDiscoverer {
    files: Arc<Files>,
    refreshes: Refreshes,
}

/// The files of one entry, for the threads that may wait for a disk.
struct Files {
    config: FileSdConfig,
    read_yaml: ReadYaml,
    metrics: EntryMetrics,
}

/// What one file was when it was read last, and what it said.
#[derive(Default)]
struct Known {
    stamp: Option<Stamp>,
    groups: Vec<TargetGroup>,
}

/// What tells a file from what it was before.
type Stamp = (u64, i64, i64, u64);

/// A group as it is written in a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FileGroup {
    /// The addresses.
    pub targets: Vec<String>,
    /// Labels of all of them.
    pub labels: BTreeMap<String, String>,
}

impl FileDiscoverer {
    /// Reads what the entry names; relative names are the process'. `name` is the discoverer's,
    /// `JOB/file/0`.
    pub fn new(
        config: &FileSdConfig,
        name: &str,
        read_yaml: ReadYaml,
        metrics: &RefreshMetrics,
    ) -> Arc<Self> {
        let files = Files {
            config: config.clone(),
            read_yaml,
            metrics: metrics.files(),
        };
        Arc::new(Self {
            files: Arc::new(files),
            refreshes: metrics.of(MECHANISM, name),
        })
    }
}

impl Files {
    /// Reads the files that have changed, or all of them, and says whether there may be news in
    /// them. A file that cannot be read keeps what it said before.
    fn read(&self, known: &mut BTreeMap<PathBuf, Known>, all: bool) -> bool {
        let mut has_news = false;
        let mut before = std::mem::take(known);
        let paths = self.paths(all);
        let names = paths.iter().map(|path| path.display().to_string());
        self.metrics.keep(&names.collect::<BTreeSet<_>>());
        for path in paths {
            let mut file = before.remove(&path).unwrap_or_default();
            let stamp = std::fs::metadata(&path).ok().map(|found| stamp(&found));
            if all || stamp.is_none() || stamp != file.stamp {
                match self.groups(&path) {
                    Ok(groups) => {
                        file.groups = groups;
                        has_news = true;
                        if let Some(stamp) = stamp {
                            let name = path.display().to_string();
                            self.metrics.set_time(name, changed_s(stamp));
                        }
                    }
                    // What stays as it is was said the first time.
                    Err(error) if all || stamp != file.stamp => {
                        self.metrics.read_errors.inc();
                        let path = path.display();
                        tracing::error!(%path, error, "error reading file");
                    }
                    Err(_) => {}
                }
                file.stamp = stamp;
            }
            known.insert(path, file);
        }
        // What is left is gone.
        has_news || !before.is_empty()
    }

    /// The files that the patterns stand for, in their order. What is wrong is told where all is read,
    /// and not each time that the files are looked at.
    fn paths(&self, all: bool) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for pattern in &self.config.files {
            match expand(Path::new(pattern)) {
                Ok(found) => paths.extend(found),
                Err(error) if all => {
                    tracing::error!(pattern, %error, "error expanding a pattern");
                }
                Err(_) => {}
            }
        }
        // A file that two patterns stand for is read once.
        let mut listed = BTreeSet::new();
        paths.retain(|path| listed.insert(path.clone()));
        if paths.len() > FILES_MAX {
            let left_out = paths.len() - FILES_MAX;
            if all {
                tracing::error!(left_out, "files were left out: there are too many");
            }
            paths.truncate(FILES_MAX);
        }
        paths
    }

    fn groups(&self, path: &Path) -> Result<Vec<TargetGroup>, String> {
        let text = read_bounded(path).map_err(|error| error.to_string())?;
        let is_json = path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
        let written = match is_json {
            true => read_json(&text)?,
            false => (self.read_yaml)(&text)?,
        };
        let path = path.display().to_string();
        let groups = written.into_iter().enumerate();
        groups
            .map(|(index, group)| {
                let group = group.ok_or("nil target group item found")?;
                let source = format!("{path}:{index}");
                let mut group = TargetGroup::of_addresses(&source, &group.targets, group.labels);
                group.labels.insert(PATH_LABEL.to_owned(), path.clone());
                Ok(group)
            })
            .collect()
    }
}

#[async_trait]
impl Discoverer for FileDiscoverer {
    async fn run(&self, sender: mpsc::Sender<Vec<TargetGroup>>) {
        let (mut files, mut known, mut is_first) = (BTreeMap::new(), KnownGroups::default(), true);
        let mut read_all_at = Instant::now();
        loop {
            let start = Instant::now();
            let all = start >= read_all_at;
            if all {
                read_all_at = start + self.files.config.refresh_interval.as_std();
            }
            let reader = Arc::clone(&self.files);
            // A folder may be large or far away, and nobody's scrape should wait for it.
            let read = tokio::task::spawn_blocking(move || {
                let has_news = reader.read(&mut files, all);
                (files, has_news)
            });
            let Ok((read, has_news)) = read.await else {
                tracing::error!("reading files panicked: nothing new is found in them any more");
                return;
            };
            files = read;
            if all {
                self.refreshes.observe(start.elapsed(), false);
                let took_s = start.elapsed().as_secs_f64();
                self.files.metrics.scan_duration.observe(took_s);
            }
            let news = match is_first || has_news {
                true => {
                    let groups = files.values().flat_map(|file: &Known| file.groups.clone());
                    known.changes(groups.collect())
                }
                false => Vec::new(),
            };
            if (is_first || !news.is_empty()) && sender.send(news).await.is_err() {
                return;
            }
            is_first = false;
            tokio::select! {
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
                () = sender.closed() => return,
            }
        }
    }
}

fn read_json(text: &str) -> Result<Vec<Option<FileGroup>>, String> {
    let read: Result<Option<_>, _> = serde_json::from_str(text);
    read.map(Option::unwrap_or_default)
        .map_err(|error| error.to_string())
}

fn stamp(found: &Metadata) -> Stamp {
    (found.ino(), found.mtime(), found.mtime_nsec(), found.size())
}

/// When a file was changed, in seconds since the epoch.
fn changed_s((_, seconds, nanoseconds, _): Stamp) -> f64 {
    seconds as f64 + nanoseconds as f64 / 1e9
}

fn read_bounded(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = File::open(path)?;
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(std::io::ErrorKind::FileTooLarge.into());
    }
    Ok(text)
}

/// The files that a path with a pattern as its last part stands for, by name; of one without it,
/// the file, if it is there.
fn expand(pattern: &Path) -> std::io::Result<Vec<PathBuf>> {
    let name = pattern.file_name().and_then(|name| name.to_str());
    let Some(name) = name.filter(|name| Pattern::is_meant(name)) else {
        return Ok(Vec::from_iter(
            pattern.exists().then(|| pattern.to_path_buf()),
        ));
    };
    let wrong = || std::io::Error::new(std::io::ErrorKind::InvalidInput, "syntax error in pattern");
    let read = Pattern::read(name).ok_or_else(wrong)?;
    let folder = pattern.parent().unwrap_or(Path::new(""));
    let listed = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let entries = match std::fs::read_dir(listed) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| read.matches(name))
        .take(FILES_MAX + 1)
        .collect();
    names.sort_unstable();
    Ok(names.iter().map(|name| folder.join(name)).collect())
}

#[cfg(test)]
mod tests;
