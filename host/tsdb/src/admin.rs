//! The store as its operator sees it.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use narthex_model::Matcher;
use narthex_storage::{AdminError, StorageAdmin, StorageStats, StoredBlock, TimeRange};

use crate::{Tsdb, TsdbError};

impl StorageAdmin for Tsdb {
    fn blocks(&self) -> Vec<StoredBlock> {
        let blocks = self.catalog.blocks();
        let shown = blocks.iter().map(|block| {
            let meta = block.meta();
            StoredBlock {
                ulid: meta.ulid.clone(),
                min_time_ms: meta.range.start_ms,
                max_time_ms: meta.range.end_ms,
                series: meta.stats.series,
                samples: meta.stats.samples,
                level: meta.level(),
                sources: meta.sources().to_vec(),
                version: meta.version,
            }
        });
        shown.collect()
    }

    fn stats(&self, limit: usize) -> StorageStats {
        StorageStats {
            wal_corruptions: self.metrics.wal_corruptions.get(),
            ..self.head.stats(limit)
        }
    }

    fn oldest_ms(&self) -> Option<i64> {
        let blocks = self.catalog.blocks();
        let blocks = blocks.iter().map(|block| block.meta().range.start_ms);
        blocks.chain(self.head.oldest_time()).min()
    }

    fn delete(
        self: Arc<Self>,
        selectors: Vec<Vec<Matcher>>,
        range: TimeRange,
    ) -> BoxFuture<'static, Result<(), AdminError>> {
        // On its own, so that a client that goes away leaves nothing half done.
        let task = tokio::spawn(async move { self.delete_series(&selectors, range).await });
        told("delete series", task).boxed()
    }

    fn clean_tombstones(self: Arc<Self>) -> BoxFuture<'static, Result<(), AdminError>> {
        let task = tokio::spawn(async move { self.clean_deleted().await });
        told("clean tombstones", task).boxed()
    }

    fn snapshot(
        self: Arc<Self>,
        skips_head: bool,
    ) -> BoxFuture<'static, Result<String, AdminError>> {
        let task = tokio::spawn(async move { self.take_snapshot(skips_head).await });
        told("create snapshot", task).boxed()
    }
}

async fn told<T>(
    context: &'static str,
    task: tokio::task::JoinHandle<Result<T, TsdbError>>,
) -> Result<T, AdminError> {
    let done = task.await;
    let done = done.unwrap_or_else(|error| Err(TsdbError::Task(error.into())));
    done.map_err(|error| match error {
        TsdbError::Elsewhere { .. } => AdminError::Refused(error.to_string()),
        error => AdminError::Failed {
            context,
            source: error.into(),
        },
    })
}
