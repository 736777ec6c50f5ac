//! The bucket beside the store: the task that keeps it up to date.
//!
//! It is not: which bucket, which is [`bucket_source`]'s.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use narthex_api::ApiState;
use narthex_bucket::{Bucket, BucketOptions, open_store};
use narthex_model::{Clock, Labels};
use narthex_tsdb::Tsdb;
use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::bucket_source;
use crate::config::Config;

/// The folder below the store's for what was read of the bucket.
const CACHE: &str = "object-store-cache";

/// Gives the external labels.
pub(crate) type ExternalLabels = Box<dyn Fn() -> Labels + Send + Sync>;

/// The external labels as they are: those of the config that the server starts with, until its parts
/// follow another one.
pub(crate) fn external_labels(state: &ApiState, first: &Config) -> ExternalLabels {
    let (state, first) = (state.clone(), first.external_labels.clone());
    Box::new(move || match state.serving() {
        Some(_) => state.config().external_labels.clone(),
        None => first.clone(),
    })
}

/// The task that looks at the bucket again and again.
#[derive(Debug)]
pub(crate) struct ObjectStore {
    bucket: Arc<Bucket>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl ObjectStore {
    /// Opens the bucket, lets it answer beside the store, and begins to bring blocks there, under
    /// the external labels that hold at the time.
    ///
    /// # Errors
    /// The config is none, or the folder of the cache cannot be used. That the bucket cannot be
    /// reached is no error: it may come back.
    pub(crate) async fn start(
        config: &Path,
        folder: &Path,
        tsdb: &Arc<Tsdb>,
        external_labels: ExternalLabels,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> anyhow::Result<Self> {
        let config = bucket_source::load(config)?;
        let store = open_store(&config).context("the object store cannot be used")?;
        let pages = Arc::clone(tsdb.page_cache());
        let options = BucketOptions::new(config, store, folder.join(CACHE), pages, clock);
        let opened = Bucket::open(options, registry).await;
        let bucket = opened.context("the object store cannot be used")?;
        tsdb.attach(Arc::clone(&bucket) as _);
        let (stop, stopping) = watch::channel(false);
        let (running, local) = (Arc::clone(&bucket), Arc::clone(tsdb));
        let task = tokio::spawn(async move {
            let blocks = || {
                running.set_labels(&external_labels());
                local.local_blocks()
            };
            running.run(blocks, stopping).await;
        });
        Ok(Self { bucket, stop, task })
    }

    /// Ends the task. An upload that is under way goes on after the next start.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        // It fails only where the task panicked, which the log has said.
        let _ = self.task.await;
        self.bucket.close().await;
    }
}
