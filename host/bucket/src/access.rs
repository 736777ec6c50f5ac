//! What is asked of the store: each request with a time that it may take, each failure with the
//! object's name.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};

use crate::BucketError;
use crate::metrics::Operations;

/// The bucket may have so many objects, ours or not; a listing of more is given up.
const OBJECTS_MAX: usize = 2_000_000;

/// The store of a bucket.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    store: Arc<dyn ObjectStore>,
    timeout: Duration,
    operations: Operations,
    /// Whether nobody else writes what [`Self::put_new`] does.
    is_alone: bool,
}

/// An object of the bucket.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) path: Path,
    pub(crate) size: u64,
    /// When it was written, in milliseconds since the epoch, by the store's clock.
    pub(crate) modified_ms: i64,
}

/// What a whole object was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) size: u64,
    pub(crate) crc32c: u32,
}

impl Access {
    /// `operations` is told of those that are given up; the store itself counts the others.
    pub(crate) fn new(
        store: Arc<dyn ObjectStore>,
        timeout: Duration,
        operations: Operations,
    ) -> Self {
        Self {
            store,
            timeout,
            operations,
            is_alone: false,
        }
    }

    /// The same where nobody else writes what this does, so that it need not be the store that keeps
    /// what exists.
    pub(crate) fn alone(self, is_alone: bool) -> Self {
        Self { is_alone, ..self }
    }

    pub(crate) fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// All objects.
    pub(crate) async fn list(&self) -> Result<Vec<Listed>, BucketError> {
        self.list_below(None).await
    }

    async fn list_below(&self, folder: Option<&Path>) -> Result<Vec<Listed>, BucketError> {
        let mut objects = Vec::new();
        let mut stream = self.store.list(folder);
        while let Some(object) = self
            .within("list", &Path::default(), stream.try_next())
            .await?
        {
            if objects.len() == OBJECTS_MAX {
                let objects_max = OBJECTS_MAX;
                return Err(BucketError::TooMany { objects_max });
            }
            objects.push(Listed {
                path: object.location,
                size: object.size,
                modified_ms: object.last_modified.timestamp_millis(),
            });
        }
        Ok(objects)
    }

    /// A small object.
    pub(crate) async fn get(&self, path: &Path, bytes_max: u64) -> Result<Bytes, BucketError> {
        let got = self.within("get", path, self.store.get(path)).await?;
        let bytes = got.meta.size;
        if bytes > bytes_max {
            return Err(BucketError::TooLarge {
                path: path.to_string(),
                bytes,
                bytes_max,
            });
        }
        let whole = self.within("get", path, got.bytes()).await?;
        if whole.len() as u64 != bytes {
            // Some stores just end an answer that broke off.
            let path = path.to_string();
            return Err(BucketError::Different { path });
        }
        Ok(whole)
    }

    /// The size of an object; `None` where there is none.
    pub(crate) async fn size(&self, path: &Path) -> Result<Option<u64>, BucketError> {
        match self.within("find", path, self.store.head(path)).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads a whole object and keeps nothing of it; `None` where there is none.
    pub(crate) async fn digest(&self, path: &Path) -> Result<Option<Digest>, BucketError> {
        let got = match self.within("get", path, self.store.get(path)).await {
            Err(error) if error.is_absent() => return Ok(None),
            got => got?,
        };
        let mut digest = Digest { size: 0, crc32c: 0 };
        let mut stream = got.into_stream();
        while let Some(bytes) = self.within("get", path, stream.try_next()).await? {
            digest.size += bytes.len() as u64;
            digest.crc32c = crc32c::crc32c_append(digest.crc32c, &bytes);
        }
        Ok(Some(digest))
    }

    /// Puts a small object.
    pub(crate) async fn put(&self, path: &Path, bytes: Bytes) -> Result<(), BucketError> {
        let put = self.store.put(path, bytes.into());
        self.within("put", path, put).await?;
        Ok(())
    }

    /// Puts an object of several parts, of which `part` gives one after the other; all but the
    /// last have the same size, as some stores want it.
    pub(crate) async fn put_parts<'a>(
        &self,
        path: &Path,
        mut part: impl FnMut() -> Option<BoxFuture<'a, Result<Bytes, BucketError>>>,
    ) -> Result<(), BucketError> {
        let begin = self.store.put_multipart(path);
        let mut upload = self.within("put", path, begin).await?;
        let sent = async {
            while let Some(bytes) = part() {
                let put = upload.put_part(bytes.await?.into());
                self.within("put", path, put).await?;
            }
            self.within("put", path, upload.complete()).await
        };
        let sent = sent.await;
        if sent.is_err() {
            // What it leaves behind costs money and nothing else; the store may be gone.
            let _ = self.within("abort", path, upload.abort()).await;
        }
        sent.map(drop)
    }

    /// Puts a small object where there is none; whether it is there now. An answer that was lost
    /// on its way makes no difference: what is there is looked at.
    pub(crate) async fn put_new(&self, path: &Path, bytes: Bytes) -> Result<bool, BucketError> {
        if self.create(path, bytes.clone()).await? {
            return Ok(true);
        }
        let found = match self.within("get", path, self.store.get(path)).await {
            // Whoever put it there has removed it again.
            Err(error) if error.is_absent() => return Ok(false),
            found => found?,
        };
        if found.meta.size != bytes.len() as u64 {
            return Ok(false);
        }
        Ok(self.within("get", path, found.bytes()).await? == bytes)
    }

    /// Puts a small object where there is none; whether it was this that put it there.
    async fn create(&self, path: &Path, bytes: Bytes) -> Result<bool, BucketError> {
        // The store may overwrite what exists.
        if self.is_alone && self.size(path).await?.is_some() {
            return Ok(false);
        }
        let payload = bytes.clone().into();
        let create = self.store.put_opts(path, payload, PutMode::Create.into());
        match self.within("put", path, create).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_taken() => Ok(false),
            Err(error) if self.is_alone && error.is_unsupported() => {
                self.put(path, bytes).await.map(|()| true)
            }
            Err(error) => Err(error),
        }
    }

    /// A part of an object.
    pub(crate) async fn get_range(
        &self,
        path: &Path,
        range: Range<u64>,
    ) -> Result<Bytes, BucketError> {
        let got = self.store.get_range(path, range);
        self.within("get", path, got).await
    }

    /// All objects of a folder.
    pub(crate) async fn list_in(&self, folder: &Path) -> Result<Vec<Listed>, BucketError> {
        self.list_below(Some(folder)).await
    }

    /// Removes an object, if it is there.
    pub(crate) async fn delete(&self, path: &Path) -> Result<(), BucketError> {
        match self.within("delete", path, self.store.delete(path)).await {
            Err(error) if error.is_absent() => Ok(()),
            deleted => deleted,
        }
    }

    async fn within<T>(
        &self,
        action: &'static str,
        path: &Path,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, BucketError> {
        let path = match path.as_ref() {
            "" => "the bucket",
            path => path,
        };
        match tokio::time::timeout(self.timeout, request).await {
            Ok(answer) => answer.map_err(BucketError::store(action, path)),
            Err(_) => {
                self.operations.give_up(operation(action));
                Err(BucketError::Stalled {
                    action,
                    path: path.to_owned(),
                    seconds: self.timeout.as_secs(),
                })
            }
        }
    }
}

/// What metrics call an action.
fn operation(action: &'static str) -> &'static str {
    match action {
        "list" => "iter",
        "find" => "attributes",
        "put" | "abort" => "upload",
        same => same,
    }
}
