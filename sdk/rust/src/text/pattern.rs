//! Texts with gaps, to say which families, labels or values are meant.

use serde::Deserialize;

/// A text in which `*` stands for anything, also for nothing: `istio_*`, `*_bucket`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Pattern {
    /// What stands before the first `*`; the whole text where there is none.
    first: String,
    /// What stands behind each `*`.
    rest: Vec<String>,
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl Pattern {
    /// Reads one; every text is a pattern.
    pub fn new(text: &str) -> Self {
        let mut parts = text.split('*').map(str::to_owned);
        Self {
            first: parts.next().unwrap_or_default(),
            rest: parts.collect(),
        }
    }

    /// Whether the text is meant.
    pub fn matches(&self, text: &str) -> bool {
        let Some((last, middle)) = self.rest.split_last() else {
            return text == self.first;
        };
        let Some(mut left) = text.strip_prefix(self.first.as_str()) else {
            return false;
        };
        // The leftmost place for each part leaves the most room for those behind it.
        for part in middle {
            match left.find(part.as_str()) {
                Some(at) => left = left.get(at + part.len()..).unwrap_or_default(),
                None => return false,
            }
        }
        left.ends_with(last.as_str())
    }

    /// Whether one of them means the text.
    pub fn any(patterns: &[Self], text: &str) -> bool {
        patterns.iter().any(|pattern| pattern.matches(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, expected) in [
            ("up", "up", true),
            ("up", "upper", false),
            ("", "", true),
            ("*", "", true),
            ("*", "anything", true),
            ("istio_*", "istio_requests_total", true),
            ("istio_*", "istio", false),
            ("*_bucket", "a_bucket", true),
            ("*_bucket", "a_bucket_b", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*b*b*", "ab", false),
            ("**", "x", true),
            ("ü*", "über", true),
        ] {
            let pattern = Pattern::new(pattern);
            assert_eq!(pattern.matches(text), expected, "{pattern:?} {text:?}");
        }
    }
}
