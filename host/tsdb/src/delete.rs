//! Deletes samples, in memory and in the blocks.

use async_recursion::async_recursion as boxed;
use narthex_model::Matcher;
use narthex_storage::{SelectRequest, TimeRange};

use crate::{Tsdb, TsdbError};

impl Tsdb {
    /// Deletes the samples in the range of all series that one of the selectors takes, as far as
    /// they are there. When it returns `Ok`, no later reader gets one of them, and that outlives
    /// the machine. It waits for a cut or a compaction that is under way.
    ///
    /// What lies only in a bucket cannot be deleted; where there are such samples, nothing is.
    ///
    /// # Errors
    /// The store is closed, samples lie only in a bucket, or a part of the store failed. In the
    /// last case some samples may be deleted, and it can be asked for again.
    #[boxed]
    pub async fn delete_series(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<(), TsdbError> {
        let closed = self.closed.lock().await;
        if *closed {
            return Err(TsdbError::Closed);
        }
        self.refuse_elsewhere(selectors, range).await?;
        let deleted = self.delete_everywhere(selectors, range).await;
        // Where a part failed, the others are deleted all the same.
        self.catalog.changes.note(range);
        deleted
    }

    async fn delete_everywhere(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<(), TsdbError> {
        self.head.delete(selectors, range)?;
        for block in self.catalog.blocks().iter() {
            if block.span().overlaps(range) {
                block.delete(selectors, range).await?;
            }
        }
        Ok(())
    }

    /// Refuses to delete samples that lie only elsewhere.
    async fn refuse_elsewhere(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
    ) -> Result<(), TsdbError> {
        if self.remote.get().is_none() {
            return Ok(());
        }
        let unknown = |_| TsdbError::Elsewhere {
            block: "of the bucket that is not known yet".to_owned(),
        };
        let here = self.catalog.blocks();
        for block in self.blocks_in(range).map_err(unknown)? {
            if here.iter().any(|own| own.meta().ulid == block.meta().ulid) {
                continue;
            }
            for matchers in selectors {
                let request = SelectRequest {
                    matchers: matchers.clone(),
                    range,
                };
                if !block.label_sets(&request, 1).await?.is_empty() {
                    let block = block.meta().ulid.clone();
                    return Err(TsdbError::Elsewhere { block });
                }
            }
        }
        Ok(())
    }
}
