//! Reads parts of one file, checking every byte first.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::DecodeResult;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder};

use crate::Fault;
use crate::meta::FileMeta;
use crate::sums::{SUM_BYTES, Sums};

/// Parts that are nearer than this are read as one: a request costs more than the bytes between.
const GAP_BYTES_MAX: u64 = 128 << 10;

/// How much of a file's end is read at once for its footer and page indexes.
const FOOTER_BYTES: u64 = SUM_BYTES;

/// A file of a block. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct VerifiedFile {
    store: Arc<dyn ObjectStore>,
    path: Path,
    sums: Arc<Sums>,
}

impl VerifiedFile {
    /// A file whose length is as it should be.
    pub(crate) async fn open(
        store: Arc<dyn ObjectStore>,
        path: Path,
        meta: &FileMeta,
    ) -> Result<Self, Fault> {
        let sums = Arc::new(Sums::of(meta)?);
        let found = store.head(&path).await?.size;
        if found != meta.size {
            let expected = meta.size;
            return Err(Fault::Size { found, expected });
        }
        Ok(Self { store, path, sums })
    }

    /// Reads the Parquet footer and the page indexes.
    pub(crate) async fn parquet(&self) -> Result<ArrowReaderMetadata, Fault> {
        let size = self.sums.size();
        let mut decoder = ParquetMetaDataPushDecoder::try_new(size)?
            .with_column_index_policy(PageIndexPolicy::Optional)
            .with_offset_index_policy(PageIndexPolicy::Required);
        let mut wanted = vec![Range {
            start: size.saturating_sub(FOOTER_BYTES),
            end: size,
        }];
        loop {
            let parts = self.read(&wanted).await?;
            decoder.push_ranges(wanted, parts)?;
            match decoder.try_decode()? {
                DecodeResult::NeedsData(ranges) => wanted = ranges,
                DecodeResult::Data(metadata) => {
                    let options = ArrowReaderOptions::new();
                    return Ok(ArrowReaderMetadata::try_new(Arc::new(metadata), options)?);
                }
                DecodeResult::Finished => {
                    return Err(Fault::format("the footer ends too early"));
                }
            }
        }
    }

    async fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, Fault> {
        let mut wide = ranges
            .iter()
            .map(|range| self.sums.widen(range))
            .collect::<Result<Vec<_>, _>>()?;
        wide.sort_by_key(|range| range.start);
        let mut merged: Vec<Range<u64>> = Vec::with_capacity(wide.len());
        for range in wide {
            match merged.last_mut() {
                Some(last) if range.start <= last.end + GAP_BYTES_MAX => {
                    last.end = last.end.max(range.end);
                }
                _ => merged.push(range),
            }
        }
        let parts = self.store.get_ranges(&self.path, &merged).await?;
        if parts.len() != merged.len() {
            return Err(Fault::format("the store did not answer for each part"));
        }
        for (range, part) in merged.iter().zip(&parts) {
            if part.len() as u64 != range.end - range.start {
                let found = range.start + part.len() as u64;
                let expected = self.sums.size();
                return Err(Fault::Size { found, expected });
            }
            self.sums.verify(range.start, part)?;
        }
        let within = |range: &Range<u64>| {
            let index = merged.partition_point(|part| part.start <= range.start) - 1;
            let offset = |at: u64| usize::try_from(at - merged[index].start).unwrap_or(usize::MAX);
            parts[index].slice(offset(range.start)..offset(range.end))
        };
        Ok(ranges.iter().map(within).collect())
    }
}

impl AsyncFileReader for VerifiedFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        async move {
            let mut parts = self.read(std::slice::from_ref(&range)).await?;
            parts
                .pop()
                .ok_or_else(|| ParquetError::General("no bytes".to_owned()))
        }
        .boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        async move { Ok(self.read(&ranges).await?) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move { Ok(Arc::clone(self.parquet().await?.metadata())) }.boxed()
    }
}
