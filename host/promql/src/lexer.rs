//! Splits a query into tokens, with the bytes each was read from.
//!
//! It is modal, as the language is: inside braces there are no keywords, and inside brackets
//! there are durations and hardly any names. It is not: a judge of what may follow what.

mod number;
mod token;

use crate::ast::{BinaryOp, Span};
use crate::parser::ParseError;
use crate::printer::quote_char;

pub(crate) use token::{Keyword, Token, TokenKind};

/// Reads one token after the other. After an error it must not be asked again.
#[derive(Debug)]
pub(crate) struct Lexer<'a> {
    input: &'a str,
    /// The next byte to read.
    pos: usize,
    /// The first byte of the token being read.
    start: usize,
    parens: usize,
    in_braces: bool,
    brackets: Brackets,
}

/// What is open of `[range:step]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Brackets {
    Closed,
    /// Before the first number: arithmetic of durations.
    Expression,
    /// After a number, where a colon may come.
    AfterNumber {
        colon: bool,
    },
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(input: &'a str) -> Self {
        Self {
            input,
            pos: 0,
            start: 0,
            parens: 0,
            in_braces: false,
            brackets: Brackets::Closed,
        }
    }

    /// The text that is read.
    pub(crate) fn input(&self) -> &'a str {
        self.input
    }

    /// What comes after the tokens read so far.
    pub(crate) fn rest(&self) -> &'a str {
        &self.input[self.pos..]
    }

    /// The next token; comments are skipped.
    pub(crate) fn next_token(&mut self) -> Result<Token, ParseError> {
        self.skip_blanks();
        self.start = self.pos;
        let kind = if self.in_braces {
            self.inside_braces()?
        } else if self.brackets == Brackets::Expression {
            self.duration_expression()?
        } else {
            self.statement()?
        };
        Ok(Token {
            kind,
            span: Span {
                start: self.start,
                end: self.pos,
            },
        })
    }

    fn skip_blanks(&mut self) {
        loop {
            match self.peek_byte() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.pos += 1,
                Some(b'#') if self.brackets != Brackets::Expression => {
                    let rest = self.rest();
                    self.pos += rest.find(['\n', '\r']).unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn peek_byte(&self) -> Option<u8> {
        self.input.as_bytes().get(self.pos).copied()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    /// Reads the next byte if it is one of `bytes`.
    fn accept(&mut self, bytes: &[u8]) -> bool {
        let found = self.peek_byte().is_some_and(|byte| bytes.contains(&byte));
        self.pos += usize::from(found);
        found
    }

    fn error<T>(&self, message: impl Into<String>) -> Result<T, ParseError> {
        let span = Span {
            start: self.start,
            end: self.input.len(),
        };
        Err(ParseError::new(self.input, span, message))
    }

    fn statement(&mut self) -> Result<TokenKind, ParseError> {
        let Some(c) = self.bump() else {
            return if self.parens != 0 {
                self.error("unclosed left parenthesis")
            } else if self.brackets != Brackets::Closed {
                self.error("unclosed left bracket")
            } else {
                Ok(TokenKind::Eof)
            };
        };
        let kind = match c {
            ',' => TokenKind::Comma,
            '@' => TokenKind::At,
            '+' | '-' | '*' | '/' | '%' | '^' => arithmetic(c),
            '=' if self.accept(b"=") => TokenKind::Operator(BinaryOp::Eql),
            '=' if self.peek() == Some('~') => {
                return self.error("unexpected character after '=': '~'");
            }
            '=' => TokenKind::Equal,
            '!' if self.accept(b"=") => TokenKind::Operator(BinaryOp::Neq),
            '!' => {
                let next = quote_char(self.peek().unwrap_or(char::REPLACEMENT_CHARACTER));
                return self.error(format!("unexpected character after '!': {next}"));
            }
            '<' if self.accept(b"=") => TokenKind::Operator(BinaryOp::Lte),
            '<' if self.accept(b"/") => TokenKind::Operator(BinaryOp::TrimUpper),
            '<' => TokenKind::Operator(BinaryOp::Lss),
            '>' if self.accept(b"=") => TokenKind::Operator(BinaryOp::Gte),
            '>' if self.accept(b"/") => TokenKind::Operator(BinaryOp::TrimLower),
            '>' => TokenKind::Operator(BinaryOp::Gtr),
            '(' => self.left_paren(),
            ')' => return self.right_paren(),
            '{' => {
                self.in_braces = true;
                TokenKind::LeftBrace
            }
            '[' => return self.left_bracket(),
            ']' => return self.right_bracket(),
            '"' | '\'' => return self.string(c),
            '`' => return self.raw_string(),
            _ if self.begins_number(c) => return self.number_or_duration(),
            _ if is_alpha(c) || c == ':' => return self.word(c),
            _ => return self.error(format!("unexpected character: {}", quote_char(c))),
        };
        Ok(kind)
    }

    fn left_paren(&mut self) -> TokenKind {
        self.parens += 1;
        TokenKind::LeftParen
    }

    fn right_paren(&mut self) -> Result<TokenKind, ParseError> {
        if self.parens == 0 {
            self.start = self.pos;
            return self.error("unexpected right parenthesis ')'");
        }
        self.parens -= 1;
        Ok(TokenKind::RightParen)
    }

    fn left_bracket(&mut self) -> Result<TokenKind, ParseError> {
        if self.brackets != Brackets::Closed {
            return self.error("unexpected left bracket '['");
        }
        self.brackets = Brackets::Expression;
        Ok(TokenKind::LeftBracket)
    }

    fn right_bracket(&mut self) -> Result<TokenKind, ParseError> {
        if self.brackets == Brackets::Closed {
            return self.error("unexpected right bracket ']'");
        }
        self.brackets = Brackets::Closed;
        Ok(TokenKind::RightBracket)
    }

    fn begins_number(&self, c: char) -> bool {
        c.is_ascii_digit() || (c == '.' && self.peek_byte().is_some_and(|b| b.is_ascii_digit()))
    }

    /// A name or keyword; inside brackets only a colon or the name of a duration function.
    fn word(&mut self, first: char) -> Result<TokenKind, ParseError> {
        let Brackets::AfterNumber { colon } = self.brackets else {
            while self.peek_byte().is_some_and(|b| is_word(b) || b == b':') {
                self.pos += 1;
            }
            return Ok(self.keyword_or_identifier());
        };
        if first == ':' {
            if colon {
                return self.error("unexpected colon ':'");
            }
            self.brackets = Brackets::AfterNumber { colon: true };
            return Ok(TokenKind::Colon);
        }
        match self.duration_function(first) {
            Some(keyword) => Ok(TokenKind::Keyword(keyword)),
            None => self.error(format!(
                "unexpected character: {}, expected ':'",
                quote_char(first)
            )),
        }
    }

    fn keyword_or_identifier(&self) -> TokenKind {
        let word = &self.input[self.start..self.pos];
        match TokenKind::of_word(word) {
            // These came late to the language: they are names unless they can be nothing else.
            Some(TokenKind::Keyword(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight))
                if !self.rest().trim_start().starts_with('(') =>
            {
                TokenKind::Identifier
            }
            Some(kind) => kind,
            None if word.contains(':') => TokenKind::MetricIdentifier,
            None => TokenKind::Identifier,
        }
    }

    fn duration_function(&mut self, first: char) -> Option<Keyword> {
        if !matches!(first, 's' | 'S' | 'm' | 'M' | 'r' | 'R') {
            return None;
        }
        while self.peek().is_some_and(is_alpha) {
            self.pos += 1;
        }
        match TokenKind::of_word(&self.input[self.start..self.pos]) {
            Some(TokenKind::Keyword(
                keyword @ (Keyword::Step | Keyword::Range | Keyword::MinOf | Keyword::MaxOf),
            )) => Some(keyword),
            _ => None,
        }
    }

    /// What may stand right behind `[`, up to the first number.
    fn duration_expression(&mut self) -> Result<TokenKind, ParseError> {
        let Some(c) = self.bump() else {
            return self.error("unexpected end of input in duration expression");
        };
        match c {
            ']' => self.right_bracket(),
            ':' => {
                self.start = self.pos;
                self.error("unexpected colon before duration in duration expression")
            }
            '(' => Ok(self.left_paren()),
            ')' => self.right_paren(),
            '+' | '-' | '*' | '/' | '%' | '^' => Ok(arithmetic(c)),
            ',' => Ok(TokenKind::Comma),
            _ if self.begins_number(c) => {
                self.brackets = Brackets::AfterNumber { colon: false };
                self.number_or_duration()
            }
            _ => match self.duration_function(c) {
                Some(keyword) => Ok(TokenKind::Keyword(keyword)),
                None => self.error(format!(
                    "unexpected character in duration expression: {}",
                    quote_char(c)
                )),
            },
        }
    }

    fn inside_braces(&mut self) -> Result<TokenKind, ParseError> {
        let Some(c) = self.bump() else {
            return self.error("unexpected end of input inside braces");
        };
        let kind = match c {
            ',' => TokenKind::Comma,
            '=' if self.accept(b"~") => TokenKind::EqualRegex,
            '=' => TokenKind::Equal,
            '!' if self.accept(b"~") => TokenKind::NotEqualRegex,
            '!' if self.accept(b"=") => TokenKind::Operator(BinaryOp::Neq),
            '!' => {
                let next = quote_char(self.peek().unwrap_or(char::REPLACEMENT_CHARACTER));
                return self.error(format!(
                    "unexpected character after '!' inside braces: {next}"
                ));
            }
            '{' => return self.error("unexpected left brace '{'"),
            '}' => {
                self.in_braces = false;
                TokenKind::RightBrace
            }
            '"' | '\'' => return self.string(c),
            '`' => return self.raw_string(),
            _ if is_alpha(c) => {
                while self.peek_byte().is_some_and(is_word) {
                    self.pos += 1;
                }
                TokenKind::Identifier
            }
            _ => {
                return self.error(format!(
                    "unexpected character inside braces: {}",
                    quote_char(c)
                ));
            }
        };
        Ok(kind)
    }

    /// The rest of a string whose first quote is read.
    fn string(&mut self, quote: char) -> Result<TokenKind, ParseError> {
        loop {
            match self.bump() {
                Some('\\') => self.escape(quote)?,
                Some(char::REPLACEMENT_CHARACTER) => return self.error("invalid UTF-8 rune"),
                None | Some('\n') => return self.error("unterminated quoted string"),
                Some(c) if c == quote => return Ok(TokenKind::String),
                Some(_) => {}
            }
        }
    }

    fn raw_string(&mut self) -> Result<TokenKind, ParseError> {
        loop {
            match self.bump() {
                Some(char::REPLACEMENT_CHARACTER) => return self.error("invalid UTF-8 rune"),
                None => return self.error("unterminated raw string"),
                Some('`') => return Ok(TokenKind::String),
                Some(_) => {}
            }
        }
    }

    /// What follows a backslash; only that it is well formed counts here.
    fn escape(&mut self, quote: char) -> Result<(), ParseError> {
        let described = |c: char| format!("U+{:04X} {}", u32::from(c), quote_char(c));
        let (digits, radix, max) = match self.bump() {
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\') => return Ok(()),
            Some(c) if c == quote => return Ok(()),
            Some('0'..='7') => {
                self.pos -= 1;
                (3, 8, 0xff)
            }
            Some('x') => (2, 16, 0xff),
            Some('u') => (4, 16, 0x10_ffff),
            Some('U') => (8, 16, 0x10_ffff),
            None => return self.error("escape sequence not terminated"),
            Some(c) => return self.error(format!("unknown escape sequence {}", described(c))),
        };
        let mut value: u32 = 0;
        for _ in 0..digits {
            let digit = match self.bump() {
                None => return self.error("escape sequence not terminated"),
                Some(c) => match c.to_digit(radix) {
                    Some(digit) => digit,
                    None => {
                        return self.error(format!(
                            "illegal character {} in escape sequence",
                            described(c)
                        ));
                    }
                },
            };
            value = value.wrapping_mul(radix).wrapping_add(digit);
        }
        if value > max || (0xd800..0xe000).contains(&value) {
            return self.error("escape sequence is an invalid Unicode code point");
        }
        Ok(())
    }
}

fn arithmetic(c: char) -> TokenKind {
    TokenKind::Operator(match c {
        '+' => BinaryOp::Add,
        '-' => BinaryOp::Sub,
        '*' => BinaryOp::Mul,
        '/' => BinaryOp::Div,
        '%' => BinaryOp::Mod,
        _ => BinaryOp::Pow,
    })
}

fn is_alpha(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}
