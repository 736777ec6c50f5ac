//! How many parts a request has, looked at before it is unpacked: an empty matcher is two bytes on the way
//! and a hundred in memory, so the bound on the bytes of a request is none on what they become.
//!
//! It is not: what bounds the parts of one kind, such as matchers, which who answers knows.

use bytes::Buf as _;
use prost::Message;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use super::metrics::GrpcMetrics;
use crate::message::evaluation::EvaluateRequest;
use crate::message::exemplars::ExemplarsRequest;
use crate::message::health::HealthCheckRequest;
use crate::message::info::InfoRequest;
use crate::message::metadata::MetricMetadataRequest;
use crate::message::rules::RulesRequest;
use crate::message::store::{LabelNamesRequest, LabelValuesRequest, SeriesRequest};
use crate::message::targets::TargetsRequest;
use crate::wire::{Fields, Value};

/// A request may have so many matchers, labels, names and other elements of lists in all. They take
/// less than 8 MiB of memory beside their texts. The largest requests are those of our own queriers for
/// aggregations, with the external labels of all the servers that have blocks in a store.
pub const REQUEST_PARTS_MAX: usize = 1 << 16;

/// A field that is a list, or has some within.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    number: u64,
    holds: Holds,
}

#[derive(Debug, Clone, Copy)]
enum Holds {
    /// Texts or messages, each of which counts, as does what lies in its own lists.
    Elements(&'static [List]),
    /// One message, whose lists count.
    One(&'static [List]),
    /// Numbers, by themselves or many in a row, of a byte or more each.
    Numbers,
}

/// A request whose lists are known.
pub(super) trait Parted {
    /// All of them.
    const LISTS: &'static [List];
}

const fn list(number: u64, within: &'static [List]) -> List {
    let holds = Holds::Elements(within);
    List { number, holds }
}

const fn one(number: u64, within: &'static [List]) -> List {
    let holds = Holds::One(within);
    List { number, holds }
}

const fn numbers(number: u64) -> List {
    let holds = Holds::Numbers;
    List { number, holds }
}

const LABELS: &[List] = &[list(1, &[])];

impl Parted for SeriesRequest {
    const LISTS: &'static [List] = &[
        list(3, &[]),
        numbers(5),
        // Hints have what is grouped by.
        one(12, &[one(4, &[list(3, &[])])]),
        one(13, &[list(4, &[])]),
        list(14, &[]),
    ];
}

impl Parted for LabelNamesRequest {
    const LISTS: &'static [List] = &[list(6, &[]), list(7, &[])];
}

impl Parted for LabelValuesRequest {
    const LISTS: &'static [List] = &[list(7, &[]), list(8, &[])];
}

impl Parted for RulesRequest {
    const LISTS: &'static [List] = &[list(3, &[]), list(4, &[]), list(5, &[]), list(6, &[])];
}

impl Parted for EvaluateRequest {
    const LISTS: &'static [List] = &[one(13, LABELS), list(14, &[]), list(16, LABELS)];
}

impl Parted for ExemplarsRequest {
    const LISTS: &'static [List] = &[];
}

impl Parted for HealthCheckRequest {
    const LISTS: &'static [List] = &[];
}

impl Parted for InfoRequest {
    const LISTS: &'static [List] = &[];
}

impl Parted for MetricMetadataRequest {
    const LISTS: &'static [List] = &[];
}

impl Parted for TargetsRequest {
    const LISTS: &'static [List] = &[];
}

/// # Errors
/// The request has more than [`REQUEST_PARTS_MAX`] parts.
fn check(request: &[u8], lists: &[List]) -> Result<(), Status> {
    let count = count(request, lists);
    match count > REQUEST_PARTS_MAX {
        true => Err(Status::invalid_argument(format!(
            "the request has {count} matchers, labels and other elements of lists, and may have \
             {REQUEST_PARTS_MAX}"
        ))),
        false => Ok(()),
    }
}

/// How many parts there are.
fn count(message: &[u8], lists: &[List]) -> usize {
    let counted = Fields::of(message).map(|(number, value)| {
        let list = lists.iter().find(|list| list.number == number);
        match (list.map(|list| list.holds), value) {
            (Some(Holds::Elements(within)), Value::Bytes(element)) => 1 + count(element, within),
            (Some(Holds::One(within)), Value::Bytes(part)) => count(part, within),
            (Some(Holds::Numbers), Value::Bytes(row)) => row.len(),
            (Some(Holds::Numbers), Value::Number) => 1,
            _ => 0,
        }
    });
    // No more than the request has bytes.
    counted.sum()
}

/// The codec of requests and their answers, which looks at requests first.
#[derive(Debug)]
pub(super) struct Checked<A, Q> {
    codec: ProstCodec<A, Q>,
    metrics: GrpcMetrics,
    path: &'static str,
    kind: &'static str,
}

impl<A, Q> Checked<A, Q> {
    /// For the requests of a method, of which those that are refused are counted as well.
    pub(super) fn new(metrics: &GrpcMetrics, path: &'static str, kind: &'static str) -> Self {
        Self {
            codec: ProstCodec::default(),
            metrics: metrics.clone(),
            path,
            kind,
        }
    }
}

impl<A, Q> Codec for Checked<A, Q>
where
    A: Message + Send + 'static,
    Q: Message + Default + Parted + Send + 'static,
{
    type Encode = A;
    type Decode = Q;
    type Encoder = <ProstCodec<A, Q> as Codec>::Encoder;
    type Decoder = Checking<<ProstCodec<A, Q> as Codec>::Decoder>;

    fn encoder(&mut self) -> Self::Encoder {
        self.codec.encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        Checking {
            decoder: self.codec.decoder(),
            lists: Q::LISTS,
            metrics: self.metrics.clone(),
            path: self.path,
            kind: self.kind,
        }
    }
}

/// A decoder of requests, which looks at them first.
#[derive(Debug)]
pub(super) struct Checking<D> {
    decoder: D,
    lists: &'static [List],
    metrics: GrpcMetrics,
    path: &'static str,
    kind: &'static str,
}

impl<D: Decoder<Error = Status>> Decoder for Checking<D> {
    type Item = D::Item;
    type Error = Status;

    fn decode(&mut self, request: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        // All of it is in one piece.
        if let Err(status) = check(request.chunk(), self.lists) {
            let call = self.metrics.begin(self.path, self.kind);
            call.end(Code::InvalidArgument);
            return Err(status);
        }
        self.decoder.decode(request)
    }

    fn buffer_settings(&self) -> BufferSettings {
        self.decoder.buffer_settings()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::store::{Grouping, LabelMatcher, QueryHints, ShardInfo};
    use crate::message::{Label, LabelSet};

    fn check_counted<T: Message + Parted + std::fmt::Debug>(request: &T, expected: usize) {
        let encoded = request.encode_to_vec();
        assert_eq!(count(&encoded, T::LISTS), expected, "{request:?}");
        // Of a part of it no more is counted, whatever it ends with.
        for length in 0..encoded.len().min(50) {
            assert!(count(&encoded[..length], T::LISTS) <= expected);
        }
    }

    #[test]
    fn every_list_of_every_request_is_counted() {
        let texts = |count: usize| vec![String::new(); count];
        let matchers = |count: usize| vec![LabelMatcher::default(); count];
        let set = |count: usize| LabelSet {
            labels: vec![Label::default(); count],
        };
        let grouping = Grouping {
            by: true,
            labels: texts(10_000),
        };
        let series = SeriesRequest {
            matchers: matchers(1),
            aggregates: vec![1; 10],
            query_hints: Some(QueryHints {
                grouping: Some(grouping),
                ..QueryHints::default()
            }),
            shard_info: Some(ShardInfo {
                labels: texts(100),
                ..ShardInfo::default()
            }),
            without_replica_labels: texts(1_000),
            ..SeriesRequest::default()
        };
        check_counted(&series, 11_111);
        let names = LabelNamesRequest {
            matchers: matchers(1),
            without_replica_labels: texts(10),
            ..LabelNamesRequest::default()
        };
        check_counted(&names, 11);
        let values = LabelValuesRequest {
            label: "job".to_owned(),
            matchers: matchers(1),
            without_replica_labels: texts(10),
            ..LabelValuesRequest::default()
        };
        check_counted(&values, 11);
        let rules = RulesRequest {
            matcher_string: texts(1),
            rule_name: texts(10),
            rule_group: texts(100),
            file: texts(1_000),
            ..RulesRequest::default()
        };
        check_counted(&rules, 1_111);
        let evaluate = EvaluateRequest {
            external_labels: Some(set(1)),
            without_replica_labels: texts(10),
            // Each is one, and has two labels.
            label_sets: vec![set(2); 100],
            ..EvaluateRequest::default()
        };
        check_counted(&evaluate, 311);
    }

    #[test]
    fn a_request_of_countless_parts_is_none() {
        let most = SeriesRequest {
            matchers: vec![LabelMatcher::default(); REQUEST_PARTS_MAX],
            ..SeriesRequest::default()
        };
        let most = most.encode_to_vec();
        assert!(check(&most, SeriesRequest::LISTS).is_ok());
        // Numbers by themselves are read as well as those in a row.
        let mut row: Vec<u8> = vec![0x2a];
        prost::encode_length_delimiter(REQUEST_PARTS_MAX, &mut row).unwrap();
        row.extend([1_u8].repeat(REQUEST_PARTS_MAX));
        assert!(check(&row, SeriesRequest::LISTS).is_ok());
        for request in [&most, &row] {
            for one_more in [[0x1a, 0], [0x28, 1]] {
                let request = [&request[..], &one_more].concat();
                let error = check(&request, SeriesRequest::LISTS).unwrap_err();
                assert_eq!(error.code(), Code::InvalidArgument);
                let text = format!("has {} matchers", REQUEST_PARTS_MAX + 1);
                assert!(error.message().contains(&text), "{error}");
            }
        }
        // A list that comes in pieces is one list.
        let hints = [0x62, 4, 0x22, 2, 0x1a, 0].repeat(REQUEST_PARTS_MAX + 1);
        assert!(check(&hints, SeriesRequest::LISTS).is_err());
    }
}
