//! The iterator over a page.

use crate::Format;
use crate::entry::{Entry, MetricType};
use crate::error::ParseError;
use crate::exact::Exact;
use crate::ordinary::{Ordinary, Step};

/// Reads a page entry by entry, without copying. After an error it is finished.
///
/// What a page may contain is what Prometheus' parsers let pass, with these exceptions: a NUL at
/// the start of a line of Prometheus text is an error and not the end of the page, and one outside
/// label values, help texts and comments is never passed over; blanks before a metric name are not
/// part of it; escapes in the quoted names of metadata and in exemplars are resolved; a time that
/// does not fit into 64 bits of milliseconds is an error, and one that is written in whole
/// milliseconds loses none of them; and bytes that are not UTF-8 are an error in comments as well.
#[derive(Debug, Clone)]
pub struct Parser<'a> {
    body: &'a [u8],
    /// The body up to the first byte that is not UTF-8.
    text: &'a str,
    format: Format,
    /// The type that the page declared last.
    kind: MetricType,
    at: usize,
    finished: bool,
}

impl<'a> Parser<'a> {
    /// A parser at the start of a page.
    pub fn new(body: &'a [u8], format: Format) -> Self {
        let text = match std::str::from_utf8(body) {
            Ok(text) => text,
            Err(error) => {
                let valid = body.get(..error.valid_up_to()).unwrap_or_default();
                std::str::from_utf8(valid).unwrap_or_default()
            }
        };
        Self {
            body,
            text,
            format,
            kind: MetricType::Unknown,
            at: 0,
            finished: false,
        }
    }

    /// A parser of the next part of a page that is read in parts. They end with a line; all but
    /// the last of OpenMetrics need a line `# EOF` of their own. `kind` is what [`Self::kind`] says
    /// at the end of the part before.
    pub fn after(kind: MetricType, body: &'a [u8], format: Format) -> Self {
        let start = Self::new(body, format);
        Self { kind, ..start }
    }

    /// The type that the page declared last.
    pub fn kind(&self) -> MetricType {
        self.kind
    }

    /// Reads an entry by the whole grammar.
    #[cold]
    fn exact(&mut self) -> Option<Result<Entry<'a>, ParseError>> {
        let mut exact = Exact::new(self.body, self.text, self.format, self.kind, self.at);
        let entry = exact.entry();
        self.at = exact.at();
        if !matches!(entry, Ok(Some(_))) {
            self.finished = true;
        }
        entry.transpose()
    }
}

impl<'a> Iterator for Parser<'a> {
    type Item = Result<Entry<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finished {
            return None;
        }
        let ordinary = Ordinary::new(self.text, self.format, self.kind);
        let entry = match ordinary.entry(self.at) {
            Step::Entry(entry, at) => {
                self.at = at;
                Some(Ok(entry))
            }
            Step::Unusual(at) => {
                self.at = at;
                self.exact()
            }
        };
        if let Some(Ok(Entry::Type { kind, .. })) = &entry {
            self.kind = *kind;
        }
        entry
    }
}

#[cfg(test)]
mod tests;
