//! Matchers as configs, silences and filters write them, in the two grammars that Alertmanager
//! reads: the classic one, and the one in which names may be any UTF-8.

mod classic;
mod utf8;

use std::fmt;

use narthex_model::{Labels, MatchOp, Matcher, is_classic_label_name};
use serde::{Deserialize, Serialize};

/// Which grammar is read (`--enable-feature=classic-mode` and `utf8-strict-mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MatcherMode {
    /// Only the classic one.
    Classic,
    /// Both. Where they disagree the classic one counts, so that no old config changes its
    /// meaning.
    #[default]
    Fallback,
    /// Only the new one.
    Utf8Strict,
}

/// Why a text is no matcher.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MatcherParseError(pub(crate) String);

impl MatcherParseError {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl MatcherMode {
    /// Reads a comma-separated list, in braces or not.
    ///
    /// # Errors
    /// It is none in this grammar; of the fallback, what the classic reader says.
    pub fn parse(self, text: &str) -> Result<Vec<Matcher>, MatcherParseError> {
        self.choose(text, utf8::parse, classic::parse)
    }

    /// Reads one matcher.
    ///
    /// # Errors
    /// It is none, or more than one.
    pub fn parse_one(self, text: &str) -> Result<Matcher, MatcherParseError> {
        self.choose(text, utf8::parse_one, classic::parse_one)
    }

    fn choose<T: PartialEq>(
        self,
        text: &str,
        utf8: fn(&str) -> Result<T, MatcherParseError>,
        classic: fn(&str) -> Result<T, MatcherParseError>,
    ) -> Result<T, MatcherParseError> {
        match self {
            Self::Classic => classic(text),
            Self::Utf8Strict => utf8(text),
            Self::Fallback => match (utf8(text), classic(text)) {
                (Err(_), Err(error)) => Err(error),
                (Ok(read), Err(_)) => Ok(read),
                (Err(error), Ok(read)) => {
                    tracing::warn!(
                        matchers = text,
                        %error,
                        "matchers are read in the classic grammar; the UTF-8 grammar refuses them"
                    );
                    Ok(read)
                }
                (Ok(read), Ok(old)) => {
                    if read != old {
                        tracing::warn!(
                            matchers = text,
                            "matchers mean another thing in the UTF-8 grammar; the classic one counts"
                        );
                    }
                    Ok(old)
                }
            },
        }
    }

    /// Whether a label may have this name.
    pub fn is_label_name(self, name: &str) -> bool {
        match self {
            Self::Classic => is_classic_label_name(name),
            Self::Fallback | Self::Utf8Strict => !name.is_empty(),
        }
    }
}

/// Makes a matcher.
fn matcher(name: &str, op: MatchOp, value: String) -> Result<Matcher, MatcherParseError> {
    Matcher::new(name, op, value).map_err(|error| MatcherParseError::new(error.to_string()))
}

/// Whether all matchers accept a label set.
pub(crate) fn accept(matchers: &[Matcher], labels: &Labels) -> bool {
    let accepts = |matcher: &Matcher| matcher.matches(labels.get(matcher.name()).unwrap_or(""));
    matchers.iter().all(accepts)
}

/// Puts matchers in the order in which Alertmanager keeps them: by name, then value, then kind.
pub(crate) fn sort(matchers: &mut [Matcher]) {
    matchers.sort_by(|one, other| {
        let key = |matcher: &Matcher| (kind(matcher.op()), matcher.op());
        let texts = (one.name(), one.value()).cmp(&(other.name(), other.value()));
        texts.then_with(|| key(one).cmp(&key(other)))
    });
}

/// The order of the operators in Alertmanager.
fn kind(op: MatchOp) -> u8 {
    match op {
        MatchOp::Equal => 0,
        MatchOp::NotEqual => 1,
        MatchOp::Regex => 2,
        MatchOp::NotRegex => 3,
    }
}

/// Prints matchers as keys of groups have them: `{a="b",c=~"d"}`.
pub(crate) struct Shown<'a>(pub(crate) &'a [Matcher]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, matcher) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            match matcher.name().contains(utf8::is_reserved) {
                true => write!(f, "{:?}", matcher.name())?,
                false => f.write_str(matcher.name())?,
            }
            let value = matcher.value().replace('\\', "\\\\");
            let value = value.replace('"', "\\\"").replace('\n', "\\n");
            write!(f, "{}\"{value}\"", matcher.op())?;
        }
        f.write_str("}")
    }
}

/// A matcher as the API and the file of silences have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MatcherFields {
    /// Whether it is one of `=` and `=~`.
    #[serde(default = "yes")]
    pub is_equal: bool,
    /// Whether it is one of `=~` and `!~`.
    pub is_regex: bool,
    /// The name of the label.
    pub name: String,
    /// The value or the expression.
    pub value: String,
}

fn yes() -> bool {
    true
}

impl MatcherFields {
    /// The fields of a matcher.
    pub fn of(matcher: &Matcher) -> Self {
        Self {
            is_equal: !matcher.is_negative(),
            is_regex: matches!(matcher.op(), MatchOp::Regex | MatchOp::NotRegex),
            name: matcher.name().to_owned(),
            value: matcher.value().to_owned(),
        }
    }

    /// The matcher.
    ///
    /// # Errors
    /// The value is no regular expression.
    pub fn matcher(&self) -> Result<Matcher, MatcherParseError> {
        let op = match (self.is_equal, self.is_regex) {
            (true, false) => MatchOp::Equal,
            (false, false) => MatchOp::NotEqual,
            (true, true) => MatchOp::Regex,
            (false, true) => MatchOp::NotRegex,
        };
        matcher(&self.name, op, self.value.clone())
    }
}

#[cfg(test)]
mod tests;
