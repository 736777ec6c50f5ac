//! Blocks of any resolution, read as one store.
//!
//! It is not: a list that changes, or what is in no block. A [`Tsdb`](crate::Tsdb) has both.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt};
use narthex_block::{AGGREGATE_LABEL, Block, BlockError};
use narthex_model::Labels;
use narthex_storage::{
    Aggregate, LabelsRequest, SelectRequest, Series, SeriesStream, StorageError, TimeRange, Wanted,
};

use crate::merge::{Sorted, merge};
use crate::resolutions::{Choice, Part};
use crate::windows;

/// Blocks, some of which may hold windows of the samples that others hold.
#[derive(Debug, Clone, Default)]
pub struct BlockSet {
    /// By time.
    blocks: Vec<Arc<Block>>,
}

impl BlockSet {
    /// All of them may answer; none of them stands in place of another one.
    pub fn new(mut blocks: Vec<Arc<Block>>) -> Self {
        blocks.sort_by(|a, b| order(a).cmp(&order(b)));
        Self { blocks }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// As [`Queryable::resolution_ms`](narthex_storage::Queryable::resolution_ms).
    pub fn resolution_ms(&self, range: TimeRange, max_resolution_ms: i64) -> i64 {
        if self.blocks.iter().all(|block| block.meta().is_raw()) {
            return 0;
        }
        let wanted = Wanted::Windows {
            aggregate: Aggregate::Growth,
            max_resolution_ms,
        };
        Choice::new(&self.touched(range), range, wanted).resolution_ms()
    }

    /// The samples of all series that match, or windows of them; each label set comes once.
    ///
    /// # Errors
    /// A block is damaged or its store fails, here or in the stream.
    #[boxed]
    pub async fn select(
        &self,
        request: &SelectRequest,
        wanted: Wanted,
    ) -> Result<SeriesStream, StorageError> {
        self.select_with(request, wanted, Vec::new(), || {}).await
    }

    /// As [`Self::select`], with the samples of `newest` that are in no block; who wants to know
    /// is told of each failure in the stream.
    pub(crate) async fn select_with(
        &self,
        request: &SelectRequest,
        wanted: Wanted,
        newest: Vec<Series>,
        failed: impl Fn() + Clone + Send + 'static,
    ) -> Result<SeriesStream, StorageError> {
        let choice = Choice::new(&self.touched(request.range), request.range, wanted);
        // Side by side: a block in a bucket takes its time.
        let parts = choice.parts.iter();
        let found = try_join_all(parts.map(|part| select_part(part, request, wanted))).await;
        let sources = found.inspect_err(|_| failed())?.into_iter();
        let sources: Vec<Sorted> = sources
            .map(|series| {
                let failed = failed.clone();
                let counted = series.inspect_err(move |_| failed());
                counted.boxed()
            })
            .collect();
        Ok(merge(sources, choice.beside_windows(newest)))
    }

    /// The label sets of all series that match and may have a sample in the range, each once and
    /// no more than `limit` of them of each block.
    ///
    /// # Errors
    /// A block is damaged or its store fails.
    #[boxed]
    pub async fn label_sets(
        &self,
        request: &SelectRequest,
        limit: usize,
    ) -> Result<HashSet<Labels>, BlockError> {
        let blocks = self.answering_for_labels(request.range);
        let found = blocks.iter().map(|block| async move {
            if block.meta().is_raw() {
                return block.label_sets(request, limit).await;
            }
            // Every series with a sample has a count.
            let matchers = windows::matchers_of(&request.matchers, Aggregate::Count);
            let Some(matchers) = matchers else {
                return Ok(Vec::new());
            };
            let range = request.range;
            let counts = SelectRequest { matchers, range };
            let found = block.label_sets(&counts, limit).await?;
            Ok(found.iter().map(windows::stripped).collect())
        });
        let found = try_join_all(found).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The label names of the series that match, as [`Block::label_names`] gives them.
    ///
    /// # Errors
    /// A block is damaged or its store fails.
    #[boxed]
    pub async fn label_names(
        &self,
        request: &LabelsRequest,
    ) -> Result<BTreeSet<String>, BlockError> {
        let blocks = self.answering_for_labels(request.range);
        let found = blocks.iter().map(|block| async move {
            let Some(request) = label_request(block, request) else {
                return Ok(Vec::new());
            };
            block.label_names(&request).await
        });
        let found: Vec<Vec<String>> = try_join_all(found).await?;
        let mut names: BTreeSet<String> = found.into_iter().flatten().collect();
        names.remove(AGGREGATE_LABEL);
        Ok(names)
    }

    /// The values of one label of the series that match, as [`Block::label_values`] gives them.
    ///
    /// # Errors
    /// A block is damaged or its store fails.
    #[boxed]
    pub async fn label_values(
        &self,
        name: &str,
        request: &LabelsRequest,
    ) -> Result<BTreeSet<String>, BlockError> {
        if name == AGGREGATE_LABEL {
            return Ok(BTreeSet::new());
        }
        let blocks = self.answering_for_labels(request.range);
        let found = blocks.iter().map(|block| async move {
            let Some(request) = label_request(block, request) else {
                return Ok(Vec::new());
            };
            block.label_values(name, &request).await
        });
        let found: Vec<Vec<String>> = try_join_all(found).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// The blocks that may have something in a range.
    fn touched(&self, range: TimeRange) -> Vec<Arc<Block>> {
        let blocks = self.blocks.iter();
        blocks.filter(|b| is_touched(b, range)).cloned().collect()
    }

    /// The blocks that are asked for labels: of the same samples the coarsest, which are fewest.
    fn answering_for_labels(&self, range: TimeRange) -> Vec<Arc<Block>> {
        let wanted = Wanted::Windows {
            aggregate: Aggregate::Count,
            max_resolution_ms: i64::MAX,
        };
        let choice = Choice::new(&self.touched(range), range, wanted);
        let mut blocks: Vec<Arc<Block>> = choice.parts.into_iter().map(|p| p.block).collect();
        // Parts of one block follow each other.
        blocks.dedup_by(|a, b| Arc::ptr_eq(a, b));
        blocks
    }
}

/// Whether a block may have something in a range. Windows may end behind the samples that they are
/// of, and a block is there for time in which it has none.
pub(crate) fn is_touched(block: &Block, range: TimeRange) -> bool {
    let answers_for = block.meta().range;
    let span = TimeRange {
        start_ms: answers_for.start_ms,
        end_ms: answers_for.end_ms,
    };
    block.span().overlaps(range) || (!block.meta().is_raw() && span.overlaps(range))
}

/// By time.
pub(crate) fn order(block: &Block) -> (i64, &str) {
    let meta = block.meta();
    (meta.range.start_ms, &meta.ulid)
}

async fn select_part(
    part: &Part,
    request: &SelectRequest,
    wanted: Wanted,
) -> Result<Sorted, BlockError> {
    if !part.block.meta().is_raw() {
        let found = windows::select(part, &request.matchers, wanted.aggregate()).await?;
        return Ok(found.map_err(StorageError::from).boxed());
    }
    let request = SelectRequest {
        matchers: request.matchers.clone(),
        range: part.range,
    };
    let found = Arc::clone(&part.block).select(&request).await?;
    let found = found.map_err(StorageError::from).boxed();
    Ok(wanted.of_raw_stream(found))
}

/// What a block is asked for names or values of labels; `None` where it has none. A downsampled
/// block has one name more, for which there has to be room.
fn label_request(block: &Block, request: &LabelsRequest) -> Option<LabelsRequest> {
    if block.meta().is_raw() {
        return Some(request.clone());
    }
    Some(LabelsRequest {
        matchers: windows::matchers_of(&request.matchers, Aggregate::Count)?,
        range: request.range,
        limit: request.limit.map(|limit| limit.saturating_add(1)),
    })
}
