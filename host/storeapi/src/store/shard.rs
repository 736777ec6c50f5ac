//! Which series belong to the shard that is asked for.
//!
//! A series goes by the `XXH64` of those of its labels that count, each as name and value with a
//! byte 0xff behind either, so that all stores agree which shard it is in.

use narthex_model::Labels;
use tonic::Status;
use xxhash_rust::xxh64::xxh64;

use crate::message::store::ShardInfo;

/// What stands behind every name and value.
const SEPARATOR: u8 = 0xff;

/// A shard, or all series.
#[derive(Debug)]
pub(super) struct Shard(Option<Part>);

#[derive(Debug)]
struct Part {
    index: u64,
    count: u64,
    /// The labels count, rather than all but them.
    by: bool,
    /// Sorted.
    labels: Vec<String>,
}

impl Shard {
    /// Whether it has all series.
    pub(super) fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// # Errors
    /// There is no such shard.
    pub(super) fn new(info: Option<&ShardInfo>) -> Result<Self, Status> {
        let Some(info) = info.filter(|info| info.total_shards >= 1) else {
            return Ok(Self(None));
        };
        let count = info.total_shards.unsigned_abs();
        let index = u64::try_from(info.shard_index).ok();
        let Some(index) = index.filter(|index| *index < count) else {
            let text = format!("there is no shard {} of {count}", info.shard_index);
            return Err(Status::invalid_argument(text));
        };
        let mut labels = info.labels.clone();
        labels.sort_unstable();
        Ok(Self(Some(Part {
            index,
            count,
            by: info.by,
            labels,
        })))
    }

    /// Whether a series, by its labels in the answer, is in it.
    pub(super) fn has(&self, labels: &Labels) -> bool {
        let Some(part) = &self.0 else {
            return true;
        };
        let mut bytes = Vec::with_capacity(labels.encoded_len());
        for (name, value) in labels.iter() {
            let named = part.labels.binary_search_by(|held| held.as_str().cmp(name));
            if named.is_ok() == part.by {
                for text in [name, value] {
                    bytes.extend_from_slice(text.as_bytes());
                    bytes.push(SEPARATOR);
                }
            }
        }
        xxh64(&bytes, 0) % part.count == part.index
    }
}
