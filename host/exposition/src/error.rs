//! Why a page could not be read.

use std::fmt;

/// The first fault of a page, in Prometheus' words. Nothing after it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError(Box<Fault>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    message: String,
    offset: usize,
    line: usize,
}

impl ParseError {
    pub(crate) fn new(body: &[u8], offset: usize, message: String) -> Self {
        let before = body.get(..offset).unwrap_or(body);
        Self(Box::new(Fault {
            message,
            offset,
            line: 1 + memchr::memchr_iter(b'\n', before).count(),
        }))
    }

    /// Where the fault is: bytes from the start of the body.
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// The line of the fault, counted from 1.
    pub fn line(&self) -> usize {
        self.0.line
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for ParseError {}
