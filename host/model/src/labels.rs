//! Label sets.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::{METRIC_NAME, Quoted};

/// An immutable label set: sorted by name, no name twice, no empty value.
///
/// All of it is one string in one allocation, so a clone is a counter and equality is a
/// comparison of bytes. Each name and each value is preceded by its length, written in
/// six-bit groups, lowest first, 0x40 marking that another group follows; every length byte
/// is thus ASCII and the whole stays valid UTF-8.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels(Arc<str>);

impl Labels {
    /// The label set without a label.
    pub fn empty() -> Self {
        Self(Arc::from(""))
    }

    /// Builds a set from pairs in any order. An empty value is the same as no label; of two
    /// pairs with the same name the last one counts.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let mut builder = LabelsBuilder::default();
        for (name, value) in pairs {
            builder.set(name.as_ref(), value.as_ref());
        }
        builder.build()
    }

    /// Builds a set from pairs that are sorted by name already, without a name twice.
    ///
    /// # Errors
    /// Gives back the first name that is not greater than the one before it.
    pub fn from_sorted<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, &'a str> {
        let pairs = pairs.into_iter();
        // Room for labels of the usual length, so that the text seldom grows.
        let mut text = String::with_capacity(pairs.size_hint().0 * 32);
        let mut previous: Option<&str> = None;
        for (name, value) in pairs {
            if previous.is_some_and(|previous| previous >= name) {
                return Err(name);
            }
            previous = Some(name);
            push_pair(&mut text, name, value);
        }
        Ok(Self(Arc::from(text)))
    }

    /// The labels, sorted by name.
    pub fn iter(&self) -> LabelsIter<'_> {
        LabelsIter { rest: &self.0 }
    }

    /// The value of a label, or `None` where the set has no such label.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .take_while(|(n, _)| *n <= name)
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value)
    }

    /// The metric name, or "" where there is none.
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or("")
    }

    /// How many labels the set has.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether the set has no label.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A 64-bit hash of the whole set. Stable across processes and versions (xxh3 over the
    /// encoding above), so it may be stored.
    pub fn stable_hash(&self) -> u64 {
        xxh3_64(self.0.as_bytes())
    }

    /// The set with only the named labels. `names` must be sorted.
    pub fn keep(&self, names: &[impl AsRef<str>]) -> Self {
        self.filtered(|name| contains(names, name))
    }

    /// The set without the named labels. `names` must be sorted.
    pub fn without(&self, names: &[impl AsRef<str>]) -> Self {
        self.filtered(|name| !contains(names, name))
    }

    /// The set without its metric name.
    pub fn without_metric_name(&self) -> Self {
        self.filtered(|name| name != METRIC_NAME)
    }

    /// The set with only the labels whose name `keep` accepts.
    pub fn filtered(&self, keep: impl FnMut(&str) -> bool) -> Self {
        let mut text = String::with_capacity(self.0.len());
        self.filter_into(&mut text, keep);
        if text.len() == self.0.len() {
            self.clone()
        } else {
            Self(Arc::from(text))
        }
    }

    /// Appends to `text` the encoding of the set with only the labels whose name `keep` accepts:
    /// what a map keyed by labels can be asked with, where the set itself is seldom needed.
    pub fn filter_into(&self, text: &mut String, mut keep: impl FnMut(&str) -> bool) {
        for (name, value) in self.iter().filter(|(name, _)| keep(name)) {
            push_pair(text, name, value);
        }
    }

    /// How many bytes the encoding takes.
    pub fn encoded_len(&self) -> usize {
        self.0.len()
    }
}

fn contains(sorted: &[impl AsRef<str>], name: &str) -> bool {
    sorted
        .binary_search_by(|candidate| candidate.as_ref().cmp(name))
        .is_ok()
}

fn push_pair(text: &mut String, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    push_str(text, name);
    push_str(text, value);
}

#[allow(clippy::cast_possible_truncation, reason = "masked to six bits")]
fn push_str(text: &mut String, s: &str) {
    let mut len = s.len();
    while len >= 0x40 {
        text.push(char::from(0x40 | (len & 0x3f) as u8));
        len >>= 6;
    }
    text.push(char::from((len & 0x3f) as u8));
    text.push_str(s);
}

/// The labels of a set, in the order of their names.
#[derive(Debug, Clone)]
pub struct LabelsIter<'a> {
    rest: &'a str,
}

impl<'a> LabelsIter<'a> {
    fn take_str(&mut self) -> Option<&'a str> {
        let (mut len, mut shift, mut at) = (0_usize, 0, 0);
        loop {
            let byte = *self.rest.as_bytes().get(at)?;
            len |= usize::from(byte & 0x3f) << shift;
            shift += 6;
            at += 1;
            if byte & 0x40 == 0 {
                break;
            }
        }
        let (taken, rest) = self.rest[at..].split_at(len);
        self.rest = rest;
        Some(taken)
    }
}

impl<'a> Iterator for LabelsIter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.take_str()?, self.take_str()?))
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = LabelsIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Compared label by label, name before value; a set that another one starts with comes first
/// (Prometheus `labels.Compare`).
impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.0, &other.0) {
            return Ordering::Equal;
        }
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        match first_difference(a, b) {
            Some(at) => compare_at(a, b, at),
            None => a.len().cmp(&b.len()),
        }
    }
}

/// The first byte that differs; `None` where one text begins with the other. Sets of one metric
/// are alike for most of their length, so eight bytes are looked at at a time.
fn first_difference(a: &[u8], b: &[u8]) -> Option<usize> {
    let (a_words, b_words) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
    let mut words = a_words.iter().zip(b_words);
    let differs = |(a, b): (&[u8; 8], &[u8; 8])| a != b;
    let from = 8 * words
        .position(differs)
        .unwrap_or(a_words.len().min(b_words.len()));
    let mut rest = a[from..].iter().zip(&b[from..]);
    rest.position(|(a, b)| a != b).map(|at| from + at)
}

/// Compares two encodings that differ first at a byte: all names and values before the one that
/// this byte belongs to are the same.
fn compare_at(a: &[u8], b: &[u8], at: usize) -> Ordering {
    let mut start = 0;
    loop {
        let (from, end) = text_at(a, start);
        if at < from {
            // The lengths differ, and so may the texts from their first byte on.
            let (other_from, other_end) = text_at(b, start);
            return a[from..end].cmp(&b[other_from..other_end]);
        }
        if at < end {
            return a[at].cmp(&b[at]);
        }
        start = end;
    }
}

/// Where the text begins and ends whose length is written at a place of an encoding.
fn text_at(encoded: &[u8], mut at: usize) -> (usize, usize) {
    let (mut len, mut shift) = (0_usize, 0);
    loop {
        let byte = encoded[at];
        len |= usize::from(byte & 0x3f) << shift;
        shift += 6;
        at += 1;
        if byte & 0x40 == 0 {
            return (at, at + len);
        }
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Borrow<str> for Labels {
    /// The encoding, so that a map keyed by labels can be asked with a scratch buffer.
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Prints `{name="value", ...}`, the metric name as the label it is (Prometheus
/// `Labels.String`). A name that is not a classic one is quoted.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            if is_classic_label_name(name) {
                write!(f, "{name}={}", Quoted(value))?;
            } else {
                write!(f, "{}={}", Quoted(name), Quoted(value))?;
            }
        }
        f.write_str("}")
    }
}

/// Makes a label set by setting and removing labels, starting from nothing or from a set.
#[derive(Debug, Clone, Default)]
pub struct LabelsBuilder {
    labels: BTreeMap<String, String>,
}

impl LabelsBuilder {
    /// A builder that starts with the labels of `base`.
    pub fn from_labels(base: &Labels) -> Self {
        Self {
            labels: base
                .iter()
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .collect(),
        }
    }

    /// Sets a label; an empty value removes it.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        if value.is_empty() {
            self.labels.remove(name);
        } else if let Some(held) = self.labels.get_mut(name) {
            value.clone_into(held);
        } else {
            self.labels.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// Removes a label.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.labels.remove(name);
        self
    }

    /// Keeps only the labels whose name `keep` accepts.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) -> &mut Self {
        self.labels.retain(|name, _| keep(name));
        self
    }

    /// The value of a label, or "" where it is not set.
    pub fn get(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// The labels so far, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The label set.
    pub fn build(&self) -> Labels {
        let mut text = String::new();
        for (name, value) in &self.labels {
            push_pair(&mut text, name, value);
        }
        Labels(Arc::from(text))
    }
}

/// Whether `name` is a label name in the classic alphabet, `[a-zA-Z_][a-zA-Z0-9_]*`: one that
/// needs no quotes.
pub fn is_classic_label_name(name: &str) -> bool {
    is_identifier(name, |byte| byte == b'_')
}

/// Whether `name` is a metric name in the classic alphabet, `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub fn is_classic_metric_name(name: &str) -> bool {
    is_identifier(name, |byte| byte == b'_' || byte == b':')
}

fn is_identifier(name: &str, extra: impl Fn(u8) -> bool) -> bool {
    let bytes = name.as_bytes();
    bytes.first().is_some_and(|first| !first.is_ascii_digit())
        && bytes
            .iter()
            .all(|&byte| byte.is_ascii_alphanumeric() || extra(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_gives_back_what_it_was_made_of() {
        let long = "x".repeat(5000);
        let pairs = [
            ("z", "1"),
            ("__name__", "up"),
            ("job", "ä"),
            ("long", &long),
            ("empty", ""),
        ];
        let labels = Labels::from_pairs(pairs);
        let expected = vec![
            ("__name__", "up"),
            ("job", "ä"),
            ("long", long.as_str()),
            ("z", "1"),
        ];
        assert_eq!(labels.iter().collect::<Vec<_>>(), expected);
        assert_eq!(labels.get("long"), Some(long.as_str()));
        assert_eq!(labels.get("empty"), None);
        assert_eq!(labels.metric_name(), "up");
        assert_eq!(labels.without(&["job", "z"]).len(), 2);
        assert_eq!(
            labels.keep(&["job", "z"]).to_string(),
            r#"{job="ä", z="1"}"#
        );
    }

    #[test]
    fn sets_compare_label_by_label_and_not_by_their_encoding() {
        let ordered = [
            Labels::empty(),
            Labels::from_pairs([("a", "b")]),
            Labels::from_pairs([("a", "b"), ("c", "d")]),
            Labels::from_pairs([("a", "ba")]),
            Labels::from_pairs([("aa", "")]),
            Labels::from_pairs([("b", "a")]),
        ];
        assert!(ordered[0] < ordered[1] && ordered[1] < ordered[2] && ordered[2] < ordered[3]);
        assert_eq!(ordered[4], ordered[0]);
        assert!(ordered[3] < ordered[5]);
    }

    #[test]
    fn sets_that_differ_anywhere_compare_as_their_labels_do() {
        let long = |i: usize| "x".repeat(60 + i);
        let texts = ["a", "ab", "b", "ä", "a\u{1}", "z"].map(str::to_owned);
        let texts: Vec<String> = texts.into_iter().chain((0..12).map(long)).collect();
        let mut sets = vec![Labels::empty()];
        for first in &texts {
            for second in &texts {
                sets.push(Labels::from_pairs([("n", first), ("o", second)]));
                sets.push(Labels::from_pairs([(first, "1"), (second, "2")]));
                sets.push(Labels::from_pairs([("n", first)]));
            }
        }
        for a in &sets {
            for b in &sets {
                assert_eq!(a.cmp(b), a.iter().cmp(b.iter()), "{a} {b}");
            }
        }
    }

    #[test]
    fn unsorted_pairs_are_refused_where_sorted_ones_are_asked_for() {
        assert_eq!(Labels::from_sorted([("b", "1"), ("a", "1")]), Err("a"));
        assert_eq!(Labels::from_sorted([("b", "1"), ("b", "2")]), Err("b"));
    }

    #[test]
    fn names_that_need_no_quotes() {
        for (name, label, metric) in [
            ("a1", true, true),
            ("_", true, true),
            ("a:b", false, true),
            ("1a", false, false),
            ("", false, false),
            ("a.b", false, false),
        ] {
            assert_eq!(
                (is_classic_label_name(name), is_classic_metric_name(name)),
                (label, metric),
                "{name}"
            );
        }
    }
}
