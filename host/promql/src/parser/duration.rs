//! Arithmetic where a duration is expected.

use super::{ParseError, Parser, binary};
use crate::ast::{BinaryOp, DurationArg, DurationExpr, DurationExprKind, Span, UnaryOp};
use crate::lexer::{Keyword, TokenKind};

/// More seconds than this do not fit 63 bits of nanoseconds.
const SECONDS_MAX: f64 = 9_223_372_036.854_775;

/// The value of a plain number or duration, signed or not.
pub(super) fn literal(expr: &DurationExpr) -> Option<f64> {
    match expr.kind {
        DurationExprKind::Number(number) if !expr.wrapped => Some(number.value),
        _ => None,
    }
}

/// A plain number becomes milliseconds, all else is computed later.
pub(super) fn argument(expr: DurationExpr) -> DurationArg {
    match literal(&expr) {
        #[allow(
            clippy::cast_possible_truncation,
            reason = "the parser keeps literals below 2^63 nanoseconds"
        )]
        Some(seconds) => DurationArg::Fixed(((seconds * 1e9).round() / 1e6).trunc() as i64),
        None => DurationArg::Computed(Box::new(expr)),
    }
}

impl Parser<'_> {
    /// An expression of operators that bind at least as strongly as `binding`.
    pub(super) fn duration_expression(&mut self, binding: u8) -> Result<DurationExpr, ParseError> {
        self.nested(|parser| {
            let mut left = parser.duration_operand()?;
            while let TokenKind::Operator(op) = parser.peek()?.kind {
                if !is_arithmetic(op) || binary::binding(op) < binding {
                    break;
                }
                left = parser.duration_binary(left, op)?;
            }
            Ok(left)
        })
    }

    fn duration_binary(
        &mut self,
        left: DurationExpr,
        op: BinaryOp,
    ) -> Result<DurationExpr, ParseError> {
        let token = self.advance()?;
        self.duration_operators += 1;
        if self.duration_operators > super::TREE_HEIGHT_MAX {
            let message = format!(
                "durations have too many operators, at most {} are allowed",
                super::TREE_HEIGHT_MAX
            );
            return self.error(token.span, message);
        }
        let right_binding = binary::binding(op) + u8::from(op != BinaryOp::Pow);
        let right = self.duration_expression(right_binding)?;
        self.computed_durations_enabled(left.span)?;
        if literal(&right) == Some(0.0) {
            match op {
                BinaryOp::Div => return self.error(token.span, "division by zero"),
                BinaryOp::Mod => return self.error(token.span, "modulo by zero"),
                _ => {}
            }
        }
        let span = Span {
            start: left.span.start,
            end: right.span.end,
        };
        let kind = DurationExprKind::Binary(op, Box::new(left), Box::new(right));
        Ok(computed(kind, span))
    }

    fn duration_operand(&mut self) -> Result<DurationExpr, ParseError> {
        let Some((op, start)) = self.duration_sign()? else {
            return self.duration_primary();
        };
        let operand = self.duration_expression(binary::binding(BinaryOp::Pow))?;
        Ok(signed(op, start, operand))
    }

    /// What follows `offset`. A sign or a literal ends it: `offset 5m + 3` adds 3 to the
    /// selected values.
    pub(super) fn offset_duration(&mut self) -> Result<DurationArg, ParseError> {
        let duration = if let Some((op, start)) = self.duration_sign()? {
            let operand = match self.peek()?.kind {
                TokenKind::Operator(_) => self.duration_operand()?,
                // Here alone parentheses need no feature to be enabled.
                TokenKind::LeftParen => self.duration_paren()?,
                TokenKind::Keyword(keyword) if keyword.is_function() => {
                    self.duration_function(keyword, Some(start))?
                }
                _ => self.duration_primary()?,
            };
            signed(op, start, operand)
        } else if self.at(TokenKind::LeftParen)? {
            self.duration_expression(0)?
        } else {
            self.duration_primary()?
        };
        Ok(argument(duration))
    }

    fn duration_sign(&mut self) -> Result<Option<(UnaryOp, usize)>, ParseError> {
        let token = self.peek()?;
        let op = match token.kind {
            TokenKind::Operator(BinaryOp::Add) => UnaryOp::Plus,
            TokenKind::Operator(BinaryOp::Sub) => UnaryOp::Minus,
            _ => return Ok(None),
        };
        self.advance()?;
        Ok(Some((op, token.span.start)))
    }

    fn duration_primary(&mut self) -> Result<DurationExpr, ParseError> {
        let token = self.peek()?;
        match token.kind {
            TokenKind::Number | TokenKind::Duration => {
                let number = self.number_literal()?;
                if number.value.is_nan() || number.value.abs() > SECONDS_MAX {
                    return self.error(token.span, "duration out of range");
                }
                Ok(computed(DurationExprKind::Number(number), token.span))
            }
            TokenKind::Keyword(keyword) if keyword.is_function() => {
                self.duration_function(keyword, None)
            }
            TokenKind::LeftParen => {
                let inner = self.duration_paren()?;
                self.computed_durations_enabled(inner.span)?;
                Ok(inner)
            }
            _ => self.unexpected(),
        }
    }

    fn duration_paren(&mut self) -> Result<DurationExpr, ParseError> {
        self.advance()?;
        let mut inner = self.duration_expression(0)?;
        self.expect(TokenKind::RightParen)?;
        inner.wrapped = true;
        Ok(inner)
    }

    /// `step()` and its like; `sign` is where a sign before it stands.
    fn duration_function(
        &mut self,
        keyword: Keyword,
        sign: Option<usize>,
    ) -> Result<DurationExpr, ParseError> {
        if matches!(keyword, Keyword::Start | Keyword::End) {
            return self.unexpected();
        }
        let start = self.advance()?.span.start;
        self.expect(TokenKind::LeftParen)?;
        let kind = match keyword {
            Keyword::Step => DurationExprKind::Step,
            Keyword::Range => DurationExprKind::Range,
            _ => {
                let first = Box::new(self.duration_expression(0)?);
                self.expect(TokenKind::Comma)?;
                let second = Box::new(self.duration_expression(0)?);
                if keyword == Keyword::MinOf {
                    DurationExprKind::MinOf(first, second)
                } else {
                    DurationExprKind::MaxOf(first, second)
                }
            }
        };
        self.expect(TokenKind::RightParen)?;
        let span = Span {
            start,
            end: self.end,
        };
        self.computed_durations_enabled(Span {
            start: sign.unwrap_or(start),
            ..span
        })?;
        Ok(computed(kind, span))
    }

    fn computed_durations_enabled(&self, span: Span) -> Result<(), ParseError> {
        if self.options.duration_expressions {
            Ok(())
        } else {
            self.error(span, "experimental duration expression is not enabled")
        }
    }
}

fn is_arithmetic(op: BinaryOp) -> bool {
    matches!(
        op,
        BinaryOp::Add
            | BinaryOp::Sub
            | BinaryOp::Mul
            | BinaryOp::Div
            | BinaryOp::Mod
            | BinaryOp::Pow
    )
}

fn computed(kind: DurationExprKind, span: Span) -> DurationExpr {
    DurationExpr {
        kind,
        span,
        wrapped: false,
    }
}

/// A sign is folded into a literal; a plus leaves no trace at all.
fn signed(op: UnaryOp, start: usize, mut operand: DurationExpr) -> DurationExpr {
    let span = Span {
        start,
        end: operand.span.end,
    };
    match (op, &mut operand.kind) {
        (UnaryOp::Plus, _) => operand,
        (UnaryOp::Minus, DurationExprKind::Number(number)) if !operand.wrapped => {
            number.value = -number.value;
            operand.span = span;
            operand
        }
        (UnaryOp::Minus, _) => computed(DurationExprKind::Unary(op, Box::new(operand)), span),
    }
}
