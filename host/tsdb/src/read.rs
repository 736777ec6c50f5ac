//! Reads head and blocks as one. The head is asked first: a sample that moves to a block in the
//! meantime is then seen in both, and taken once, never in neither.

use std::collections::{BTreeSet, HashSet};

use futures::future::{BoxFuture, try_join_all};
use futures::{FutureExt, StreamExt, TryStreamExt};
use narthex_block::BlockError;
use narthex_model::Labels;
use narthex_storage::{
    ExemplarsRequest, LabelsRequest, Queryable, SelectRequest, Series, SeriesExemplars,
    SeriesStream, StorageError, TimeRange,
};

use crate::Tsdb;
use crate::merge::{Sorted, merge};

impl Queryable for Tsdb {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async move {
            let head = self.head.select(request).await?;
            let blocks = self.blocks_in(request.range)?;
            if blocks.is_empty() {
                return Ok(head);
            }
            // Side by side: a block in a bucket takes its time.
            let sources = try_join_all(blocks.into_iter().map(|block| block.select(request)));
            let sources = self.count_failure(sources.await)?.into_iter();
            let sources: Vec<Sorted> = sources
                .map(|series| {
                    let failures = self.metrics.block_read_failures.clone();
                    let counted = series.inspect_err(move |_| {
                        failures.inc();
                    });
                    counted.map_err(StorageError::from).boxed()
                })
                .collect();
            let newest: Vec<Series> = head.try_collect().await?;
            Ok(merge(sources, newest))
        }
        .boxed()
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
            let samples = request.samples();
            let series = blocks.iter();
            let series = series.map(|block| block.label_sets(&samples, limit(request)));
            let series = self.count_failure(try_join_all(series).await)?;
            all.extend(series.into_iter().flatten());
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
            let blocks = self.blocks_in(request.range)?;
            let found = blocks.iter().map(|block| block.label_names(request));
            let found = self.count_failure(try_join_all(found).await)?;
            names.extend(found.into_iter().flatten());
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
            let blocks = self.blocks_in(request.range)?;
            let found = blocks.iter().map(|block| block.label_values(name, request));
            let found = self.count_failure(try_join_all(found).await)?;
            values.extend(found.into_iter().flatten());
            Ok(values.into_iter().take(limit(request)).collect())
        }
        .boxed()
    }
}

impl Tsdb {
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
