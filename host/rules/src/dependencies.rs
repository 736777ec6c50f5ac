//! Which rules of a group may be evaluated at the same time: those that read nothing that others of
//! the group write.
//!
//! It is not: how many are evaluated at once.

use narthex_model::{METRIC_NAME, MatchOp};

use crate::rule::{Rule, RuleKind};
use crate::{ALERTS, ALERTS_FOR_STATE};

/// Rules by their place in the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Batch {
    /// In any order, at the same time.
    Together(Vec<usize>),
    /// One after another.
    InOrder(Vec<usize>),
}

/// Parts the rules into those that read nothing of the group, which come first, those that read and
/// are read, and those that only read. Where a query may read anything all are evaluated in order.
pub(crate) fn batches(rules: &[Rule]) -> Vec<Batch> {
    let Some(reads) = rules.iter().map(names_read).collect::<Option<Vec<_>>>() else {
        return vec![Batch::InOrder((0..rules.len()).collect())];
    };
    let reads_of = |reader: usize, writer: usize| {
        let names = reads.get(reader).into_iter().flatten();
        let writer = rules.get(writer);
        names
            .into_iter()
            .any(|name| writer.is_some_and(|rule| writes(rule, name)))
    };
    let all = 0..rules.len();
    let reads_any = |reader: usize| all.clone().any(|writer| reads_of(reader, writer));
    let is_read = |writer: usize| all.clone().any(|reader| reads_of(reader, writer));
    let (mut first, mut between, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for rule in all.clone() {
        match (reads_any(rule), is_read(rule)) {
            (false, _) => first.push(rule),
            (true, true) => between.push(rule),
            (true, false) => last.push(rule),
        }
    }
    [
        Batch::Together(first),
        Batch::InOrder(between),
        Batch::Together(last),
    ]
    .into_iter()
    .filter(|batch| !batch.is_empty())
    .collect()
}

impl Batch {
    fn is_empty(&self) -> bool {
        match self {
            Self::Together(rules) | Self::InOrder(rules) => rules.is_empty(),
        }
    }
}

fn writes(rule: &Rule, name: &str) -> bool {
    match rule.kind() {
        RuleKind::Recording => rule.name() == name,
        RuleKind::Alerting { .. } => name == ALERTS || name == ALERTS_FOR_STATE,
    }
}

/// The names of the metrics that a query reads; `None` where it may read any.
fn names_read(rule: &Rule) -> Option<Vec<String>> {
    let selectors = rule.expr().selectors();
    let names = selectors.iter().map(|found| {
        let mut matchers = found.selector.matchers.iter();
        let name = matchers.find(|m| m.name() == METRIC_NAME && m.op() == MatchOp::Equal);
        name.map(|matcher| matcher.value().to_owned())
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use narthex_promql::ParseOptions;

    use super::*;
    use crate::RuleConfig;

    fn rule(name: &str, expr: &str) -> Rule {
        let config = RuleConfig {
            record: name.to_lowercase(),
            alert: match name.chars().all(char::is_uppercase) {
                true => name.to_owned(),
                false => String::new(),
            },
            expr: expr.to_owned(),
            ..RuleConfig::default()
        };
        Rule::new(&config, &BTreeMap::new(), &ParseOptions::all()).unwrap()
    }

    #[test]
    fn only_rules_that_read_nothing_of_each_other_go_together() {
        let together = |rules: &[usize]| Batch::Together(rules.to_vec());
        let in_order = |rules: &[usize]| Batch::InOrder(rules.to_vec());
        for (rules, expected) in [
            (vec![], vec![]),
            (vec![("a", "x"), ("b", "y")], vec![together(&[0, 1])]),
            (
                vec![
                    ("a", "x"),
                    ("b", "sum(a)"),
                    ("c", "rate(b[5m])"),
                    ("d", "y"),
                ],
                vec![together(&[0, 3]), in_order(&[1]), together(&[2])],
            ),
            (vec![("a", "a")], vec![in_order(&[0])]),
            (
                vec![("A", "x"), ("b", "ALERTS")],
                vec![together(&[0]), together(&[1])],
            ),
            (
                vec![("a", "x"), ("b", "{job=\"y\"}")],
                vec![in_order(&[0, 1])],
            ),
            (
                vec![("a", "x"), ("b", "{__name__=~\"y\"}")],
                vec![in_order(&[0, 1])],
            ),
        ] {
            let made: Vec<Rule> = rules.iter().map(|(name, expr)| rule(name, expr)).collect();
            assert_eq!(batches(&made), expected, "{rules:?}");
        }
    }
}
