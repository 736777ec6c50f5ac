//! Reads one entry of a page by the whole grammar, and says in Prometheus' words what is wrong
//! with it. This is the definition of what is accepted; `ordinary` is a short cut.

use std::borrow::Cow;
use std::ops::Range;

use crate::Format;
use crate::entry::{Entry, Exemplar, MetricType, SeriesEntry};
use crate::error::ParseError;
use crate::float::{self, FloatError, parse_value};
use crate::labels::{unescape_help, unescape_quoted};
use crate::lexer::{Lexer, Token};
use crate::quote::quote;

/// A reader that stands at the start of an entry.
#[derive(Debug)]
pub(crate) struct Exact<'a> {
    lexer: Lexer<'a>,
    body: &'a [u8],
    /// The body up to the first byte that is not UTF-8.
    text: &'a str,
    format: Format,
    /// The type that the page declared last.
    kind: MetricType,
    /// Where the entry starts.
    start: usize,
}

type Parsed<T> = Result<T, ParseError>;

impl<'a> Exact<'a> {
    pub(crate) fn new(
        body: &'a [u8],
        text: &'a str,
        format: Format,
        kind: MetricType,
        at: usize,
    ) -> Self {
        Self {
            lexer: Lexer::new(body, format, at),
            body,
            text,
            format,
            kind,
            start: at,
        }
    }

    /// Where the next entry starts.
    pub(crate) fn at(&self) -> usize {
        self.lexer.at
    }

    /// The next entry, or `None` at the end of the page.
    pub(crate) fn entry(&mut self) -> Parsed<Option<Entry<'a>>> {
        loop {
            self.start = self.lexer.at;
            let token = self.lexer.next();
            match (token, self.format) {
                (Token::Eof, Format::PrometheusText) => return Ok(None),
                (Token::Eof, Format::OpenMetrics) => return Err(self.no_eof()),
                (Token::EofWord, _) => {
                    return match self.lexer.next() {
                        Token::Eof => Ok(None),
                        _ => Err(self.fault("unexpected data after # EOF".to_owned())),
                    };
                }
                (Token::Linebreak, Format::PrometheusText) => {}
                (Token::Comment, Format::PrometheusText) => {
                    // Prometheus lets anything pass here; a body that is not UTF-8 does not.
                    self.str(self.lexer.start..self.lexer.at)?;
                    self.linebreak("linebreak expected after comment")?;
                }
                (Token::Help | Token::Type | Token::Unit, _) => {
                    return self.metadata(token).map(Some);
                }
                (Token::BraceOpen, _) => return self.series(false).map(Some),
                (Token::MetricName, _) => return self.series(true).map(Some),
                _ => return Err(self.unexpected("expected a valid start token", token)),
            }
        }
    }

    fn metadata(&mut self, token: Token) -> Parsed<Entry<'a>> {
        let name = self.lexer.next();
        if name != Token::MetricName {
            let expected = format!("expected metric name after {}", token.name());
            return Err(self.unexpected(&expected, name));
        }
        let metric = self.str(self.lexer.start..self.lexer.at)?;
        let text_token = self.lexer.next();
        if text_token != Token::Text {
            return Err(self.fault(format!("expected text in {}", token.name())));
        }
        let end = match self.format {
            Format::PrometheusText => self.lexer.at,
            Format::OpenMetrics => self.lexer.at - 1,
        };
        // The first byte is what separates the text from the name.
        let range = end.min(self.lexer.start + 1)..end;
        let bytes = self.lexer.bytes(range.start, range.end);
        let metric = match metric.strip_prefix('"').and_then(|m| m.strip_suffix('"')) {
            Some(quoted) => unescape_quoted(quoted),
            None => Cow::Borrowed(metric),
        };
        let entry = match token {
            Token::Type => {
                let kind = match self.format {
                    Format::PrometheusText => MetricType::from_prometheus_text(bytes),
                    Format::OpenMetrics => MetricType::from_open_metrics(bytes),
                };
                let kind = kind
                    .ok_or_else(|| self.fault(format!("invalid metric type {}", quote(bytes))))?;
                Entry::Type { metric, kind }
            }
            Token::Help => {
                let help = self.text.get(range).ok_or_else(|| {
                    let quoted = quote(bytes);
                    self.fault(format!("help text {quoted} is not a valid utf8 string"))
                })?;
                let help = match self.format {
                    Format::PrometheusText => unescape_help(help),
                    Format::OpenMetrics => unescape_quoted(help),
                };
                Entry::Help { metric, help }
            }
            _ => {
                let unit = self.str(range)?;
                let fits = unit.is_empty()
                    || metric
                        .strip_suffix(unit)
                        .is_some_and(|rest| rest.ends_with('_'));
                if !fits {
                    let (unit, metric) = (quote(bytes), quote(metric.as_bytes()));
                    let message = format!("unit {unit} not a suffix of metric {metric}");
                    return Err(self.fault(message));
                }
                Entry::Unit { metric, unit }
            }
        };
        if self.format == Format::PrometheusText {
            self.linebreak("linebreak expected after metadata")?;
        }
        Ok(entry)
    }

    fn linebreak(&mut self, expected: &str) -> Parsed<()> {
        match self.lexer.next() {
            Token::Linebreak => Ok(()),
            token => Err(self.unexpected(expected, token)),
        }
    }

    /// Reads a series from behind its name or its opening brace.
    fn series(&mut self, mut named: bool) -> Parsed<Entry<'a>> {
        let first = self.lexer.start;
        let mut end = self.lexer.at;
        let mut token = Token::BraceOpen;
        if named {
            token = self.lexer.next();
        }
        if token == Token::BraceOpen {
            self.braces(&mut named, Braces::Series)?;
            end = self.lexer.at;
            token = self.lexer.next();
        }
        if !named {
            let parsed = self.so_far();
            return Err(self.fault(format!("metric name not set while parsing: {parsed}")));
        }
        let value = self.value(token, "metric")?;
        let text = self.str(first..end)?;
        let (timestamp_ms, exemplar) = match self.format {
            Format::PrometheusText => (self.prometheus_timestamp()?, None),
            Format::OpenMetrics => self.open_metrics_suffix()?,
        };
        Ok(Entry::Series(SeriesEntry {
            text,
            value,
            timestamp_ms,
            exemplar,
            kind: self.kind,
        }))
    }

    /// Checks what stands between braces, from behind the opening one.
    fn braces(&mut self, named: &mut bool, braces: Braces) -> Parsed<()> {
        let mut token = self.lexer.next();
        loop {
            let quoted = match token {
                Token::BraceClose => return Ok(()),
                Token::LabelName => false,
                Token::QuotedString => {
                    self.str(self.lexer.start..self.lexer.at)?;
                    true
                }
                _ => return Err(self.unexpected("expected label name", token)),
            };
            token = self.lexer.next();
            let ends_item = matches!(token, Token::Comma | Token::BraceClose);
            if ends_item && braces == Braces::Exemplar {
                return Err(self.unexpected("expected label name", token));
            }
            if ends_item && quoted {
                // A quoted string without a value is the metric name.
                if *named {
                    let parsed = self.so_far();
                    let message = format!("metric name already set while parsing: {parsed}");
                    return Err(self.fault(message));
                }
                *named = true;
                if token == Token::Comma {
                    token = self.lexer.next();
                }
                continue;
            }
            if token != Token::Equal {
                return Err(self.unexpected("expected equal", token));
            }
            let value = self.lexer.next();
            if value != Token::LabelValue {
                return Err(self.unexpected("expected label value", value));
            }
            if self.text.get(self.lexer.start..self.lexer.at).is_none() {
                let quoted = quote(self.lexer.token());
                return Err(self.fault(format!("invalid UTF-8 label value: {quoted}")));
            }
            token = self.lexer.next();
            match (token, self.format) {
                (Token::Comma, _) => token = self.lexer.next(),
                // Prometheus text does without the comma.
                (Token::BraceClose, _) | (_, Format::PrometheusText) => {}
                _ => return Err(self.unexpected("expected comma or brace close", token)),
            }
        }
    }

    fn value(&mut self, token: Token, after: &str) -> Parsed<f64> {
        if token != Token::Value {
            return Err(self.unexpected(&format!("expected value after {after}"), token));
        }
        self.float(self.word())
    }

    /// The last token without the space that OpenMetrics makes part of it.
    fn word(&self) -> &'a [u8] {
        match self.format {
            Format::PrometheusText => self.lexer.token(),
            Format::OpenMetrics => self.lexer.bytes(self.lexer.start + 1, self.lexer.at),
        }
    }

    fn float(&self, word: &[u8]) -> Parsed<f64> {
        parse_value(word).map_err(|error| match error {
            FloatError::Unsupported => self.in_entry("unsupported character in float"),
            FloatError::Syntax => self.not_a_number("ParseFloat", word, "invalid syntax"),
            FloatError::Range => self.not_a_number("ParseFloat", word, "value out of range"),
        })
    }

    fn prometheus_timestamp(&mut self) -> Parsed<Option<i64>> {
        match self.lexer.next() {
            Token::Linebreak => Ok(None),
            Token::Timestamp => {
                let word = self.lexer.token();
                // The lexer lets digits alone pass, so the only fault left is their number.
                let timestamp_ms = std::str::from_utf8(word)
                    .ok()
                    .and_then(|digits| digits.parse().ok())
                    .ok_or_else(|| self.not_a_number("ParseInt", word, "value out of range"))?;
                self.linebreak("expected next entry after timestamp")?;
                Ok(Some(timestamp_ms))
            }
            token => Err(self.unexpected("expected timestamp or new record", token)),
        }
    }

    /// What follows the value in OpenMetrics: a timestamp, an exemplar, the line break.
    fn open_metrics_suffix(&mut self) -> Parsed<(Option<i64>, Option<Exemplar<'a>>)> {
        match self.lexer.next() {
            Token::Eof => Err(self.no_eof()),
            Token::Linebreak => Ok((None, None)),
            Token::Comment => Ok((None, Some(self.exemplar()?))),
            Token::Timestamp => {
                let timestamp_ms = self.seconds("invalid timestamp")?;
                match self.lexer.next() {
                    Token::Linebreak => Ok((Some(timestamp_ms), None)),
                    Token::Comment => Ok((Some(timestamp_ms), Some(self.exemplar()?))),
                    token => Err(self.unexpected("expected next entry after timestamp", token)),
                }
            }
            // Prometheus hands the sample out first and fails at the next entry, which then
            // starts in the middle of this line.
            _ => {
                self.start = self.lexer.at;
                match self.lexer.next() {
                    Token::Eof => Err(self.no_eof()),
                    token => Err(self.unexpected("expected a valid start token", token)),
                }
            }
        }
    }

    /// Reads an exemplar from behind its opening brace.
    fn exemplar(&mut self) -> Parsed<Exemplar<'a>> {
        let first = self.lexer.at - 1;
        self.braces(&mut true, Braces::Exemplar)?;
        let text = self.str(first..self.lexer.at)?;
        let token = self.lexer.next();
        let value = self.value(token, "exemplar labels")?;
        let timestamp_ms = match self.lexer.next() {
            Token::Eof => return Err(self.no_eof()),
            Token::Linebreak => None,
            Token::Timestamp => {
                let timestamp_ms = self.seconds("invalid exemplar timestamp")?;
                self.linebreak("expected next entry after exemplar timestamp")?;
                Some(timestamp_ms)
            }
            token => return Err(self.unexpected("expected timestamp or comment", token)),
        };
        Ok(Exemplar {
            text,
            value,
            timestamp_ms,
        })
    }

    /// Reads the last token as a time in seconds; what does not fit into milliseconds of 64 bits
    /// is as wrong as an infinity.
    fn seconds(&self, invalid: &str) -> Parsed<i64> {
        let seconds = self.float(self.word())?;
        float::millis(seconds).ok_or_else(|| {
            let mut printed = String::new();
            match seconds.is_finite() {
                true => printed = format!("{seconds:.6}"),
                false => float::push_float(&mut printed, seconds),
            }
            self.fault(format!("{invalid} {printed}"))
        })
    }

    /// A piece of the page as text.
    fn str(&self, range: Range<usize>) -> Parsed<&'a str> {
        let end = range.end.min(self.body.len());
        self.text.get(range.start.min(end)..end).ok_or_else(|| {
            let offset = self.text.len();
            ParseError::new(self.body, offset, format!("invalid UTF-8 at byte {offset}"))
        })
    }

    /// The entry up to the end of the last token, quoted.
    fn so_far(&self) -> String {
        self.quote_from(self.start, self.lexer.at)
    }

    fn quote_from(&self, from: usize, to: usize) -> String {
        let to = to.min(self.lexer.end());
        let bytes = self.lexer.bytes(from, to);
        if to > self.body.len() {
            quote(&[bytes, b"\n"].concat())
        } else {
            quote(bytes)
        }
    }

    fn fault(&self, message: String) -> ParseError {
        ParseError::new(self.body, self.lexer.start.min(self.body.len()), message)
    }

    fn in_entry(&self, what: &str) -> ParseError {
        self.fault(format!("{what} while parsing: {}", self.so_far()))
    }

    fn not_a_number(&self, function: &str, word: &[u8], why: &str) -> ParseError {
        let word = quote(word);
        self.in_entry(&format!("strconv.{function}: parsing {word}: {why}"))
    }

    fn no_eof(&self) -> ParseError {
        let message = "data does not end with # EOF".to_owned();
        ParseError::new(self.body, self.body.len(), message)
    }

    fn unexpected(&self, expected: &str, token: Token) -> ParseError {
        let end = self.lexer.at + 1;
        let got = self.quote_from(self.lexer.start, end);
        let entry = self.quote_from(self.start, end);
        let name = token.name();
        self.fault(format!(
            "{expected}, got {got} ({name:?}) while parsing: {entry}"
        ))
    }
}

/// Whose braces are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Braces {
    Series,
    Exemplar,
}
