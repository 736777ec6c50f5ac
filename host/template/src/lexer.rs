//! Cuts a template's text into tokens.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Assign,
    Bool,
    /// A printable ASCII character that is nothing else, as a comma.
    Char,
    CharConstant,
    Complex,
    Declare,
    Eof,
    Error,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Dot,
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

/// A piece of the text.
#[derive(Debug, Clone)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) at: usize,
    pub(crate) line: usize,
    pub(crate) text: &'a str,
    /// What is wrong, in a token that is an error.
    pub(crate) error: String,
}

const LEFT: &str = "{{";
const RIGHT: &str = "}}";
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];
/// The trim marker and the space beside it.
const MARKER_LEN: usize = 2;

/// Gives the tokens of a text one after the other; after an error or the end, only that.
#[derive(Debug)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    /// Where the next character is.
    at: usize,
    /// Where the token being read begins, and its line.
    start: usize,
    start_line: usize,
    parens: usize,
    is_inside: bool,
    ended: Option<Token<'a>>,
}

fn is_space(c: char) -> bool {
    SPACES.contains(&c)
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphabetic() || c.is_numeric()
}

/// `-` and a space, behind `{{`.
fn trims_left(text: &str) -> bool {
    text.strip_prefix('-')
        .is_some_and(|rest| rest.starts_with(is_space))
}

/// A space and `-`, before `}}`.
fn trims_right(text: &str) -> bool {
    text.strip_prefix(is_space)
        .is_some_and(|rest| rest.starts_with('-'))
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            start: 0,
            start_line: 1,
            parens: 0,
            is_inside: false,
            ended: None,
        }
    }

    pub(crate) fn next(&mut self) -> Token<'a> {
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        let token = if self.is_inside {
            self.inside()
        } else {
            self.outside()
        };
        if matches!(token.kind, Kind::Eof | Kind::Error) {
            self.ended = Some(token.clone());
        }
        token
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take_while(&mut self, is_wanted: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&is_wanted) {
            self.take();
        }
    }

    fn accept(&mut self, wanted: &str) -> bool {
        let is_there = self.peek().is_some_and(|c| wanted.contains(c));
        if is_there {
            self.take();
        }
        is_there
    }

    fn token(&mut self, kind: Kind) -> Token<'a> {
        let text = self.text.get(self.start..self.at).unwrap_or_default();
        let token = Token {
            kind,
            at: self.start,
            line: self.start_line,
            text,
            error: String::new(),
        };
        self.ignore();
        token
    }

    fn ignore(&mut self) {
        let text = self.text.get(self.start..self.at).unwrap_or_default();
        self.start_line += text.matches('\n').count();
        self.start = self.at;
    }

    fn error(&self, error: impl Into<String>) -> Token<'a> {
        Token {
            kind: Kind::Error,
            at: self.start,
            line: self.start_line,
            text: "",
            error: error.into(),
        }
    }

    fn outside(&mut self) -> Token<'a> {
        loop {
            let rest = self.rest();
            let Some(to) = rest.find(LEFT) else {
                self.at = self.text.len();
                let kind = if self.at > self.start {
                    Kind::Text
                } else {
                    Kind::Eof
                };
                return self.token(kind);
            };
            if to > 0 {
                let (text, action) = rest.split_at(to);
                let is_trimmed = trims_left(&action[LEFT.len()..]);
                let kept = if is_trimmed {
                    text.trim_end_matches(SPACES).len()
                } else {
                    to
                };
                self.at += kept;
                let token = self.token(Kind::Text);
                self.at += to - kept;
                self.ignore();
                if kept > 0 {
                    return token;
                }
            }
            let after = &self.rest()[LEFT.len()..];
            let marker = if trims_left(after) { MARKER_LEN } else { 0 };
            if after[marker..].starts_with("/*") {
                self.at += LEFT.len() + marker;
                self.ignore();
                if let Err(error) = self.comment() {
                    return self.error(error);
                }
                continue;
            }
            self.at += LEFT.len();
            let token = self.token(Kind::LeftDelim);
            self.at += marker;
            self.ignore();
            self.is_inside = true;
            self.parens = 0;
            return token;
        }
    }

    fn comment(&mut self) -> Result<(), &'static str> {
        let rest = self.rest();
        let end = rest
            .get(2..)
            .and_then(|inner| inner.find("*/"))
            .ok_or("unclosed comment")?;
        self.at += end + 4;
        let is_trimmed = self
            .right_delim()
            .ok_or("comment ends before closing delimiter")?;
        self.leave(is_trimmed);
        Ok(())
    }

    /// Whether an action ends here, and if so whether it trims what follows.
    fn right_delim(&self) -> Option<bool> {
        let rest = self.rest();
        if trims_right(rest) && rest[MARKER_LEN..].starts_with(RIGHT) {
            return Some(true);
        }
        rest.starts_with(RIGHT).then_some(false)
    }

    /// Passes the end of an action or comment.
    fn leave(&mut self, is_trimmed: bool) {
        self.at += if is_trimmed { MARKER_LEN } else { 0 } + RIGHT.len();
        self.trim_behind(is_trimmed);
        self.ignore();
    }

    fn trim_behind(&mut self, is_trimmed: bool) {
        if is_trimmed {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start_matches(SPACES).len();
        }
    }

    fn end_of_action(&mut self, is_trimmed: bool) -> Token<'a> {
        if is_trimmed {
            self.at += MARKER_LEN;
            self.ignore();
        }
        self.at += RIGHT.len();
        let token = self.token(Kind::RightDelim);
        self.trim_behind(is_trimmed);
        self.ignore();
        self.is_inside = false;
        token
    }

    fn inside(&mut self) -> Token<'a> {
        if let Some(is_trimmed) = self.right_delim() {
            if self.parens == 0 {
                return self.end_of_action(is_trimmed);
            }
            return self.error("unclosed left paren");
        }
        let Some(c) = self.take() else {
            return self.error("unclosed action");
        };
        match c {
            c if is_space(c) => self.space(),
            '=' => self.token(Kind::Assign),
            ':' if self.accept("=") => self.token(Kind::Declare),
            ':' => self.error("expected :="),
            '|' => self.token(Kind::Pipe),
            '"' => self.quoted('"', Kind::String, "unterminated quoted string"),
            '`' => self.raw(),
            '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant"),
            '$' => self.field_or_variable(Kind::Variable),
            '.' if !self.peek().is_some_and(|c| c.is_ascii_digit()) && !self.rest().is_empty() => {
                self.field_or_variable(Kind::Field)
            }
            '.' | '+' | '-' | '0'..='9' => self.number(),
            c if is_word(c) => self.word(),
            '(' => {
                self.parens += 1;
                self.token(Kind::LeftParen)
            }
            ')' if self.parens == 0 => self.error("unexpected right paren"),
            ')' => {
                self.parens -= 1;
                self.token(Kind::RightParen)
            }
            '!'..='~' => self.token(Kind::Char),
            c => self.error(format!(
                "unrecognized character in action: {}",
                named_character(c)
            )),
        }
    }

    fn space(&mut self) -> Token<'a> {
        self.take_while(is_space);
        // The last space may belong to a trim marker.
        let before = self.at - 1;
        let rest = self.text.get(before..).unwrap_or_default();
        if trims_right(rest) && rest[MARKER_LEN..].starts_with(RIGHT) {
            self.at = before;
            if self.at == self.start {
                return self.end_of_action(true);
            }
        }
        self.token(Kind::Space)
    }

    fn quoted(&mut self, quote: char, kind: Kind, error: &str) -> Token<'a> {
        loop {
            match self.take() {
                None | Some('\n') => return self.error(error),
                Some('\\') if matches!(self.take(), None | Some('\n')) => {
                    return self.error(error);
                }
                Some(c) if c == quote => return self.token(kind),
                Some(_) => {}
            }
        }
    }

    fn raw(&mut self) -> Token<'a> {
        self.take_while(|c| c != '`');
        if self.take().is_none() {
            return self.error("unterminated raw quoted string");
        }
        self.token(Kind::RawString)
    }

    /// Whether a word can end here.
    fn is_terminated(&self) -> bool {
        self.rest().starts_with(RIGHT)
            || self
                .peek()
                .is_none_or(|c| is_space(c) || ".,|:)(".contains(c))
    }

    fn bad_character(&self) -> Token<'a> {
        let c = self.peek().unwrap_or_default();
        self.error(format!("bad character {}", named_character(c)))
    }

    fn field_or_variable(&mut self, kind: Kind) -> Token<'a> {
        if self.is_terminated() {
            let kind = if kind == Kind::Field { Kind::Dot } else { kind };
            return self.token(kind);
        }
        self.take_while(is_word);
        if !self.is_terminated() {
            return self.bad_character();
        }
        self.token(kind)
    }

    fn word(&mut self) -> Token<'a> {
        self.take_while(is_word);
        if !self.is_terminated() {
            return self.bad_character();
        }
        let kind = match self.text.get(self.start..self.at).unwrap_or_default() {
            "true" | "false" => Kind::Bool,
            "block" => Kind::Block,
            "break" => Kind::Break,
            "continue" => Kind::Continue,
            "define" => Kind::Define,
            "else" => Kind::Else,
            "end" => Kind::End,
            "if" => Kind::If,
            "nil" => Kind::Nil,
            "range" => Kind::Range,
            "template" => Kind::Template,
            "with" => Kind::With,
            _ => Kind::Identifier,
        };
        self.token(kind)
    }

    fn number(&mut self) -> Token<'a> {
        self.at = self.start;
        let mut is_number = self.scan_number();
        let mut kind = Kind::Number;
        if is_number && self.peek().is_some_and(|c| "+-".contains(c)) {
            kind = Kind::Complex;
            let text = |lexer: &Self| lexer.text.get(lexer.start..lexer.at).unwrap_or_default();
            is_number = self.scan_number() && text(self).ends_with('i');
        }
        if !is_number {
            let text = self.text.get(self.start..self.at).unwrap_or_default();
            let text = crate::quote::quoted(text);
            return self.error(format!("bad number syntax: {text}"));
        }
        self.token(kind)
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.take_while(|c| digits.contains(c));
        if self.accept(".") {
            self.take_while(|c| digits.contains(c));
        }
        let exponent = match digits.len() {
            11 => "eE",
            23 => "pP",
            _ => "",
        };
        if self.accept(exponent) {
            self.accept("+-");
            self.take_while(|c| "0123456789_".contains(c));
        }
        self.accept("i");
        if self.peek().is_some_and(is_word) {
            self.take();
            return false;
        }
        true
    }
}

/// A character as Go names it: `U+0027 '''`.
fn named_character(c: char) -> String {
    let code = u32::from(c);
    if crate::quote::is_print(c) {
        format!("U+{code:04X} '{c}'")
    } else {
        format!("U+{code:04X}")
    }
}
