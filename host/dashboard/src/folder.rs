//! The dashboards of a folder: its files, each with the last text of it that was a dashboard. The
//! folder is looked at whenever somebody asks, and of its files only those are read that have
//! changed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dashboard::{Dashboard, Format};
use crate::error::DashboardError;

/// So many files are read, the first by their names; the others are told of as an error.
pub const DASHBOARD_FILES_MAX: usize = 500;

/// A file may have this many bytes.
pub const DASHBOARD_BYTES_MAX: u64 = 1 << 20;

/// A folder, and what was found in it.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    files: BTreeMap<String, FoundFile>,
    /// Why the folder itself cannot be read, or not whole.
    fault: Option<String>,
}

/// A file of the folder.
#[derive(Debug)]
pub(crate) struct FoundFile {
    /// What told it apart when it was read; `None` where that failed.
    signature: Option<Signature>,
    /// The last text of it that was a dashboard.
    pub(crate) dashboard: Option<Arc<Dashboard>>,
    /// Why the text of now is none.
    pub(crate) error: Option<String>,
}

/// Changes where a file does: whoever writes in place changes the time, whoever puts another one
/// in its place, as Kubernetes does with a ConfigMap, the number as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Signature {
    bytes: u64,
    inode: u64,
    changed_s: i64,
    changed_ns: i64,
}

impl Signature {
    fn of(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            inode: metadata.ino(),
            changed_s: metadata.ctime(),
            changed_ns: metadata.ctime_nsec(),
        }
    }
}

impl Folder {
    /// A folder that nobody has looked at yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            files: BTreeMap::new(),
            fault: None,
        }
    }

    /// Reads what is new and what has changed, and forgets what is gone. Where the folder cannot
    /// be read, all stays as it was.
    pub(crate) fn look(&mut self) {
        let (names, fault) = match names(&self.path) {
            Ok(found) => found,
            Err(error) => {
                self.take_fault(Some(format!("it cannot be read: {error}")));
                return;
            }
        };
        self.take_fault(fault);
        self.files.retain(|name, _| names.contains(name));
        for name in names {
            let path = self.path.join(&name);
            let known = self.files.remove(&name);
            self.files.insert(name, looked_at(&path, known));
        }
    }

    fn take_fault(&mut self, fault: Option<String>) {
        if let Some(error) = fault.as_deref()
            && self.fault != fault
        {
            tracing::warn!(folder = %self.path.display(), %error, "dashboards cannot be read");
        }
        self.fault = fault;
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong with the folder itself.
    pub(crate) fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    /// The files, by their names.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &FoundFile)> {
        self.files.iter().map(|(name, file)| (name.as_str(), file))
    }
}

/// The names of the files that may be dashboards, and that there are more than are read.
fn names(folder: &Path) -> io::Result<(BTreeSet<String>, Option<String>)> {
    let mut names = BTreeSet::new();
    let mut left_out: usize = 0;
    for entry in std::fs::read_dir(folder)? {
        // A name that is no text is none that somebody gave a dashboard.
        let Ok(name) = entry?.file_name().into_string() else {
            continue;
        };
        if name.starts_with('.') || Format::of(&name).is_none() {
            continue;
        }
        names.insert(name);
        if names.len() > DASHBOARD_FILES_MAX {
            names.pop_last();
            left_out += 1;
        }
    }
    let fault = (left_out > 0).then(|| {
        format!("{left_out} of its files are not read: at most {DASHBOARD_FILES_MAX} are")
    });
    Ok((names, fault))
}

/// The file as it is now.
fn looked_at(path: &Path, known: Option<FoundFile>) -> FoundFile {
    let (before, dashboard, said) = known.map_or((None, None, None), |known| {
        (known.signature, known.dashboard, known.error)
    });
    // A name may be a link, which is followed.
    let signature = std::fs::metadata(path)
        .ok()
        .map(|found| Signature::of(&found));
    if signature.is_some() && signature == before {
        return FoundFile {
            signature,
            dashboard,
            error: said,
        };
    }
    match read(path) {
        Ok(read) => FoundFile {
            signature,
            dashboard: Some(Arc::new(read)),
            error: None,
        },
        Err(error) => {
            let error = error.to_string();
            if said.as_ref() != Some(&error) {
                tracing::warn!(file = %path.display(), %error, "a dashboard cannot be read");
            }
            FoundFile {
                signature,
                dashboard,
                error: Some(error),
            }
        }
    }
}

fn read(path: &Path) -> Result<Dashboard, DashboardError> {
    let metadata = std::fs::metadata(path).map_err(DashboardError::Unreadable)?;
    // A pipe may never end.
    if !metadata.is_file() {
        return Err(DashboardError::NoFile);
    }
    if metadata.len() > DASHBOARD_BYTES_MAX {
        return Err(DashboardError::TooLarge);
    }
    let file = File::open(path).map_err(DashboardError::Unreadable)?;
    let mut text = String::new();
    // It may have grown since.
    let mut bounded = file.take(DASHBOARD_BYTES_MAX + 1);
    let read = bounded.read_to_string(&mut text);
    read.map_err(DashboardError::Unreadable)?;
    if text.len() as u64 > DASHBOARD_BYTES_MAX {
        return Err(DashboardError::TooLarge);
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let format = name.and_then(Format::of).unwrap_or(Format::Json);
    Dashboard::read(&text, format)
}

#[cfg(test)]
mod tests;
