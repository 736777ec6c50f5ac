//! Selectors of series.

use narthex_model::{METRIC_NAME, MatchOp, Matcher};

use super::{Node, ParseError, Parser};
use crate::ast::{BinaryOp, ExprKind, RangeEdges, Span, TimeShift, VectorSelector};
use crate::lexer::{Token, TokenKind};

impl Parser<'_> {
    /// A selector whose name, if it has one before the braces, is consumed.
    pub(super) fn vector_selector(&mut self, name: Option<Token>) -> Result<Node, ParseError> {
        let start = match name {
            Some(name) => name.span.start,
            None => self.peek()?.span.start,
        };
        let (name, matchers) = self.selector(name)?;
        let selector = VectorSelector {
            name,
            matchers: matchers.into(),
            shift: TimeShift::default(),
            edges: RangeEdges::Plain,
        };
        let span = Span {
            start,
            end: self.end,
        };
        self.node(ExprKind::VectorSelector(selector), span, 0)
    }

    /// A selector alone.
    pub(super) fn metric_selector(&mut self) -> Result<Vec<Matcher>, ParseError> {
        let token = self.peek()?;
        let name = match token.kind {
            TokenKind::LeftBrace => None,
            kind if kind.is_metric_name() => Some(self.advance()?),
            _ => return self.unexpected(),
        };
        Ok(self.selector(name)?.1)
    }

    fn selector(
        &mut self,
        name: Option<Token>,
    ) -> Result<(Option<String>, Vec<Matcher>), ParseError> {
        let name = name.map(|token| token.text(self.input()).to_owned());
        let mut matchers = Vec::new();
        matchers.extend(
            name.as_ref()
                .map(|name| Matcher::equal(METRIC_NAME, name.clone())),
        );
        if self.take(TokenKind::LeftBrace)? {
            self.label_matchers(&mut matchers)?;
        }
        Ok((name, matchers))
    }

    /// What stands in braces, the right one included.
    fn label_matchers(&mut self, matchers: &mut Vec<Matcher>) -> Result<(), ParseError> {
        const CONTEXT: &str = "label matching";
        if self.take(TokenKind::RightBrace)? {
            return Ok(());
        }
        loop {
            let token = self.peek()?;
            match token.kind {
                TokenKind::Identifier | TokenKind::String => {}
                _ => return self.unexpected_in(CONTEXT, "identifier or \"}\""),
            }
            self.advance()?;
            matchers.push(self.label_matcher(token)?);
            if self.take(TokenKind::RightBrace)? {
                return Ok(());
            }
            if !self.take(TokenKind::Comma)? {
                return self.unexpected_in(CONTEXT, "\",\" or \"}\"");
            }
            if self.take(TokenKind::RightBrace)? {
                return Ok(());
            }
        }
    }

    /// The labels in braces of a series that is described, not selected.
    pub(crate) fn label_set(
        &mut self,
        labels: &mut Vec<(String, String)>,
    ) -> Result<(), ParseError> {
        const CONTEXT: &str = "label set";
        self.expect(TokenKind::LeftBrace)?;
        while !self.take(TokenKind::RightBrace)? {
            let token = self.peek()?;
            let quoted = token.kind == TokenKind::String;
            if !quoted && token.kind != TokenKind::Identifier {
                return self.unexpected_in(CONTEXT, "identifier or \"}\"");
            }
            self.advance()?;
            let name = if quoted {
                self.unquoted(token)?
            } else {
                token.text(self.input()).to_owned()
            };
            if self.take(TokenKind::Equal)? {
                let value = self.peek()?;
                if value.kind != TokenKind::String {
                    return self.unexpected_in(CONTEXT, "string");
                }
                self.advance()?;
                labels.push((name, self.unquoted(value)?));
            } else if quoted {
                labels.push((METRIC_NAME.to_owned(), name));
            } else {
                return self.unexpected_in(CONTEXT, "\"=\"");
            }
            if !self.at(TokenKind::RightBrace)? && !self.take(TokenKind::Comma)? {
                return self.unexpected_in(CONTEXT, "\",\" or \"}\"");
            }
        }
        Ok(())
    }

    /// A matcher whose name is consumed, or the quoted name of a metric.
    fn label_matcher(&mut self, name: Token) -> Result<Matcher, ParseError> {
        const CONTEXT: &str = "label matching";
        let quoted = name.kind == TokenKind::String;
        let label = if quoted {
            self.unquoted(name)?
        } else {
            name.text(self.input()).to_owned()
        };
        let op = match self.peek()?.kind {
            TokenKind::Equal => MatchOp::Equal,
            TokenKind::Operator(BinaryOp::Neq) => MatchOp::NotEqual,
            TokenKind::EqualRegex => MatchOp::Regex,
            TokenKind::NotEqualRegex => MatchOp::NotRegex,
            _ if quoted => return Ok(Matcher::equal(METRIC_NAME, label)),
            _ => return self.unexpected_in(CONTEXT, "label matching operator"),
        };
        self.advance()?;
        let value = self.peek()?;
        if value.kind != TokenKind::String {
            return self.unexpected_in(CONTEXT, "string");
        }
        self.advance()?;
        let text = self.unquoted(value)?;
        let span = Span {
            start: name.span.start,
            end: value.span.end,
        };
        match Matcher::new(label, op, text.clone()) {
            Ok(matcher) => Ok(matcher),
            Err(error) => self.error(span, regexp_fault(&text, error.reason())),
        }
    }
}

/// What is wrong with a regular expression, in the words of Go where it has the same fault.
fn regexp_fault(pattern: &str, error: &str) -> String {
    let reason = error.rsplit("error: ").next().unwrap_or(error).trim();
    // One that is Go's own shows the part that is meant.
    if reason.ends_with('`') {
        return format!("error parsing regexp: {reason}");
    }
    let reason = match reason {
        "unclosed group" => "missing closing )",
        "unopened group" => "unexpected )",
        "unclosed character class" => "missing closing ]",
        "repetition operator missing expression" => "missing argument to repetition operator",
        // It would take more memory than an expression may.
        "error building NFA" => "expression too large",
        other => other,
    };
    format!("error parsing regexp: {reason}: `{pattern}`")
}
