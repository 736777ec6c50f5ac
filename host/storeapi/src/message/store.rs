//! `thanos.Store`: series and labels, asked and answered.
//!
//! Hints are opaque between a client and a store of one kind; they are left out here, and skipped
//! where they come.

use bytes::Bytes;

use super::Label;

/// `thanos.SeriesRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub struct SeriesRequest {
    /// The first millisecond since the epoch.
    #[prost(int64, tag = "1")]
    pub min_time: i64,
    /// The last millisecond since the epoch.
    #[prost(int64, tag = "2")]
    pub max_time: i64,
    /// All must hold.
    #[prost(message, repeated, tag = "3")]
    pub matchers: Vec<LabelMatcher>,
    /// Samples may be as far apart, in milliseconds: 0 for raw ones.
    #[prost(int64, tag = "4")]
    pub max_resolution_window: i64,
    /// Which aggregates of downsampled series are wanted.
    #[prost(enumeration = "Aggr", repeated, tag = "5")]
    pub aggregates: Vec<i32>,
    /// The older form of [`Self::partial_response_strategy`].
    #[prost(bool, tag = "6")]
    pub partial_response_disabled: bool,
    /// What becomes of an answer of which a part is missing.
    #[prost(enumeration = "PartialResponseStrategy", tag = "7")]
    pub partial_response_strategy: i32,
    /// Labels only.
    #[prost(bool, tag = "8")]
    pub skip_chunks: bool,
    /// Milliseconds between the steps of the query. The older form of the one in the hints.
    #[prost(int64, tag = "10")]
    pub step: i64,
    /// Milliseconds of the range selector. The older form of the one in the hints.
    #[prost(int64, tag = "11")]
    pub range: i64,
    /// What the query is for.
    #[prost(message, optional, tag = "12")]
    pub query_hints: Option<QueryHints>,
    /// Which part of the series is wanted.
    #[prost(message, optional, tag = "13")]
    pub shard_info: Option<ShardInfo>,
    /// Labels to be left out, before series are sorted.
    #[prost(string, repeated, tag = "14")]
    pub without_replica_labels: Vec<String>,
    /// So many series are enough; 0 for all.
    #[prost(int64, tag = "15")]
    pub limit: i64,
    /// How many series a frame may have: 0 or 1 for a frame for each.
    #[prost(int64, tag = "16")]
    pub response_batch_size: i64,
}

/// `thanos.LabelMatcher`
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct LabelMatcher {
    /// How.
    #[prost(enumeration = "MatcherType", tag = "1")]
    pub r#type: i32,
    /// Which label.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Text or pattern.
    #[prost(string, tag = "3")]
    pub value: String,
}

/// `thanos.LabelMatcher.Type`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum MatcherType {
    /// `=`
    Eq = 0,
    /// `!=`
    Neq = 1,
    /// `=~`
    Re = 2,
    /// `!~`
    Nre = 3,
}

/// `thanos.PartialResponseStrategy`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum PartialResponseStrategy {
    /// What is missing is a warning.
    Warn = 0,
    /// What is missing fails the request.
    Abort = 1,
}

/// `thanos.Aggr`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Aggr {
    /// The samples themselves.
    Raw = 0,
    /// How many.
    Count = 1,
    /// Their sum.
    Sum = 2,
    /// The least.
    Min = 3,
    /// The greatest.
    Max = 4,
    /// A counter without its resets.
    Counter = 5,
}

/// `thanos.QueryHints`
#[derive(Clone, PartialEq, prost::Message)]
pub struct QueryHints {
    /// Milliseconds between the steps.
    #[prost(int64, tag = "1")]
    pub step_millis: i64,
    /// The function or aggregation around the selector.
    #[prost(message, optional, tag = "2")]
    pub func: Option<Func>,
    /// What is grouped by.
    #[prost(message, optional, tag = "4")]
    pub grouping: Option<Grouping>,
    /// The range of the selector.
    #[prost(message, optional, tag = "5")]
    pub range: Option<Range>,
}

/// `thanos.Func`
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Func {
    /// As PromQL names it.
    #[prost(string, tag = "1")]
    pub name: String,
}

/// `thanos.Grouping`
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Grouping {
    /// `by` rather than `without`.
    #[prost(bool, tag = "1")]
    pub by: bool,
    /// The names.
    #[prost(string, repeated, tag = "3")]
    pub labels: Vec<String>,
}

/// `thanos.Range`
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Range {
    /// Milliseconds.
    #[prost(int64, tag = "1")]
    pub millis: i64,
}

/// `thanos.ShardInfo`
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct ShardInfo {
    /// Which shard, from 0.
    #[prost(int64, tag = "1")]
    pub shard_index: i64,
    /// Of how many.
    #[prost(int64, tag = "2")]
    pub total_shards: i64,
    /// The labels decide, rather than all but them.
    #[prost(bool, tag = "3")]
    pub by: bool,
    /// The names.
    #[prost(string, repeated, tag = "4")]
    pub labels: Vec<String>,
}

/// `thanos.SeriesResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub struct SeriesResponse {
    /// One of them; `None` where it is one of hints.
    #[prost(oneof = "SeriesFrame", tags = "1, 2, 4")]
    pub result: Option<SeriesFrame>,
}

/// `thanos.SeriesResponse.result`
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum SeriesFrame {
    /// A series, or the next chunks of one.
    #[prost(message, tag = "1")]
    Series(Series),
    /// What is missing.
    #[prost(string, tag = "2")]
    Warning(String),
    /// Several series.
    #[prost(message, tag = "4")]
    Batch(SeriesBatch),
}

/// `thanos.SeriesBatch`
#[derive(Clone, PartialEq, prost::Message)]
pub struct SeriesBatch {
    /// In their order.
    #[prost(message, repeated, tag = "1")]
    pub series: Vec<Series>,
}

/// `thanos.Series`
#[derive(Clone, PartialEq, prost::Message)]
pub struct Series {
    /// Sorted by name.
    #[prost(message, repeated, tag = "1")]
    pub labels: Vec<Label>,
    /// Sorted by their first sample.
    #[prost(message, repeated, tag = "2")]
    pub chunks: Vec<AggrChunk>,
}

/// `thanos.AggrChunk`
#[derive(Clone, PartialEq, prost::Message)]
pub struct AggrChunk {
    /// The first sample, in milliseconds since the epoch.
    #[prost(int64, tag = "1")]
    pub min_time: i64,
    /// The last sample, in milliseconds since the epoch.
    #[prost(int64, tag = "2")]
    pub max_time: i64,
    /// The samples themselves.
    #[prost(message, optional, tag = "3")]
    pub raw: Option<Chunk>,
    /// How many samples, by window.
    #[prost(message, optional, tag = "4")]
    pub count: Option<Chunk>,
    /// Their sum, by window.
    #[prost(message, optional, tag = "5")]
    pub sum: Option<Chunk>,
    /// The least, by window.
    #[prost(message, optional, tag = "6")]
    pub min: Option<Chunk>,
    /// The greatest, by window.
    #[prost(message, optional, tag = "7")]
    pub max: Option<Chunk>,
    /// The counter without its resets, by window.
    #[prost(message, optional, tag = "8")]
    pub counter: Option<Chunk>,
}

/// `thanos.Chunk`
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Chunk {
    /// How it is encoded.
    #[prost(enumeration = "ChunkEncoding", tag = "1")]
    pub r#type: i32,
    /// A chunk of Prometheus' blocks, without its length, encoding and checksum.
    #[prost(bytes = "bytes", tag = "2")]
    pub data: Bytes,
    /// The `XXH64` of the data; 0 where who reads it has to make it.
    #[prost(uint64, tag = "3")]
    pub hash: u64,
}

/// `thanos.Chunk.Encoding`: Prometheus' number less one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum ChunkEncoding {
    /// Numbers.
    Xor = 0,
    /// Native histograms of integers.
    Histogram = 1,
    /// Native histograms of numbers with fractions.
    FloatHistogram = 2,
}

/// `thanos.LabelNamesRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub struct LabelNamesRequest {
    /// The older form of [`Self::partial_response_strategy`].
    #[prost(bool, tag = "1")]
    pub partial_response_disabled: bool,
    /// What becomes of an answer of which a part is missing.
    #[prost(enumeration = "PartialResponseStrategy", tag = "2")]
    pub partial_response_strategy: i32,
    /// The first millisecond since the epoch.
    #[prost(int64, tag = "3")]
    pub start: i64,
    /// The last millisecond since the epoch.
    #[prost(int64, tag = "4")]
    pub end: i64,
    /// Of the series for which all of them hold.
    #[prost(message, repeated, tag = "6")]
    pub matchers: Vec<LabelMatcher>,
    /// Labels to be left out.
    #[prost(string, repeated, tag = "7")]
    pub without_replica_labels: Vec<String>,
    /// So many are enough; 0 for all.
    #[prost(int64, tag = "8")]
    pub limit: i64,
}

/// `thanos.LabelNamesResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub struct LabelNamesResponse {
    /// Sorted.
    #[prost(string, repeated, tag = "1")]
    pub names: Vec<String>,
    /// What is missing.
    #[prost(string, repeated, tag = "2")]
    pub warnings: Vec<String>,
}

/// `thanos.LabelValuesRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub struct LabelValuesRequest {
    /// Which label.
    #[prost(string, tag = "1")]
    pub label: String,
    /// The older form of [`Self::partial_response_strategy`].
    #[prost(bool, tag = "2")]
    pub partial_response_disabled: bool,
    /// What becomes of an answer of which a part is missing.
    #[prost(enumeration = "PartialResponseStrategy", tag = "3")]
    pub partial_response_strategy: i32,
    /// The first millisecond since the epoch.
    #[prost(int64, tag = "4")]
    pub start: i64,
    /// The last millisecond since the epoch.
    #[prost(int64, tag = "5")]
    pub end: i64,
    /// Of the series for which all of them hold.
    #[prost(message, repeated, tag = "7")]
    pub matchers: Vec<LabelMatcher>,
    /// Labels to be left out.
    #[prost(string, repeated, tag = "8")]
    pub without_replica_labels: Vec<String>,
    /// So many are enough; 0 for all.
    #[prost(int64, tag = "9")]
    pub limit: i64,
}

/// `thanos.LabelValuesResponse`
#[derive(Clone, PartialEq, prost::Message)]
pub struct LabelValuesResponse {
    /// Sorted.
    #[prost(string, repeated, tag = "1")]
    pub values: Vec<String>,
    /// What is missing.
    #[prost(string, repeated, tag = "2")]
    pub warnings: Vec<String>,
}
