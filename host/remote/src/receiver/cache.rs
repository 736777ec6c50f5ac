//! Which series the labels of a request mean, told by a hash of them as they lie in the body.
//!
//! A sender writes the labels of a series in the same bytes each time, and nearly every series of
//! a request was in one before. For those no label is read: the hash finds the label set, which
//! the store has too and which is in memory once, and the store's reference.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use narthex_model::{AppendReport, Labels, SeriesRef, WriteBatch};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// The cache lies in so many parts, so that requests that come at the same time do not wait for
/// each other.
const PARTS: usize = 16;

/// A generation is as long as this. A series that was not written for two of them is forgotten.
const GENERATION_MS: i64 = 10 * 60 * 1000;

/// A part has at most so many series a generation; with more the next generation begins. All
/// parts together have room for eight million series that are written in turn.
const SERIES_PER_PART_MAX: usize = 512 << 10;

/// 128 bits of a hash with a seed that senders do not know: two label sets never share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key(u128);

type Known = HashMap<u128, (SeriesRef, Labels), Identity>;

#[derive(Debug)]
pub(crate) struct SeriesCache {
    parts: [Mutex<Part>; PARTS],
    seed: u64,
}

#[derive(Debug)]
struct Part {
    /// What was asked for in this generation.
    now: Known,
    /// What was asked for in the one before it.
    before: Known,
    began_ms: i64,
}

/// A key is a hash already.
#[derive(Debug, Clone, Copy, Default)]
struct Identity;

#[derive(Debug, Default)]
struct LowBits(u64);

impl BuildHasher for Identity {
    type Hasher = LowBits;

    fn build_hasher(&self) -> LowBits {
        LowBits(0)
    }
}

impl std::hash::Hasher for LowBits {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.as_chunks::<8>().0 {
            self.0 ^= u64::from_le_bytes(*chunk);
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }
}

impl Key {
    /// The key as part of what another key is made of.
    pub(crate) fn bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }
}

/// A series that is known.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    pub(crate) series: SeriesRef,
    pub(crate) labels: Labels,
    /// It was not asked for in this generation yet.
    pub(crate) is_first: bool,
}

/// A series of a request whose reference is to be learned: its key, and its first sample.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ToLearn {
    pub(crate) key: Key,
    /// What was known of it.
    pub(crate) series: SeriesRef,
    pub(crate) first: FirstSample,
}

/// Where in a batch a series has its first sample.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FirstSample {
    /// Among the numbers.
    Number(usize),
    /// Among the native histograms.
    Histogram(usize),
}

impl SeriesCache {
    pub(crate) fn new(now_ms: i64) -> Self {
        let part = || {
            Mutex::new(Part {
                now: Known::default(),
                before: Known::default(),
                began_ms: now_ms,
            })
        };
        Self {
            parts: std::array::from_fn(|_| part()),
            seed: RandomState::new().hash_one(0),
        }
    }

    pub(crate) fn key(&self, labels: &[u8]) -> Key {
        Key(xxh3_128_with_seed(labels, self.seed))
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "the last bits choose a part"
    )]
    fn part(&self, key: Key) -> MutexGuard<'_, Part> {
        // Not the bits that the map uses.
        let at = (key.0 >> 120) as usize % PARTS;
        self.parts[at]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The series behind a key.
    pub(crate) fn find(&self, key: Key) -> Option<Hit> {
        let mut part = self.part(key);
        if let Some((series, labels)) = part.now.get(&key.0) {
            return Some(Hit {
                series: *series,
                labels: labels.clone(),
                is_first: false,
            });
        }
        let (series, labels) = part.before.remove(&key.0)?;
        part.now.insert(key.0, (series, labels.clone()));
        Some(Hit {
            series,
            labels,
            is_first: true,
        })
    }

    /// Begins a new generation where it is time.
    pub(crate) fn turn(&self, now_ms: i64) {
        for part in &self.parts {
            let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
            let is_old = now_ms.saturating_sub(part.began_ms) >= GENERATION_MS;
            if is_old || part.now.len() >= SERIES_PER_PART_MAX {
                part.before = std::mem::take(&mut part.now);
                part.began_ms = now_ms;
            }
        }
    }

    /// Takes over the references that the store gave to series that were new or changed.
    pub(crate) fn learn(&self, series: &[ToLearn], batch: &WriteBatch, report: &AppendReport) {
        for ToLearn { key, series, first } in series {
            let (found, labels) = match *first {
                FirstSample::Number(at) => (
                    report.series.get(at),
                    batch.samples.get(at).map(|sample| &sample.labels),
                ),
                FirstSample::Histogram(at) => (
                    report.histogram_series.get(at),
                    batch.histograms.get(at).map(|sample| &sample.labels),
                ),
            };
            let (Some(found), Some(labels)) = (found, labels) else {
                continue;
            };
            if *found == SeriesRef::UNKNOWN || found == series {
                continue;
            }
            match self.part(*key).now.entry(key.0) {
                Entry::Occupied(mut held) => held.get_mut().0 = *found,
                Entry::Vacant(free) => {
                    free.insert((*found, labels.clone()));
                }
            }
        }
    }
}
