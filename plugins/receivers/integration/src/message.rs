//! What receivers make of a notification and of its texts.

use std::collections::BTreeMap;
use std::fmt::Write;

use narthex_sdk::{Error, Notification, log};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::Text;

/// Stands at the end of a text that was cut.
const CUT: char = '…';

/// Whether any of the alerts fires.
pub fn is_firing(notification: &Notification) -> bool {
    notification.alerts.iter().any(|alert| alert.firing)
}

/// Names the group of alerts where services bound the length of such a name: SHA-256 of the group
/// key, in hexadecimal digits.
pub fn group_hash(notification: &Notification) -> String {
    let digest = Sha256::digest(notification.group_key.as_bytes());
    digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The text with at most so many characters, the last of which says that there were more. `field`
/// is for the log.
pub fn truncated(text: String, characters_max: usize, field: &str) -> String {
    if text.chars().count() <= characters_max {
        return text;
    }
    let max = characters_max.to_string();
    log::warn("a text was truncated", &[("field", field), ("max", &max)]);
    let kept = text.chars().take(characters_max.saturating_sub(1));
    kept.chain([CUT]).collect()
}

/// What all sets of labels have, with the same value.
pub fn common<'a>(
    mut sets: impl Iterator<Item = &'a [(String, String)]>,
) -> BTreeMap<&'a str, &'a str> {
    let mut common = sets.next().map(map).unwrap_or_default();
    for set in sets {
        let set = map(set);
        common.retain(|name, value| set.get(name) == Some(value));
    }
    common
}

fn map(pairs: &[(String, String)]) -> BTreeMap<&str, &str> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

/// A text with all that has a meaning in a regular expression escaped: so Alertmanager has the names
/// of receivers in notifications.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}

/// A secret that may be a template, so that labels choose a key. What is wrong with it is not told: the
/// words of a template's fault may be the secret's.
///
/// # Errors
/// It is no template, or fails.
pub fn expand_secret(field: &str, secret: &str) -> Result<String, Error> {
    match Text::from(secret).expand() {
        Err(Error::Config(_)) => {
            let text = format!("{field}: it is no template, or fails as one");
            Err(Error::Config(text))
        }
        expanded => expanded,
    }
}

/// A value with all texts in it expanded, at whatever depth; names stay.
///
/// # Errors
/// One of them is no template, or fails.
pub fn expand_all(value: &Value) -> Result<Value, Error> {
    Ok(match value {
        Value::String(text) => Value::String(Text::from(text.as_str()).expand()?),
        Value::Array(values) => {
            let values: Result<Vec<Value>, Error> = values.iter().map(expand_all).collect();
            Value::Array(values?)
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| Ok((name.clone(), expand_all(value)?)));
            Value::Object(fields.collect::<Result<_, Error>>()?)
        }
        other => other.clone(),
    })
}

#[cfg(test)]
mod tests {
    use narthex_sdk::fake::Host;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_too_long_is_cut_by_characters() {
        for (text, max, expected) in [("größe", 5, "größe"), ("größer", 5, "größ…"), ("", 5, "")]
        {
            Host::new().install();
            assert_eq!(truncated(text.to_owned(), max, "title"), expected);
            let was_cut = text != expected;
            assert_eq!(Host::logged().len(), usize::from(was_cut), "{text}");
        }
    }

    #[test]
    fn what_all_have_is_common() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let one = [pair("a", "1"), pair("b", "2")];
        let two = [pair("a", "1"), pair("b", "3"), pair("c", "4")];
        let sets = [one.as_slice(), two.as_slice()];
        assert_eq!(common(sets.into_iter()), BTreeMap::from([("a", "1")]));
        assert_eq!(common([].into_iter()), BTreeMap::new());
    }

    #[test]
    fn names_of_receivers_are_quoted() {
        assert_eq!(quoted("team.x(1)-a"), r"team\.x\(1\)-a");
    }

    #[test]
    fn what_is_wrong_with_a_secret_is_not_told() {
        Host::new()
            .texts(|text, _| match text {
                "s3cret{{" => Err(Error::Config(format!("unclosed action in {text}"))),
                text => Ok(text.to_uppercase()),
            })
            .install();
        assert_eq!(expand_secret("token", "a").unwrap(), "A");
        assert_eq!(expand_secret("token", "").unwrap(), "");
        let error = expand_secret("token", "s3cret{{").unwrap_err();
        assert_eq!(error.message(), "token: it is no template, or fails as one");
    }

    #[test]
    fn texts_are_expanded_at_any_depth() {
        Host::new()
            .texts(|text, _| Ok(text.to_uppercase()))
            .install();
        let value = json!({"a": ["b", 1, {"c": "d"}], "e": true});
        let expected = json!({"a": ["B", 1, {"c": "D"}], "e": true});
        assert_eq!(expand_all(&value).unwrap(), expected);
    }
}
