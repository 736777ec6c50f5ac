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

    /// Whether it is the target that failed: it cannot be reached, its time ran out, or it answers
    /// nonsense. An exporter with an `up` of its own, as alerts look for, writes 0 then; every
    /// other error is the operator's to mend, or a fault of the plugin, and fails the scrape.
    pub fn is_of_target(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::Timeout | Self::Protocol(_)
        )
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

    #[test]
    fn what_the_operator_has_to_mend_is_not_of_the_target() {
        let text = String::new;
        for (error, expected) in [
            (Error::Unavailable(text()), true),
            (Error::Timeout, true),
            (Error::Protocol(text()), true),
            (Error::Config(text()), false),
            (Error::Denied(text()), false),
            (Error::Internal(text()), false),
        ] {
            assert_eq!(error.is_of_target(), expected, "{error:?}");
        }
    }
}
