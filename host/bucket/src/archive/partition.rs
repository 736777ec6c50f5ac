//! Which blocks of a bucket are one process's, so that several can share it.

use narthex_block::Ulid;
use narthex_model::relabel::{self, RelabelConfig};
use narthex_model::{Labels, LabelsBuilder};
use narthex_storage::TimeRange;

/// Under this name rules see which block it is, as in Thanos.
const BLOCK_ID: &str = "__block_id";

/// A share of a bucket: all of it, unless something else is said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Partition {
    /// Samples before are not answered for.
    pub min_time: Option<TimeBound>,
    /// Samples after are not answered for.
    pub max_time: Option<TimeBound>,
    /// Rules over the labels of a block; one that they drop is not this process's.
    pub relabel: Vec<RelabelConfig>,
}

/// The beginning or the end of what a process answers for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeBound {
    /// A point in time, in milliseconds since the epoch.
    At(i64),
    /// A point in time so many milliseconds from now; below 0 for one that is over.
    FromNow(i64),
}

impl TimeBound {
    /// The point in time, in milliseconds since the epoch.
    pub fn at(self, now_ms: i64) -> i64 {
        match self {
            Self::At(ms) => ms,
            Self::FromNow(ms) => now_ms.saturating_add(ms),
        }
    }
}

impl Partition {
    /// Whether a block of a server with these labels is this process's, whatever its time.
    pub(super) fn has(&self, block: Ulid, labels: &Labels) -> bool {
        if self.relabel.is_empty() {
            return true;
        }
        let mut builder = LabelsBuilder::from_labels(labels);
        builder.set(BLOCK_ID, &block.to_string());
        relabel::apply(&self.relabel, &mut builder)
    }

    /// As much of a range as is answered for now; one that ends before it starts where that is
    /// nothing.
    pub(super) fn clamped(&self, range: TimeRange, now_ms: i64) -> TimeRange {
        let at = |bound: Option<TimeBound>| bound.map(|bound| bound.at(now_ms));
        TimeRange {
            start_ms: range.start_ms.max(at(self.min_time).unwrap_or(i64::MIN)),
            end_ms: range.end_ms.min(at(self.max_time).unwrap_or(i64::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_points_or_go_with_the_clock() {
        let partition = Partition {
            min_time: Some(TimeBound::At(100)),
            max_time: Some(TimeBound::FromNow(-50)),
            relabel: Vec::new(),
        };
        let range = |start_ms, end_ms| TimeRange { start_ms, end_ms };
        for (now_ms, asked, expected) in [
            (1_000, TimeRange::ALL, range(100, 950)),
            (2_000, TimeRange::ALL, range(100, 1_950)),
            (1_000, range(200, 300), range(200, 300)),
            (1_000, range(0, 50), range(100, 50)),
        ] {
            assert_eq!(partition.clamped(asked, now_ms), expected);
        }
        assert_eq!(
            Partition::default().clamped(TimeRange::ALL, 0),
            TimeRange::ALL
        );
    }

    #[test]
    fn shards_by_the_hash_of_the_block_have_each_block_once() {
        let shard = |number: u32| {
            let rules = format!(
                r#"[{{"source_labels": ["__block_id"], "action": "hashmod", "modulus": 3,
                      "target_label": "shard"}},
                    {{"source_labels": ["shard"], "action": "keep", "regex": "{number}"}}]"#
            );
            Partition {
                relabel: serde_json::from_str(&rules).unwrap(),
                ..Partition::default()
            }
        };
        let shards: Vec<Partition> = (0..3).map(shard).collect();
        let mut counts = [0; 3];
        for number in 0..90 {
            let block = Ulid::from_parts(1_700_000_000_000, number);
            let has = shards.iter().map(|s| s.has(block, &Labels::empty()));
            let own: Vec<usize> = has
                .enumerate()
                .filter_map(|(shard, has)| has.then_some(shard))
                .collect();
            assert_eq!(own.len(), 1, "{block} is in the shards {own:?}");
            counts[own[0]] += 1;
        }
        assert!(counts.iter().all(|count| *count > 10), "{counts:?}");
    }

    #[test]
    fn rules_see_the_labels_of_the_server() {
        let rules = r#"[{"source_labels": ["cluster"], "action": "keep", "regex": "eu-.*"}]"#;
        let partition = Partition {
            relabel: serde_json::from_str(rules).unwrap(),
            ..Partition::default()
        };
        let block = Ulid::from_parts(1, 1);
        assert!(partition.has(block, &Labels::from_pairs([("cluster", "eu-1")])));
        assert!(!partition.has(block, &Labels::from_pairs([("cluster", "us-1")])));
        assert!(!partition.has(block, &Labels::empty()));
    }
}
