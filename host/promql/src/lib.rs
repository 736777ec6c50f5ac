//! PromQL: text to tree to numbers.
//!
//! It is not: a server. Nothing here reads a clock, a file or a socket; what to read comes
//! through [`narthex_storage::Queryable`], and evaluation itself is synchronous.

pub mod ast;
pub mod functions;
mod lexer;
pub mod parser;
pub mod printer;
mod types;

pub use parser::{ParseError, ParseOptions, parse, parse_metric_selector};
pub use printer::pretty;
