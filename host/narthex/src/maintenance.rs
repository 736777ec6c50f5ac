//! Lets the store do what is due, as long as the process runs.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::store::Store;

/// A task that asks the store for its work until it is stopped.
#[derive(Debug)]
pub(crate) struct Maintenance {
    store: Store,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Maintenance {
    /// Starts the task. The store is asked at once: what became due while the process was down
    /// does not wait.
    pub(crate) fn start(asked: Store, block_duration: Duration) -> Self {
        let period = asked.maintenance_interval(block_duration);
        let (stop, mut stopped) = watch::channel(false);
        let store = asked.clone();
        let task = tokio::spawn(async move {
            let mut failed_before = false;
            loop {
                let done = store.maintain().await;
                let has_failed = done.is_err();
                match done {
                    Err(error) if !failed_before => {
                        // With what it was caused by: that says which file, and what helps.
                        let error = format!("{:#}", anyhow::Error::from(error));
                        tracing::error!(
                            error,
                            "what is old in the store cannot be cut, compacted or removed"
                        );
                    }
                    Ok(()) if failed_before => {
                        tracing::info!(
                            "what is old in the store can be cut, compacted and removed again"
                        )
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
        Self {
            store: asked,
            stop,
            task,
        }
    }

    /// Ends the task. A cut that is under way is finished, a compaction is given up.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        self.store.stop_compactions();
        // It fails only where the task panicked, which the log has said.
        let _ = self.task.await;
    }
}
