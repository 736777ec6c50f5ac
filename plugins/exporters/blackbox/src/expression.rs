//! A regular expression of the configuration.

use narthex_sdk::Error;
use regex_lite::{Captures, Regex};
use serde::Deserialize;

/// An expression, read when the configuration is.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Expression(Regex);

impl TryFrom<String> for Expression {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let regex = Regex::new(&text);
        regex
            .map(Self)
            .map_err(|error| format!("{text:?} is no regular expression: {error}"))
    }
}

impl Expression {
    /// Whether it is found anywhere in the text.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// What it finds, with its groups.
    pub(crate) fn find<'t>(&self, text: &'t str) -> Option<Captures<'t>> {
        self.0.captures(text)
    }
}

impl std::fmt::Display for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0.as_str())
    }
}

/// An error of the configuration.
pub(crate) fn fault(text: impl Into<String>) -> Error {
    Error::Config(text.into())
}
