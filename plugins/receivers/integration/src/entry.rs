//! Fields of an entry of the configuration, as lenient as Alertmanager's reader of YAML is.
//!
//! It is not: a check of what the entry says. The host has done that.

use std::time::Duration;

use narthex_sdk::{Error, texts};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The units of a duration, in the only order in which they can stand, in milliseconds.
const UNITS: &[(&str, u64)] = &[
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// A whole entry. A field that is null is one that is not there.
#[derive(Debug, Clone, Default)]
pub struct Entry<T>(pub T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Entry<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        drop_nulls(&mut value);
        T::deserialize(value).map(Self).map_err(D::Error::custom)
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(values) => values.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// A text, most often a template. A number and a yes or no are texts as well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing to expand.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Expanded as plain text.
    ///
    /// # Errors
    /// It is no template, or fails.
    pub fn expand(&self) -> Result<String, Error> {
        expanded(&self.0, texts::expand)
    }

    /// Expanded as HTML.
    ///
    /// # Errors
    /// As [`Self::expand`].
    pub fn expand_html(&self) -> Result<String, Error> {
        expanded(&self.0, texts::expand_html)
    }
}

/// The host is not asked for nothing.
fn expanded(
    text: &str,
    expand: impl FnOnce(&str) -> Result<String, Error>,
) -> Result<String, Error> {
    match text {
        "" => Ok(String::new()),
        text => expand(text),
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            Value::Bool(flag) => Ok(Self(flag.to_string())),
            Value::Number(number) => Ok(Self(number.to_string())),
            _ => Err(D::Error::custom("expected a text")),
        }
    }
}

/// A duration as in `1m30s`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span(pub Duration);

impl Span {
    /// Of so many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The duration; none where it is zero, which says that there is no bound.
    pub fn bound(self) -> Option<Duration> {
        (!self.0.is_zero()).then_some(self.0)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        let fault = || D::Error::custom(format!("expected a duration, not {:?}", text.0));
        parse(&text.0).map(Self).ok_or_else(fault)
    }
}

fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let (mut rest, mut units, mut millis) = (text, UNITS, 0_u64);
    loop {
        let digits = rest.find(|character: char| !character.is_ascii_digit())?;
        let (count, behind) = rest.split_at(digits);
        let end = behind.find(|character: char| character.is_ascii_digit());
        let (unit, next) = behind.split_at(end.unwrap_or(behind.len()));
        let at = units.iter().position(|(name, _)| *name == unit)?;
        let length = units.get(at)?.1.checked_mul(count.parse().ok()?)?;
        millis = millis.checked_add(length)?;
        units = units.get(at + 1..)?;
        if next.is_empty() {
            return Some(Duration::from_millis(millis));
        }
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use narthex_sdk::fake::Host;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Fields {
        text: Text,
        other: Option<Text>,
        list: Vec<Text>,
        span: Span,
    }

    fn read(text: &str) -> Result<Fields, String> {
        let read: Result<Entry<Fields>, _> = serde_json::from_str(text);
        read.map(|entry| entry.0).map_err(|error| error.to_string())
    }

    #[test]
    fn fields_are_read_as_alertmanager_reads_yaml() {
        let fields =
            read(r#"{"text": 1, "other": null, "list": ["a", true], "span": "1m30s"}"#).unwrap();
        assert_eq!(fields.text.as_str(), "1");
        assert_eq!(fields.other, None);
        assert_eq!(fields.list, [Text::from("a"), Text::from("true")]);
        assert_eq!(fields.span.bound(), Some(Duration::from_secs(90)));
        for (text, expected) in [
            (r#"{"text": []}"#, "expected a text"),
            (r#"{"span": "1s1m"}"#, "expected a duration, not \"1s1m\""),
            (r#"{"span": "1"}"#, "expected a duration"),
            (r#"{"span": ""}"#, "expected a duration"),
            (r#"{"more": 1}"#, "unknown field `more`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn durations_are_those_of_prometheus() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("1h", 3_600_000),
            ("1d12h", 129_600_000),
            ("1s500ms", 1500),
            ("1y", 31_536_000_000),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["1", "s", "1s1s", "1ms1s", "-1s", "1.5s", "99999999999y"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_empty_text_asks_the_host_for_nothing() {
        Host::new()
            .texts(|text, is_html| Ok(format!("{text} {is_html}")))
            .install();
        assert_eq!(Text::default().expand().unwrap(), "");
        assert_eq!(Text::from("a").expand().unwrap(), "a false");
        assert_eq!(Text::from("a").expand_html().unwrap(), "a true");
    }
}
