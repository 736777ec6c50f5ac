//! Steps of a query whose answer is kept, and what it was made of.

use std::sync::Arc;

use narthex_nx::CellError;
use narthex_promql::MatrixSeries;
use narthex_storage::{Queryable, TimeRange};
use xxhash_rust::xxh3::xxh3_64;

use crate::encoded;
use crate::steps::Steps;

/// What an extent takes beside its texts, its ranges and its matrix.
const EXTENT_BYTES: usize = 200;

/// The answer of some steps. A clone is the same extent.
#[derive(Debug, Clone)]
pub(crate) struct Extent {
    /// Which steps.
    pub(crate) steps: Steps,
    /// The samples that it was made of.
    pub(crate) reads: Arc<[TimeRange]>,
    /// What the store said of them before they were read.
    pub(crate) version: u64,
    /// When it was made, in milliseconds since the epoch.
    pub(crate) made_ms: i64,
    /// What is to be said about it. These texts name places of the query as it was written.
    pub(crate) infos: Arc<[String]>,
    /// The query as it was written.
    pub(crate) text: Arc<str>,
    /// See [`encoded`].
    pub(crate) matrix: Arc<[u8]>,
}

impl Extent {
    /// What it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        let infos: usize = self.infos.iter().map(String::len).sum();
        let reads = size_of_val(&self.reads[..]);
        EXTENT_BYTES + self.matrix.len() + self.text.len() + infos + reads
    }

    /// Whether a query that is written in this way may have it.
    pub(crate) fn is_for(&self, text: &str) -> bool {
        self.infos.is_empty() || &*self.text == text
    }

    /// Whether it is of this age at the most. One from the future was made by a clock that was wrong.
    pub(crate) fn is_young(&self, now_ms: i64, age_max_ms: i64) -> bool {
        let age_ms = now_ms.saturating_sub(self.made_ms);
        (0..=age_max_ms).contains(&age_ms)
    }

    /// The answer.
    ///
    /// # Errors
    /// The bytes are no matrix.
    pub(crate) fn decode(&self) -> Result<Vec<MatrixSeries>, CellError> {
        encoded::decode(&self.matrix, self.steps)
    }
}

/// One number for what a store says of several ranges; `None` where it cannot tell.
pub(crate) fn version(storage: &dyn Queryable, reads: &[TimeRange]) -> Option<u64> {
    let mut versions = Vec::with_capacity(size_of_val(reads));
    for range in reads {
        versions.extend(storage.version(*range)?.to_le_bytes());
    }
    Some(xxh3_64(&versions))
}
