//! A driver that writes seeded random batches and keeps a journal of what was acknowledged.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::executor::block_on;
use narthex_disk::CrashDisk;
use narthex_model::{Labels, Sample, SeriesRef, WriteBatch, sample};
use narthex_storage::{AppendError, Appendable, TimeRange, contract};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::log::segment;
use crate::{Head, HeadOptions, SyncMode};

/// All samples by printed labels, values as bits.
pub(super) type Contents = BTreeMap<String, Vec<(i64, u64)>>;

/// One acknowledged batch.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The segment that its record is in, and where the record ends.
    pub(super) segment: u32,
    pub(super) end: u64,
    pub(super) samples: Vec<(String, i64, u64)>,
}

/// Writes batches and remembers them.
#[derive(Debug)]
pub(super) struct Journal {
    random: StdRng,
    pub(super) now_ms: i64,
    series: Vec<(Labels, SeriesRef)>,
    pub(super) entries: Vec<Entry>,
}

/// Options with which nothing happens behind the test's back: the thread waits for an hour.
pub(super) fn options(dir: &Path) -> HeadOptions {
    HeadOptions {
        sync: SyncMode::Group(Duration::from_secs(3_600)),
        ..HeadOptions::new(dir)
    }
}

/// As [`options`], on a disk in memory.
pub(super) fn options_on(disk: &CrashDisk) -> HeadOptions {
    HeadOptions {
        disk: Arc::new(disk.clone()),
        ..options(Path::new(""))
    }
}

pub(super) fn contents(head: &Head) -> Contents {
    block_on(contract::samples(head, vec![], TimeRange::ALL))
}

/// That what the head counts as it goes is what a walk over its series finds; of series with
/// samples in order alone.
pub(super) fn check_counts(head: &Head, story: &str) {
    let chunks: usize = head.memory().iter().map(|series| series.chunks()).sum();
    assert_eq!(head.chunk_count(), chunks as u64, "{story}: chunks");
    let contents = contents(head);
    let newest = contents.values().filter_map(|samples| samples.last());
    let stale = newest.filter(|(_, bits)| *bits == sample::STALE_NAN_BITS);
    let stale = stale.count() as u64;
    assert_eq!(head.stale_series_count(), stale, "{story}: stale series");
}

/// What a head must hold once it has the samples of these entries from `bound_ms` on.
pub(super) fn expected<'a>(
    entries: impl IntoIterator<Item = &'a Entry>,
    bound_ms: i64,
) -> Contents {
    let mut contents = Contents::new();
    for entry in entries {
        for (labels, timestamp_ms, bits) in &entry.samples {
            if *timestamp_ms >= bound_ms {
                let samples = contents.entry(labels.clone()).or_default();
                samples.push((*timestamp_ms, *bits));
            }
        }
    }
    contents
}

impl Journal {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            now_ms: 1_700_000_000_000,
            series: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Some known series and sometimes a new one, at times that sometimes are too old.
    pub(super) fn batch(&mut self, size_max: usize) -> WriteBatch {
        self.now_ms += self.random.random_range(1..20_000);
        let mut samples = Vec::new();
        for _ in 0..self.random.random_range(1..=size_max) {
            if self.series.is_empty() || self.random.random_ratio(1, 6) {
                let labels = self.labels();
                self.series.push((labels, SeriesRef::UNKNOWN));
            }
            let at = self.random.random_range(0..self.series.len());
            let (labels, series) = self.series[at].clone();
            samples.push(Sample {
                series,
                labels,
                timestamp_ms: self.now_ms + self.random.random_range(-2_000..2_000),
                value: self.value(),
            });
        }
        WriteBatch::from(samples)
    }

    fn labels(&mut self) -> Labels {
        let number = self.series.len().to_string();
        let filler = "ä".repeat(self.random.random_range(0..60));
        Labels::from_pairs([
            ("__name__", "m"),
            ("number", number.as_str()),
            ("filler", filler.as_str()),
        ])
    }

    fn value(&mut self) -> f64 {
        match self.random.random_range(0..6) {
            0 => 1.0,
            1 => f64::from(self.random.random_range(0..1_000_u32)),
            2 => self.random.random_range(-1.0..1.0),
            3 => sample::STALE_NAN,
            4 => -0.0,
            _ => f64::from_bits(self.random.random()),
        }
    }

    /// Appends a batch and writes down what the report says was taken.
    pub(super) fn append(&mut self, head: &Head, batch: &WriteBatch) -> Result<(), AppendError> {
        let report = head.append(batch)?;
        let mut taken = Vec::new();
        for (index, sample) in batch.samples.iter().enumerate() {
            let held = self
                .series
                .iter_mut()
                .find(|(labels, _)| *labels == sample.labels);
            if let Some((_, series)) = held {
                *series = report.series[index];
            }
            let key = (sample.labels.to_string(), sample.timestamp_ms);
            let is_repeat = taken
                .iter()
                .any(|(labels, at, _): &(String, i64, u64)| (labels, at) == (&key.0, &key.1));
            if !is_repeat
                && report
                    .rejected
                    .iter()
                    .all(|(rejected, _)| *rejected != index)
            {
                taken.push((key.0, key.1, sample.value.to_bits()));
            }
        }
        if taken.is_empty() {
            return Ok(());
        }
        let newest = segment::list(head.disk.as_ref()).unwrap().pop().unwrap();
        self.entries.push(Entry {
            segment: newest.number,
            end: newest.bytes,
            samples: taken,
        });
        Ok(())
    }

    /// Appends so many random batches.
    pub(super) fn run(&mut self, head: &Head, batches: usize, size_max: usize) {
        for _ in 0..batches {
            let batch = self.batch(size_max);
            self.append(head, &batch).unwrap();
        }
    }
}
