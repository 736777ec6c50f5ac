//! `thanos.info`: what an endpoint is, and which services it has.
//!
//! A service is there where its message is set.

use super::LabelSet;
use super::evaluation::EvaluationInfo;

/// `thanos.info.InfoRequest`
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct InfoRequest {}

/// `thanos.info.InfoResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub struct InfoResponse {
    /// What windows of samples the store has, of one that answers for them as we do. Thanos has no
    /// such field and skips it.
    #[prost(message, optional, tag = "1001")]
    pub windows: Option<WindowsInfo>,
    /// The external labels of all series, a set for each source.
    #[prost(message, repeated, tag = "1")]
    pub label_sets: Vec<LabelSet>,
    /// `sidecar`, `store`, `query`, `rule` or `receive`.
    #[prost(string, tag = "2")]
    pub component_type: String,
    /// `thanos.Store` is served.
    #[prost(message, optional, tag = "3")]
    pub store: Option<StoreInfo>,
    /// `thanos.Rules` is served.
    #[prost(message, optional, tag = "4")]
    pub rules: Option<RulesInfo>,
    /// `thanos.Metadata` is served.
    #[prost(message, optional, tag = "5")]
    pub metric_metadata: Option<MetricMetadataInfo>,
    /// `thanos.Targets` is served.
    #[prost(message, optional, tag = "6")]
    pub targets: Option<TargetsInfo>,
    /// `thanos.Exemplars` is served.
    #[prost(message, optional, tag = "7")]
    pub exemplars: Option<ExemplarsInfo>,
    /// `thanos.Query` is served.
    #[prost(message, optional, tag = "8")]
    pub query: Option<QueryApiInfo>,
    /// `narthex.Evaluation` is served. Thanos has no such field and skips it.
    #[prost(message, optional, tag = "1000")]
    pub evaluation: Option<EvaluationInfo>,
}

/// `narthex.WindowsInfo`: what a store of ours says of its windows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct WindowsInfo {
    /// The length of the longest, in milliseconds; 0 where there are samples alone.
    #[prost(int64, tag = "1")]
    pub coarsest_ms: i64,
    /// The length of the longest of which nothing finer is left, in milliseconds; 0 where there are
    /// samples of all times.
    #[prost(int64, tag = "2")]
    pub left_ms: i64,
    /// Milliseconds since the epoch: from then on there are samples of all times.
    #[prost(int64, tag = "3")]
    pub left_until_ms: i64,
}

/// `thanos.info.StoreInfo`
#[derive(Clone, PartialEq, prost::Message)]
pub struct StoreInfo {
    /// Milliseconds since the epoch: nothing is older.
    #[prost(int64, tag = "1")]
    pub min_time: i64,
    /// Milliseconds since the epoch: nothing is newer. `i64::MAX` where samples are still added.
    #[prost(int64, tag = "2")]
    pub max_time: i64,
    /// Whether `shard_info` is heeded.
    #[prost(bool, tag = "3")]
    pub supports_sharding: bool,
    /// Whether `without_replica_labels` is heeded.
    #[prost(bool, tag = "5")]
    pub supports_without_replica_labels: bool,
    /// The sources behind the endpoint.
    #[prost(message, repeated, tag = "6")]
    pub tsdb_infos: Vec<TsdbInfo>,
}

/// `thanos.info.TSDBInfo`
#[derive(Clone, PartialEq, prost::Message)]
pub struct TsdbInfo {
    /// The external labels.
    #[prost(message, optional, tag = "1")]
    pub labels: Option<LabelSet>,
    /// Milliseconds since the epoch.
    #[prost(int64, tag = "2")]
    pub min_time: i64,
    /// Milliseconds since the epoch.
    #[prost(int64, tag = "3")]
    pub max_time: i64,
}

/// `thanos.info.RulesInfo`
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct RulesInfo {}

/// `thanos.info.MetricMetadataInfo`
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct MetricMetadataInfo {}

/// `thanos.info.TargetsInfo`
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct TargetsInfo {}

/// `thanos.info.ExemplarsInfo`
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct ExemplarsInfo {
    /// Milliseconds since the epoch.
    #[prost(int64, tag = "1")]
    pub min_time: i64,
    /// Milliseconds since the epoch.
    #[prost(int64, tag = "2")]
    pub max_time: i64,
}

/// `thanos.info.QueryAPIInfo`
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct QueryApiInfo {}
