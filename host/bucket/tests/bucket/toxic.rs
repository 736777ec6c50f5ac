//! A store that goes wrong in all the ways that real ones do, as a seed says.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result,
};

/// Faults come with this chance, in a hundred.
const FAULTS_PER_HUNDRED: u64 = 12;

#[derive(Debug)]
pub(crate) struct Toxic {
    pub(crate) inner: Arc<InMemory>,
    is_sick: Arc<AtomicBool>,
    dice: Dice,
    /// Whether a listing may be as it was some time ago.
    is_late: bool,
    /// What the bucket had when it was listed before.
    listed: Arc<Mutex<Vec<ObjectMeta>>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Dice(Arc<Mutex<u64>>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(
            seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        )))
    }

    /// A number below `sides`.
    pub(crate) fn throw(&self, sides: u64) -> u64 {
        let mut state = self.0.lock().unwrap();
        // xorshift64*
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }
}

/// What goes wrong with a request.
enum Fault {
    /// It does not come to the store.
    Refused,
    /// It is done, and the answer is lost.
    LostAnswer,
    /// It is never answered.
    Stalled,
    /// A part of the body is lost on the way.
    Truncated,
    /// It is done twice.
    Twice,
}

impl Toxic {
    pub(crate) fn new(dice: Dice) -> Self {
        Self {
            inner: Arc::new(InMemory::new()),
            is_sick: Arc::new(AtomicBool::new(true)),
            dice,
            is_late: true,
            listed: Arc::default(),
        }
    }

    /// One whose listings show what is there, as those of the stores do that several workers may
    /// share.
    pub(crate) fn current(inner: Arc<InMemory>, dice: Dice) -> Self {
        Self {
            inner,
            is_late: false,
            ..Self::new(dice)
        }
    }

    pub(crate) fn heal(&self) {
        self.is_sick.store(false, Ordering::SeqCst);
    }

    fn fault(&self) -> Option<Fault> {
        let is_sick = self.is_sick.load(Ordering::SeqCst);
        if !is_sick || self.dice.throw(100) >= FAULTS_PER_HUNDRED {
            return None;
        }
        Some(match self.dice.throw(5) {
            0 => Fault::Refused,
            1 => Fault::LostAnswer,
            2 => Fault::Stalled,
            3 => Fault::Truncated,
            _ => Fault::Twice,
        })
    }
}

fn error(text: &str) -> Error {
    Error::Generic {
        store: "toxic",
        source: text.to_owned().into(),
    }
}

async fn stall<T>() -> Result<T> {
    std::future::pending().await
}

impl fmt::Display for Toxic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Toxic")
    }
}

#[async_trait]
impl ObjectStore for Toxic {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        match self.fault() {
            None => self.inner.put_opts(path, payload, options).await,
            Some(Fault::Refused) => Err(error("503")),
            Some(Fault::Stalled) => stall().await,
            Some(Fault::LostAnswer) => {
                self.inner.put_opts(path, payload, options).await?;
                Err(error("connection reset"))
            }
            Some(Fault::Truncated) => {
                // The store says that it has it, and has only the beginning.
                let whole: Vec<u8> = payload.iter().flat_map(|part| part.to_vec()).collect();
                let half = whole[..whole.len() / 2].to_vec();
                self.inner.put_opts(path, half.into(), options).await
            }
            Some(Fault::Twice) => {
                self.inner
                    .put_opts(path, payload.clone(), options.clone())
                    .await?;
                self.inner.put_opts(path, payload, options).await
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        match self.fault() {
            None => self.inner.put_multipart_opts(path, options).await,
            _ => Err(error("503")),
        }
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        match self.fault() {
            Some(Fault::Refused | Fault::LostAnswer) => Err(error("503")),
            Some(Fault::Stalled) => stall().await,
            Some(Fault::Truncated) if !options.head => {
                let mut got = self.inner.get_opts(path, options).await?;
                let (meta, range) = (got.meta.clone(), got.range.clone());
                let attributes = std::mem::take(&mut got.attributes);
                let bytes = got.bytes().await?;
                let half = bytes.slice(..bytes.len() / 2);
                let mut parts = vec![Ok(half)];
                // Some stores say that the body broke off, others just end it.
                if self.dice.throw(2) == 0 {
                    parts.push(Err(error("connection reset")));
                }
                Ok(GetResult {
                    payload: GetResultPayload::Stream(stream::iter(parts).boxed()),
                    meta,
                    range,
                    attributes,
                    extensions: Default::default(),
                })
            }
            _ => self.inner.get_opts(path, options).await,
        }
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let fault = self.fault();
        let inner = Arc::clone(&self.inner);
        let deleted = paths.and_then(move |path| {
            let inner = Arc::clone(&inner);
            async move { inner.delete(&path).await.map(|()| path) }
        });
        match fault {
            None | Some(Fault::Twice | Fault::Truncated) => deleted.boxed(),
            Some(Fault::Refused) => stream::once(async { Err(error("503")) }).boxed(),
            Some(Fault::Stalled) => stream::once(stall()).boxed(),
            Some(Fault::LostAnswer) => deleted
                .and_then(|_| async { Err(error("connection reset")) })
                .boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (inner, listed) = (Arc::clone(&self.inner), Arc::clone(&self.listed));
        let prefix = prefix.cloned();
        match self.fault() {
            Some(Fault::Refused) => stream::once(async { Err(error("503")) }).boxed(),
            Some(Fault::Stalled) => stream::once(stall()).boxed(),
            // As it was some time ago.
            Some(Fault::LostAnswer | Fault::Twice) if self.is_late => {
                let mut before = listed.lock().unwrap().clone();
                before.retain(|object| {
                    let mut prefix = prefix.iter();
                    prefix.all(|prefix| object.location.prefix_matches(prefix))
                });
                stream::iter(before.into_iter().map(Ok)).boxed()
            }
            fault => stream::once(async move {
                let now: Vec<ObjectMeta> = inner.list(prefix.as_ref()).try_collect().await?;
                if prefix.is_none() {
                    listed.lock().unwrap().clone_from(&now);
                }
                let broken = matches!(fault, Some(Fault::Truncated));
                let shown = if broken { now.len() / 2 } else { now.len() };
                let end = broken.then(|| Err(error("connection reset")));
                let shown = now.into_iter().take(shown).map(Ok).chain(end);
                Ok::<_, Error>(stream::iter(shown.collect::<Vec<_>>()))
            })
            .try_flatten()
            .boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
