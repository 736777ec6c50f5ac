//! `thanos.Metadata`: types, help and units of metrics.

use std::collections::BTreeMap;

use super::store::PartialResponseStrategy;

/// `thanos.MetricMetadataRequest`
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct MetricMetadataRequest {
    /// The metric; empty for all.
    #[prost(string, tag = "1")]
    pub metric: String,
    /// So many metrics are enough; below 0 for all.
    #[prost(int32, tag = "2")]
    pub limit: i32,
    /// What becomes of an answer of which a part is missing.
    #[prost(enumeration = "PartialResponseStrategy", tag = "3")]
    pub partial_response_strategy: i32,
}

/// `thanos.MetricMetadataResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub struct MetricMetadataResponse {
    /// One of them.
    #[prost(oneof = "MetadataFrame", tags = "1, 2")]
    pub result: Option<MetadataFrame>,
}

/// `thanos.MetricMetadataResponse.result`
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum MetadataFrame {
    /// By metric.
    #[prost(message, tag = "1")]
    Metadata(MetricMetadata),
    /// What is missing.
    #[prost(string, tag = "2")]
    Warning(String),
}

/// `thanos.MetricMetadata`
#[derive(Clone, PartialEq, prost::Message)]
pub struct MetricMetadata {
    /// By metric.
    #[prost(btree_map = "string, message", tag = "1")]
    pub metadata: BTreeMap<String, MetricMetadataEntry>,
}

/// `thanos.MetricMetadataEntry`
#[derive(Clone, PartialEq, prost::Message)]
pub struct MetricMetadataEntry {
    /// Each variant once.
    #[prost(message, repeated, tag = "2")]
    pub metas: Vec<Meta>,
}

/// `thanos.Meta`
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Meta {
    /// Its type, as in the HTTP API.
    #[prost(string, tag = "1")]
    pub r#type: String,
    /// Its help text.
    #[prost(string, tag = "2")]
    pub help: String,
    /// Its unit.
    #[prost(string, tag = "3")]
    pub unit: String,
}
