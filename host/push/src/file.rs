//! Groups on the disk: a file each, in JSON.
//!
//! A file is written beside the old one and takes its name, so the old or the new group is there at
//! any moment.

use std::io;
use std::sync::Arc;

use narthex_disk::{Disk, DiskExt as _};

use crate::group::Group;

const SUFFIX: &str = ".json";
const TEMPORARY: &str = "new.tmp";

/// The folder of the files.
#[derive(Debug)]
pub(crate) struct Folder {
    disk: Arc<dyn Disk>,
    /// The number of the next file.
    next: u64,
}

/// A file's number and its group.
type Found = Vec<(u64, Group)>;

impl Folder {
    /// Reads what is there.
    pub(crate) fn open(disk: Arc<dyn Disk>) -> io::Result<(Self, Found)> {
        disk.create_folder("")?;
        let (mut found, mut next) = (Vec::new(), 0);
        for entry in disk.list("")? {
            let number = entry.name.strip_suffix(SUFFIX);
            let Some(number) = number.and_then(|number| number.parse::<u64>().ok()) else {
                continue;
            };
            next = next.max(number + 1);
            match serde_json::from_slice(&disk.read(&entry.name)?) {
                Ok(group) => found.push((number, group)),
                Err(error) => {
                    let file = disk.show(&entry.name);
                    tracing::error!(%error, file = %file.display(), "pushed metrics cannot be read");
                }
            }
        }
        Ok((Self { disk, next }, found))
    }

    /// Writes a group, to the file that it has or to a new one. The number of the file comes back.
    pub(crate) fn write(&mut self, file: Option<u64>, group: &Group) -> io::Result<u64> {
        let number = file.unwrap_or(self.next);
        let text = serde_json::to_vec(group).map_err(io::Error::other)?;
        match self.disk.remove(TEMPORARY) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let written = self.disk.create(TEMPORARY)?;
        written.append(&text)?;
        written.sync()?;
        self.disk.rename(TEMPORARY, &format!("{number}{SUFFIX}"))?;
        self.next = self.next.max(number + 1);
        self.disk.sync_folder("")?;
        Ok(number)
    }

    /// Removes files.
    pub(crate) fn remove(&self, files: &[u64]) -> io::Result<()> {
        for number in files {
            match self.disk.remove(&format!("{number}{SUFFIX}")) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.disk.sync_folder("")
    }
}
