//! The plugin folder: which plugins lie in it, and what changed since it was looked at last. A
//! plugin is a loose pair of files, `NAME.wasm` and `NAME.toml`, or an OCI layout in the folder
//! `NAME`; where both are, the pair counts.
//!
//! It is looked through twice a second rather than watched by inotify: that way it works on
//! every file system (network mounts, config maps), and a file that is renamed over another, or
//! rewritten in place, or replaced through a link, is noticed by the same few lines.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use narthex_registry::{
    COMPONENT_BYTES_MAX, INDEX_FILE, Layout, MANIFEST_BYTES_MAX, PluginDirectory, Trust,
    TrustPolicy, is_name,
};

use crate::artifact::Artifact;
use crate::cache::digest;
use crate::error::PluginError;
use crate::limits::{FOLDER_READS_MAX, FOLDER_SETTLED};

/// What is known of the folder.
#[derive(Debug, Default)]
pub(crate) struct Folder {
    path: PathBuf,
    trust: TrustPolicy,
    known: BTreeMap<String, Known>,
    /// Said once, not twice a second.
    is_unreadable: bool,
}

#[derive(Debug, Default)]
struct Known {
    files: [Option<Stamp>; 2],
    /// The digests of what was read last, or the error of reading it.
    content: Option<Result<[String; 2], PluginError>>,
    is_gone: bool,
}

/// What changes with a file's content, as a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Something that is different from the last look.
#[derive(Debug)]
pub(crate) enum Change {
    /// A plugin is new, or another version of it lies there.
    Found(Box<Artifact>),
    /// A plugin is there that cannot be read.
    Broken(String, PluginError),
    /// A plugin's component is gone.
    Gone(String),
}

impl Folder {
    /// A folder of plugins that these keys may have signed.
    pub(crate) fn new(path: PathBuf, trust: TrustPolicy) -> Self {
        Self {
            path,
            trust,
            ..Self::default()
        }
    }

    /// Makes the next look tell of a plugin again, changed or not.
    pub(crate) fn forget(&mut self, name: &str) {
        if let Some(known) = self.known.get_mut(name) {
            known.content = None;
        }
    }

    /// Where a plugin lies as a package, if it does.
    pub(crate) fn layout(&self, name: &str) -> Option<PathBuf> {
        let folder = self.path.join(name);
        let is_pair = self.path.join(format!("{name}.wasm")).exists();
        (is_name(name) && !is_pair && Layout::is_at(&folder)).then_some(folder)
    }

    /// Looks through the folder at a time of the system's clock. Reads files: not for a thread that serves requests.
    pub(crate) fn look(&mut self, now_ms: i64) -> Vec<Change> {
        let names = match names(&self.path) {
            Ok(names) => names,
            Err(error) => {
                if !std::mem::replace(&mut self.is_unreadable, true) {
                    let path = self.path.display();
                    tracing::warn!(%path, %error, "the plugin folder cannot be read");
                }
                return Vec::new();
            }
        };
        self.is_unreadable = false;
        let mut changes = Vec::new();
        for (name, known) in &mut self.known {
            if !names.contains(name) && !known.is_gone {
                *known = Known {
                    is_gone: true,
                    ..Known::default()
                };
                changes.push(Change::Gone(name.clone()));
            }
        }
        for name in names {
            let known = self.known.entry(name.clone()).or_default();
            changes.extend(known.look(&self.path, &name, &self.trust, now_ms));
        }
        changes
    }
}

impl Known {
    fn look(
        &mut self,
        folder: &Path,
        name: &str,
        trust: &TrustPolicy,
        now_ms: i64,
    ) -> Option<Change> {
        let places = Places::of(folder, name);
        let mut files = places.stamps();
        let is_settled = files.iter().flatten().all(|stamp| stamp.is_settled(now_ms));
        if self.files == files && is_settled && self.content.is_some() {
            return None;
        }
        self.is_gone = false;
        let mut read = places.read(name, trust);
        for _ in 1..FOLDER_READS_MAX {
            let after = places.stamps();
            if after == files {
                break;
            }
            // Half of it may be of the version before, and half of the one after.
            files = after;
            read = places.read(name, trust);
        }
        self.files = files;
        let content = match &read {
            Ok(artifact) => Ok([
                artifact.digest.clone(),
                digest(artifact.manifest.as_bytes()),
            ]),
            Err(error) => Err(error.clone()),
        };
        if self.content.as_ref() == Some(&content) {
            return None;
        }
        self.content = Some(content);
        Some(match read {
            Ok(artifact) => Change::Found(Box::new(artifact)),
            Err(error) => Change::Broken(name.to_owned(), error),
        })
    }
}

/// Where the files of a plugin are.
enum Places {
    Pair([PathBuf; 2]),
    Layout(PathBuf),
}

impl Places {
    fn of(folder: &Path, name: &str) -> Self {
        let pair = ["wasm", "toml"].map(|end| folder.join(format!("{name}.{end}")));
        match stamp(&pair[0]) {
            Some(_) => Self::Pair(pair),
            None => Self::Layout(folder.join(name)),
        }
    }

    fn stamps(&self) -> [Option<Stamp>; 2] {
        match self {
            Self::Pair([component, manifest]) => [stamp(component), stamp(manifest)],
            Self::Layout(folder) => [stamp(&folder.join(INDEX_FILE)), None],
        }
    }

    fn read(&self, name: &str, trust: &TrustPolicy) -> Result<Artifact, PluginError> {
        match self {
            Self::Pair(paths) => read_pair(name, paths, trust),
            Self::Layout(folder) => read_layout(name, folder, trust),
        }
    }
}

fn read_pair(
    name: &str,
    paths: &[PathBuf; 2],
    trust: &TrustPolicy,
) -> Result<Artifact, PluginError> {
    if trust.requires_signature() {
        return Err(PluginError::Untrusted(format!(
            "{name}.wasm is a loose file, which nobody can have signed, and \
             plugins.registry.require_signature is on"
        )));
    }
    let component = read(&paths[0], COMPONENT_BYTES_MAX)?;
    let manifest = read(&paths[1], MANIFEST_BYTES_MAX)?;
    let manifest =
        String::from_utf8(manifest).map_err(|_| PluginError::Manifest("not UTF-8".to_owned()))?;
    Ok(Artifact::from_directory(name, component, manifest))
}

/// Every digest is checked by the reading, the signatures here.
fn read_layout(name: &str, folder: &Path, trust: &TrustPolicy) -> Result<Artifact, PluginError> {
    let current = Layout::open(folder).and_then(|layout| layout.current());
    let current = current.map_err(|error| PluginError::File(error.to_string()))?;
    let trusted = trust.check(current.digest, &current.signatures);
    let signed_by = match trusted {
        Ok(Trust::Signed { key }) => Some(key),
        Ok(Trust::Unsigned) => None,
        Err(error) => return Err(PluginError::Untrusted(error.to_string())),
    };
    Ok(Artifact::from_package(name, current.package, signed_by))
}

impl Stamp {
    /// Whether the file's time is old enough for a further write to have changed it.
    fn is_settled(&self, now_ms: i64) -> bool {
        let (seconds, _) = self.modified.max(self.changed);
        let settled_ms = i64::try_from(FOLDER_SETTLED.as_millis()).unwrap_or(i64::MAX);
        // The next whole second: file systems may keep no finer time.
        now_ms
            > seconds
                .saturating_add(1)
                .saturating_mul(1000)
                .saturating_add(settled_ms)
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = fs::metadata(path).ok()?;
    Some(Stamp {
        inode: metadata.ino(),
        size: metadata.size(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

/// The plugins' names, each once.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let found = PluginDirectory::new(folder).names()?;
    let mut names: Vec<String> = found.into_iter().map(|(name, _)| name).collect();
    names.dedup();
    Ok(names)
}

fn read(path: &Path, bytes_max: u64) -> Result<Vec<u8>, PluginError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fault = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => PluginError::Manifest(format!("there is no {name} beside it")),
        _ => PluginError::File(format!("{name}: {error}")),
    };
    // A pipe would keep the reader waiting, and with it every other plugin.
    if !fs::metadata(path).map_err(fault)?.is_file() {
        return Err(PluginError::File(format!("{name}: not a file")));
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(fault)?;
    file.take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(fault)?;
    if bytes.len() as u64 > bytes_max {
        let text = format!("{name}: larger than {bytes_max} bytes");
        return Err(PluginError::File(text));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use narthex_model::{Clock, SystemClock};

    use super::*;

    fn describe(changes: Vec<Change>) -> Vec<String> {
        let describe = |change| match change {
            Change::Found(artifact) => format!(
                "{} is {:?}",
                artifact.name,
                String::from_utf8_lossy(&artifact.component)
            ),
            Change::Broken(name, error) => format!("{name}: {error}"),
            Change::Gone(name) => format!("{name} is gone"),
        };
        changes.into_iter().map(describe).collect()
    }

    #[test]
    fn new_changed_broken_and_gone_plugins_are_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        let mut watched = Folder::new(folder.path().to_owned(), TrustPolicy::default());
        let now_ms = SystemClock.now_ms();
        let mut look = || describe(watched.look(now_ms));

        write("a.wasm", "one");
        write("a.wasm.tmp", "x");
        write("Bad Name.wasm", "x");
        write("readme.txt", "x");
        assert_eq!(look(), ["a: manifest: there is no a.toml beside it"]);
        assert_eq!(look(), [""; 0]);
        write("a.toml", "manifest");
        assert_eq!(look(), ["a is \"one\""]);
        assert_eq!(look(), [""; 0]);

        // Rewritten in place with the same size, within one tick of the file system's clock.
        write("a.wasm", "two");
        assert_eq!(look(), ["a is \"two\""]);
        // Renamed over.
        write("new", "three");
        fs::rename(folder.path().join("new"), folder.path().join("a.wasm")).unwrap();
        assert_eq!(look(), ["a is \"three\""]);
        // Touched, with the same content.
        write("a.wasm", "three");
        assert_eq!(look(), [""; 0]);

        fs::remove_file(folder.path().join("a.wasm")).unwrap();
        assert_eq!(look(), ["a is gone"]);
        assert_eq!(look(), [""; 0]);
        write("a.wasm", "three");
        assert_eq!(look(), ["a is \"three\""]);
    }

    #[test]
    fn what_is_no_file_or_too_large_is_refused_unread() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["device", "folder", "large"] {
            fs::write(at(&format!("{name}.toml")), "").unwrap();
        }
        std::os::unix::fs::symlink("/dev/zero", at("device.wasm")).unwrap();
        fs::create_dir(at("folder.wasm")).unwrap();
        let large = fs::File::create(at("large.wasm")).unwrap();
        // One that takes no room on the disk.
        large.set_len(COMPONENT_BYTES_MAX + 1).unwrap();
        let mut watched = Folder::new(folder.path().to_owned(), TrustPolicy::default());
        assert_eq!(
            describe(watched.look(SystemClock.now_ms())),
            [
                "device: device.wasm: not a file",
                "folder: folder.wasm: not a file",
                "large: large.wasm: larger than 134217728 bytes",
            ]
        );
    }

    #[test]
    fn settled_files_are_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let before_ms = SystemClock.now_ms();
        fs::write(folder.path().join("a.wasm"), "one").unwrap();
        fs::write(folder.path().join("a.toml"), "").unwrap();
        let mut watched = Folder::new(folder.path().to_owned(), TrustPolicy::default());
        let later = before_ms + 3_600_000;
        assert_eq!(watched.look(later).len(), 1);
        let known = watched.known.get_mut("a").unwrap();
        known.content = Some(Err(PluginError::File("as it was".to_owned())));
        assert!(watched.look(later).is_empty());
        assert_eq!(watched.look(before_ms).len(), 1);
    }
}
