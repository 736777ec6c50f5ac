//! Series, stores and blocks for the tests.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::stream::BoxStream;
use narthex_block::{
    Block, PageCache, SLICE_MS, TimeBounds, Ulid, WriteOptions, block_order, write,
};
use narthex_model::{Labels, Matcher};
use narthex_storage::{SelectRequest, Series, TimeRange};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetRange, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

pub(crate) const ULID: Ulid = Ulid::from_parts(1_700_000_000_000, 7);

pub(crate) fn series(
    pairs: &[(&str, &str)],
    samples: impl IntoIterator<Item = (i64, f64)>,
) -> Series {
    let (timestamps, values): (Vec<i64>, Vec<f64>) = samples.into_iter().unzip();
    let labels = Labels::from_pairs(pairs.iter().copied());
    Series::of_numbers(labels, timestamps, values)
}

pub(crate) fn options(range: Range<i64>) -> WriteOptions {
    WriteOptions {
        ulid: ULID,
        range: TimeBounds {
            start_ms: range.start,
            end_ms: range.end,
        },
        slice_ms: SLICE_MS,
        sources: Vec::new(),
    }
}

pub(crate) fn folder() -> Path {
    Path::from(ULID.to_string())
}

/// Sorts series and writes them.
pub(crate) async fn publish(
    store: &Arc<dyn ObjectStore>,
    mut series: Vec<Series>,
    options: &WriteOptions,
) -> Arc<Block> {
    series.sort_by(|a, b| block_order(&a.labels, &b.labels));
    let meta = write(store.as_ref(), &folder(), series, options).await;
    let meta = meta.unwrap().unwrap();
    let block = Block::open(Arc::clone(store), &folder(), &cache()).await;
    let block = block.unwrap();
    assert_eq!(*block.meta(), meta);
    Arc::new(block)
}

pub(crate) fn cache() -> Arc<PageCache> {
    Arc::new(PageCache::new(64 << 20))
}

pub(crate) fn memory() -> Arc<dyn ObjectStore> {
    Arc::new(InMemory::new())
}

pub(crate) fn request(matchers: Vec<Matcher>, range: TimeRange) -> SelectRequest {
    SelectRequest { matchers, range }
}

/// Counts what is read of a store.
#[derive(Debug, Default)]
pub(crate) struct Counting {
    pub(crate) inner: InMemory,
    pub(crate) bytes: AtomicU64,
    pub(crate) requests: AtomicU64,
}

impl Counting {
    pub(crate) fn take(&self) -> (u64, u64) {
        let requests = self.requests.swap(0, Ordering::SeqCst);
        (requests, self.bytes.swap(0, Ordering::SeqCst))
    }
}

impl std::fmt::Display for Counting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counting")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Counting {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.inner.put_opts(path, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        if let Some(GetRange::Bounded(range)) = &options.range {
            let bytes = range.end - range.start;
            self.bytes.fetch_add(bytes, Ordering::SeqCst);
        }
        self.inner.get_opts(path, options).await
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let bytes: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        self.bytes.fetch_add(bytes, Ordering::SeqCst);
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.inner.get_ranges(path, ranges).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
