//! Objects that come in parts.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::FutureExt;
use narthex_disk::DiskFile;
use object_store::path::Path;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart};

use super::{DiskStore, Inner, put_result};

/// An object that comes in parts.
#[derive(Debug)]
pub(super) struct Upload {
    store: DiskStore,
    path: String,
    staged: String,
    parts: Arc<Mutex<Parts>>,
    /// Parts so far.
    count: usize,
}

/// Parts may be ready in any order; the file has them in that of their coming.
#[derive(Debug)]
struct Parts {
    file: Arc<dyn DiskFile>,
    /// The number of the part that the file takes next.
    next: usize,
    early: BTreeMap<usize, PutPayload>,
}

impl Parts {
    fn take(&mut self, inner: &Inner, staged: &str, number: usize, part: PutPayload) -> Result<()> {
        self.early.insert(number, part);
        while let Some(part) = self.early.remove(&self.next) {
            inner.write(staged, self.file.as_ref(), &part)?;
            self.next += 1;
        }
        Ok(())
    }
}

impl Upload {
    pub(super) fn new(
        store: &DiskStore,
        location: &Path,
        staged: String,
        file: Arc<dyn DiskFile>,
    ) -> Self {
        let parts = Parts {
            file,
            next: 0,
            early: BTreeMap::new(),
        };
        Self {
            store: store.clone(),
            path: location.to_string(),
            staged,
            parts: Arc::new(Mutex::new(parts)),
            count: 0,
        }
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, part: PutPayload) -> UploadPart {
        let (store, staged) = (self.store.clone(), self.staged.clone());
        let parts = Arc::clone(&self.parts);
        let number = self.count;
        self.count += 1;
        let put = async move {
            let take = move |inner: &Inner| {
                let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
                parts.take(inner, &staged, number, part)
            };
            store.apart(take).await
        };
        put.boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let (staged, path, count) = (self.staged.clone(), self.path.clone(), self.count);
        let parts = Arc::clone(&self.parts);
        let complete = move |inner: &Inner| {
            let parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
            if parts.next != count {
                let error = io::Error::from(io::ErrorKind::UnexpectedEof);
                return Err(inner.failed("write", &staged, error));
            }
            inner.publish(&staged, parts.file.as_ref(), &path, true)?;
            Ok(put_result())
        };
        self.store.apart(complete).await
    }

    async fn abort(&mut self) -> Result<()> {
        let staged = self.staged.clone();
        let abort = move |inner: &Inner| {
            inner.discard(&staged);
            Ok(())
        };
        self.store.apart(abort).await
    }
}
