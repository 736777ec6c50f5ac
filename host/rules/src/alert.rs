//! One alert: since when it is active, and whether it is to be told again.
//!
//! It is not: what decides which alerts there are, which is [`crate::alerting`].

use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_model::Labels;

/// A resolved alert is kept, and told, for so long (Prometheus `resolvedRetention`): who missed
/// that it ended is told again.
pub const RESOLVED_RETENTION_MS: i64 = 15 * 60 * 1000;

/// What is written to an alert for people. An empty text stays, unlike that of a label.
pub type Annotations = Arc<BTreeMap<String, String>>;

/// How far an alert has come, or the one of a rule that has come furthest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertState {
    /// The rule was not evaluated yet.
    Unknown,
    /// There is none, or it has ended.
    Inactive,
    /// It is active, and not for long enough.
    Pending,
    /// It is active for long enough.
    Firing,
}

impl AlertState {
    /// The name in the API and in `alertstate`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// An alert. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// What tells it from others, `alertname` among them.
    pub labels: Labels,
    /// What is said of it.
    pub annotations: Annotations,
    /// How far it has come.
    pub state: AlertState,
    /// The value of the rule's query.
    pub value: f64,
    /// Since when its query gives it.
    pub active_at_ms: i64,
    /// Since when it fires.
    pub fired_at_ms: Option<i64>,
    /// When it ended.
    pub resolved_at_ms: Option<i64>,
    /// When it was told last.
    pub last_sent_at_ms: Option<i64>,
    /// Until when whoever was told last may hold it for firing.
    pub valid_until_ms: i64,
    /// Since when it fires only because of `keep_firing_for`.
    pub keep_firing_since_ms: Option<i64>,
    /// The series that were written for it last.
    pub(crate) series: Option<AlertSeries>,
}

/// The labels of the series of an alert, which stay the same for as long as its state does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AlertSeries {
    pub(crate) state: AlertState,
    /// Of [`crate::ALERTS`].
    pub(crate) alerts: Labels,
    /// Of [`crate::ALERTS_FOR_STATE`].
    pub(crate) for_state: Labels,
}

impl Alert {
    /// One that the query gives for the first time.
    pub(crate) fn new(labels: Labels, annotations: Annotations, value: f64, now_ms: i64) -> Self {
        Self {
            labels,
            annotations,
            state: AlertState::Pending,
            value,
            active_at_ms: now_ms,
            fired_at_ms: None,
            resolved_at_ms: None,
            last_sent_at_ms: None,
            valid_until_ms: 0,
            keep_firing_since_ms: None,
            series: None,
        }
    }

    /// Makes times that are still to come those of now: where the clock was set back, nothing waits
    /// until it is as late again.
    pub(crate) fn set_back(&mut self, now_ms: i64) {
        self.active_at_ms = self.active_at_ms.min(now_ms);
        for time_ms in [
            &mut self.fired_at_ms,
            &mut self.keep_firing_since_ms,
            &mut self.resolved_at_ms,
        ] {
            *time_ms = time_ms.map(|time_ms| time_ms.min(now_ms));
        }
    }

    /// Whether it is to be told now: it has ended since it was told, or that is too long ago, or is
    /// still to come, since the clock was set back.
    pub(crate) fn is_due(&self, now_ms: i64, resend_delay_ms: i64) -> bool {
        if self.state == AlertState::Pending {
            return false;
        }
        let Some(sent_ms) = self.last_sent_at_ms else {
            return true;
        };
        self.resolved_at_ms.is_some_and(|ended| ended > sent_ms)
            || sent_ms.saturating_add(resend_delay_ms) < now_ms
            || sent_ms > now_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_told_when_it_changed_or_was_not_for_long() {
        for (state, sent, resolved, now, due) in [
            (AlertState::Pending, None, None, 10, false),
            (AlertState::Firing, None, None, 10, true),
            (AlertState::Firing, Some(0), None, 60, false),
            (AlertState::Firing, Some(0), None, 61, true),
            (AlertState::Inactive, Some(5), Some(6), 6, true),
            (AlertState::Inactive, Some(6), Some(6), 60, false),
            (AlertState::Inactive, Some(6), Some(6), 67, true),
            // The clock was set back.
            (AlertState::Firing, Some(100), None, 60, true),
            (AlertState::Inactive, Some(100), Some(60), 60, true),
        ] {
            let alert = Alert {
                state,
                last_sent_at_ms: sent,
                resolved_at_ms: resolved,
                ..Alert::new(Labels::empty(), Annotations::default(), 1.0, 0)
            };
            assert_eq!(alert.is_due(now, 60), due, "{alert:?} at {now}");
        }
    }
}
