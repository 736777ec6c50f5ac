//! A fanout in front of servers that are asked over HTTP: our own reader, and such that fail.

// Chunks as the tests of the crate that reads them make them.
#[allow(dead_code, reason = "those tests ask for more")]
#[path = "../../../promblock/tests/promblock/chunks.rs"]
mod chunks;
#[allow(dead_code, reason = "those tests ask for more")]
#[path = "../../../promblock/tests/promblock/handmade.rs"]
mod handmade;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt as _;
use narthex_model::{Labels, MatchOp, Matcher, PromDuration, sample};
use narthex_storage::{
    Appendable, LabelsRequest, MemoryStore, Queryable, SelectRequest, Series, TimeRange, Warnings,
};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use self::world::{Far, Reply, histograms, numbers};
use crate::wire::message::Message;
use crate::{Fanout, RemoteReadConfig, RemoteReadOptions};

const START_MS: i64 = 1_700_000_000_000;

const OPTIONS: RemoteReadOptions = RemoteReadOptions {
    samples_max: 100_000,
    bytes_max: 10_000_000,
};

fn config(far: &Far) -> RemoteReadConfig {
    RemoteReadConfig {
        url: far.url(),
        name: "far".to_owned(),
        read_recent: true,
        ..RemoteReadConfig::default()
    }
}

fn external() -> Labels {
    Labels::from_pairs([("region", "eu")])
}

/// A fanout over a store that has all from `START_MS` on.
fn fanout(local: MemoryStore, configs: &[RemoteReadConfig], registry: &mut Registry) -> Fanout {
    let fanout = Fanout::new(Arc::new(local), Arc::new(|| START_MS), OPTIONS, registry);
    let prepared = fanout.prepare(configs, &external()).unwrap();
    fanout.follow(prepared);
    fanout
}

fn all_of(name: &str) -> SelectRequest {
    SelectRequest {
        matchers: vec![Matcher::new("__name__", MatchOp::Equal, name).unwrap()],
        range: TimeRange {
            start_ms: START_MS - 1_000_000,
            end_ms: START_MS + 1_000_000,
        },
    }
}

/// A series as text: labels, and each sample with its time.
fn shown(series: &Series) -> (String, Vec<String>) {
    let samples = series.timestamps.iter().zip(&series.values).enumerate();
    let samples = samples.map(|(at, (time, value))| {
        let histogram = series.histograms.as_ref().and_then(|all| all[at].as_ref());
        let time = time - START_MS;
        match histogram {
            Some(held) => format!("{time} {held:?}"),
            None if sample::is_stale_nan(*value) => format!("{time} stale"),
            None => format!("{time} {value}"),
        }
    });
    (series.labels.to_string(), samples.collect())
}

async fn select(
    store: &dyn Queryable,
    request: &SelectRequest,
) -> (BTreeMap<String, Vec<String>>, Vec<String>) {
    let warnings = Warnings::default();
    let stream = store
        .select_with_warnings(request, &warnings)
        .await
        .unwrap();
    let series: Vec<Series> = stream.try_collect().await.unwrap();
    let count = series.len();
    let found: BTreeMap<_, _> = series.iter().map(shown).collect();
    assert_eq!(found.len(), count, "a label set is there twice");
    (found, warnings.texts())
}

#[tokio::test]
async fn a_server_of_ours_gives_what_its_store_has_of_both_kinds_in_chunks() {
    let form = "chunked";
    for store in [numbers(500), histograms()] {
        let expected = select(&store, &all_of("m")).await.0;
        assert!(!expected.is_empty());
        // Frames of one series each, so that a series is in several.
        let far = Far::reading(store, 1).await;
        let mut registry = Registry::default();
        let fanout = fanout(MemoryStore::new(), &[config(&far)], &mut registry);
        let (found, warnings) = select(&fanout, &all_of("m")).await;
        assert_eq!(found, expected);
        assert!(warnings.is_empty(), "{warnings:?}");
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let labels = format!("remote_name=\"far\",url=\"{}\"", far.url());
        for line in [
            format!(
                "prometheus_remote_storage_read_queries_total{{{labels},response_type=\"{form}\",\
                 code=\"200\"}} 1"
            ),
            format!("prometheus_remote_storage_remote_read_queries{{{labels}}} 0"),
            format!(
                "prometheus_remote_storage_read_request_duration_seconds_count{{{labels},\
                 response_type=\"{form}\"}} 1"
            ),
        ] {
            assert!(text.contains(&line), "{line}\n{text}");
        }
        let head = &far.heads()[0];
        for header in [
            "content-encoding: snappy",
            "content-type: application/x-protobuf",
            "x-prometheus-remote-read-version: 0.1.0",
        ] {
            assert!(head.contains(header), "{head}");
        }
    }
}

/// `prometheus.ChunkedReadResponse` with a series `m`.
fn frame(chunks: &[handmade::Chunk]) -> Vec<u8> {
    let mut message = Message::new();
    message.message(1, |series| {
        series.message(1, |label| {
            label.text(1, "__name__");
            label.text(2, "m");
        });
        for handmade::Chunk {
            encoding,
            data,
            range,
        } in chunks
        {
            series.message(2, |message| {
                message.signed(1, range.0);
                message.signed(2, range.1);
                message.number(3, u64::from(*encoding));
                message.bytes(4, data);
            });
        }
    });
    message.as_bytes().to_vec()
}

#[tokio::test]
async fn chunks_of_histograms_are_read_and_stand_among_those_of_numbers() {
    let integers = chunks::integers(5_000_000);
    // The second frame goes on with the series, and its first chunk is older: it is put in order.
    let frames = [
        frame(&[integers]),
        frame(&[chunks::xor(), chunks::floats()]),
    ];
    let frames = frames.each_ref().map(Vec::as_slice);
    let far = Far::answering(Reply::frames(&frames)).await;
    let fanout = fanout(
        MemoryStore::new(),
        &[config(&far)],
        &mut Registry::default(),
    );
    let mut request = all_of("m");
    request.range = TimeRange::ALL;
    let warnings = Warnings::default();
    let stream = fanout.select_with_warnings(&request, &warnings).await;
    let series: Vec<Series> = stream.unwrap().try_collect().await.unwrap();
    assert!(warnings.texts().is_empty(), "{:?}", warnings.texts());
    let [series] = &series[..] else {
        panic!("{series:?}")
    };
    assert!(series.timestamps.is_sorted_by(|a, b| a < b));
    assert_eq!(series.timestamps.len(), 7 + 2 + 4);
    let histograms = series.histograms.as_ref().unwrap();
    let found: Vec<_> = series
        .timestamps
        .iter()
        .zip(histograms.iter())
        .filter_map(|(time, held)| {
            let held = held.as_ref()?;
            Some((*time, held.schema, held.sum))
        })
        .collect();
    let expected = [
        (2_000, -53, 3.25),
        (17_000, -53, 4.0),
        (5_000_000, 1, 18.4),
        (5_015_000, 1, 18.4),
        (5_030_000, 1, 20.5),
    ];
    assert_eq!(found, expected);
    // The end of a series of histograms is a number.
    assert_eq!(series.timestamps.last(), Some(&5_045_000));
    assert!(sample::is_stale_nan(*series.values.last().unwrap()));
}

#[tokio::test]
async fn samples_outside_of_what_was_asked_for_are_left_out() {
    let far = Far::reading(numbers(500), 1 << 20).await;
    let mut old = config(&far);
    old.read_recent = false;
    let fanout = fanout(MemoryStore::new(), &[old], &mut Registry::default());
    let mut request = all_of("m");
    request.range.start_ms = START_MS - 30_000;
    let (found, _) = select(&fanout, &request).await;
    let times = |samples: &Vec<String>| {
        let times = samples.iter().map(|text| text.split(' ').next().unwrap());
        times.map(str::to_owned).collect::<Vec<_>>()
    };
    // A chunk has 120 samples; of them only those up to where the store here begins are wanted.
    for samples in found.values() {
        assert_eq!(times(samples), ["-30000", "-15000", "0"]);
    }
    assert_eq!(found.len(), 2);
    request.range.start_ms = START_MS + 1;
    assert!(select(&fanout, &request).await.0.is_empty());
    assert_eq!(far.heads().len(), 1);
}

#[tokio::test]
async fn what_is_in_both_is_there_once_and_of_equal_times_the_store_here_counts() {
    let far = Far::reading(
        world::store("m", &[("a", &[0, 10, 20]), ("b", &[5])], 1.0),
        1,
    )
    .await;
    let other = Far::reading(world::store("m", &[("a", &[20, 30]), ("c", &[7])], 2.0), 1).await;
    let local = world::store("m", &[("a", &[10, 40]), ("d", &[1])], 3.0);
    let mut second = config(&other);
    second.name = "other".to_owned();
    let fanout = fanout(local, &[config(&far), second], &mut Registry::default());
    let (found, warnings) = select(&fanout, &all_of("m")).await;
    assert!(warnings.is_empty(), "{warnings:?}");
    let found: Vec<_> = found.into_iter().collect();
    let expected = [
        ("a", vec!["0 1", "10 3", "20 1", "30 2", "40 3"]),
        ("b", vec!["5 1"]),
        ("c", vec!["7 2"]),
        ("d", vec!["1 3"]),
    ]
    .map(|(series, samples)| {
        let labels = Labels::from_pairs([("__name__", "m"), ("series", series)]);
        let samples: Vec<_> = samples.into_iter().map(str::to_owned).collect();
        (labels.to_string(), samples)
    });
    assert_eq!(found, expected);
}

#[tokio::test]
async fn label_sets_are_asked_for_as_samples_and_those_without_one_are_sets_as_well() {
    let far = Far::reading(world::store("m", &[("a", &[0]), ("b", &[0])], 1.0), 1).await;
    let local = world::store("m", &[("b", &[0]), ("c", &[0])], 1.0);
    let bare = Far::answering(Reply::sampled(
        b"\x0a\x0c\x0a\x0a\x0a\x08\x0a\x01x\x12\x03bar",
    ));
    let bare = bare.await;
    let mut second = config(&bare);
    second.name = "bare".to_owned();
    let fanout = fanout(local, &[config(&far), second], &mut Registry::default());
    let SelectRequest { matchers, range } = all_of("m");
    let request = LabelsRequest {
        matchers,
        range,
        limit: None,
    };
    let mut found: Vec<_> = fanout
        .series(&request)
        .await
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    found.sort();
    let expected = [
        "{__name__=\"m\", series=\"a\"}",
        "{__name__=\"m\", series=\"b\"}",
        "{__name__=\"m\", series=\"c\"}",
        "{x=\"bar\"}",
    ];
    assert_eq!(found, expected);
    let names = fanout.label_names(&request).await.unwrap();
    assert_eq!(names, ["__name__", "series"]);
    let values = fanout.label_values("series", &request).await.unwrap();
    assert_eq!(values, ["b", "c"]);
}

#[tokio::test]
async fn a_store_that_fails_costs_its_part_alone_and_the_reader_is_warned() {
    let series = |labels: &[u8], rest: &[u8]| {
        let body = [labels, rest].concat();
        let inner = [&[0x0a, u8::try_from(body.len()).unwrap()][..], &body].concat();
        [&[0x0a, u8::try_from(inner.len()).unwrap()][..], &inner].concat()
    };
    let a = b"\x0a\x06\x0a\x01a\x12\x011";
    let cases = [
        (
            Reply::new(500, "text/plain", b"no disk\n"),
            "returned http status 500 Internal Server Error: no disk",
        ),
        (
            Reply::new(404, "text/plain", b""),
            "returned http status 404 Not Found: ",
        ),
        (
            Reply::new(200, "text/html", b"<p>"),
            "unsupported content type: text/html",
        ),
        (
            Reply::new(200, "application/x-protobuf", b"\xff\xff\xff\xff\xff"),
            "error reading response: snappy",
        ),
        (
            Reply::new(200, "application/x-protobuf", b"\xff\xff\xff\xff\x0f"),
            "4294967295 bytes unpacked, where at most 268435456 are read",
        ),
        (Reply::sampled(b"\x0a\x05a"), "proto: unexpected end"),
        (
            Reply::sampled(&series(&[&a[..], a].concat(), b"")),
            "duplicate label with name: a",
        ),
        (
            Reply::sampled(&series(b"\x0a\x05\x0a\x00\x12\x011", b"")),
            "invalid label name",
        ),
        (
            Reply::sampled(&series(b"\x0a\x06\x0a\x01\xff\x12\x011", b"")),
            "invalid UTF-8",
        ),
        (
            Reply::sampled(&series(a, b"\x22\x02\x20\xc8")),
            "proto: unexpected end",
        ),
        (
            Reply::chunked(&[b"\x03\0\0\0\0abc"]),
            "chunkedReader: corrupted frame; checksum mismatch",
        ),
        (Reply::chunked(&[b"\x03"]), "chunkedReader: unexpected EOF"),
        (
            Reply::chunked(&[b"\xff\xff\xff\xff\x0f"]),
            "message size exceeded the limit 50000000 bytes; got: 4294967295 bytes",
        ),
        (
            Reply::frames(&[&series(a, b"\x12\x05\x18\x09\x22\x01\0")[2..]]),
            "a chunk cannot be read: the chunk has encoding 9",
        ),
        (
            Reply::frames(&[&series(a, b"\x12\x06\x18\x01\x22\x02\0\x05")[2..]]),
            "a chunk cannot be read: it ends inside a chunk",
        ),
        (Reply::Nothing, "request timed out after 200ms"),
    ];
    for (reply, part) in cases {
        let far = Far::answering(reply).await;
        let mut hasty = config(&far);
        if part.contains("timed out") {
            hasty.remote_timeout = PromDuration::from_millis(200);
        }
        let local = world::store("m", &[("a", &[0])], 1.0);
        let fanout = fanout(local, &[hasty], &mut Registry::default());
        let (found, warnings) = select(&fanout, &all_of("m")).await;
        assert_eq!(found.len(), 1, "{part}");
        assert_eq!(warnings.len(), 1, "{part}: {warnings:?}");
        assert!(warnings[0].starts_with("remote_read: "), "{warnings:?}");
        assert!(warnings[0].contains(part), "{part}: {warnings:?}");
    }
}

#[tokio::test]
async fn an_answer_that_no_query_could_hold_is_not_taken() {
    let far = Far::reading(numbers(500), 1 << 20).await;
    for (samples_max, bytes_max, part) in [
        (265, 1 << 20, Some("more than 265 samples")),
        (266, 1 << 20, None),
        (266, 4256, Some("more than 4256 bytes")),
    ] {
        let options = RemoteReadOptions {
            samples_max,
            bytes_max,
        };
        let local = Arc::new(MemoryStore::new());
        let start = Arc::new(|| START_MS);
        let fanout = Fanout::new(local, start, options, &mut Registry::default());
        fanout.follow(fanout.prepare(&[config(&far)], &external()).unwrap());
        let (found, warnings) = select(&fanout, &all_of("m")).await;
        match part {
            None => assert!(warnings.is_empty() && found.len() == 2, "{warnings:?}"),
            Some(part) => {
                assert!(found.is_empty());
                assert!(warnings[0].contains(part), "{warnings:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_new_config_is_followed_and_one_that_is_wrong_changes_nothing() {
    let far = Far::reading(numbers(3), 1).await;
    let fanout = fanout(
        MemoryStore::new(),
        &[config(&far)],
        &mut Registry::default(),
    );
    let twice = [config(&far), config(&far)];
    let error = fanout.prepare(&twice, &external()).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("found duplicate for URL: http://127"),
        "{error}"
    );
    let mut unknown = config(&far);
    unknown.bearer_token_file = "/nowhere/at/all".to_owned();
    // The file is read with each request.
    fanout.follow(fanout.prepare(&[unknown], &external()).unwrap());
    let (found, warnings) = select(&fanout, &all_of("m")).await;
    assert!(found.is_empty());
    assert!(warnings[0].contains("/nowhere/at/all"), "{warnings:?}");
    fanout.follow(fanout.prepare(&[config(&far)], &external()).unwrap());
    assert_eq!(select(&fanout, &all_of("m")).await.0.len(), 2);
    fanout.follow(fanout.prepare(&[], &external()).unwrap());
    assert!(select(&fanout, &all_of("m")).await.0.is_empty());
}
