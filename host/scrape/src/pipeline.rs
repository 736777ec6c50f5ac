//! What becomes of a scrape: what was read, the rules of its job, what is remembered of the
//! target and the time go in, and a batch for the store comes out.
//!
//! It is not: the place that reads, waits, appends or counts. Nothing here is async and nothing
//! reads a clock.

mod cache;
mod metadata;
mod report;
mod sample_labels;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use narthex_exposition::{Entry, Exemplar, Families, Format, Parser};
use narthex_model::sample::{NORMAL_NAN_BITS, STALE_NAN};
use narthex_model::{
    AppendReport, ExemplarSample, Labels, METRIC_NAME, PromDuration, Sample, WriteBatch,
};

use self::cache::{EntryId, Known, NO_ENTRY, SeriesCache, Stale};
use self::metadata::MetadataCache;
pub(crate) use self::metadata::MetadataPool;
use self::report::ReportSeries;
use crate::config::{ScrapeConfig, ScrapeProtocol};
use crate::{MetricMetadata, ScrapeError, Scraped};

/// A sample may be this far in the future; one further ahead is left out, as in Prometheus.
const AHEAD_MS_MAX: i64 = 10 * 60 * 1000;

/// All that is remembered of one target.
#[derive(Debug)]
pub(crate) struct Memory {
    series: SeriesCache,
    metadata: MetadataCache,
    report: ReportSeries,
}

/// How the samples of a target are treated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) config: &'a ScrapeConfig,
    /// The labels that every sample of the target gets.
    pub(crate) target: &'a Labels,
    /// How long a scrape of it may take.
    pub(crate) timeout: PromDuration,
}

/// What a scrape comes to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) batch: WriteBatch,
    /// The cache's entry behind each sample of the batch.
    owners: Vec<EntryId>,
    /// Why `up` is 0.
    pub(crate) error: Option<ScrapeError>,
    /// Lines with a sample.
    pub(crate) total: u64,
    /// Those that relabelling kept.
    pub(crate) added: u64,
    /// Those that the scrape before did not have.
    pub(crate) series_added: u64,
    /// Lines that came twice in this scrape; the first one counts.
    pub(crate) duplicates: u64,
    /// Samples too far in the future.
    pub(crate) out_of_bounds: u64,
    /// Whether the cache had to be cut back.
    pub(crate) cache_flushed: bool,
    /// The size of what was read.
    bytes: usize,
}

impl Memory {
    /// Nothing is remembered yet.
    pub(crate) fn new() -> Self {
        Self {
            series: SeriesCache::new(),
            metadata: MetadataCache::default(),
            report: ReportSeries::default(),
        }
    }

    /// The rules changed: lines are read anew, series under the old rules get stale marks.
    pub(crate) fn change_rules(&mut self) {
        self.series.change_rules();
    }

    /// Takes over what the store says of an outcome's batch.
    pub(crate) fn learn(&mut self, outcome: &Outcome, report: &AppendReport) {
        self.series.learn(&outcome.owners, report);
        self.report.learn(report);
    }

    /// What the target says of its metrics, if the last scrape changed it.
    pub(crate) fn changed_metadata(
        &mut self,
        pool: &MetadataPool,
    ) -> Option<Vec<Arc<MetricMetadata>>> {
        self.metadata.changed(pool)
    }
}

/// Makes a batch of one scrape. A scrape that fails, or fails to be read, writes nothing but
/// stale marks for what the last good one had; the report series are [`report`]'s to add.
pub(crate) fn process(
    scraped: Result<&Scraped, &ScrapeError>,
    rules: Rules<'_>,
    memory: &mut Memory,
    now_ms: i64,
) -> Outcome {
    memory.series.begin();
    memory.metadata.begin();
    let mut walk = Walk {
        rules,
        memory,
        now_ms,
        appended: 0,
        outcome: Outcome::default(),
    };
    let read = match scraped {
        Ok(scraped) => walk.read(scraped),
        Err(error) => Err(error.clone()),
    };
    let is_over_limit = walk.is_over_limit();
    let mut outcome = walk.outcome;
    outcome.bytes = scraped.map_or(0, Scraped::byte_count);
    outcome.error = match (read, is_over_limit) {
        (Err(error), _) => Some(error),
        (Ok(()), true) => Some(ScrapeError::SampleLimit),
        (Ok(()), false) => None,
    };
    let vanished = if outcome.error.is_none() {
        memory.metadata.commit();
        memory.series.commit()
    } else {
        outcome.batch.samples.clear();
        outcome.batch.exemplars.clear();
        outcome.owners.clear();
        let (vanished, is_flushed) = memory.series.abort();
        outcome.cache_flushed = is_flushed;
        vanished
    };
    outcome.push_stale(vanished, now_ms);
    outcome
}

/// Adds the report series of a scrape that began at `now_ms` and took `duration`.
pub(crate) fn report(
    outcome: &mut Outcome,
    rules: Rules<'_>,
    memory: &mut Memory,
    now_ms: i64,
    duration: Duration,
) {
    let samples = memory.report.samples(outcome, rules, now_ms, duration);
    outcome.batch.samples.extend(samples);
}

/// The stale marks of a target that went away.
pub(crate) fn end(rules: Rules<'_>, memory: &mut Memory, now_ms: i64) -> WriteBatch {
    let mut outcome = Outcome::default();
    let tracked = memory.series.take_tracked();
    outcome.push_stale(tracked, now_ms);
    let reports = memory.report.series(rules).to_vec();
    outcome.push_stale(reports, now_ms);
    outcome.batch
}

impl Outcome {
    fn push(&mut self, owner: EntryId, (series, labels): Stale, timestamp_ms: i64, value: f64) {
        self.owners.push(owner);
        self.batch.samples.push(Sample {
            series,
            labels,
            timestamp_ms,
            value,
        });
    }

    fn push_stale(&mut self, vanished: Vec<Stale>, now_ms: i64) {
        for series in vanished {
            self.push(NO_ENTRY, series, now_ms, STALE_NAN);
        }
    }
}

/// One reading of what was scraped.
struct Walk<'a> {
    rules: Rules<'a>,
    memory: &'a mut Memory,
    now_ms: i64,
    /// Samples that count for `sample_limit`.
    appended: u64,
    outcome: Outcome,
}

impl Walk<'_> {
    fn read(&mut self, scraped: &Scraped) -> Result<(), ScrapeError> {
        match scraped {
            // A page without a byte needs no content type to be read.
            Scraped::Text { body, .. } if body.is_empty() => Ok(()),
            Scraped::Text { content_type, body } => self.read_text(content_type, body),
            Scraped::Families(families) => self.read_families(families),
        }
    }

    fn read_text(&mut self, content_type: &str, body: &[u8]) -> Result<(), ScrapeError> {
        let fallback = self.rules.config.fallback_scrape_protocol.and_then(format);
        let format = Format::from_content_type(content_type, fallback)
            .map_err(|error| ScrapeError::Parse(error.to_string()))?;
        for entry in Parser::new(body, format) {
            match entry.map_err(|error| ScrapeError::Parse(error.to_string()))? {
                Entry::Series(series) => {
                    let key = series.text.as_bytes();
                    let time = series.timestamp_ms;
                    let taken = self.sample(key, time, series.value, || series.label_pairs())?;
                    if let (Some(taken), Some(exemplar)) = (taken, series.exemplar) {
                        self.exemplar(taken, &exemplar);
                    }
                }
                Entry::Type { metric, kind } => self.memory.metadata.set_kind(&metric, kind),
                Entry::Help { metric, help } => self.memory.metadata.set_help(&metric, &help),
                Entry::Unit { metric, unit } => self.memory.metadata.set_unit(&metric, unit),
            }
        }
        Ok(())
    }

    fn read_families(&mut self, families: &Families) -> Result<(), ScrapeError> {
        let mut key = Vec::new();
        for (family, samples) in families.iter() {
            self.memory.metadata.set_kind(family.name, family.kind);
            self.memory.metadata.set_help(family.name, family.help);
            self.memory.metadata.set_unit(family.name, family.unit);
            for sample in samples {
                // A key that no line of a page can be: it starts with a zero byte, and each part
                // is preceded by its length.
                key.clear();
                key.push(0);
                let name = std::iter::once((METRIC_NAME, sample.name()));
                for (name, value) in name.chain(sample.label_pairs()) {
                    for part in [name, value] {
                        key.extend_from_slice(&part.len().to_le_bytes());
                        key.extend_from_slice(part.as_bytes());
                    }
                }
                let value = match sample.value.is_nan() {
                    true => f64::from_bits(NORMAL_NAN_BITS),
                    false => sample.value,
                };
                self.sample(&key, sample.timestamp_ms, value, || {
                    std::iter::once((METRIC_NAME, Cow::Borrowed(sample.name())))
                        .chain(sample.stored_pairs())
                        .map(|(name, value)| (Cow::Borrowed(name), value))
                })?;
            }
        }
        Ok(())
    }

    /// Takes in the exemplar of a sample that was taken. Where it has no time, that is the sample's.
    /// One whose labels are no label set is left out.
    fn exemplar(&mut self, (id, sample_ms): (EntryId, i64), exemplar: &Exemplar<'_>) {
        let series = self.memory.series.series(id);
        if let (Some((_, series)), Ok(labels)) = (series, exemplar.labels()) {
            self.outcome.batch.exemplars.push(ExemplarSample {
                series: series.clone(),
                exemplar: narthex_model::Exemplar {
                    labels,
                    value: exemplar.value,
                    timestamp_ms: exemplar.timestamp_ms.unwrap_or(sample_ms),
                },
            });
        }
    }

    /// Takes one sample in, and says which entry it is of and its time, unless it was left out.
    /// `labels` is asked only for a line that is new.
    fn sample<'l, I>(
        &mut self,
        key: &[u8],
        exposed_ms: Option<i64>,
        value: f64,
        labels: impl FnOnce() -> I,
    ) -> Result<Option<(EntryId, i64)>, ScrapeError>
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
                let stored = sample_labels::stored(labels(), self.rules.target, config)?;
                let is_dropped = stored.is_none();
                let id = self.memory.series.insert(key, stored);
                if is_dropped {
                    return Ok(None);
                }
                (id, true)
            }
        };
        self.outcome.added += 1;
        self.appended += 1;
        if self.is_over_limit() {
            return Ok(None);
        }
        let timestamp_ms = exposed_ms.unwrap_or(self.now_ms);
        if timestamp_ms > self.now_ms.saturating_add(AHEAD_MS_MAX) {
            self.outcome.out_of_bounds += 1;
            return Ok(None);
        }
        self.outcome.series_added += u64::from(is_new);
        if exposed_ms.is_none() || config.track_timestamps_staleness {
            self.memory.series.track(id);
        }
        if let Some(series) = self.memory.series.series(id) {
            let series = series.clone();
            self.outcome.push(id, series, timestamp_ms, value);
        }
        Ok(Some((id, timestamp_ms)))
    }

    fn is_over_limit(&self) -> bool {
        let limit = self.rules.config.sample_limit;
        limit > 0 && self.appended > limit
    }
}

fn format(protocol: ScrapeProtocol) -> Option<Format> {
    match protocol {
        ScrapeProtocol::PrometheusProto => None,
        ScrapeProtocol::OpenMetricsText0_0_1 | ScrapeProtocol::OpenMetricsText1_0_0 => {
            Some(Format::OpenMetrics)
        }
        ScrapeProtocol::PrometheusText0_0_4 | ScrapeProtocol::PrometheusText1_0_0 => {
            Some(Format::PrometheusText)
        }
    }
}

#[cfg(test)]
mod tests;
