//! The files of a configuration: read within a bound, and told apart from what they were.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A file of a configuration may have this many bytes; a larger one is refused.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads a file.
///
/// # Errors
/// It cannot be read, or is too large.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    let read = file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    let length = read.map_err(|error| error.to_string())?;
    match length as u64 > FILE_BYTES_MAX {
        true => Err(format!("it has over {FILE_BYTES_MAX} bytes")),
        false => Ok(bytes),
    }
}

/// What tells that a file is another one now: when it was written, and its length. Kubernetes
/// replaces the folder that a mounted file lies in, which gives it another time.
type Mark = Option<(SystemTime, u64)>;

/// Files as they were when they were last looked at.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    marks: Vec<(PathBuf, Mark)>,
}

impl Watched {
    /// These files, as they are now.
    pub(crate) fn new(paths: Vec<PathBuf>) -> Self {
        let marks = paths.into_iter().map(|path| {
            let mark = mark(&path);
            (path, mark)
        });
        Self {
            marks: marks.collect(),
        }
    }

    /// These files from now on. Those that were looked at are as they were before they were read, so
    /// that what was written meanwhile counts; new ones are looked at once more.
    pub(crate) fn follow(&mut self, paths: Vec<PathBuf>) {
        let known = std::mem::take(&mut self.marks);
        let marks = paths.into_iter().map(|path| {
            let own = known.iter().find(|(it, _)| *it == path);
            let mark = own.map_or(Some((SystemTime::UNIX_EPOCH, u64::MAX)), |(_, mark)| *mark);
            (path, mark)
        });
        self.marks = marks.collect();
    }

    /// Whether one of them is not what it was; from then on, as it is now is what it was.
    pub(crate) fn have_changed(&mut self) -> bool {
        let mut changed = false;
        for (path, known) in &mut self.marks {
            let now = mark(path);
            changed |= std::mem::replace(known, now) != now;
        }
        changed
    }
}

fn mark(path: &Path) -> Mark {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
