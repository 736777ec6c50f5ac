//! How long and how much is kept. What goes, goes in whole blocks, oldest first.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use narthex_block::Block;
use narthex_disk::Disk;
use narthex_model::{ByteSize, PromDuration};

use crate::tsdb::WAL_FOLDER;
use crate::{Tsdb, TsdbError};

/// How long samples are kept where nothing is said about it.
pub const RETENTION_TIME: PromDuration = PromDuration::from_secs(15 * 24 * 3_600);

/// What is kept. Zero switches a limit off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retention {
    /// A block goes once all of it is older than the end of the newest block by this
    /// (`--storage.tsdb.retention.time`).
    pub time: PromDuration,
    /// The oldest blocks go while the log and all blocks together are larger than this
    /// (`--storage.tsdb.retention.size`).
    pub size: ByteSize,
    /// As [`Self::size`], in hundredths of the file system that the store lies on; where both
    /// are given, this one counts.
    pub percentage: f64,
}

impl Default for Retention {
    fn default() -> Self {
        Self::new(PromDuration::default(), ByteSize::default(), 0.0)
    }
}

impl Retention {
    /// Limits of which some are zero; where all are, samples are kept for [`RETENTION_TIME`].
    pub fn new(time: PromDuration, size: ByteSize, percentage: f64) -> Self {
        let is_limited = !time.is_zero() || size.as_bytes() > 0 || percentage > 0.0;
        Self {
            time: if is_limited { time } else { RETENTION_TIME },
            size,
            percentage,
        }
    }

    pub(crate) fn check(&self) -> Result<(), TsdbError> {
        if (0.0..=100.0).contains(&self.percentage) {
            return Ok(());
        }
        let reason = format!("a retention of {} % of the disk", self.percentage);
        Err(TsdbError::Options(reason))
    }
}

/// As Prometheus shows it: `15d or 512MiB`.
impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = (!self.time.is_zero()).then(|| self.time.to_string());
        let size = (self.size.as_bytes() > 0).then(|| self.size.to_string());
        let percentage = (self.percentage > 0.0).then(|| format!("{}%", self.percentage));
        let limits: Vec<String> = [time, size, percentage].into_iter().flatten().collect();
        f.write_str(&limits.join(" or "))
    }
}

/// The retention that is valid now.
#[derive(Debug)]
pub(crate) struct CurrentRetention(Mutex<Retention>);

impl CurrentRetention {
    pub(crate) fn new(retention: Retention) -> Self {
        Self(Mutex::new(retention))
    }

    pub(crate) fn get(&self) -> Retention {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, retention: Retention) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = retention;
    }
}

impl Tsdb {
    /// Removes the blocks that are beyond the retention, and the folders of those that were
    /// removed or compacted before and are no longer read.
    pub(crate) async fn retain(self: &Arc<Self>) -> Result<(), TsdbError> {
        let this = Arc::clone(self);
        let task = tokio::task::spawn_blocking(move || {
            let retired = this.retire_old();
            this.catalog.sweep();
            retired
        });
        task.await.map_err(|error| TsdbError::Task(error.into()))?
    }

    /// Takes the blocks from readers that are beyond the retention.
    pub(crate) fn retire_old(&self) -> Result<(), TsdbError> {
        let retention = self.retention.get();
        let mut blocks = Vec::clone(&self.catalog.blocks());
        blocks.sort_by_key(|block| std::cmp::Reverse(block.meta().range.end_ms));
        let now_ms = self.options.clock.now_ms();
        let by_time = kept_by_time(&blocks, retention.time.as_millis_i64(), now_ms);
        // What is not elsewhere yet waits for it, unless there is no room.
        let old = blocks.split_off(by_time).into_iter();
        let (mut gone, waiting): (Vec<_>, Vec<_>) = old.partition(|block| self.is_safe(block));
        if !gone.is_empty() {
            self.metrics.time_retentions.inc();
        }
        blocks.extend(waiting);
        let bytes_max = self.bytes_max(retention)?;
        if bytes_max > 0 {
            let log = log_bytes(self.catalog.disk().as_ref())?;
            // What is elsewhere too goes first.
            blocks.sort_by_key(|block| self.is_safe(block));
            let too_much = blocks.split_off(kept_by_size(&blocks, log, bytes_max));
            if !too_much.is_empty() {
                self.metrics.size_retentions.inc();
            }
            for block in too_much.iter().filter(|block| !self.is_safe(block)) {
                let ulid = &block.meta().ulid;
                self.metrics.blocks_lost.inc();
                tracing::error!(block = %ulid, "block goes before it is in the bucket: there is no room for it");
            }
            gone.extend(too_much);
        }
        for block in &gone {
            let meta = block.meta();
            let (ulid, end_ms, bytes) = (&meta.ulid, meta.range.end_ms, meta.size());
            tracing::info!(block = %ulid, end_ms, bytes, "block is beyond the retention");
        }
        if !gone.is_empty() {
            self.catalog.remove(&gone);
            self.room.is_there();
        }
        Ok(())
    }

    /// How many bytes may be kept; 0 for any number.
    fn bytes_max(&self, retention: Retention) -> Result<u64, TsdbError> {
        if retention.percentage <= 0.0 {
            return Ok(retention.size.as_bytes());
        }
        let disk = self.catalog.disk();
        let space = disk.space();
        let space = space.map_err(TsdbError::io("measure", disk.show("")))?;
        let bytes = space.total_bytes;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a disk is a number of bytes that fits, and never negative"
        )]
        let share = (bytes as f64 * retention.percentage / 100.0) as u64;
        // A share below one byte is a limit as well.
        Ok(share.max(1))
    }
}

/// How many of the blocks are young enough; they come newest first. The newest one always is.
/// As in Prometheus, age is measured from the end of the newest block, so that a server that was
/// down for long does not forget everything when it comes back; a block that ends ahead of the
/// clock does not make the others older.
fn kept_by_time(blocks: &[Arc<Block>], retention_ms: i64, now_ms: i64) -> usize {
    let Some(newest) = blocks.first().filter(|_| retention_ms > 0) else {
        return blocks.len();
    };
    let newest_ms = newest.meta().range.end_ms.min(now_ms);
    let is_old =
        |block: &Arc<Block>| newest_ms.saturating_sub(block.meta().range.end_ms) >= retention_ms;
    let old = blocks.iter().skip(1).position(is_old);
    old.map_or(blocks.len(), |place| place + 1)
}

/// How many of the blocks fit beside the log; they come newest first.
fn kept_by_size(blocks: &[Arc<Block>], log_bytes: u64, bytes_max: u64) -> usize {
    let sizes = blocks.iter().map(|block| block.meta().size());
    let mut total = log_bytes;
    let fits = |bytes: &u64| {
        total = total.saturating_add(*bytes);
        total <= bytes_max
    };
    sizes.take_while(fits).count()
}

/// The bytes of the log. The snapshot that a stop leaves beside it is gone after a few hours; a block
/// that went for its sake would be missed for ever.
fn log_bytes(disk: &dyn Disk) -> Result<u64, TsdbError> {
    let entries = disk.list(WAL_FOLDER);
    let entries = entries.map_err(TsdbError::io("read", disk.show(WAL_FOLDER)))?;
    let segments = entries.iter().filter(|entry| entry.name.ends_with(".wal"));
    Ok(segments.map(|entry| entry.bytes).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_days_are_kept_unless_something_is_said() {
        let days = |days: u64| PromDuration::from_secs(days * 24 * 3_600);
        let bytes = ByteSize::from_bytes;
        for (time, size, percentage, kept, text) in [
            (0, 0, 0.0, 15, "15d"),
            (30, 0, 0.0, 30, "30d"),
            (0, 512 << 20, 0.0, 0, "512MiB"),
            (0, 0, 12.5, 0, "12.5%"),
            (8, 1 << 30, 80.0, 8, "8d or 1GiB or 80%"),
        ] {
            let retention = Retention::new(days(time), bytes(size), percentage);
            assert_eq!(
                (retention.time, retention.to_string()),
                (days(kept), text.to_owned())
            );
            assert!(retention.check().is_ok());
        }
        for percentage in [-1.0, 100.5, f64::NAN] {
            assert!(
                Retention::new(days(1), bytes(0), percentage)
                    .check()
                    .is_err()
            );
        }
    }
}
