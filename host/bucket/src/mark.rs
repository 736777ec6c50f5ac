//! Marks of blocks that are to go. The file and its members are Thanos'.

use narthex_block::Ulid;
use serde::{Deserialize, Serialize};

/// The file's name.
pub const MARK_FILE: &str = "deletion-mark.json";

/// A mark is not longer than this.
pub(crate) const MARK_BYTES_MAX: u64 = 64 << 10;

/// The version of the file.
const VERSION: u32 = 1;

/// Says that a block is to go, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The block.
    pub id: String,
    /// 1.
    pub version: u32,
    /// Why, in words.
    pub details: String,
    /// When the mark was made, in seconds since the epoch.
    pub deletion_time: i64,
    /// Why.
    #[serde(default)]
    pub reason: Reason,
}

/// Why a block goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// Another block has all its samples. It answers until that one is seen.
    Replaced,
    /// It is too old. It answers no more.
    #[default]
    Retention,
}

impl Mark {
    pub(crate) fn new(block: Ulid, reason: Reason, now_ms: i64) -> Self {
        let details = match reason {
            Reason::Replaced => "a longer block has its samples",
            Reason::Retention => "it is older than the retention of the bucket",
        };
        Self {
            id: block.to_string(),
            version: VERSION,
            details: details.to_owned(),
            deletion_time: now_ms.div_euclid(1_000),
            reason,
        }
    }
}
