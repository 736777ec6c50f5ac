//! The answer of a query, put together of those of its parts.

use std::collections::BTreeSet;

use narthex_promql::{MatrixSeries, QuerySamples, QueryStats, QueryTimings};

use crate::steps::Steps;

/// The answer of some steps.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    /// Sorted by labels.
    pub(crate) matrix: Vec<MatrixSeries>,
    pub(crate) warnings: Vec<String>,
    pub(crate) infos: Vec<String>,
    /// What it took; nothing where it was kept.
    pub(crate) stats: QueryStats,
}

/// The answer so far. Pieces come in the order of time.
#[derive(Debug, Default)]
pub(crate) struct Joined {
    /// Sorted by labels.
    pub(crate) matrix: Vec<MatrixSeries>,
    pub(crate) warnings: BTreeSet<String>,
    pub(crate) infos: BTreeSet<String>,
    pub(crate) stats: QueryStats,
}

impl Joined {
    /// Adds what follows.
    pub(crate) fn add(&mut self, piece: Piece) {
        append(&mut self.matrix, piece.matrix);
        self.warnings.extend(piece.warnings);
        self.infos.extend(piece.infos);
        add_timings(&mut self.stats.timings, &piece.stats.timings);
        if let Some(samples) = piece.stats.samples {
            add_samples(self.stats.samples.get_or_insert_default(), &samples);
        }
    }
}

/// Puts the samples of a later matrix behind those of an earlier one. Both are sorted by labels, and
/// so is what comes of it.
pub(crate) fn append(matrix: &mut Vec<MatrixSeries>, later: Vec<MatrixSeries>) {
    if matrix.is_empty() {
        *matrix = later;
        return;
    }
    let mut at = 0;
    let mut new = Vec::new();
    for series in later {
        while matrix
            .get(at)
            .is_some_and(|known| known.labels < series.labels)
        {
            at += 1;
        }
        match matrix.get_mut(at) {
            Some(known) if known.labels == series.labels => {
                known.timestamps.extend(series.timestamps);
                known.values.extend(series.values);
                known.histograms.extend(series.histograms);
            }
            _ => new.push(series),
        }
    }
    if !new.is_empty() {
        matrix.append(&mut new);
        matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
    }
}

/// The samples of a matrix at these steps.
pub(crate) fn within(matrix: &mut Vec<MatrixSeries>, steps: Steps) {
    for series in matrix.iter_mut() {
        let after = series.timestamps.partition_point(|ms| *ms <= steps.to_ms);
        let before = series.timestamps.partition_point(|ms| *ms < steps.from_ms);
        series.timestamps.truncate(after);
        series.timestamps.drain(..before.min(after));
        series.values.truncate(after);
        series.values.drain(..before.min(after));
        let range = steps.from_ms..=steps.to_ms;
        series.histograms.retain(|(ms, _)| range.contains(ms));
    }
    matrix.retain(|series| !series.timestamps.is_empty() || !series.histograms.is_empty());
}

fn add_timings(sum: &mut QueryTimings, more: &QueryTimings) {
    sum.eval_total += more.eval_total;
    sum.result_sort += more.result_sort;
    sum.query_preparation += more.query_preparation;
    sum.inner_eval += more.inner_eval;
    // Parts wait side by side.
    sum.exec_queue = sum.exec_queue.max(more.exec_queue);
}

fn add_samples(sum: &mut QuerySamples, more: &QuerySamples) {
    sum.total += more.total;
    sum.read += more.read;
    sum.peak = sum.peak.max(more.peak);
}

#[cfg(test)]
mod tests {
    use narthex_model::Labels;

    use super::*;

    fn series(name: &str, times: &[i64]) -> MatrixSeries {
        MatrixSeries {
            labels: Labels::from_pairs([("__name__", name)]),
            timestamps: times.to_vec(),
            values: times.iter().map(|ms| *ms as f64).collect(),
            histograms: Vec::new(),
        }
    }

    #[test]
    fn series_come_and_go_and_stay_sorted() {
        let mut matrix = vec![series("b", &[0, 10]), series("d", &[0])];
        append(
            &mut matrix,
            vec![
                series("a", &[20]),
                series("b", &[20, 30]),
                series("c", &[30]),
                series("e", &[20]),
            ],
        );
        append(&mut matrix, Vec::new());
        append(&mut matrix, vec![series("c", &[40]), series("d", &[40])]);
        let expected = vec![
            series("a", &[20]),
            series("b", &[0, 10, 20, 30]),
            series("c", &[30, 40]),
            series("d", &[0, 40]),
            series("e", &[20]),
        ];
        assert_eq!(matrix, expected);
        within(&mut matrix, Steps::new(10, 30, 10).unwrap());
        let expected = vec![
            series("a", &[20]),
            series("b", &[10, 20, 30]),
            series("c", &[30]),
            series("e", &[20]),
        ];
        assert_eq!(matrix, expected);
        within(&mut matrix, Steps::new(50, 60, 10).unwrap());
        assert!(matrix.is_empty());
    }
}
