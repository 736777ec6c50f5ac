//! `narthex store`: a server whose samples are the blocks of a bucket.
//!
//! It is not: how a bucket is read, which `narthex-bucket` knows.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use narthex_bucket::{Archive, ArchiveOptions, Partition, open_store};
use narthex_disk::{Disk, Lock, SystemDisk};
use narthex_model::relabel::RelabelConfig;
use narthex_model::{AppendReport, Clock, WriteBatch};
use narthex_storage::{AppendError, Appendable};
use narthex_tsdb::{LogPlace, LogTail};
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::flags::{BucketStoreFlags, Flags};
use crate::yaml;

/// The folder below the data folder for what was read of the bucket.
const CACHE: &str = "object-store-cache";

/// The file that keeps other processes out of the data folder: that of a server.
const LOCK: &str = "lock";

/// The bucket, and the task that looks at it again and again.
#[derive(Debug)]
pub(crate) struct BucketStore {
    archive: Arc<Archive>,
    /// Where a log would lie; there is none.
    disk: Arc<SystemDisk>,
    stop: watch::Sender<bool>,
    /// `None` once it is stopped.
    task: Mutex<Option<JoinHandle<()>>>,
    /// `None` once the folder is given back.
    lock: Mutex<Option<Box<dyn Lock>>>,
}

impl BucketStore {
    /// Opens the bucket that the flags name and begins to look at it.
    ///
    /// # Errors
    /// A flag or a file says what cannot be used, or the data folder cannot be used, or another
    /// process uses it. That the bucket cannot be reached is no error: it may come back.
    pub(crate) async fn start(
        flags: &Flags,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> anyhow::Result<Arc<Self>> {
        let own = &flags.bucket_store;
        let mut config = own.bucket.read(flags.object_store_config.as_deref())?;
        if let Some(interval) = own.sync_block_duration {
            if interval.is_zero() {
                bail!("--sync-block-duration is zero");
            }
            config.sync_interval = interval;
        }
        let store = open_store(&config).context("the object store cannot be used")?;
        let pages = own.index_cache_size.as_bytes();
        let folder = flags.data_path();
        let disk = Arc::new(SystemDisk::new(folder));
        let lock = lock(disk.as_ref())?;
        let options = ArchiveOptions {
            consistency_delay: own.consistency_delay,
            mark_delay: own.ignore_deletion_marks_delay,
            partition: partition(own)?,
            ..ArchiveOptions::new(config, store, folder.join(CACHE), pages, clock)
        };
        let opened = Archive::open(options, registry).await;
        let archive = opened.context("the object store cannot be used")?;
        let (stop, stopping) = watch::channel(false);
        let running = Arc::clone(&archive);
        let task = tokio::spawn(async move { running.run(stopping).await });
        Ok(Arc::new(Self {
            archive,
            disk,
            stop,
            task: Mutex::new(Some(task)),
            lock: Mutex::new(Some(lock)),
        }))
    }

    /// What is read.
    pub(crate) fn archive(&self) -> &Arc<Archive> {
        &self.archive
    }

    /// A log in which there is never anything.
    pub(crate) fn log_tail(&self, from: Option<LogPlace>) -> LogTail {
        let place = from.unwrap_or(LogPlace { segment: 0, seq: 0 });
        LogTail::new(self.disk.clone(), place)
    }

    /// Ends the task.
    pub(crate) async fn close(&self) {
        self.stop.send_replace(true);
        let task = self
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(task) = task {
            // It fails only where the task panicked, which the log has said.
            let _ = task.await;
        }
        self.archive.close().await;
        let lock = self
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if lock.is_some()
            && let Err(error) = self.disk.remove(LOCK)
        {
            tracing::warn!(%error, "the lock of the data folder cannot be removed");
        }
    }
}

/// Takes a folder for this process, until it ends.
fn lock(disk: &SystemDisk) -> anyhow::Result<Box<dyn Lock>> {
    let folder = disk.show("");
    let folder = folder.display();
    let made = disk.create_folder("");
    made.with_context(|| format!("{folder} cannot be made"))?;
    match disk.lock(LOCK) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            bail!("{folder} is in use by another process")
        }
        lock => lock.with_context(|| format!("{folder} cannot be locked")),
    }
}

impl Appendable for BucketStore {
    fn append(&self, _batch: &WriteBatch) -> Result<AppendReport, AppendError> {
        Err(AppendError::ReadOnly)
    }
}

/// The share of the bucket that the flags name.
fn partition(flags: &BucketStoreFlags) -> anyhow::Result<Partition> {
    let relabel = match (
        &flags.selector_relabel_config_file,
        &flags.selector_relabel_config,
    ) {
        (Some(file), _) => rules(file)?,
        (None, Some(text)) => rules_of(text, "--selector.relabel-config")?,
        (None, None) => Vec::new(),
    };
    Ok(Partition {
        min_time: flags.store_min_time,
        max_time: flags.store_max_time,
        relabel,
    })
}

fn rules(path: &Path) -> anyhow::Result<Vec<RelabelConfig>> {
    let file = path.display().to_string();
    let text = yaml::read_text(path).with_context(|| format!("{file} cannot be read"))?;
    rules_of(&text, &file)
}

fn rules_of(text: &str, file: &str) -> anyhow::Result<Vec<RelabelConfig>> {
    Ok(yaml::read(text, file)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_is_kept_out_of_the_data_folder() {
        let folder = tempfile::TempDir::new().unwrap();
        let disk = SystemDisk::new(folder.path().join("data"));
        let held = lock(&disk).unwrap();
        let error = lock(&disk).unwrap_err().to_string();
        assert!(
            error.ends_with("data is in use by another process"),
            "{error}"
        );
        drop(held);
        assert!(lock(&disk).is_ok());
    }

    #[test]
    fn rules_are_written_as_in_a_config() {
        let text = "- action: hashmod\n  source_labels: [__block_id]\n  target_label: shard\n  \
                    modulus: 2\n- action: keep\n  source_labels: [shard]\n  regex: '0'\n";
        assert_eq!(rules_of(text, "rules.yml").unwrap().len(), 2);
        let error = rules_of("- action: hash\n", "rules.yml").unwrap_err();
        let error = format!("{error:#}");
        assert!(
            error.contains("rules.yml") && error.contains("hash"),
            "{error}"
        );
    }
}
