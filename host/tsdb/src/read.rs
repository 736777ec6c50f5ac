//! Reads head and blocks as one. The head is asked first: a sample that moves to a block in the
//! meantime is then seen in both, and taken once, never in neither.

use std::collections::{BTreeSet, HashSet};

use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use narthex_block::BlockError;
use narthex_model::Labels;
use narthex_storage::{
    ExemplarsRequest, LabelsRequest, Queryable, SelectRequest, Series, SeriesExemplars,
    SeriesStream, StorageError, TimeRange, Wanted, Warnings,
};

use crate::Tsdb;
use crate::block_set::BlockSet;

impl Queryable for Tsdb {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        self.read(request, Wanted::Samples).boxed()
    }

    fn select_wanted<'a>(
        &'a self,
        request: &'a SelectRequest,
        wanted: Wanted,
        _warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        self.read(request, wanted).boxed()
    }

    fn resolution_ms(&self, range: TimeRange, max_resolution_ms: i64) -> i64 {
        // Asked for each selector of each query, and mostly there are none.
        if !self.has_windows() {
            return 0;
        }
        match self.blocks_in(range) {
            Ok(blocks) => BlockSet::new(blocks).resolution_ms(range, max_resolution_ms),
            // The read itself says what is wrong.
            Err(_) => 0,
        }
    }

    fn series<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        async move {
            let head = self.head.series(request).await?;
            let blocks = self.blocks_in(request.range)?;
            if blocks.is_empty() || head.len() >= limit(request) {
                return Ok(head);
            }
            let mut all: HashSet<Labels> = head.into_iter().collect();
            let blocks = BlockSet::new(blocks);
            let found = blocks.label_sets(&request.samples(), limit(request)).await;
            all.extend(self.count_failure(found)?);
            Ok(all.into_iter().take(limit(request)).collect())
        }
        .boxed()
    }

    fn version(&self, range: TimeRange) -> Option<u64> {
        self.version_of(range)
    }

    fn exemplars(&self, request: &ExemplarsRequest) -> Vec<SeriesExemplars> {
        self.head.exemplars(request)
    }

    fn label_names<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        async move {
            let mut names: BTreeSet<String> =
                self.head.label_names(request).await?.into_iter().collect();
            let blocks = BlockSet::new(self.blocks_in(request.range)?);
            let found = blocks.label_names(request).await;
            names.extend(self.count_failure(found)?);
            Ok(names.into_iter().take(limit(request)).collect())
        }
        .boxed()
    }

    fn label_values<'a>(
        &'a self,
        name: &'a str,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        async move {
            let head = self.head.label_values(name, request).await?;
            let mut values: BTreeSet<String> = head.into_iter().collect();
            let blocks = BlockSet::new(self.blocks_in(request.range)?);
            let found = blocks.label_values(name, request).await;
            values.extend(self.count_failure(found)?);
            Ok(values.into_iter().take(limit(request)).collect())
        }
        .boxed()
    }
}

impl Tsdb {
    async fn read(
        &self,
        request: &SelectRequest,
        wanted: Wanted,
    ) -> Result<SeriesStream, StorageError> {
        let head = wanted.of_raw_stream(self.head.select(request).await?);
        let blocks = self.blocks_in(request.range)?;
        if blocks.is_empty() {
            return Ok(head);
        }
        let failures = self.metrics.block_read_failures.clone();
        let failed = move || {
            failures.inc();
        };
        let newest: Vec<Series> = head.try_collect().await?;
        let blocks = BlockSet::new(blocks);
        if blocks.resolution_ms(request.range, wanted.max_resolution_ms()) > 0 {
            self.metrics.downsampled_reads.inc();
        }
        blocks.select_with(request, wanted, newest, failed).await
    }

    /// Counts where a block could not be read.
    fn count_failure<T>(&self, read: Result<T, BlockError>) -> Result<T, BlockError> {
        read.inspect_err(|_| {
            self.metrics.block_read_failures.inc();
        })
    }
}

/// How many label sets, names or values are enough.
fn limit(request: &LabelsRequest) -> usize {
    request.limit.unwrap_or(usize::MAX)
}
