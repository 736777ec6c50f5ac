//! `/api/v1/write`: status codes, headers and bodies as senders rely on them.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use futures::TryStreamExt as _;
use narthex_model::{MatchOp, Matcher};
use narthex_storage::{MemoryStore, Queryable, SelectRequest, TimeRange};
use serde_json::json;

use crate::fixture::{Api, NOW_MS};

const V1: &str = "application/x-protobuf";
const V2: &str = "application/x-protobuf;proto=io.prometheus.write.v2.Request";

/// A field that is a text or a message.
fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2, u8::try_from(content.len()).unwrap()];
    out.extend_from_slice(content);
    out
}

/// A sample of both messages.
fn sample(value: f64, timestamp_ms: i64) -> Vec<u8> {
    let mut out = vec![1 << 3 | 1];
    out.extend_from_slice(&value.to_le_bytes());
    out.push(2 << 3);
    let mut number = u64::try_from(timestamp_ms).unwrap();
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap());
    out
}

/// Series of one label and one sample each.
fn v1(series: &[(&str, i64)]) -> Vec<u8> {
    let series = series.iter().map(|(name, timestamp_ms)| {
        let label = [bytes(1, b"__name__"), bytes(2, name.as_bytes())].concat();
        let series = [bytes(1, &label), bytes(2, &sample(1.0, *timestamp_ms))].concat();
        bytes(1, &series)
    });
    packed(&series.collect::<Vec<_>>().concat())
}

fn v2(series: &[(&str, i64)]) -> Vec<u8> {
    let mut request = [bytes(4, b""), bytes(4, b"__name__")].concat();
    for (name, _) in series {
        request.extend(bytes(4, name.as_bytes()));
    }
    for (at, (_, timestamp_ms)) in series.iter().enumerate() {
        let references = [1, u8::try_from(at).unwrap() + 2];
        let series = [bytes(1, &references), bytes(2, &sample(1.0, *timestamp_ms))].concat();
        request.extend(bytes(5, &series));
    }
    packed(&request)
}

fn packed(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).unwrap()
}

/// An answer: status, the three counts where they are there, and the text.
type Answer = (u16, Option<[String; 3]>, String);

async fn send(api: &Api, content_type: &str, encoding: &str, body: Vec<u8>) -> Answer {
    let mut request = Request::post("/api/v1/write");
    for (name, value) in [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_ENCODING, encoding),
    ] {
        if !value.is_empty() {
            request = request.header(name, value);
        }
    }
    let response = api.response(request.body(Body::from(body)).unwrap()).await;
    let count = |what: &str| {
        let name = format!("x-prometheus-remote-write-{what}-written");
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let counts = ["samples", "histograms", "exemplars"].map(count);
    let counts = counts.into_iter().collect::<Option<Vec<_>>>();
    let status = response.status().as_u16();
    let text = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let text = String::from_utf8(text.to_vec()).unwrap();
    (
        status,
        counts.map(|counts| counts.try_into().unwrap()),
        text,
    )
}

fn counts(samples: u64) -> Option<[String; 3]> {
    Some([samples.to_string(), "0".to_owned(), "0".to_owned()])
}

async fn names(store: &MemoryStore) -> Vec<String> {
    let matcher = Matcher::new("__name__", MatchOp::Regex, "new.*").unwrap();
    let request = SelectRequest {
        matchers: vec![matcher],
        range: TimeRange::ALL,
    };
    let series = store.select(&request).await.unwrap();
    let series: Vec<_> = series.try_collect().await.unwrap();
    let names = series
        .iter()
        .map(|series| series.labels.metric_name().to_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_is_said_of_pushed_metrics_is_served_as_that_of_targets() {
    let api = Api::receiving(Arc::new(MemoryStore::new())).await;
    // Type 2, name, help, unit.
    let family = |name: &[u8]| {
        let texts = [bytes(2, name), bytes(4, b"what it is"), bytes(5, b"s")];
        bytes(3, &[vec![8, 2], texts.concat()].concat())
    };
    let request = [family(b"a"), family(b"b")].concat();
    let answer = send(&api, V1, "snappy", packed(&request)).await;
    assert_eq!(answer, (204, None, String::new()));
    let said = json!([{"type": "gauge", "help": "what it is", "unit": "s"}]);
    for (query, expected) in [
        ("", json!({"a": said, "b": said})),
        ("?metric=b", json!({"b": said})),
        ("?limit=1", json!({"a": said})),
        ("?metric=c", json!({})),
    ] {
        let answer = api.json(&format!("metadata{query}")).await;
        assert_eq!(answer["data"], expected, "{query}");
    }
}

#[tokio::test]
async fn what_is_pushed_is_stored_and_answered_with_204() {
    let store = Arc::new(MemoryStore::new());
    let api = Api::receiving(store.clone()).await;
    let both = [("new_a", NOW_MS), ("new_b", NOW_MS)];
    let answer = send(&api, V1, "snappy", v1(&both)).await;
    assert_eq!(answer, (204, None, String::new()));
    let third = [("new_c", NOW_MS)];
    let answer = send(&api, V2, "snappy", v2(&third)).await;
    assert_eq!(answer, (204, counts(1), String::new()));
    // The oldest senders say nothing of their bodies.
    let answer = send(&api, "", "", v1(&[("new_d", NOW_MS)])).await;
    assert_eq!(answer, (204, None, String::new()));
    assert_eq!(names(&store).await, ["new_a", "new_b", "new_c", "new_d"]);
}

#[tokio::test]
async fn a_part_that_is_refused_leaves_the_rest() {
    let store = Arc::new(MemoryStore::new());
    let api = Api::receiving(store.clone()).await;
    let first = [("new_a", NOW_MS)];
    assert_eq!(send(&api, V2, "snappy", v2(&first)).await.0, 204);
    let mixed = [("new_a", NOW_MS - 1), ("new_b", NOW_MS)];
    let (status, counted, text) = send(&api, V2, "snappy", v2(&mixed)).await;
    assert_eq!((status, counted), (400, counts(1)));
    assert_eq!(
        text,
        "out of order sample for series {__name__=\"new_a\"}\n"
    );
    let mixed = [("new_a", NOW_MS - 1), ("new_c", NOW_MS)];
    let (status, counted, _) = send(&api, V1, "snappy", v1(&mixed)).await;
    assert_eq!((status, counted), (400, None));
    assert_eq!(names(&store).await, ["new_a", "new_b", "new_c"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_by_its_kind() {
    let store = Arc::new(MemoryStore::new());
    let api = Api::receiving(store.clone()).await;
    let good = || v2(&[("new_a", NOW_MS)]);
    let mut corrupt = good();
    corrupt[0] = b'0';
    let huge = vec![0xff, 0xff, 0xff, 0xff, 0x0f];
    for (content_type, encoding, body, expected, expected_text) in [
        (
            "application/json",
            "snappy",
            good(),
            415,
            "expected application/x-protobuf",
        ),
        (
            "image/png",
            "snappy",
            good(),
            415,
            "expected application/x-protobuf",
        ),
        (V2, "gzip", good(), 415, "only snappy is acceptable"),
        (V2, "zstd", good(), 415, "only snappy is acceptable"),
        (V2, "snappy", corrupt, 400, "snappy: corrupt input"),
        (V2, "snappy", huge, 400, "at most 33554432 are taken"),
        (V2, "snappy", Vec::new(), 400, "snappy"),
        (V2, "snappy", packed(b"\x08"), 400, "proto: unexpected end"),
        (
            V1,
            "snappy",
            packed(b"\x0a\x05"),
            400,
            "proto: unexpected end",
        ),
        (
            V1,
            "snappy",
            vec![0; 33 << 20],
            400,
            "the request body has over 33554432 bytes",
        ),
    ] {
        let (status, _, text) = send(&api, content_type, encoding, body).await;
        assert_eq!(status, expected, "{expected_text}: {text}");
        assert!(text.contains(expected_text), "{text}");
    }
    assert!(names(&store).await.is_empty());
}

#[tokio::test]
async fn without_the_flag_there_is_no_receiver() {
    let api = Api::ready().await;
    let (status, _, text) = send(&api, V1, "snappy", v1(&[("new_a", NOW_MS)])).await;
    assert_eq!(status, 404);
    assert!(
        text.contains("--web.enable-remote-write-receiver"),
        "{text}"
    );
    assert_eq!(api.get("/api/v1/write").await.0, 405);
}

#[tokio::test]
async fn a_page_of_another_site_pushes_nothing() {
    let store = Arc::new(MemoryStore::new());
    let api = Api::receiving(store.clone()).await;
    let request = Request::post("/api/v1/write")
        .header(header::ORIGIN, "http://evil.example")
        .header(header::HOST, "prom.example")
        .body(Body::from(v1(&[("new_a", NOW_MS)])))
        .unwrap();
    assert_eq!(api.response(request).await.status(), 403);
    assert!(names(&store).await.is_empty());
}

#[tokio::test]
async fn before_the_store_is_open_senders_are_asked_to_come_again() {
    let api = Api::starting(true);
    let (status, _, _) = send(&api, V1, "snappy", v1(&[("new_a", NOW_MS)])).await;
    assert_eq!(status, 503);
}
