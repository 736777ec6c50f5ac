//! The series of a test: their samples go into the store as time goes by, so that no query sees what
//! is yet to come.

use std::sync::Arc;

use narthex_model::{HistogramSample, Labels, Sample, SeriesRef, WriteBatch};
use narthex_promql::script::HistogramSequence;
use narthex_promql::series_description::{SequenceValue, parse_series_description};
use narthex_storage::{Appendable, MemoryStore};

use super::InputSeries;

/// The series, and how far each was loaded.
pub(super) struct Loader {
    series: Vec<Described>,
    interval_ms: i64,
}

struct Described {
    labels: Labels,
    values: Vec<SequenceValue>,
    histograms: HistogramSequence,
    next: usize,
}

impl Loader {
    /// # Errors
    /// A series is none.
    pub(super) fn new(series: &[InputSeries], interval_ms: i64) -> Result<Self, String> {
        let series = series.iter().map(|input| {
            let line = format!("{} {}", input.series.trim(), input.values);
            let described = parse_series_description(&line).map_err(|error| error.to_string())?;
            Ok(Described {
                labels: described.labels,
                values: described.values,
                histograms: HistogramSequence::default(),
                next: 0,
            })
        });
        Ok(Self {
            series: series.collect::<Result<_, String>>()?,
            interval_ms,
        })
    }

    /// Writes all samples up to a time.
    ///
    /// # Errors
    /// The store refuses one, which ends the loading at this time.
    pub(super) fn load_until(&mut self, store: &MemoryStore, until_ms: i64) -> Result<(), String> {
        for series in &mut self.series {
            while let Some(value) = series.values.get(series.next) {
                let at = i64::try_from(series.next).unwrap_or(i64::MAX);
                let timestamp_ms = self.interval_ms.saturating_mul(at);
                if timestamp_ms > until_ms {
                    break;
                }
                series.next += 1;
                let batch = match value {
                    SequenceValue::Omitted => continue,
                    SequenceValue::Float(value) => WriteBatch::from(vec![Sample {
                        series: SeriesRef::UNKNOWN,
                        labels: series.labels.clone(),
                        timestamp_ms,
                        value: *value,
                    }]),
                    SequenceValue::Histogram(described) => WriteBatch {
                        histograms: vec![HistogramSample {
                            series: SeriesRef::UNKNOWN,
                            labels: series.labels.clone(),
                            timestamp_ms,
                            histogram: Arc::new(series.histograms.next(described)?),
                        }],
                        ..WriteBatch::default()
                    },
                };
                let report = store.append(&batch).map_err(|error| error.to_string())?;
                let mut rejected = report.rejected.iter().chain(&report.rejected_histograms);
                if let Some((_, why)) = rejected.next() {
                    return Err(format!(
                        "a sample of {} was rejected: {why:?}",
                        series.labels
                    ));
                }
            }
        }
        Ok(())
    }
}
