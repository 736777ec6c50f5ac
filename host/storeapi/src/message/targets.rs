//! `thanos.Targets`: what is scraped, and what was dropped.

use super::store::PartialResponseStrategy;
use super::{LabelSet, Timestamp};

/// `thanos.TargetsRequest`
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct TargetsRequest {
    /// Which ones.
    #[prost(enumeration = "TargetsState", tag = "1")]
    pub state: i32,
    /// What becomes of an answer of which a part is missing.
    #[prost(enumeration = "PartialResponseStrategy", tag = "2")]
    pub partial_response_strategy: i32,
}

/// `thanos.TargetsRequest.State`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum TargetsState {
    /// All.
    Any = 0,
    /// Those that are scraped.
    Active = 1,
    /// Those that relabelling dropped.
    Dropped = 2,
}

/// `thanos.TargetsResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub struct TargetsResponse {
    /// One of them.
    #[prost(oneof = "TargetsFrame", tags = "1, 2")]
    pub result: Option<TargetsFrame>,
}

/// `thanos.TargetsResponse.result`
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum TargetsFrame {
    /// Targets.
    #[prost(message, tag = "1")]
    Targets(TargetDiscovery),
    /// What is missing.
    #[prost(string, tag = "2")]
    Warning(String),
}

/// `thanos.TargetDiscovery`
#[derive(Clone, PartialEq, prost::Message)]
pub struct TargetDiscovery {
    /// Those that are scraped.
    #[prost(message, repeated, tag = "1")]
    pub active_targets: Vec<ActiveTarget>,
    /// Those that relabelling dropped.
    #[prost(message, repeated, tag = "2")]
    pub dropped_targets: Vec<DroppedTarget>,
}

/// `thanos.TargetHealth`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum TargetHealth {
    /// The last scrape failed.
    Down = 0,
    /// It went well.
    Up = 1,
    /// There was none yet.
    Unknown = 2,
}

/// `thanos.ActiveTarget`
#[derive(Clone, PartialEq, prost::Message)]
pub struct ActiveTarget {
    /// Before relabelling.
    #[prost(message, optional, tag = "1")]
    pub discovered_labels: Option<LabelSet>,
    /// Of its series, with the external labels.
    #[prost(message, optional, tag = "2")]
    pub labels: Option<LabelSet>,
    /// The job.
    #[prost(string, tag = "3")]
    pub scrape_pool: String,
    /// Where it is scraped.
    #[prost(string, tag = "4")]
    pub scrape_url: String,
    /// The same, as others may write it.
    #[prost(string, tag = "5")]
    pub global_url: String,
    /// Why the last scrape failed.
    #[prost(string, tag = "6")]
    pub last_error: String,
    /// When it was.
    #[prost(message, optional, tag = "7")]
    pub last_scrape: Option<Timestamp>,
    /// How many seconds it took.
    #[prost(double, tag = "8")]
    pub last_scrape_duration: f64,
    /// How it went.
    #[prost(enumeration = "TargetHealth", tag = "9")]
    pub health: i32,
}

/// `thanos.DroppedTarget`
#[derive(Clone, PartialEq, prost::Message)]
pub struct DroppedTarget {
    /// Before relabelling.
    #[prost(message, optional, tag = "1")]
    pub discovered_labels: Option<LabelSet>,
}
