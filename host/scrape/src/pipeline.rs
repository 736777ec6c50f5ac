//! What becomes of a scrape: what was read, the rules of its job, what is remembered of the
//! target and the time go in, and a batch for the store comes out.
//!
//! It is not: the place that reads, waits, appends or counts. Nothing here is async and nothing
//! reads a clock.

mod cache;
mod collation;
mod messages;
mod metadata;
mod pages;
mod report;
mod sample_labels;
mod starts;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use narthex_model::sample::STALE_NAN;
use narthex_model::{AppendReport, Labels, PromDuration, WriteBatch};

use self::cache::{EntryId, NO_ENTRY, SeriesCache, Stale};
use self::metadata::MetadataCache;
pub(crate) use self::metadata::MetadataPool;
use self::report::ReportSeries;
use self::walk::Walk;
use crate::config::ScrapeConfig;
use crate::{MetricMetadata, ScrapeError, ScrapeOptions, Scraped};

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
    pub(crate) options: ScrapeOptions,
    /// The labels that every sample of the target gets.
    pub(crate) target: &'a Labels,
    /// How long a scrape of it may take.
    pub(crate) timeout: PromDuration,
    /// How many samples `job_sample_limit` leaves to the target.
    pub(crate) room: u64,
}

/// What a scrape comes to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) batch: WriteBatch,
    /// The cache's entry behind each sample of the batch.
    owners: Vec<EntryId>,
    /// The same of each native histogram.
    histogram_owners: Vec<EntryId>,
    /// Which samples of the batch are zeros at the beginning of a series, ascending. A store that
    /// has newer samples refuses them, which is no loss.
    pub(crate) zeros: Vec<usize>,
    /// The same of the native histograms.
    pub(crate) zero_histograms: Vec<usize>,
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
        let owners = (&outcome.owners, &outcome.histogram_owners);
        self.series.learn(owners.0, owners.1, report);
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
/// stale marks for what the last good one had; the report series are [`report`]'s to add. An empty
/// page writes just that as well, but it is no failure, whatever its type; and as after a failure
/// the lines of the last full page stay known, so that series that come back are not counted as
/// added. So it is in Prometheus.
pub(crate) fn process(
    scraped: Result<&Scraped, &ScrapeError>,
    rules: Rules<'_>,
    memory: &mut Memory,
    now_ms: i64,
) -> Outcome {
    memory.series.begin();
    memory.metadata.begin();
    let mut walk = Walk::new(rules, memory, now_ms);
    let is_empty = scraped.is_ok_and(|scraped| scraped.byte_count() == 0);
    let read = match scraped {
        Ok(_) if is_empty => Ok(()),
        Ok(scraped) => walk.read(scraped),
        Err(error) => Err(error.clone()),
    };
    let passed_limit = walk.passed_limit();
    let mut outcome = walk.outcome;
    outcome.bytes = scraped.map_or(0, Scraped::byte_count);
    outcome.error = read.err().or(passed_limit);
    let vanished = if outcome.error.is_none() && !is_empty {
        memory.metadata.commit();
        memory.series.commit()
    } else {
        outcome.batch = WriteBatch::default();
        outcome.owners.clear();
        outcome.histogram_owners.clear();
        outcome.zeros.clear();
        outcome.zero_histograms.clear();
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
    fn push_stale(&mut self, vanished: Vec<Stale>, now_ms: i64) {
        for series in vanished {
            self.push(NO_ENTRY, series, now_ms, STALE_NAN);
        }
    }
}

#[cfg(test)]
mod tests;
