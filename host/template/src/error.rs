//! What is wrong with a template, in Go's words, since users know them.

/// Why a text is not a template: `template: name:line: what`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(pub(crate) String);

/// Why a template could not be executed: `template: name:line:column: executing "name" at <node>:
/// what`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExecuteError(pub(crate) String);
