//! What becomes of an evaluation whose queries a part of the store did not answer.
//!
//! It is not: how a store finds out that a part of it is away.

use std::borrow::Cow;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// A group's `partial_response_strategy`, a field of Thanos' rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartialResponse {
    /// It goes on with what was answered.
    Warn,
    /// It fails, and alerts stay as they are.
    Abort,
}

impl PartialResponse {
    /// The name in the API, as Thanos has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "WARN",
            Self::Abort => "ABORT",
        }
    }
}

impl FromStr for PartialResponse {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Warn, Self::Abort]
            .into_iter()
            .find(|strategy| text.eq_ignore_ascii_case(strategy.as_str()))
            .ok_or_else(|| {
                format!("unknown partial_response_strategy {text:?}: it is \"abort\" or \"warn\"")
            })
    }
}

/// The field of a file; an empty text says nothing, as in Thanos.
pub(crate) fn read<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PartialResponse>, D::Error> {
    let text = Option::<Cow<'de, str>>::deserialize(deserializer)?;
    match text.filter(|text| !text.is_empty()) {
        Some(text) => text
            .parse::<PartialResponse>()
            .map(Some)
            .map_err(serde::de::Error::custom),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strategies_are_read_in_any_case_and_others_refused() {
        for (text, expected) in [
            ("warn", Some(PartialResponse::Warn)),
            ("WARN", Some(PartialResponse::Warn)),
            ("Abort", Some(PartialResponse::Abort)),
            ("", None),
            ("group_replica", None),
        ] {
            assert_eq!(text.parse::<PartialResponse>().ok(), expected, "{text}");
        }
    }
}
