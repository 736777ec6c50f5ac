//! What an error says, whichever kind it is.

use crate::Error;

impl Error {
    /// The text for the operator, without the kind.
    pub fn message(&self) -> &str {
        match self {
            Self::Config(text)
            | Self::Unavailable(text)
            | Self::Denied(text)
            | Self::Protocol(text)
            | Self::Internal(text) => text,
            Self::Timeout => "the call's time ran out",
        }
    }

    /// The same kind of error with what was being done in front of its text. A timeout has no
    /// text, and stays as it is.
    #[must_use]
    pub fn context(self, doing: &str) -> Self {
        let text = |text: String| format!("{doing}: {text}");
        match self {
            Self::Config(inner) => Self::Config(text(inner)),
            Self::Unavailable(inner) => Self::Unavailable(text(inner)),
            Self::Denied(inner) => Self::Denied(text(inner)),
            Self::Protocol(inner) => Self::Protocol(text(inner)),
            Self::Internal(inner) => Self::Internal(text(inner)),
            Self::Timeout => Self::Timeout,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_goes_before_the_text_and_the_kind_stays() {
        let error = Error::Denied("no grant".to_owned()).context("AUTH");
        assert!(matches!(&error, Error::Denied(text) if text == "AUTH: no grant"));
        assert_eq!(error.message(), "AUTH: no grant");
        assert!(matches!(Error::Timeout.context("AUTH"), Error::Timeout));
    }
}
