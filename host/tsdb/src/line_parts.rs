//! Reads a file of lines in parts, so that it need not fit in memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// About how many bytes a part has. A line that is longer is an error.
pub(crate) const PART_BYTES: usize = 4 << 20;

/// A file on its way. What is added to it meanwhile is not read.
#[derive(Debug)]
pub(crate) struct LineParts {
    file: File,
    /// The part that was read last, without what follows its last line.
    part: Vec<u8>,
    /// What follows it.
    rest: Vec<u8>,
    /// Bytes that were read, and how many there are.
    bytes: u64,
    len: u64,
    is_at_end: bool,
}

/// Some lines, whole ones unless it is the last part.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    /// The lines; what is added to them is gone with the next part.
    pub(crate) text: &'a mut Vec<u8>,
    /// Whether it is the last part.
    pub(crate) is_last: bool,
    /// Bytes of the file that were read so far.
    pub(crate) bytes: u64,
}

impl LineParts {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        Ok(Self {
            len: file.metadata()?.len(),
            file,
            part: Vec::new(),
            rest: Vec::new(),
            bytes: 0,
            is_at_end: false,
        })
    }

    /// The next part; `None` behind the last one, of which there is always one.
    ///
    /// # Errors
    /// The file cannot be read, or a line of it is too long.
    pub(crate) fn next(&mut self) -> io::Result<Option<Part<'_>>> {
        if self.is_at_end {
            return Ok(None);
        }
        std::mem::swap(&mut self.part, &mut self.rest);
        self.rest.clear();
        let room = PART_BYTES.saturating_sub(self.part.len()) as u64;
        let wanted = room.min(self.len - self.bytes);
        let read = (&self.file).take(wanted).read_to_end(&mut self.part)? as u64;
        self.bytes += read;
        self.is_at_end = read < wanted || self.bytes == self.len;
        if !self.is_at_end {
            let Some(last) = memchr::memrchr(b'\n', &self.part) else {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("a line is longer than {PART_BYTES} bytes"),
                ));
            };
            self.rest.extend_from_slice(&self.part[last + 1..]);
            self.part.truncate(last + 1);
        }
        Ok(Some(Part {
            text: &mut self.part,
            is_last: self.is_at_end,
            bytes: self.bytes,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &[u8]) -> io::Result<Vec<Vec<u8>>> {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("lines");
        std::fs::write(&path, text).unwrap();
        let mut lines = LineParts::open(&path).unwrap();
        let mut parts = Vec::new();
        loop {
            let part = lines.next()?.unwrap();
            parts.push(part.text.clone());
            // It is no part of the next one.
            part.text.extend_from_slice(b"more");
            if part.is_last {
                assert_eq!(part.bytes, text.len() as u64);
                assert!(lines.next()?.is_none());
                return Ok(parts);
            }
        }
    }

    #[test]
    fn parts_end_with_lines_and_nothing_is_lost() {
        let long: Vec<u8> = (0..PART_BYTES / 3)
            .flat_map(|i| format!("{i}\n").into_bytes())
            .collect();
        for text in [&b""[..], b"a", b"a\nb\n", &long, &long[..PART_BYTES]] {
            let parts = parts(text).unwrap();
            let (last, whole) = parts.split_last().unwrap();
            assert!(whole.iter().all(|part| part.ends_with(b"\n")));
            assert!(last.len() <= PART_BYTES);
            assert_eq!(parts.concat(), text);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_an_error() {
        let mut text = vec![b'x'; PART_BYTES + 1];
        let error = parts(&text).unwrap_err();
        assert_eq!(error.to_string(), "a line is longer than 4194304 bytes");
        text.insert(PART_BYTES - 1, b'\n');
        assert_eq!(parts(&text).unwrap().len(), 2);
    }
}
