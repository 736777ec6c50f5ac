//! A folder of a disk as a disk.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile, Entry, Lock, Space};

/// A folder of another disk, which need not exist yet.
#[derive(Debug, Clone)]
pub struct Within {
    disk: Arc<dyn Disk>,
    folder: String,
}

impl Within {
    /// The folder `folder` of `disk`.
    pub fn new(disk: Arc<dyn Disk>, folder: impl Into<String>) -> Self {
        Self {
            disk,
            folder: folder.into(),
        }
    }

    fn path(&self, path: &str) -> String {
        match path {
            "" => self.folder.clone(),
            path => format!("{}/{path}", self.folder),
        }
    }
}

impl Disk for Within {
    fn show(&self, path: &str) -> PathBuf {
        self.disk.show(&self.path(path))
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.create(&self.path(path))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open(&self.path(path))
    }

    fn open_to_write(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.disk.open_to_write(&self.path(path))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Entry>> {
        self.disk.list(&self.path(folder))
    }

    fn create_folder(&self, folder: &str) -> io::Result<()> {
        self.disk.create_folder(&self.path(folder))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(&self.path(from), &self.path(to))
    }

    fn link(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.link(&self.path(from), &self.path(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(&self.path(path))
    }

    fn remove_folder(&self, folder: &str) -> io::Result<()> {
        self.disk.remove_folder(&self.path(folder))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.disk.sync_folder(&self.path(folder))
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn Lock>> {
        self.disk.lock(&self.path(path))
    }

    fn space(&self) -> io::Result<Space> {
        self.disk.space()
    }
}
