//! The task of one target: waits for its tick, has it collected, and hands the batch to the
//! store.

use std::sync::Arc;
use std::time::Duration;

use narthex_model::sample::is_stale_nan;
use narthex_model::{AppendReport, Clock, ExemplarRejection, Rejection};
use narthex_storage::{AppendError, Appendable};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, timeout_at};

use crate::config::ScrapeConfig;
use crate::failure_log::FailureLog;
use crate::job_samples::{JobSamples, Share};
use crate::metrics::{IntervalLabel, Metrics};
use crate::pipeline::{self, Memory, MetadataPool, Outcome, Rules};
use crate::schedule::{self, Grid};
use crate::{Collector, Health, ScrapeError, ScrapeOptions, Scraped, Target, TargetStatus};

/// Something larger than this is read on a thread that may block, so that other targets' ticks
/// do not wait for it.
const INLINE_BYTES_MAX: usize = 256 << 10;

/// What all tasks share.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Appendable>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    pub(crate) metadata: MetadataPool,
    pub(crate) options: ScrapeOptions,
}

/// A job as its targets' tasks know it.
pub(crate) struct Job {
    pub(crate) config: ScrapeConfig,
    pub(crate) collector: Arc<dyn Collector>,
    /// Where its failed scrapes are written.
    pub(crate) failure_log: Option<Arc<FailureLog>>,
    /// What its targets have between them, over reloads as well.
    pub(crate) samples: Arc<JobSamples>,
}

/// What a task is to do; it ends when nobody holds the sender any more.
#[derive(Clone)]
pub(crate) struct Assignment {
    pub(crate) job: Arc<Job>,
    /// Why the target may not be scraped, although it is one.
    pub(crate) refused: Option<ScrapeError>,
}

/// The task.
pub(crate) struct TargetLoop {
    pub(crate) shared: Arc<Shared>,
    pub(crate) target: Arc<Target>,
    pub(crate) assignment: watch::Receiver<Assignment>,
    /// Becomes `true` when the server shuts down.
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) seed: u64,
}

/// What a task remembers between two scrapes.
struct Progress {
    grid: Grid,
    memory: Memory,
    job: Arc<Job>,
    share: Share,
    last_start: Option<Instant>,
    /// Whether the last batch had rejected samples, so that only a change is logged.
    had_rejections: bool,
    is_failing_to_append: bool,
}

impl TargetLoop {
    /// Scrapes until the target goes away or the server stops. A target that went away gets
    /// stale marks a good two intervals later; a server that stops writes none, because it
    /// may be back soon.
    pub(crate) async fn run(mut self) {
        let interval_ms = self.target.interval().as_millis_i64();
        let job = Arc::clone(&self.assignment.borrow_and_update().job);
        let mut progress = Progress {
            grid: Grid::new(interval_ms),
            memory: Memory::new(),
            share: Share::new(&job.samples),
            job,
            last_start: None,
            had_rejections: false,
            is_failing_to_append: false,
        };
        let mut ticks = self.ticks(interval_ms);
        let mut stop = self.stop.clone();
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => return,
                changed = self.assignment.changed() => {
                    if changed.is_err() {
                        break;
                    }
                }
                _ = ticks.tick() => {
                    let scrape = self.scrape(&mut progress);
                    if scrape.await.is_none() {
                        return;
                    }
                }
            }
        }
        if progress.last_start.is_some() {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => {}
                () = self.end(&mut progress, &mut ticks) => {}
            }
        }
    }

    fn ticks(&self, interval_ms: i64) -> Interval {
        let now_ms = self.shared.clock.now_ms();
        let offset = schedule::offset(self.target.hash(), self.seed, interval_ms, now_ms);
        let period = Duration::from_millis(interval_ms.max(1).unsigned_abs());
        let mut ticks = interval_at(Instant::now() + offset, period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        ticks
    }

    /// One scrape; `None` when the server stopped meanwhile.
    async fn scrape(&self, progress: &mut Progress) -> Option<()> {
        let assignment = self.assignment.borrow().clone();
        if !Arc::ptr_eq(&assignment.job, &progress.job) {
            progress.job = Arc::clone(&assignment.job);
            progress.memory.change_rules();
        }
        let start = Instant::now();
        let started_ms = self.shared.clock.now_ms();
        let timestamp_ms = progress.grid.timestamp_ms(started_ms);
        if let Some(last) = progress.last_start.replace(start) {
            let interval = self.target.interval().to_string();
            let lengths = &self.shared.metrics.interval_length;
            let length = lengths.get_or_create_owned(&IntervalLabel { interval });
            length.observe((start - last).as_secs_f64());
        }
        let scraped = self.collect(&assignment, start).await?;
        let work = Work {
            shared: Arc::clone(&self.shared),
            target: Arc::clone(&self.target),
            room: progress.share.room(assignment.job.config.job_sample_limit),
            job: assignment.job,
            scraped,
            memory: std::mem::replace(&mut progress.memory, Memory::new()),
            start,
            started_ms,
            timestamp_ms,
        };
        let done = if work.byte_count() > INLINE_BYTES_MAX {
            tokio::task::spawn_blocking(move || work.run()).await
        } else {
            Ok(work.run())
        };
        match done {
            Ok(done) => {
                progress.memory = done.memory;
                progress.share.set(done.samples);
                self.log(progress, done.rejected, done.error);
            }
            Err(error) => {
                // What was remembered is lost with it: series go on, but none that vanished is
                // marked stale.
                tracing::error!(%error, url = self.target.url(), "scrape could not be read");
            }
        }
        Some(())
    }

    async fn collect(
        &self,
        assignment: &Assignment,
        start: Instant,
    ) -> Option<Result<Scraped, ScrapeError>> {
        if let Some(refused) = &assignment.refused {
            return Some(Err(refused.clone()));
        }
        let deadline = start + self.target.timeout().as_std();
        let collect = assignment.job.collector.collect(&self.target, deadline);
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            () = stopped(&mut stop) => None,
            // The collector keeps the deadline itself and says where it was; this is for one
            // that does not.
            scraped = timeout_at(deadline, collect) => {
                Some(scraped.unwrap_or(Err(ScrapeError::DeadlineExceeded)))
            }
        }
    }

    /// Marks stale what the target had, after the time in which it could have come back. The
    /// marks carry the time at which it was missed first, so that a store that has newer samples
    /// of it refuses them.
    async fn end(&self, progress: &mut Progress, ticks: &mut Interval) {
        ticks.tick().await;
        let timestamp_ms = self.shared.clock.now_ms();
        ticks.tick().await;
        sleep(ticks.period() / 10).await;
        let rules = Rules {
            config: &progress.job.config,
            options: self.shared.options,
            target: self.target.labels(),
            timeout: self.target.timeout(),
            room: u64::MAX,
        };
        let batch = pipeline::end(rules, &mut progress.memory, timestamp_ms);
        if let Err(error) = self.shared.store.append(&batch) {
            let url = self.target.url();
            tracing::error!(
                error = &error as &dyn std::error::Error,
                url,
                "stale marks not stored"
            );
        }
    }

    fn log(&self, progress: &mut Progress, rejected: u64, error: Option<AppendError>) {
        let url = self.target.url();
        let has_rejections = rejected > 0;
        if has_rejections && !progress.had_rejections {
            tracing::warn!(url, rejected, "samples of a scrape were left out");
        }
        progress.had_rejections = has_rejections;
        if let Some(error) = &error
            && !progress.is_failing_to_append
        {
            let error = error as &dyn std::error::Error;
            tracing::error!(error, url, "scrape not stored");
        }
        progress.is_failing_to_append = error.is_some();
    }
}

/// Waits until the server stops; it has stopped when nobody is left to say so.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// What is done with a scrape once it is there: all of it without waiting for anybody.
struct Work {
    shared: Arc<Shared>,
    target: Arc<Target>,
    job: Arc<Job>,
    scraped: Result<Scraped, ScrapeError>,
    memory: Memory,
    start: Instant,
    started_ms: i64,
    timestamp_ms: i64,
    room: u64,
}

struct Done {
    memory: Memory,
    /// How many samples the target has; none where the scrape failed.
    samples: u64,
    rejected: u64,
    error: Option<AppendError>,
}

impl Work {
    fn byte_count(&self) -> usize {
        self.scraped.as_ref().map_or(0, Scraped::byte_count)
    }

    fn run(mut self) -> Done {
        let rules = Rules {
            config: &self.job.config,
            options: self.shared.options,
            target: self.target.labels(),
            timeout: self.target.timeout(),
            room: self.room,
        };
        let (memory, now_ms) = (&mut self.memory, self.timestamp_ms);
        let mut outcome = pipeline::process(self.scraped.as_ref(), rules, memory, now_ms);
        let duration = self.start.elapsed();
        pipeline::report(&mut outcome, rules, memory, now_ms, duration);
        let appended = self.shared.store.append(&outcome.batch);
        let metrics = &self.shared.metrics;
        metrics.duplicate_timestamp.inc_by(outcome.duplicates);
        metrics.out_of_bounds.inc_by(outcome.out_of_bounds);
        metrics
            .cache_flush_forced
            .inc_by(u64::from(outcome.cache_flushed));
        match &outcome.error {
            Some(ScrapeError::BodySizeLimit) => metrics.exceeded_body_size_limit.inc(),
            Some(ScrapeError::SampleLimit) => metrics.exceeded_sample_limit.inc(),
            Some(ScrapeError::JobSampleLimit) => metrics.exceeded_job_sample_limit.inc(),
            Some(ScrapeError::BucketLimit) => metrics.exceeded_bucket_limit.inc(),
            Some(ScrapeError::LabelLimit(_)) => metrics.exceeded_label_limits.inc(),
            _ => 0,
        };
        if let (Some(log), Some(error)) = (&self.job.failure_log, &outcome.error) {
            let job = &self.job.config.job_name;
            log.write(job, &self.target, error, self.started_ms);
        }
        let samples = match outcome.error {
            None => outcome.added,
            Some(_) => 0,
        };
        let mut rejected = outcome.duplicates + outcome.out_of_bounds;
        let mut failure = None;
        match appended {
            Ok(report) => {
                memory.learn(&outcome, &report);
                rejected += count(metrics, &outcome, &report);
                let late = report.rejected_exemplars.iter();
                let late = late.filter(|(_, why)| *why == ExemplarRejection::OutOfOrder);
                metrics.exemplar_out_of_order.inc_by(late.count() as u64);
            }
            Err(error) => failure = Some(error),
        }
        if let Some(metadata) = memory.changed_metadata(&self.shared.metadata) {
            self.target.set_metadata(metadata.into());
        }
        self.target.set_status(TargetStatus {
            health: match outcome.error {
                None => Health::Up,
                Some(_) => Health::Down,
            },
            last_error: outcome.error,
            last_scrape_ms: Some(self.started_ms),
            last_duration: duration,
        });
        Done {
            memory: self.memory,
            samples,
            rejected,
            error: failure,
        }
    }
}

/// Counts what the store left out. A stale mark that comes too late is no loss, and neither is a
/// zero at the beginning of a series that goes on.
fn count(metrics: &Metrics, outcome: &Outcome, report: &AppendReport) -> u64 {
    let mut counted = 0;
    let samples = report.rejected.iter().filter(|(index, _)| {
        let sample = outcome.batch.samples.get(*index);
        let is_stale = sample.is_some_and(|sample| is_stale_nan(sample.value));
        !is_stale && outcome.zeros.binary_search(index).is_err()
    });
    let histograms = report.rejected_histograms.iter();
    let histograms =
        histograms.filter(|(index, _)| outcome.zero_histograms.binary_search(index).is_err());
    for (_, rejection) in samples.chain(histograms) {
        counted += 1;
        match rejection {
            Rejection::OutOfOrder => metrics.out_of_order.inc(),
            Rejection::DuplicateTimestamp => metrics.duplicate_timestamp.inc(),
            Rejection::OutOfBounds => metrics.out_of_bounds.inc(),
            Rejection::InvalidLabels | Rejection::InvalidHistogram => 0,
        };
    }
    counted
}
