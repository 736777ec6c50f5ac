//! Copies of the store at one moment: a folder that opens as a store.
//!
//! ```text
//! <path>/snapshots/<name>/<ULID>/...   the blocks, by hard links where the disk has them
//! <path>/snapshots/<name>.tmp/         one that is being made; removed when the store is opened
//! ```

use std::io::ErrorKind;
use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use narthex_block::{Block, Ulid, WriteOptions, block_order};
use narthex_block::{SLICE_MS, TimeBounds};
use narthex_disk::Disk;
use narthex_storage::TimeRange;
use object_store::path::Path as ObjectPath;

use crate::block_list::civil;
use crate::{Tsdb, TsdbError};

/// Where the copies lie.
const SNAPSHOTS_FOLDER: &str = "snapshots";

/// What a copy is called until it is complete.
const TEMPORARY_SUFFIX: &str = ".tmp";

/// How much of a file is copied at once, where there are no hard links.
const COPY_BYTES: usize = 1 << 20;

impl Tsdb {
    /// Copies all blocks that lie here and, unless `skips_head`, what is in memory, as one more
    /// block; the answer is the name of the folder below `snapshots`. When it returns, the copy
    /// outlives the machine, and it is there wholly or not at all.
    ///
    /// # Errors
    /// The store is closed, or the disk failed; what was copied is removed as far as possible.
    pub async fn take_snapshot(self: &Arc<Self>, skips_head: bool) -> Result<String, TsdbError> {
        let closed = self.closed.lock().await;
        if *closed {
            return Err(TsdbError::Closed);
        }
        let this = Arc::clone(self);
        let runtime = tokio::runtime::Handle::current();
        let job = move || runtime.block_on(this.copy_all(skips_head));
        let task = tokio::task::spawn_blocking(job);
        task.await.map_err(|error| TsdbError::Task(error.into()))?
    }

    #[boxed]
    async fn copy_all(&self, skips_head: bool) -> Result<String, TsdbError> {
        let disk = self.catalog.disk().as_ref();
        let random = u64::try_from(Ulid::generate().random() >> 17).unwrap_or_default();
        let name = name(self.options.clock.now_ms(), random);
        let folder = format!("{SNAPSHOTS_FOLDER}/{name}");
        let temporary = format!("{folder}{TEMPORARY_SUFFIX}");
        let copied = self.copy_into(&temporary, skips_head).await;
        let named = copied.and_then(|()| {
            let renamed = disk.rename(&temporary, &folder);
            renamed.map_err(TsdbError::io("rename", disk.show(&temporary)))?;
            sync(disk, SNAPSHOTS_FOLDER)
        });
        if let Err(error) = named {
            self.catalog.store().forget(&temporary);
            for folder in [&temporary, &folder] {
                // It is no copy, or one that nobody is told of; the next start may remove it.
                let _ = disk.remove_folder(folder);
            }
            return Err(error);
        }
        self.catalog.store().forget(&temporary);
        tracing::info!(name, "snapshot is made");
        Ok(name)
    }

    async fn copy_into(&self, folder: &str, skips_head: bool) -> Result<(), TsdbError> {
        let disk = self.catalog.disk().as_ref();
        let created = disk.create_folder(folder);
        created.map_err(TsdbError::io("create", disk.show(folder)))?;
        sync(disk, "")?;
        for block in self.catalog.blocks().iter() {
            copy_block(disk, block, folder)?;
        }
        if !skips_head {
            self.write_head(folder).await?;
        }
        sync(disk, folder)?;
        sync(disk, SNAPSHOTS_FOLDER)
    }

    /// Writes what is in memory as a block.
    async fn write_head(&self, folder: &str) -> Result<(), TsdbError> {
        let (Some(start_ms), Some(end_ms)) = (self.head.oldest_time(), self.head.newest_time())
        else {
            return Ok(());
        };
        let ulid = self.new_ulid();
        let options = WriteOptions {
            ulid,
            range: TimeBounds {
                start_ms,
                end_ms: end_ms.saturating_add(1),
            },
            slice_ms: SLICE_MS,
            sources: Vec::new(),
        };
        // Nothing that comes from now on.
        let all = TimeRange { start_ms, end_ms };
        let series = self.head.cut(all, block_order);
        let path = ObjectPath::from(format!("{folder}/{ulid}"));
        narthex_block::write(self.catalog.store(), &path, series, &options).await?;
        Ok(())
    }
}

/// Removes what a crash left of copies that were being made.
pub(crate) fn remove_unfinished(disk: &dyn Disk) -> Result<(), TsdbError> {
    let entries = match disk.list(SNAPSHOTS_FOLDER) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(TsdbError::io("read", disk.show(SNAPSHOTS_FOLDER)))?,
    };
    for entry in entries {
        if entry.is_folder && entry.name.ends_with(TEMPORARY_SUFFIX) {
            let folder = format!("{SNAPSHOTS_FOLDER}/{}", entry.name);
            let removed = disk.remove_folder(&folder);
            removed.map_err(TsdbError::io("remove", disk.show(&folder)))?;
        }
    }
    Ok(())
}

/// Copies the files of a block. What is deleted of it is written to another file each time, so
/// that a link never changes.
fn copy_block(disk: &dyn Disk, block: &Block, into: &str) -> Result<(), TsdbError> {
    let name = &block.meta().ulid;
    let folder = format!("{into}/{name}");
    let created = disk.create_folder(&folder);
    created.map_err(TsdbError::io("create", disk.show(&folder)))?;
    let entries = disk.list(name);
    for entry in entries.map_err(TsdbError::io("read", disk.show(name)))? {
        let from = format!("{name}/{}", entry.name);
        let to = format!("{folder}/{}", entry.name);
        let copied = disk.link(&from, &to).or_else(|error| match error.kind() {
            // The folder may be on another file system, or on one without links.
            ErrorKind::CrossesDevices
            | ErrorKind::Unsupported
            | ErrorKind::PermissionDenied
            | ErrorKind::TooManyLinks => copy_file(disk, &from, &to),
            _ => Err(error),
        });
        copied.map_err(TsdbError::io("copy", disk.show(&from)))?;
    }
    sync(disk, &folder)
}

fn copy_file(disk: &dyn Disk, from: &str, to: &str) -> std::io::Result<()> {
    let (from, to) = (disk.open(from)?, disk.create(to)?);
    let (mut at, end, mut buffer) = (0, from.len()?, Vec::new());
    while at < end {
        let left = usize::try_from(end - at).unwrap_or(usize::MAX);
        buffer.resize(left.min(COPY_BYTES), 0);
        from.read_at(at, &mut buffer)?;
        to.append(&buffer)?;
        at += buffer.len() as u64;
    }
    to.sync()
}

fn sync(disk: &dyn Disk, folder: &str) -> Result<(), TsdbError> {
    let synced = disk.sync_folder(folder);
    synced.map_err(TsdbError::io("sync", disk.show(folder)))
}

/// The time in UTC, and a number that tells copies of one second apart.
fn name(now_ms: i64, random: u64) -> String {
    let seconds = now_ms.div_euclid(1_000);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hours, minutes, seconds) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}{month:02}{day:02}T{hours:02}{minutes:02}{seconds:02}Z-{random:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_prometheus() {
        let found = name(1_735_603_298_999, 0x1234);
        assert_eq!(found, "20241231T000138Z-0000000000001234");
        assert_eq!(name(0, u64::MAX >> 1), "19700101T000000Z-7fffffffffffffff");
    }
}
