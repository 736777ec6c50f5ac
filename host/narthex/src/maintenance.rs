//! Lets the store do what is due, as long as the process runs.

use std::sync::Arc;
use std::time::Duration;

use narthex_tsdb::Tsdb;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often the store is asked at least. Prometheus looks once a minute too.
const PERIOD_MAX: Duration = Duration::from_secs(60);

/// How often it is asked in the time of one block, where blocks are short.
const LOOKS_PER_BLOCK: u32 = 4;

/// A task that asks the store for its work until it is stopped.
#[derive(Debug)]
pub(crate) struct Maintenance {
    tsdb: Arc<Tsdb>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Maintenance {
    /// Starts the task. The store is asked at once: what became due while the process was down
    /// does not wait.
    pub(crate) fn start(tsdb: Arc<Tsdb>, block_duration: Duration) -> Self {
        let period = PERIOD_MAX.min(block_duration / LOOKS_PER_BLOCK);
        let (stop, mut stopped) = watch::channel(false);
        let store = Arc::clone(&tsdb);
        let task = tokio::spawn(async move {
            let mut failed_before = false;
            loop {
                let done = store.maintain().await;
                let has_failed = done.is_err();
                match done {
                    Err(error) if !failed_before => {
                        // With what it was caused by: that says which file, and what helps.
                        let error = format!("{:#}", anyhow::Error::from(error));
                        tracing::error!(error, "blocks cannot be cut, compacted or removed");
                    }
                    Ok(()) if failed_before => {
                        tracing::info!("blocks can be cut, compacted and removed again")
                    }
                    _ => {}
                }
                failed_before = has_failed;
                tokio::select! {
                    _ = stopped.changed() => return,
                    () = tokio::time::sleep(period) => {}
                }
            }
        });
        Self { tsdb, stop, task }
    }

    /// Ends the task. A cut that is under way is finished, a compaction is given up.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        self.tsdb.stop_compactions();
        // It fails only where the task panicked, which the log has said.
        let _ = self.task.await;
    }
}
