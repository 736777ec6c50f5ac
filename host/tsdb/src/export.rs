//! Blocks of ours as blocks of Prometheus: what lies in a store can be taken by Prometheus and Thanos.
//!
//! The time is cut where Prometheus cuts it, at multiples of how long a block is. Each cut becomes
//! one block, whatever blocks of ours its samples lie in. Start timestamps of samples and exemplars
//! have no place there.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use futures::TryStreamExt;
use narthex_block::{Block, Ulid};
use narthex_model::{Clock, Labels, Matcher};
use narthex_promblock::{PromBlockError, PromBlockWriter};
use narthex_storage::{SelectRequest, StorageError, TimeRange};

use crate::read_only::select_blocks;

/// What is exported, and as what.
#[derive(Debug, Clone)]
pub struct ExportOptions {
    /// Which series: all of them must hold.
    pub matchers: Vec<Matcher>,
    /// Which samples.
    pub range: TimeRange,
    /// How long a block is, in milliseconds: a multiple of two hours, as Prometheus' are.
    pub block_ms: i64,
    /// What Thanos tells blocks of several sources apart by; none writes nothing for Thanos.
    pub external_labels: Labels,
}

/// How far an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportProgress {
    /// The cuts of time that are done.
    pub done: u64,
    /// The cuts that there are.
    pub cuts: u64,
    /// The blocks that were written; a cut without samples gives none.
    pub blocks: u64,
    /// Their samples.
    pub samples: u64,
}

/// Why an export ends early. The blocks that were written are whole.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// A block of ours cannot be read.
    #[error(transparent)]
    Read(#[from] StorageError),
    /// A block of Prometheus cannot be written.
    #[error(transparent)]
    Write(#[from] PromBlockError),
    /// Blocks have no length.
    #[error("a block must be longer than no time at all")]
    BlockLength,
    /// Who watches the progress has stopped it.
    #[error("the export was stopped")]
    Stopped,
}

/// Writes blocks of Prometheus into a folder. It reads and writes files on the thread that it is
/// called on.
///
/// # Errors
/// A block cannot be read or written, or who watches has stopped it.
pub async fn export_blocks(
    blocks: &[Arc<Block>],
    options: &ExportOptions,
    into: &Path,
    clock: &dyn Clock,
    mut tell: impl FnMut(ExportProgress) -> ControlFlow<()>,
) -> Result<ExportProgress, ExportError> {
    if options.block_ms <= 0 {
        return Err(ExportError::BlockLength);
    }
    let mut progress = ExportProgress {
        done: 0,
        cuts: 0,
        blocks: 0,
        samples: 0,
    };
    let spans = || {
        let raw = blocks.iter().filter(|block| block.meta().is_raw());
        let spans = raw.map(|block| block.span());
        spans.filter(|span| span.overlaps(options.range))
    };
    let (start_ms, end_ms) = match (
        spans().map(|span| span.start_ms).min(),
        spans().map(|span| span.end_ms).max(),
    ) {
        (Some(start_ms), Some(end_ms)) => (
            start_ms.max(options.range.start_ms),
            end_ms.min(options.range.end_ms),
        ),
        _ => return Ok(progress),
    };
    let (first, last) = (
        start_ms.div_euclid(options.block_ms),
        end_ms.div_euclid(options.block_ms),
    );
    progress.cuts = last.abs_diff(first) + 1;
    for cut in first..=last {
        // The end of a block is not in it.
        let block = TimeRange {
            start_ms: cut.saturating_mul(options.block_ms),
            end_ms: (cut + 1).saturating_mul(options.block_ms),
        };
        let taken = TimeRange {
            start_ms: block.start_ms.max(options.range.start_ms),
            end_ms: (block.end_ms - 1).min(options.range.end_ms),
        };
        let request = SelectRequest {
            matchers: options.matchers.clone(),
            range: taken,
        };
        let mut series = select_blocks(blocks, &request).await?;
        let mut writer: Option<PromBlockWriter> = None;
        while let Some(series) = series.try_next().await? {
            let writer = match &mut writer {
                Some(writer) => writer,
                None => {
                    let now_ms = u64::try_from(clock.now_ms()).unwrap_or_default();
                    let ulid = Ulid::from_parts(now_ms, Ulid::generate().random());
                    writer.insert(PromBlockWriter::create(into, &ulid.to_string())?)
                }
            };
            writer.add(&series)?;
        }
        if let Some(writer) = writer {
            let written = writer.finish(block, &options.external_labels)?;
            progress.blocks += 1;
            progress.samples += written.samples;
        }
        progress.done += 1;
        if tell(progress).is_break() {
            return Err(ExportError::Stopped);
        }
    }
    Ok(progress)
}
