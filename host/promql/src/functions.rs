//! The table of functions: what each takes and gives.

use crate::ast::ValueType;

/// A function's signature.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// The name in a query.
    pub name: &'static str,
    /// The types of its arguments.
    pub args: &'static [ValueType],
    /// 0: takes exactly `args`. n > 0: the last argument may be left out or repeated up to n
    /// times in all. -1: the last argument may be left out or repeated without end.
    pub variadic: i32,
    /// What it gives.
    pub returns: ValueType,
    /// Only there with `--enable-feature=promql-experimental-functions`.
    pub experimental: bool,
}
