//! The part of the log that a snapshot stands for.

use crate::late::LateMark;
use crate::log::record::{Input, push_varint, push_zigzag};
use crate::log::segment::SegmentFile;
use crate::log::writer::ClosedSegment;

/// All segments up to the last one, and what is known of the log at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Covered {
    /// Where the samples that are shown start.
    pub(crate) bound_ms: i64,
    /// The last record.
    pub(crate) last_seq: u64,
    pub(crate) mark: LateMark,
    /// The segments, oldest first, each with the bytes of its file.
    pub(crate) segments: Vec<(ClosedSegment, u64)>,
}

/// The least that a segment takes: its number, its newest sample, its late ones, its bytes.
const SEGMENT_BYTES_MIN: usize = 4;

impl Covered {
    /// The number of the last segment; 0 where there is none.
    pub(crate) fn last_segment(&self) -> u32 {
        let last = self.segments.last();
        last.map_or(0, |(segment, _)| segment.number)
    }

    /// Why a snapshot of this part does not stand for segments as they are found.
    pub(crate) fn contradiction(&self, found: &[SegmentFile]) -> Option<String> {
        let last = self.last_segment();
        found
            .iter()
            .filter(|file| file.number <= last)
            .find_map(|file| {
                let known = self.segments.iter().find(|(s, _)| s.number == file.number);
                match known {
                    Some((_, bytes)) if *bytes == file.bytes => None,
                    Some((_, bytes)) => Some(format!(
                        "{} had {bytes} bytes and has {}",
                        file.name, file.bytes
                    )),
                    None => Some(format!("{} was not there", file.name)),
                }
            })
    }

    /// Of the segments that are found those that it stands for.
    pub(crate) fn within(&self, found: &[SegmentFile]) -> Vec<ClosedSegment> {
        let is_there = |number| found.iter().any(|file| file.number == number);
        let known = self.segments.iter().map(|(segment, _)| *segment);
        known.filter(|segment| is_there(segment.number)).collect()
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        push_zigzag(out, self.bound_ms);
        push_varint(out, self.last_seq);
        push_varint(out, self.mark.seq);
        push_zigzag(out, self.mark.before_ms);
        push_varint(out, self.segments.len() as u64);
        for (segment, bytes) in &self.segments {
            push_varint(out, segment.number.into());
            push_zigzag(out, segment.max_ms);
            push_varint(out, segment.late_seq);
            push_varint(out, *bytes);
        }
    }

    pub(super) fn decode(payload: &[u8]) -> Option<Self> {
        let mut input = Input::of(payload);
        let mut covered = Self {
            bound_ms: input.zigzag()?,
            last_seq: input.varint()?,
            mark: LateMark {
                seq: input.varint()?,
                before_ms: input.zigzag()?,
            },
            segments: Vec::new(),
        };
        for _ in 0..input.count(SEGMENT_BYTES_MIN)? {
            let segment = ClosedSegment {
                number: u32::try_from(input.varint()?).ok()?,
                max_ms: input.zigzag()?,
                late_seq: input.varint()?,
            };
            covered.segments.push((segment, input.varint()?));
        }
        input.is_empty().then_some(covered)
    }
}
