//! Counts what is asked of a store.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetRange, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::metrics::Operations;

/// A store whose operations are counted by kind, with the bytes that were asked for.
#[derive(Debug)]
pub(crate) struct Metered {
    store: Arc<dyn ObjectStore>,
    operations: Operations,
}

impl Metered {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, operations: Operations) -> Self {
        Self { store, operations }
    }
}

impl fmt::Display for Metered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Metered {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let result = self.store.put_opts(path, payload, options).await;
        self.operations.count("upload", &result);
        result
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let result = self.store.put_multipart_opts(path, options).await;
        self.operations.count("upload", &result);
        result
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let operation = match (&options.range, options.head) {
            (_, true) => "attributes",
            (Some(GetRange::Bounded(range)), _) => {
                self.operations.read(range.end - range.start);
                "get_range"
            }
            _ => "get",
        };
        let result = self.store.get_opts(path, options).await;
        if let Ok(got) = &result
            && operation == "get"
        {
            self.operations.read(got.range.end - got.range.start);
        }
        self.operations.count(operation, &result);
        result
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let bytes = ranges.iter().map(|range| range.end - range.start);
        self.operations.read(bytes.sum());
        let result = self.store.get_ranges(path, ranges).await;
        self.operations.count("get_range", &result);
        result
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let operations = self.operations.clone();
        let deleted = self.store.delete_stream(paths);
        deleted
            .inspect(move |result| operations.count("delete", result))
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let operations = self.operations.clone();
        operations.count("iter", &Ok::<(), object_store::Error>(()));
        let listed = self.store.list(prefix);
        listed
            .inspect(move |result| {
                if result.is_err() {
                    operations.fail("iter");
                }
            })
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let result = self.store.list_with_delimiter(prefix).await;
        self.operations.count("iter", &result);
        result
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let result = self.store.copy_opts(from, to, options).await;
        self.operations.count("copy", &result);
        result
    }
}
