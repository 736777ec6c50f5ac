//! The seam between a plugin and those who send notifications.

use std::sync::Arc;
use std::sync::atomic::AtomicU16;
use std::time::Duration;

use async_recursion::async_recursion as boxed;
use tokio::time::Instant;

use crate::bindings::receiver::exports::narthex::plugin::notifier::{
    Alert as GuestAlert, Notification as GuestNotification, Outcome as GuestOutcome,
};
use crate::error::{CallError, GuestErrorKind};
use crate::expand::Expand;
use crate::instance::{Allowance, Answer, Request};
use crate::job::Job;
use narthex_model::PromDuration;

/// An alert in a notification.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alert {
    /// Whether it fires; else it is resolved.
    pub is_firing: bool,
    /// 16 hexadecimal digits, the same for the same labels.
    pub fingerprint: String,
    /// Its labels.
    pub labels: Vec<(String, String)>,
    /// Its annotations.
    pub annotations: Vec<(String, String)>,
    /// Milliseconds since the Unix epoch.
    pub starts_at_ms: i64,
    /// None, as long as it fires.
    pub ends_at_ms: Option<i64>,
    /// Where it comes from.
    pub generator_url: String,
}

/// What a receiver is to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notification {
    /// Names the group of alerts.
    pub group_key: String,
    /// The receiver's name in the configuration.
    pub receiver: String,
    /// The labels that the alerts are grouped by.
    pub group_labels: Vec<(String, String)>,
    /// The labels that all alerts have.
    pub common_labels: Vec<(String, String)>,
    /// The annotations that all alerts have.
    pub common_annotations: Vec<(String, String)>,
    /// Where this server is reached.
    pub external_url: String,
    /// Alerts that were left out.
    pub truncated: u32,
    /// The alerts.
    pub alerts: Vec<Alert>,
}

/// What became of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was delivered.
    Delivered,
    /// It was not; it may be the next time.
    Retry {
        /// Not before this time has passed, where the other side said so.
        after: Option<Duration>,
        /// Why not; empty where nobody said.
        reason: String,
    },
    /// It never will be.
    Rejected {
        /// Why not.
        reason: String,
    },
}

/// One attempt to deliver a notification, and what the host saw of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What became of it.
    pub outcome: Outcome,
    /// The status of the last answer that the plugin had over HTTP in this attempt; none where it
    /// asked nobody, or had no answer to the last request.
    pub status: Option<u16>,
    /// Whether it failed because time was up: the plugin's own, or that for an answer.
    pub is_late: bool,
}

/// A plugin that delivers notifications for one receiver of the configuration.
pub struct PluginReceiver {
    job: Arc<Job>,
}

impl std::fmt::Debug for PluginReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.job.name();
        f.debug_struct("PluginReceiver")
            .field("name", &name)
            .finish_non_exhaustive()
    }
}

impl PluginReceiver {
    pub(crate) fn new(job: Arc<Job>) -> Self {
        Self { job }
    }

    /// Delivers a notification. What goes wrong is an outcome too: what the other side or the
    /// plugin's instance may do better the next time is to be tried again, what they refuse is
    /// not. `texts` expands the configuration's texts with this notification, where the plugin
    /// asks for that. A plugin that is still being compiled is waited for until the deadline.
    #[boxed]
    pub async fn notify(
        &self,
        notification: &Notification,
        texts: Arc<dyn Expand>,
        deadline: Instant,
    ) -> Outcome {
        self.attempt(notification, texts, deadline).await.outcome
    }

    /// As [`Self::notify`], with what the host saw of it.
    #[boxed]
    pub async fn attempt(
        &self,
        notification: &Notification,
        texts: Arc<dyn Expand>,
        deadline: Instant,
    ) -> Attempt {
        let left = deadline.saturating_duration_since(Instant::now());
        let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let allowance = Allowance {
            deadline,
            length: PromDuration::from_millis(millis),
        };
        let notification = guest_notification(notification);
        let status = AtomicU16::new(0);
        let request = Request::Notify {
            notification: &notification,
            texts,
            status: &status,
        };
        let mut is_late = false;
        let outcome = match self.job.call("", request, allowance).await {
            Ok(Answer::Outcome(outcome)) => outcome.into(),
            Ok(_) => Outcome::Rejected {
                reason: "it is no receiver".to_owned(),
            },
            Err(error) => {
                let name = self.job.plugin.name();
                is_late = error.is_late() || Instant::now() >= deadline;
                outcome_of(&error, format!("plugin {name}: {error}"))
            }
        };
        let status = Some(status.into_inner()).filter(|status| *status != 0);
        Attempt {
            outcome,
            status,
            is_late,
        }
    }
}

impl From<GuestOutcome> for Outcome {
    fn from(outcome: GuestOutcome) -> Self {
        match outcome {
            GuestOutcome::Delivered => Self::Delivered,
            GuestOutcome::Retry(seconds) => Self::Retry {
                after: seconds.map(|seconds| Duration::from_secs(seconds.into())),
                reason: String::new(),
            },
            GuestOutcome::Rejected(reason) => Self::Rejected { reason },
        }
    }
}

/// What an error means for the notification.
fn outcome_of(error: &CallError, reason: String) -> Outcome {
    let may_pass = match error {
        CallError::Guest { kind, .. } => {
            matches!(kind, GuestErrorKind::Unavailable | GuestErrorKind::Timeout)
        }
        CallError::Trap { .. }
        | CallError::Deadline { .. }
        | CallError::Memory(_)
        | CallError::NotReady(_)
        | CallError::NotListed(_)
        | CallError::Barred(_) => true,
        CallError::Batch(_)
        | CallError::TooMany { .. }
        | CallError::Response(_)
        | CallError::Status(_) => false,
    };
    match may_pass {
        true => Outcome::Retry {
            after: None,
            reason,
        },
        false => Outcome::Rejected { reason },
    }
}

fn guest_notification(notification: &Notification) -> GuestNotification {
    let alert = |alert: &Alert| GuestAlert {
        firing: alert.is_firing,
        fingerprint: alert.fingerprint.clone(),
        labels: alert.labels.clone(),
        annotations: alert.annotations.clone(),
        starts_at: alert.starts_at_ms,
        ends_at: alert.ends_at_ms,
        generator_url: alert.generator_url.clone(),
    };
    GuestNotification {
        group_key: notification.group_key.clone(),
        receiver: notification.receiver.clone(),
        group_labels: notification.group_labels.clone(),
        common_labels: notification.common_labels.clone(),
        common_annotations: notification.common_annotations.clone(),
        external_url: notification.external_url.clone(),
        truncated: notification.truncated,
        alerts: notification.alerts.iter().map(alert).collect(),
    }
}

#[cfg(test)]
mod tests {
    use crate::bindings::plugin::types::Error;

    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_and_nothing_else() {
        let guest = |error: Error| CallError::from(error);
        let text = || "x".to_owned();
        for (error, is_tried_again) in [
            (guest(Error::Unavailable(text())), true),
            (guest(Error::Timeout), true),
            (guest(Error::Config(text())), false),
            (guest(Error::Denied(text())), false),
            (guest(Error::Protocol(text())), false),
            (guest(Error::Internal(text())), false),
            (CallError::Barred(text()), true),
            (CallError::NotReady(text()), true),
            (CallError::Status(500), false),
        ] {
            let outcome = outcome_of(&error, text());
            assert_eq!(
                matches!(outcome, Outcome::Retry { .. }),
                is_tried_again,
                "{error:?}"
            );
        }
    }
}
