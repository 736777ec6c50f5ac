//! Commands and what they are made of: constants, fields, variables, functions, parentheses.

use std::sync::Arc;

use super::{Parsed, Parser};
use crate::lexer::{Kind, Token};
use crate::node::{Command, Expr, ExprKind, Number};
use crate::quote::{quoted, unquoted, unquoted_char};

/// Whether a command can take the result of another.
pub(super) fn is_executable(command: &Command) -> bool {
    !matches!(
        command.words.first().map(|word| &word.kind),
        Some(
            ExprKind::Bool(_)
                | ExprKind::Dot
                | ExprKind::Nil
                | ExprKind::Number(_)
                | ExprKind::String(..)
        )
    )
}

impl Parser<'_> {
    pub(super) fn command(&mut self) -> Parsed<Command> {
        let mut command = Command {
            at: self.tokens.peek_non_space().at,
            words: Vec::new(),
        };
        loop {
            self.tokens.peek_non_space();
            if let Some(word) = self.operand()? {
                command.words.push(word);
            }
            let token = self.tokens.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.tokens.put_back(token),
                Kind::Pipe => {}
                _ => return self.unexpected(&token, "operand"),
            }
            break;
        }
        if command.words.is_empty() {
            return self.error("empty command");
        }
        Ok(command)
    }

    /// A term and the fields behind it.
    fn operand(&mut self) -> Parsed<Option<Expr>> {
        let Some(mut term) = self.term()? else {
            return Ok(None);
        };
        let first = self.tokens.peek();
        if first.kind != Kind::Field {
            return Ok(Some(term));
        }
        let mut fields = Vec::new();
        while self.tokens.peek().kind == Kind::Field {
            let token = self.tokens.next();
            fields.push(token.text.trim_start_matches('.').to_owned());
        }
        match &mut term.kind {
            ExprKind::Field(names) | ExprKind::Variable(_, names) => {
                names.append(&mut fields);
                term.at = first.at;
            }
            ExprKind::Bool(_)
            | ExprKind::String(..)
            | ExprKind::Number(_)
            | ExprKind::Nil
            | ExprKind::Dot => {
                let term = quoted(&term.to_string());
                return self.error(format!("unexpected . after term {term}"));
            }
            ExprKind::Identifier(_) | ExprKind::Chain(..) | ExprKind::Pipe(_) => {
                term = Expr {
                    at: first.at,
                    kind: ExprKind::Chain(Box::new(term), fields),
                };
            }
        }
        Ok(Some(term))
    }

    fn term(&mut self) -> Parsed<Option<Expr>> {
        let token = self.tokens.next_non_space();
        let kind = match token.kind {
            Kind::Identifier => {
                if !self.is_function(token.text) {
                    let name = quoted(token.text);
                    return self.error(format!("function {name} not defined"));
                }
                ExprKind::Identifier(token.text.to_owned())
            }
            Kind::Dot => ExprKind::Dot,
            Kind::Nil => ExprKind::Nil,
            Kind::Bool => ExprKind::Bool(token.text == "true"),
            Kind::Variable => {
                if !self.scope.variables.iter().any(|name| name == token.text) {
                    let name = quoted(token.text);
                    return self.error(format!("undefined variable {name}"));
                }
                ExprKind::Variable(token.text.to_owned(), Vec::new())
            }
            Kind::Field => {
                let name = token.text.trim_start_matches('.');
                ExprKind::Field(vec![name.to_owned()])
            }
            Kind::CharConstant | Kind::Complex | Kind::Number => match number(&token) {
                Ok(number) => ExprKind::Number(number),
                Err(error) => return self.error(error),
            },
            Kind::LeftParen => {
                let pipe = self.nested(|p| p.pipe("parenthesized pipeline", Kind::RightParen))?;
                return Ok(Some(Expr {
                    at: pipe.at,
                    kind: ExprKind::Pipe(pipe),
                }));
            }
            Kind::String | Kind::RawString => match unquoted(token.text) {
                Some(text) => ExprKind::String(token.text.to_owned(), Arc::from(text)),
                None => return self.error("invalid syntax"),
            },
            _ => {
                self.tokens.put_back(token);
                return Ok(None);
            }
        };
        Ok(Some(Expr { at: token.at, kind }))
    }
}

/// What a constant can be read as.
fn number(token: &Token<'_>) -> Result<Number, String> {
    let text = token.text;
    let with = |int, float| {
        Ok(Number {
            text: text.to_owned(),
            int,
            float,
        })
    };
    match token.kind {
        Kind::CharConstant => {
            let c = unquoted_char(text)
                .ok_or_else(|| format!("malformed character constant: {text}"))?;
            let code = u32::from(c);
            return with(Some(i64::from(code)), Some(f64::from(code)));
        }
        Kind::Complex => return Err(format!("complex numbers are not supported: {text}")),
        _ if text.ends_with('i') => {
            return Err(format!("complex numbers are not supported: {text}"));
        }
        _ => {}
    }
    if let Some(int) = integer(text) {
        let int = int?;
        return with(i64::try_from(int).ok(), Some(int as f64));
    }
    let illegal = || format!("illegal number syntax: {}", quoted(text));
    if !text.contains(['.', 'e', 'E', 'p', 'P']) {
        return Err(format!("integer overflow: {}", quoted(text)));
    }
    let plain = without_underscores(text).ok_or_else(illegal)?;
    let float: f64 = plain.parse().map_err(|_| illegal())?;
    if float.is_infinite() {
        return Err(illegal());
    }
    // A float with the value of a whole number can be used as one.
    let is_whole = float.fract() == 0.0 && float.abs() < 9.3e18;
    #[allow(clippy::cast_possible_truncation, reason = "whole and within 64 bits")]
    let int = is_whole.then_some(float as i64);
    with(int, Some(float))
}

/// A whole number with the prefixes of Go; `None` where it is not written as one.
fn integer(text: &str) -> Option<Result<i128, String>> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if digits.is_empty() || !digits.chars().all(|c| c == '_' || c.is_digit(base)) {
        return None;
    }
    let digits = digits.replace('_', "");
    let overflow = || format!("integer overflow: {}", quoted(text));
    let size = u64::from_str_radix(&digits, base).map_err(|_| overflow());
    Some(size.and_then(|size| {
        let number = if is_negative {
            -i128::from(size)
        } else {
            i128::from(size)
        };
        if number < i128::from(i64::MIN) {
            return Err(overflow());
        }
        Ok(number)
    }))
}

/// Underscores may stand between digits only.
fn without_underscores(text: &str) -> Option<String> {
    let is_fine = !text.starts_with('_') && !text.ends_with('_') && !text.contains("__");
    is_fine.then(|| text.replace('_', ""))
}
