//! A folder of the machine's file system.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, IoSliceMut, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::{Errno, ReadWriteFlags};

use crate::disk::{Disk, DiskFile, Entry, Lock, Space};

/// A folder of the machine's file system.
#[derive(Debug, Clone)]
pub struct SystemDisk {
    root: PathBuf,
}

impl SystemDisk {
    /// The folder `root`, which need not exist yet.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    fn path(&self, path: &str) -> PathBuf {
        match path {
            // A joined empty path would end in a slash.
            "" => self.root.clone(),
            path => self.root.join(path),
        }
    }
}

impl Disk for SystemDisk {
    fn show(&self, path: &str) -> PathBuf {
        self.path(path)
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create_new(true);
        Ok(Arc::new(SystemFile(options.open(self.path(path))?)))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        open(&self.path(path), OpenOptions::new().read(true))
    }

    fn open_to_write(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        open(&self.path(path), options.read(true).append(true))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.path(folder))? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            // A link counts as what it leads to.
            let metadata = match fs::metadata(entry.path()) {
                Ok(metadata) => metadata,
                // It was removed in the meantime, or leads nowhere.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let is_folder = metadata.is_dir();
            entries.push(Entry {
                name,
                is_folder,
                bytes: if is_folder { 0 } else { metadata.len() },
            });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn create_folder(&self, folder: &str) -> io::Result<()> {
        let path = self.path(folder);
        let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
        fs::create_dir_all(&path)?;
        // Nobody else can force the names of folders above this one.
        let above = missing
            .iter()
            .filter(|made| !made.starts_with(&self.root) || **made == self.root);
        for parent in above.filter_map(|made| made.parent()) {
            let parent = if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            };
            File::open(parent)?.sync_all()?;
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        fs::hard_link(self.path(from), self.path(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.path(path))
    }

    fn remove_folder(&self, folder: &str) -> io::Result<()> {
        fs::remove_dir_all(self.path(folder))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        File::open(self.path(folder))?.sync_all()
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn Lock>> {
        let mut options = OpenOptions::new();
        let options = options.create(true).truncate(false).write(true);
        let file = options.open(self.path(path))?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(SystemLock { file })),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn space(&self) -> io::Result<Space> {
        let found = rustix::fs::statvfs(&self.root)?;
        Ok(Space {
            total_bytes: found.f_blocks.saturating_mul(found.f_frsize),
            free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        })
    }
}

fn open(path: &Path, options: &OpenOptions) -> io::Result<Arc<dyn DiskFile>> {
    let file = options.open(path)?;
    // A folder can be opened to read, and would fail only when it is read.
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(Arc::new(SystemFile(file)))
}

/// The system lets go of it when the process ends, however that happens.
#[derive(Debug)]
struct SystemLock {
    file: File,
}

impl Drop for SystemLock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that is being started has a copy of it until
        // it runs its program. Where this fails, the lock goes with the copies.
        let _ = self.file.unlock();
    }
}

impl Lock for SystemLock {}

#[derive(Debug)]
struct SystemFile(File);

impl DiskFile for SystemFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(into, offset)
    }

    fn try_read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<bool> {
        let mut done = 0;
        while done < into.len() {
            let mut rest = [IoSliceMut::new(&mut into[done..])];
            let at = offset + done as u64;
            match rustix::io::preadv2(&self.0, &mut rest, at, ReadWriteFlags::NOWAIT) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => done += count,
                Err(Errno::INTR) => {}
                // Not in memory, or a file system or a kernel that cannot tell.
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.0).write_all(bytes)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}
