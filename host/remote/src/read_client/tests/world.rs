//! Other stores: servers on a port of their own.

use std::sync::{Arc, Mutex};

use narthex_model::histogram::Buckets;
use narthex_model::{FloatHistogram, HistogramSample, Sample, SeriesRef, WriteBatch};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::wire::message::push_varint;
use crate::{ReadOptions, Reader, snappy};

/// What a server does with each request.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// It answers.
    Answer {
        status: u16,
        content_type: String,
        body: Vec<u8>,
    },
    /// It does not.
    Nothing,
}

const CHUNKED: &str = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";

impl Reply {
    pub(super) fn new(status: u16, content_type: &str, body: &[u8]) -> Self {
        Self::Answer {
            status,
            content_type: content_type.to_owned(),
            body: body.to_vec(),
        }
    }

    /// A message of samples.
    pub(super) fn sampled(message: &[u8]) -> Self {
        let body = snappy::encode(message).unwrap();
        Self::new(200, "application/x-protobuf", &body)
    }

    /// Bytes that say that they are frames.
    pub(super) fn chunked(parts: &[&[u8]]) -> Self {
        Self::new(200, CHUNKED, &parts.concat())
    }

    /// Frames with these messages.
    pub(super) fn frames(messages: &[&[u8]]) -> Self {
        let mut body = Vec::new();
        for message in messages {
            push_varint(&mut body, message.len() as u64);
            body.extend_from_slice(&crc32c::crc32c(message).to_be_bytes());
            body.extend_from_slice(message);
        }
        Self::new(200, CHUNKED, &body)
    }
}

/// Another store.
pub(super) struct Far {
    address: std::net::SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

/// Makes replies of bodies.
enum Answers {
    Always(Reply),
    Reading(Reader, MemoryStore),
}

impl Far {
    /// One that always answers the same.
    pub(super) async fn answering(reply: Reply) -> Self {
        Self::start(Answers::Always(reply)).await
    }

    /// One with our own reader, in frames of some size.
    pub(super) async fn reading(store: MemoryStore, frame_bytes_max: usize) -> Self {
        let options = ReadOptions {
            samples_max: 0,
            requests_max: 0,
            frame_bytes_max,
        };
        let reader = Reader::new(options, &mut Registry::default());
        Self::start(Answers::Reading(reader, store)).await
    }

    async fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (answers, seen) = (Arc::new(answers), Arc::clone(&heads));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&seen)));
            }
        });
        Self { address, heads }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/api/v1/read", self.address)
    }

    /// The heads of the requests so far, in small letters.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// Answers one request.
async fn serve(mut stream: TcpStream, answers: Arc<Answers>, heads: Arc<Mutex<Vec<String>>>) {
    let mut bytes = Vec::new();
    let end = loop {
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            return;
        }
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let head = head.to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap();
    let length: usize = length.lines().next().unwrap().parse().unwrap();
    while bytes.len() < end + length {
        stream.read_buf(&mut bytes).await.unwrap();
    }
    heads.lock().unwrap().push(head);
    let reply = match &*answers {
        Answers::Always(reply) => reply.clone(),
        Answers::Reading(reader, store) => {
            let answer = reader.read(store, &external(), &bytes[end..]).await;
            let answer = answer.unwrap();
            Reply::new(200, answer.content_type, &answer.pieces.concat())
        }
    };
    match reply {
        Reply::Answer {
            status,
            content_type,
            body,
        } => {
            let head = format!(
                "HTTP/1.1 {status} x\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
        }
        // Until the client has left.
        Reply::Nothing => while stream.read_buf(&mut bytes).await.is_ok_and(|n| n > 0) {},
    }
}

/// Series `m` with these times after the start, all of one value.
pub(super) fn store(name: &str, series: &[(&str, &[i64])], value: f64) -> MemoryStore {
    let samples = series.iter().flat_map(|(series, times)| {
        let labels = Labels::from_pairs([("__name__", name), ("series", series)]);
        times.iter().map(move |time| Sample {
            series: SeriesRef::UNKNOWN,
            labels: labels.clone(),
            timestamp_ms: START_MS + time,
            value,
        })
    });
    let mut samples: Vec<Sample> = samples.collect();
    samples.sort_by_key(|sample| sample.timestamp_ms);
    let store = MemoryStore::new();
    store.append(&WriteBatch::from(samples)).unwrap();
    store
}

/// Two series of so many samples, half of them before the start.
pub(super) fn numbers(count: i64) -> MemoryStore {
    let store = MemoryStore::new();
    for at in 0..count {
        let samples = ["a", "b"].map(|series| Sample {
            series: SeriesRef::UNKNOWN,
            labels: Labels::from_pairs([("__name__", "m"), ("series", series)]),
            timestamp_ms: START_MS + (at - count / 2) * 15_000,
            value: match at % 5 {
                0 => f64::INFINITY,
                1 => sample::STALE_NAN,
                _ => at as f64 * 0.1,
            },
        });
        store.append(&WriteBatch::from(samples.to_vec())).unwrap();
    }
    store
}

/// A series of native histograms, with integers and with floats.
pub(super) fn histograms() -> MemoryStore {
    let store = MemoryStore::new();
    for at in 0..3_i32 {
        let counts = vec![1.0, 2.0 + f64::from(at) * 0.5];
        let histogram = FloatHistogram {
            count: counts.iter().sum(),
            sum: f64::from(at),
            positive: Buckets::new(vec![-1, 3], counts).unwrap(),
            ..FloatHistogram::default()
        };
        let batch = WriteBatch {
            histograms: vec![HistogramSample {
                series: SeriesRef::UNKNOWN,
                labels: Labels::from_pairs([("__name__", "m"), ("series", "h")]),
                timestamp_ms: START_MS + i64::from(at),
                histogram: Arc::new(histogram),
            }],
            ..WriteBatch::default()
        };
        store.append(&batch).unwrap();
    }
    store
}
