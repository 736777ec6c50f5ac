//! Labels and matchers as arguments: `team=x`, `env!~"dev|test"`, and a name of an alert alone.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use narthex_alertmanager::MatcherMode;
use narthex_model::{MatchOp, Matcher};

/// The label with the name of an alert.
const ALERT_NAME: &str = "alertname";

/// Labels by their names.
pub(super) type LabelMap = BTreeMap<String, String>;

/// Labels, each as `name=value`. Of a name that is there twice the last value counts.
///
/// # Errors
/// A text is none.
pub(super) fn read(texts: &[String]) -> anyhow::Result<LabelMap> {
    let mut labels = LabelMap::new();
    for text in texts {
        let read = MatcherMode::default().parse_one(text);
        let matcher = read.context("Failed to parse labels")?;
        if matcher.op() != MatchOp::Equal {
            bail!("Failed to parse labels: labels must be specified as key=value pairs");
        }
        labels.insert(matcher.name().to_owned(), matcher.value().to_owned());
    }
    Ok(labels)
}

/// Arguments whose first may be the name of an alert and nothing else.
pub(super) fn with_name(texts: &[String]) -> Vec<String> {
    let mut texts = texts.to_vec();
    if let Some(first) = texts.first_mut()
        && MatcherMode::default().parse_one(first).is_err()
    {
        *first = format!("{ALERT_NAME}={first}");
    }
    texts
}

/// Matchers.
///
/// # Errors
/// A text is none.
pub(super) fn matchers(texts: &[String]) -> anyhow::Result<Vec<Matcher>> {
    let read = texts.iter().map(|text| {
        let read = MatcherMode::default().parse_one(text);
        read.with_context(|| format!("{text:?} is no matcher"))
    });
    read.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn labels_are_equal_matchers_and_nothing_else() {
        for (given, expected) in [
            (&["b=1", "a=x y"][..], &[("a", "x y"), ("b", "1")][..]),
            (&["a=1", "a=2"], &[("a", "2")]),
            (&["a=\"x,y\""], &[("a", "x,y")]),
            (&[], &[]),
        ] {
            let found = read(&texts(given)).unwrap();
            let found: Vec<_> = found
                .iter()
                .map(|(n, v)| (n.as_str(), v.as_str()))
                .collect();
            assert_eq!(found, expected);
        }
        for bad in ["a", "a!=1", "a=~1", "a=b\"c"] {
            let error = format!("{:#}", read(&texts(&[bad])).unwrap_err());
            assert!(error.starts_with("Failed to parse labels: "), "{error}");
        }
    }

    #[test]
    fn a_name_alone_is_that_of_an_alert() {
        for (given, expected) in [
            (&["Down", "a=1"][..], &["alertname=Down", "a=1"][..]),
            (&["a=1", "b!=2"], &["a=1", "b!=2"]),
            (&[], &[]),
        ] {
            assert_eq!(with_name(&texts(given)), texts(expected));
        }
        assert_eq!(matchers(&texts(&["a=1", "b!~c"])).unwrap().len(), 2);
        assert!(matchers(&texts(&["a"])).is_err());
    }
}
