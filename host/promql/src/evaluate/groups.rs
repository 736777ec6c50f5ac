//! Which series are aggregated into one.

use std::collections::HashMap;

use narthex_model::{Labels, METRIC_NAME};

use super::column::OutputSeries;
use crate::plan::Aggregation;

/// The groups of the series that came so far, in the order in which those came.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    index_of: HashMap<Labels, usize>,
    series: Vec<OutputSeries>,
    /// The least label set that belongs to each.
    least: Vec<Labels>,
}

impl Groups {
    /// The group of each of these series.
    pub(crate) fn add(&mut self, aggregation: &Aggregation, series: &[OutputSeries]) -> Vec<usize> {
        let mut scratch = String::new();
        let group = |series: &OutputSeries| {
            let labels = &series.labels;
            scratch.clear();
            labels.filter_into(&mut scratch, |name| is_kept(aggregation, name));
            let index = match self.index_of.get(scratch.as_str()) {
                Some(index) => *index,
                None => self.open(group_labels(aggregation, labels), labels),
            };
            if *labels < self.least[index] {
                self.least[index] = labels.clone();
            }
            self.series[index].drop_name |= series.drop_name;
            index
        };
        series.iter().map(group).collect()
    }

    fn open(&mut self, labels: Labels, first: &Labels) -> usize {
        let index = self.series.len();
        self.index_of.insert(labels.clone(), index);
        self.least.push(first.clone());
        self.series.push(OutputSeries {
            labels,
            drop_name: false,
        });
        index
    }

    /// The series that each group becomes.
    pub(crate) fn series(&self) -> &[OutputSeries] {
        &self.series
    }

    /// The same groups in the order of the least series of each: the one in which they come where
    /// the series come sorted.
    pub(crate) fn sorted(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.least.len()).collect();
        order.sort_by(|a, b| self.least[*a].cmp(&self.least[*b]));
        order
    }
}

/// The labels of the group that a series belongs to.
pub(crate) fn group_labels(aggregation: &Aggregation, labels: &Labels) -> Labels {
    labels.filtered(|name| is_kept(aggregation, name))
}

fn is_kept(aggregation: &Aggregation, name: &str) -> bool {
    let names = &aggregation.labels;
    let is_named = names.binary_search_by(|n| n.as_str().cmp(name)).is_ok();
    match aggregation.without {
        true => !is_named && name != METRIC_NAME,
        false => is_named,
    }
}
