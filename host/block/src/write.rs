//! Writes a block: one pass over sorted series.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_recursion::async_recursion as boxed;
use futures::future::BoxFuture;
use narthex_model::Labels;
use narthex_storage::{Series, TimeRange};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use ulid::Ulid;

use crate::chunks::{CHUNKS_FILE, SliceRows};
use crate::extras::Extras;
use crate::index::IndexBuilder;
use crate::label_files::LabelFiles;
use crate::meta::{
    BlockMeta, BlockStats, CODEC, Compaction, FileMeta, META_FILE, TimeBounds, VERSION,
};
use crate::series::block_order;
use crate::side::{HISTOGRAMS_FILE, STARTS_FILE, SideRows, SideWriter};
use crate::sums::SUM_BYTES;
use crate::times::{Groups, TIMES_FILE};
use crate::upload::{FileWriter, properties};
use crate::{BlockError, Fault, chunks, extras, index, times};

/// The length of a time slice: two hours. Cells are never joined into longer ones.
pub const SLICE_MS: i64 = 2 * 3_600 * 1_000;

/// Rows of one row group; a whole number of pages.
pub(crate) const ROW_GROUP_ROWS: usize = 131_072;

/// Rows that are handed to the Parquet writer at a time; divides [`ROW_GROUP_ROWS`].
pub(crate) const WRITE_ROWS: usize = 1_024;

/// How a block is written.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// The block's name.
    pub ulid: Ulid,
    /// The span of time that the block will answer for. No sample lies outside.
    pub range: TimeBounds,
    /// The length of a slice, [`SLICE_MS`] unless there is a reason.
    pub slice_ms: i64,
    /// The names of blocks of another store whose samples these are; empty where there are none.
    pub sources: Vec<String>,
}

/// Writes a block into `folder` of the store, `meta.json` last. Series come in
/// [`block_order`], each once; those without a sample are left out. `Ok(None)` says that no
/// sample came, and then nothing was written.
///
/// Memory holds the index, the distinct timestamp vectors and one row group; of a block of
/// several slices, the encoded cells of all slices but one as well.
///
/// # Errors
/// The store failed, or the series break the order or the range. What was written until then
/// stays behind, without a `meta.json`.
pub async fn write(
    store: &dyn ObjectStore,
    folder: &Path,
    series: impl IntoIterator<Item = Series>,
    options: &WriteOptions,
) -> Result<Option<BlockMeta>, BlockError> {
    let block = options.ulid.to_string();
    let files = Files {
        store,
        folder,
        block: &block,
    };
    let origin = Origin {
        compaction: taken_over(&options.sources),
        log_from_ms: None,
        labels: BTreeMap::new(),
        resolution_ms: 0,
    };
    let mut writer = BlockWriter::new(files, options, origin)?;
    for series in series {
        writer.push(series).await?;
    }
    writer.finish().await
}

/// As [`write()`], of samples that the log need not keep any longer, though it may have others of
/// the same range, from `log_from_ms` on.
///
/// # Errors
/// As of [`write()`].
pub async fn write_early(
    store: &dyn ObjectStore,
    folder: &Path,
    series: impl IntoIterator<Item = Series>,
    options: &WriteOptions,
    log_from_ms: i64,
) -> Result<Option<BlockMeta>, BlockError> {
    let block = options.ulid.to_string();
    let files = Files {
        store,
        folder,
        block: &block,
    };
    let origin = Origin {
        compaction: taken_over(&options.sources),
        log_from_ms: (log_from_ms < options.range.end_ms).then_some(log_from_ms),
        labels: BTreeMap::new(),
        resolution_ms: 0,
    };
    let mut writer = BlockWriter::new(files, options, origin)?;
    for series in series {
        writer.push(series).await?;
    }
    writer.finish().await
}

/// What a block says of where its samples come from, and of what they are.
pub(crate) struct Origin {
    pub(crate) compaction: Option<Compaction>,
    pub(crate) log_from_ms: Option<i64>,
    pub(crate) labels: BTreeMap<String, String>,
    /// See [`BlockMeta::resolution_ms`].
    pub(crate) resolution_ms: i64,
}

fn taken_over(sources: &[String]) -> Option<Compaction> {
    (!sources.is_empty()).then(|| Compaction {
        level: 1,
        sources: sources.to_vec(),
        parents: Vec::new(),
    })
}

/// Makes the files of one folder.
#[derive(Clone, Copy)]
pub(crate) struct Files<'a> {
    pub(crate) store: &'a dyn ObjectStore,
    pub(crate) folder: &'a Path,
    pub(crate) block: &'a str,
}

impl<'a> Files<'a> {
    pub(crate) fn create(
        self,
        name: &'static str,
        layout: fn(WriterPropertiesBuilder) -> (SchemaRef, WriterProperties),
    ) -> Result<FileWriter<'a>, BlockError> {
        let open = || {
            let (schema, properties) = layout(properties(self.block)?);
            FileWriter::new(
                self.store,
                self.folder.clone().join(name),
                schema,
                properties,
            )
        };
        open().map_err(|fault| self.blame(name, fault))
    }

    /// The files for what is more than numbers; none is made before it is needed.
    pub(crate) fn extras(self) -> Extras<SideWriter<'a>> {
        Extras {
            histograms: SideWriter::new(self, HISTOGRAMS_FILE),
            starts: SideWriter::new(self, STARTS_FILE),
        }
    }

    pub(crate) fn blame(self, name: &str, fault: Fault) -> BlockError {
        fault.of(self.block, name)
    }

    /// Writes `meta.json`, which makes the folder a block.
    pub(crate) async fn seal(self, meta: &BlockMeta) -> Result<(), BlockError> {
        let put = async {
            let path = self.folder.clone().join(META_FILE);
            let json = meta.to_json()?;
            self.store.put(&path, json.into()).await?;
            Ok(())
        };
        let sealed: Result<(), Fault> = put.await;
        sealed.map_err(|fault| self.blame(META_FILE, fault))
    }
}

/// A block on its way to the store.
pub(crate) struct BlockWriter<'a> {
    files: Files<'a>,
    options: &'a WriteOptions,
    origin: Origin,
    chunks_file: FileWriter<'a>,
    labels: LabelFiles<'a>,
    /// The first slice that came is written while series come; the others wait.
    slices: Vec<SliceRows>,
    extras_files: Extras<SideWriter<'a>>,
    /// By slice.
    extras: Vec<Extras<SideRows>>,
    times: Groups,
    previous: Option<Labels>,
    samples: u64,
}

impl<'a> BlockWriter<'a> {
    pub(crate) fn new(
        files: Files<'a>,
        options: &'a WriteOptions,
        origin: Origin,
    ) -> Result<Self, BlockError> {
        if options.slice_ms <= 0 {
            let fault = Fault::format("a slice needs a length");
            return Err(files.blame(META_FILE, fault));
        }
        Ok(Self {
            files,
            options,
            origin,
            chunks_file: files.create(CHUNKS_FILE, chunks::layout)?,
            labels: LabelFiles::new(files)?,
            slices: Vec::new(),
            extras_files: files.extras(),
            extras: Vec::new(),
            times: Groups::default(),
            previous: None,
            samples: 0,
        })
    }

    #[boxed]
    pub(crate) async fn push(&mut self, series: Series) -> Result<(), BlockError> {
        let files = self.files;
        let blame = move |fault| files.blame(CHUNKS_FILE, fault);
        let Some(span) = self.check(&series).map_err(blame)? else {
            return Ok(());
        };
        self.place(&series).map_err(blame)?;
        self.previous = Some(series.labels.clone());
        self.samples += series.values.len() as u64;
        self.labels.push(series.labels, span).await?;
        // As far as the place of the rows in the file is known.
        if self.labels.count().is_multiple_of(WRITE_ROWS)
            && let Some(slice) = self.slices.first_mut()
        {
            let written = write_slice(&mut self.chunks_file, slice, self.labels.count()).await;
            written.map_err(blame)?;
            if let Some(extras) = self.extras.first_mut() {
                self.extras_files.append(0, extras).await?;
            }
        }
        Ok(())
    }

    /// Checks a series against what readers rely on; `None` where it has no sample.
    fn check(&self, series: &Series) -> Result<Option<TimeRange>, Fault> {
        let labels = &series.labels;
        let timestamps = &series.timestamps;
        let (Some(first), Some(last)) = (timestamps.first(), timestamps.last()) else {
            return Ok(None);
        };
        let after = |previous: &Labels| block_order(previous, labels).is_lt();
        if !self.previous.as_ref().is_none_or(after) {
            return Err(Fault::format(format!("{labels} comes out of order")));
        }
        if timestamps.len() != series.values.len() {
            return Err(Fault::format(format!(
                "{labels} has columns of two lengths"
            )));
        }
        extras::check(series)?;
        if !timestamps.is_sorted_by(|a, b| a < b) {
            return Err(Fault::format(format!(
                "the times of {labels} do not ascend"
            )));
        }
        let range = self.options.range;
        if *first < range.start_ms || *last >= range.end_ms {
            return Err(Fault::format(format!(
                "{labels} has samples outside the range of the block"
            )));
        }
        Ok(Some(TimeRange {
            start_ms: *first,
            end_ms: *last,
        }))
    }

    /// Cuts the samples of a series into slices.
    fn place(&mut self, series: &Series) -> Result<(), Fault> {
        let slice_of = |t: i64| t.div_euclid(self.options.slice_ms);
        let mut from = 0;
        while let Some(first) = series.timestamps.get(from) {
            let slice = slice_of(*first);
            let rest = &series.timestamps[from..];
            let count = rest.partition_point(|t| slice_of(*t) <= slice);
            let slice_ms = slice.saturating_mul(self.options.slice_ms);
            let timestamps = series.timestamps.slice(from, count);
            let values = &series.values[from..from + count];
            let place = self.times.place(slice_ms, &timestamps)?;
            let known = self.slices.iter().position(|s| s.slice_ms() == slice_ms);
            let at = known.unwrap_or_else(|| {
                self.slices.push(SliceRows::new(slice_ms));
                self.extras.push(Extras::default());
                self.slices.len() - 1
            });
            let cells = extras::encode(series, from..from + count)?;
            self.extras[at].push(self.labels.count(), cells);
            self.slices[at].push(self.labels.count(), place, values)?;
            from += count;
        }
        Ok(())
    }

    /// Writes what is left, `meta.json` last; none where there was no series.
    pub(crate) fn finish(self) -> BoxFuture<'a, Result<Option<BlockMeta>, BlockError>> {
        Box::pin(self.write_rest())
    }

    async fn write_rest(mut self) -> Result<Option<BlockMeta>, BlockError> {
        let series = self.labels.count();
        if series == 0 {
            return Ok(None);
        }
        let files = self.files;
        let slices_ms = self.slices.iter().map(SliceRows::slice_ms).collect();
        let labels = self.labels.finish().await?;
        let mut named: BTreeMap<String, FileMeta> = labels.files.into_iter().collect();
        let written = [
            (
                CHUNKS_FILE,
                write_chunks(self.chunks_file, self.slices, series).await,
            ),
            (
                TIMES_FILE,
                write_times(files.create(TIMES_FILE, times::layout)?, &self.times).await,
            ),
        ];
        for (name, meta) in written {
            let meta = meta.map_err(|fault| files.blame(name, fault))?;
            named.insert(name.to_owned(), meta);
        }
        for (slice, extras) in self.extras.iter_mut().enumerate() {
            let first_row = slice.saturating_mul(series);
            self.extras_files.append(first_row, extras).await?;
        }
        let Extras { histograms, starts } = self.extras_files;
        named.extend(histograms.finish().await?);
        named.extend(starts.finish().await?);
        let meta = BlockMeta {
            version: VERSION,
            ulid: files.block.to_owned(),
            codec: CODEC.to_owned(),
            range: self.options.range,
            min_time_ms: labels.span.start_ms,
            max_time_ms: labels.span.end_ms,
            slice_ms: self.options.slice_ms,
            slices_ms,
            resolution_ms: self.origin.resolution_ms,
            stats: BlockStats {
                series: series as u64,
                samples: self.samples,
                timestamp_groups: self.times.len() as u64,
                label_pairs: labels.pairs as u64,
            },
            compaction: self.origin.compaction,
            log_from_ms: self.origin.log_from_ms,
            labels: self.origin.labels,
            sum_bytes: SUM_BYTES,
            files: named,
        };
        files.seal(&meta).await?;
        Ok(Some(meta))
    }
}

/// Appends rows to a file and ends its row group when `row` rows make a whole one.
pub(crate) async fn append(
    file: &mut FileWriter<'_>,
    rows: &RecordBatch,
    row: usize,
) -> Result<(), Fault> {
    file.write(rows)?;
    if row.is_multiple_of(ROW_GROUP_ROWS) {
        file.end_row_group().await?;
    }
    Ok(())
}

/// Appends the rows of a slice up to the series `end`.
async fn write_slice(
    file: &mut FileWriter<'_>,
    slice: &mut SliceRows,
    end: usize,
) -> Result<(), Fault> {
    while slice.next() < end {
        let to = end.min(slice.next() + WRITE_ROWS);
        let rows = slice.take(to)?;
        append(file, &rows, to).await?;
    }
    Ok(())
}

/// Writes what is left of all slices. A row group has rows of one slice only.
async fn write_chunks(
    mut file: FileWriter<'_>,
    mut slices: Vec<SliceRows>,
    series: usize,
) -> Result<FileMeta, Fault> {
    for slice in &mut slices {
        write_slice(&mut file, slice, series).await?;
        file.end_row_group().await?;
    }
    file.finish().await
}

pub(crate) async fn write_index(
    mut file: FileWriter<'_>,
    index: IndexBuilder,
) -> Result<FileMeta, Fault> {
    let mut written = 0;
    let mut rows = index.into_rows().peekable();
    while rows.peek().is_some() {
        let part: Vec<_> = rows.by_ref().take(WRITE_ROWS).collect();
        written += part.len();
        append(&mut file, &index::batch(part)?, written).await?;
    }
    file.finish().await
}

async fn write_times(mut file: FileWriter<'_>, times: &Groups) -> Result<FileMeta, Fault> {
    for start in (0..times.len()).step_by(WRITE_ROWS) {
        append(
            &mut file,
            &times.rows(start, WRITE_ROWS)?,
            start + WRITE_ROWS,
        )
        .await?;
    }
    file.finish().await
}
