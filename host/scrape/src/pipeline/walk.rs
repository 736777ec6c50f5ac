//! One reading of what was scraped: takes samples in, one after the other, whatever they were
//! read from.
//!
//! It is not: a reader of a format; those are `pages` and `messages`.

use std::borrow::Cow;

use narthex_model::histogram::EXPONENTIAL_SCHEMA_MIN;
use narthex_model::{
    CounterResetHint, Exemplar, ExemplarSample, FloatHistogram, HistogramSample, Labels, Sample,
    SeriesRef,
};

use super::cache::{EntryId, Known, NO_ENTRY};
use super::sample_labels::{self, Described};
use super::{AHEAD_MS_MAX, Memory, Outcome, Rules};
use crate::ScrapeError;

/// One reading.
pub(super) struct Walk<'a> {
    pub(super) rules: Rules<'a>,
    pub(super) memory: &'a mut Memory,
    pub(super) now_ms: i64,
    /// Samples that count for `sample_limit`.
    appended: u64,
    /// Whether a histogram was over `native_histogram_bucket_limit`.
    is_over_bucket_limit: bool,
    pub(super) outcome: Outcome,
}

/// What is known of a sample before its value is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    id: EntryId,
    is_new: bool,
    has_own_time: bool,
    /// The sample's time.
    pub(super) timestamp_ms: i64,
}

impl<'a> Walk<'a> {
    pub(super) fn new(rules: Rules<'a>, memory: &'a mut Memory, now_ms: i64) -> Self {
        Self {
            rules,
            memory,
            now_ms,
            appended: 0,
            is_over_bucket_limit: false,
            outcome: Outcome::default(),
        }
    }

    /// The limit that was passed, where one was. The rest of the page is still read, so that the
    /// report series say how many samples there are.
    pub(super) fn passed_limit(&self) -> Option<ScrapeError> {
        match (self.is_over_sample_limit(), self.is_over_bucket_limit) {
            (true, _) => Some(ScrapeError::SampleLimit),
            _ if self.is_over_room() => Some(ScrapeError::JobSampleLimit),
            (_, true) => Some(ScrapeError::BucketLimit),
            _ => None,
        }
    }

    fn is_over_room(&self) -> bool {
        self.appended > self.rules.room
    }

    fn is_over_sample_limit(&self) -> bool {
        let limit = self.rules.config.sample_limit;
        limit > 0 && self.appended > limit
    }

    /// Looks up whose sample comes next; `None` where relabelling drops it or the page had it
    /// before. `labels` and `described` are asked only for a line that is new.
    pub(super) fn place<'l, I>(
        &mut self,
        key: &[u8],
        exposed_ms: Option<i64>,
        described: Described<'_>,
        labels: impl FnOnce() -> I,
    ) -> Result<Option<Place>, ScrapeError>
    where
        I: Iterator<Item = (Cow<'l, str>, Cow<'l, str>)>,
    {
        let config = self.rules.config;
        self.outcome.total += 1;
        let exposed_ms = exposed_ms.filter(|_| config.honor_timestamps);
        let (id, is_new) = match self.memory.series.find(key) {
            Known::Dropped => return Ok(None),
            Known::Series { again: true, .. } if exposed_ms.is_none() => {
                self.outcome.added += 1;
                self.outcome.duplicates += 1;
                return Ok(None);
            }
            Known::Series { id, .. } => (id, false),
            Known::No => {
                let described = match self.rules.options.type_and_unit_labels {
                    true => Some(described),
                    false => None,
                };
                let target = self.rules.target;
                let stored = sample_labels::stored(labels(), described, target, config)?;
                let is_dropped = stored.is_none();
                let id = self.memory.series.insert(key, stored);
                if is_dropped {
                    return Ok(None);
                }
                (id, true)
            }
        };
        self.outcome.added += 1;
        Ok(Some(Place {
            id,
            is_new,
            has_own_time: exposed_ms.is_some(),
            timestamp_ms: exposed_ms.unwrap_or(self.now_ms),
        }))
    }

    /// Takes a number in, and says whether it did.
    pub(super) fn number(&mut self, place: Place, value: f64, start_ms: Option<i64>) -> bool {
        if !self.admit(place) {
            return false;
        }
        let Some((series, labels)) = self.memory.series.series(place.id).cloned() else {
            return false;
        };
        if let Some(start_ms) = self.missing_zero(place, start_ms) {
            let zero = (series, labels.clone());
            self.outcome.zeros.push(self.outcome.batch.samples.len());
            self.outcome.push(NO_ENTRY, zero, start_ms, 0.0);
        }
        if let Some(start_ms) = self.kept_start(start_ms) {
            let batch = &mut self.outcome.batch;
            batch.starts.samples.push((batch.samples.len(), start_ms));
        }
        self.outcome
            .push(place.id, (series, labels), place.timestamp_ms, value);
        true
    }

    /// Takes a native histogram in, and says whether it did.
    pub(super) fn histogram(
        &mut self,
        place: Place,
        mut histogram: FloatHistogram,
        start_ms: Option<i64>,
    ) -> bool {
        let config = self.rules.config;
        if let Some(factor) = config.native_histogram_min_bucket_factor {
            histogram.reduce_resolution(coarsest_schema(factor));
        }
        if !fits(&mut histogram, config.native_histogram_bucket_limit) {
            self.is_over_bucket_limit = true;
            return false;
        }
        if !self.admit(place) {
            return false;
        }
        let Some((series, labels)) = self.memory.series.series(place.id).cloned() else {
            return false;
        };
        if let Some(start_ms) = self.missing_zero(place, start_ms) {
            let zero = FloatHistogram {
                counter_reset_hint: CounterResetHint::Reset,
                zero_threshold: histogram.zero_threshold,
                ..histogram.emptied()
            };
            let zeros = &mut self.outcome.zero_histograms;
            zeros.push(self.outcome.batch.histograms.len());
            let owner = (series, labels.clone());
            self.push_histogram(NO_ENTRY, owner, start_ms, zero);
        }
        if let Some(start_ms) = self.kept_start(start_ms) {
            let batch = &mut self.outcome.batch;
            batch
                .starts
                .histograms
                .push((batch.histograms.len(), start_ms));
        }
        self.push_histogram(place.id, (series, labels), place.timestamp_ms, histogram);
        true
    }

    fn push_histogram(
        &mut self,
        owner: EntryId,
        (series, labels): (SeriesRef, Labels),
        timestamp_ms: i64,
        histogram: FloatHistogram,
    ) {
        self.outcome.histogram_owners.push(owner);
        self.outcome.batch.histograms.push(HistogramSample {
            series,
            labels,
            timestamp_ms,
            histogram: histogram.into(),
        });
    }

    /// Takes in an exemplar of a sample that was taken, at the sample's time where it has none of
    /// its own; then it is left out where the scrape before had the same.
    pub(super) fn exemplar(
        &mut self,
        place: Place,
        labels: Labels,
        value: f64,
        own_ms: Option<i64>,
    ) {
        let known = &mut self.memory.series;
        if !known.is_new_exemplar(place.id, &labels, value, own_ms) {
            return;
        }
        if let Some((_, series)) = known.series(place.id) {
            self.outcome.batch.exemplars.push(ExemplarSample {
                series: series.clone(),
                exemplar: Exemplar {
                    labels,
                    value,
                    timestamp_ms: own_ms.unwrap_or(place.timestamp_ms),
                },
            });
        }
    }

    /// Counts a sample and says whether it is one to be stored.
    fn admit(&mut self, place: Place) -> bool {
        self.appended += 1;
        if self.is_over_sample_limit() || self.is_over_room() {
            return false;
        }
        if place.timestamp_ms > self.now_ms.saturating_add(AHEAD_MS_MAX) {
            self.outcome.out_of_bounds += 1;
            return false;
        }
        self.outcome.series_added += u64::from(place.is_new);
        if !place.has_own_time || self.rules.config.track_timestamps_staleness {
            self.memory.series.track(place.id);
        }
        true
    }

    /// When a zero has to be written that was not written yet.
    fn missing_zero(&mut self, place: Place, start_ms: Option<i64>) -> Option<i64> {
        let start_ms = start_ms.filter(|_| self.rules.options.start_zeros)?;
        let is_new = self.memory.series.is_new_start(place.id, start_ms);
        (is_new && start_ms < place.timestamp_ms).then_some(start_ms)
    }

    fn kept_start(&self, start_ms: Option<i64>) -> Option<i64> {
        start_ms.filter(|_| self.rules.options.start_timestamps)
    }
}

/// The finest schema whose buckets grow by no less than a factor, as far as there is one.
fn coarsest_schema(factor: f64) -> i32 {
    /// What one bucket has more than the one before in the finest schema.
    const FACTOR_MIN: f64 = 1.00271;
    let factor = if factor <= 1.0 { FACTOR_MIN } else { factor };
    let schema = (-factor.log2().log2()).floor();
    let schemas = EXPONENTIAL_SCHEMA_MIN..=narthex_model::histogram::EXPONENTIAL_SCHEMA_MAX;
    schemas
        .rev()
        .find(|found| f64::from(*found) <= schema)
        .unwrap_or(EXPONENTIAL_SCHEMA_MIN)
}

/// Makes a histogram coarser until it has no more buckets than the limit; `false` where that
/// cannot be done. 0 is no limit.
fn fits(histogram: &mut FloatHistogram, limit: u64) -> bool {
    loop {
        let buckets = histogram.positive.len() + histogram.negative.len();
        if limit == 0 || buckets as u64 <= limit {
            return true;
        }
        if histogram.has_custom_buckets() || histogram.schema <= EXPONENTIAL_SCHEMA_MIN {
            return false;
        }
        histogram.reduce_resolution(histogram.schema - 1);
    }
}

impl Outcome {
    pub(super) fn push(
        &mut self,
        owner: EntryId,
        (series, labels): super::cache::Stale,
        timestamp_ms: i64,
        value: f64,
    ) {
        self.owners.push(owner);
        self.batch.samples.push(Sample {
            series,
            labels,
            timestamp_ms,
            value,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_is_the_schema_that_is_just_as_coarse() {
        for (factor, schema) in [
            (0.0, 8),
            (1.0, 8),
            (1.002, 8),
            (1.00271, 8),
            (1.1, 2),
            (1.189, 2),
            (2.0, 0),
            (4.0, -1),
            (1e9, -4),
        ] {
            assert_eq!(coarsest_schema(factor), schema, "{factor}");
        }
    }
}
