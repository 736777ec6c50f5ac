//! What another store is asked for a selector, as a value: whether at all, for which time, by
//! which matchers.

use narthex_model::{Labels, MatchOp, Matcher, MatcherError};
use narthex_storage::TimeRange;

use super::config::RemoteReadConfig;
use crate::wire::message::Message;

/// What the answer may be, in our order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Samples: chunks, or as samples.
    Samples,
    /// Label sets alone. A server that leaves out samples for a hint does so in answers of samples;
    /// in chunks a series without one is not there.
    LabelSets,
}

/// A question to one store.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) matchers: Vec<Matcher>,
    pub(super) range: TimeRange,
    /// Names of external labels that matchers were added for. They are taken off the answer.
    pub(super) added: Vec<String>,
}

impl Question {
    /// `None` where the store need not be asked: a matcher that it requires is missing, or the
    /// store here has all of the time, which it has from `local_start_ms` on.
    ///
    /// # Errors
    /// An external label cannot be matched.
    pub(super) fn new(
        config: &RemoteReadConfig,
        external: &Labels,
        (matchers, range): (&[Matcher], TimeRange),
        local_start_ms: i64,
    ) -> Result<Option<Self>, MatcherError> {
        let mut range = range;
        if !config.read_recent {
            if range.start_ms > local_start_ms {
                return Ok(None);
            }
            range.end_ms = range.end_ms.min(local_start_ms);
        }
        let is_there = |(name, value): (&String, &String)| {
            matchers.iter().any(|matcher| {
                matcher.op() == MatchOp::Equal
                    && (matcher.name(), matcher.value()) == (name.as_str(), value.as_str())
            })
        };
        if !config.required_matchers.iter().all(is_there) {
            return Ok(None);
        }
        let mut question = Self {
            matchers: matchers.to_vec(),
            range,
            added: Vec::new(),
        };
        if config.filter_external_labels {
            for (name, value) in external.iter() {
                // Who matches such a label wants a value of their own.
                if matchers.iter().all(|matcher| matcher.name() != name) {
                    let matcher = Matcher::new(name, MatchOp::Equal, value)?;
                    question.matchers.push(matcher);
                    question.added.push(name.to_owned());
                }
            }
        }
        Ok(Some(question))
    }

    /// `prometheus.ReadRequest` with one query.
    pub(super) fn encode(&self, wanted: Wanted) -> Vec<u8> {
        let mut request = Message::new();
        request.message(1, |query| {
            query.signed(1, self.range.start_ms);
            query.signed(2, self.range.end_ms);
            for matcher in &self.matchers {
                query.message(3, |message| {
                    message.number(1, number(matcher.op()));
                    message.text(2, matcher.name());
                    message.text(3, matcher.value());
                });
            }
            if wanted == Wanted::LabelSets {
                query.message(4, |hints| {
                    hints.text(2, "series");
                    hints.signed(3, self.range.start_ms);
                    hints.signed(4, self.range.end_ms);
                });
            }
        });
        match wanted {
            Wanted::Samples => request.packed(2, [CHUNKS, SAMPLES]),
            Wanted::LabelSets => request.packed(2, [SAMPLES]),
        }
        request.as_bytes().to_vec()
    }
}

/// `ResponseType.SAMPLES`
const SAMPLES: u64 = 0;

/// `ResponseType.STREAMED_XOR_CHUNKS`
const CHUNKS: u64 = 1;

/// `LabelMatcher.Type`
fn number(op: MatchOp) -> u64 {
    match op {
        MatchOp::Equal => 0,
        MatchOp::NotEqual => 1,
        MatchOp::Regex => 2,
        MatchOp::NotRegex => 3,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const LOCAL_START_MS: i64 = 1000;

    fn matchers(pairs: &[(&str, MatchOp, &str)]) -> Vec<Matcher> {
        let pairs = pairs.iter();
        pairs
            .map(|(name, op, value)| Matcher::new(*name, *op, *value).unwrap())
            .collect()
    }

    /// Matchers, the first and the last time, and the labels that are taken off.
    type Asked = (Vec<String>, (i64, i64), Vec<String>);

    fn ask(
        config: &RemoteReadConfig,
        asked: &[(&str, MatchOp, &str)],
        (start_ms, end_ms): (i64, i64),
    ) -> Option<Asked> {
        let external = Labels::from_pairs([("region", "eu"), ("replica", "a")]);
        let range = TimeRange { start_ms, end_ms };
        let asked = matchers(asked);
        let question = Question::new(config, &external, (&asked, range), LOCAL_START_MS);
        question.unwrap().map(|question| {
            let shown = question
                .matchers
                .iter()
                .map(|m| format!("{}{}{}", m.name(), m.op(), m.value()));
            let range = (question.range.start_ms, question.range.end_ms);
            (shown.collect(), range, question.added)
        })
    }

    #[test]
    fn only_times_before_the_stores_own_are_asked_for_unless_recent_ones_are_wanted() {
        let up = [("__name__", MatchOp::Equal, "up")];
        for (read_recent, range, expected) in [
            (false, (0, 900), Some((0, 900))),
            (false, (0, 1000), Some((0, 1000))),
            (false, (0, 5000), Some((0, 1000))),
            (false, (1000, 5000), Some((1000, 1000))),
            (false, (1001, 5000), None),
            (true, (1001, 5000), Some((1001, 5000))),
        ] {
            let config = RemoteReadConfig {
                read_recent,
                ..RemoteReadConfig::default()
            };
            let asked = ask(&config, &up, range).map(|(_, range, _)| range);
            assert_eq!(asked, expected, "{read_recent} {range:?}");
        }
    }

    #[test]
    fn required_matchers_are_equality_matchers_and_all_are_needed() {
        let required = [("job", "special"), ("env", "prod")];
        let pairs = required
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        let config = RemoteReadConfig {
            required_matchers: pairs.collect::<BTreeMap<_, _>>(),
            ..RemoteReadConfig::default()
        };
        use MatchOp::{Equal, NotEqual, Regex};
        for (asked, expected) in [
            (
                &[("env", Equal, "prod"), ("job", Equal, "special")][..],
                true,
            ),
            (
                &[
                    ("job", Equal, "special"),
                    ("a", NotEqual, "b"),
                    ("env", Equal, "prod"),
                ],
                true,
            ),
            (&[("job", Equal, "special")], false),
            (&[("job", Regex, "special"), ("env", Equal, "prod")], false),
            (&[("job", Equal, "other"), ("env", Equal, "prod")], false),
            (&[], false),
        ] {
            assert_eq!(ask(&config, asked, (0, 1)).is_some(), expected, "{asked:?}");
        }
    }

    #[test]
    fn external_labels_are_added_where_nobody_asks_for_another_value() {
        use MatchOp::{Equal, Regex};
        let mut config = RemoteReadConfig::default();
        let (found, _, added) = ask(&config, &[("a", Equal, "b")], (0, 1)).unwrap();
        assert_eq!(found, ["a=b", "region=eu", "replica=a"]);
        assert_eq!(added, ["region", "replica"]);
        let (found, _, added) = ask(&config, &[("region", Regex, "eu|us")], (0, 1)).unwrap();
        assert_eq!(found, ["region=~eu|us", "replica=a"]);
        assert_eq!(added, ["replica"]);
        config.filter_external_labels = false;
        let (found, _, added) = ask(&config, &[("a", Equal, "b")], (0, 1)).unwrap();
        assert_eq!(found, ["a=b"]);
        assert!(added.is_empty());
    }

    #[test]
    fn the_wire_is_what_a_server_reads() {
        let question = Question {
            matchers: matchers(&[("a", MatchOp::Equal, "1"), ("b", MatchOp::NotRegex, "2|3")]),
            range: TimeRange {
                start_ms: -5,
                end_ms: 300,
            },
            added: Vec::new(),
        };
        let start = b"\x08\xfb\xff\xff\xff\xff\xff\xff\xff\xff\x01\x10\xac\x02";
        let matchers = b"\x1a\x06\x12\x01a\x1a\x011\x1a\x0a\x08\x03\x12\x01b\x1a\x032|3";
        let hints =
            b"\x22\x16\x12\x06series\x18\xfb\xff\xff\xff\xff\xff\xff\xff\xff\x01\x20\xac\x02";
        let query = |parts: &[&[u8]]| {
            let query = parts.concat();
            let len = u8::try_from(query.len()).unwrap();
            [&[0x0a, len][..], &query].concat()
        };
        let expected = [&query(&[start, matchers])[..], b"\x12\x02\x01\x00"].concat();
        assert_eq!(question.encode(Wanted::Samples), expected);
        let expected = [&query(&[start, matchers, hints])[..], b"\x12\x01\x00"].concat();
        assert_eq!(question.encode(Wanted::LabelSets), expected);
    }
}
