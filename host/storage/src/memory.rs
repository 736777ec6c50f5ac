//! A store that lives as long as the process.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow_buffer::ScalarBuffer;
use futures::FutureExt;
use futures::future::{self, BoxFuture};
use futures::stream::{self, StreamExt};
use narthex_model::{AppendReport, Labels, Matcher, Rejection, SeriesRef, WriteBatch};

use crate::{
    AppendError, Appendable, LabelsRequest, Queryable, SelectRequest, Series, SeriesStream,
    StorageError, TimeRange,
};

/// Keeps every sample in maps, without an index: for tests, scripts and small inputs.
#[derive(Debug, Default)]
pub struct MemoryStore {
    series: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    refs: HashMap<Labels, usize>,
    series: Vec<(Labels, BTreeMap<i64, f64>)>,
}

impl MemoryStore {
    /// A store without a sample.
    pub fn new() -> Self {
        Self::default()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn matching(&self, matchers: &[Matcher], range: TimeRange) -> Vec<Series> {
        let held = self.held();
        held.series
            .iter()
            .filter(|(labels, _)| matches_all(labels, matchers))
            .filter_map(|(labels, samples)| {
                if range.start_ms > range.end_ms {
                    return None;
                }
                let (timestamps, values): (Vec<i64>, Vec<f64>) =
                    samples.range(range.start_ms..=range.end_ms).unzip();
                (!timestamps.is_empty()).then(|| Series {
                    labels: labels.clone(),
                    timestamps: ScalarBuffer::from(timestamps),
                    values: ScalarBuffer::from(values),
                })
            })
            .collect()
    }
}

fn matches_all(labels: &Labels, matchers: &[Matcher]) -> bool {
    matchers
        .iter()
        .all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or("")))
}

impl Appendable for MemoryStore {
    fn append(&self, batch: &WriteBatch) -> Result<AppendReport, AppendError> {
        let mut held = self.held();
        let mut report = AppendReport::default();
        for (index, sample) in batch.samples.iter().enumerate() {
            if sample.labels.metric_name().is_empty() {
                report.rejected.push((index, Rejection::InvalidLabels));
                report.series.push(SeriesRef::UNKNOWN);
                continue;
            }
            let held = &mut *held;
            let at = *held.refs.entry(sample.labels.clone()).or_insert_with(|| {
                report.created += 1;
                held.series.push((sample.labels.clone(), BTreeMap::new()));
                held.series.len() - 1
            });
            report.series.push(SeriesRef(at as u64 + 1));
            let samples = &mut held.series[at].1;
            match samples.last_key_value() {
                Some((newest, value)) if *newest == sample.timestamp_ms => {
                    if value.to_bits() != sample.value.to_bits() {
                        report.rejected.push((index, Rejection::DuplicateTimestamp));
                    }
                }
                Some((newest, _)) if *newest > sample.timestamp_ms => {
                    report.rejected.push((index, Rejection::OutOfOrder));
                }
                _ => {
                    samples.insert(sample.timestamp_ms, sample.value);
                }
            }
        }
        Ok(report)
    }
}

impl Queryable for MemoryStore {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        let series = self.matching(&request.matchers, request.range);
        future::ready(Ok(stream::iter(series.into_iter().map(Ok)).boxed())).boxed()
    }

    fn series<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<Vec<Labels>, StorageError>> {
        let series = self.matching(&request.matchers, request.range);
        future::ready(Ok(series.into_iter().map(|series| series.labels).collect())).boxed()
    }

    fn label_names<'a>(
        &'a self,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        let series = self.matching(&request.matchers, request.range);
        let names: BTreeSet<&str> = series
            .iter()
            .flat_map(|series| series.labels.iter().map(|(name, _)| name))
            .collect();
        future::ready(Ok(names.into_iter().map(str::to_owned).collect())).boxed()
    }

    fn label_values<'a>(
        &'a self,
        name: &'a str,
        request: &'a LabelsRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, StorageError>> {
        let series = self.matching(&request.matchers, request.range);
        let values: BTreeSet<&str> = series
            .iter()
            .filter_map(|series| series.labels.get(name))
            .collect();
        future::ready(Ok(values.into_iter().map(str::to_owned).collect())).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_store_keeps_the_contract() {
        futures::executor::block_on(crate::contract::holds(MemoryStore::new));
    }
}
