//! An Alertmanager: it takes alerts, puts them into groups by a tree of routes, mutes those that
//! are inhibited, silenced or out of their time, and tells receivers what is left.
//!
//! The middle is a value, `pipeline`, without a clock, a network and a disk. Around it
//! is what a running server needs: [`Alertmanager`] with its timers, its files and its deliveries,
//! and its API as values.
//!
//! It is not: an HTTP server, a reader of YAML, and not a part of a cluster. Receivers enter by the
//! seam [`Notify`].

mod alert;
mod api;
mod config;
mod dispatcher;
mod inhibit;
mod manager;
mod matchers;
mod metrics;
mod notification;
mod notification_log;
mod pipeline;
mod route;
mod silences;
mod snapshot;
mod time_interval;
mod timestamp;
mod webhook;

pub use alert::{Alert, Fingerprint};
pub use api::{AlertQuery, ApiFault, FaultKind, PostError, PostedAlert, VersionInfo};
pub use config::{
    Config, ConfigFault, Entry, HttpSection, InhibitRuleConfig, Integration, Place, ReceiverConfig,
    RouteConfig, SecretSource, Settings,
};
pub use dispatcher::GROUPS_MAX;
pub use manager::{Alertmanager, AlertmanagerError, AlertmanagerOptions, PreparedConfig};
pub use matchers::{MatcherFields, MatcherMode, MatcherParseError};
pub use notification::{
    BuildNotify, FailureReason, Notification, NotifiedAlert, Notify, NotifyError,
};
pub use pipeline::ALERTS_MAX;
pub use silences::{MATCHERS_MAX, Silence, SilenceError, SilenceLimits, SilenceState};
pub use time_interval::{NamedTimeIntervals, TimeIntervalConfig, TimeRangeConfig};
pub use webhook::Webhook;
