//! Series that have ended leave memory before their time, once they are a large part of all
//! (`storage.tsdb.stale_series_compaction_threshold`): their samples go into blocks beside those
//! that will be cut, and compaction makes one of them.

use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use narthex_block::{SLICE_MS, TimeBounds, Ulid, WriteOptions, block_order, write_early};
use narthex_head::StaleCut;
use narthex_storage::TimeRange;

use crate::catalog::Catalog;
use crate::{Tsdb, TsdbError};

/// Where the next cut is nearer than this, stale series wait for it, as in Prometheus.
const SOON_MS: i64 = 10 * 60 * 1_000;

impl Tsdb {
    /// Series that have ended leave memory early from now on once so large a part of all series
    /// has; with zero they never do.
    ///
    /// # Errors
    /// It is no part of all; what was valid before stays.
    pub fn set_stale_series_threshold(&self, share: f64) -> Result<(), TsdbError> {
        check_share(share)?;
        self.stale_share.set(share);
        Ok(())
    }

    /// Cuts the stale series if they are many.
    pub(crate) async fn cut_stale_due(self: &Arc<Self>) -> Result<(), TsdbError> {
        if !self.is_stale_due() {
            return Ok(());
        }
        self.metrics.stale_compactions.inc();
        let this = Arc::clone(self);
        let cut = async move { this.cut_stale().await };
        let done = self.cut_where_there_is_room(cut).await;
        if done.is_err() {
            self.metrics.stale_compactions_failed.inc();
        }
        done.map(|_| ())
    }

    fn is_stale_due(&self) -> bool {
        let share = self.stale_share.get();
        let series = self.head.series_count();
        if share <= 0.0 || series == 0 || self.is_cut_soon() {
            return false;
        }
        let stale = self.head.stale_series_count();
        stale > 0 && stale as f64 / series as f64 >= share
    }

    /// Whether the next block is about to be cut.
    fn is_cut_soon(&self) -> bool {
        let duration_ms = self.options.min_block_duration.as_millis_i64();
        let (Some(oldest_ms), Some(newest_ms)) = (self.head.min_time(), self.head.max_time())
        else {
            return false;
        };
        let long_ms = duration_ms.saturating_add(duration_ms / 2);
        let soon_ms = newest_ms.saturating_add(SOON_MS.min(duration_ms / 8));
        soon_ms.saturating_sub(oldest_ms) > long_ms
    }

    /// All steps, each safe to be the last one before a crash: what is in blocks and in the log is
    /// read once.
    #[boxed]
    async fn cut_stale(&self) -> Result<(), TsdbError> {
        let cut = self.head.stale_cut(block_order)?;
        if cut.is_empty() {
            return Ok(());
        }
        // What the log has of other series counts on at the next start.
        let log_from_ms = self.catalog.end_ms().unwrap_or(i64::MIN);
        let duration_ms = self.options.min_block_duration.as_millis_i64();
        let mut shown = Vec::new();
        for (start_ms, last_ms) in cut.spans(duration_ms) {
            let range = TimeBounds {
                start_ms,
                end_ms: last_ms.saturating_add(1),
            };
            let written = self.write_stale(&cut, range, log_from_ms).await;
            let written = written.inspect_err(|_| self.take_back(&shown))?;
            shown.extend(written);
        }
        // Where that fails the log may say all the same that they are dropped: the blocks stay.
        self.head.drop_stale(&cut)?;
        tracing::info!(series = cut.len(), "stale series are cut");
        Ok(())
    }

    /// Writes a block and shows it to readers; its name, unless there is nothing for it.
    async fn write_stale(
        &self,
        cut: &StaleCut,
        range: TimeBounds,
        log_from_ms: i64,
    ) -> Result<Option<Ulid>, TsdbError> {
        let ulid = self.new_ulid();
        let options = WriteOptions {
            ulid,
            range,
            slice_ms: SLICE_MS,
            sources: Vec::new(),
        };
        let taken = TimeRange {
            start_ms: range.start_ms,
            end_ms: range.end_ms.saturating_sub(1),
        };
        let folder = Catalog::temporary(ulid);
        let (store, series) = (self.catalog.store(), cut.series(taken));
        let written = write_early(store, &folder, series, &options, log_from_ms).await;
        match written {
            // All of them were deleted.
            Ok(None) => {
                self.catalog.discard(ulid);
                Ok(None)
            }
            Ok(Some(_)) => self.catalog.show(ulid).await.map(|()| Some(ulid)),
            Err(error) => {
                self.catalog.discard(ulid);
                Err(error.into())
            }
        }
    }
}

/// The share of stale series at which they leave memory; zero for never.
#[derive(Debug, Default)]
pub(crate) struct StaleShare(std::sync::atomic::AtomicU64);

impl StaleShare {
    pub(crate) fn new(share: f64) -> Self {
        Self(share.to_bits().into())
    }

    fn get(&self) -> f64 {
        f64::from_bits(self.0.load(std::sync::atomic::Ordering::Relaxed))
    }

    fn set(&self, share: f64) {
        let bits = share.to_bits();
        self.0.store(bits, std::sync::atomic::Ordering::Relaxed);
    }
}

pub(crate) fn check_share(share: f64) -> Result<(), TsdbError> {
    match (0.0..=1.0).contains(&share) {
        true => Ok(()),
        false => Err(TsdbError::Options(format!(
            "stale_series_compaction_threshold is {share}, and must be between 0 and 1"
        ))),
    }
}
