//! `narthex.Evaluation`: an aggregation of a query, evaluated by who has the samples.
//!
//! All times are milliseconds since the epoch, all distances of them milliseconds.

use super::LabelSet;
use super::store::Series;

/// What the numbers mean; who says another one is not asked.
pub const VERSION: u32 = 1;

/// `narthex.EvaluationInfo`: the service is there, in this version.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct EvaluationInfo {
    /// [`VERSION`]
    #[prost(uint32, tag = "1")]
    pub version: u32,
}

/// `narthex.EvaluateRequest`
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct EvaluateRequest {
    /// The whole query.
    #[prost(string, tag = "1")]
    pub query: String,
    /// The first byte of the aggregation.
    #[prost(uint64, tag = "2")]
    pub start: u64,
    /// The byte after its last one.
    #[prost(uint64, tag = "3")]
    pub end: u64,
    /// Where the query starts.
    #[prost(int64, tag = "4")]
    pub query_start: i64,
    /// Where the query ends.
    #[prost(int64, tag = "5")]
    pub query_end: i64,
    /// From one time of the query to the next, 0 for an instant query.
    #[prost(int64, tag = "6")]
    pub query_step: i64,
    /// When the aggregation is evaluated first.
    #[prost(int64, tag = "7")]
    pub first: i64,
    /// From there to the next time, and so on.
    #[prost(int64, tag = "8")]
    pub step: i64,
    /// How many times.
    #[prost(uint64, tag = "9")]
    pub count: u64,
    /// How far an instant selector looks back.
    #[prost(int64, tag = "10")]
    pub lookback: i64,
    /// The step of subqueries without one.
    #[prost(int64, tag = "11")]
    pub subquery_step: i64,
    /// Whether it is wanted of how many samples each result is.
    #[prost(bool, tag = "12")]
    pub with_counts: bool,
    /// What the external labels are taken for. Where they are others, nothing is evaluated.
    #[prost(message, optional, tag = "13")]
    pub external_labels: Option<LabelSet>,
    /// Labels that no series has.
    #[prost(string, repeated, tag = "14")]
    pub without_replica_labels: Vec<String>,
    /// How long windows may be that are read in place of samples; not there where that goes by the
    /// step and by ranges.
    #[prost(int64, optional, tag = "15")]
    pub max_resolution: Option<i64>,
    /// What the external labels of each server are taken for whose blocks a store has, in no order.
    /// Where there are others, nothing is evaluated.
    #[prost(message, repeated, tag = "16")]
    pub label_sets: Vec<LabelSet>,
}

/// `narthex.EvaluateResponse`: a part of the answer.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EvaluateResponse {
    /// Results, in chunks of samples.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<Series>,
    /// Of how many samples they are, for each of them.
    #[prost(message, repeated, tag = "2")]
    pub counts: Vec<Series>,
    /// What may be meant differently.
    #[prost(string, repeated, tag = "3")]
    pub infos: Vec<String>,
}
