//! Reads files of blocks from a store where a request takes long: in stretches that have a
//! checksum each, out of a cache where that has them, several requests at a time.
//!
//! It is not: the cache. Whoever opens remote blocks brings one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::{BoxFuture, join_all, try_join_all};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::sync::Semaphore;

use crate::Fault;
use crate::sums::Sums;

/// Requests under way at the same time, for all blocks of one store; others wait.
pub const REQUESTS_AT_ONCE: usize = 64;

/// A request without an answer after this long is given up.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a part is asked for. A second answer may be right where the first was not: it came
/// too late, was cut short, or its bytes were not the ones that were written.
const ATTEMPTS_MAX: usize = 2;

/// Parts that are nearer than this are read as one: a request costs more than the bytes between.
const GAP_BYTES_MAX: u64 = 128 << 10;

/// Names a stretch of a file of a block: as many bytes as one checksum covers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StretchKey {
    /// The block's folder and the file's name.
    pub file: Arc<str>,
    /// Which one, from 0.
    pub number: u64,
}

/// Keeps stretches of files near to where they are read. It may forget any of them, and what it
/// gives is checked: wrong bytes are as good as none.
pub trait StretchCache: fmt::Debug + Send + Sync {
    /// What was kept under a key.
    fn get<'a>(&'a self, key: &'a StretchKey) -> BoxFuture<'a, Option<Bytes>>;

    /// Keeps a stretch.
    fn keep(&self, key: StretchKey, bytes: Bytes);
}

/// A store far away, and what was read of it.
#[derive(Debug)]
pub struct Remote {
    store: Arc<dyn ObjectStore>,
    cache: Arc<dyn StretchCache>,
    requests: Semaphore,
    timeout: Duration,
}

impl Remote {
    /// Reads through `cache`, with at most [`REQUESTS_AT_ONCE`] requests of at most `timeout`
    /// each.
    pub fn new(
        store: Arc<dyn ObjectStore>,
        cache: Arc<dyn StretchCache>,
        timeout: Duration,
    ) -> Self {
        Self {
            store,
            cache,
            requests: Semaphore::new(REQUESTS_AT_ONCE),
            timeout,
        }
    }

    /// The store itself.
    pub fn store(&self) -> &Arc<dyn ObjectStore> {
        &self.store
    }

    /// Reads ranges of a file, as one step: whatever is not in the cache is asked for at the same
    /// time.
    pub(crate) async fn read(
        &self,
        path: &Path,
        sums: &Sums,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Bytes>, Fault> {
        let file: Arc<str> = path.as_ref().into();
        let mut wanted = BTreeSet::new();
        for range in ranges {
            wanted.extend(sums.stretches(range)?);
        }
        let kept = join_all(wanted.iter().map(|number| self.kept(&file, *number, sums))).await;
        let mut stretches = BTreeMap::new();
        let mut missing: Vec<Range<u64>> = Vec::new();
        for (number, kept) in wanted.into_iter().zip(kept) {
            if let Some(bytes) = kept {
                stretches.insert(number, bytes);
                continue;
            }
            let gap_max = GAP_BYTES_MAX / sums.stretch_bytes();
            match missing.last_mut() {
                Some(last) if number - last.end <= gap_max => last.end = number + 1,
                _ => missing.push(number..number + 1),
            }
        }
        let fetches = missing.iter().map(|run| self.fetch(path, sums, run));
        for (run, bytes) in missing.iter().zip(try_join_all(fetches).await?) {
            let first = sums.bytes(&(run.start..run.start + 1)).start;
            for number in run.clone() {
                let at = sums.bytes(&(number..number + 1));
                let at = place(at.start - first)..place(at.end - first);
                // A copy, so that the cache does not hold on to all that came with it.
                let own = Bytes::copy_from_slice(&bytes[at.clone()]);
                let file = Arc::clone(&file);
                self.cache.keep(StretchKey { file, number }, own);
                stretches.insert(number, bytes.slice(at));
            }
        }
        ranges
            .iter()
            .map(|range| joined(range, sums, &stretches))
            .collect()
    }

    /// A stretch that the cache has and that is sound.
    async fn kept(&self, file: &Arc<str>, number: u64, sums: &Sums) -> Option<Bytes> {
        let file = Arc::clone(file);
        let bytes = self.cache.get(&StretchKey { file, number }).await?;
        let at = sums.bytes(&(number..number + 1));
        let is_whole = bytes.len() as u64 == at.end - at.start;
        (is_whole && sums.verify(at.start, &bytes).is_ok()).then_some(bytes)
    }

    /// Neighbouring stretches from the store, checked.
    async fn fetch(&self, path: &Path, sums: &Sums, run: &Range<u64>) -> Result<Bytes, Fault> {
        let range = sums.bytes(run);
        let mut result = self.request(path, sums, &range).await;
        for _ in 1..ATTEMPTS_MAX {
            match &result {
                Err(Fault::Stalled { .. } | Fault::Size { .. } | Fault::Checksum { .. }) => {
                    result = self.request(path, sums, &range).await;
                }
                _ => break,
            }
        }
        result
    }

    async fn request(&self, path: &Path, sums: &Sums, range: &Range<u64>) -> Result<Bytes, Fault> {
        // The semaphore is never closed.
        let _permit = self.requests.acquire().await.ok();
        let answer = self.store.get_range(path, range.clone());
        let answer = tokio::time::timeout(self.timeout, answer).await;
        let bytes = answer.map_err(|_| Fault::Stalled {
            seconds: self.timeout.as_secs(),
        })??;
        if bytes.len() as u64 != range.end - range.start {
            let found = range.start + bytes.len() as u64;
            let expected = sums.size();
            return Err(Fault::Size { found, expected });
        }
        sums.verify(range.start, &bytes)?;
        Ok(bytes)
    }
}

/// The bytes of a range, from the stretches that it lies in.
fn joined(
    range: &Range<u64>,
    sums: &Sums,
    stretches: &BTreeMap<u64, Bytes>,
) -> Result<Bytes, Fault> {
    let numbers = sums.stretches(range)?;
    let part = |number: u64| {
        let at = sums.bytes(&(number..number + 1));
        let from = range.start.max(at.start) - at.start;
        let to = range.end.min(at.end) - at.start;
        let bytes = stretches
            .get(&number)
            .map(|bytes| bytes.slice(place(from)..place(to)));
        bytes.ok_or_else(|| Fault::format("a part that was asked for did not come"))
    };
    if numbers.end - numbers.start == 1 {
        return part(numbers.start);
    }
    let mut bytes = BytesMut::with_capacity(place(range.end - range.start));
    for number in numbers {
        bytes.extend_from_slice(&part(number)?);
    }
    Ok(bytes.freeze())
}

/// A place in memory; what is in memory has one.
fn place(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
