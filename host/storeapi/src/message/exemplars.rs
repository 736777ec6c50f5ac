//! `thanos.Exemplars`: exemplars of the series that a query selects.

use super::LabelSet;
use super::store::PartialResponseStrategy;

/// `thanos.ExemplarsRequest`
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct ExemplarsRequest {
    /// PromQL, of which the selectors count.
    #[prost(string, tag = "1")]
    pub query: String,
    /// The first millisecond since the epoch.
    #[prost(int64, tag = "2")]
    pub start: i64,
    /// The last millisecond since the epoch.
    #[prost(int64, tag = "3")]
    pub end: i64,
    /// What becomes of an answer of which a part is missing.
    #[prost(enumeration = "PartialResponseStrategy", tag = "4")]
    pub partial_response_strategy: i32,
}

/// `thanos.ExemplarsResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExemplarsResponse {
    /// One of them.
    #[prost(oneof = "ExemplarsFrame", tags = "1, 2")]
    pub result: Option<ExemplarsFrame>,
}

/// `thanos.ExemplarsResponse.result`
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum ExemplarsFrame {
    /// Those of a series.
    #[prost(message, tag = "1")]
    Data(ExemplarData),
    /// What is missing.
    #[prost(string, tag = "2")]
    Warning(String),
}

/// `thanos.ExemplarData`
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExemplarData {
    /// The series, with the external labels.
    #[prost(message, optional, tag = "1")]
    pub series_labels: Option<LabelSet>,
    /// Oldest first.
    #[prost(message, repeated, tag = "2")]
    pub exemplars: Vec<Exemplar>,
}

/// `thanos.Exemplar`
#[derive(Clone, PartialEq, prost::Message)]
pub struct Exemplar {
    /// What it says, such as `trace_id`.
    #[prost(message, optional, tag = "1")]
    pub labels: Option<LabelSet>,
    /// The observed value.
    #[prost(double, tag = "2")]
    pub value: f64,
    /// Milliseconds since the epoch.
    #[prost(int64, tag = "3")]
    pub ts: i64,
}
