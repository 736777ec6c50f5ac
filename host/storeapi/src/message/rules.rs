//! `thanos.Rules`: groups of rules, and how they are doing.

use super::store::PartialResponseStrategy;
use super::{LabelSet, Timestamp};

/// `thanos.RulesRequest`
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct RulesRequest {
    /// Of which kind.
    #[prost(enumeration = "RulesType", tag = "1")]
    pub r#type: i32,
    /// What becomes of an answer of which a part is missing.
    #[prost(enumeration = "PartialResponseStrategy", tag = "2")]
    pub partial_response_strategy: i32,
    /// Selectors, one of which a rule's labels must match; none for all.
    #[prost(string, repeated, tag = "3")]
    pub matcher_string: Vec<String>,
    /// Names of rules; none for all.
    #[prost(string, repeated, tag = "4")]
    pub rule_name: Vec<String>,
    /// Names of groups; none for all.
    #[prost(string, repeated, tag = "5")]
    pub rule_group: Vec<String>,
    /// Files of groups; none for all.
    #[prost(string, repeated, tag = "6")]
    pub file: Vec<String>,
}

/// `thanos.RulesRequest.Type`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum RulesType {
    /// All rules.
    All = 0,
    /// Rules that alert.
    Alert = 1,
    /// Rules that record.
    Record = 2,
}

/// `thanos.RulesResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub struct RulesResponse {
    /// One of them.
    #[prost(oneof = "RulesFrame", tags = "1, 2")]
    pub result: Option<RulesFrame>,
}

/// `thanos.RulesResponse.result`
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum RulesFrame {
    /// A group.
    #[prost(message, tag = "1")]
    Group(RuleGroup),
    /// What is missing.
    #[prost(string, tag = "2")]
    Warning(String),
}

/// `thanos.RuleGroup`
#[derive(Clone, PartialEq, prost::Message)]
pub struct RuleGroup {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its file.
    #[prost(string, tag = "2")]
    pub file: String,
    /// In the order of the file.
    #[prost(message, repeated, tag = "3")]
    pub rules: Vec<Rule>,
    /// Seconds between evaluations.
    #[prost(double, tag = "4")]
    pub interval: f64,
    /// How long the last evaluation took.
    #[prost(double, tag = "5")]
    pub evaluation_duration_seconds: f64,
    /// When that was.
    #[prost(message, optional, tag = "6")]
    pub last_evaluation: Option<Timestamp>,
    /// What a ruler does with answers of which a part is missing.
    #[prost(enumeration = "PartialResponseStrategy", tag = "8")]
    pub partial_response_strategy: i32,
    /// A rule may give so many series or alerts; 0 for any number.
    #[prost(int64, tag = "9")]
    pub limit: i64,
}

/// `thanos.Rule`
#[derive(Clone, PartialEq, prost::Message)]
pub struct Rule {
    /// One of them.
    #[prost(oneof = "AnyRule", tags = "1, 2")]
    pub result: Option<AnyRule>,
}

/// `thanos.Rule.result`
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum AnyRule {
    /// A rule that records.
    #[prost(message, tag = "1")]
    Recording(RecordingRule),
    /// A rule that alerts.
    #[prost(message, tag = "2")]
    Alert(AlertingRule),
}

/// `thanos.AlertState`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum AlertState {
    /// There is none.
    Inactive = 0,
    /// It is active, and not for long enough.
    Pending = 1,
    /// It fires.
    Firing = 2,
}

/// `thanos.AlertInstance`
#[derive(Clone, PartialEq, prost::Message)]
pub struct AlertInstance {
    /// What tells it from others.
    #[prost(message, optional, tag = "1")]
    pub labels: Option<LabelSet>,
    /// What is said of it.
    #[prost(message, optional, tag = "2")]
    pub annotations: Option<LabelSet>,
    /// How far it has come.
    #[prost(enumeration = "AlertState", tag = "3")]
    pub state: i32,
    /// Since when it is active.
    #[prost(message, optional, tag = "4")]
    pub active_at: Option<Timestamp>,
    /// The value of the rule's query.
    #[prost(string, tag = "5")]
    pub value: String,
    /// What a ruler does with answers of which a part is missing.
    #[prost(enumeration = "PartialResponseStrategy", tag = "6")]
    pub partial_response_strategy: i32,
}

/// `thanos.Alert`
#[derive(Clone, PartialEq, prost::Message)]
pub struct AlertingRule {
    /// How far the furthest of its alerts has come.
    #[prost(enumeration = "AlertState", tag = "1")]
    pub state: i32,
    /// The alert's name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// PromQL.
    #[prost(string, tag = "3")]
    pub query: String,
    /// An alert fires when it is active for this long.
    #[prost(double, tag = "4")]
    pub duration_seconds: f64,
    /// With the external labels.
    #[prost(message, optional, tag = "5")]
    pub labels: Option<LabelSet>,
    /// Templates.
    #[prost(message, optional, tag = "6")]
    pub annotations: Option<LabelSet>,
    /// Those that have not ended.
    #[prost(message, repeated, tag = "7")]
    pub alerts: Vec<AlertInstance>,
    /// `ok`, `err` or `unknown`.
    #[prost(string, tag = "8")]
    pub health: String,
    /// Why the last evaluation failed.
    #[prost(string, tag = "9")]
    pub last_error: String,
    /// How long it took.
    #[prost(double, tag = "10")]
    pub evaluation_duration_seconds: f64,
    /// When it was.
    #[prost(message, optional, tag = "11")]
    pub last_evaluation: Option<Timestamp>,
    /// An alert fires for this long after it is no longer given.
    #[prost(double, tag = "12")]
    pub keep_firing_for_seconds: f64,
}

/// `thanos.RecordingRule`
#[derive(Clone, PartialEq, prost::Message)]
pub struct RecordingRule {
    /// The name of the series.
    #[prost(string, tag = "1")]
    pub name: String,
    /// PromQL.
    #[prost(string, tag = "2")]
    pub query: String,
    /// With the external labels.
    #[prost(message, optional, tag = "3")]
    pub labels: Option<LabelSet>,
    /// `ok`, `err` or `unknown`.
    #[prost(string, tag = "4")]
    pub health: String,
    /// Why the last evaluation failed.
    #[prost(string, tag = "5")]
    pub last_error: String,
    /// How long it took.
    #[prost(double, tag = "6")]
    pub evaluation_duration_seconds: f64,
    /// When it was.
    #[prost(message, optional, tag = "7")]
    pub last_evaluation: Option<Timestamp>,
}
