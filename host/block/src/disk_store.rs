//! A disk as an object store: where blocks lie that are not in a bucket.
//!
//! It is not: a general one. Objects have no time and no tag, and the empty object name is the
//! disk itself. It differs from the file system of `object_store` in what blocks need: files stay
//! open, a read that needs no waiting is done at once where it is asked for, and all that is
//! written goes through a [`Disk`].

mod parts;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use narthex_disk::{Disk, DiskExt, DiskFile, blame};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result,
};

use self::parts::Upload;

/// Files that are kept open. When there are so many, all are closed, and opened again as they are
/// wanted.
const FILES_OPEN_MAX: usize = 512;

/// What the name of an object has behind it until it is whole. No object has it in its name.
const STAGED: char = '#';

/// What the errors of `object_store` call it.
const NAME: &str = "disk";

/// A disk as an object store. Clones share what is open.
#[derive(Debug, Clone)]
pub struct DiskStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    disk: Arc<dyn Disk>,
    open: Mutex<HashMap<String, Arc<dyn DiskFile>>>,
    /// Tells the names of two unfinished objects apart.
    staged: AtomicU64,
}

impl DiskStore {
    /// All files of a disk.
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self {
            inner: Arc::new(Inner {
                disk,
                open: Mutex::default(),
                staged: AtomicU64::new(0),
            }),
        }
    }

    /// The disk.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.inner.disk
    }

    /// Closes the files of a folder, whose name is about to lead elsewhere.
    pub fn forget(&self, folder: &str) {
        let is_within = |path: &str| {
            let rest = path.strip_prefix(folder);
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        self.inner.open_files().retain(|path, _| !is_within(path));
    }

    /// Removes what an earlier process left in a folder of objects that it did not finish.
    ///
    /// # Errors
    /// What the disk says.
    pub fn remove_unfinished(&self, folder: &str) -> io::Result<()> {
        let disk = &self.inner.disk;
        for entry in disk.list(folder)? {
            if entry.name.contains(STAGED) {
                disk.remove(&format!("{folder}/{}", entry.name))?;
            }
        }
        Ok(())
    }

    /// Does something that waits for the disk, where nobody waits for the thread.
    async fn apart<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Inner) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.inner);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => runtime.spawn_blocking(move || job(&inner)).await?,
            Err(_) => job(&inner),
        }
    }

    /// Makes an object of parts, all at once.
    fn staged(&self, path: &Path) -> String {
        let number = self.inner.staged.fetch_add(1, Ordering::Relaxed);
        format!("{path}{STAGED}{number}")
    }
}

impl fmt::Display for DiskStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DiskStore({})", self.inner.disk.show("").display())
    }
}

impl Inner {
    fn open_files(&self) -> MutexGuard<'_, HashMap<String, Arc<dyn DiskFile>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A file that is open already.
    fn known(&self, path: &str) -> Option<Arc<dyn DiskFile>> {
        self.open_files().get(path).cloned()
    }

    fn file(&self, path: &str) -> Result<Arc<dyn DiskFile>> {
        if let Some(file) = self.known(path) {
            return Ok(file);
        }
        let opened = self.disk.open(path);
        let file = opened.map_err(|error| self.failed("open", path, error))?;
        let mut open = self.open_files();
        if open.len() >= FILES_OPEN_MAX {
            open.clear();
        }
        open.insert(path.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn failed(&self, action: &'static str, path: &str, error: io::Error) -> Error {
        let kind = error.kind();
        let source = Box::new(blame(self.disk.as_ref(), action, path)(error));
        let path = path.to_owned();
        match kind {
            io::ErrorKind::NotFound => Error::NotFound { path, source },
            io::ErrorKind::AlreadyExists => Error::AlreadyExists { path, source },
            io::ErrorKind::PermissionDenied => Error::PermissionDenied { path, source },
            _ => Error::Generic {
                store: NAME,
                source,
            },
        }
    }

    /// The bytes of a range, or those that there are where the file ends earlier.
    fn read(&self, path: &str, file: &dyn DiskFile, range: &Range<u64>) -> Result<Bytes> {
        let failed = |error| self.failed("read", path, error);
        let mut bytes = buffer(range);
        match file.read_at(range.start, &mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let end = file.len().map_err(failed)?.clamp(range.start, range.end);
                bytes = buffer(&(range.start..end));
                file.read_at(range.start, &mut bytes).map_err(failed)?;
            }
            read => read.map_err(failed)?,
        }
        Ok(bytes.into())
    }

    fn meta(&self, location: Path, size: u64) -> ObjectMeta {
        ObjectMeta {
            location,
            last_modified: Default::default(),
            size,
            e_tag: None,
            version: None,
        }
    }

    /// Makes a file that is not yet an object, and the folders that it lies in.
    fn stage(&self, staged: &str) -> Result<Arc<dyn DiskFile>> {
        let (folder, _) = staged.rsplit_once('/').unwrap_or(("", staged));
        let make = || {
            if !folder.is_empty() && self.disk.list(folder).is_err() {
                self.disk.create_folder(folder)?;
                // Each of the folders that may be new has a name that is to last.
                let mut parent = folder;
                while !parent.is_empty() {
                    parent = parent.rsplit_once('/').map_or("", |(parent, _)| parent);
                    self.disk.sync_folder(parent)?;
                }
            }
            match self.disk.create(staged) {
                // What an earlier process left behind: names are given once in one process.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    self.disk.remove(staged)?;
                    self.disk.create(staged)
                }
                made => made,
            }
        };
        make().map_err(|error| self.failed("make", staged, error))
    }

    fn write(&self, staged: &str, file: &dyn DiskFile, payload: &PutPayload) -> Result<()> {
        let mut parts = payload.iter();
        let written = parts.try_for_each(|part| file.append(part));
        written.map_err(|error| self.failed("write", staged, error))
    }

    /// Makes an object of a file: after this it outlives the machine.
    fn publish(
        &self,
        staged: &str,
        file: &dyn DiskFile,
        path: &str,
        may_replace: bool,
    ) -> Result<()> {
        let synced = file.sync();
        synced.map_err(|error| self.failed("sync", staged, error))?;
        self.name(staged, path, may_replace)
    }

    /// Gives a file the name of an object.
    fn name(&self, staged: &str, path: &str, may_replace: bool) -> Result<()> {
        self.open_files().remove(path);
        let named = match may_replace {
            true => self.disk.rename(staged, path),
            false => {
                let linked = self.disk.link(staged, path);
                linked.and_then(|()| self.disk.remove(staged))
            }
        };
        let (folder, _) = path.rsplit_once('/').unwrap_or(("", path));
        let synced = named.and_then(|()| self.disk.sync_folder(folder));
        synced.map_err(|error| self.failed("make", path, error))
    }

    /// Removes what was written of an object that failed. What cannot be removed goes with its
    /// folder.
    fn discard(&self, staged: &str) {
        let _ = self.disk.remove(staged);
    }

    /// All files under a folder that are objects.
    fn walk(&self, folder: &str, found: &mut Vec<(String, u64)>) -> Result<()> {
        let entries = match self.disk.list(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            listed => listed.map_err(|error| self.failed("read", folder, error))?,
        };
        for entry in entries {
            let path = match folder {
                "" => entry.name,
                folder => format!("{folder}/{}", entry.name),
            };
            match entry.is_folder {
                true => self.walk(&path, found)?,
                false if path.contains(STAGED) => {}
                false => found.push((path, entry.bytes)),
            }
        }
        Ok(())
    }
}

/// Room for the bytes of a range.
fn buffer(range: &Range<u64>) -> Vec<u8> {
    let len = range.end.saturating_sub(range.start);
    vec![0; usize::try_from(len).unwrap_or_default()]
}

fn unsupported(operation: &str) -> Error {
    Error::NotImplemented {
        operation: operation.to_owned(),
        implementer: NAME.to_owned(),
    }
}

fn put_result() -> PutResult {
    PutResult {
        e_tag: None,
        version: None,
        extensions: Default::default(),
    }
}

#[async_trait]
impl ObjectStore for DiskStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let may_replace = match options.mode {
            PutMode::Overwrite => true,
            PutMode::Create => false,
            PutMode::Update(_) => return Err(unsupported("an update")),
        };
        let (staged, path) = (self.staged(location), location.to_string());
        self.apart(move |inner| {
            let file = inner.stage(&staged)?;
            let put = inner
                .write(&staged, file.as_ref(), &payload)
                .and_then(|()| inner.publish(&staged, file.as_ref(), &path, may_replace));
            put.inspect_err(|_| inner.discard(&staged))?;
            Ok(put_result())
        })
        .await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let staged = self.staged(location);
        let name = staged.clone();
        let file = self.apart(move |inner| inner.stage(&name)).await?;
        Ok(Box::new(Upload::new(self, location, staged, file)))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let location = location.clone();
        self.apart(move |inner| {
            let path = location.as_ref();
            let file = inner.file(path)?;
            let size = file.len();
            let size = size.map_err(|error| inner.failed("read", path, error))?;
            let meta = inner.meta(location.clone(), size);
            options.check_preconditions(&meta)?;
            let range = match &options.range {
                None => 0..size,
                Some(range) => range.as_range(size).map_err(|error| Error::Generic {
                    store: NAME,
                    source: Box::new(error),
                })?,
            };
            let bytes = match options.head {
                true => Bytes::new(),
                false => inner.read(path, file.as_ref(), &range)?,
            };
            Ok(GetResult {
                payload: GetResultPayload::Stream(stream::iter([Ok(bytes)]).boxed()),
                meta,
                range,
                attributes: Default::default(),
                extensions: Default::default(),
            })
        })
        .await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let mut parts: Vec<Option<Bytes>> = vec![None; ranges.len()];
        if let Some(file) = self.inner.known(location.as_ref()) {
            for (part, range) in parts.iter_mut().zip(ranges) {
                let mut bytes = buffer(range);
                if !matches!(file.try_read_at(range.start, &mut bytes), Ok(true)) {
                    break;
                }
                *part = Some(bytes.into());
            }
        }
        let at_hand: Option<Vec<Bytes>> = parts.iter().cloned().collect();
        if let Some(parts) = at_hand {
            return Ok(parts);
        }
        let (path, ranges) = (location.to_string(), ranges.to_vec());
        self.apart(move |inner| {
            let file = inner.file(&path)?;
            let parts = parts.into_iter().zip(&ranges);
            let read = |(part, range): (Option<Bytes>, &Range<u64>)| match part {
                Some(bytes) => Ok(bytes),
                None => inner.read(&path, file.as_ref(), range),
            };
            parts.map(read).collect()
        })
        .await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let delete = move |location: Result<Path>| {
            let store = store.clone();
            async move {
                let location = location?;
                let path = location.to_string();
                let delete = move |inner: &Inner| {
                    inner.open_files().remove(&path);
                    let removed = inner.disk.remove(&path);
                    removed.map_err(|error| inner.failed("remove", &path, error))
                };
                store.apart(delete).await?;
                Ok(location)
            }
        };
        locations.then(delete).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let store = self.clone();
        let folder = prefix.map(Path::to_string).unwrap_or_default();
        let listed = async move {
            let walk = move |inner: &Inner| {
                let mut found = Vec::new();
                inner.walk(&folder, &mut found)?;
                let meta = |(path, size): (String, u64)| inner.meta(Path::from(path), size);
                Ok(found.into_iter().map(meta).collect::<Vec<_>>())
            };
            match store.apart(walk).await {
                Ok(found) => found.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            }
        };
        listed.map(stream::iter).into_stream().flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let folder = prefix.cloned().unwrap_or_default();
        self.apart(move |inner| {
            let entries = match inner.disk.list(folder.as_ref()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                listed => listed.map_err(|error| inner.failed("read", folder.as_ref(), error))?,
            };
            let mut common_prefixes = BTreeSet::new();
            let mut objects = Vec::new();
            for entry in entries {
                let path = folder.clone().join(entry.name.as_str());
                match entry.is_folder {
                    true => drop(common_prefixes.insert(path)),
                    false if entry.name.contains(STAGED) => {}
                    false => objects.push(inner.meta(path, entry.bytes)),
                }
            }
            Ok(ListResult {
                common_prefixes: common_prefixes.into_iter().collect(),
                objects,
                extensions: Default::default(),
            })
        })
        .await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let may_replace = matches!(options.mode, CopyMode::Overwrite);
        let (staged, from, to) = (self.staged(to), from.to_string(), to.to_string());
        self.apart(move |inner| {
            // Objects never change, so two names may share one file.
            let linked = || {
                let (folder, _) = to.rsplit_once('/').unwrap_or(("", &to));
                if !inner.disk.exists(folder) {
                    inner.disk.create_folder(folder)?;
                }
                inner.disk.link(&from, &staged)
            };
            linked().map_err(|error| inner.failed("copy", &from, error))?;
            let named = inner.name(&staged, &to, may_replace);
            named.inspect_err(|_| inner.discard(&staged))
        })
        .await
    }
}
