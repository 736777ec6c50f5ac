//! What is said when the disk does not do what it should: on which file, and what helps.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::disk::Disk;
use crate::full::is_full;

/// What could not be done, on which file. It travels in an [`io::Error`] of the same kind.
#[derive(Debug)]
struct Trouble {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}", self.action, self.path.display())?;
        if is_full(&self.source) {
            f.write_str(", the disk is full: make room, and it goes on by itself")?;
        }
        Ok(())
    }
}

impl std::error::Error for Trouble {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Says what could not be done, as a verb, with a file of a disk. The error keeps its kind.
pub fn blame(
    disk: &dyn Disk,
    action: &'static str,
    name: &str,
) -> impl FnOnce(io::Error) -> io::Error {
    let path = disk.show(name);
    move |source| {
        let kind = source.kind();
        let trouble = Trouble {
            action,
            path,
            source,
        };
        io::Error::new(kind, trouble)
    }
}
