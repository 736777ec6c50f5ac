//! `count_values`: one series a group and value, which becomes a label.

use std::collections::HashMap;

use narthex_model::{Labels, LabelsBuilder, sample};

use super::Context;
use super::column::{ABSENT, Fill, OutputSeries, Vector, is_absent};
use super::grid::Grid;
use super::groups::group_labels;
use crate::error::QueryError;
use crate::plan::Aggregation;

/// Counts the series of each group that have the same value, at each step.
pub(crate) fn count_values<'a>(
    context: Context<'a>,
    aggregation: &'a Aggregation,
    label: &str,
    grid: Grid,
) -> Result<Vector<'a>, QueryError> {
    let vector = context.vector(&aggregation.inner, grid)?;
    // `without` may name the very label; then values are not told apart.
    let is_dropped = aggregation.without && aggregation.labels.iter().any(|name| name == label);
    let mut groups: HashMap<Labels, usize> = HashMap::new();
    let mut index_of: HashMap<(usize, Value), usize> = HashMap::new();
    let mut series: Vec<OutputSeries> = Vec::new();
    // Values that come once are many, so what is kept is one entry a sample and no columns.
    let mut counted: Vec<(usize, usize)> = Vec::new();
    context
        .workers
        .for_each(&vector, grid.count, |at, column| {
            let labels = &vector.series[at].labels;
            let labels = group_labels(aggregation, labels);
            let labels = labels.filtered(|name| name != label);
            let next = groups.len();
            let group = *groups.entry(labels.clone()).or_insert(next);
            let (before, series_before) = (counted.len(), series.len());
            for (step, value) in column.iter().enumerate() {
                if is_absent(*value) {
                    continue;
                }
                let histogram = column.histogram(step);
                let key = match histogram {
                    _ if is_dropped => Value::Number(0),
                    Some(histogram) => Value::Histogram(histogram.to_string()),
                    None if value.is_nan() => Value::Number(sample::NORMAL_NAN_BITS),
                    None => Value::Number(value.to_bits()),
                };
                let index = *index_of.entry((group, key)).or_insert_with(|| {
                    let mut builder = LabelsBuilder::from_labels(&labels);
                    if !is_dropped {
                        let text = histogram.map(ToString::to_string);
                        builder.set(label, &text.unwrap_or_else(|| plain(*value)));
                    }
                    series.push(OutputSeries {
                        labels: builder.build(),
                        drop_name: false,
                    });
                    series.len() - 1
                });
                counted.push((index, step));
            }
            for new in &series[series_before..] {
                context.workers.budget.charge_labels(&new.labels)?;
            }
            context.workers.budget.charge(counted.len() - before)
        })?;
    counted.sort_unstable();
    let budget = context.workers.budget;
    let samples = counted.len();
    let fill: Fill<'a> = Box::new(move |index, out| {
        out.fill(ABSENT);
        let first = counted.partition_point(|(at, _)| *at < index);
        for (_, step) in counted[first..].iter().take_while(|(at, _)| *at == index) {
            let count = &mut out[*step];
            *count = if is_absent(*count) { 1.0 } else { *count + 1.0 };
        }
    });
    // The result is counted again as it is read.
    budget.release(samples);
    Ok(Vector { series, fill })
}

/// What is counted.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Value {
    /// The bits of a number.
    Number(u64),
    /// A histogram as it prints.
    Histogram(String),
}

/// All digits and never an exponent (Go's `%f` with the shortest precision).
fn plain(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_labels_in_all_digits() {
        for (value, expected) in [
            (1e21, "1000000000000000000000"),
            (0.000_000_1, "0.0000001"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
            (-0.0, "-0"),
        ] {
            assert_eq!(plain(value), expected);
        }
    }
}
