//! Reads parts of one file, checking every byte first.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::DecodeResult;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder};

use crate::Fault;
use crate::meta::{BlockMeta, FileMeta, META_FILE};
use crate::remote::Remote;
use crate::sums::{SUM_BYTES, Sums};

/// Parts that are nearer than this are read as one: a request costs more than the bytes between.
const GAP_BYTES_MAX: u64 = 128 << 10;

/// How much of a file's end is read at once for its footer and page indexes.
const FOOTER_BYTES: u64 = SUM_BYTES;

/// `meta.json` is not longer than this: at 32 KiB a checksum, a block of 4 TiB.
const META_BYTES_MAX: u64 = 1 << 30;

/// The folder of a block, and how its files are read.
#[derive(Debug, Clone)]
pub(crate) enum FileSource {
    /// On a store that answers at once.
    Near(Arc<dyn ObjectStore>, Path),
    /// On a store where a request takes long.
    Remote(Arc<Remote>, Path),
}

impl FileSource {
    fn store(&self) -> &dyn ObjectStore {
        match self {
            Self::Near(store, _) => store.as_ref(),
            Self::Remote(remote, _) => remote.store().as_ref(),
        }
    }

    fn path(&self, file: &str) -> Path {
        let (Self::Near(_, folder) | Self::Remote(_, folder)) = self;
        folder.clone().join(file)
    }

    /// A small file that no `meta.json` names; `None` where there is none.
    pub(crate) async fn read_small(&self, file: &str, max: usize) -> Result<Option<Bytes>, Fault> {
        let got = match self.store().get(&self.path(file)).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            got => got?,
        };
        if got.meta.size > max as u64 {
            return Err(Fault::format(format!("{} bytes", got.meta.size)));
        }
        Ok(Some(got.bytes().await?))
    }

    /// Puts a file in the place of the one of that name, at once.
    pub(crate) async fn replace(&self, file: &str, bytes: Vec<u8>) -> Result<(), Fault> {
        self.store().put(&self.path(file), bytes.into()).await?;
        Ok(())
    }

    /// A file, whose presence is not looked at.
    pub(crate) fn open(&self, file: &str, meta: &FileMeta) -> Result<VerifiedFile, Fault> {
        Ok(VerifiedFile {
            source: self.clone(),
            path: self.path(file),
            sums: Arc::new(Sums::of(meta)?),
        })
    }

    /// Whether a file is there and has the length that it should have.
    pub(crate) async fn check_size(&self, file: &str, meta: &FileMeta) -> Result<(), Fault> {
        let found = self.store().head(&self.path(file)).await?.size;
        let expected = meta.size;
        match found == expected {
            true => Ok(()),
            false => Err(Fault::Size { found, expected }),
        }
    }

    /// What the block called `name` holds.
    pub(crate) async fn read_meta(&self, name: &str) -> Result<BlockMeta, Fault> {
        Ok(self.read_meta_text(name).await?.1)
    }

    /// The same, and the document.
    pub(crate) async fn read_meta_text(&self, name: &str) -> Result<(Bytes, BlockMeta), Fault> {
        let got = self.store().get(&self.path(META_FILE)).await?;
        if got.meta.size > META_BYTES_MAX {
            return Err(Fault::format(format!("{} bytes", got.meta.size)));
        }
        let text = got.bytes().await?;
        let meta = BlockMeta::from_json(&text, name)?;
        Ok((text, meta))
    }
}

/// A file of a block. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct VerifiedFile {
    source: FileSource,
    path: Path,
    sums: Arc<Sums>,
}

impl VerifiedFile {
    /// Reads the Parquet footer, without the page indexes.
    pub(crate) async fn parquet(&self) -> Result<ParquetMetaData, Fault> {
        let size = self.sums.size();
        let mut decoder = ParquetMetaDataPushDecoder::try_new(size)?
            .with_page_index_policy(PageIndexPolicy::Skip);
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
                    check_stretches(&metadata, size)?;
                    return Ok(metadata);
                }
                DecodeResult::Finished => {
                    return Err(Fault::format("the footer ends too early"));
                }
            }
        }
    }

    /// Reads ranges, each checked before it is given out.
    pub(crate) async fn read(&self, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, Fault> {
        match &self.source {
            FileSource::Near(store, _) => self.read_near(store.as_ref(), ranges).await,
            FileSource::Remote(remote, _) => remote.read(&self.path, &self.sums, ranges).await,
        }
    }

    async fn read_near(
        &self,
        store: &dyn ObjectStore,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>, Fault> {
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
        let parts = store.get_ranges(&self.path, &merged).await?;
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
        async move { Ok(Arc::new(self.parquet().await?)) }.boxed()
    }
}

/// Whether every column of every row group lies in the file. The Parquet reader takes that for
/// granted, and ends the thread where it is not so.
fn check_stretches(metadata: &ParquetMetaData, size: u64) -> Result<(), Fault> {
    for column in metadata
        .row_groups()
        .iter()
        .flat_map(|group| group.columns())
    {
        let dictionary = column.dictionary_page_offset();
        let start = dictionary.unwrap_or_else(|| column.data_page_offset());
        let length = column.compressed_size();
        let end = u64::try_from(start).ok().and_then(|start| {
            let length = u64::try_from(length).ok()?;
            start.checked_add(length)
        });
        if end.is_none_or(|end| end > size) || column.data_page_offset() < start {
            let column = column.column_path();
            return Err(Fault::format(format!(
                "column {column} is said to have {length} bytes from {start} of {size}"
            )));
        }
    }
    Ok(())
}
