//! What the head can tell of itself.

use std::cmp::Reverse;

use narthex_model::METRIC_NAME;
use narthex_storage::StorageStats;

use crate::head::Head;
use crate::index::LabelIndex;

impl Head {
    /// Counts for `/api/v1/status/tsdb`; each list is cut to `limit` entries, largest first, and
    /// by name where counts are equal. Damage to the log is left to whoever has the report of
    /// [`Head::open`] and counts it.
    pub fn stats(&self, limit: usize) -> StorageStats {
        let memory = self.memory();
        let span = memory.span();
        let index = &memory.index;
        StorageStats {
            series: index.series(),
            label_pairs: index.pairs() as u64,
            chunks: memory.lines.users(),
            min_time_ms: span.map(|span| span.start_ms),
            max_time_ms: span.map(|span| span.end_ms),
            series_by_metric_name: largest(series_by_value(index, METRIC_NAME), limit),
            values_by_label_name: largest(
                index
                    .names()
                    .map(|(name, of)| (name.to_owned(), of.values().count() as u64)),
                limit,
            ),
            bytes_by_label_name: largest(
                index.names().map(|(name, of)| {
                    let bytes = of
                        .values()
                        .map(|(value, series)| value.len() as u64 * series.len());
                    (name.to_owned(), bytes.sum())
                }),
                limit,
            ),
            series_by_label_pair: largest(
                index.names().flat_map(|(name, of)| {
                    of.values()
                        .map(move |(value, series)| (format!("{name}={value}"), series.len()))
                }),
                limit,
            ),
            ..StorageStats::default()
        }
    }

    /// How many chunks the series have, the one that each appends to among them.
    pub fn chunk_count(&self) -> u64 {
        self.memory().lines.users()
    }

    /// Bytes of sample buffers in memory, without labels and their index.
    pub fn sample_bytes(&self) -> usize {
        let memory = self.memory();
        memory
            .iter()
            .map(crate::series::MemorySeries::sample_bytes)
            .sum::<usize>()
            + memory.lines.heap_bytes()
    }
}

fn series_by_value<'a>(
    index: &'a LabelIndex,
    name: &str,
) -> impl Iterator<Item = (String, u64)> + 'a {
    let values = index.name(name).into_iter().flat_map(|of| of.values());
    values.map(|(value, series)| (value.to_owned(), series.len()))
}

fn largest(counts: impl Iterator<Item = (String, u64)>, limit: usize) -> Vec<(String, u64)> {
    // Who asks for no entry does not pay for a walk over the index.
    if limit == 0 {
        return Vec::new();
    }
    let mut counts: Vec<_> = counts.collect();
    counts.sort_unstable_by(|a, b| (Reverse(a.1), &a.0).cmp(&(Reverse(b.1), &b.0)));
    counts.truncate(limit);
    counts
}
