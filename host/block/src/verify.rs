//! Checks all of a block: every byte against its checksum, every cell by decoding it, and what
//! readers rely on against what is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use futures::TryStreamExt;
use narthex_model::Labels;
use narthex_storage::{SelectRequest, Series, TimeRange};
use object_store::ObjectStore;
use object_store::path::Path;
use roaring::RoaringBitmap;

use crate::chunks::CHUNKS_FILE;
use crate::file::FileSource;
use crate::index::INDEX_FILE;
use crate::meta::{BlockMeta, FileMeta, META_FILE};
use crate::series::{SERIES_FILE, block_order};
use crate::sums::{SUM_BYTES, Summing};
use crate::{Block, BlockError, Fault, PageCache};

/// Bytes of a file that are read at a time.
const READ_BYTES: u64 = 256 * SUM_BYTES;

/// So many faults of one file are named; the file is not read any further then.
const FAULTS_MAX: usize = 16;

/// Pages that are kept while the contents are checked.
const CACHE_BYTES: u64 = 64 << 20;

/// Checks the block in `folder`, and says all that is wrong with it. Where bytes are damaged, the
/// contents are not looked at. Memory holds the index of the block.
#[boxed]
pub async fn verify(store: Arc<dyn ObjectStore>, folder: &Path) -> Vec<BlockError> {
    let name = folder.filename().unwrap_or_default();
    let source = FileSource::Near(Arc::clone(&store), folder.clone());
    let meta = match source.read_meta(name).await {
        Ok(meta) => meta,
        Err(fault) => return vec![fault.of(name, META_FILE)],
    };
    let mut errors = Vec::new();
    for (file, file_meta) in &meta.files {
        let faults = damage(&source, file, file_meta).await.into_iter();
        errors.extend(faults.map(|fault| fault.of(name, file)));
    }
    if errors.is_empty() {
        errors.extend(contents(store, folder).await.err());
    }
    errors
}

/// What is wrong with the bytes of a file.
async fn damage(source: &FileSource, file: &str, meta: &FileMeta) -> Vec<Fault> {
    if let Err(fault) = source.check_size(file, meta).await {
        return vec![fault];
    }
    let opened = match source.open(file, meta) {
        Ok(opened) => opened,
        Err(fault) => return vec![fault],
    };
    let (mut faults, mut sums, mut at) = (Vec::new(), Summing::default(), 0);
    while at < meta.size && faults.len() < FAULTS_MAX {
        let end = meta.size.min(at + READ_BYTES);
        match opened.read(std::slice::from_ref(&(at..end))).await {
            Ok(parts) => {
                parts.iter().for_each(|part| sums.update(part));
                at = end;
            }
            // The stretches behind it may be sound.
            Err(Fault::Checksum { start, end }) => {
                at = end;
                match faults.last_mut() {
                    Some(Fault::Checksum { end: last, .. }) if *last == start => *last = end,
                    _ => faults.push(Fault::Checksum { start, end }),
                }
            }
            Err(fault) => {
                faults.push(fault);
                return faults;
            }
        }
    }
    if faults.is_empty() && sums.finish() != *meta {
        faults.push(Fault::format("the checksums of the whole are other ones"));
    }
    faults
}

/// Decodes everything, and holds it against the other files.
async fn contents(store: Arc<dyn ObjectStore>, folder: &Path) -> Result<(), BlockError> {
    let cache = Arc::new(PageCache::new(CACHE_BYTES));
    let block = Arc::new(Block::open(store, folder, &cache).await?);
    // What is deleted is still there, and to be checked.
    block.tombstones.store(Arc::default());
    let all = SelectRequest {
        matchers: Vec::new(),
        range: TimeRange::ALL,
    };
    // By the files that say which series there are, and by those that have their samples.
    let listed = block.series(&all).await?;
    let meta = block.meta();
    let blame = |file: &str, message: String| Fault::Format(message).of(&meta.ulid, file);
    let mut found = Found::default();
    let mut samples = Arc::clone(&block).select(&all).await?;
    while let Some(series) = samples.try_next().await? {
        let taken = found.take(&series, meta);
        taken.map_err(|message| blame(CHUNKS_FILE, message))?;
        if listed.get(found.series - 1) != Some(&series.labels) {
            let message = format!("{} is not where it should be", series.labels);
            return Err(blame(SERIES_FILE, message));
        }
    }
    found.check(meta).map_err(|text| blame(META_FILE, text))?;
    let checked = check_index(&block, &listed).await;
    checked.map_err(|fault| fault.of(&meta.ulid, INDEX_FILE))
}

/// What the samples add up to.
#[derive(Debug, Default)]
struct Found {
    series: usize,
    samples: u64,
    span: Option<TimeRange>,
    last: Option<Labels>,
}

impl Found {
    fn take(&mut self, series: &Series, meta: &BlockMeta) -> Result<(), String> {
        let labels = &series.labels;
        let ends = series.timestamps.first().zip(series.timestamps.last());
        let Some((first, last)) = ends else {
            return Err(format!("{labels} has no sample"));
        };
        let follows = |before: &Labels| block_order(before, labels).is_lt();
        if !self.last.as_ref().is_none_or(follows) {
            return Err(format!("{labels} comes out of order"));
        }
        if !series.timestamps.is_sorted_by(|a, b| a < b) {
            return Err(format!("the times of {labels} do not ascend"));
        }
        if *first < meta.range.start_ms || *last >= meta.range.end_ms {
            return Err(format!(
                "{labels} has samples outside the range of the block"
            ));
        }
        let span = self.span.get_or_insert(TimeRange {
            start_ms: *first,
            end_ms: *last,
        });
        span.start_ms = span.start_ms.min(*first);
        span.end_ms = span.end_ms.max(*last);
        self.series += 1;
        self.samples += series.timestamps.len() as u64;
        self.last = Some(labels.clone());
        Ok(())
    }

    fn check(&self, meta: &BlockMeta) -> Result<(), String> {
        let said = Some(TimeRange {
            start_ms: meta.min_time_ms,
            end_ms: meta.max_time_ms,
        });
        if self.span != said {
            return Err("the oldest or the newest sample is another one".to_owned());
        }
        for (what, found, said) in [
            ("series", self.series as u64, meta.stats.series),
            ("samples", self.samples, meta.stats.samples),
        ] {
            if found != said {
                return Err(format!("it says {said} {what}, and {found} are there"));
            }
        }
        Ok(())
    }
}

/// Holds the index against the labels of the series.
async fn check_index(block: &Block, series: &[Labels]) -> Result<(), Fault> {
    let mut expected: BTreeMap<&str, BTreeMap<&str, RoaringBitmap>> = BTreeMap::new();
    for (row, labels) in series.iter().enumerate() {
        let row = u32::try_from(row).map_err(|_| Fault::format("too many series"))?;
        for (name, value) in labels {
            let rows = expected.entry(name).or_default();
            rows.entry(value).or_default().insert(row);
        }
    }
    let differs = |what: String| Err(Fault::format(format!("it has other series for {what}")));
    let index = &block.index;
    if !index
        .label_names(None, usize::MAX)
        .await?
        .iter()
        .eq(expected.keys())
    {
        return Err(Fault::format("it has other label names than the series"));
    }
    for (name, values) in expected {
        if !index
            .values(name, None, usize::MAX)
            .await?
            .iter()
            .eq(values.keys())
        {
            return Err(Fault::format(format!(
                "it has other values of {name} than the series"
            )));
        }
        let mut any = RoaringBitmap::new();
        for (value, rows) in values {
            if index.with_values(name, &[value.to_owned()]).await? != rows {
                return differs(format!("{name}={value:?}"));
            }
            any |= rows;
        }
        if index.with_label(name).await? != any {
            return differs(name.to_owned());
        }
    }
    Ok(())
}
