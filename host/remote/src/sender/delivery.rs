//! Brings one batch to the receiver: again and again where that may help, and never twice where
//! it was taken.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use narthex_model::Clock;
use tokio::sync::watch;
use tokio::time::Instant;

use super::exchange::{Answer, Exchange, Post};
use super::item::{Counts, Item, MetricMetadata};
use super::metrics::QueueMetrics;
use super::rates::Rates;
use super::request::{self, MetadataByName};
use super::retry_after;
use crate::{MessageKind, RemoteWriteConfig};

/// The sample is older than `sample_age_limit`.
const TOO_OLD: &str = "too_old";

/// Rules dropped the series.
pub(super) const DROPPED_SERIES: &str = "dropped_series";

/// The config does not want this kind of data.
pub(super) const NOT_WANTED: &str = "not_wanted";

/// Why something is not sent.
pub(super) const DROP_REASONS: [&str; 3] = [TOO_OLD, DROPPED_SERIES, NOT_WANTED];

/// What the shards of one sender share.
pub(super) struct Delivery {
    pub(super) config: Arc<RemoteWriteConfig>,
    /// The URL as the log may have it.
    pub(super) shown_url: String,
    pub(super) exchange: Arc<dyn Exchange>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: QueueMetrics,
    pub(super) rates: Mutex<Rates>,
    /// For messages that carry it with each series.
    pub(super) metadata: RwLock<Arc<MetadataByName>>,
    /// The newest sample that was sent.
    pub(super) newest_sent_ms: AtomicI64,
    /// When a request last came to an end that is one.
    pub(super) last_sent: Mutex<Option<Instant>>,
    /// Becomes `true` where nothing may be waited for any more.
    pub(super) abort: watch::Receiver<bool>,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivered {
    /// It was sent, or never will be.
    Done,
    /// The sender was told to give up. It is not sent.
    Aborted,
}

/// What to make of an answer.
#[derive(Debug)]
enum Verdict {
    Taken,
    /// It may be taken later: after so long, where the receiver says.
    Again(Option<Duration>, String),
    /// It will not be taken; so much of it was.
    Never(Counts, String),
}

impl Delivery {
    /// Sends a batch.
    pub(super) async fn deliver(&self, items: Vec<Item>) -> Delivered {
        let all = Counts::of(&items);
        let ended = self.attempts(items).await;
        if ended == Delivered::Done {
            self.metrics.pending(all, -1);
            let now = Instant::now();
            *self
                .last_sent
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(now);
        }
        ended
    }

    async fn attempts(&self, mut items: Vec<Item>) -> Delivered {
        let queue = &self.config.queue_config;
        let mut backoff = queue.min_backoff.as_std();
        let (mut attempt, mut body) = (0, None);
        let began = Instant::now();
        loop {
            if self.leave_old_out(&mut items) {
                body = None;
            }
            if items.is_empty() {
                return Delivered::Done;
            }
            let counts = Counts::of(&items);
            let packed = match body.clone() {
                Some(packed) => packed,
                None => match self.body(&items) {
                    Ok(packed) => packed,
                    Err(error) => {
                        tracing::error!(error, "a request cannot be made");
                        self.metrics.failed(counts);
                        return Delivered::Done;
                    }
                },
            };
            body = Some(packed.clone());
            self.metrics.sent(counts, packed.len());
            let Some(verdict) = self.attempt(packed, attempt, counts).await else {
                return Delivered::Aborted;
            };
            self.log_failed(&verdict, &items);
            let wait = match verdict {
                Verdict::Taken => {
                    let newest_ms = items.iter().map(|item| item.value.timestamp_ms()).max();
                    self.taken(newest_ms.unwrap_or(i64::MIN));
                    self.count(counts, began.elapsed());
                    return Delivered::Done;
                }
                Verdict::Never(written, error) => {
                    let failed = counts.less(written);
                    tracing::error!(
                        url = self.shown_url,
                        error,
                        samples = failed.samples,
                        histograms = failed.histograms,
                        exemplars = failed.exemplars,
                        "non-recoverable error, samples are not sent again"
                    );
                    self.metrics.failed(failed);
                    self.count(counts, began.elapsed());
                    return Delivered::Done;
                }
                Verdict::Again(asked, error) => {
                    if attempt == 0 {
                        tracing::warn!(
                            url = self.shown_url,
                            error,
                            "failed to send batch, retrying"
                        );
                    }
                    self.metrics.retried(counts);
                    asked.unwrap_or(backoff)
                }
            };
            if self.sleep(wait).await == Delivered::Aborted {
                return Delivered::Aborted;
            }
            backoff = (backoff * 2).min(queue.max_backoff.as_std());
            attempt += 1;
        }
    }

    /// `failed_request_logging`: says of a request of 2.0 that failed what was in it.
    fn log_failed(&self, verdict: &Verdict, items: &[Item]) {
        let is_wanted =
            self.config.failed_request_logging && self.config.protobuf_message == MessageKind::V2;
        if let (true, Verdict::Again(_, error) | Verdict::Never(_, error)) = (is_wanted, verdict) {
            let url = &self.shown_url;
            tracing::debug!(url, error, request = ?items, "a request failed");
        }
    }

    /// Sends a packed message once; nothing where it was broken off.
    async fn attempt(&self, body: Bytes, attempt: u32, counts: Counts) -> Option<Verdict> {
        let began = Instant::now();
        let kind = self.config.protobuf_message;
        let post = self.exchange.post(Post {
            kind,
            body,
            attempt,
        });
        let mut abort = self.abort.clone();
        let answer = tokio::select! {
            answer = post => answer,
            _ = abort.wait_for(|abort| *abort) => return None,
        };
        self.metrics.took(began.elapsed().as_secs_f64());
        Some(match answer {
            Ok(answer) => self.judge(kind, &answer, counts),
            Err(error) => Verdict::Again(None, error),
        })
    }

    fn judge(&self, kind: MessageKind, answer: &Answer, counts: Counts) -> Verdict {
        let written = answer.written.filter(|_| kind == MessageKind::V2);
        let written = written.map(|[samples, histograms, exemplars]| Counts {
            samples,
            histograms,
            exemplars,
        });
        let status = answer.status;
        let error = || format!("server returned HTTP status {status}: {}", answer.text);
        match status {
            // A receiver of 1.0 may take a message of 2.0 for an empty one, and say so with 204.
            200..=299 if kind == MessageKind::V2 && written.unwrap_or_default().all() == 0 => {
                let error = "got 2xx, but the answer says that nothing was written: assuming \
                             failure, the receiver may not know remote write 2.0";
                match counts.all() {
                    0 => Verdict::Taken,
                    _ => Verdict::Never(Counts::default(), error.to_owned()),
                }
            }
            200..=299 => Verdict::Taken,
            429 if !self.config.queue_config.retry_on_http_429 => {
                Verdict::Never(Counts::default(), error())
            }
            429 | 500..=599 => {
                let wait = retry_after::wait(&answer.retry_after, self.clock.now_ms());
                Verdict::Again(wait, error())
            }
            _ => Verdict::Never(written.unwrap_or_default(), error()),
        }
    }

    /// Waits, unless nothing may be waited for any more.
    async fn sleep(&self, wait: Duration) -> Delivered {
        let mut abort = self.abort.clone();
        tokio::select! {
            () = tokio::time::sleep(wait) => Delivered::Done,
            _ = abort.wait_for(|abort| *abort) => Delivered::Aborted,
        }
    }

    /// Drops what is older than `sample_age_limit`, and says whether anything was.
    fn leave_old_out(&self, items: &mut Vec<Item>) -> bool {
        let limit = self.config.queue_config.sample_age_limit;
        if limit.is_zero() {
            return false;
        }
        let oldest_ms = self.clock.now_ms().saturating_sub(limit.as_millis_i64());
        let before = Counts::of(items);
        items.retain(|item| item.value.timestamp_ms() >= oldest_ms);
        let dropped = before.less(Counts::of(items));
        self.metrics.dropped(TOO_OLD, dropped);
        dropped.all() > 0
    }

    fn body(&self, items: &[Item]) -> Result<Bytes, String> {
        let metadata = self.metadata.read().unwrap_or_else(PoisonError::into_inner);
        let metadata = Arc::clone(&metadata);
        let body = request::body(self.config.protobuf_message, items, &metadata);
        body.map_err(|error| error.to_string())
    }

    fn taken(&self, newest_ms: i64) {
        self.metrics.highest_sent(newest_ms);
        self.newest_sent_ms.fetch_max(newest_ms, Ordering::Relaxed);
    }

    fn count(&self, counts: Counts, took: Duration) {
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        rates.sent.add(counts.all() as f64);
        rates.sending.add(took.as_secs_f64());
    }

    /// Sends metadata in a request of its own.
    pub(super) async fn deliver_metadata(&self, metadata: &[MetricMetadata]) -> Delivered {
        let count = metadata.len() as u64;
        let body = match request::metadata_body(metadata) {
            Ok(body) => body,
            Err(error) => {
                tracing::error!(%error, "a request cannot be made");
                return Delivered::Done;
            }
        };
        let queue = &self.config.queue_config;
        let (mut attempt, mut backoff) = (0, queue.min_backoff.as_std());
        loop {
            self.metrics.metadata_sent(count, body.len());
            let counts = Counts::default();
            let Some(verdict) = self.attempt(body.clone(), attempt, counts).await else {
                return Delivered::Aborted;
            };
            let wait = match verdict {
                Verdict::Taken => return Delivered::Done,
                Verdict::Never(_, error) => {
                    tracing::error!(url = self.shown_url, error, "metadata are not sent");
                    self.metrics.metadata_failed(count);
                    return Delivered::Done;
                }
                Verdict::Again(asked, _) => asked.unwrap_or(backoff),
            };
            self.metrics.metadata_retried(count);
            if self.sleep(wait).await == Delivered::Aborted {
                return Delivered::Aborted;
            }
            backoff = (backoff * 2).min(queue.max_backoff.as_std());
            attempt += 1;
        }
    }
}
