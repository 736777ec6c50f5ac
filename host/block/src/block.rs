//! Reads a block.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use narthex_model::{Labels, Matcher};
use narthex_storage::{LabelsRequest, SelectRequest, Series, TimeRange};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use roaring::RoaringBitmap;

use crate::chunks::CHUNKS_FILE;
use crate::file::VerifiedFile;
use crate::index::{INDEX_FILE, Index};
use crate::meta::{BlockMeta, META_FILE};
use crate::page::PageCache;
use crate::scan::{PageRows, Scan};
use crate::series::{SERIES_FILE, SeriesPage};
use crate::table::Table;
use crate::times::TIMES_FILE;
use crate::{BlockError, Fault, postings};

/// `meta.json` is not longer than this: at 32 KiB a checksum, a block of 4 TiB.
const META_BYTES_MAX: u64 = 1 << 30;

/// A published block.
#[derive(Debug)]
pub struct Block {
    meta: BlockMeta,
    pub(crate) series: Table,
    pub(crate) index: Index,
    pub(crate) times: Table,
    pub(crate) chunks: Table,
}

impl Block {
    /// Opens the block in `folder`, whose last part is the block's name. Only `meta.json` is
    /// read; the other files must be there and have the right length. What is read later stays
    /// in `cache` while there is room.
    ///
    /// # Errors
    /// The block is damaged, of a later version, or not one.
    pub async fn open(
        store: Arc<dyn ObjectStore>,
        folder: &Path,
        cache: &Arc<PageCache>,
    ) -> Result<Self, BlockError> {
        let name = folder.filename().unwrap_or_default();
        let meta = read_meta(store.as_ref(), folder, name).await;
        let meta = meta.map_err(|fault| fault.of(name, META_FILE))?;
        let rows = meta.stats.series;
        let series = u32::try_from(rows).map_err(|_| {
            let fault = Fault::format(format!("{rows} series"));
            fault.of(name, META_FILE)
        })?;
        let table = async |file: &'static str| {
            let opened = match meta.files.get(file) {
                None => Err(Fault::format("meta.json does not name it")),
                Some(file_meta) => {
                    let path = folder.clone().join(file);
                    VerifiedFile::open(Arc::clone(&store), path, file_meta).await
                }
            };
            let opened = opened.map_err(|fault| fault.of(name, file))?;
            Ok(Table::new(name, file, opened, cache))
        };
        Ok(Self {
            series: table(SERIES_FILE).await?,
            index: Index::new(table(INDEX_FILE).await?, series),
            times: table(TIMES_FILE).await?,
            chunks: table(CHUNKS_FILE).await?,
            meta,
        })
    }

    /// What the block holds.
    pub fn meta(&self) -> &BlockMeta {
        &self.meta
    }

    /// From the first to the last sample.
    pub fn span(&self) -> TimeRange {
        TimeRange {
            start_ms: self.meta.min_time_ms,
            end_ms: self.meta.max_time_ms,
        }
    }

    /// The samples of all series that match, in [`crate::block_order`].
    ///
    /// # Errors
    /// A file is damaged or the store fails, here or in the stream.
    pub async fn select(
        self: Arc<Self>,
        request: &SelectRequest,
    ) -> Result<BoxStream<'static, Result<Series, BlockError>>, BlockError> {
        let Some(rows) = self.rows(&request.matchers, request.range).await? else {
            return Ok(stream::empty().boxed());
        };
        let scan = Scan::new(self, rows, request.range);
        let series = stream::try_unfold(scan, |mut scan| async move {
            let series = scan.next().await?;
            Ok(series.map(|series| (series, scan)))
        });
        Ok(series.boxed())
    }

    /// The label sets of all series that match and may have a sample in the range, in
    /// [`crate::block_order`].
    ///
    /// # Errors
    /// A file is damaged or the store fails.
    pub async fn series(&self, request: &SelectRequest) -> Result<Vec<Labels>, BlockError> {
        let Some(rows) = self.rows(&request.matchers, request.range).await? else {
            return Ok(Vec::new());
        };
        let read = async || {
            let mut found = Vec::new();
            for (page, rows) in PageRows::new(rows, self.index.series()) {
                for series in self.series.pages::<SeriesPage>(&[page]).await? {
                    let spans = rows
                        .iter()
                        .filter(|row| series.span(**row).overlaps(request.range));
                    found.extend(spans.map(|row| series.labels(*row).clone()));
                }
            }
            Ok(found)
        };
        read().await.map_err(|fault| self.series.blame(fault))
    }

    /// The label names of the series that match, sorted; the whole block answers where it
    /// overlaps the range.
    ///
    /// # Errors
    /// A file is damaged or the store fails.
    pub async fn label_names(&self, request: &LabelsRequest) -> Result<Vec<String>, BlockError> {
        let Some(of) = self.matching(&request.matchers, request.range).await? else {
            return Ok(Vec::new());
        };
        let names = self.index.label_names(of.as_ref()).await;
        names.map_err(|fault| self.index.table.blame(fault))
    }

    /// The values of one label of the series that match, sorted; the whole block answers where
    /// it overlaps the range.
    ///
    /// # Errors
    /// A file is damaged or the store fails.
    pub async fn label_values(
        &self,
        name: &str,
        request: &LabelsRequest,
    ) -> Result<Vec<String>, BlockError> {
        let Some(of) = self.matching(&request.matchers, request.range).await? else {
            return Ok(Vec::new());
        };
        let values = self.index.values(name, of.as_ref()).await;
        values.map_err(|fault| self.index.table.blame(fault))
    }

    /// The series that match: `None` for none of them, `Some(None)` for all.
    async fn matching(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Option<Option<RoaringBitmap>>, BlockError> {
        if range.start_ms > range.end_ms || !self.span().overlaps(range) {
            return Ok(None);
        }
        let rows = postings::select(&self.index, matchers).await;
        let rows = rows.map_err(|fault| self.index.table.blame(fault))?;
        Ok(match rows {
            Some(rows) if rows.is_empty() => None,
            rows => Some(rows),
        })
    }

    /// The rows of the series that match, `None` for none.
    async fn rows(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Option<RoaringBitmap>, BlockError> {
        let matching = self.matching(matchers, range).await?;
        let all = || (0..self.index.series()).collect();
        Ok(matching.map(|rows| rows.unwrap_or_else(all)))
    }

    /// The slices that may have a sample in the range: where their rows start, by time.
    pub(crate) fn slices(&self, range: TimeRange) -> Vec<usize> {
        let series = self.index.series() as usize;
        let mut slices: Vec<(i64, usize)> = self
            .meta
            .slices_ms
            .iter()
            .enumerate()
            .map(|(index, start_ms)| (*start_ms, index * series))
            .filter(|(start_ms, _)| {
                let slice = TimeRange {
                    start_ms: *start_ms,
                    end_ms: start_ms.saturating_add(self.meta.slice_ms - 1),
                };
                slice.overlaps(range)
            })
            .collect();
        slices.sort_unstable();
        slices.into_iter().map(|(_, first_row)| first_row).collect()
    }
}

async fn read_meta(store: &dyn ObjectStore, folder: &Path, name: &str) -> Result<BlockMeta, Fault> {
    let got = store.get(&folder.clone().join(META_FILE)).await?;
    if got.meta.size > META_BYTES_MAX {
        return Err(Fault::format(format!("{} bytes", got.meta.size)));
    }
    BlockMeta::from_json(&got.bytes().await?, name)
}
