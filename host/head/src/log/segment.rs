//! Segment files: their names, their header, and the folder's list of them.

use std::io::{self, BufReader, Read};

use narthex_disk::{Disk, Reader};

use crate::log::frame::FrameReader;

/// What a segment starts with.
const MAGIC: [u8; 8] = *b"NXWAL\0\0\x01";

/// `magic 8 | segment number u32 | crc32c u32 of both`.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 16;

/// How much of a segment is read at once.
const READ_BYTES: usize = 256 << 10;

/// The file name of a segment.
pub(crate) fn name(number: u32) -> String {
    format!("{number:08}.wal")
}

/// The first bytes of a segment.
pub(crate) fn header(number: u32) -> [u8; SEGMENT_HEADER_BYTES] {
    let mut header = [0; SEGMENT_HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..12].copy_from_slice(&number.to_le_bytes());
    let checksum = crc32c::crc32c(&header[..12]);
    header[12..].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// A segment as it lies in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentFile {
    pub(crate) number: u32,
    /// The name of its file.
    pub(crate) name: String,
    /// How long the file is.
    pub(crate) bytes: u64,
}

/// The segments of a folder, oldest first. Other files are not looked at.
pub(crate) fn list(disk: &dyn Disk) -> io::Result<Vec<SegmentFile>> {
    let mut segments = Vec::new();
    for entry in disk.list("")? {
        let digits = entry.name.strip_suffix(".wal");
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        if let Some(number) = digits.and_then(|digits| digits.parse().ok()) {
            segments.push(SegmentFile {
                number,
                name: entry.name,
                bytes: entry.bytes,
            });
        }
    }
    segments.sort_by_key(|segment| segment.number);
    Ok(segments)
}

/// Why the frames of a segment cannot be reached.
#[derive(Debug)]
pub(crate) enum SegmentError {
    /// The file ends before its header does.
    Torn,
    /// The header is not that of this segment.
    Damaged(&'static str),
    /// The file cannot be read.
    Io(io::Error),
}

/// Opens a segment behind its header.
pub(crate) fn open(
    disk: &dyn Disk,
    segment: &SegmentFile,
) -> Result<FrameReader<BufReader<Reader>>, SegmentError> {
    let reader = disk.open(&segment.name).map_err(SegmentError::Io)?;
    let reader = Reader::new(reader, 0).map_err(SegmentError::Io)?;
    let len = reader.left();
    let mut source = BufReader::with_capacity(READ_BYTES, reader);
    if len < SEGMENT_HEADER_BYTES as u64 {
        return Err(SegmentError::Torn);
    }
    let mut found = [0; SEGMENT_HEADER_BYTES];
    source.read_exact(&mut found).map_err(SegmentError::Io)?;
    if found != header(segment.number) {
        return Err(SegmentError::Damaged("a header that is not this segment's"));
    }
    FrameReader::new(source, len - SEGMENT_HEADER_BYTES as u64).map_err(SegmentError::Io)
}

#[cfg(test)]
mod tests {
    use narthex_model::Labels;

    use super::*;
    use crate::log::frame::{FrameType, FrameWriter};
    use crate::log::kinds::RecordKinds;
    use crate::log::record::{self, Row};

    /// The bytes that `FORMAT.md` promises. A change here needs a new version.
    #[test]
    fn a_segment_of_version_one_looks_like_this() {
        let labels = [Labels::from_pairs([("__name__", "up"), ("job", "x")])];
        let row = Row {
            id: 0,
            timestamp_ms: 300,
            difference: 1.0_f64.to_bits(),
        };
        let mut payload = Vec::new();
        record::encode(labels.iter(), &[row], &RecordKinds::default(), &mut payload);
        let mut segment = header(7).to_vec();
        let mut frames = FrameWriter::new().unwrap();
        frames
            .write(FrameType::Batch, 9, &payload, &mut segment)
            .unwrap();
        let expected: &[&[u8]] = &[
            b"NXWAL\0\0\x01\x07\0\0\0",
            &[0x01, 0x38, 0x8b, 0x52],
            &[32, 0, 0, 0],
            &[0x4c, 0x63, 0x62, 0x6f],
            &[1, 0, 9, 0, 0, 0, 0, 0, 0, 0],
            b"\x01\x02\x08__name__\x02up\x03job\x01x",
            &[1, 0, 0xd8, 4],
            &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
        ];
        assert_eq!(segment, expected.concat());
        assert_eq!(name(7), "00000007.wal");
    }
}
