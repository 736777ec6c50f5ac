//! Which series of two vectors meet: computed once for a query, not for each step.

use std::collections::HashMap;

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME};

use super::column::{OutputSeries, without_metadata};
use super::operators::changes_metric;
use crate::ast::{BinaryOp, Cardinality, VectorMatching};

/// The match groups of two vectors.
pub(crate) struct MatchGroups {
    /// The group of each left series.
    pub(crate) of_left: Vec<usize>,
    /// The group of each right series.
    pub(crate) of_right: Vec<usize>,
    /// The left series of each group.
    pub(crate) left: Vec<Vec<usize>>,
    /// The right series of each group.
    pub(crate) right: Vec<Vec<usize>>,
}

impl MatchGroups {
    /// Groups the series of both sides by the labels that must agree.
    pub(crate) fn new(
        matching: &VectorMatching,
        left: &[OutputSeries],
        right: &[OutputSeries],
    ) -> Self {
        let mut names: Vec<&str> = matching.labels.iter().map(String::as_str).collect();
        if !matching.on {
            names.push(METRIC_NAME);
        }
        names.sort_unstable();
        let signature = |labels: &Labels| match matching.on {
            true => labels.keep(&names),
            false => labels.without(&names),
        };
        Self::by(signature, left, right)
    }

    /// Groups the series of both sides by all labels, the name among them.
    pub(crate) fn of_same_series(left: &[OutputSeries], right: &[OutputSeries]) -> Self {
        Self::by(Labels::clone, left, right)
    }

    fn by(
        signature: impl Fn(&Labels) -> Labels,
        left: &[OutputSeries],
        right: &[OutputSeries],
    ) -> Self {
        let mut groups: HashMap<Labels, usize> =
            HashMap::with_capacity(left.len().max(right.len()));
        let mut group = |series: &OutputSeries| {
            let next = groups.len();
            let signature = signature(&series.labels);
            *groups.entry(signature).or_insert(next)
        };
        let of_left: Vec<usize> = left.iter().map(&mut group).collect();
        let of_right: Vec<usize> = right.iter().map(&mut group).collect();
        let count = groups.len();
        Self {
            left: members(&of_left, count),
            right: members(&of_right, count),
            of_left,
            of_right,
        }
    }

    /// How many groups there are.
    pub(crate) fn len(&self) -> usize {
        self.left.len()
    }
}

fn members(group_of: &[usize], count: usize) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); count];
    for (index, group) in group_of.iter().enumerate() {
        members[*group].push(index);
    }
    members
}

/// The labels of a group, as errors show them and as a filled-in side has them.
pub(crate) fn match_labels(matching: &VectorMatching, labels: &Labels) -> Labels {
    labels.filtered(|name| {
        let named = matching.labels.iter().any(|label| label == name);
        if matching.on {
            named
        } else {
            !named && name != METRIC_NAME
        }
    })
}

/// The labels of a result: those of the "many" side, or the only ones, with what `group_left`
/// and `group_right` take from the "one" side.
pub(crate) fn result_labels(
    op: BinaryOp,
    matching: &VectorMatching,
    many: &Labels,
    one: &Labels,
) -> Labels {
    let mut labels = if changes_metric(op) {
        without_metadata(many)
    } else {
        many.clone()
    };
    if matching.cardinality == Cardinality::OneToOne {
        labels = labels
            .filtered(|name| matching.on == matching.labels.iter().any(|label| label == name));
    }
    if matching.include.is_empty() {
        return labels;
    }
    let mut builder = LabelsBuilder::from_labels(&labels);
    for name in &matching.include {
        match one.get(name) {
            Some(value) => builder.set(name, value),
            None => builder.remove(name),
        };
    }
    builder.build()
}
