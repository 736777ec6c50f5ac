//! Blocks that are left alone: damaged ones, and those that cannot become one with others. A mark
//! in the block's folder says so to every worker; an operator takes it away. The files and their
//! members are Thanos'.

use bytes::Bytes;
use narthex_block::Ulid;
use serde::Serialize;

/// Says that a block is not compacted, nor anything made of it.
pub(crate) const NO_COMPACT_FILE: &str = "no-compact-mark.json";

/// Says that nothing coarser is made of a block.
pub(crate) const NO_DOWNSAMPLE_FILE: &str = "no-downsample-mark.json";

/// The details of a mark have at most so many characters.
const DETAILS_CHARS_MAX: usize = 2_000;

/// Why a block is in quarantine, as metrics call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Its bytes are not those that were written.
    Damage,
    /// It does not go together with others of its group.
    Apart,
    /// Its windows reach into those of a longer block.
    Overlap,
}

impl Cause {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Damage => "damaged",
            Self::Apart => "unmergeable",
            Self::Overlap => "overlap",
        }
    }
}

#[derive(Debug, Serialize)]
struct NoCompact<'a> {
    id: String,
    version: u32,
    details: &'a str,
    no_compact_time: i64,
    reason: &'static str,
}

#[derive(Debug, Serialize)]
struct NoDownsample<'a> {
    id: String,
    version: u32,
    details: &'a str,
    no_downsample_time: i64,
    reason: &'static str,
}

/// The text of [`NO_COMPACT_FILE`].
pub(crate) fn no_compact(block: Ulid, cause: Cause, details: &str, now_ms: i64) -> Bytes {
    let details = short(details);
    let mark = NoCompact {
        id: block.to_string(),
        version: 1,
        details: &details,
        no_compact_time: now_ms.div_euclid(1_000),
        reason: cause.name(),
    };
    serde_json::to_vec(&mark).unwrap_or_default().into()
}

/// The text of [`NO_DOWNSAMPLE_FILE`].
pub(crate) fn no_downsample(block: Ulid, cause: Cause, details: &str, now_ms: i64) -> Bytes {
    let details = short(details);
    let mark = NoDownsample {
        id: block.to_string(),
        version: 1,
        details: &details,
        no_downsample_time: now_ms.div_euclid(1_000),
        reason: cause.name(),
    };
    serde_json::to_vec(&mark).unwrap_or_default().into()
}

fn short(details: &str) -> String {
    details.chars().take(DETAILS_CHARS_MAX).collect()
}
