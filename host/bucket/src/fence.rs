//! Closes a name: what lies where a block's `meta.json` would be, so that nobody can make a block
//! of the folder any more.
//!
//! A worker says which name its next block will have before it writes it, and makes `meta.json`
//! only where there is none. Who takes over its lease puts a fence there first, where there is
//! none either. Of the two, exactly one is there in the end, however late the other comes. So it
//! goes with a server's upload that had stalled, whose leftovers a worker or another server removes.

use bytes::Bytes;
use narthex_block::Ulid;
use serde::{Deserialize, Serialize};

/// A longer text is no fence.
pub(crate) const FENCE_BYTES_MAX: u64 = 4 << 10;

/// What every fence begins with.
const BEGINNING: &[u8] = b"{\"fence\":";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    fence: Fence,
}

#[derive(Debug, Serialize, Deserialize)]
struct Fence {
    /// The name that is closed.
    block: String,
    /// Who closed it.
    owner: String,
}

/// The text of a fence.
pub(crate) fn fence(block: Ulid, owner: &str) -> Bytes {
    let fence = Fence {
        block: block.to_string(),
        owner: owner.to_owned(),
    };
    let text = serde_json::to_vec(&Document { fence }).unwrap_or_default();
    text.into()
}

/// Whether a `meta.json` is none, but a fence.
pub(crate) fn is_fence(text: &[u8]) -> bool {
    text.len() as u64 <= FENCE_BYTES_MAX && serde_json::from_slice::<Document>(text).is_ok()
}

/// Whether it is a fence, or the beginning of one that did not come to its end. A text that is empty
/// may be what is left of a block's `meta.json`.
pub(crate) fn is_begun(text: &[u8]) -> bool {
    text.starts_with(BEGINNING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_known_and_nothing_else_is_one() {
        let block = Ulid::from_parts(1, 2);
        assert!(is_fence(&fence(block, "worker")));
        for text in ["", "{}", "{\"version\": 1}", "{\"fence\": 1}"] {
            assert!(!is_fence(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_fence_is_known_by_its_beginning() {
        let whole = fence(Ulid::from_parts(1, 2), "worker");
        for bytes in BEGINNING.len()..=whole.len() {
            assert!(is_begun(&whole[..bytes]), "{bytes}");
        }
        for text in ["", "{}", "{\"version\": 1}", "x"] {
            assert!(!is_begun(text.as_bytes()), "{text}");
        }
    }
}
