//! The silences that mute now, by a value that they ask for: of thousands of silences only those are
//! compared with an alert that may mute it.
//!
//! It is not: who decides which silences are active, which is [`super::Silences`]'s.

use std::collections::HashMap;

use narthex_model::{Labels, MatchOp};

use super::Kept;
use crate::matchers::accept;

/// The active silences of a moment.
#[derive(Debug, Default)]
pub(crate) struct ActiveSilences<'a> {
    /// Those that ask for a value of a label: by the label, then by the value.
    by_label: HashMap<&'a str, HashMap<&'a str, Vec<&'a Kept>>>,
    /// All others.
    others: Vec<&'a Kept>,
}

impl<'a> ActiveSilences<'a> {
    pub(super) fn new(active: impl Iterator<Item = &'a Kept>) -> Self {
        let mut silences = Self::default();
        for kept in active {
            // An empty value is that of a label which is not there.
            let mut asked = kept.matchers.iter();
            let asked = asked.find(|m| m.op() == MatchOp::Equal && !m.value().is_empty());
            match asked {
                None => silences.others.push(kept),
                Some(matcher) => {
                    let by_value = silences.by_label.entry(matcher.name()).or_default();
                    by_value.entry(matcher.value()).or_default().push(kept);
                }
            }
        }
        silences
    }

    /// The names of those that mute a label set, sorted.
    pub(crate) fn muting(&self, labels: &Labels) -> Vec<String> {
        let muting = self.candidates(labels).filter(|kept| mutes(kept, labels));
        let mut names: Vec<String> = muting.map(|kept| kept.silence.id.clone()).collect();
        names.sort_unstable();
        names
    }

    /// Whether one of them mutes a label set.
    pub(crate) fn mute(&self, labels: &Labels) -> bool {
        self.candidates(labels).any(|kept| mutes(kept, labels))
    }

    /// Those that may mute a label set.
    fn candidates(&self, labels: &Labels) -> impl Iterator<Item = &'a Kept> {
        let asked = self.by_label.iter().filter_map(|(name, by_value)| {
            let value = labels.get(name)?;
            by_value.get(value)
        });
        asked.flatten().chain(&self.others).copied()
    }
}

fn mutes(kept: &Kept, labels: &Labels) -> bool {
    accept(&kept.matchers, labels)
}

#[cfg(test)]
mod tests {
    use super::super::{Silence, SilenceLimits, Silences};
    use super::*;
    use crate::matchers::{MatcherFields, MatcherMode};

    /// Silences of these matchers, each named by its place.
    fn silences(matchers: &[String]) -> Silences {
        let kept = matchers.iter().enumerate().map(|(at, text)| Silence {
            id: format!("{at:04}"),
            matchers: {
                let matchers = MatcherMode::Classic.parse(text).unwrap();
                matchers.iter().map(MatcherFields::of).collect()
            },
            starts_at_ms: 100,
            ends_at_ms: 200,
            updated_at_ms: 0,
            created_by: String::new(),
            comment: String::new(),
        });
        let limits = SilenceLimits {
            silences_max: 0,
            silence_bytes_max: 0,
            retention_ms: 1000,
        };
        let (silences, faults) = Silences::new(limits, kept.collect());
        assert!(faults.is_empty(), "{faults:?}");
        silences
    }

    #[test]
    fn an_alert_is_muted_by_those_that_match() {
        let texts = [
            "a=\"x\"",
            "a=\"x\",b=~\"y|z\"",
            "a=~\"x.*\"",
            "a=\"other\"",
            "b=\"\",a=\"x\"",
            "a!=\"x\",b=\"y\"",
            "b!~\"y|\"",
        ];
        let silences = silences(&texts.map(str::to_owned));
        for (labels, expected) in [
            (vec![("a", "x")], "0000 0002 0004"),
            (vec![("a", "x"), ("b", "y")], "0000 0001 0002"),
            (vec![("a", "xx"), ("b", "y")], "0002 0005"),
            (vec![("b", "z")], "0006"),
            (vec![("c", "x")], ""),
        ] {
            let labels = Labels::from_pairs(labels);
            let active = silences.active(150);
            assert_eq!(active.muting(&labels).join(" "), expected, "{labels}");
            assert_eq!(active.mute(&labels), !expected.is_empty(), "{labels}");
            for inactive in [silences.active(99), silences.active(200)] {
                assert!(!inactive.mute(&labels));
            }
        }
    }

    #[test]
    fn an_alert_is_compared_with_few_of_many_silences() {
        let of_hosts = (0..5000).map(|host| format!("instance=\"host-{host}\",job=~\".+\""));
        let more = ["severity=\"info\"", "job=~\"batch.*\""];
        let texts: Vec<String> = of_hosts.chain(more.map(str::to_owned)).collect();
        let silences = silences(&texts);
        let active = silences.active(150);
        let labels = Labels::from_pairs([("instance", "host-77"), ("job", "node")]);
        assert_eq!(active.candidates(&labels).count(), 2);
        assert_eq!(active.muting(&labels), ["0077"]);
    }
}
