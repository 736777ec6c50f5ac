//! The numbers and durations of a query, as far as the lexer must know them: where they end.

use super::{Lexer, TokenKind, is_word};
use crate::parser::ParseError;

const DECIMAL: &[u8] = b"0123456789";
const HEXADECIMAL: &[u8] = b"0123456789abcdefABCDEF";

impl Lexer<'_> {
    /// A number or duration whose first byte is read.
    pub(super) fn number_or_duration(&mut self) -> Result<TokenKind, ParseError> {
        self.pos = self.start;
        if self.number() {
            return Ok(TokenKind::Number);
        }
        if self.rest_of_duration() {
            return Ok(TokenKind::Duration);
        }
        let read = crate::printer::quote(&self.input()[self.start..self.pos]);
        self.error(format!("bad number or duration syntax: {read}"))
    }

    /// Reads a number of any notation. What is read need not be a valid number, but what is
    /// not read cannot belong to one.
    fn number(&mut self) -> bool {
        let begin = self.pos;
        let mut digits = DECIMAL;
        if self.accept(b"0") && self.accept(b"xX") {
            self.accept(b"_");
            digits = HEXADECIMAL;
        }
        self.accept(b".");
        self.accept(digits);
        let (mut dot, mut exponent) = (false, false);
        while let Some(byte) = self.peek_byte() {
            match byte {
                b'.' => {
                    self.pos += 1;
                    if dot || self.accept(b"_.") || digits.len() > DECIMAL.len() {
                        return false;
                    }
                    dot = true;
                }
                b'e' | b'E' => {
                    self.pos += 1;
                    if exponent {
                        return false;
                    }
                    exponent = true;
                    self.accept(b"+-");
                    if self.accept(b"._eE") || self.peek_byte().is_none() {
                        return false;
                    }
                }
                b'_' => {
                    self.pos += 1;
                    if self.accept(b"._eE") || self.peek_byte().is_none() {
                        return false;
                    }
                }
                // An `e` behind another hexadecimal digit is a digit as well.
                _ if digits.contains(&byte) => while self.accept(digits) {},
                _ => break,
            }
        }
        self.pos != begin && !self.peek_byte().is_some_and(is_word)
    }

    /// Reads the units, and the numbers after the first one, of a duration.
    fn rest_of_duration(&mut self) -> bool {
        if !self.accept(b"smhdwy") {
            return false;
        }
        self.accept(b"s");
        while self.accept(DECIMAL) {
            while self.accept(DECIMAL) {}
            if !self.accept(b"smhdw") {
                return false;
            }
            self.accept(b"s");
        }
        let ends = !self.peek_byte().is_some_and(is_word);
        if !ends {
            self.pos += 1;
        }
        ends
    }
}
