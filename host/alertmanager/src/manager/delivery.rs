//! Deliveries: each integration of a group at the same time, tried again with backoff for as long as
//! the group has until its next turn.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Alertmanager;
use crate::config::Integration;
use crate::metrics::IntegrationLabels;
use crate::notification::{FailureReason, Notification, Notify, NotifyError};
use crate::pipeline::{Delivery, Telling};

/// So many deliveries of one integration are under way at a time; others wait their turn. One that
/// hangs delays none but its own.
const DELIVERIES_MAX: usize = 100;

/// The first pause between two attempts, as in Alertmanager.
const PAUSE_MIN: Duration = Duration::from_millis(500);

/// The longest one.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// So much longer is each pause than the one before.
const PAUSE_GROWTH: f64 = 1.5;

/// One integration, and who delivers for it.
#[derive(Debug)]
pub(crate) struct Deliverer {
    receiver: String,
    kind: String,
    shown: String,
    notify: Arc<dyn Notify>,
    turns: Semaphore,
}

impl Deliverer {
    pub(crate) fn new(receiver: &str, integration: &Integration, notify: Arc<dyn Notify>) -> Self {
        Self {
            receiver: receiver.to_owned(),
            kind: integration.kind.clone(),
            shown: integration.shown(),
            notify,
            turns: Semaphore::new(DELIVERIES_MAX),
        }
    }
}

impl Alertmanager {
    /// Tells a group, unless another config takes the place of its own meanwhile.
    pub(super) async fn tell(self: Arc<Self>, telling: Telling, generation: u64) {
        for (why, count) in &telling.suppressed {
            self.metrics.suppressed(*why).inc_by(*count as u64);
        }
        let mut generations = self.generation.subscribe();
        let timeout = Duration::from_millis(telling.timeout_ms.unsigned_abs());
        self.metrics
            .deduplicated
            .inc_by(telling.deduplicated as u64);
        let (flush, receiver) = (telling.flush, telling.receiver);
        let was_told = tokio::select! {
            was_told = self.deliver_all(telling.deliveries, receiver, generation, timeout) => was_told,
            // Dropping them ends them.
            _ = generations.changed() => return,
        };
        self.with_state(|state| {
            if state.generation == generation {
                state.pipeline.finish(&flush, was_told);
            }
        });
        self.wake();
    }

    /// Delivers to each integration at the same time, once it is this peer's turn. Whether all were
    /// told comes back, by this peer or another one.
    async fn deliver_all(
        self: &Arc<Self>,
        planned: Vec<Delivery>,
        receiver: usize,
        generation: u64,
        timeout: Duration,
    ) -> bool {
        let Some(needed) = self.await_turn(planned).await else {
            return false;
        };
        let deadline = Instant::now() + timeout;
        let mut deliveries = JoinSet::new();
        for delivery in needed {
            let at = delivery.integration;
            let deliverer = self.with_state(|state| {
                let of_receiver = state.deliverers.get(receiver);
                let found = of_receiver.and_then(|list| list.get(at)).cloned();
                found.filter(|_| state.generation == generation)
            });
            // Else another config was taken.
            if let Some(deliverer) = deliverer {
                deliveries.spawn(Arc::clone(self).deliver(deliverer, delivery, deadline));
            }
        }
        let mut was_told = true;
        while let Some(delivered) = deliveries.join_next().await {
            was_told &= delivered.unwrap_or(false);
        }
        was_told
    }

    /// Waits until the peers before this one have had their time (Alertmanager `WaitStage`), and says
    /// what is still to be told then. `None` where the server stops meanwhile.
    async fn await_turn(&self, planned: Vec<Delivery>) -> Option<Vec<Delivery>> {
        let turn = match &self.options.cluster {
            Some(cluster) if !planned.is_empty() => cluster.turn(),
            _ => Duration::ZERO,
        };
        if turn.is_zero() {
            return Some(planned);
        }
        let mut stopping = self.is_stopping.subscribe();
        tokio::select! {
            () = tokio::time::sleep(turn) => {}
            _ = stopping.wait_for(|is_stopping| *is_stopping) => return None,
        }
        let (now_ms, count) = (self.now_ms(), planned.len());
        let needed = self.with_state(|state| state.pipeline.still_needed(planned, now_ms));
        let told_by_others = count - needed.len();
        self.metrics.deduplicated.inc_by(told_by_others as u64);
        Some(needed)
    }

    /// Delivers, and writes down that it was. Whether it was comes back.
    async fn deliver(
        self: Arc<Self>,
        deliverer: Arc<Deliverer>,
        delivery: Delivery,
        deadline: Instant,
    ) -> bool {
        // Only to be written down: what is over interests nobody there.
        if !delivery.notification.alerts.is_empty() {
            let sent = self
                .send(&deliverer, &delivery.notification, deadline)
                .await;
            if let Err((error, attempts)) = sent {
                self.metrics.failed(&deliverer.kind, error.reason).inc();
                tracing::error!(
                    receiver = deliverer.receiver,
                    integration = deliverer.shown,
                    group = delivery.notification.group_key,
                    attempts,
                    is_permanent = !error.is_temporary,
                    %error,
                    "a notification was not delivered"
                );
                return false;
            }
        }
        let now_ms = self.now_ms();
        let entry = self.with_state(|state| state.pipeline.settle(delivery, now_ms));
        self.log_changed();
        if let Some(entry) = entry {
            self.tell_peers_of_log(&entry);
        }
        true
    }

    /// Sends until it is delivered, refused for good, or time is up.
    async fn send(
        &self,
        deliverer: &Deliverer,
        notification: &Notification,
        deadline: Instant,
    ) -> Result<(), (NotifyError, u32)> {
        let labels = IntegrationLabels {
            integration: deliverer.kind.clone(),
        };
        let late = || NotifyError {
            is_temporary: true,
            retry_after: None,
            reason: FailureReason::ContextDeadlineExceeded,
            message: "context deadline exceeded".to_owned(),
        };
        self.metrics
            .notifications
            .get_or_create_owned(&labels)
            .inc();
        let turn = tokio::time::timeout_at(deadline, deliverer.turns.acquire()).await;
        let Ok(_turn) = turn else {
            return Err((late(), 0));
        };
        let (mut attempts, mut pause) = (0, PAUSE_MIN);
        loop {
            attempts += 1;
            self.metrics.requests.get_or_create_owned(&labels).inc();
            let start = Instant::now();
            let sending = deliverer.notify.notify(notification, deadline);
            let sent = tokio::time::timeout_at(deadline, sending).await;
            let taken = start.elapsed().as_secs_f64();
            self.metrics.latency.get_or_create(&labels).observe(taken);
            let error = match sent.unwrap_or_else(|_| Err(late())) {
                Ok(()) => {
                    tracing::debug!(
                        receiver = deliverer.receiver,
                        integration = deliverer.shown,
                        attempts,
                        "a notification was delivered"
                    );
                    return Ok(());
                }
                Err(error) => error,
            };
            let failed = self.metrics.requests_failed.get_or_create_owned(&labels);
            failed.inc();
            let next = Instant::now() + jittered(pause).max(error.retry_after.unwrap_or_default());
            if !error.is_temporary || next >= deadline {
                return Err((error, attempts));
            }
            if attempts == 1 {
                tracing::warn!(
                    receiver = deliverer.receiver,
                    integration = deliverer.shown,
                    group = notification.group_key,
                    %error,
                    "a notification was not delivered and is tried again"
                );
            }
            tokio::time::sleep_until(next).await;
            pause = pause.mul_f64(PAUSE_GROWTH).min(PAUSE_MAX);
        }
    }
}

/// Half of a pause to one and a half of it, by chance: who failed together comes back apart.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..1.5))
}
