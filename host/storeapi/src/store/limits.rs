//! What bounds the answer to a request, and how much of it is taken.

use narthex_model::Labels;
use tonic::Status;

use super::shard::Shard;
use crate::message::store::AggrChunk;

/// What bounds requests for series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreLimits {
    /// `--store.limits.request-series`: an answer may have so many series, 0 for no bound.
    pub series_max: usize,
    /// `--store.limits.request-samples`: an answer may have so many samples, 0 for no bound.
    pub samples_max: usize,
    /// `--store.limits.request-bytes`: while it is put in order an answer may take so many bytes
    /// of memory, 0 for no bound.
    pub bytes_max: usize,
    /// `--store.grpc.series-max-concurrency`: so many are answered at a time, aggregations among
    /// them, others wait; 0 for no bound.
    pub requests_max: usize,
}

impl StoreLimits {
    /// So many label sets are listed for an answer: one more than it may have, which is enough to
    /// refuse it. Which of them are in a shard is known only when all are listed.
    pub(super) fn listed_max(&self, shard: &Shard) -> Option<usize> {
        let is_bound = self.series_max > 0 && shard.is_all();
        is_bound.then(|| self.series_max.saturating_add(1))
    }

    /// # Errors
    /// The answer would have more series than it may.
    pub(super) fn check_listed(&self, count: usize, shard: &Shard) -> Result<(), Status> {
        match shard.is_all() {
            true => take(&mut 0, count, ("series", self.series_max)),
            false => Ok(()),
        }
    }
}

/// How much an answer may still take.
#[derive(Debug)]
pub(super) struct Room {
    limits: StoreLimits,
    series: usize,
    samples: usize,
    bytes: usize,
}

impl Room {
    pub(super) fn new(limits: StoreLimits) -> Self {
        Self {
            limits,
            series: 0,
            samples: 0,
            bytes: 0,
        }
    }

    /// What was held is sent, and so is free again.
    pub(super) fn begin_group(&mut self) {
        self.bytes = 0;
    }

    pub(super) fn take_series(&mut self, labels: &Labels) -> Result<(), Status> {
        let limit = ("series", self.limits.series_max);
        take(&mut self.series, 1, limit)?;
        self.take_bytes(labels.encoded_len() + size_of::<super::Held>())
    }

    pub(super) fn take_samples(&mut self, count: usize) -> Result<(), Status> {
        take(
            &mut self.samples,
            count,
            ("samples", self.limits.samples_max),
        )
    }

    pub(super) fn take_chunk(&mut self, bytes: usize) -> Result<(), Status> {
        self.take_bytes(bytes + size_of::<AggrChunk>())
    }

    fn take_bytes(&mut self, bytes: usize) -> Result<(), Status> {
        take(&mut self.bytes, bytes, ("bytes", self.limits.bytes_max))
    }
}

fn take(taken: &mut usize, more: usize, (what, max): (&str, usize)) -> Result<(), Status> {
    *taken = taken.saturating_add(more);
    match max > 0 && *taken > max {
        true => Err(Status::resource_exhausted(format!(
            "the answer has more than {max} {what} (--store.limits.request-{what})"
        ))),
        false => Ok(()),
    }
}
