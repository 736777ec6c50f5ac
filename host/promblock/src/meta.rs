//! `meta.json`: what a block says of itself.

use std::path::Path;

use serde::Deserialize;

use crate::{Fault, PromBlockError};

/// The file's name.
const META_FILE: &str = "meta.json";

/// The only version that there is.
const VERSION: u64 = 1;

/// The longest document that is read. One of a block that was compacted of ten thousand others
/// has about a megabyte; a longer one is an error.
const META_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What a block says of itself. What others than Prometheus add (Thanos, Mimir) is left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromMeta {
    /// The block's name.
    pub ulid: String,
    /// The first millisecond that the block is for.
    pub min_time: i64,
    /// The millisecond after the last one that the block is for.
    pub max_time: i64,
    /// Counts; they are what the writer says, and not checked.
    #[serde(default)]
    pub stats: PromStats,
    /// What the block was made of.
    #[serde(default)]
    pub compaction: PromCompaction,
    version: u64,
}

/// How much a block holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PromStats {
    /// Samples of all kinds, deleted ones included.
    pub num_samples: u64,
    /// Series.
    pub num_series: u64,
    /// Chunks.
    pub num_chunks: u64,
    /// Deleted intervals.
    pub num_tombstones: u64,
}

/// Where a block comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PromCompaction {
    /// 1 for a block that was cut from the head.
    pub level: u64,
    /// The blocks cut from the head whose samples these are: itself at level 1.
    pub sources: Vec<String>,
    /// Whether the block is empty and only waits to be removed.
    pub deletable: bool,
    /// Whether its compaction has failed.
    pub failed: bool,
}

impl PromMeta {
    /// Reads the document of the block in `folder`.
    pub(crate) fn read(folder: &Path) -> Result<Self, PromBlockError> {
        let path = folder.join(META_FILE);
        Self::parse(&path).map_err(|fault| fault.of(&path))
    }

    fn parse(path: &Path) -> Result<Self, Fault> {
        let len = std::fs::metadata(path)?.len();
        if len > META_BYTES_MAX {
            let message = format!("it has {len} bytes, and at most {META_BYTES_MAX} are read");
            return Err(Fault::Format(message));
        }
        let meta: Self = serde_json::from_slice(&std::fs::read(path)?)?;
        if meta.version != VERSION {
            return Err(Fault::Version {
                found: meta.version,
                supported: VERSION,
            });
        }
        Ok(meta)
    }
}
