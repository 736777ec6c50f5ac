//! What is told of an alert, and the seam to those who bring it to people.
//!
//! It is not: a queue or a client; who needs those has them behind the seam.

use narthex_model::Labels;

use crate::Annotations;

/// What is told of an alert: that it fires, or that it has ended. Times are milliseconds since the
/// epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// What tells the alert from others; external labels are not among them.
    pub labels: Labels,
    /// What is said of it.
    pub annotations: Annotations,
    /// Since when it fires.
    pub starts_at_ms: i64,
    /// When it ended; of one that fires, until when that holds if nothing more is told.
    pub ends_at_ms: i64,
    /// Where people see the query of the rule.
    pub generator_url: String,
}

/// Is told of alerts.
pub trait Notifier: Send + Sync {
    /// Takes what one evaluation of a rule has to tell, at least one notification. It must not wait:
    /// the rules after this one are waiting.
    fn notify(&self, notifications: &[Notification]);
}
