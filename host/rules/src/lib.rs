//! Rules: queries that are asked again and again, whose answers are recorded as series or become
//! alerts.
//!
//! A group is evaluated at a time that is handed in, and what it did is in the store, in the alerts
//! that it holds and in what its [`Notifier`] was told; so an hour of evaluations can be tried in
//! milliseconds. [`RuleManager`] is what evaluates groups while time goes by.
//!
//! It is not: a reader of YAML, which hands over [`RuleGroups`]; nor who brings notifications to an
//! Alertmanager.

mod alert;
mod alerting;
mod dependencies;
mod file;
mod group;
mod manager;
mod metrics;
mod notification;
mod options;
mod overlay;
mod partial_response;
mod restore;
mod rule;
mod schedule;
mod template;
pub mod unit_tests;

pub use alert::{Alert, AlertState, Annotations, RESOLVED_RETENTION_MS};
pub use file::{RuleConfig, RuleFault, RuleGroupConfig, RuleGroups};
pub use group::{Group, GroupKey, GroupStatus};
pub use manager::{PreparedRules, RuleManager, RuleSet};
pub use notification::{Notification, Notifier};
pub use options::{RuleFile, RuleOptions, RuleSettings};
pub use partial_response::PartialResponse;
pub use rule::{Health, Rule, RuleKind, RuleStatus};

/// The label with the name of the alert.
pub const ALERT_NAME: &str = "alertname";

/// The series that says that an alert is pending or firing.
pub const ALERTS: &str = "ALERTS";

/// The series that says since when an alert is active, in seconds since the epoch.
pub const ALERTS_FOR_STATE: &str = "ALERTS_FOR_STATE";

/// The label of [`ALERTS`] that says whether the alert is pending or firing.
pub const ALERT_STATE: &str = "alertstate";
