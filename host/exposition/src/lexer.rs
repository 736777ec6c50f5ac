//! The tokens of both formats, as the automata of Prometheus' lexers cut them.
//!
//! It decides what is accepted and, by where it gets stuck, what an error quotes. Ordinary lines
//! never come here (see `ordinary`), so it is written for exactness and not for speed.

use crate::Format;

/// What a piece of a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    Invalid,
    Eof,
    Linebreak,
    Help,
    Type,
    Unit,
    EofWord,
    Text,
    Comment,
    MetricName,
    QuotedString,
    BraceOpen,
    BraceClose,
    LabelName,
    LabelValue,
    Comma,
    Equal,
    Timestamp,
    Value,
}

impl Token {
    /// The name in error messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Invalid => "INVALID",
            Self::Eof => "EOF",
            Self::Linebreak => "LINEBREAK",
            Self::Help => "HELP",
            Self::Type => "TYPE",
            Self::Unit => "UNIT",
            Self::EofWord => "EOFWORD",
            Self::Text => "TEXT",
            Self::Comment => "COMMENT",
            Self::MetricName => "MNAME",
            Self::QuotedString => "QSTRING",
            Self::BraceOpen => "BOPEN",
            Self::BraceClose => "BCLOSE",
            Self::LabelName => "LNAME",
            Self::LabelValue => "LVALUE",
            Self::Comma => "COMMA",
            Self::Equal => "EQUAL",
            Self::Timestamp => "TIMESTAMP",
            Self::Value => "VALUE",
        }
    }
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Init,
    MetaName,
    MetaText,
    Labels,
    LabelValue,
    Value,
    Timestamp,
    Exemplar,
    ExemplarValue,
    ExemplarTimestamp,
}

/// Cuts a page into tokens, one entry at a time.
#[derive(Debug)]
pub(crate) struct Lexer<'a> {
    body: &'a [u8],
    format: Format,
    state: State,
    /// Where the last token starts.
    pub(crate) start: usize,
    /// Where the last token ends; at an invalid one, the byte that does not fit.
    pub(crate) at: usize,
}

/// Whether a metric name may start with `byte`.
pub(crate) fn starts_metric_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte == b':'
}

/// Whether a label name may start with `byte`.
pub(crate) fn starts_label_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

impl<'a> Lexer<'a> {
    /// A lexer that stands at the first byte of an entry.
    pub(crate) fn new(body: &'a [u8], format: Format, at: usize) -> Self {
        Self {
            body,
            format,
            state: State::Init,
            start: at,
            at,
        }
    }

    /// The bytes of the last token.
    pub(crate) fn token(&self) -> &'a [u8] {
        self.bytes(self.start, self.at)
    }

    /// The bytes of the page between two places.
    pub(crate) fn bytes(&self, from: usize, to: usize) -> &'a [u8] {
        let to = to.min(self.body.len());
        self.body.get(from..to).unwrap_or_default()
    }

    /// The page's length. Prometheus text ends with a line break even where it is not written.
    pub(crate) fn end(&self) -> usize {
        match self.format {
            Format::PrometheusText => self.body.len() + 1,
            Format::OpenMetrics => self.body.len(),
        }
    }

    /// The byte at a place; none past the end.
    fn byte(&self, at: usize) -> Option<u8> {
        match self.body.get(at) {
            Some(&byte) => Some(byte),
            None => (at < self.end()).then_some(b'\n'),
        }
    }

    /// The next token.
    pub(crate) fn next(&mut self) -> Token {
        if self.format == Format::PrometheusText && self.state != State::MetaText {
            self.at = self.skip_while(self.at, is_blank);
        }
        // The end leaves the start of the last token alone: errors quote from there.
        let Some(byte) = self.byte(self.at) else {
            return Token::Eof;
        };
        self.start = self.at;
        match (self.state, byte) {
            (State::Init, b'#') => self.comment(),
            (State::Init, b'{') => self.advance(State::Labels, Token::BraceOpen),
            (State::Init, b'\n') if self.format == Format::PrometheusText => {
                self.advance(State::Init, Token::Linebreak)
            }
            (State::Init, _) if starts_metric_name(byte) => {
                self.metric_name(State::Value, Token::MetricName)
            }
            (State::MetaName, b'"') => {
                self.quoted(Quoted::Name, State::MetaText, Token::MetricName)
            }
            (State::MetaName, _) if starts_metric_name(byte) => {
                self.metric_name(State::MetaText, Token::MetricName)
            }
            (State::MetaText, _) => self.meta_text(byte),
            (State::Value, b'{') => self.advance(State::Labels, Token::BraceOpen),
            (State::Value, _) => self.word(State::Timestamp, Token::Value),
            (State::Labels, b'}') => self.advance(State::Value, Token::BraceClose),
            (State::Labels, b'=') => self.advance(State::LabelValue, Token::Equal),
            (State::Labels | State::Exemplar, b',') => self.advance(self.state, Token::Comma),
            (State::Labels, b'"') => self.quoted(Quoted::Name, State::Labels, Token::QuotedString),
            (State::Labels | State::Exemplar, _) if starts_label_name(byte) => self.label_name(),
            (State::LabelValue, b'"') => {
                self.quoted(self.label_value(), State::Labels, Token::LabelValue)
            }
            (State::Timestamp | State::ExemplarTimestamp, b'\n') => {
                self.advance(State::Init, Token::Linebreak)
            }
            (State::Timestamp, _) => self.timestamp(byte),
            (State::Exemplar, b'}') => self.advance(State::ExemplarValue, Token::BraceClose),
            (State::Exemplar, b'=') => self.advance(State::ExemplarValue, Token::Equal),
            (State::Exemplar, b'"') => {
                self.quoted(Quoted::Exemplar, State::Exemplar, Token::QuotedString)
            }
            (State::ExemplarValue, b'"') => {
                self.quoted(Quoted::Exemplar, State::Exemplar, Token::LabelValue)
            }
            (State::ExemplarValue, _) => self.word(State::ExemplarTimestamp, Token::Value),
            (State::ExemplarTimestamp, _) => self.word(State::ExemplarTimestamp, Token::Timestamp),
            _ => Token::Invalid,
        }
    }

    /// Takes one byte.
    fn advance(&mut self, state: State, token: Token) -> Token {
        self.at += 1;
        self.state = state;
        token
    }

    /// The first place from `at` on whose byte does not satisfy `accept`.
    fn skip_while(&self, mut at: usize, accept: impl Fn(u8) -> bool) -> usize {
        while self.byte(at).is_some_and(&accept) {
            at += 1;
        }
        at
    }

    fn metric_name(&mut self, state: State, token: Token) -> Token {
        self.at = self.skip_while(self.at, |b| starts_metric_name(b) || b.is_ascii_digit());
        self.state = state;
        token
    }

    fn label_name(&mut self) -> Token {
        self.at = self.skip_while(self.at, |b| starts_label_name(b) || b.is_ascii_digit());
        Token::LabelName
    }

    fn quoted(&mut self, quoted: Quoted, state: State, token: Token) -> Token {
        match quoted_end(self.body, self.at, quoted) {
            Ok(end) => {
                self.at = end;
                self.state = state;
                token
            }
            // The line break that ends Prometheus text may stand inside the quotes.
            Err(stuck) if stuck >= self.body.len() && quoted.may_span_lines() => {
                self.at = self.end();
                Token::Invalid
            }
            Err(stuck) => {
                self.at = stuck;
                Token::Invalid
            }
        }
    }

    fn label_value(&self) -> Quoted {
        match self.format {
            Format::PrometheusText => Quoted::PrometheusValue,
            Format::OpenMetrics => Quoted::OpenMetricsValue,
        }
    }

    /// A value or a timestamp: whatever stands before the next blank. OpenMetrics wants exactly
    /// one space before it, which belongs to the token.
    fn word(&mut self, state: State, token: Token) -> Token {
        let first = match self.format {
            Format::PrometheusText => self.at,
            Format::OpenMetrics => {
                if self.byte(self.at) != Some(b' ') {
                    return Token::Invalid;
                }
                self.at + 1
            }
        };
        self.at = match self.format {
            Format::PrometheusText => {
                self.skip_while(first, |b| !matches!(b, b'{' | b' ' | b'\t' | b'\n' | 0))
            }
            Format::OpenMetrics => self.skip_while(first, |b| !matches!(b, b' ' | b'\n' | 0)),
        };
        if self.at == first {
            return Token::Invalid;
        }
        self.state = state;
        token
    }

    /// What follows a value on its line.
    fn timestamp(&mut self, byte: u8) -> Token {
        if self.format == Format::PrometheusText {
            self.at = self.skip_while(self.at, |b| b.is_ascii_digit());
            return if self.at == self.start {
                Token::Invalid
            } else {
                Token::Timestamp
            };
        }
        if byte == b' ' && self.byte(self.at + 1) == Some(b'#') {
            match self.byte(self.at + 2) {
                Some(b' ') => {
                    self.at += 3;
                    return match self.byte(self.at) {
                        Some(b'{') => self.advance(State::Exemplar, Token::Comment),
                        _ => Token::Invalid,
                    };
                }
                // A `#` alone is as good a timestamp as any other word, to the lexer.
                _ => return self.word(State::Timestamp, Token::Timestamp),
            }
        }
        self.word(State::Timestamp, Token::Timestamp)
    }

    fn comment(&mut self) -> Token {
        match self.format {
            Format::PrometheusText => self.prometheus_comment(),
            Format::OpenMetrics => self.open_metrics_comment(),
        }
    }

    fn prometheus_comment(&mut self) -> Token {
        let word = self.skip_while(self.at + 1, is_blank);
        if word > self.at + 1 {
            for (keyword, token) in [(b"HELP", Token::Help), (b"TYPE", Token::Type)] {
                if self.bytes(word, word + 4) == keyword {
                    let end = self.skip_while(word + 4, is_blank);
                    if end > word + 4 {
                        self.at = end;
                        self.state = State::MetaName;
                        return token;
                    }
                }
            }
        }
        self.at = self.skip_while(self.at, |b| b != b'\n');
        Token::Comment
    }

    fn open_metrics_comment(&mut self) -> Token {
        const WORDS: [(&[u8], Token); 4] = [
            (b"# HELP ", Token::Help),
            (b"# TYPE ", Token::Type),
            (b"# UNIT ", Token::Unit),
            (b"# EOF", Token::EofWord),
        ];
        let mut matched = 0;
        for (word, token) in WORDS {
            let here = self.bytes(self.at, self.at + word.len());
            let common = word.iter().zip(here).take_while(|(a, b)| a == b).count();
            if common == word.len() {
                self.at += common;
                if token != Token::EofWord {
                    self.state = State::MetaName;
                } else if self.byte(self.at) == Some(b'\n') {
                    self.at += 1;
                }
                return token;
            }
            matched = matched.max(common);
        }
        self.at += matched;
        Token::Invalid
    }

    /// The rest of a metadata line. In OpenMetrics it starts with a space and includes the line
    /// break.
    fn meta_text(&mut self, byte: u8) -> Token {
        let line_end = self.skip_while(self.at, |b| b != b'\n');
        match self.format {
            Format::PrometheusText => {
                let all_blank = self.skip_while(self.at, is_blank) == line_end;
                if all_blank {
                    self.start = line_end;
                }
                self.at = line_end;
            }
            Format::OpenMetrics => {
                if byte != b' ' {
                    return Token::Invalid;
                }
                self.at = line_end;
                if self.byte(line_end).is_none() {
                    return Token::Invalid;
                }
                self.at += 1;
            }
        }
        self.state = State::Init;
        Token::Text
    }
}

/// Where a quoted string stands; that decides what it may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quoted {
    /// The name of a metric or a label: no NUL.
    Name,
    /// A label value of Prometheus text: anything.
    PrometheusValue,
    /// A label value of OpenMetrics: no line break.
    OpenMetricsValue,
    /// A name or value in an exemplar: neither.
    Exemplar,
}

impl Quoted {
    fn may_span_lines(self) -> bool {
        matches!(self, Self::Name | Self::PrometheusValue)
    }

    fn may_hold_nul(self) -> bool {
        matches!(self, Self::PrometheusValue | Self::OpenMetricsValue)
    }
}

/// Where the quoted string that starts at `at` ends, just behind the closing quote, or the place
/// of the byte that does not fit: the body's length where it is not closed.
pub(crate) fn quoted_end(body: &[u8], at: usize, quoted: Quoted) -> Result<usize, usize> {
    let mut at = at + 1;
    let mut escaped = false;
    while let Some(&byte) = body.get(at) {
        match byte {
            0 if quoted.may_hold_nul() => {
                at += 1;
                continue;
            }
            0 => return Err(at),
            b'\n' if escaped || !quoted.may_span_lines() => return Err(at),
            _ if escaped => escaped = false,
            b'"' => return Ok(at + 1),
            b'\\' => escaped = true,
            _ => {}
        }
        at += 1;
    }
    Err(body.len())
}
