//! Makes a downsampled block: aggregates of windows in place of samples, which answer at steps and
//! over ranges that are multiples of the resolution as the samples do.
//!
//! It is not: what the aggregates are (`aggregate.rs`), or when a block is downsampled.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use narthex_model::{METRIC_NAME, Matcher};
use narthex_storage::{LabelsRequest, SelectRequest, Series, TimeRange};
use object_store::ObjectStore;
use object_store::path::Path;
use ulid::Ulid;

use crate::aggregate::{AGGREGATE_LABEL, Aggregate, Windows};
use crate::compact::{PARENTS_MAX, log_from, own_labels};
use crate::meta::{BlockMeta, Compaction, META_FILE, TimeBounds};
use crate::series::{SERIES_FILE, block_order};
use crate::write::{BlockWriter, Files, Origin, SLICE_MS, WriteOptions};
use crate::{Block, BlockError, Fault};

/// Aggregates that are kept while another one of the same series is written; what does not fit is
/// made when it is its turn, from the samples, which are read once more.
const BUFFER_BYTES_MAX: usize = 64 << 20;

/// Windows of a slice, at least: as many as a raw slice has samples, which are 15 s apart.
const SLICE_WINDOWS_MIN: i64 = 480;

/// The length of a slice is two hours times a power of this, as those of compacted blocks are, so
/// that most blocks have one slice.
const SLICE_FACTOR: i64 = 3;

/// Writes a block of aggregates into `folder` of the store, `meta.json` last: of each series of
/// `sources` up to five, one for each [`Aggregate`], over windows of `resolution_ms`. Sources are
/// raw, or have been downsampled to a resolution that divides this one. Where two have a sample of
/// one series at the same time, that of the earlier one in the list counts. What is deleted of them
/// is left out, and so is a raw series that has the label [`AGGREGATE_LABEL`] itself, start
/// timestamps, and exemplars. `Ok(None)` says that no sample is left, and then nothing was written.
///
/// The block has the sources' [`BlockMeta::sources`] and stands in place of none: they answer for
/// samples and it does not. Who downsamples blocks takes those that have all samples of their
/// ranges.
///
/// Memory holds what [`crate::write()`] holds, the label sets of one metric, and 64 MiB of
/// aggregates. Slices are so long (54 h at five minutes, 486 h at one hour) that a block of a
/// usual length has one or a few.
///
/// Dropping the future ends the work; what was written until then stays behind, without a
/// `meta.json`, as it does after an error.
///
/// # Errors
/// A source is damaged, the store failed, or the sources are none, more than [`PARENTS_MAX`], of
/// different resolutions, or of one that `resolution_ms` is no multiple of.
#[boxed]
pub async fn downsample(
    store: &dyn ObjectStore,
    folder: &Path,
    sources: &[Arc<Block>],
    ulid: Ulid,
    resolution_ms: i64,
) -> Result<Option<BlockMeta>, BlockError> {
    let block = ulid.to_string();
    let files = Files {
        store,
        folder,
        block: &block,
    };
    let checked = check(sources, resolution_ms);
    let is_raw = checked.map_err(|fault| files.blame(META_FILE, fault))?;
    let metas = || sources.iter().map(|source| source.meta());
    let range = TimeBounds {
        start_ms: metas().map(|m| m.range.start_ms).min().unwrap_or_default(),
        end_ms: metas().map(|m| m.range.end_ms).max().unwrap_or_default(),
    };
    let options = WriteOptions {
        ulid,
        range,
        slice_ms: slice_ms(resolution_ms),
        sources: Vec::new(),
    };
    let labels = own_labels(sources);
    let originals: BTreeSet<&String> = metas().flat_map(BlockMeta::sources).collect();
    let origin = Origin {
        compaction: Some(Compaction {
            level: metas().map(BlockMeta::level).max().unwrap_or(1),
            sources: originals.into_iter().cloned().collect(),
            parents: Vec::new(),
        }),
        log_from_ms: log_from(sources),
        labels: labels.map_err(|fault| files.blame(META_FILE, fault))?,
        resolution_ms,
    };
    let mut work = Downsampling {
        sources,
        windows: Windows {
            resolution_ms,
            last_ms: range.end_ms.saturating_sub(1),
        },
        writer: BlockWriter::new(files, &options, origin)?,
    };
    match is_raw {
        true => work.write_samples().await?,
        false => work.write_aggregates(files).await?,
    }
    work.writer.finish().await
}

/// Whether the sources are raw.
fn check(sources: &[Arc<Block>], resolution_ms: i64) -> Result<bool, Fault> {
    let resolutions: BTreeSet<i64> = sources.iter().map(|s| s.meta().resolution_ms).collect();
    let from_ms = match resolutions.first() {
        None => return Err(Fault::format("a block cannot be made of none")),
        Some(_) if sources.len() > PARENTS_MAX => {
            let message = format!("{} blocks, at most {PARENTS_MAX} become one", sources.len());
            return Err(Fault::format(message));
        }
        Some(from_ms) if resolutions.len() == 1 => *from_ms,
        Some(_) => return Err(Fault::format("blocks of different resolutions")),
    };
    // A resolution of 0 is that of samples.
    let divides = from_ms == 0 || resolution_ms % from_ms == 0 && resolution_ms > from_ms;
    if resolution_ms <= 0 || !divides {
        return Err(Fault::format(format!(
            "a resolution of {from_ms} ms does not become one of {resolution_ms} ms"
        )));
    }
    Ok(from_ms == 0)
}

/// The length of the slices.
fn slice_ms(resolution_ms: i64) -> i64 {
    let least_ms = resolution_ms.saturating_mul(SLICE_WINDOWS_MIN);
    let mut lengths = std::iter::successors(Some(SLICE_MS), |ms| ms.checked_mul(SLICE_FACTOR));
    let length = lengths.find(|ms| *ms >= least_ms);
    length.unwrap_or(least_ms)
}

/// A block on its way.
struct Downsampling<'a> {
    sources: &'a [Arc<Block>],
    windows: Windows,
    writer: BlockWriter<'a>,
}

impl Downsampling<'_> {
    /// Writes longer windows of series that are aggregates; their order stays.
    async fn write_aggregates(&mut self, files: Files<'_>) -> Result<(), BlockError> {
        let mut union = Union::open(self.sources, Vec::new()).await?;
        while let Some(series) = union.next().await? {
            let name = series.labels.get(AGGREGATE_LABEL);
            let Some(aggregate) = name.and_then(Aggregate::of_name) else {
                let message = format!("{} names no aggregate", series.labels);
                return Err(files.blame(SERIES_FILE, Fault::format(message)));
            };
            if let Some(longer) = aggregate.of_aggregates(&series, self.windows) {
                self.writer.push(longer).await?;
            }
        }
        Ok(())
    }

    /// Writes the aggregates of samples.
    ///
    /// A label more changes the order: all series of one metric come with one aggregate, and then
    /// all of them with the next one. Only labels whose names come before that label go first.
    async fn write_samples(&mut self) -> Result<(), BlockError> {
        for metric in metrics(self.sources).await? {
            for group in groups(self.sources, &metric).await? {
                self.write_group(&group).await?;
            }
        }
        Ok(())
    }

    /// Writes series whose aggregates come one after the other.
    async fn write_group(&mut self, matchers: &[Matcher]) -> Result<(), BlockError> {
        let mut left = &Aggregate::ALL[..];
        while let Some((first, others)) = left.split_first() {
            let mut waiting: Vec<(Aggregate, Vec<Series>)> =
                others.iter().map(|other| (*other, Vec::new())).collect();
            let mut bytes = 0;
            let mut union = Union::open(self.sources, matchers.to_vec()).await?;
            while let Some(series) = union.next().await? {
                for (aggregate, made) in &mut waiting {
                    let of_series = aggregate.of_samples(&series, self.windows);
                    bytes += of_series.as_ref().map_or(0, weight);
                    made.extend(of_series);
                }
                while bytes > BUFFER_BYTES_MAX
                    && let Some((_, last)) = waiting.pop()
                {
                    bytes -= last.iter().map(weight).sum::<usize>();
                }
                if let Some(made) = first.of_samples(&series, self.windows) {
                    self.writer.push(made).await?;
                }
            }
            left = &others[waiting.len()..];
            for series in waiting.into_iter().flat_map(|(_, made)| made) {
                self.writer.push(series).await?;
            }
        }
        Ok(())
    }
}

/// The names of all metrics, in order.
async fn metrics(sources: &[Arc<Block>]) -> Result<BTreeSet<String>, BlockError> {
    let all = LabelsRequest {
        matchers: Vec::new(),
        range: TimeRange::ALL,
        limit: None,
    };
    // Series may have no name.
    let mut names = BTreeSet::from([String::new()]);
    for source in sources {
        names.extend(source.label_values(METRIC_NAME, &all).await?);
    }
    Ok(names)
}

/// Matchers for the series of a metric, by the labels that come before that of the aggregate,
/// in the order of the groups in the new block. Nearly always it is one group.
async fn groups(sources: &[Arc<Block>], metric: &str) -> Result<Vec<Vec<Matcher>>, BlockError> {
    let of_metric = vec![
        Matcher::equal(METRIC_NAME, metric),
        Matcher::equal(AGGREGATE_LABEL, ""),
    ];
    let request = SelectRequest {
        matchers: of_metric.clone(),
        range: TimeRange::ALL,
    };
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut groups: BTreeSet<Vec<(String, String)>> = BTreeSet::new();
    for source in sources {
        for labels in source.series(&request).await? {
            let is_early = |(name, _): &(&str, &str)| *name < AGGREGATE_LABEL;
            let early = labels.iter().filter(is_early);
            // The label itself ends the part that orders groups.
            let early = early.chain([(AGGREGATE_LABEL, "")]);
            let group = early.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let group: Vec<(String, String)> = group.collect();
            names.extend(group.iter().map(|(name, _)| name.clone()));
            groups.insert(group);
        }
    }
    names.remove(AGGREGATE_LABEL);
    let matchers = |group: Vec<(String, String)>| -> Vec<Matcher> {
        let value_of = |name: &String| {
            let pair = group.iter().find(|(own, _)| own == name);
            pair.map_or("", |(_, value)| value.as_str())
        };
        let early = names
            .iter()
            .map(|name| Matcher::equal(name, value_of(name)));
        of_metric.iter().cloned().chain(early).collect()
    };
    Ok(groups.into_iter().map(matchers).collect())
}

/// About as many bytes as a series takes.
fn weight(series: &Series) -> usize {
    /// What a time and a value take.
    const SAMPLE_BYTES: usize = 16;
    let histograms = series.histograms.iter().flat_map(|all| all.iter());
    // As many samples as their memory would have room for.
    let of_histograms = histograms.flatten().map(|histogram| histogram.samples());
    let samples = series.timestamps.len() + of_histograms.sum::<usize>();
    series.labels.encoded_len() + samples * SAMPLE_BYTES
}

/// The series of several blocks, each label set once.
struct Union {
    sources: Vec<UnionSource>,
}

struct UnionSource {
    samples: BoxStream<'static, Result<Series, BlockError>>,
    /// The next one.
    waiting: Option<Series>,
}

impl Union {
    async fn open(blocks: &[Arc<Block>], matchers: Vec<Matcher>) -> Result<Self, BlockError> {
        let request = SelectRequest {
            matchers,
            range: TimeRange::ALL,
        };
        let mut sources = Vec::with_capacity(blocks.len());
        for block in blocks {
            let mut samples = Arc::clone(block).select(&request).await?;
            let waiting = samples.try_next().await?;
            sources.push(UnionSource { samples, waiting });
        }
        Ok(Self { sources })
    }

    /// The next series in [`block_order`], with the samples of all blocks.
    async fn next(&mut self) -> Result<Option<Series>, BlockError> {
        let waiting = self.sources.iter().filter_map(|s| s.waiting.as_ref());
        let labels = waiting.map(|series| &series.labels);
        let Some(lowest) = labels.min_by(|a, b| block_order(a, b)).cloned() else {
            return Ok(None);
        };
        let mut parts = Vec::new();
        for source in &mut self.sources {
            let waiting = source.waiting.as_ref();
            if waiting.is_some_and(|series| series.labels == lowest) {
                let next = source.samples.try_next().await?;
                parts.extend(std::mem::replace(&mut source.waiting, next));
            }
        }
        Ok(Series::join(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_hold_about_as_many_windows_as_raw_ones_hold_samples() {
        const HOUR_MS: i64 = 3_600_000;
        for (resolution_ms, hours) in [
            (1, 2),
            (15_000, 2),
            (15_001, 6),
            (300_000, 54),
            (HOUR_MS, 486),
        ] {
            assert_eq!(slice_ms(resolution_ms), hours * HOUR_MS, "{resolution_ms}");
        }
        assert_eq!(slice_ms(i64::MAX), i64::MAX);
    }
}
