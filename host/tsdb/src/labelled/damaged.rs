//! Blocks that were found to be damaged while they were read.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use narthex_block::{Block, Fault};
use narthex_model::with_sources;
use narthex_storage::{StorageError, Warnings};
use prometheus_client::metrics::counter::Counter;

/// The blocks that are left out.
#[derive(Debug)]
pub(super) struct Damaged {
    names: Mutex<BTreeSet<String>>,
    failures: Counter,
}

impl Damaged {
    pub(super) fn new(failures: Counter) -> Self {
        Self {
            names: Mutex::default(),
            failures,
        }
    }

    /// Whether a block is left out.
    pub(super) fn has_any(&self) -> bool {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        !names.is_empty()
    }

    /// The blocks that are not left out; of the others the reader is warned.
    pub(super) fn sound(&self, blocks: &[Arc<Block>], warnings: &Warnings) -> Vec<Arc<Block>> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let is_sound = |block: &&Arc<Block>| {
            let name = &block.meta().ulid;
            let is_damaged = names.contains(name);
            if is_damaged {
                warnings.add(format!("block {name} is damaged and left out"));
            }
            !is_damaged
        };
        blocks.iter().filter(is_sound).cloned().collect()
    }

    /// Whether an error says that one of these blocks is damaged of which that was not known. It is
    /// left out from here on.
    pub(super) fn blames_another(&self, error: &StorageError, blocks: &[Arc<Block>]) -> bool {
        let StorageError::Read { context, source } = error else {
            return false;
        };
        let fault = source.downcast_ref::<Fault>();
        if !fault.is_some_and(is_of_the_block) {
            return false;
        }
        let is_named = |block: &&Arc<Block>| {
            let behind = context.strip_prefix("block ");
            let behind = behind.and_then(|text| text.strip_prefix(block.meta().ulid.as_str()));
            behind.is_some_and(|text| text.starts_with(':'))
        };
        let Some(block) = blocks.iter().find(is_named) else {
            return false;
        };
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = names.insert(block.meta().ulid.clone());
        if is_new {
            self.failures.inc();
            let error = with_sources(error);
            tracing::error!(
                block = block.meta().ulid,
                error,
                "block is damaged and left out"
            );
        }
        is_new
    }
}

/// Whether a fault is the block's, and not one of the way there.
fn is_of_the_block(fault: &Fault) -> bool {
    !matches!(fault, Fault::Store(_) | Fault::Stalled { .. })
}
