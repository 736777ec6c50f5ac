//! `meta.json`: what a block holds, and the checksums of its files. It is written last.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sums::{hex, parse_hex};
use crate::{BlockError, Fault};

/// The name of the file whose presence makes a folder a block.
pub const META_FILE: &str = "meta.json";

/// The version of the format that this program writes, and the latest it reads.
pub(crate) const VERSION: u32 = 1;

/// How the cells of `chunks.parquet` are encoded.
pub(crate) const CODEC: &str = narthex_nx::CODEC;

/// What a block holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockMeta {
    /// The version of the format.
    pub version: u32,
    /// The block's name, which its folder has too.
    pub ulid: String,
    /// The encoding of the cells.
    pub codec: String,
    /// The span of time that the block answers for.
    pub range: TimeBounds,
    /// The oldest sample, in milliseconds since the epoch.
    pub min_time_ms: i64,
    /// The newest sample, in milliseconds since the epoch.
    pub max_time_ms: i64,
    /// The length of a time slice; slices start at its multiples.
    pub slice_ms: i64,
    /// The starts of the slices that have samples, mostly ascending. `chunks.parquet` has one row a
    /// series for each, in this order.
    pub slices_ms: Vec<i64>,
    /// The length of the windows whose aggregates the samples are, in milliseconds; 0 where they
    /// are the samples themselves.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resolution_ms: i64,
    /// Counts.
    pub stats: BlockStats,
    /// What the block was made of, where that is other blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compaction: Option<Compaction>,
    /// The time from which on the log may have samples that the block does not, though they lie in
    /// its range; `None` where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_from_ms: Option<i64>,
    /// How many bytes one entry of a file's `sums` covers.
    pub sum_bytes: u64,
    /// The other files of the folder.
    pub files: BTreeMap<String, FileMeta>,
}

/// A span of time, the end excluded, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeBounds {
    /// The first millisecond.
    pub start_ms: i64,
    /// The millisecond after the last one.
    pub end_ms: i64,
}

/// How much a block holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockStats {
    /// Series, which is the number of rows in `series.parquet`.
    pub series: u64,
    /// Samples of all series.
    pub samples: u64,
    /// Distinct timestamp vectors, which is the number of rows in `times.parquet`.
    pub timestamp_groups: u64,
    /// Distinct label pairs.
    pub label_pairs: u64,
}

/// Where a compacted block comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compaction {
    /// One more than the highest level of the parents; a block of samples of the head has 1.
    pub level: u32,
    /// The blocks cut from the head, and those of other stores, whose samples these are; none of
    /// them is here any more.
    pub sources: Vec<String>,
    /// The blocks that this one was made of, and those that they were made of in turn but for the
    /// sources. It stands in place of all of them.
    pub parents: Vec<Parent>,
}

/// A block that another one was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// Its name.
    pub ulid: String,
    /// The span of time that it answered for.
    pub range: TimeBounds,
}

/// One file of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMeta {
    /// Its length in bytes.
    pub size: u64,
    /// CRC-32C of the whole, eight hexadecimal digits.
    pub crc32c: String,
    /// SHA-256 of the whole, in hexadecimal.
    pub sha256: String,
    /// CRC-32C of each stretch of `sum_bytes` bytes, eight hexadecimal digits each.
    pub sums: String,
}

/// Whether a block is raw; serde wants a function that takes a reference.
fn is_zero(resolution_ms: &i64) -> bool {
    *resolution_ms == 0
}

/// The last member of the document, which holds the checksum of all text before it.
const SEAL: (&str, &str) = (",\n  \"checksum\": \"", "\"\n}\n");

impl BlockMeta {
    /// Bytes of all files but `meta.json`.
    pub fn size(&self) -> u64 {
        self.files.values().map(|file| file.size).sum()
    }

    /// Whether the block has the samples themselves. Those of one with a resolution are aggregates
    /// of windows, and who asks for samples leaves it out.
    pub fn is_raw(&self) -> bool {
        self.resolution_ms == 0
    }

    /// How often samples of this block went from one block to another.
    pub fn level(&self) -> u32 {
        self.compaction.as_ref().map_or(1, |made| made.level)
    }

    /// The time up to which the block has all samples of its range that there ever were; the log
    /// need not be asked for older ones.
    pub fn complete_to_ms(&self) -> i64 {
        let end_ms = self.range.end_ms;
        self.log_from_ms.map_or(end_ms, |log_ms| log_ms.min(end_ms))
    }

    /// The blocks cut from the head whose samples these are: itself, unless it is compacted or
    /// taken over from another store.
    pub fn sources(&self) -> &[String] {
        let own = std::slice::from_ref(&self.ulid);
        self.compaction.as_ref().map_or(own, |made| &made.sources)
    }

    /// The names of all blocks that this one stands in place of. They are of its resolution: a
    /// downsampled block stands beside the raw ones that it was made of.
    pub fn replaced(&self) -> impl Iterator<Item = &str> {
        let made = self.compaction.iter();
        made.flat_map(|made| {
            let parents = made.parents.iter().map(|parent| &parent.ulid);
            let sources = made.sources.iter().filter(|_| self.is_raw());
            parents.chain(sources).map(String::as_str)
        })
    }

    /// Reads and checks the `meta.json` of the block called `ulid`.
    ///
    /// # Errors
    /// It is damaged, of a later version, or another block's.
    pub fn parse(text: &[u8], ulid: &str) -> Result<Self, BlockError> {
        Self::from_json(text, ulid).map_err(|fault| fault.of(ulid, META_FILE))
    }

    /// The document.
    pub(crate) fn to_json(&self) -> Result<String, Fault> {
        let text = serde_json::to_string_pretty(self).map_err(|e| Fault::format(e.to_string()))?;
        let open = text
            .strip_suffix("\n}")
            .ok_or_else(|| Fault::format("the document does not end as expected"))?;
        let sum = hex(crc32c::crc32c(open.as_bytes()));
        Ok(format!("{open}{}{sum}{}", SEAL.0, SEAL.1))
    }

    /// Reads the document of the block called `ulid`.
    pub(crate) fn from_json(text: &[u8], ulid: &str) -> Result<Self, Fault> {
        let whole = Fault::Checksum {
            start: 0,
            end: text.len() as u64,
        };
        let Some((open, sum)) = sealed(text) else {
            return Err(whole);
        };
        if parse_hex(sum) != Some(vec![crc32c::crc32c(open)]) {
            return Err(whole);
        }
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let parse = |e: serde_json::Error| Fault::format(e.to_string());
        let versioned: Versioned = serde_json::from_slice(text).map_err(parse)?;
        if versioned.version != VERSION {
            return Err(Fault::Version {
                found: versioned.version,
                supported: VERSION,
            });
        }
        let meta: Self = serde_json::from_slice(text).map_err(parse)?;
        if meta.ulid != ulid {
            return Err(Fault::format(format!("it belongs to block {}", meta.ulid)));
        }
        if meta.codec != CODEC {
            return Err(Fault::format(format!("unknown codec {:?}", meta.codec)));
        }
        if meta.resolution_ms < 0 {
            let message = format!("a resolution of {} ms", meta.resolution_ms);
            return Err(Fault::format(message));
        }
        if meta.sum_bytes != crate::sums::SUM_BYTES {
            return Err(Fault::format("checksums of another length of bytes"));
        }
        Ok(meta)
    }
}

/// Splits a document into what its checksum covers, and the checksum.
fn sealed(text: &[u8]) -> Option<(&[u8], &str)> {
    let rest = text.strip_suffix(SEAL.1.as_bytes())?;
    let (rest, sum) = rest.split_at_checked(rest.len().checked_sub(8)?)?;
    let open = rest.strip_suffix(SEAL.0.as_bytes())?;
    Some((open, std::str::from_utf8(sum).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> BlockMeta {
        let file = FileMeta {
            size: 3,
            crc32c: hex(7),
            sha256: "00".into(),
            sums: hex(7),
        };
        BlockMeta {
            version: VERSION,
            ulid: "01J".into(),
            codec: CODEC.into(),
            range: TimeBounds {
                start_ms: 0,
                end_ms: 10,
            },
            min_time_ms: 1,
            max_time_ms: 9,
            slice_ms: 10,
            slices_ms: vec![0],
            resolution_ms: 0,
            stats: BlockStats::default(),
            compaction: None,
            log_from_ms: None,
            sum_bytes: crate::sums::SUM_BYTES,
            files: BTreeMap::from([("series.parquet".to_owned(), file)]),
        }
    }

    #[test]
    fn the_document_is_json_and_reads_back() {
        let text = example().to_json().unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["checksum"].as_str().unwrap().len(), 8);
        let read = BlockMeta::from_json(text.as_bytes(), "01J").unwrap();
        assert_eq!(read, example());
    }

    #[test]
    fn what_a_block_was_made_of_is_kept_and_absent_where_it_was_cut() {
        let cut = example();
        assert!(!cut.to_json().unwrap().contains("compaction"));
        assert_eq!((cut.level(), cut.sources()), (1, &["01J".to_owned()][..]));
        assert_eq!(cut.replaced().count(), 0);
        let parent = |ulid: &str| Parent {
            ulid: ulid.into(),
            range: cut.range,
        };
        let compacted = BlockMeta {
            compaction: Some(Compaction {
                level: 3,
                sources: vec!["01A".into(), "01B".into()],
                parents: vec![parent("01C")],
            }),
            ..example()
        };
        let text = compacted.to_json().unwrap();
        let read = BlockMeta::from_json(text.as_bytes(), "01J").unwrap();
        assert_eq!(read, compacted);
        assert_eq!((read.level(), read.sources().len()), (3, 2));
        let replaced: Vec<&str> = read.replaced().collect();
        assert_eq!(replaced, ["01C", "01A", "01B"]);
    }

    #[test]
    fn a_downsampled_block_replaces_only_blocks_of_its_resolution() {
        let raw = example().to_json().unwrap();
        assert!(!raw.contains("resolution_ms"));
        let made = Compaction {
            level: 2,
            sources: vec!["01A".into()],
            parents: vec![Parent {
                ulid: "01D".into(),
                range: example().range,
            }],
        };
        let downsampled = BlockMeta {
            resolution_ms: 300_000,
            compaction: Some(made),
            ..example()
        };
        let text = downsampled.to_json().unwrap();
        let read = BlockMeta::from_json(text.as_bytes(), "01J").unwrap();
        assert_eq!(read, downsampled);
        assert!(!read.is_raw() && example().is_raw());
        // Its raw source stays, the block that it was compacted of goes.
        assert_eq!(read.replaced().collect::<Vec<_>>(), ["01D"]);
        assert_eq!(read.sources(), ["01A"]);
        let wrong = BlockMeta {
            resolution_ms: -1,
            ..example()
        };
        let text = wrong.to_json().unwrap();
        let fault = BlockMeta::from_json(text.as_bytes(), "01J").unwrap_err();
        assert_eq!(fault.to_string(), "a resolution of -1 ms");
    }

    #[test]
    fn no_flipped_bit_and_no_cut_passes() {
        let text = example().to_json().unwrap().into_bytes();
        for at in 0..text.len() {
            let mut flipped = text.clone();
            flipped[at] ^= 0x10;
            let read = BlockMeta::from_json(&flipped, "01J");
            // The case of a hexadecimal digit is not part of the number.
            assert!(
                read.as_ref().is_err() || read.is_ok_and(|read| read == example()),
                "byte {at}"
            );
            assert!(
                BlockMeta::from_json(&text[..at], "01J").is_err(),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn a_later_version_and_another_block_are_refused_by_name() {
        for (meta, expected) in [
            (
                BlockMeta {
                    version: 2,
                    ..example()
                },
                "format version 2: this program reads up to version 1",
            ),
            (
                BlockMeta {
                    ulid: "01K".into(),
                    ..example()
                },
                "it belongs to block 01K",
            ),
            (
                BlockMeta {
                    codec: "nx9".into(),
                    ..example()
                },
                "unknown codec \"nx9\"",
            ),
        ] {
            let text = meta.to_json().unwrap();
            let fault = BlockMeta::from_json(text.as_bytes(), "01J").unwrap_err();
            assert_eq!(fault.to_string(), expected);
        }
    }
}
