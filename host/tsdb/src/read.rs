//! Reads head and blocks as one. The head is asked first: a sample that moves to a block in the
//! meantime is then seen in both, and taken once, never in neither.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use narthex_block::Block;
use narthex_model::Labels;
use narthex_storage::{
    LabelsRequest, Queryable, SelectRequest, Series, SeriesStream, StorageError, TimeRange,
};

use crate::Tsdb;
use crate::merge::{Sorted, merge};

impl Tsdb {
    fn blocks(&self, range: TimeRange) -> Vec<Arc<Block>> {
        let blocks = self.catalog.blocks();
        let touched = blocks.iter().filter(|block| block.span().overlaps(range));
        touched.cloned().collect()
    }
}

impl Queryable for Tsdb {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async move {
            let head = self.head.select(request).await?;
            let blocks = self.blocks(request.range);
            if blocks.is_empty() {
                return Ok(head);
            }
            let mut sources: Vec<Sorted> = Vec::with_capacity(blocks.len());
            for block in blocks {
                let series = block.select(request).await?;
                sources.push(series.map_err(StorageError::from).boxed());
            }
            let newest: Vec<Series> = head.try_collect().await?;
            Ok(merge(sources, newest))
        }
        .boxed()
    }

    fn series<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        async move {
            let head = self.head.series(request).await?;
            let blocks = self.blocks(request.range);
            if blocks.is_empty() {
                return Ok(head);
            }
            let mut all: HashSet<Labels> = head.into_iter().collect();
            for block in blocks {
                all.extend(block.series(request).await?);
            }
            Ok(all.into_iter().collect())
        }
        .boxed()
    }

    fn label_names<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        async move {
            let mut names: BTreeSet<String> =
                self.head.label_names(request).await?.into_iter().collect();
            for block in self.blocks(request.range) {
                names.extend(block.label_names(request).await?);
            }
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
            for block in self.blocks(request.range) {
                values.extend(block.label_values(name, request).await?);
            }
            Ok(values.into_iter().take(limit(request)).collect())
        }
        .boxed()
    }
}

/// How many names or values are enough.
fn limit(request: &LabelsRequest) -> usize {
    request.limit.unwrap_or(usize::MAX)
}
