//! An OCI layout in a folder: how a plugin is installed, and how plugins travel without a
//! registry.
//!
//! ```text
//! NAME/oci-layout           {"imageLayoutVersion": "1.0.0"}
//! NAME/index.json           which manifests there are, which is current and which previous
//! NAME/blobs/sha256/DIGITS  manifests, configs, layers
//! ```
//!
//! Blobs are written first and reach the disk; then `index.json` is replaced by renaming a new one
//! over it. That is the only moment a reader can notice, and after a crash it has happened or not.
//! What no entry leads to is removed after that. Writers take turns by a lock on `.lock`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::Deserialize;

use crate::bounds::{IMAGE_BYTES_MAX, INDEX_BYTES_MAX};
use crate::contents::{Contents, Entry, Installed};
use crate::digest::Digest;
use crate::error::PackageError;
use crate::image::{BlobSource, Image};
use crate::oci::{self, ImageIndex};
use crate::package::read_file;
use crate::signature::Signature;

/// The file that changes whenever the layout does.
pub const INDEX_FILE: &str = "index.json";

/// The file that makes a folder a layout.
pub const LAYOUT_FILE: &str = "oci-layout";

const LAYOUT_VERSION: &str = "1.0.0";
const LOCK_FILE: &str = ".lock";
/// What a file is called until it is whole.
const UNFINISHED: &str = ".unfinished";

/// A layout in a folder.
#[derive(Debug, Clone)]
pub struct Layout {
    path: PathBuf,
}

/// What a roll-back or an install did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The digest that was at work before.
    pub from: Option<Digest>,
    /// The digest that is at work now.
    pub to: Digest,
}

/// The blobs of a layout's folder.
#[derive(Debug, Clone)]
pub struct FolderBlobs(PathBuf);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LayoutVersion {
    image_layout_version: String,
}

impl Layout {
    /// Whether a folder is a layout that something was put into.
    pub fn is_at(path: &Path) -> bool {
        path.join(LAYOUT_FILE).is_file() && path.join(INDEX_FILE).is_file()
    }

    /// Opens the layout in a folder.
    ///
    /// # Errors
    /// There is none.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, PackageError> {
        let path = path.into();
        let file = path.join(LAYOUT_FILE);
        let text = read_file(&file, IMAGE_BYTES_MAX)?;
        let version = serde_json::from_slice::<LayoutVersion>(&text);
        match version.map(|version| version.image_layout_version) {
            Ok(version) if version == LAYOUT_VERSION => Ok(Self { path }),
            _ => Err(PackageError::Invalid(format!(
                "{}: not an OCI layout of version {LAYOUT_VERSION}",
                file.display()
            ))),
        }
    }

    /// Opens the layout in a folder, or makes an empty one there.
    ///
    /// # Errors
    /// The folder cannot be written, or is something else.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, PackageError> {
        let path = path.into();
        if path.join(LAYOUT_FILE).exists() {
            return Self::open(path);
        }
        fs::create_dir_all(&path).map_err(|error| PackageError::file(&path, &error))?;
        let text = format!("{{\"imageLayoutVersion\":\"{LAYOUT_VERSION}\"}}");
        write_whole(&path, LAYOUT_FILE, text.as_bytes())?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the index.
    ///
    /// # Errors
    /// There is none yet, or it is damaged.
    pub fn contents(&self) -> Result<Contents<FolderBlobs>, PackageError> {
        let index = read_file(&self.path.join(INDEX_FILE), INDEX_BYTES_MAX)?;
        Contents::read(&index, FolderBlobs(self.path.clone()))
    }

    /// The package that is at work: see [`Contents::current_digest`].
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn current(&self) -> Result<Installed, PackageError> {
        self.contents()?.current()
    }

    /// The package that a roll-back would put to work, where there is one.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn previous(&self) -> Result<Option<Installed>, PackageError> {
        self.contents()?.previous()
    }

    /// The packages.
    ///
    /// # Errors
    /// The layout cannot be read.
    pub fn list(&self) -> Result<Vec<Entry>, PackageError> {
        self.contents()?.packages()
    }

    /// Puts a package to work. The one before is kept as the previous one, others are removed.
    /// Whether it may be put to work is the caller's to have asked.
    ///
    /// # Errors
    /// A file cannot be written; then the index is as it was.
    pub fn install(
        &self,
        image: &Image,
        signatures: &[Signature],
    ) -> Result<Replaced, PackageError> {
        let _lock = self.lock()?;
        let before = self.contents_or_empty()?;
        let from = before.current_digest().ok();
        let kept = match from {
            Some(from) if from != image.digest() => Some(from),
            // Put to work again: what was before it stays.
            Some(_) => before.previous_digest(),
            None => None,
        };
        let mut index = ImageIndex::default();
        if let Some(kept) = kept {
            keep(&before, &mut index, kept);
        }
        let tag = image.manifest().annotation(oci::VERSION);
        self.put(&mut index, image, tag, Some(oci::CURRENT))?;
        self.put_signatures(&mut index, image.digest(), signatures)?;
        self.write_index(&index)?;
        self.prune(index)?;
        Ok(Replaced {
            from,
            to: image.digest(),
        })
    }

    /// Puts the previous package to work, and keeps the current one as the previous.
    ///
    /// # Errors
    /// There is no previous one, or the index cannot be written.
    pub fn roll_back(&self) -> Result<Replaced, PackageError> {
        let _lock = self.lock()?;
        let before = self.contents()?;
        let from = before.current_digest()?;
        let missing =
            || PackageError::NotFound("there is no previous version to go back to".into());
        let to = before.previous_digest().ok_or_else(missing)?;
        // Whole and undamaged, or the current one goes on.
        before.load(&to)?;
        let mut index = before.index().clone();
        for entry in &mut index.manifests {
            let state = match entry.digest {
                digest if digest == to => oci::CURRENT,
                digest if digest == from => oci::PREVIOUS,
                _ => continue,
            };
            entry
                .annotations
                .insert(oci::STATE.to_owned(), state.to_owned());
        }
        self.write_index(&index)?;
        Ok(Replaced {
            from: Some(from),
            to,
        })
    }

    /// Adds a package under a tag, taking the tag from another that has it, and leaves alone which
    /// is at work.
    ///
    /// # Errors
    /// A file cannot be written; then the index is as it was.
    pub fn add(
        &self,
        image: &Image,
        tag: &str,
        signatures: &[Signature],
    ) -> Result<(), PackageError> {
        let _lock = self.lock()?;
        let mut index = self.contents_or_empty()?.index().clone();
        index
            .manifests
            .retain(|entry| entry.annotation(oci::REF_NAME) != tag);
        self.put(&mut index, image, tag, None)?;
        self.put_signatures(&mut index, image.digest(), signatures)?;
        self.write_index(&index)
    }

    /// Replaces the signatures of a package.
    ///
    /// # Errors
    /// A file cannot be written; then the index is as it was.
    pub fn sign(&self, digest: Digest, signatures: &[Signature]) -> Result<(), PackageError> {
        let _lock = self.lock()?;
        let mut index = self.contents()?.index().clone();
        self.put_signatures(&mut index, digest, signatures)?;
        self.write_index(&index)
    }

    fn contents_or_empty(&self) -> Result<Contents<FolderBlobs>, PackageError> {
        match self.contents() {
            Err(PackageError::NotFound(_)) => Ok(self.contents_of(ImageIndex::default())),
            other => other,
        }
    }

    fn contents_of(&self, index: ImageIndex) -> Contents<FolderBlobs> {
        Contents::of(index, FolderBlobs(self.path.clone()))
    }

    fn put_signatures(
        &self,
        index: &mut ImageIndex,
        digest: Digest,
        signatures: &[Signature],
    ) -> Result<(), PackageError> {
        let tag = digest.signature_tag();
        index
            .manifests
            .retain(|entry| entry.annotation(oci::REF_NAME) != tag);
        if signatures.is_empty() {
            return Ok(());
        }
        self.put(index, &Signature::image(signatures)?, &tag, None)
    }

    /// Writes an image's blobs and adds it to an index that is not written yet.
    fn put(
        &self,
        index: &mut ImageIndex,
        image: &Image,
        tag: &str,
        state: Option<&str>,
    ) -> Result<(), PackageError> {
        let folder = self.blob_folder()?;
        for (digest, bytes) in image.blobs() {
            write_blob(&folder, digest, bytes)?;
        }
        write_blob(&folder, &image.digest(), image.bytes())?;
        sync(&folder)?;
        let mut descriptor = image.descriptor();
        if !tag.is_empty() {
            descriptor = descriptor.with(oci::REF_NAME, tag);
        }
        if let Some(state) = state {
            descriptor = descriptor.with(oci::STATE, state);
        }
        index.manifests.push(descriptor);
        Ok(())
    }

    /// The folder of the blobs, made where it is missing. A link in its place is refused: blobs
    /// would be written, and removed, somewhere else.
    fn blob_folder(&self) -> Result<PathBuf, PackageError> {
        let mut folder = self.path.clone();
        for part in ["blobs", "sha256"] {
            folder.push(part);
            match fs::symlink_metadata(&folder) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => {
                    let text = format!("{}: not a folder of its own", folder.display());
                    return Err(PackageError::File(text));
                }
                Err(_) => {
                    fs::create_dir(&folder).map_err(|error| PackageError::file(&folder, &error))?;
                }
            }
        }
        Ok(folder)
    }

    fn write_index(&self, index: &ImageIndex) -> Result<(), PackageError> {
        let text = serde_json::to_vec(index);
        let text = text.map_err(|error| PackageError::Invalid(error.to_string()))?;
        write_whole(&self.path, INDEX_FILE, &text)
    }

    /// Removes the blobs that nothing leads to, and files that a crash left unfinished.
    fn prune(&self, index: ImageIndex) -> Result<(), PackageError> {
        let reachable = self.contents_of(index).reachable();
        let reachable: BTreeSet<String> = reachable.iter().map(Digest::hex).collect();
        let folder = self.blob_folder()?;
        let fault = |error| PackageError::file(&folder, &error);
        for entry in fs::read_dir(&folder).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let is_needed = entry
                .file_name()
                .to_str()
                .is_some_and(|n| reachable.contains(n));
            if !is_needed && entry.file_type().is_ok_and(|kind| !kind.is_dir()) {
                fs::remove_file(entry.path()).map_err(fault)?;
            }
        }
        Ok(())
    }

    fn lock(&self) -> Result<File, PackageError> {
        let path = self.path.join(LOCK_FILE);
        let fault = |error| PackageError::file(&path, &error);
        let mut options = File::options();
        let options = options.create(true).truncate(false).write(true);
        let file = options.open(&path).map_err(fault)?;
        file.lock().map_err(fault)?;
        Ok(file)
    }
}

/// Takes a package over from an old index, as the previous one, with its signatures.
fn keep(before: &Contents<FolderBlobs>, index: &mut ImageIndex, digest: Digest) {
    let tag = digest.signature_tag();
    let mut is_taken = false;
    for entry in &before.index().manifests {
        if entry.digest == digest && !std::mem::replace(&mut is_taken, true) {
            index
                .manifests
                .push(entry.clone().with(oci::STATE, oci::PREVIOUS));
        } else if entry.annotation(oci::REF_NAME) == tag {
            index.manifests.push(entry.clone());
        }
    }
}

impl BlobSource for FolderBlobs {
    fn blob(&self, digest: &Digest, bytes_max: u64) -> Result<Bytes, PackageError> {
        let path = self.0.join("blobs/sha256").join(digest.hex());
        let metadata = fs::symlink_metadata(&path);
        if metadata.is_ok_and(|metadata| metadata.is_symlink()) {
            let text = format!("{}: a blob must not be a link", path.display());
            return Err(PackageError::File(text));
        }
        read_file(&path, bytes_max).map(Bytes::from)
    }
}

fn write_blob(folder: &Path, digest: &Digest, bytes: &[u8]) -> Result<(), PackageError> {
    let name = digest.hex();
    let path = folder.join(&name);
    let is_link = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink());
    let there = read_file(&path, bytes.len() as u64);
    if !is_link && there.is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    write_whole(folder, &name, bytes)
}

/// Writes a file that is seen only whole: under another name, to the disk, then renamed.
fn write_whole(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), PackageError> {
    let path = folder.join(name);
    let unfinished = folder.join(format!(".{name}{UNFINISHED}"));
    let fault = |error| PackageError::file(&path, &error);
    // What a crash left behind, or a link that somebody put there.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fault(error)),
        _ => {}
    }
    let mut file = File::create_new(&unfinished).map_err(fault)?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&unfinished, &path))
        .map_err(fault)?;
    sync(folder)
}

/// Sees that the names in a folder reach the disk.
fn sync(folder: &Path) -> Result<(), PackageError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| PackageError::file(folder, &error))
}

#[cfg(test)]
mod tests;
