//! What a receiver is told, and the seam of those who tell it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use narthex_model::Labels;
use tokio::time::Instant;

use crate::alert::{Alert, Fingerprint};
use crate::config::Integration;

/// An alert as a notification has it: the moment of the notification decides whether it fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifiedAlert {
    /// Whether it fires; else it is resolved.
    pub is_firing: bool,
    /// The alert; where it fires, its end says nothing.
    pub alert: Arc<Alert>,
}

impl NotifiedAlert {
    /// `firing` or `resolved`.
    pub fn status(&self) -> &'static str {
        status(self.is_firing)
    }

    /// Names it.
    pub fn fingerprint(&self) -> Fingerprint {
        self.alert.fingerprint()
    }

    /// When it ended, in milliseconds since the Unix epoch; none as long as it fires.
    pub fn ends_at_ms(&self) -> Option<i64> {
        (!self.is_firing).then_some(self.alert.ends_at_ms)
    }
}

fn status(is_firing: bool) -> &'static str {
    if is_firing { "firing" } else { "resolved" }
}

/// What one receiver is told about one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Names the group of alerts.
    pub group_key: String,
    /// The receiver's name in the config.
    pub receiver: String,
    /// The labels that the alerts are grouped by.
    pub group_labels: Labels,
    /// The alerts; at least one.
    pub alerts: Vec<NotifiedAlert>,
    /// Where this server is reached.
    pub external_url: String,
}

impl Notification {
    /// `firing` where any alert fires.
    pub fn status(&self) -> &'static str {
        status(self.alerts.iter().any(|alert| alert.is_firing))
    }

    /// The labels that all alerts have, with the same value.
    pub fn common_labels(&self) -> BTreeMap<String, String> {
        common(self.alerts.iter().map(|alert| {
            let labels = alert.alert.labels.iter();
            labels
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect()
        }))
    }

    /// The annotations that all alerts have, with the same value.
    pub fn common_annotations(&self) -> BTreeMap<String, String> {
        common(
            self.alerts
                .iter()
                .map(|alert| alert.alert.annotations.clone()),
        )
    }
}

fn common(mut sets: impl Iterator<Item = BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let mut common = sets.next().unwrap_or_default();
    for set in sets {
        common.retain(|name, value| set.get(name) == Some(value));
    }
    common
}

/// What a failure comes from, as the label `reason` of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureReason {
    /// The other side refused it.
    ClientError,
    /// The other side failed.
    ServerError,
    /// Time was up.
    ContextDeadlineExceeded,
    /// Anything else.
    Other,
}

impl FailureReason {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::ClientError,
        Self::ServerError,
        Self::ContextDeadlineExceeded,
        Self::Other,
    ];

    /// Alertmanager's name for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientError => "clientError",
            Self::ServerError => "serverError",
            Self::ContextDeadlineExceeded => "contextDeadlineExceeded",
            Self::Other => "other",
        }
    }
}

/// Why a notification was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NotifyError {
    /// Whether it may be the next time.
    pub is_temporary: bool,
    /// Not before this time has passed, where the other side said so.
    pub retry_after: Option<Duration>,
    /// What it comes from.
    pub reason: FailureReason,
    /// Why, for the log.
    pub message: String,
}

/// The seam: delivers notifications for one integration of one receiver.
///
/// Calls for different groups come at the same time. A call is dropped when its deadline has
/// passed, or when another config takes the place of the one that it belongs to.
#[async_trait]
pub trait Notify: Send + Sync + std::fmt::Debug {
    /// Delivers a notification.
    ///
    /// # Errors
    /// It was not delivered. What is temporary is tried again with backoff until the deadline.
    async fn notify(
        &self,
        notification: &Notification,
        deadline: Instant,
    ) -> Result<(), NotifyError>;
}

/// The seam beside it: makes who delivers, when a config is taken.
#[async_trait]
pub trait BuildNotify: Send + Sync + std::fmt::Debug {
    /// Makes who delivers for one integration.
    ///
    /// # Errors
    /// Nobody delivers this kind, or its settings are wrong; the config is refused.
    async fn build(
        &self,
        receiver: &str,
        integration: &Integration,
    ) -> Result<Arc<dyn Notify>, String>;
}
