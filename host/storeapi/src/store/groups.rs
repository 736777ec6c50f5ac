//! How an answer is divided, so that not all of it has to be held to be put in order.
//!
//! Label sets are ordered by their first label, and that is mostly the name of the metric: then the
//! series of a metric stand together, and metrics come in the order of their names.

use std::collections::BTreeMap;

use narthex_model::{Labels, METRIC_NAME, MatchOp, Matcher, is_classic_metric_name};

use super::question::Question;

/// A group has as many metrics as bring it to so many series.
const GROUP_SERIES: usize = 1_000;

/// A group has at most so many metrics.
const GROUP_METRICS_MAX: usize = 256;

/// Whether the selector names its metric, as most do.
pub(super) fn is_of_one_metric(question: &Question) -> bool {
    let names_it =
        |matcher: &Matcher| matcher.name() == METRIC_NAME && matcher.op() == MatchOp::Equal;
    question.matchers.iter().any(names_it)
}

/// The selectors of the groups of these series, in their order. It is one for all where a label
/// stands before the name of the metric that is not the same in all series.
pub(super) fn of(question: &Question, series: &[Labels]) -> Vec<Vec<Matcher>> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for labels in series {
        let own = |name: &str| question.external.get(name).is_none() && !question.leaves_out(name);
        match labels.iter().find(|(name, _)| own(name)) {
            Some((METRIC_NAME, metric)) => *counts.entry(metric).or_default() += 1,
            _ => return vec![question.matchers.clone()],
        }
    }
    let mut groups = Vec::new();
    let (mut metrics, mut held) = (Vec::new(), 0);
    for (metric, count) in counts {
        // A name that is no regular expression for itself stands alone.
        if !is_classic_metric_name(metric) {
            groups.extend(several(question, std::mem::take(&mut metrics)));
            groups.push(with(question, Some(Matcher::equal(METRIC_NAME, metric))));
            held = 0;
            continue;
        }
        metrics.push(metric);
        held += count;
        if held >= GROUP_SERIES || metrics.len() >= GROUP_METRICS_MAX {
            groups.extend(several(question, std::mem::take(&mut metrics)));
            held = 0;
        }
    }
    groups.extend(several(question, metrics));
    groups
}

/// The selector of these metrics; none for none.
fn several(question: &Question, metrics: Vec<&str>) -> Option<Vec<Matcher>> {
    if metrics.is_empty() {
        return None;
    }
    let named = Matcher::new(METRIC_NAME, MatchOp::Regex, metrics.join("|"));
    // Names side by side are always an expression; without it the group is all that was asked.
    Some(with(question, named.ok()))
}

fn with(question: &Question, matcher: Option<Matcher>) -> Vec<Matcher> {
    question.matchers.iter().cloned().chain(matcher).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::store::LabelMatcher;

    /// The names that each group has, joined.
    fn groups(series: &[Labels], without: &[&str]) -> Vec<String> {
        let any = LabelMatcher {
            r#type: 2,
            name: "job".to_owned(),
            value: ".*".to_owned(),
        };
        let external = Labels::from_pairs([("A", "first"), ("z", "last")]);
        let without: Vec<String> = without.iter().map(|name| (*name).to_owned()).collect();
        let question = Question::new(&[any], &external, &without, (0, 1)).unwrap();
        let groups = of(&question.unwrap(), series);
        groups
            .iter()
            .map(|matchers| {
                let texts = matchers[1..]
                    .iter()
                    .map(|matcher| matcher.value().to_owned());
                texts.collect::<Vec<_>>().join(" ")
            })
            .collect()
    }

    fn metric(name: &str, count: usize) -> Vec<Labels> {
        let series = (0..count).map(|number| {
            let number = number.to_string();
            Labels::from_pairs([("__name__", name), ("n", number.as_str())])
        });
        series.collect()
    }

    #[test]
    fn small_metrics_stand_together_and_in_their_order() {
        let series: Vec<Labels> = [("c", 1), ("a", 999), ("b", 1), ("ü|", 2), ("d", 5_000)]
            .into_iter()
            .flat_map(|(name, count)| metric(name, count))
            .collect();
        assert_eq!(groups(&series, &[]), ["a|b", "c|d", "ü|"]);
        assert!(groups(&[], &[]).is_empty());
        let many: Vec<Labels> = (0..600)
            .flat_map(|number| metric(&format!("m{number:03}"), 1))
            .collect();
        let sizes: Vec<usize> = groups(&many, &[])
            .iter()
            .map(|names| names.split('|').count())
            .collect();
        assert_eq!(sizes, [256, 256, 88]);
    }

    #[test]
    fn a_label_before_the_metrics_name_makes_it_one_group() {
        let with = |name: &str, value: &str| {
            let labels = Labels::from_pairs([("__name__", "a"), (name, value)]);
            vec![labels, Labels::from_pairs([("__name__", "b")])]
        };
        let all = [""];
        assert_eq!(groups(&with("B", "x"), &[]), all);
        // One that is left out, or that the host sets for all, is in nobody's way.
        assert_eq!(groups(&with("B", "x"), &["B"]), ["a|b"]);
        assert_eq!(groups(&with("A", "x"), &[]), ["a|b"]);
        assert_eq!(groups(&with("b", "x"), &["__name__"]), all);
        let nameless = [Labels::from_pairs([("job", "x")])];
        assert_eq!(groups(&nameless, &[]), all);
    }
}
