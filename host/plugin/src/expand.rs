//! How a receiver's call has texts of the configuration expanded.
//!
//! It is not: templates. `notification_texts` expands by them.

use std::fmt;

/// What a text is to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextForm {
    /// A text, as Go's `text/template` makes it.
    Plain,
    /// HTML, as Go's `html/template` makes it: what is inserted is escaped.
    Html,
}

/// Expands texts with one notification. Its calls come on a thread that may be blocked, and one
/// has to end by itself, however the text is made: nobody can stop it.
pub trait Expand: Send + Sync + fmt::Debug {
    /// Expands a text.
    ///
    /// # Errors
    /// It is no template, or fails; the reason is for the operator.
    fn expand(&self, template: &str, form: TextForm) -> Result<String, String>;
}
