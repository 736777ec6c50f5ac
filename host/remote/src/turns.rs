//! A batch in the order of time, where a series of it has both numbers and native histograms.
//!
//! A store takes the numbers of a batch before its histograms. So a mark that a series of
//! histograms ended, which is a number, would come before the histograms that it ends, and they
//! would be late. Such a series is written in turns, each a batch of its own; what all other
//! series have goes into the first one. Nearly all requests need one turn.
//!
//! It is not: a sort of what was sent. Numbers among themselves, and histograms among themselves,
//! stay in the order in which they were sent.

use hashbrown::HashMap;
use narthex_model::{
    AppendReport, HistogramSample, Labels, Sample, SeriesRef, StartTimestamps, WriteBatch,
};
use narthex_storage::{AppendError, Appendable};

/// A request is written in at most so many turns; what is behind goes into the last one, where the
/// store may find it late. Each is a record of the log, and who goes to and fro between numbers and
/// histograms more often is no sender that we know.
const TURNS_MAX: usize = 16;

/// Where a sample lies in a batch, and when it is.
#[derive(Debug, Clone, Copy)]
struct Entry {
    timestamp_ms: i64,
    is_histogram: bool,
    /// In the numbers, or in the histograms.
    at: usize,
}

/// Which turn each sample has: for the numbers, and for the histograms.
struct Turns {
    numbers: Vec<usize>,
    histograms: Vec<usize>,
    count: usize,
}

/// One turn, and where its samples lie in the whole batch.
#[derive(Default)]
struct Part {
    batch: WriteBatch,
    numbers: Vec<usize>,
    histograms: Vec<usize>,
}

/// Stores a batch, in turns where that is needed. The report is of the whole batch.
///
/// # Errors
/// As the store's; the turns before are stored then, which does no harm to a request that comes
/// again.
pub(crate) fn append(
    store: &dyn Appendable,
    batch: &WriteBatch,
) -> Result<AppendReport, AppendError> {
    match turns(batch) {
        None => store.append(batch),
        Some(turns) => append_parts(store, batch, &turns),
    }
}

/// Which turn each sample has; nothing where one turn will do.
fn turns(batch: &WriteBatch) -> Option<Turns> {
    if batch.samples.is_empty() || batch.histograms.is_empty() {
        return None;
    }
    let mut mixed: HashMap<&Labels, Vec<Entry>> = HashMap::new();
    for (at, sample) in batch.histograms.iter().enumerate() {
        let entries = mixed.entry(&sample.labels).or_default();
        entries.push(Entry {
            timestamp_ms: sample.timestamp_ms,
            is_histogram: true,
            at,
        });
    }
    let mut has_both = false;
    for (at, sample) in batch.samples.iter().enumerate() {
        if let Some(entries) = mixed.get_mut(&sample.labels) {
            has_both = true;
            entries.push(Entry {
                timestamp_ms: sample.timestamp_ms,
                is_histogram: false,
                at,
            });
        }
    }
    if !has_both {
        return None;
    }
    let mut turns = Turns {
        numbers: vec![0; batch.samples.len()],
        histograms: vec![0; batch.histograms.len()],
        count: 1,
    };
    for entries in mixed.values_mut() {
        turns.take(entries);
    }
    (turns.count > 1).then_some(turns)
}

impl Turns {
    /// Gives each sample of a series its turn.
    fn take(&mut self, entries: &mut [Entry]) {
        // At one time the number is first, as in Prometheus.
        entries.sort_by_key(|entry| (entry.timestamp_ms, entry.is_histogram));
        let (mut turn, mut is_after_histogram) = (0, false);
        for entry in entries {
            if is_after_histogram && !entry.is_histogram {
                turn = (turn + 1).min(TURNS_MAX - 1);
            }
            is_after_histogram = entry.is_histogram;
            match entry.is_histogram {
                true => self.histograms[entry.at] = turn,
                false => self.numbers[entry.at] = turn,
            }
        }
        self.count = self.count.max(turn + 1);
    }
}

fn append_parts(
    store: &dyn Appendable,
    batch: &WriteBatch,
    turns: &Turns,
) -> Result<AppendReport, AppendError> {
    let mut whole = AppendReport {
        series: vec![SeriesRef::UNKNOWN; batch.samples.len()],
        histogram_series: vec![SeriesRef::UNKNOWN; batch.histograms.len()],
        ..AppendReport::default()
    };
    for part in parts(batch, turns) {
        let report = store.append(&part.batch)?;
        for (at, series) in part.numbers.iter().zip(report.series) {
            whole.series[*at] = series;
        }
        for (at, series) in part.histograms.iter().zip(report.histogram_series) {
            whole.histogram_series[*at] = series;
        }
        let rejected = report.rejected.into_iter();
        let rejected = rejected.filter_map(|(at, why)| Some((*part.numbers.get(at)?, why)));
        whole.rejected.extend(rejected);
        let rejected = report.rejected_histograms.into_iter();
        let rejected = rejected.filter_map(|(at, why)| Some((*part.histograms.get(at)?, why)));
        whole.rejected_histograms.extend(rejected);
        // All exemplars are in one part, in the order of the batch.
        whole.rejected_exemplars.extend(report.rejected_exemplars);
        whole.created += report.created;
    }
    whole.rejected.sort_unstable_by_key(|(at, _)| *at);
    whole
        .rejected_histograms
        .sort_unstable_by_key(|(at, _)| *at);
    Ok(whole)
}

/// The batches, in the order in which they are written.
fn parts(batch: &WriteBatch, turns: &Turns) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    parts.resize_with(turns.count, Part::default);
    let StartTimestamps {
        samples: number_starts,
        histograms: histogram_starts,
    } = &batch.starts;
    let mut starts = number_starts.iter().peekable();
    for (at, (sample, turn)) in batch.samples.iter().zip(&turns.numbers).enumerate() {
        let Part { batch, numbers, .. } = &mut parts[*turn];
        if let Some((_, start_ms)) = starts.next_if(|(of, _)| *of == at) {
            let at = batch.samples.len();
            batch.starts.samples.push((at, *start_ms));
        }
        batch.samples.push(Sample::clone(sample));
        numbers.push(at);
    }
    let mut starts = histogram_starts.iter().peekable();
    for (at, (sample, turn)) in batch.histograms.iter().zip(&turns.histograms).enumerate() {
        let part = &mut parts[*turn];
        if let Some((_, start_ms)) = starts.next_if(|(of, _)| *of == at) {
            let at = part.batch.histograms.len();
            part.batch.starts.histograms.push((at, *start_ms));
        }
        part.batch.histograms.push(HistogramSample::clone(sample));
        part.histograms.push(at);
    }
    // Each series has a sample in the first part, so it is there for its exemplars.
    if let Some(first) = parts.first_mut() {
        first.batch.exemplars.clone_from(&batch.exemplars);
    }
    parts
}

#[cfg(test)]
mod tests;
