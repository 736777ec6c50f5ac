//! `/api/v1/notifications` and `/api/v1/notifications/live`: what the server has to tell whoever looks
//! at its pages: that it starts, that it stops, that a config was not taken.
//!
//! It is not: what is told of alerts.

use std::convert::Infallible;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt as _, stream};
use narthex_model::Clock;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::Serialize;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::time::format_rfc3339;
use crate::{ApiState, envelope};

/// So many changes may wait for a subscriber that is slow; what is more is dropped and counted.
pub const NOTIFICATIONS_WAITING_MAX: usize = 10;

/// What there is to tell, in Prometheus' words: its pages know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The last config was not taken.
    ReloadFailed,
    /// The store is not open yet.
    Starting,
    /// The process is about to end.
    Stopping,
}

impl Notice {
    fn text(self) -> &'static str {
        match self {
            Self::ReloadFailed => "Configuration reload has failed.",
            Self::Starting => "Prometheus is starting and replaying the write-ahead log (WAL).",
            Self::Stopping => "Prometheus is shutting down and gracefully stopping all operations.",
        }
    }
}

/// A notice as it is told.
#[derive(Debug, Clone, Serialize)]
struct Notification {
    text: &'static str,
    /// When it was told last.
    date: String,
    /// Whether it holds still.
    active: bool,
}

/// The notices that hold, and who wants to know of changes.
pub(crate) struct Notifications {
    active: Mutex<Vec<Notification>>,
    changes: broadcast::Sender<Notification>,
    places: Arc<Semaphore>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
}

#[derive(Debug, Clone, Default)]
struct Metrics {
    subscribers: Gauge<i64, AtomicI64>,
    sent: Counter,
    dropped: Counter,
}

impl Notifications {
    /// None holds yet; so many may subscribe at a time.
    pub(crate) fn new(
        subscribers_max: usize,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> Self {
        let metrics = Metrics::default();
        registry.register(
            "prometheus_api_notification_active_subscribers",
            "The current number of active notification subscribers",
            metrics.subscribers.clone(),
        );
        registry.register(
            "prometheus_api_notification_updates_sent",
            "Total number of notification updates sent",
            metrics.sent.clone(),
        );
        registry.register(
            "prometheus_api_notification_updates_dropped",
            "Total number of notification updates dropped",
            metrics.dropped.clone(),
        );
        Self {
            active: Mutex::default(),
            changes: broadcast::Sender::new(NOTIFICATIONS_WAITING_MAX),
            places: Arc::new(Semaphore::new(subscribers_max.min(Semaphore::MAX_PERMITS))),
            clock,
            metrics,
        }
    }

    /// Tells something; what holds already holds from now on.
    pub(crate) fn tell(&self, notice: Notice) {
        let told = Notification {
            text: notice.text(),
            date: format_rfc3339(self.clock.now_ms()),
            active: true,
        };
        let mut active = self.active();
        match active.iter_mut().find(|own| own.text == told.text) {
            Some(own) => *own = told.clone(),
            None => active.push(told.clone()),
        }
        self.send(told);
    }

    /// Takes something back that may hold.
    pub(crate) fn take_back(&self, notice: Notice) {
        let mut active = self.active();
        let at = active.iter().position(|own| own.text == notice.text());
        if let Some(at) = at {
            let told = active.remove(at);
            self.send(Notification {
                active: false,
                ..told
            });
        }
    }

    fn active(&self) -> MutexGuard<'_, Vec<Notification>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, told: Notification) {
        // Nobody may listen.
        let count = self.changes.send(told).unwrap_or_default();
        self.metrics.sent.inc_by(count as u64);
    }

    /// What holds, and then each change; `None` where there are subscribers enough.
    fn subscribe(&self) -> Option<impl Stream<Item = Notification> + Send + use<>> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        // No change comes between the two.
        let (active, changes) = {
            let active = self.active();
            (active.clone(), self.changes.subscribe())
        };
        let subscriber = Subscriber::new(place, self.metrics.clone());
        let changes = stream::unfold(
            (changes, subscriber),
            |(mut changes, subscriber)| async move {
                loop {
                    match changes.recv().await {
                        Ok(told) => return Some((told, (changes, subscriber))),
                        Err(RecvError::Lagged(count)) => {
                            subscriber.metrics.dropped.inc_by(count);
                        }
                        Err(RecvError::Closed) => return None,
                    }
                }
            },
        );
        Some(stream::iter(active).chain(changes))
    }
}

/// One who listens; the place is free again when this is dropped.
struct Subscriber {
    metrics: Metrics,
    _place: OwnedSemaphorePermit,
}

impl Subscriber {
    fn new(place: OwnedSemaphorePermit, metrics: Metrics) -> Self {
        metrics.subscribers.inc();
        Self {
            metrics,
            _place: place,
        }
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.metrics.subscribers.dec();
    }
}

/// `/api/v1/notifications`: those that hold.
pub(crate) async fn list(State(state): State<ApiState>) -> Response {
    let active = state.notifications().active().clone();
    envelope::success(&active)
}

/// `/api/v1/notifications/live`: those that hold and each change, as server-sent events, until the
/// client leaves or the server stops. 204 where there are subscribers enough, after which a browser
/// does not ask again.
pub(crate) async fn live(State(state): State<ApiState>) -> Response {
    let Some(told) = state.notifications().subscribe() else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let mut stopping = state.stopping();
    let stopped = async move {
        // Nobody left who could say so: it has stopped.
        let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
    };
    let events = told.take_until(Box::pin(stopped)).map(|told| {
        let event = serde_json::to_string(&told).unwrap_or_default();
        Ok::<_, Infallible>(Bytes::from(format!("data: {event}\n\n")))
    });
    let mut response = Response::new(Body::from_stream(events));
    let headers = response.headers_mut();
    let events = HeaderValue::from_static("text/event-stream");
    headers.insert(header::CONTENT_TYPE, events);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use narthex_model::SimulatedClock;

    use super::*;

    fn notifications(subscribers_max: usize) -> Notifications {
        let clock = Arc::new(SimulatedClock::at(1000));
        Notifications::new(subscribers_max, clock, &mut Registry::default())
    }

    #[test]
    fn who_subscribes_learns_what_holds_and_what_changes() {
        let all = notifications(1);
        all.tell(Notice::Starting);
        let mut told = Box::pin(all.subscribe().unwrap());
        assert!(all.subscribe().is_none());
        all.tell(Notice::ReloadFailed);
        all.tell(Notice::ReloadFailed);
        all.take_back(Notice::Starting);
        all.take_back(Notice::Starting);
        let mut next = || {
            let next = told.next().now_or_never()??;
            Some((next.text, next.active))
        };
        for (notice, is_active) in [
            (Notice::Starting, true),
            (Notice::ReloadFailed, true),
            (Notice::ReloadFailed, true),
            (Notice::Starting, false),
        ] {
            assert_eq!(next(), Some((notice.text(), is_active)));
        }
        assert_eq!(next(), None);
        assert_eq!(all.active().len(), 1);
        assert_eq!(all.metrics.subscribers.get(), 1);
        drop(told);
        assert_eq!(all.metrics.subscribers.get(), 0);
        assert!(all.subscribe().is_some());
    }

    #[test]
    fn a_subscriber_that_is_slow_loses_what_is_oldest() {
        let all = notifications(1);
        let mut told = Box::pin(all.subscribe().unwrap());
        for _ in 0..100 {
            all.tell(Notice::Stopping);
        }
        let mut count = 0;
        while told.next().now_or_never().flatten().is_some() {
            count += 1;
        }
        let dropped = all.metrics.dropped.get();
        assert_eq!((count + dropped, all.metrics.sent.get()), (100, 100));
        assert!(count >= NOTIFICATIONS_WAITING_MAX as u64, "{count}");
    }
}
