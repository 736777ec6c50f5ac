//! The frames of an answer in chunks, cut out of a body as it comes: length, CRC32C, message.

use crate::wire::fields::{Fields, WireError};

/// A frame's checksum takes so many bytes.
const CHECKSUM_BYTES: usize = 4;

/// Why bytes are no frames.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// A frame says that it is longer than is taken. Nothing was set aside for it.
    #[error("message size exceeded the limit {limit} bytes; got: {size} bytes")]
    TooLarge {
        /// `chunked_read_limit`
        limit: u64,
        /// What it says.
        size: u64,
    },
    /// The message is not the one that was sent.
    #[error("corrupted frame; checksum mismatch")]
    Checksum,
    /// The body ends inside a frame.
    #[error("unexpected EOF")]
    Truncated,
    /// The length is no number.
    #[error(transparent)]
    Length(WireError),
}

/// What has come of a body and is not taken yet.
#[derive(Debug)]
pub(super) struct Frames {
    limit: u64,
    bytes: Vec<u8>,
    /// So many of them were taken.
    taken: usize,
}

impl Frames {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            bytes: Vec::new(),
            taken: 0,
        }
    }

    /// More of the body.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message; `None` where it is not wholly there yet.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let rest = self.bytes.get(self.taken..).unwrap_or_default();
        let mut fields = Fields::new(rest);
        let size = match fields.varint() {
            Ok(size) => size,
            Err(WireError::Truncated) => return Ok(None),
            Err(error) => return Err(FrameError::Length(error)),
        };
        if size > self.limit {
            let limit = self.limit;
            return Err(FrameError::TooLarge { limit, size });
        }
        let begin = rest.len() - fields.left() + CHECKSUM_BYTES;
        let end = usize::try_from(size)
            .ok()
            .and_then(|size| begin.checked_add(size));
        let Some(end) = end.filter(|end| *end <= rest.len()) else {
            return Ok(None);
        };
        let (from, to) = (self.taken + begin, self.taken + end);
        self.taken = to;
        let (Some(checksum), Some(message)) = (
            self.bytes.get(from - CHECKSUM_BYTES..from),
            self.bytes.get(from..to),
        ) else {
            return Err(FrameError::Truncated);
        };
        match crc32c::crc32c(message).to_be_bytes() == *checksum {
            true => Ok(Some(message)),
            false => Err(FrameError::Checksum),
        }
    }

    /// The body has ended.
    pub(super) fn end(&self) -> Result<(), FrameError> {
        match self.taken == self.bytes.len() {
            true => Ok(()),
            false => Err(FrameError::Truncated),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::message::push_varint;

    fn frame(message: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        push_varint(&mut frame, message.len() as u64);
        frame.extend_from_slice(&crc32c::crc32c(message).to_be_bytes());
        frame.extend_from_slice(message);
        frame
    }

    /// All messages of a body that comes in pieces of a size.
    fn all(body: &[u8], size: usize, limit: u64) -> Result<Vec<Vec<u8>>, FrameError> {
        let mut frames = Frames::new(limit);
        let mut found = Vec::new();
        for piece in body.chunks(size) {
            frames.push(piece);
            while let Some(message) = frames.next()? {
                found.push(message.to_vec());
            }
        }
        frames.end()?;
        Ok(found)
    }

    #[test]
    fn frames_are_cut_wherever_the_body_is() {
        let messages = [b"a".to_vec(), Vec::new(), vec![7; 300], b"end".to_vec()];
        let body: Vec<u8> = messages.iter().flat_map(|message| frame(message)).collect();
        for size in [1, 2, 3, 7, 64, body.len()] {
            assert_eq!(all(&body, size, 300).unwrap(), messages, "{size}");
        }
        assert_eq!(all(b"", 1, 1).unwrap(), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn what_is_no_frame_is_refused_and_a_long_one_before_it_is_there() {
        let mut flipped = frame(b"message");
        flipped[7] ^= 1;
        for (body, expected) in [
            (flipped, FrameError::Checksum),
            (frame(b"message")[..9].to_vec(), FrameError::Truncated),
            (vec![0x80], FrameError::Truncated),
            (vec![0xff; 11], FrameError::Length(WireError::Overflow)),
            (
                vec![0x81, 0x02],
                FrameError::TooLarge {
                    limit: 256,
                    size: 257,
                },
            ),
        ] {
            assert_eq!(all(&body, 4, 256), Err(expected), "{body:?}");
        }
    }
}
