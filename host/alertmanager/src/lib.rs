//! An Alertmanager: it takes alerts, puts them into groups by a tree of routes, mutes those that
//! are inhibited, silenced or out of their time, and tells receivers what is left.
//!
//! The middle is a value, `pipeline`, without a clock, a network and a disk. Around it
//! is what a running server needs: [`Alertmanager`] with its timers, its files and its deliveries,
//! and its API as values.
//!
//! Several of them tell once: they share silences and the notification log as peers of a
//! [`narthex_cluster::Cluster`], and each waits for its turn.
//!
//! It is not: an HTTP server, a reader of YAML, nor how peers find each other. Receivers enter by the
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
mod replication;
mod route;
mod route_tree;
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
pub use route_tree::RouteTree;
pub use silences::{MATCHERS_MAX, Silence, SilenceError, SilenceLimits, SilenceState};
pub use time_interval::{NamedTimeIntervals, TimeIntervalConfig, TimeRangeConfig};
pub use webhook::Webhook;
