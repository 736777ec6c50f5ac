//! Aggregations, and the label lists of `by`, `on` and their like.

use super::{Node, ParseError, Parser};
use crate::ast::{Aggregate, AggregateOp, ExprKind, Grouping, Span};
use crate::lexer::{Keyword, Token, TokenKind};
use crate::printer::quote;

impl Parser<'_> {
    /// Whether the name of an aggregation, just consumed, begins one.
    pub(super) fn aggregate_follows(&mut self) -> Result<bool, ParseError> {
        Ok(matches!(
            self.peek()?.kind,
            TokenKind::LeftParen | TokenKind::Keyword(Keyword::By | Keyword::Without)
        ))
    }

    /// What follows the name of an aggregation.
    pub(super) fn aggregate(&mut self, op: AggregateOp, name: Token) -> Result<Node, ParseError> {
        self.wanting("aggregation", "", |parser| parser.aggregate_body(op, name))
    }

    fn aggregate_body(&mut self, op: AggregateOp, name: Token) -> Result<Node, ParseError> {
        let before = self.grouping()?;
        let (mut args, height) = self.call_args()?;
        let grouping = match before {
            Some(grouping) => grouping,
            None => self.grouping()?.unwrap_or_default(),
        };
        let span = Span {
            start: name.span.start,
            end: self.end,
        };
        if args.is_empty() {
            return self.error(span, "no arguments for aggregate expression provided");
        }
        if op.is_experimental() && !self.options.experimental_functions {
            let message = format!(
                "{op}() is experimental and must be enabled with --enable-feature=promql-experimental-functions"
            );
            return self.error(span, message);
        }
        let wanted = if op.has_param() { 2 } else { 1 };
        let (Some(expr), true) = (args.pop(), args.len() + 1 == wanted) else {
            let message = format!(
                "wrong number of arguments for aggregate expression provided, expected {wanted}, got {}",
                args.len() + 1
            );
            return self.error(span, message);
        };
        let aggregate = Aggregate {
            op,
            expr,
            param: args.pop(),
            grouping,
        };
        self.node(ExprKind::Aggregate(Box::new(aggregate)), span, height)
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, ParseError> {
        let without = match self.peek()?.kind {
            TokenKind::Keyword(Keyword::By) => false,
            TokenKind::Keyword(Keyword::Without) => true,
            _ => return Ok(None),
        };
        self.advance()?;
        let labels = self.grouping_labels()?;
        Ok(Some(Grouping { without, labels }))
    }

    /// `(a, b)`: names of labels, keywords and quoted names included.
    pub(super) fn grouping_labels(&mut self) -> Result<Vec<String>, ParseError> {
        const CONTEXT: &str = "grouping opts";
        if !self.take(TokenKind::LeftParen)? {
            return self.unexpected_in(CONTEXT, "\"(\"");
        }
        let mut labels = Vec::new();
        while !self.take(TokenKind::RightParen)? {
            if !labels.is_empty() {
                if !self.take(TokenKind::Comma)? {
                    return self.unexpected_in(CONTEXT, "\",\" or \")\"");
                }
                if self.take(TokenKind::RightParen)? {
                    break;
                }
            }
            let token = self.peek()?;
            let label = if token.kind == TokenKind::String {
                self.advance()?;
                self.unquoted(token)?
            } else if token.kind.is_label_name() {
                self.advance()?;
                token.text(self.input()).to_owned()
            } else {
                return self.unexpected_in(CONTEXT, "label");
            };
            if label.is_empty() || crate::ast::has_invalid_bytes(&label) {
                let message = format!("invalid label name for grouping: {}", quote(&label));
                return self.error(token.span, message);
            }
            labels.push(label);
        }
        Ok(labels)
    }
}
