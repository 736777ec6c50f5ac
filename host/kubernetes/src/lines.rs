//! Lines of a body that never ends, each bounded.

use bytes::Bytes;
use narthex_http::{BodyError, Response};

use crate::limits::LINE_BYTES_MAX;

/// Takes a body apart. A last line without its end is no line: the connection broke in it.
pub(crate) struct Lines {
    response: Response,
    splitter: Splitter,
}

/// Why there is no next line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LineError {
    #[error("a line has over {LINE_BYTES_MAX} bytes")]
    TooLong,
    #[error("{0}")]
    Read(BodyError),
}

/// The bytes that have come and not gone.
#[derive(Debug, Default)]
struct Splitter {
    buffer: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// So far it was looked through.
    seen: usize,
}

impl Lines {
    pub(crate) fn of(response: Response) -> Self {
        Self {
            response,
            splitter: Splitter::default(),
        }
    }

    /// The next line without its end; none at the end of the body.
    pub(crate) async fn next(&mut self) -> Result<Option<&[u8]>, LineError> {
        loop {
            if let Some((start, end)) = self.splitter.line()? {
                return Ok(self.splitter.buffer.get(start..end));
            }
            match self.response.chunk().await.map_err(LineError::Read)? {
                Some(chunk) => self.splitter.push(&chunk),
                None => return Ok(None),
            }
        }
    }
}

impl Splitter {
    fn push(&mut self, chunk: &Bytes) {
        self.buffer.drain(..self.start);
        self.seen -= self.start;
        self.start = 0;
        self.buffer.extend_from_slice(chunk);
    }

    /// Where the next line is, if it is complete.
    fn line(&mut self) -> Result<Option<(usize, usize)>, LineError> {
        let rest = self.buffer.get(self.seen..).unwrap_or_default();
        let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
            self.seen = self.buffer.len();
            return match self.seen - self.start > LINE_BYTES_MAX {
                true => Err(LineError::TooLong),
                false => Ok(None),
            };
        };
        let (start, end) = (self.start, self.seen + length);
        if end - start > LINE_BYTES_MAX {
            return Err(LineError::TooLong);
        }
        self.seen = end + 1;
        self.start = end + 1;
        Ok(Some((start, end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&str]) -> Vec<String> {
        let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
        for chunk in chunks {
            splitter.push(&Bytes::copy_from_slice(chunk.as_bytes()));
            while let Some((start, end)) = splitter.line().unwrap() {
                lines.push(String::from_utf8_lossy(&splitter.buffer[start..end]).into_owned());
            }
        }
        lines
    }

    #[test]
    fn lines_come_out_whole_however_they_came_in() {
        for (chunks, expected) in [
            (vec!["a\nb\n"], vec!["a", "b"]),
            (vec!["a", "b\nc", "\n", "\nd"], vec!["ab", "c", ""]),
            (vec!["", "x"], vec![]),
            (vec!["x", "\n"], vec!["x"]),
        ] {
            assert_eq!(lines(&chunks), expected);
        }
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut splitter = Splitter::default();
        let chunk = Bytes::from(vec![b'x'; LINE_BYTES_MAX]);
        splitter.push(&chunk);
        assert_eq!(splitter.line(), Ok(None));
        splitter.push(&Bytes::from_static(b"xy"));
        assert_eq!(splitter.line(), Err(LineError::TooLong));
    }
}
