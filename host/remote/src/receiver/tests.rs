//! Requests and what becomes of them.

mod faults;
mod histograms;
mod request;

use std::sync::Arc;

use narthex_model::sample::STALE_NAN;
use narthex_model::{Labels, SimulatedClock};
use narthex_storage::{MemoryStore, Queryable, SelectRequest, Series, TimeRange};
use prometheus_client::registry::Registry;

use self::request::{Request, series};
use super::*;

/// When all requests arrive.
const NOW_MS: i64 = 1_700_000_000_000;

struct Bench {
    receiver: Receiver,
    store: Arc<MemoryStore>,
}

impl Bench {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        let options = ReceiverOptions {
            store: store.clone(),
            clock: Arc::new(SimulatedClock::at(NOW_MS)),
            accepted: MessageKind::ALL.to_vec(),
            metadata: Arc::new(ReceivedMetadata::new(&mut Registry::default())),
        };
        Self {
            receiver: Receiver::new(options, &mut Registry::default()),
            store,
        }
    }

    fn send(&self, request: &Request) -> Result<Written, Refusal> {
        self.receiver.receive(request.kind, &request.body())
    }

    /// All series, sorted.
    fn stored(&self) -> Vec<Series> {
        let request = SelectRequest {
            matchers: Vec::new(),
            range: TimeRange::ALL,
        };
        let mut series: Vec<Series> = futures::executor::block_on(async {
            use futures::TryStreamExt as _;
            let stream = self.store.select(&request).await.unwrap();
            stream.try_collect().await.unwrap()
        });
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        series
    }

    /// `name value@seconds from now ...`, a line a series.
    fn shown(&self) -> Vec<String> {
        let shown = self.stored().into_iter().map(|series| {
            let samples = series.timestamps.iter().zip(series.values.iter());
            let samples: Vec<String> = samples
                .map(|(timestamp_ms, value)| {
                    let value = match value.to_bits() == STALE_NAN.to_bits() {
                        true => "stale".to_owned(),
                        false => value.to_string(),
                    };
                    format!("{value}@{}", (timestamp_ms - NOW_MS) / 1000)
                })
                .collect();
            format!("{} {}", series.labels, samples.join(" "))
        });
        shown.collect()
    }
}

fn written(samples: u64, histograms: u64, exemplars: u64) -> Written {
    Written {
        samples,
        histograms,
        exemplars,
    }
}

#[test]
fn both_messages_become_the_same_series() {
    for kind in MessageKind::ALL {
        let bench = Bench::new();
        let request = Request::new(kind)
            .with(
                series([("__name__", "up"), ("job", "a")])
                    .sample(1.0, -1)
                    .sample(2.0, 0),
            )
            // Out of order, as maps of other languages are; and a label that is none.
            .with(series([("job", "ä"), ("__name__", "up"), ("empty", "")]).sample(STALE_NAN, 0))
            .with(
                series([("__name__", "a name.with dots"), ("é 1", "x\ny")])
                    .sample(f64::INFINITY, 0),
            );
        assert_eq!(bench.send(&request), Ok(written(4, 0, 0)), "{kind}");
        let expected = [
            r#"{__name__="a name.with dots", "é 1"="x\ny"} inf@0"#,
            r#"{__name__="up", job="a"} 1@-1 2@0"#,
            r#"{__name__="up", job="ä"} stale@0"#,
        ];
        assert_eq!(bench.shown(), expected, "{kind}");
    }
}

#[test]
fn a_series_that_is_known_is_found_again_by_its_bytes() {
    for kind in MessageKind::ALL {
        let bench = Bench::new();
        for second in -10..0 {
            // Each time in another order, with other symbols before them.
            let mut all = vec![
                series([("__name__", "up"), ("job", "a")]).sample(1.0, second),
                series([("__name__", "up"), ("job", "b")]).sample(2.0, second),
                series([("__name__", &format!("new_{second}")), ("job", "b")]).sample(3.0, second),
            ];
            all.rotate_left((-second % 3) as usize);
            let request = all.into_iter().fold(Request::new(kind), Request::with);
            assert_eq!(bench.send(&request), Ok(written(3, 0, 0)));
        }
        let stored = bench.stored();
        assert_eq!(stored.len(), 12);
        let up = stored
            .iter()
            .filter(|series| series.labels.metric_name() == "up");
        assert!(up.into_iter().all(|series| series.timestamps.len() == 10));
    }
}

#[test]
fn start_timestamps_of_the_sample_come_before_those_of_the_series() {
    let bench = Bench::new();
    let of_sample = series([("__name__", "a")])
        .started_sample(1.0, -2, NOW_MS - 9)
        .sample(1.5, -1);
    let of_series = series([("__name__", "b")])
        .sample(2.0, -1)
        .started(NOW_MS - 7);
    let of_both = series([("__name__", "c")])
        .started_sample(2.0, -1, NOW_MS - 5)
        .started(NOW_MS - 7);
    let request = Request::new(MessageKind::V2)
        .with(of_sample)
        .with(of_series)
        .with(of_both);
    assert_eq!(bench.send(&request), Ok(written(4, 0, 0)));
    let starts: Vec<Vec<i64>> = bench
        .stored()
        .into_iter()
        .map(|series| {
            series
                .starts
                .map(|starts| starts.to_vec())
                .unwrap_or_default()
        })
        .collect();
    assert_eq!(
        starts,
        [vec![NOW_MS - 9, 0], vec![NOW_MS - 7], vec![NOW_MS - 5]]
    );
}

#[test]
fn what_is_said_of_metrics_is_kept_under_the_name_of_their_family() {
    for (kind, expected) in [
        (MessageKind::V1, vec!["up gauge \"is it?\" \"s\""]),
        (
            MessageKind::V2,
            vec!["h histogram \"help\" \"\"", "n_total counter \"help\" \"\""],
        ),
    ] {
        let bench = Bench::new();
        let request = Request::new(kind)
            .with(series([("__name__", "n_total")]).sample(1.0, 0).metadata(1))
            .with(
                series([("__name__", "h_bucket"), ("le", "1")])
                    .sample(1.0, 0)
                    .metadata(3),
            )
            .with(series([("__name__", "silent")]).sample(1.0, 0).metadata(0))
            .with(series([("__name__", "none")]).sample(1.0, 0));
        assert_eq!(bench.send(&request), Ok(written(4, 0, 0)));
        let mut said = bench.receiver.options.metadata.of("");
        said.sort_by(|a, b| a.metric.cmp(&b.metric));
        let shown: Vec<String> = said
            .iter()
            .map(|said| {
                let (name, kind) = (&said.metric, said.kind.name());
                format!("{name} {kind} {:?} {:?}", said.help, said.unit)
            })
            .collect();
        assert_eq!(shown, expected, "{kind}");
        let without = match kind {
            MessageKind::V1 => 4,
            // A message with nothing in it says nothing.
            MessageKind::V2 => 2,
        };
        assert_eq!(bench.receiver.metrics.without_metadata.get(), without);
    }
}

#[test]
fn an_empty_request_is_fine() {
    for kind in MessageKind::ALL {
        let bench = Bench::new();
        assert_eq!(bench.send(&Request::new(kind)), Ok(Written::default()));
        let nothing = Request::new(kind).with(series([("__name__", "up")]));
        assert_eq!(bench.send(&nothing), Ok(Written::default()));
        assert!(bench.stored().is_empty());
    }
}

#[test]
fn what_a_request_says_of_itself_is_read_as_prometheus_reads_it() {
    let both = Bench::new().receiver;
    let (v1, v2) = (Ok(MessageKind::V1), Ok(MessageKind::V2));
    let refused = Err(RefusalKind::UnsupportedMedia);
    let named = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    for (content_type, encoding, expected) in [
        ("application/x-protobuf", "snappy", v1),
        ("application/x-protobuf", "Snappy", v1),
        ("", "", v1),
        (
            "application/x-protobuf;proto=prometheus.WriteRequest",
            "",
            v1,
        ),
        (named, "snappy", v2),
        (
            "application/x-protobuf; proto=io.prometheus.write.v2.Request",
            "snappy",
            v2,
        ),
        ("application/x-protobuf;charset=utf-8", "snappy", v1),
        (
            "application/x-protobuf;proto=other.Message",
            "snappy",
            refused,
        ),
        ("application/x-protobuf;proto", "snappy", refused),
        ("application/json", "snappy", refused),
        ("image/png", "snappy", refused),
        ("text/plain; application/x-protobuf", "snappy", refused),
        (named, "gzip", refused),
        (named, "deflate", refused),
        (named, "zstd", refused),
        (named, "identity", refused),
    ] {
        let found = both
            .accept(content_type, encoding)
            .map_err(|refusal| refusal.kind);
        assert_eq!(found, expected, "{content_type:?} {encoding:?}");
    }
}

#[test]
fn only_the_accepted_messages_are_taken() {
    let options = ReceiverOptions {
        store: Arc::new(MemoryStore::default()),
        clock: Arc::new(SimulatedClock::at(NOW_MS)),
        accepted: vec![MessageKind::V1],
        metadata: Arc::new(ReceivedMetadata::new(&mut Registry::default())),
    };
    let receiver = Receiver::new(options, &mut Registry::default());
    let refusal = receiver
        .accept(MessageKind::V2.content_type(), "snappy")
        .unwrap_err();
    assert_eq!(refusal.kind, RefusalKind::UnsupportedMedia);
    assert_eq!(
        refusal.message,
        "io.prometheus.write.v2.Request protobuf message is not accepted by this server; \
         accepted [\"prometheus.WriteRequest\"]"
    );
    assert!(
        receiver
            .accept(MessageKind::V1.content_type(), "snappy")
            .is_ok()
    );
}

#[test]
fn labels_are_a_set_whatever_their_order() {
    let bench = Bench::new();
    let one = series([("b", "2"), ("__name__", "up"), ("a", "1")]).sample(1.0, -2);
    let other = series([("a", "1"), ("__name__", "up"), ("b", "2")]).sample(2.0, -1);
    bench
        .send(&Request::new(MessageKind::V1).with(one))
        .unwrap();
    bench
        .send(&Request::new(MessageKind::V2).with(other))
        .unwrap();
    let stored = bench.stored();
    assert_eq!(stored.len(), 1);
    let expected = Labels::from_pairs([("__name__", "up"), ("a", "1"), ("b", "2")]);
    assert_eq!(stored[0].labels, expected);
    assert_eq!(stored[0].timestamps.len(), 2);
}
