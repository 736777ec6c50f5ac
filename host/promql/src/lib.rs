//! PromQL: text to tree to numbers.
//!
//! It is not: a server. Nothing here reads a clock, a file or a socket; what to read comes
//! through [`narthex_storage::Queryable`], and evaluation itself is synchronous.

pub mod ast;
pub mod functions;

