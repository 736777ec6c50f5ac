//! The payload of a batch: the series it names for the first time in its segment, then its
//! samples in columns.
//!
//! Series are numbered from 0 within a segment, in the order in which they are declared. A value
//! is written as its bits XOR the bits of that series' value before it in the same segment (0 for
//! the first), all lowest bytes together, then all second bytes, and so on: what does not change
//! becomes long runs of zeros.

use narthex_model::Labels;

use super::kinds::RecordKinds;
use crate::late::LateMark;

/// One sample as it lies in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    /// The series' number in the segment.
    pub(crate) id: u32,
    pub(crate) timestamp_ms: i64,
    /// The value's bits XOR those of the value before.
    pub(crate) difference: u64,
}

/// The bytes that a sample takes at most: its number, its time, its value.
pub(crate) const ROW_BYTES_MAX: usize = 5 + 10 + 8;

/// The bytes that the counts of a label set take at most, beside its text.
pub(crate) const LABELS_OVERHEAD_BYTES_MAX: usize = 9;

/// The least that a sample takes.
const ROW_BYTES_MIN: usize = 1 + 1 + 8;

/// Says how many rows at the end are late; nothing where none is.
pub(crate) fn encode_late_count(count: usize, out: &mut Vec<u8>) {
    if count > 0 {
        push_varint(out, count as u64);
    }
}

/// Takes the count of late rows off the front of a payload that has one.
pub(crate) fn decode_late_count(payload: &[u8]) -> Option<(usize, &[u8])> {
    let mut input = Input(payload);
    let count = usize::try_from(input.varint()?).ok()?;
    Some((count, input.0))
}

/// The payload that says which late samples blocks hold.
pub(crate) fn encode_mark(mark: LateMark) -> [u8; MARK_BYTES] {
    let mut payload = [0; MARK_BYTES];
    payload[..8].copy_from_slice(&mark.seq.to_le_bytes());
    payload[8..].copy_from_slice(&mark.before_ms.to_le_bytes());
    payload
}

/// What [`encode_mark`] was given.
pub(crate) fn decode_mark(payload: &[u8]) -> Option<LateMark> {
    let (seq, before_ms) = payload.split_first_chunk()?;
    Some(LateMark {
        seq: u64::from_le_bytes(*seq),
        before_ms: i64::from_le_bytes(before_ms.try_into().ok()?),
    })
}

/// The bytes of a mark.
const MARK_BYTES: usize = 16;

/// Adds the payload to `out`.
pub(crate) fn encode<'a>(
    declared: impl ExactSizeIterator<Item = &'a Labels>,
    rows: &[Row],
    kinds: &RecordKinds,
    out: &mut Vec<u8>,
) {
    push_varint(out, declared.len() as u64);
    for labels in declared {
        push_labels(out, labels);
    }
    push_varint(out, rows.len() as u64);
    let mut expected_id = 0;
    for row in rows {
        push_zigzag(out, i64::from(row.id) - expected_id);
        expected_id = i64::from(row.id) + 1;
    }
    let mut previous_ms = 0_i64;
    for row in rows {
        push_zigzag(out, row.timestamp_ms.wrapping_sub(previous_ms));
        previous_ms = row.timestamp_ms;
    }
    for plane in 0..8 {
        out.extend(rows.iter().map(|row| row.difference.to_le_bytes()[plane]));
    }
    kinds.encode(out);
}

/// What [`encode`] was given. `None` where the bytes are not a whole payload and nothing else.
pub(crate) fn decode(payload: &[u8], rows: &mut Vec<Row>) -> Option<(Vec<Labels>, RecordKinds)> {
    let mut input = Input(payload);
    let declared = (0..input.count(1)?)
        .map(|_| input.labels())
        .collect::<Option<Vec<_>>>()?;
    let count = input.count(ROW_BYTES_MIN)?;
    rows.clear();
    rows.reserve(count);
    let mut expected_id = 0_i64;
    for _ in 0..count {
        let id = u32::try_from(expected_id.checked_add(input.zigzag()?)?).ok()?;
        expected_id = i64::from(id) + 1;
        rows.push(Row {
            id,
            timestamp_ms: 0,
            difference: 0,
        });
    }
    let mut previous_ms = 0_i64;
    for row in rows.iter_mut() {
        previous_ms = previous_ms.wrapping_add(input.zigzag()?);
        row.timestamp_ms = previous_ms;
    }
    let planes = input.take(count * 8)?;
    for (plane, bytes) in planes.chunks_exact(count.max(1)).enumerate() {
        // Most planes of most scrapes: what does not change.
        if bytes.iter().all(|byte| *byte == 0) {
            continue;
        }
        for (row, byte) in rows.iter_mut().zip(bytes) {
            row.difference |= u64::from(*byte) << (8 * plane);
        }
    }
    let kinds = RecordKinds::decode(&mut input, count)?;
    Some((declared, kinds))
}

pub(crate) fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

pub(crate) fn push_zigzag(out: &mut Vec<u8>, value: i64) {
    push_varint(out, (value.wrapping_shl(1) ^ (value >> 63)).cast_unsigned());
}

/// Adds a label set.
pub(crate) fn push_labels(out: &mut Vec<u8>, labels: &Labels) {
    push_varint(out, labels.len() as u64);
    for (name, value) in labels {
        push_text(out, name);
        push_text(out, value);
    }
}

pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    push_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Bytes that are read from the front.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    #[cfg(test)]
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn left(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// Eight bytes as they are.
    pub(crate) fn word(&mut self) -> Option<u64> {
        let (word, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*word))
    }

    /// A double by its bits.
    pub(crate) fn double(&mut self) -> Option<f64> {
        self.word().map(f64::from_bits)
    }

    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(crate) fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// How many things of at least `bytes_min` bytes follow; no more than there are bytes for.
    pub(crate) fn count(&mut self, bytes_min: usize) -> Option<usize> {
        let count = usize::try_from(self.varint()?).ok()?;
        (count <= self.0.len() / bytes_min).then_some(count)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let len = usize::try_from(self.varint()?).ok()?;
        std::str::from_utf8(self.take(len)?).ok()
    }

    pub(crate) fn labels(&mut self) -> Option<Labels> {
        let count = self.count(2)?;
        let pairs = (0..count)
            .map(|_| Some((self.text()?, self.text()?)))
            .collect::<Option<Vec<_>>>()?;
        Labels::from_sorted(pairs).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_comes_back_as_it_went_in() {
        let long = "v".repeat(300);
        let labels = [
            Labels::from_pairs([("__name__", "up"), ("job", "ä\0")]),
            Labels::from_pairs([("__name__", "x"), ("long", &long)]),
            Labels::empty(),
        ];
        let rows = [
            (0, i64::MIN, u64::MAX),
            (1, i64::MAX, 0),
            (u32::MAX, 0, 1),
            (0, -1, 0x0123_4567_89ab_cdef),
        ]
        .map(|(id, timestamp_ms, difference)| Row {
            id,
            timestamp_ms,
            difference,
        });
        for (labels, rows) in [(&labels[..], &rows[..]), (&[], &rows[..1]), (&labels, &[])] {
            let mut payload = Vec::new();
            encode(labels.iter(), rows, &RecordKinds::default(), &mut payload);
            let mut found = Vec::new();
            let (found_labels, kinds) = decode(&payload, &mut found).unwrap();
            assert_eq!((&found_labels[..], kinds), (labels, RecordKinds::default()));
            assert_eq!(found, rows);
            for end in 0..payload.len() {
                assert!(
                    decode(&payload[..end], &mut found).is_none(),
                    "cut at {end}"
                );
            }
        }
    }

    #[test]
    fn counts_that_the_bytes_cannot_hold_are_refused_before_memory_is_taken() {
        for payload in [
            &[0xff, 0xff, 0xff, 0xff, 0x0f][..],
            &[0, 0xff, 0xff, 0xff, 0x7f],
        ] {
            assert!(decode(payload, &mut Vec::new()).is_none());
        }
    }
}
