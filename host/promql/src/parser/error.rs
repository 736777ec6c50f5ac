//! What is wrong with a query, and where.

use crate::ast::Span;

/// The first fault of a query. Its `Display` is the text that the API gives:
/// `1:5: parse error: ...`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: parse error: {message}")]
pub struct ParseError {
    /// What is wrong, without the place.
    pub message: String,
    /// The bytes of the query it is about.
    pub span: Span,
    /// `line:column`, as Prometheus counts them.
    position: String,
}

impl ParseError {
    pub(crate) fn new(query: &str, span: Span, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            span,
            position: span.position(query),
        }
    }
}
