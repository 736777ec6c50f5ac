//! Lets the store do what is due, as long as the process runs.

use std::sync::Arc;
use std::time::Duration;

use narthex_tsdb::Tsdb;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often the store is asked. Prometheus looks once a minute too.
const PERIOD: Duration = Duration::from_secs(60);

/// A task that asks the store for its work until it is stopped.
#[derive(Debug)]
pub(crate) struct Maintenance {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Maintenance {
    /// Starts the task.
    pub(crate) fn start(tsdb: Arc<Tsdb>) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            let mut failed_before = false;
            loop {
                tokio::select! {
                    _ = stopped.changed() => return,
                    () = tokio::time::sleep(PERIOD) => {}
                }
                let done = tsdb.maintain().await;
                match &done {
                    Err(error) if !failed_before => {
                        let error = anyhow::anyhow!("{error}");
                        tracing::error!(%error, "blocks cannot be cut");
                    }
                    Ok(()) if failed_before => tracing::info!("blocks can be cut again"),
                    _ => {}
                }
                failed_before = done.is_err();
            }
        });
        Self { stop, task }
    }

    /// Ends the task; work under way is finished.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        // It fails only where the task panicked, which the log has said.
        let _ = self.task.await;
    }
}
