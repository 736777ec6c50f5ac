//! The names of metrics that somebody asks for: those of queries, rules and dashboards.
//!
//! It is not: whether there are such metrics.

use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use narthex_model::{METRIC_NAME, MatchOp, Matcher};
use narthex_promql::ast::Expr;
use narthex_promql::{ParseOptions, parse};
use serde_json::Value;

/// So many names are kept; of more it is only known that there were more.
pub const ASKED_METRICS_MAX: usize = 100_000;

/// So many patterns of names are kept: each is tried with each metric.
const PATTERNS_MAX: usize = 100;

/// All names and patterns together take so many bytes, as whoever asks chooses them.
const BYTES_MAX: usize = 16 << 20;

/// A longer query is not read for its names: each is read a second time when it is evaluated.
const QUERY_BYTES_MAX: usize = 64 << 10;

/// So many queries are known again without being read: a dashboard asks the same ones each minute. When
/// there are more, all are forgotten and read anew.
const KNOWN_QUERIES_MAX: usize = 10_000;

/// A name that no metric has: a pattern that finds it finds any, and asks for none in particular.
const NOBODYS_NAME: &str = "no:metric:has:this:name";

/// Fields of a dashboard that hold queries or selectors, in Perses' format and in Grafana's.
const QUERY_FIELDS: [&str; 4] = ["query", "expr", "matchers", "definition"];

/// The matchers of a name in one selector. They are kept as they were written: a compiled expression
/// can take megabytes, and whoever asks chooses it.
pub(crate) type NamePattern = Vec<(MatchOp, String)>;

/// Names, and patterns of names.
#[derive(Debug, Default)]
pub(crate) struct MetricNames {
    names: HashSet<String>,
    patterns: BTreeSet<NamePattern>,
    bytes: usize,
    is_full: bool,
}

impl MetricNames {
    /// The names that all selectors of a query ask for.
    pub(crate) fn add_query(&mut self, expr: &Expr) {
        for found in expr.selectors() {
            self.add_selector(&found.selector.matchers);
        }
    }

    fn add_selector(&mut self, matchers: &[Matcher]) {
        let of_name = matchers.iter().filter(|m| m.name() == METRIC_NAME);
        let of_name: Vec<&Matcher> = of_name.collect();
        if let Some(name) = of_name.iter().find(|m| m.op() == MatchOp::Equal) {
            self.add(name.value());
            return;
        }
        if of_name.iter().all(|matcher| matcher.matches(NOBODYS_NAME)) {
            return;
        }
        let parts = of_name.iter().map(|m| (m.op(), m.value().to_owned()));
        let pattern: NamePattern = parts.collect();
        if self.patterns.contains(&pattern) {
            return;
        }
        let bytes: usize = pattern.iter().map(|(_, text)| text.len()).sum();
        if self.patterns.len() >= PATTERNS_MAX || !self.has_room(bytes) {
            self.is_full = true;
            return;
        }
        self.patterns.insert(pattern);
    }

    /// All that may be a name in the queries of a dashboard. They hold variables, so that they cannot
    /// be read as queries; a word too many makes a metric seem to be asked for.
    pub(crate) fn add_dashboard(&mut self, dashboard: &Value) {
        match dashboard {
            Value::Array(items) => items.iter().for_each(|item| self.add_dashboard(item)),
            Value::Object(fields) => {
                for (field, value) in fields {
                    match QUERY_FIELDS.contains(&field.as_str()) {
                        true => self.add_texts(value),
                        false => self.add_dashboard(value),
                    }
                }
            }
            _ => {}
        }
    }

    fn add_texts(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
                let words = text.split(|c: char| !is_of_name(c));
                let quoted = text.split(['"', '\'', '`']);
                words.chain(quoted).for_each(|word| self.add(word));
            }
            Value::Array(items) => items.iter().for_each(|item| self.add_texts(item)),
            other => self.add_dashboard(other),
        }
    }

    fn add(&mut self, name: &str) {
        if name.is_empty() || self.names.contains(name) {
            return;
        }
        if self.names.len() >= ASKED_METRICS_MAX || !self.has_room(name.len()) {
            self.is_full = true;
            return;
        }
        self.names.insert(name.to_owned());
    }

    fn has_room(&mut self, bytes: usize) -> bool {
        let has_room = self.bytes + bytes <= BYTES_MAX;
        if has_room {
            self.bytes += bytes;
        }
        has_room
    }

    /// Leaves those metrics out that somebody asks for by their names.
    pub(crate) fn leave_out_named(&self, metrics: &mut Vec<(String, u64)>) {
        metrics.retain(|(name, _)| !self.names.contains(name));
    }

    /// The patterns that somebody asks by, to be tried with [`leave_out_found`].
    pub(crate) fn patterns(&self) -> BTreeSet<NamePattern> {
        self.patterns.clone()
    }

    /// Whether there was no room for some.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }
}

/// Leaves those metrics out that one of the patterns finds.
pub(crate) fn leave_out_found(patterns: &BTreeSet<NamePattern>, metrics: &mut Vec<(String, u64)>) {
    for pattern in patterns {
        let matchers = pattern
            .iter()
            .map(|(op, value)| Matcher::new(METRIC_NAME, *op, value.as_str()))
            .collect::<Result<Vec<_>, _>>();
        // It was one when the query was read.
        let Ok(matchers) = matchers else { continue };
        metrics.retain(|(name, _)| !matchers.iter().all(|m| m.matches(name)));
    }
}

/// What was asked for over HTTP since the server started.
#[derive(Debug, Default)]
pub(crate) struct AskedMetrics {
    asked: Mutex<Asked>,
    /// Seeded by chance, so that nobody can choose a query that passes for another one.
    hashing: RandomState,
}

#[derive(Debug, Default)]
struct Asked {
    names: MetricNames,
    /// The hashes of queries that were read.
    known: HashSet<u64>,
    queries: u64,
}

impl AskedMetrics {
    /// Notes what a query asks for; one that cannot be read asks for nothing.
    pub(crate) fn note(&self, query: &str, options: &ParseOptions) {
        let hash = self.hashing.hash_one(query);
        {
            let mut asked = self.lock();
            if asked.known.contains(&hash) {
                asked.queries += 1;
                return;
            }
        }
        let read = match query.len() > QUERY_BYTES_MAX {
            true => None,
            false => match parse(query, options) {
                Ok(expr) => Some(expr),
                Err(_) => return,
            },
        };
        let mut asked = self.lock();
        asked.queries += 1;
        if asked.known.len() >= KNOWN_QUERIES_MAX {
            asked.known.clear();
        }
        asked.known.insert(hash);
        match read {
            Some(expr) => asked.names.add_query(&expr),
            None => asked.names.is_full = true,
        }
    }

    /// How many queries there were, and what `look` sees in what they asked for.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&MetricNames) -> T) -> (u64, T) {
        let asked = self.lock();
        (asked.queries, look(&asked.names))
    }

    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Those of the metrics that are asked for.
    fn used<'m>(names: &MetricNames, metrics: &[&'m str]) -> Vec<&'m str> {
        let mut unused: Vec<(String, u64)> =
            metrics.iter().map(|name| ((*name).to_owned(), 1)).collect();
        names.leave_out_named(&mut unused);
        leave_out_found(&names.patterns(), &mut unused);
        let is_used = |name: &&&str| unused.iter().all(|(left, _)| left != **name);
        metrics.iter().filter(is_used).copied().collect()
    }

    fn asked(queries: &[&str]) -> AskedMetrics {
        let asked = AskedMetrics::default();
        for query in queries {
            asked.note(query, &ParseOptions::all());
        }
        asked
    }

    #[test]
    fn a_query_asks_for_the_names_of_its_selectors() {
        for (query, expected) in [
            ("up", vec!["up"]),
            (
                "rate(a[5m]) / on (job) {__name__=\"b:c\"}",
                vec!["a", "b:c"],
            ),
            ("{__name__=~\"a|b.*\"}", vec!["a", "b:c"]),
            ("count by (__name__) ({__name__=~\".+\"})", vec![]),
            ("{__name__!=\"a\",job=\"x\"}", vec![]),
            ("{job=\"up\"}", vec![]),
            ("up{", vec![]),
        ] {
            let (_, found) = asked(&[query]).look(|names| used(names, &["up", "a", "b:c"]));
            assert_eq!(found, expected, "{query}");
        }
        assert_eq!(asked(&["up", "up", "up{"]).look(|_| ()).0, 2);
    }

    #[test]
    fn more_queries_than_are_known_again_are_counted_and_read() {
        let asked = AskedMetrics::default();
        for number in 0..=KNOWN_QUERIES_MAX {
            asked.note(&format!("a{number}"), &ParseOptions::all());
        }
        asked.note("a0", &ParseOptions::all());
        let last = format!("a{KNOWN_QUERIES_MAX}");
        let all = ["a0", last.as_str()];
        let (queries, found) = asked.look(|names| used(names, &all));
        assert_eq!(
            (queries, found),
            (KNOWN_QUERIES_MAX as u64 + 2, all.to_vec())
        );
        assert!(asked.lock().known.len() <= KNOWN_QUERIES_MAX);
    }

    #[test]
    fn the_queries_of_a_dashboard_need_not_be_whole() {
        let mut names = MetricNames::default();
        names.add_dashboard(&json!({
            "spec": {
                "display": {"name": "title_total"},
                "panels": {"a": {"queries": [
                    {"spec": {"query": "rate(x_total{job=~\"$job\"}[$__rate_interval]) + {\"http.a\"}"}},
                ]}},
                "variables": [{"spec": {"matchers": ["build_info{a=\"b\"}"]}}],
            },
            "panels": [{"targets": [{"expr": "sum(y)"}]}],
        }));
        let all = ["x_total", "http.a", "build_info", "y", "title_total", "x"];
        assert_eq!(used(&names, &all), all[..4]);
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let mut names = MetricNames::default();
        let large = "a".repeat(BYTES_MAX);
        names.add(&large);
        assert!(!names.is_full());
        names.add("b");
        assert!(names.is_full());
        assert_eq!(used(&names, &[large.as_str(), "b"]), [large.as_str()]);
        let mut names = MetricNames::default();
        for number in 0..=PATTERNS_MAX {
            let query = format!("{{__name__=~\"a{number}.*\"}}");
            names.add_query(&parse(&query, &ParseOptions::all()).unwrap());
        }
        assert!(names.is_full());
        assert_eq!(used(&names, &["a0", "a99b", "b"]), ["a0", "a99b"]);
    }
}
