//! A store whose client can be watched request by request: each one halts where a process may die,
//! before it and behind it, until the test lets it go on.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};

/// Where a request halts.
#[derive(Debug, Clone)]
pub(crate) enum Moment {
    /// It has not come to the store.
    Before(Request),
    /// It is done, and nobody was told.
    After(Request),
}

/// What is asked of the store.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// What changes nothing.
    Look,
    /// A part of an object that is not there before all parts are.
    Part,
    /// An object is made or made anew.
    Put(Path, Bytes),
    Delete(Path),
}

impl Moment {
    /// What it is called in a story.
    pub(crate) fn name(&self) -> String {
        let (when, request) = match self {
            Self::Before(request) => ("before", request),
            Self::After(request) => ("behind", request),
        };
        match request {
            Request::Look => format!("{when} a look"),
            Request::Part => format!("{when} a part is put"),
            Request::Put(path, _) => format!("{when} {path} is put"),
            Request::Delete(path) => format!("{when} {path} is deleted"),
        }
    }
}

/// The store. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Mortal {
    pub(crate) inner: Arc<InMemory>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    is_watched: bool,
    moments: VecDeque<Moment>,
    /// How many moments there were, and how many of them are over.
    begun: u64,
    over: u64,
}

impl Mortal {
    pub(crate) fn new(inner: InMemory) -> Self {
        Self {
            inner: Arc::new(inner),
            state: Arc::default(),
        }
    }

    /// A client of a store that others use as well.
    pub(crate) fn on(inner: Arc<InMemory>) -> Self {
        Self {
            inner,
            state: Arc::default(),
        }
    }

    /// Whether requests halt from now on.
    pub(crate) fn watch(&self, is_watched: bool) {
        self.state.lock().unwrap().is_watched = is_watched;
    }

    /// The next moment at which a request halts.
    pub(crate) fn moment(&self) -> Option<Moment> {
        self.state.lock().unwrap().moments.pop_front()
    }

    /// Lets the request go on whose moment came last.
    pub(crate) fn go_on(&self) {
        self.state.lock().unwrap().over += 1;
    }

    async fn halt(&self, moment: Moment) {
        let number = {
            let mut state = self.state.lock().unwrap();
            if !state.is_watched {
                return;
            }
            state.moments.push_back(moment);
            state.begun += 1;
            state.begun
        };
        while self.state.lock().unwrap().over < number {
            tokio::task::yield_now().await;
        }
    }
}

fn bytes_of(payload: &PutPayload) -> Bytes {
    let parts = payload.iter().flat_map(|part| part.to_vec());
    parts.collect::<Vec<u8>>().into()
}

impl fmt::Display for Mortal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mortal")
    }
}

#[async_trait]
impl ObjectStore for Mortal {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let put = Request::Put(path.clone(), bytes_of(&payload));
        self.halt(Moment::Before(put.clone())).await;
        let done = self.inner.put_opts(path, payload, options).await;
        self.halt(Moment::After(put)).await;
        done
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.halt(Moment::Before(Request::Look)).await;
        let upload = self.inner.put_multipart_opts(path, options).await?;
        Ok(Box::new(Parts {
            store: self.clone(),
            path: path.clone(),
            upload,
            first: Bytes::new(),
        }))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.halt(Moment::Before(Request::Look)).await;
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let this = self.clone();
        let deleted = paths.and_then(move |path| {
            let this = this.clone();
            async move {
                let delete = Request::Delete(path.clone());
                this.halt(Moment::Before(delete.clone())).await;
                let done = this.inner.delete(&path).await;
                this.halt(Moment::After(delete)).await;
                done.map(|()| path)
            }
        });
        deleted.boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (this, prefix) = (self.clone(), prefix.cloned());
        let listed = async move {
            this.halt(Moment::Before(Request::Look)).await;
            let listed: Vec<_> = this.inner.list(prefix.as_ref()).collect().await;
            stream::iter(listed)
        };
        stream::once(listed).flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// An object that comes in parts.
#[derive(Debug)]
struct Parts {
    store: Mortal,
    path: Path,
    upload: Box<dyn MultipartUpload>,
    first: Bytes,
}

#[async_trait]
impl MultipartUpload for Parts {
    fn put_part(&mut self, payload: PutPayload) -> UploadPart {
        if self.first.is_empty() {
            self.first = bytes_of(&payload);
        }
        let (store, put) = (self.store.clone(), self.upload.put_part(payload));
        let put = async move {
            store.halt(Moment::Before(Request::Part)).await;
            put.await
        };
        put.boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        // What a store may show that does not make it whole at once.
        let put = Request::Put(self.path.clone(), self.first.clone());
        self.store.halt(Moment::Before(put.clone())).await;
        let done = self.upload.complete().await;
        self.store.halt(Moment::After(put)).await;
        done
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}
