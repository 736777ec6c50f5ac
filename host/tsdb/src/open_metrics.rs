//! Makes blocks of a file of OpenMetrics, as promtool does.
//!
//! The samples of a series may stand anywhere in the file, so no block is complete before its end.
//! The file is read once to see how many samples each block will have, and then once for as many
//! blocks as fit in memory together.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use narthex_block::{BlockMeta, SLICE_MS, TimeBounds, block_order};
use narthex_exposition::{Entry, Format, LabelsError, MetricType, ParseError, Parser, SeriesEntry};
use narthex_model::{Labels, LabelsBuilder, PromDuration};
use narthex_storage::Series;

use crate::line_parts::LineParts;
use crate::{Tsdb, TsdbError};

/// Samples that are in memory at the same time, 16 bytes each: blocks are made one at a time where
/// two have more. Only a single block may have more.
pub const SAMPLES_AT_ONCE: u64 = 1 << 24;

/// Blocks that one file may have a part in. A file with samples in more is refused.
const BLOCKS_MAX: usize = 1 << 16;

/// How far the making of blocks is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenMetricsProgress {
    /// Which time the file is read, from 1 on.
    pub pass: usize,
    /// How often it will be, once that is known.
    pub passes: Option<usize>,
    /// Bytes of the file that are read.
    pub bytes: u64,
}

/// Why no blocks are made, or not all of them. Those that were made stay.
#[derive(Debug, thiserror::Error)]
pub enum OpenMetricsError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is not OpenMetrics.
    #[error("line {line} is not OpenMetrics")]
    Parse {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        source: ParseError,
    },
    /// A sample does not say when it was.
    #[error("expected timestamp for series {0}, got none")]
    NoTimestamp(String),
    /// A series has a label twice.
    #[error("the labels of {series} cannot be used")]
    Labels {
        /// As the file writes it.
        series: String,
        /// What is wrong with them.
        #[source]
        source: LabelsError,
    },
    /// A series has two values at one time.
    #[error("series {series} has two values at {timestamp_ms}")]
    TwoValues {
        /// Its labels.
        series: Labels,
        /// The time, in milliseconds.
        timestamp_ms: i64,
    },
    /// The samples lie too far apart.
    #[error("the samples lie in more than {BLOCKS_MAX} blocks; longer blocks hold more")]
    TooManyBlocks,
    /// Our store failed, or does not take the samples.
    #[error(transparent)]
    Store(#[from] TsdbError),
}

impl Tsdb {
    /// Makes blocks of a file of OpenMetrics in which every sample has a time. They have the
    /// length that is wanted, in whole slices of two hours, or the part of it up to the last
    /// sample. Memory holds the labels of all series and [`SAMPLES_AT_ONCE`].
    ///
    /// It reads files on the thread that it is called on.
    ///
    /// # Errors
    /// The file cannot be read or is not OpenMetrics, or a block cannot be written.
    pub async fn create_blocks(
        &self,
        file: &Path,
        block_duration: PromDuration,
        progress: impl FnMut(OpenMetricsProgress),
    ) -> Result<Vec<BlockMeta>, OpenMetricsError> {
        let labels = Labels::empty();
        let made = self.create_labelled_blocks(file, &labels, block_duration, progress);
        made.await
    }

    /// As [`Self::create_blocks`], with these labels on every series: they count before those of the
    /// file.
    ///
    /// # Errors
    /// The same.
    pub async fn create_labelled_blocks(
        &self,
        file: &Path,
        labels: &Labels,
        block_duration: PromDuration,
        mut progress: impl FnMut(OpenMetricsProgress),
    ) -> Result<Vec<BlockMeta>, OpenMetricsError> {
        let slices = block_duration.as_millis_i64() / SLICE_MS;
        let length_ms = slices.max(1).saturating_mul(SLICE_MS);
        let mut told = |pass, passes, bytes| {
            progress(OpenMetricsProgress {
                pass,
                passes,
                bytes,
            });
        };
        let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
        let mut newest_ms = i64::MIN;
        let count = |_: &SeriesEntry<'_>, timestamp_ms: i64| {
            newest_ms = newest_ms.max(timestamp_ms);
            *counts
                .entry(timestamp_ms.div_euclid(length_ms))
                .or_default() += 1;
            match counts.len() > BLOCKS_MAX {
                true => Err(OpenMetricsError::TooManyBlocks),
                false => Ok(()),
            }
        };
        read(file, count, |bytes| told(1, None, bytes))?;
        let passes = passes(&counts);
        let mut made = Vec::new();
        for (at, blocks) in passes.iter().enumerate() {
            let bounds = |number: i64| TimeBounds {
                start_ms: number.saturating_mul(length_ms),
                // Our head takes no samples before the end of the last one.
                end_ms: number
                    .saturating_add(1)
                    .saturating_mul(length_ms)
                    .min(newest_ms.saturating_add(1)),
            };
            let wanted = bounds(blocks.start).start_ms..bounds(blocks.end - 1).end_ms;
            let mut gathered = Gathered {
                added: labels.clone(),
                ..Gathered::default()
            };
            let gather =
                |entry: &SeriesEntry<'_>, timestamp_ms: i64| match wanted.contains(&timestamp_ms) {
                    true => gathered.push(entry, timestamp_ms),
                    false => Ok(()),
                };
            let of = Some(passes.len() + 1);
            read(file, gather, |bytes| told(at + 2, of, bytes))?;
            let columns = gathered.into_columns()?;
            for number in counts.range(blocks.clone()).map(|(number, _)| *number) {
                let range = bounds(number);
                let series = || columns.iter().map(|column| Ok(column.within(range)));
                let block = self.take_in::<OpenMetricsError, _>(range, Vec::new(), series);
                made.extend(block.await?);
            }
        }
        Ok(made)
    }
}

/// The blocks of each pass over the file, as ranges of their numbers.
fn passes(counts: &BTreeMap<i64, u64>) -> Vec<Range<i64>> {
    let mut passes: Vec<Range<i64>> = Vec::new();
    let mut held = 0;
    for (number, count) in counts {
        held += count;
        match passes.last_mut() {
            Some(pass) if held <= SAMPLES_AT_ONCE => pass.end = number + 1,
            _ => {
                passes.push(*number..number + 1);
                held = *count;
            }
        }
    }
    passes
}

/// Shows every sample of the file.
fn read(
    path: &Path,
    mut show: impl FnMut(&SeriesEntry<'_>, i64) -> Result<(), OpenMetricsError>,
    mut progress: impl FnMut(u64),
) -> Result<(), OpenMetricsError> {
    let failed = |source| {
        let path = path.to_owned();
        OpenMetricsError::Io { path, source }
    };
    let mut parts = LineParts::open(path).map_err(failed)?;
    let (mut kind, mut lines) = (MetricType::Unknown, 0);
    while let Some(part) = parts.next().map_err(failed)? {
        let lines_here = memchr::memchr_iter(b'\n', part.text).count();
        if !part.is_last {
            // Where the file has one before its end, this one is data behind it, and an error.
            part.text.extend_from_slice(b"# EOF\n");
        }
        let mut parser = Parser::after(kind, part.text, Format::OpenMetrics);
        for entry in parser.by_ref() {
            let entry = entry.map_err(|source| OpenMetricsError::Parse {
                line: lines + source.line(),
                source,
            })?;
            if let Entry::Series(series) = entry {
                let Some(timestamp_ms) = series.timestamp_ms else {
                    return Err(OpenMetricsError::NoTimestamp(series.text.to_owned()));
                };
                show(&series, timestamp_ms)?;
            }
        }
        kind = parser.kind();
        lines += lines_here;
        progress(part.bytes);
    }
    Ok(())
}

/// Samples of one pass, by series.
#[derive(Debug, Default)]
struct Gathered {
    /// What every series has beside its own labels.
    added: Labels,
    columns: Vec<Column>,
    by_labels: HashMap<Labels, usize>,
    /// By the series as the file writes them, under the type that was declared last.
    by_text: HashMap<String, usize>,
    kind: MetricType,
    /// Of the last sample: mostly the next one is of the same series.
    last: (String, usize),
}

/// A series.
#[derive(Debug)]
struct Column {
    labels: Labels,
    samples: Vec<(i64, f64)>,
}

impl Gathered {
    fn push(&mut self, entry: &SeriesEntry<'_>, timestamp_ms: i64) -> Result<(), OpenMetricsError> {
        if self.kind != entry.metric_type() {
            // The same text has other labels now: the type says how a bound is written.
            self.kind = entry.metric_type();
            self.by_text.clear();
            self.last.0.clear();
        }
        if self.last.0 != entry.text {
            let at = match self.by_text.get(entry.text) {
                Some(at) => *at,
                None => self.find(entry)?,
            };
            self.last.0.clear();
            self.last.0.push_str(entry.text);
            self.last.1 = at;
        }
        let column = &mut self.columns[self.last.1];
        column.samples.push((timestamp_ms, entry.value));
        Ok(())
    }

    fn find(&mut self, entry: &SeriesEntry<'_>) -> Result<usize, OpenMetricsError> {
        let labels = entry.labels();
        let mut labels = labels.map_err(|source| OpenMetricsError::Labels {
            series: entry.text.to_owned(),
            source,
        })?;
        if !self.added.is_empty() {
            let mut all = LabelsBuilder::from_labels(&labels);
            for (name, value) in &self.added {
                all.set(name, value);
            }
            labels = all.build();
        }
        let at = *self.by_labels.entry(labels.clone()).or_insert_with(|| {
            let samples = Vec::new();
            self.columns.push(Column { labels, samples });
            self.columns.len() - 1
        });
        self.by_text.insert(entry.text.to_owned(), at);
        Ok(at)
    }

    /// The series in the order of blocks, the samples of each in the order of their times.
    fn into_columns(self) -> Result<Vec<Column>, OpenMetricsError> {
        let mut columns = self.columns;
        columns.sort_unstable_by(|a, b| block_order(&a.labels, &b.labels));
        for column in &mut columns {
            column.sort()?;
        }
        Ok(columns)
    }
}

impl Column {
    fn sort(&mut self) -> Result<(), OpenMetricsError> {
        let is_before = |a: &(i64, f64), b: &(i64, f64)| a.0 < b.0;
        if self.samples.is_sorted_by(is_before) {
            return Ok(());
        }
        self.samples.sort_by_key(|(timestamp_ms, _)| *timestamp_ms);
        self.samples
            .dedup_by(|a, b| a.0 == b.0 && a.1.to_bits() == b.1.to_bits());
        let twice = self.samples.windows(2).find(|pair| pair[0].0 == pair[1].0);
        match twice {
            None => Ok(()),
            Some(pair) => Err(OpenMetricsError::TwoValues {
                series: self.labels.clone(),
                timestamp_ms: pair[0].0,
            }),
        }
    }

    /// The samples of a block; there may be none.
    fn within(&self, range: TimeBounds) -> Series {
        let place = |time_ms: i64| self.samples.partition_point(|sample| sample.0 < time_ms);
        let samples = &self.samples[place(range.start_ms)..place(range.end_ms)];
        let (timestamps, values): (Vec<i64>, Vec<f64>) = samples.iter().copied().unzip();
        Series::of_numbers(self.labels.clone(), timestamps, values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_blocks_as_fit_are_made_in_one_pass() {
        let half = SAMPLES_AT_ONCE / 2;
        for (counts, expected) in [
            (vec![], vec![]),
            (vec![(-3, 1), (0, 1), (7, 1)], vec![(-3, 8)]),
            (vec![(0, half), (1, half), (2, 1)], vec![(0, 2), (2, 3)]),
            (vec![(0, 9 * half), (1, 1), (5, half)], vec![(0, 1), (1, 6)]),
        ] {
            let passes = passes(&counts.into_iter().collect()).into_iter();
            let ends: Vec<(i64, i64)> = passes.map(|pass| (pass.start, pass.end)).collect();
            assert_eq!(ends, expected);
        }
    }
}
