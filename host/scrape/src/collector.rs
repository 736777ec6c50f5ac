//! The seam between when a target is read and how.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use narthex_exposition::Families;
use tokio::time::Instant;

use crate::Target;
use crate::config::ScrapeConfig;

/// Reads targets of one job.
#[async_trait]
pub trait Collector: Send + Sync {
    /// Reads a target once. It may be called for several targets of the job at the same time.
    /// After the deadline nobody waits for the answer any more: the call is dropped.
    ///
    /// # Errors
    /// The target could not be read; the error's text is shown with the target.
    async fn collect(&self, target: &Target, deadline: Instant) -> Result<Scraped, ScrapeError>;
}

/// Makes the collector of a job, over HTTP or by a plugin.
pub type BuildCollector =
    dyn Fn(&ScrapeConfig) -> Result<Arc<dyn Collector>, CollectorError> + Send + Sync;

/// Why a job has no collector; the reload that wanted it changes nothing.
#[derive(Debug, thiserror::Error)]
#[error("error creating the collector of job {job:?}: {message}")]
pub struct CollectorError {
    /// The job.
    pub job: String,
    /// What is wrong with its configuration.
    pub message: String,
}

/// What a target said.
#[derive(Debug, Clone)]
pub enum Scraped {
    /// A page, unpacked, in the format that its content type names.
    Text {
        /// The `Content-Type` header, "" where there is none.
        content_type: String,
        /// The page.
        body: Bytes,
    },
    /// A checked batch.
    Families(Families),
}

impl Scraped {
    /// How many bytes it takes.
    pub fn byte_count(&self) -> usize {
        match self {
            Self::Text { body, .. } => body.len(),
            Self::Families(families) => families.byte_count(),
        }
    }
}

/// Why a scrape failed. Prints as Prometheus' last error of a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScrapeError {
    /// No usable answer; the text says which request and why.
    #[error("{0}")]
    Collect(String),
    /// The time was up.
    #[error("context deadline exceeded")]
    DeadlineExceeded,
    /// An answer that is an error: status code and reason.
    #[error("server returned HTTP status {0}")]
    Status(String),
    /// `body_size_limit`
    #[error("body size limit exceeded")]
    BodySizeLimit,
    /// `sample_limit`
    #[error("sample limit exceeded")]
    SampleLimit,
    /// `job_sample_limit`
    #[error("job sample limit exceeded")]
    JobSampleLimit,
    /// `native_histogram_bucket_limit`
    #[error("histogram bucket limit exceeded")]
    BucketLimit,
    /// `label_limit` and the two length limits; the text says which and for what.
    #[error("{0}")]
    LabelLimit(String),
    /// `target_limit`
    #[error("target_limit exceeded (number of targets: {targets}, limit: {limit})")]
    TargetLimit {
        /// How many targets the job has.
        targets: usize,
        /// How many it may have.
        limit: u64,
    },
    /// What came is in no known format, or breaks the rules of its format.
    #[error("{0}")]
    Parse(String),
    /// A sample whose labels cannot be stored.
    #[error("{0}")]
    Labels(String),
}
