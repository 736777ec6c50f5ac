//! What follows an expression without an operator: ranges, `offset`, `@` and their like.

use super::{Node, ParseError, Parser, duration};
use crate::ast::{
    AtModifier, DurationArg, ExprKind, MatrixSelector, RangeEdges, Span, Subquery, TimeShift,
};
use crate::lexer::{Keyword, Token, TokenKind};

impl Parser<'_> {
    /// An expression with all that is appended to it.
    pub(super) fn postfix(&mut self) -> Result<Node, ParseError> {
        let mut node = self.primary()?;
        while matches!(
            self.peek()?.kind,
            TokenKind::LeftBracket
                | TokenKind::At
                | TokenKind::Keyword(Keyword::Offset | Keyword::Anchored | Keyword::Smoothed)
        ) {
            node = self.append(node)?;
        }
        Ok(node)
    }

    fn append(&mut self, node: Node) -> Result<Node, ParseError> {
        match self.peek()?.kind {
            TokenKind::LeftBracket => self.range(node),
            TokenKind::At => self.at_modifier(node),
            TokenKind::Keyword(Keyword::Offset) => self.offset(node),
            TokenKind::Keyword(Keyword::Anchored) => self.edges(node, RangeEdges::Anchored),
            _ => self.edges(node, RangeEdges::Smoothed),
        }
    }

    /// `[5m]` or `[1h:5m]`.
    fn range(&mut self, inner: Node) -> Result<Node, ParseError> {
        let open = self.advance()?;
        let range = self.wanting(
            "subquery or range selector",
            "number, duration, step(), or range()",
            Self::positive_duration,
        )?;
        match self.peek()?.kind {
            TokenKind::RightBracket => {
                self.advance()?;
                self.matrix_selector(inner, open, range)
            }
            TokenKind::Colon => {
                self.advance()?;
                self.subquery(inner, range)
            }
            _ => self.unexpected_in("subquery or range", "\":\" or \"]\""),
        }
    }

    fn matrix_selector(
        &mut self,
        inner: Node,
        open: Token,
        range: DurationArg,
    ) -> Result<Node, ParseError> {
        let span = Span {
            start: inner.expr.span.start,
            end: self.end,
        };
        let brackets = Span {
            start: open.span.start,
            end: self.end,
        };
        let ExprKind::VectorSelector(selector) = inner.expr.kind else {
            return self.error(brackets, "ranges only allowed for vector selectors");
        };
        if selector.shift.offset.is_some() {
            return self.error(brackets, "no offset modifiers allowed before range");
        }
        if selector.shift.at.is_some() {
            return self.error(brackets, "no @ modifiers allowed before range");
        }
        let matrix = MatrixSelector {
            selector,
            selector_span: inner.expr.span,
            range,
        };
        self.node(ExprKind::MatrixSelector(matrix), span, inner.height)
    }

    fn subquery(&mut self, inner: Node, range: DurationArg) -> Result<Node, ParseError> {
        let step = if self.take(TokenKind::RightBracket)? {
            None
        } else {
            let step = self.wanting(
                "subquery selector",
                "number, duration, step(), range(), or \"]\"",
                Self::positive_duration,
            )?;
            if !self.take(TokenKind::RightBracket)? {
                return self.unexpected_in("subquery selector", "\"]\"");
            }
            Some(step)
        };
        let span = Span {
            start: inner.expr.span.start,
            end: self.end,
        };
        let subquery = Subquery {
            expr: inner.expr,
            range,
            step,
            shift: TimeShift::default(),
        };
        self.node(ExprKind::Subquery(Box::new(subquery)), span, inner.height)
    }

    fn positive_duration(&mut self) -> Result<DurationArg, ParseError> {
        let duration = self.duration_expression(0)?;
        match duration::literal(&duration) {
            Some(value) if value <= 0.0 => {
                self.error(duration.span, "duration must be greater than 0")
            }
            _ => Ok(duration::argument(duration)),
        }
    }

    fn offset(&mut self, mut node: Node) -> Result<Node, ParseError> {
        self.advance()?;
        let offset = self.wanting(
            "offset",
            "number, duration, step(), or range()",
            Self::offset_duration,
        )?;
        let span = node.expr.span;
        let Some(shift) = node.expr.shift_mut() else {
            return self.error(
                span,
                "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            );
        };
        if shift.offset.is_some() {
            return self.error(span, "offset may not be set multiple times");
        }
        // No offset and one of no time are the same.
        shift.offset = Some(offset).filter(|offset| *offset != DurationArg::Fixed(0));
        node.expr.span.end = self.end;
        Ok(node)
    }

    fn at_modifier(&mut self, mut node: Node) -> Result<Node, ParseError> {
        self.advance()?;
        let span = node.expr.span;
        let at = self.wanting("@", "timestamp", |parser| parser.at_time(span))?;
        let Some(shift) = node.expr.shift_mut() else {
            return self.error(
                span,
                "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            );
        };
        if shift.at.is_some() {
            return self.error(span, "@ <timestamp> may not be set multiple times");
        }
        shift.at = Some(at);
        node.expr.span.end = self.end;
        Ok(node)
    }

    fn at_time(&mut self, span: Span) -> Result<AtModifier, ParseError> {
        let preprocessor = match self.peek()?.kind {
            TokenKind::Keyword(Keyword::Start) => AtModifier::Start,
            TokenKind::Keyword(Keyword::End) => AtModifier::End,
            _ => {
                let seconds = self.signed_number()?;
                return match timestamp_ms(seconds) {
                    Some(timestamp_ms) => Ok(AtModifier::Timestamp(timestamp_ms)),
                    None => self.error(
                        span,
                        format!(
                            "timestamp out of bounds for @ modifier: {}",
                            out_of_bounds(seconds)
                        ),
                    ),
                };
            }
        };
        self.advance()?;
        self.expect(TokenKind::LeftParen)?;
        self.expect(TokenKind::RightParen)?;
        Ok(preprocessor)
    }

    fn edges(&mut self, mut node: Node, edges: RangeEdges) -> Result<Node, ParseError> {
        let keyword = self.advance()?;
        let span = node.expr.span;
        let name = keyword.text(self.input()).to_ascii_lowercase();
        if !self.options.extended_range_selectors {
            let message = format!("{name} modifier is experimental and not enabled");
            return self.error(span, message);
        }
        if matches!(node.expr.kind, ExprKind::Subquery(_)) {
            let message = format!("{name} modifier is not supported for subqueries");
            return self.error(span, message);
        }
        let Some(held) = node.expr.edges_mut() else {
            return self.error(span, format!("{name} modifier not implemented"));
        };
        if *held != RangeEdges::Plain && *held != edges {
            return self.error(
                span,
                "anchored and smoothed modifiers cannot be used together",
            );
        }
        *held = edges;
        node.expr.span.end = self.end;
        Ok(node)
    }
}

/// `None` where the time does not fit.
fn timestamp_ms(seconds: f64) -> Option<i64> {
    // 2^63, the first number that is too large, is exact in both types.
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    if seconds.is_nan() || seconds.abs() >= BOUND {
        return None;
    }
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a cast from floating point saturates, which is what is wanted"
    )]
    Some((seconds * 1_000.0).round() as i64)
}

fn out_of_bounds(seconds: f64) -> String {
    if seconds.is_finite() {
        format!("{seconds:.6}")
    } else {
        crate::printer::format_float(seconds)
    }
}
