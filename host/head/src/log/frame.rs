//! A frame: `len u32 | crc32c u32 | type u8 | flags u8 | seq u64 | payload`, little-endian.

use std::io::{self, Read};

use zstd::bulk::{Compressor, Decompressor};

use crate::options::BATCH_BYTES_MAX;

/// Everything before the payload.
pub(crate) const FRAME_HEADER_BYTES: usize = 18;

/// The longest payload, compressed or not. The margin is for counts and for what zstd adds.
pub(crate) const PAYLOAD_BYTES_MAX: usize = BATCH_BYTES_MAX + (1 << 20);

/// A payload longer than this is compressed where that makes it shorter.
const COMPRESS_FROM_BYTES: usize = 256;

/// zstd's fastest ordinary level.
const COMPRESSION_LEVEL: i32 = 1;

/// The payload is its length before compression (u32) and a zstd frame.
const FLAG_ZSTD: u8 = 1;

/// What a frame holds. Numbers are never given another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FrameType {
    /// One batch, see [`super::record`].
    Batch = 1,
    /// One batch with samples that came out of order, see [`super::record`].
    LateBatch = 8,
    /// Which of those blocks hold.
    LateMark = 9,
    /// Samples are deleted, see [`super::deletion`].
    Deletion = 10,
    /// Which series are stale at this moment is asked for.
    StaleMark = 11,
    /// Blocks hold the series that were stale at the moment of a mark.
    StaleDrop = 12,
}

/// Makes frames.
pub(crate) struct FrameWriter {
    compressor: Compressor<'static>,
    compressed: Vec<u8>,
}

impl std::fmt::Debug for FrameWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameWriter").finish_non_exhaustive()
    }
}

impl FrameWriter {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            compressor: Compressor::new(COMPRESSION_LEVEL)?,
            compressed: Vec::new(),
        })
    }

    /// Adds a frame of the log to `out`.
    pub(crate) fn write(
        &mut self,
        kind: FrameType,
        seq: u64,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        self.write_kind(kind as u8, seq, payload, out)
    }

    /// Adds a frame to `out`.
    pub(crate) fn write_kind(
        &mut self,
        kind: u8,
        seq: u64,
        payload: &[u8],
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let too_long = || io::Error::from(io::ErrorKind::FileTooLarge);
        let raw_len = u32::try_from(payload.len()).map_err(|_| too_long())?;
        let (mut flags, mut stored) = (0, payload);
        if payload.len() > COMPRESS_FROM_BYTES {
            let bound = zstd::zstd_safe::compress_bound(payload.len());
            self.compressed.clear();
            self.compressed.reserve(bound);
            self.compressor
                .compress_to_buffer(payload, &mut self.compressed)?;
            if self.compressed.len() + size_of::<u32>() < payload.len() {
                flags |= FLAG_ZSTD;
                stored = &self.compressed;
            }
        }
        let prefix = raw_len.to_le_bytes();
        let prefix: &[u8] = if flags & FLAG_ZSTD == 0 { &[] } else { &prefix };
        let len = u32::try_from(prefix.len() + stored.len()).map_err(|_| too_long())?;
        let start = out.len();
        out.extend(len.to_le_bytes());
        out.extend([0; 4]);
        out.extend([kind, flags]);
        out.extend(seq.to_le_bytes());
        out.extend(prefix);
        out.extend(stored);
        let checksum = crc32c::crc32c(&out[start + 8..]);
        out[start + 4..start + 8].copy_from_slice(&checksum.to_le_bytes());
        Ok(())
    }
}

/// A frame that was read whole and whose checksum is right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) seq: u64,
    /// Bytes of the file that it takes.
    pub(crate) len: u64,
}

/// Why there is no next frame.
#[derive(Debug)]
pub(crate) enum FrameError {
    /// The file ends inside the frame.
    Torn,
    /// The frame is there and is not what was written.
    Damaged(&'static str),
    /// The file cannot be read.
    Io(io::Error),
}

/// Reads frames into a buffer of its own.
pub(crate) struct FrameReader<R> {
    source: R,
    /// Bytes of the file not read yet.
    left: u64,
    stored: Vec<u8>,
    raw: Vec<u8>,
    decompressor: Decompressor<'static>,
}

impl<R: Read> FrameReader<R> {
    /// Reads frames from a source that has `left` more bytes.
    pub(crate) fn new(source: R, left: u64) -> io::Result<Self> {
        Ok(Self {
            source,
            left,
            stored: Vec::new(),
            raw: Vec::new(),
            decompressor: Decompressor::new()?,
        })
    }

    /// The next frame and its payload; nothing at the end of the file.
    pub(crate) fn next(&mut self) -> Result<Option<(Frame, &[u8])>, FrameError> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut header = [0; FRAME_HEADER_BYTES];
        if self.left < header.len() as u64 {
            return Err(FrameError::Torn);
        }
        self.source
            .read_exact(&mut header)
            .map_err(FrameError::Io)?;
        self.left -= header.len() as u64;
        let [l0, l1, l2, l3, c0, c1, c2, c3, kind, flags, seq @ ..] = header;
        let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let checksum = u32::from_le_bytes([c0, c1, c2, c3]);
        if len as u64 > self.left {
            return Err(FrameError::Torn);
        }
        if len > PAYLOAD_BYTES_MAX {
            return Err(FrameError::Damaged("a length over the bound"));
        }
        self.stored.resize(len, 0);
        self.source
            .read_exact(&mut self.stored)
            .map_err(FrameError::Io)?;
        self.left -= len as u64;
        if crc32c::crc32c_append(crc32c::crc32c(&header[8..]), &self.stored) != checksum {
            return Err(FrameError::Damaged("a wrong checksum"));
        }
        let frame = Frame {
            kind,
            seq: u64::from_le_bytes(seq),
            len: (FRAME_HEADER_BYTES + len) as u64,
        };
        match flags {
            0 => Ok(Some((frame, &self.stored))),
            FLAG_ZSTD => {
                self.decompress()?;
                Ok(Some((frame, &self.raw)))
            }
            _ => Err(FrameError::Damaged("an unknown flag")),
        }
    }

    fn decompress(&mut self) -> Result<(), FrameError> {
        let damaged = FrameError::Damaged("a payload that does not decompress");
        let Some((len, compressed)) = self.stored.split_first_chunk::<4>() else {
            return Err(damaged);
        };
        let len = u32::from_le_bytes(*len) as usize;
        if len > PAYLOAD_BYTES_MAX {
            return Err(FrameError::Damaged("a length over the bound"));
        }
        self.raw.clear();
        self.raw.reserve(len);
        match self
            .decompressor
            .decompress_to_buffer(compressed, &mut self.raw)
        {
            Ok(written) if written == len => Ok(()),
            _ => Err(damaged),
        }
    }
}
