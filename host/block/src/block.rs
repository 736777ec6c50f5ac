//! Reads a block.

use std::ops::Range;
use std::sync::Arc;

use arc_swap::ArcSwap;
use async_recursion::async_recursion as boxed;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use narthex_model::{Labels, Matcher};
use narthex_storage::{LabelsRequest, SelectRequest, Series, TimeRange};
use object_store::ObjectStore;
use object_store::path::Path;
use roaring::RoaringBitmap;

use crate::chunks::CHUNKS_FILE;
use crate::extras::Extras;
use crate::file::FileSource;
use crate::index::{INDEX_FILE, Index};
use crate::meta::{BlockMeta, META_FILE};
use crate::page::PageCache;
use crate::remote::Remote;
use crate::scan::{PageRows, Scan};
use crate::series::{SERIES_FILE, SeriesPage};
use crate::side::{HISTOGRAMS_FILE, STARTS_FILE, SideTable};
use crate::slice_times::SliceTimes;
use crate::table::Table;
use crate::times::TIMES_FILE;
use crate::tombstones::Tombstones;
use crate::{BlockError, Fault, postings};

/// A published block.
#[derive(Debug)]
pub struct Block {
    meta: BlockMeta,
    pub(crate) source: FileSource,
    /// What of it is deleted.
    pub(crate) tombstones: ArcSwap<Tombstones>,
    /// One deletion at a time.
    pub(crate) deleting: futures::lock::Mutex<()>,
    pub(crate) series: Table,
    pub(crate) index: Index,
    pub(crate) times: Table,
    pub(crate) chunks: Table,
    pub(crate) slice_times: SliceTimes,
    /// Where some series have more than numbers.
    pub(crate) extras: Extras<Option<SideTable>>,
}

impl Block {
    /// Opens the block in `folder`, whose last part is the block's name. Only `meta.json` and what
    /// is deleted is read; the other files must be there and have the right length. What is read later stays
    /// in `cache` while there is room.
    ///
    /// # Errors
    /// The block is damaged, of a later version, or not one.
    #[boxed]
    pub async fn open(
        store: Arc<dyn ObjectStore>,
        folder: &Path,
        cache: &Arc<PageCache>,
    ) -> Result<Self, BlockError> {
        let name = folder.filename().unwrap_or_default();
        let source = FileSource::Near(store, folder.clone());
        let meta = source.read_meta(name).await;
        let meta = meta.map_err(|fault| fault.of(name, META_FILE))?;
        for (file, file_meta) in &meta.files {
            let checked = source.check_size(file, file_meta).await;
            checked.map_err(|fault| fault.of(name, file))?;
        }
        let block = Self::new(meta, source, cache)?;
        block.read_tombstones().await?;
        Ok(block)
    }

    /// A block of a store far away, of which `meta` was read before. Nothing is asked for until
    /// it is wanted.
    ///
    /// # Errors
    /// `meta` contradicts itself.
    pub fn remote(
        remote: &Arc<Remote>,
        folder: &Path,
        meta: BlockMeta,
        cache: &Arc<PageCache>,
    ) -> Result<Self, BlockError> {
        let source = FileSource::Remote(Arc::clone(remote), folder.clone());
        Self::new(meta, source, cache)
    }

    fn new(
        meta: BlockMeta,
        source: FileSource,
        cache: &Arc<PageCache>,
    ) -> Result<Self, BlockError> {
        let name = &meta.ulid;
        let rows = meta.stats.series;
        let series = u32::try_from(rows).map_err(|_| {
            let fault = Fault::format(format!("{rows} series"));
            fault.of(name, META_FILE)
        })?;
        let table = |file: &'static str| {
            let opened = match meta.files.get(file) {
                None => Err(Fault::format("meta.json does not name it")),
                Some(file_meta) => source.open(file, file_meta),
            };
            let opened = opened.map_err(|fault| fault.of(name, file))?;
            Ok::<_, BlockError>(Table::new(name, file, opened, cache))
        };
        let side = |file: &'static str| match meta.files.contains_key(file) {
            true => Ok::<_, BlockError>(Some(SideTable::new(table(file)?))),
            false => Ok(None),
        };
        Ok(Self {
            extras: Extras {
                histograms: side(HISTOGRAMS_FILE)?,
                starts: side(STARTS_FILE)?,
            },
            series: table(SERIES_FILE)?,
            index: Index::new(table(INDEX_FILE)?, series),
            times: table(TIMES_FILE)?,
            chunks: table(CHUNKS_FILE)?,
            slice_times: SliceTimes::default(),
            tombstones: ArcSwap::default(),
            deleting: futures::lock::Mutex::default(),
            source,
            meta,
        })
    }

    /// What the block holds.
    pub fn meta(&self) -> &BlockMeta {
        &self.meta
    }

    /// `meta.json` as it is in the store. It is read again, and checked.
    ///
    /// # Errors
    /// The store fails, or the file is no longer what it was.
    #[boxed]
    pub async fn meta_json(&self) -> Result<Bytes, BlockError> {
        let name = &self.meta.ulid;
        let text = self.source.read_meta_text(name).await;
        let (text, meta) = text.map_err(|fault| fault.of(name, META_FILE))?;
        if meta != self.meta {
            let fault = Fault::format("it is another one than when the block was opened");
            return Err(fault.of(name, META_FILE));
        }
        Ok(text)
    }

    /// Bytes of a file of [`BlockMeta::files`], checked.
    ///
    /// # Errors
    /// The store fails, the bytes are not those that were written, or there are none there.
    #[boxed]
    pub async fn file_bytes(&self, file: &str, range: Range<u64>) -> Result<Bytes, BlockError> {
        let read = async {
            let meta = self.meta.files.get(file);
            let meta = meta.ok_or_else(|| Fault::format("meta.json does not name it"))?;
            let mut parts = self.source.open(file, meta)?.read(&[range]).await?;
            parts.pop().ok_or_else(|| Fault::format("no bytes"))
        };
        let bytes: Result<Bytes, Fault> = read.await;
        bytes.map_err(|fault| fault.of(&self.meta.ulid, file))
    }

    /// Whether a request for a part of it takes long.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self.source, FileSource::Remote(..))
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
    #[boxed]
    pub async fn select(
        self: Arc<Self>,
        request: &SelectRequest,
    ) -> Result<BoxStream<'static, Result<Series, BlockError>>, BlockError> {
        let Some(rows) = self.rows(&request.matchers, request.range).await? else {
            return Ok(stream::empty().boxed());
        };
        let tombstones = self.tombstones.load_full();
        let scan = Scan::new(self, rows, request.range, tombstones);
        let pages = stream::try_unfold(Box::new(scan), |mut scan| async move {
            let pages = scan.read().await?;
            Ok(pages.map(|pages| (pages, scan)))
        });
        Ok(pages.map_ok(stream::iter).try_flatten().boxed())
    }

    /// The label sets of all series that match and may have a sample in the range, in
    /// [`crate::block_order`].
    ///
    /// # Errors
    /// A file is damaged or the store fails.
    #[boxed]
    pub async fn series(&self, request: &SelectRequest) -> Result<Vec<Labels>, BlockError> {
        self.label_sets(request, usize::MAX).await
    }

    /// As [`Self::series`], and no more than `limit` of them.
    ///
    /// # Errors
    /// A file is damaged or the store fails.
    #[boxed]
    pub async fn label_sets(
        &self,
        request: &SelectRequest,
        limit: usize,
    ) -> Result<Vec<Labels>, BlockError> {
        let Some(rows) = self.rows(&request.matchers, request.range).await? else {
            return Ok(Vec::new());
        };
        let tombstones = self.tombstones.load_full();
        let mut found = Vec::new();
        let found_all = self.spans(rows, request.range, |row, span, labels| {
            if !tombstones.hides(row, span, request.range) && found.len() < limit {
                found.push(labels.clone());
            }
            found.len() < limit
        });
        found_all.await.map_err(|fault| self.series.blame(fault))?;
        Ok(found)
    }

    /// Tells of each of the rows that may have a sample in the range from when to when it has
    /// samples, as long as there shall be more.
    pub(crate) async fn spans(
        &self,
        rows: RoaringBitmap,
        range: TimeRange,
        mut found: impl FnMut(u32, TimeRange, &Labels) -> bool,
    ) -> Result<(), Fault> {
        for (page, rows) in PageRows::new(rows, self.index.series()) {
            let first = page.start;
            for series in self.series.pages::<SeriesPage>(&[page]).await? {
                for row in &rows {
                    let span = series.span(*row);
                    let number = u32::try_from(first + row).unwrap_or(u32::MAX);
                    if span.overlaps(range) && !found(number, span, series.labels(*row)) {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// The label names of the series that match, sorted; the whole block answers where it
    /// overlaps the range.
    ///
    /// # Errors
    /// A file is damaged or the store fails.
    #[boxed]
    pub async fn label_names(&self, request: &LabelsRequest) -> Result<Vec<String>, BlockError> {
        let Some(of) = self.matching(&request.matchers, request.range).await? else {
            return Ok(Vec::new());
        };
        let limit = request.limit.unwrap_or(usize::MAX);
        let names = self.index.label_names(of.as_ref(), limit).await;
        names.map_err(|fault| self.index.table.blame(fault))
    }

    /// The values of one label of the series that match, sorted; the whole block answers where
    /// it overlaps the range.
    ///
    /// # Errors
    /// A file is damaged or the store fails.
    #[boxed]
    pub async fn label_values(
        &self,
        name: &str,
        request: &LabelsRequest,
    ) -> Result<Vec<String>, BlockError> {
        let Some(of) = self.matching(&request.matchers, request.range).await? else {
            return Ok(Vec::new());
        };
        let limit = request.limit.unwrap_or(usize::MAX);
        let values = self.index.values(name, of.as_ref(), limit).await;
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
    pub(crate) async fn rows(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Option<RoaringBitmap>, BlockError> {
        let matching = self.matching(matchers, range).await?;
        let all = || {
            let mut all = RoaringBitmap::new();
            all.insert_range(0..self.index.series());
            all
        };
        Ok(matching.map(|rows| rows.unwrap_or_else(all)))
    }

    /// Whether some series may have more than numbers.
    pub(crate) fn has_extras(&self) -> bool {
        self.extras.histograms.is_some() || self.extras.starts.is_some()
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

    /// Where slices start that may have a sample in the range.
    pub(crate) fn slice_starts(&self, range: TimeRange) -> TimeRange {
        TimeRange {
            start_ms: range.start_ms.saturating_sub(self.meta.slice_ms - 1),
            end_ms: range.end_ms,
        }
    }
}
