//! The functions that a template may call besides those of the language.

use crate::value::{Signature, Value};

/// A set of functions: a table of names, and calls.
pub trait Functions {
    /// What a function takes, or `None` where there is no such function. The answer for a name
    /// never changes: a template is parsed against it once and executed many times.
    fn signature(&self, name: &str) -> Option<&'static Signature>;

    /// Calls a function. The arguments have been checked against its signature.
    ///
    /// # Errors
    ///
    /// What the function says is wrong; the place is put in front of it.
    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, String>;
}

/// Only what the language itself has.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFunctions;

impl Functions for NoFunctions {
    fn signature(&self, _: &str) -> Option<&'static Signature> {
        None
    }

    fn call(&self, name: &str, _: &[Value]) -> Result<Value, String> {
        Err(format!("{name:?} is not a defined function"))
    }
}
