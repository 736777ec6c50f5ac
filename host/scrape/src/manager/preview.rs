//! A scrape that somebody wants to look at: made as the target's own task makes it, and stored
//! nowhere.
//!
//! It is not: a scrape that counts. The target's state, what is remembered of its series, the
//! metrics of scraping and the failure log stay as they are.

use std::sync::Arc;
use std::time::Duration;

use narthex_model::{HistogramSample, Labels, Sample};
use tokio::time::{Instant, timeout_at};

use super::ScrapeManager;
use super::pool::Pool;
use crate::pipeline::{self, Memory, Rules};
use crate::scheduler::{Assignment, Shared};
use crate::{ScrapeError, ScrapeOptions, Scraped, Target};

/// So many scrapes to look at are made at a time; one more is refused, as each may hold a page of
/// any size for as long as its target's timeout.
pub const PREVIEWS_MAX: usize = 4;

/// So many bytes of a page are shown; the rest is read and left out.
pub const PREVIEW_PAGE_BYTES_MAX: usize = 256 << 10;

/// What protobuf is sent as: nobody can read it as it is.
const PROTOBUF: &str = "application/vnd.google.protobuf";

/// What a scrape would store.
#[derive(Debug)]
pub struct ScrapePreview {
    /// How long it took to collect.
    pub duration: Duration,
    /// The size of what was read.
    pub bytes: usize,
    /// The `Content-Type` header; "" of a plugin, and where nothing came.
    pub content_type: String,
    /// The page, at most [`PREVIEW_PAGE_BYTES_MAX`] of it; `None` where it is no text.
    pub page: Option<String>,
    /// Lines with a sample.
    pub scraped: u64,
    /// Those that the job's `metric_relabel_configs` kept.
    pub kept: u64,
    /// What would be stored; nothing where the scrape failed.
    pub samples: Vec<Sample>,
    /// The native histograms that would be.
    pub histograms: Vec<HistogramSample>,
    /// Why the scrape failed.
    pub error: Option<ScrapeError>,
}

/// Why no scrape was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PreviewError {
    /// The job has no such target, or there is no such job.
    #[error("the scrape pool has no such target")]
    UnknownTarget,
    /// [`PREVIEWS_MAX`] are under way.
    #[error("{PREVIEWS_MAX} previews of targets are under way already; try again later")]
    Busy,
}

impl ScrapeManager {
    /// Scrapes a target now and says what would be stored of it, which nothing is. The target is
    /// told by its job, its URL and the labels that its samples get. What `job_sample_limit`
    /// leaves to it beside the job's other targets is not looked at.
    ///
    /// # Errors
    /// There is no such target, or too many are looked at. A scrape that fails is no error: the
    /// preview says why it did.
    pub async fn preview(
        &self,
        job: &str,
        url: &str,
        labels: &Labels,
    ) -> Result<ScrapePreview, PreviewError> {
        let found = self.find(job, url, labels);
        let (target, assignment) = found.ok_or(PreviewError::UnknownTarget)?;
        let turn = Arc::clone(&self.0.previews).try_acquire_owned();
        let turn = turn.map_err(|_| PreviewError::Busy)?;
        let start = Instant::now();
        let deadline = start + target.timeout().as_std();
        let scraped = match &assignment.refused {
            Some(refused) => Err(refused.clone()),
            None => {
                let collect = assignment.job.collector.collect(&target, deadline);
                let collected = timeout_at(deadline, collect).await;
                collected.unwrap_or(Err(ScrapeError::DeadlineExceeded))
            }
        };
        let duration = start.elapsed();
        let shared = Arc::clone(&self.0.shared);
        // A page may be large, and nobody's tick should wait for it.
        let work = move || {
            // The page is held until here, also where nobody waits for what it says any more.
            let _turn = turn;
            made(&shared, &target, &assignment, &scraped, duration)
        };
        let made = tokio::task::spawn_blocking(work).await;
        Ok(made.unwrap_or_else(|error| ScrapePreview {
            duration,
            bytes: 0,
            content_type: String::new(),
            page: None,
            scraped: 0,
            kept: 0,
            samples: Vec::new(),
            histograms: Vec::new(),
            error: Some(ScrapeError::Collect(error.to_string())),
        }))
    }

    fn find(&self, job: &str, url: &str, labels: &Labels) -> Option<(Arc<Target>, Assignment)> {
        let pools = self.0.read();
        pools.get(job).and_then(|pool| pool.find(url, labels))
    }
}

impl Pool {
    /// The target of this URL whose samples get these labels, and what its task is to do.
    fn find(&self, url: &str, labels: &Labels) -> Option<(Arc<Target>, Assignment)> {
        let mut running = self.running.values();
        let held =
            running.find(|held| held.target.url() == url && held.target.labels() == labels)?;
        let assignment = held.assignment.borrow().clone();
        Some((Arc::clone(&held.target), assignment))
    }
}

fn made(
    shared: &Shared,
    target: &Target,
    assignment: &Assignment,
    scraped: &Result<Scraped, ScrapeError>,
    duration: Duration,
) -> ScrapePreview {
    let rules = Rules {
        config: &assignment.job.config,
        // A series begins once, and not whenever somebody looks.
        options: ScrapeOptions {
            start_zeros: false,
            ..shared.options
        },
        target: target.labels(),
        timeout: target.timeout(),
        room: u64::MAX,
    };
    let (mut memory, now_ms) = (Memory::new(), shared.clock.now_ms());
    let outcome = pipeline::process(scraped.as_ref(), rules, &mut memory, now_ms);
    let (content_type, page) = match scraped {
        Ok(Scraped::Text { content_type, body }) => {
            (content_type.clone(), page(content_type, body))
        }
        Ok(Scraped::Families(_)) | Err(_) => (String::new(), None),
    };
    ScrapePreview {
        duration,
        bytes: scraped.as_ref().map_or(0, Scraped::byte_count),
        content_type,
        page,
        scraped: outcome.total,
        kept: outcome.added,
        samples: outcome.batch.samples,
        histograms: outcome.batch.histograms,
        error: outcome.error,
    }
}

/// The beginning of a page as text.
fn page(content_type: &str, body: &[u8]) -> Option<String> {
    if content_type.starts_with(PROTOBUF) {
        return None;
    }
    let shown = body.get(..PREVIEW_PAGE_BYTES_MAX).unwrap_or(body);
    Some(String::from_utf8_lossy(shown).into_owned())
}
