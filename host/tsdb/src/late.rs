//! Samples that came out of order and are older than the blocks: they go into blocks of their own
//! beside those that answer for their time, and compaction makes one of them.

use std::collections::BTreeMap;

use async_recursion::async_recursion as boxed;
use narthex_block::{SLICE_MS, TimeBounds, Ulid, WriteOptions, block_order};
use narthex_model::PromDuration;
use narthex_storage::Series;

use crate::catalog::Catalog;
use crate::{Tsdb, TsdbError};

/// With so many samples out of order in memory, a cut of them does not wait for that of the next
/// block.
pub(crate) const LATE_SAMPLES_MAX: usize = 1_000_000;

impl Tsdb {
    /// Takes samples out of order from now on that are at most so much older than the newest one
    /// (`storage.tsdb.out_of_order_time_window`); with zero it takes none. What was taken stays.
    pub fn set_out_of_order_window(&self, window: PromDuration) {
        self.head.set_out_of_order_window(window.as_millis_i64());
        self.metrics.set_takes_late(!window.is_zero());
    }

    /// Writes the late samples that are older than what the head lets go of next, into one block
    /// for each span of time, and shows these to readers. Until the head is truncated they are in
    /// both, and taken once; where it is not, the blocks [go again](Self::take_back). Where one
    /// fails there is none.
    #[boxed]
    pub(crate) async fn cut_late(&self) -> Result<Vec<Ulid>, TsdbError> {
        let late = self.head.late_cut(block_order);
        let mut shown = Vec::new();
        let duration_ms = self.options.min_block_duration.as_millis_i64();
        for (range, series) in by_block(late, duration_ms) {
            let ulid = self.new_ulid();
            let samples: usize = series.iter().map(|series| series.timestamps.len()).sum();
            let done = match self.write_late(ulid, range, series).await {
                Ok(()) => self.catalog.show(ulid).await,
                Err(error) => {
                    self.catalog.discard(ulid);
                    Err(error)
                }
            };
            if let Err(error) = done {
                self.take_back(&shown);
                return Err(error);
            }
            shown.push(ulid);
            tracing::info!(
                block = %ulid, start_ms = range.start_ms, end_ms = range.end_ms, samples,
                "block of samples out of order is cut"
            );
        }
        Ok(shown)
    }

    /// Takes blocks from readers that have nothing but what the head still has, because what was to
    /// come with them failed. They would be there once more after each new try.
    pub(crate) fn take_back(&self, shown: &[Ulid]) {
        let names: Vec<String> = shown.iter().map(Ulid::to_string).collect();
        let blocks = self.catalog.blocks();
        let gone = blocks
            .iter()
            .filter(|block| names.contains(&block.meta().ulid));
        let gone: Vec<_> = gone.cloned().collect();
        drop(blocks);
        if !gone.is_empty() {
            self.catalog.remove(&gone);
            drop(gone);
            self.catalog.sweep();
        }
    }

    /// Cuts late samples between the cuts of other blocks.
    #[boxed]
    pub(crate) async fn cut_late_alone(&self) -> Result<(), TsdbError> {
        let Some(bound_ms) = self.head.bound_ms() else {
            return Ok(());
        };
        self.head.refuse_before(bound_ms);
        self.cut_late().await?;
        self.truncate(bound_ms)
    }

    async fn write_late(
        &self,
        ulid: Ulid,
        range: TimeBounds,
        series: Vec<Series>,
    ) -> Result<(), TsdbError> {
        let options = WriteOptions {
            ulid,
            range,
            slice_ms: SLICE_MS,
            sources: Vec::new(),
        };
        let folder = Catalog::temporary(ulid);
        let series = series.into_iter();
        narthex_block::write(self.catalog.store(), &folder, series, &options).await?;
        Ok(())
    }
}

/// Some samples of a series.
fn part(series: &Series, samples: std::ops::Range<usize>) -> Series {
    let (times, values) = (&series.timestamps, &series.values);
    let histograms = series.histograms.as_ref().map(|all| &all[samples.clone()]);
    let has_histogram = |all: &&[Option<_>]| all.iter().any(Option::is_some);
    Series {
        histograms: histograms.filter(has_histogram).map(Into::into),
        ..Series::of_numbers(
            series.labels.clone(),
            times.slice(samples.start, samples.len()),
            values.slice(samples.start, samples.len()),
        )
    }
}

/// The samples of each span of time that one block answers for. No block ends behind its last
/// sample's next millisecond: what the head still has is not the block's to answer for.
fn by_block(late: Vec<Series>, duration_ms: i64) -> Vec<(TimeBounds, Vec<Series>)> {
    let mut blocks: BTreeMap<i64, Vec<Series>> = BTreeMap::new();
    for series in late {
        let mut from = 0;
        while let Some(first_ms) = series.timestamps.get(from) {
            let number = first_ms.div_euclid(duration_ms);
            let end_ms = number.saturating_add(1).saturating_mul(duration_ms);
            let upto = from + series.timestamps[from..].partition_point(|at| *at < end_ms);
            // At the end of all time there is no next block.
            let upto = upto.max(from + 1);
            blocks
                .entry(number)
                .or_default()
                .push(part(&series, from..upto));
            from = upto;
        }
    }
    let ranged = blocks.into_iter().map(|(number, series)| {
        let ends = series.iter().filter_map(|series| series.timestamps.last());
        let last_ms = ends.copied().max().unwrap_or(i64::MIN);
        let range = TimeBounds {
            start_ms: number.saturating_mul(duration_ms),
            end_ms: last_ms.saturating_add(1),
        };
        (range, series)
    });
    ranged.collect()
}

#[cfg(test)]
mod tests {
    use narthex_model::Labels;

    use super::*;

    #[test]
    fn each_span_of_time_gets_its_samples_and_ends_with_the_last() {
        let series = |name, times: &[i64]| {
            let values: Vec<f64> = times.iter().map(|at| *at as f64).collect();
            Series::of_numbers(
                Labels::from_pairs([("__name__", name)]),
                times.to_vec(),
                values,
            )
        };
        let late = vec![series("a", &[-5, 0, 99, 100, 350]), series("b", &[120])];
        let blocks = by_block(late, 100);
        let shown: Vec<_> = blocks
            .iter()
            .map(|(range, series)| {
                let series = series.iter();
                let times = series.map(|s| (s.labels.metric_name(), s.timestamps.to_vec()));
                ((range.start_ms, range.end_ms), times.collect::<Vec<_>>())
            })
            .collect();
        let expected = vec![
            ((-100, -4), vec![("a", vec![-5])]),
            ((0, 100), vec![("a", vec![0, 99])]),
            ((100, 121), vec![("a", vec![100]), ("b", vec![120])]),
            ((300, 351), vec![("a", vec![350])]),
        ];
        assert_eq!(shown, expected);
        assert_eq!(blocks[1].1[0].values.to_vec(), [0.0, 99.0]);
    }
}
