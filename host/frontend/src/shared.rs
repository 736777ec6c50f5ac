//! Answers that several processes share: an object for each part, which says itself what it is of.
//!
//! ```text
//! object  magic, query, part, from, to, step, made, version, texts, reads, matrix, checksum
//! ```
//!
//! Texts and the matrix follow their lengths; the checksum is xxh3 of all before it. It is not: where
//! objects lie, or when they are deleted.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use narthex_nx::CellError;
use narthex_nx::varint::{self, Input};
use narthex_storage::TimeRange;
use tokio::time::{Instant, timeout};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::cache::Key;
use crate::extent::Extent;
use crate::metrics::Metrics;
use crate::steps::Steps;

/// So many bytes an object has at the most; a larger answer is not shared.
pub const OBJECT_BYTES_MAX: usize = 16 << 20;

/// Whoever asks waits for an object so long, and then evaluates.
const GET_TIMEOUT: Duration = Duration::from_secs(1);

/// Writing an object may take so long.
const PUT_TIMEOUT: Duration = Duration::from_secs(30);

/// After a failure nobody is asked for so long.
const REST: Duration = Duration::from_secs(30);

/// The first bytes of an object: what it is, and the version of its layout.
const MAGIC: &[u8] = b"narthex-query-range-1\n";

const BROKEN: &str = "the object is no answer";

/// Where objects lie.
pub trait SharedAnswers: fmt::Debug + Send + Sync {
    /// The object of this name, of [`OBJECT_BYTES_MAX`] bytes at the most; `None` where there is none.
    ///
    /// # Errors
    /// What went wrong, for the log.
    fn get(&self, name: String) -> BoxFuture<'static, Result<Option<Vec<u8>>, String>>;

    /// Writes an object in place of that of the same name.
    ///
    /// # Errors
    /// What went wrong, for the log.
    fn put(&self, name: String, bytes: Vec<u8>) -> BoxFuture<'static, Result<(), String>>;
}

/// The cache that is shared, and whether it works.
#[derive(Debug)]
pub(crate) struct Shared {
    answers: Arc<dyn SharedAnswers>,
    metrics: Metrics,
    rests_until: Mutex<Option<Instant>>,
}

impl Shared {
    pub(crate) fn new(answers: Arc<dyn SharedAnswers>, metrics: Metrics) -> Self {
        Self {
            answers,
            metrics,
            rests_until: Mutex::default(),
        }
    }

    /// What others kept of a part. Whatever goes wrong, there is nothing.
    pub(crate) async fn get(&self, key: &Key, step_ms: i64) -> Option<Extent> {
        if self.rests() {
            return None;
        }
        let answer = timeout(GET_TIMEOUT, self.answers.get(name(key))).await;
        let bytes = match answer {
            Ok(Ok(Some(bytes))) => bytes,
            Ok(Ok(None)) => {
                self.metrics.shared_misses.inc();
                return None;
            }
            Ok(Err(error)) => return self.failed(&error),
            Err(_) => return self.failed("no answer in time"),
        };
        match read(&bytes, key, step_ms) {
            Ok(extent) => {
                self.metrics.shared_hits.inc();
                Some(extent)
            }
            // The next answer takes its place.
            Err(error) => {
                self.metrics.shared_failures.inc();
                tracing::warn!(%error, "an object of the shared cache cannot be used");
                None
            }
        }
    }

    /// Lets others have an extent.
    pub(crate) async fn put(&self, key: &Key, extent: &Extent) {
        if self.rests() {
            return;
        }
        let bytes = write(key, extent);
        if bytes.len() > OBJECT_BYTES_MAX {
            self.metrics.refused.inc();
            return;
        }
        match timeout(PUT_TIMEOUT, self.answers.put(name(key), bytes)).await {
            Ok(Ok(())) => {
                self.metrics.shared_written.inc();
            }
            Ok(Err(error)) => {
                self.failed(&error);
            }
            Err(_) => {
                self.failed("no answer in time");
            }
        }
    }

    fn rests(&self) -> bool {
        let mut until = self.rests_until();
        if until.is_some_and(|until| Instant::now() < until) {
            return true;
        }
        *until = None;
        false
    }

    fn failed(&self, error: &str) -> Option<Extent> {
        self.metrics.shared_failures.inc();
        let before = self.rests_until().replace(Instant::now() + REST);
        if before.is_none() {
            tracing::warn!(error, "the shared cache of range queries does not work");
        }
        None
    }

    fn rests_until(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.rests_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Two characters of a folder, so that no folder has all of them, and the hash of the key.
fn name(key: &Key) -> String {
    let hash = xxh3_128(format!("{}\0{}", key.query, key.part).as_bytes());
    let hash = format!("{hash:032x}");
    format!("{}/{hash}", &hash[..2])
}

fn write(key: &Key, extent: &Extent) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    push_bytes(&mut out, key.query.as_bytes());
    let steps = extent.steps;
    for number in [
        key.part,
        steps.from_ms,
        steps.to_ms,
        steps.step_ms,
        extent.made_ms,
    ] {
        varint::push_folded(&mut out, number);
    }
    varint::push(&mut out, extent.version);
    push_bytes(&mut out, extent.text.as_bytes());
    varint::push(&mut out, extent.infos.len() as u64);
    for info in extent.infos.iter() {
        push_bytes(&mut out, info.as_bytes());
    }
    varint::push(&mut out, extent.reads.len() as u64);
    for range in extent.reads.iter() {
        varint::push_folded(&mut out, range.start_ms);
        varint::push_folded(&mut out, range.end_ms);
    }
    push_bytes(&mut out, &extent.matrix);
    let checksum = xxh3_64(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// The extent of an object that is of this key.
fn read(bytes: &[u8], key: &Key, step_ms: i64) -> Result<Extent, CellError> {
    let broken = CellError::Broken(BROKEN);
    let (content, checksum) = bytes.split_last_chunk::<8>().ok_or(broken)?;
    if bytes.len() > OBJECT_BYTES_MAX || xxh3_64(content) != u64::from_le_bytes(*checksum) {
        return Err(broken);
    }
    let mut input = Input::new(content.strip_prefix(MAGIC).ok_or(broken)?, BROKEN);
    let query = take_bytes(&mut input)?;
    let part = input.folded()?;
    let (from_ms, to_ms) = (input.folded()?, input.folded()?);
    let its_step_ms = input.folded()?;
    let made_ms = input.folded()?;
    let version = input.number()?;
    let text = take_text(&mut input)?.into();
    let mut infos = Vec::new();
    for _ in 0..input.size(content.len())? {
        infos.push(take_text(&mut input)?.to_owned());
    }
    let mut reads = Vec::new();
    for _ in 0..input.size(content.len())? {
        reads.push(TimeRange {
            start_ms: input.folded()?,
            end_ms: input.folded()?,
        });
    }
    let matrix = take_bytes(&mut input)?.into();
    let is_its = query == key.query.as_bytes() && part == key.part && its_step_ms == step_ms;
    let steps = Steps::new(from_ms, to_ms, step_ms).filter(|steps| steps.to_ms == to_ms);
    let (Some(steps), true, true) = (steps, is_its, input.is_empty()) else {
        return Err(broken);
    };
    Ok(Extent {
        steps,
        reads: reads.into(),
        version,
        made_ms,
        infos: infos.into(),
        text,
        matrix,
    })
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    varint::push(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn take_bytes<'a>(input: &mut Input<'a>) -> Result<&'a [u8], CellError> {
    let length = input.size(input.rest().len())?;
    input.take(length)
}

fn take_text<'a>(input: &mut Input<'a>) -> Result<&'a str, CellError> {
    std::str::from_utf8(take_bytes(input)?).map_err(|_| CellError::Broken(BROKEN))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key {
            query: "sum(up)\0".into(),
            part: -7,
        }
    }

    fn extent() -> Extent {
        let range = TimeRange {
            start_ms: -5,
            end_ms: 1 << 50,
        };
        Extent {
            steps: Steps::new(-20, 100, 10).unwrap(),
            reads: [range].into(),
            version: u64::MAX,
            made_ms: 1_700_000_000_000,
            infos: ["told".to_owned()].into(),
            text: "sum( up )".into(),
            matrix: [1, 2, 3].into(),
        }
    }

    #[test]
    fn an_object_comes_back_and_no_other_is_taken_for_it() {
        let bytes = write(&key(), &extent());
        let found = read(&bytes, &key(), 10).unwrap();
        assert_eq!(format!("{found:?}"), format!("{:?}", extent()));
        assert!(read(&bytes, &key(), 20).is_err());
        let other = Key { part: 7, ..key() };
        assert!(read(&bytes, &other, 10).is_err());
        assert_ne!(name(&other), name(&key()));
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 1;
            assert!(read(&broken, &key(), 10).is_err(), "{at}");
            assert!(read(&bytes[..at], &key(), 10).is_err(), "{at}");
        }
    }
}
