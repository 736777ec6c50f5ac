//! The short cut for lines as nearly every target writes them: single spaces, no blanks in the
//! braces, plain numbers.
//!
//! It must read them exactly as `exact` does, and gives up (without saying why) wherever a line
//! is anything else; a test compares the two on damaged pages.

use std::borrow::Cow;

use crate::Format;
use crate::entry::{Entry, MetricType, SeriesEntry};
use crate::float::{parse_value, short_decimal};
use crate::labels::{unescape_help, unescape_quoted};

/// A reader of ordinary lines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ordinary<'a> {
    text: &'a str,
    bytes: &'a [u8],
    format: Format,
    kind: MetricType,
}

/// What there was at the start of a line.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// An ordinary line, and where the next one starts.
    Entry(Entry<'a>, usize),
    /// Something else, which starts here.
    Unusual(usize),
}

/// Classes of bytes, as bits.
const NAME_START: u8 = 1;
const NAME: u8 = 2;
const LABEL_START: u8 = 4;
const LABEL: u8 = 8;

/// The classes of each byte.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        classes[byte as usize] = if byte.is_ascii_alphabetic() || byte == b'_' {
            NAME_START | NAME | LABEL_START | LABEL
        } else if byte == b':' {
            NAME_START | NAME
        } else if byte.is_ascii_digit() {
            NAME | LABEL
        } else {
            0
        };
        byte += 1;
    }
    classes
};

impl<'a> Ordinary<'a> {
    pub(crate) fn new(text: &'a str, format: Format, kind: MetricType) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            format,
            kind,
        }
    }

    /// Reads the line that starts at `at`.
    #[inline]
    pub(crate) fn entry(&self, at: usize) -> Step<'a> {
        let entry = match self.bytes.get(at) {
            Some(b'#') => self.metadata(at),
            Some(_) => self.series(at),
            None => None,
        };
        match entry {
            Some((entry, next)) => Step::Entry(entry, next),
            None => Step::Unusual(at),
        }
    }

    fn is(&self, at: usize, class: u8) -> bool {
        self.bytes
            .get(at)
            .is_some_and(|&byte| CLASSES[usize::from(byte)] & class != 0)
    }

    fn has(&self, at: usize, byte: u8) -> bool {
        self.bytes.get(at) == Some(&byte)
    }

    /// The end of the name that starts at `at`.
    #[inline]
    fn name_end(&self, at: usize, first: u8, following: u8) -> Option<usize> {
        if !self.is(at, first) {
            return None;
        }
        let mut at = at + 1;
        while self.is(at, following) {
            at += 1;
        }
        Some(at)
    }

    fn metadata(&self, at: usize) -> Option<(Entry<'a>, usize)> {
        let name = at + "# TYPE ".len();
        let keyword = self.bytes.get(at..name)?;
        let is_help = keyword == b"# HELP ";
        if !is_help && keyword != b"# TYPE " {
            return None;
        }
        let name_end = self.name_end(name, NAME_START, NAME)?;
        let first = name_end + 1;
        // Blanks and what is not printed have rules of their own.
        if !self.has(name_end, b' ') || self.bytes.get(first).is_none_or(|&b| b <= b' ') {
            return None;
        }
        let metric = Cow::Borrowed(self.text.get(name..name_end)?);
        let end = first + memchr::memchr(b'\n', self.bytes.get(first..)?)?;
        let entry = if is_help {
            let help = self.text.get(first..end)?;
            Entry::Help {
                metric,
                help: match self.format {
                    Format::PrometheusText => unescape_help(help),
                    Format::OpenMetrics => unescape_quoted(help),
                },
            }
        } else {
            let kind = self.bytes.get(first..end)?;
            let kind = match self.format {
                Format::PrometheusText => MetricType::from_prometheus_text(kind)?,
                Format::OpenMetrics => MetricType::from_open_metrics(kind)?,
            };
            Entry::Type { metric, kind }
        };
        Some((entry, end + 1))
    }

    #[inline]
    fn series(&self, start: usize) -> Option<(Entry<'a>, usize)> {
        let mut at = self.name_end(start, NAME_START, NAME)?;
        if self.has(at, b'{') {
            at = self.braces_end(at + 1)?;
        }
        let text = self.text.get(start..at)?;
        if !self.has(at, b' ') {
            return None;
        }
        let number = self.bytes.get(at + 1..)?;
        let (value, length) = match short_decimal(number) {
            Some(short) => short,
            None => long_number(number)?,
        };
        at += 1 + length;
        let mut timestamp_ms = None;
        if self.has(at, b' ') && self.format == Format::PrometheusText {
            let end = self.timestamp_end(at + 1)?;
            timestamp_ms = Some(self.text.get(at + 1..end)?.parse().ok()?);
            at = end;
        }
        if !self.has(at, b'\n') {
            return None;
        }
        let entry = SeriesEntry {
            text,
            value,
            timestamp_ms,
            exemplar: None,
            kind: self.kind,
        };
        Some((Entry::Series(entry), at + 1))
    }

    fn timestamp_end(&self, start: usize) -> Option<usize> {
        let mut at = start;
        while self.bytes.get(at).is_some_and(u8::is_ascii_digit) {
            at += 1;
        }
        (at > start).then_some(at)
    }

    /// The end of the braces whose content starts at `at`, just behind the closing one.
    #[inline]
    fn braces_end(&self, mut at: usize) -> Option<usize> {
        loop {
            if self.has(at, b'}') {
                return Some(at + 1);
            }
            at = self.name_end(at, LABEL_START, LABEL)?;
            if !self.has(at, b'=') || !self.has(at + 1, b'"') {
                return None;
            }
            at = self.quoted_end(at + 2)?;
            if self.has(at, b',') {
                at += 1;
            } else if !self.has(at, b'}') {
                return None;
            }
        }
    }

    /// The end of the string whose content starts at `at`, just behind the closing quote.
    #[inline]
    fn quoted_end(&self, mut at: usize) -> Option<usize> {
        loop {
            match *self.bytes.get(at)? {
                b'"' => return Some(at + 1),
                // An escaped character cannot be a line break, and NULs are skipped before it.
                b'\\' if self.bytes.get(at + 1).is_some_and(|&b| b > b' ') => at += 2,
                b'\\' => return None,
                b'\n' if self.format == Format::OpenMetrics => return None,
                _ => at += 1,
            }
        }
    }
}

/// Reads the number at the start of `bytes` by the whole grammar, and says how long it is.
fn long_number(bytes: &[u8]) -> Option<(f64, usize)> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-');
    let length = bytes.iter().position(|byte| !is_part(byte))?;
    let value = parse_value(bytes.get(..length)?).ok()?;
    Some((value, length))
}
