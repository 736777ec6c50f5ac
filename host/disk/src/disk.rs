//! The seam: what the store asks of a file system.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// A folder and all in it. Paths are relative to it, their parts separated by `/`; the empty path
/// is the folder itself. A part is never `..`.
///
/// What a method did is seen by all later reads at once. It outlives a power cut only once it was
/// forced: the content of a file by [`DiskFile::sync`], the names in a folder (files and folders
/// made, renamed and removed) by [`Self::sync_folder`].
pub trait Disk: Send + Sync + fmt::Debug + 'static {
    /// A path as an operator knows it, for messages.
    fn show(&self, path: &str) -> PathBuf;

    /// Makes a file that does not exist yet, in a folder that does.
    ///
    /// # Errors
    /// `AlreadyExists`, or what the system says.
    fn create(&self, path: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file to read it.
    ///
    /// # Errors
    /// `NotFound`, or what the system says.
    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file to read it, to write at its end and to cut it.
    ///
    /// # Errors
    /// `NotFound`, or what the system says.
    fn open_to_write(&self, path: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// What a folder holds, by name. Names that are not UTF-8 are left out: none is ours.
    ///
    /// # Errors
    /// `NotFound`, or what the system says.
    fn list(&self, folder: &str) -> io::Result<Vec<Entry>>;

    /// Makes a folder and those that it lies in, as far as they do not exist. The name of the
    /// disk's own folder, which no [`Self::sync_folder`] reaches, is forced at once.
    ///
    /// # Errors
    /// What the system says.
    fn create_folder(&self, folder: &str) -> io::Result<()>;

    /// Gives a file or a folder another name, at once: whoever looks finds one of the two. A file
    /// takes the place of a file of that name.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Gives a file a second name, which must not exist.
    ///
    /// # Errors
    /// `AlreadyExists`, or what the system says.
    fn link(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound`, or what the system says.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Removes a folder with all in it, piece by piece: a crash leaves a part of it.
    ///
    /// # Errors
    /// `NotFound`, or what the system says.
    fn remove_folder(&self, folder: &str) -> io::Result<()>;

    /// Forces the names in a folder to the disk.
    ///
    /// # Errors
    /// What the system says; the names may be on the disk or not.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;

    /// Takes a file, which is made where need be, for this process alone until the lock is
    /// dropped or the process ends.
    ///
    /// # Errors
    /// `WouldBlock` where another one has it, or what the system says.
    fn lock(&self, path: &str) -> io::Result<Box<dyn Lock>>;

    /// How large the file system is.
    ///
    /// # Errors
    /// What the system says.
    fn space(&self) -> io::Result<Space>;
}

/// An open file. It stays readable after its name is gone.
pub trait DiskFile: Send + Sync + fmt::Debug + 'static {
    /// How many bytes it has.
    ///
    /// # Errors
    /// What the system says.
    fn len(&self) -> io::Result<u64>;

    /// Whether it has no byte.
    ///
    /// # Errors
    /// What the system says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills `into` with the bytes from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof` where there are not so many, or what the system says.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// As [`Self::read_at`], but only where that needs no waiting for the disk; `false` where it
    /// would, or where the system does not tell. Then `into` holds anything.
    ///
    /// # Errors
    /// As [`Self::read_at`].
    fn try_read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<bool> {
        let _ = (offset, into);
        Ok(false)
    }

    /// Writes all bytes at the end, or fails after any number of them.
    ///
    /// # Errors
    /// What the system says.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file to a length that it has.
    ///
    /// # Errors
    /// What the system says; the file has one of the two lengths.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Forces the content to the disk.
    ///
    /// # Errors
    /// What the system says. From then on nobody knows which of the bytes that were written since
    /// the last success are on the disk, or can still be read, and a later success says nothing
    /// about them.
    fn sync(&self) -> io::Result<()>;
}

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the folder.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// How many bytes a file has; 0 for a folder.
    pub bytes: u64,
}

/// A lock that is held.
pub trait Lock: Send + Sync + fmt::Debug {}

/// How large a file system is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// All its bytes.
    pub total_bytes: u64,
    /// Those that this process may still write.
    pub free_bytes: u64,
}

/// Ease on top of [`Disk`].
pub trait DiskExt: Disk {
    /// A whole file.
    ///
    /// # Errors
    /// As of [`Disk::open`] and [`DiskFile::read_at`].
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        let file = self.open(path)?;
        let len = usize::try_from(file.len()?).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut bytes = vec![0; len];
        file.read_at(0, &mut bytes)?;
        Ok(bytes)
    }

    /// Whether there is a file or a folder of that name. A name that cannot be looked at is not
    /// there.
    fn exists(&self, path: &str) -> bool {
        self.open(path).is_ok() || self.list(path).is_ok()
    }
}

impl<D: Disk + ?Sized> DiskExt for D {}
