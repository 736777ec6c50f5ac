//! The task of one Alertmanager: it sends what waits, batch by batch.
//!
//! A batch that is not taken is dropped: what still holds is told again by the rules, and to wait
//! for one batch would hold up all that came after it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use narthex_http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use narthex_http::{BodyLimit, Client};
use narthex_model::with_sources;
use narthex_rules::Notification;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::metrics::TargetMetrics;
use crate::queue::Queue;
use crate::{NotifierOptions, message};

/// Of an answer so many bytes are read, so that the connection can be used again.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// How one is spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    pub(crate) client: Arc<Client>,
    pub(crate) timeout: Duration,
}

/// A queue and its task.
#[derive(Debug)]
pub(crate) struct Delivery {
    shared: Arc<Shared>,
    stop: watch::Sender<Stop>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Notify,
    metrics: TargetMetrics,
    options: NotifierOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    No,
    /// What waits is sent first, until a batch fails.
    Drained,
}

impl Delivery {
    /// Begins, with what waits already.
    pub(crate) fn start(
        endpoint: Endpoint,
        waiting: Queue,
        metrics: TargetMetrics,
        options: NotifierOptions,
    ) -> Self {
        let shared = Arc::new(Shared {
            queue: Mutex::new(waiting),
            filled: Notify::new(),
            metrics,
            options,
        });
        let (stop, stopping) = watch::channel(Stop::No);
        shared.filled.notify_one();
        let task = tokio::spawn(run(endpoint, Arc::clone(&shared), stopping));
        Self { shared, stop, task }
    }

    /// Lets notifications wait; the oldest are dropped where there is no room.
    pub(crate) fn push(&self, notifications: Vec<Notification>) {
        let Shared {
            metrics, options, ..
        } = &*self.shared;
        let mut queue = self.shared.queue();
        let dropped = queue.push(notifications, options.queue_capacity);
        metrics.queue_length.set(as_count(queue.len()));
        drop(queue);
        if dropped > 0 {
            metrics.dropped.inc_by(as_total(dropped));
            let alertmanager = metrics.url();
            tracing::warn!(
                alertmanager,
                dropped,
                "notifications were dropped: the queue is full"
            );
        }
        self.shared.filled.notify_one();
    }

    pub(crate) fn metrics(&self) -> &TargetMetrics {
        &self.shared.metrics
    }

    /// Ends at once, and hands over what waits. A batch that is under way is lost.
    pub(crate) fn end(self) -> Queue {
        self.task.abort();
        std::mem::take(&mut *self.shared.queue())
    }

    /// Sends what waits and ends.
    pub(crate) async fn drain(self) {
        self.stop.send_replace(Stop::Drained);
        // It has ended already only where it panicked, which the log has said.
        let _ = self.task.await;
        let left = self.shared.queue().len();
        self.shared.metrics.dropped.inc_by(as_total(left));
        if left > 0 {
            let alertmanager = self.shared.metrics.url();
            tracing::warn!(
                alertmanager,
                left,
                "notifications were dropped: the server stops"
            );
        }
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Vec<Notification> {
        let mut queue = self.queue();
        let batch = queue.take(self.options.batch_size);
        self.metrics.queue_length.set(as_count(queue.len()));
        batch
    }
}

async fn run(endpoint: Endpoint, shared: Arc<Shared>, mut stopping: watch::Receiver<Stop>) {
    let mut was_well = true;
    loop {
        let batch = shared.take();
        if batch.is_empty() {
            if *stopping.borrow() == Stop::Drained {
                return;
            }
            tokio::select! {
                () = shared.filled.notified() => {}
                changed = stopping.changed() => {
                    // Nobody is there any more who would let something wait.
                    if changed.is_err() {
                        return;
                    }
                }
            }
            continue;
        }
        let begun = Instant::now();
        let sent = send(&endpoint, &batch).await;
        let metrics = &shared.metrics;
        metrics.latency.observe(begun.elapsed().as_secs_f64());
        metrics.sent.inc_by(as_total(batch.len()));
        let (alertmanager, alerts) = (&endpoint.url, batch.len());
        match sent {
            Ok(()) if was_well => {}
            Ok(()) => tracing::info!(alertmanager, "notifications are taken again"),
            Err(error) => {
                metrics.errors.inc_by(as_total(alerts));
                metrics.dropped.inc_by(as_total(alerts));
                if was_well {
                    tracing::error!(alertmanager, alerts, error, "notifications were not taken");
                }
                if *stopping.borrow() == Stop::Drained {
                    return;
                }
                was_well = false;
                continue;
            }
        }
        was_well = true;
    }
}

/// Sends a batch.
async fn send(endpoint: &Endpoint, batch: &[Notification]) -> Result<(), String> {
    let body = message::body(batch).map_err(|error| error.to_string())?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let exchange = async {
        let sent = endpoint
            .client
            .post(&endpoint.url, &headers, body.into())
            .await;
        let response = sent.map_err(|error| with_sources(&error))?;
        let status = response.status();
        // Only so that the connection can be used again.
        let _ = response.body(BodyLimit::Bytes(ANSWER_BYTES_MAX)).await;
        match status.is_success() {
            true => Ok(()),
            false => Err(format!("bad response status {status}")),
        }
    };
    let done = tokio::time::timeout(endpoint.timeout, exchange).await;
    done.unwrap_or_else(|_| Err(format!("no answer within {:?}", endpoint.timeout)))
}

fn as_count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn as_total(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
