//! Requests and their answers, read as another server reads them.

use narthex_model::sample::STALE_NAN;
use narthex_model::{FloatHistogram, HistogramSample, Sample, SeriesRef, WriteBatch};
use narthex_promblock::read_chunk;
use narthex_storage::{Appendable, MemoryStore, TimeRange};

use super::*;
use crate::wire::fields::{Fields, from_zigzag};
use crate::wire::message::Message;

const START_MS: i64 = 1_700_000_000_000;

fn store(series: &[(&str, &[(i64, f64)])]) -> MemoryStore {
    let store = MemoryStore::default();
    let samples = series.iter().flat_map(|(name, samples)| {
        let samples = samples.iter();
        samples.map(|(offset_ms, value)| Sample {
            series: SeriesRef::UNKNOWN,
            labels: Labels::from_pairs([("__name__", "m"), ("series", name)]),
            timestamp_ms: START_MS + offset_ms,
            value: *value,
        })
    });
    let mut samples: Vec<Sample> = samples.collect();
    samples.sort_by_key(|sample| sample.timestamp_ms);
    store.append(&WriteBatch::from(samples)).unwrap();
    store
}

fn request(matchers: &[(u64, &str, &str)], accepted: &[u64]) -> Vec<u8> {
    let mut message = Message::new();
    message.message(1, |query| {
        query.signed(1, START_MS);
        query.signed(2, START_MS + 1_000_000_000);
        for (kind, name, value) in matchers {
            query.message(3, |matcher| {
                matcher.number(1, *kind);
                matcher.text(2, name);
                matcher.text(3, value);
            });
        }
    });
    message.packed(2, accepted.iter().copied());
    snappy::encode(message.as_bytes()).unwrap()
}

fn reader(samples_max: usize, frame_bytes_max: usize) -> Reader {
    let options = ReadOptions {
        samples_max,
        requests_max: 1,
        frame_bytes_max,
    };
    Reader::new(options, &mut Registry::default())
}

fn ask(reader: &Reader, store: &MemoryStore, body: &[u8]) -> Result<ReadAnswer, Refusal> {
    let external = Labels::from_pairs([("region", "eu"), ("series", "external")]);
    futures::executor::block_on(reader.read(store, &external, body))
}

/// Labels and samples of a series: its fields 1, and what `sample` makes of the others.
type Found = (String, Vec<(i64, u64)>);

fn label_text(message: &[u8]) -> String {
    let mut fields = Fields::new(message);
    let mut texts = Vec::new();
    while let Some(field) = fields.next().unwrap() {
        texts.push(String::from_utf8(field.bytes().unwrap().to_vec()).unwrap());
    }
    texts.join("=")
}

fn read_samples(answer: &ReadAnswer) -> Vec<Found> {
    let body = snappy::decode(&answer.pieces.concat()).unwrap();
    let mut found = Vec::new();
    let mut results = Fields::new(&body);
    while let Some(result) = results.next().unwrap() {
        let mut all = Fields::new(result.bytes().unwrap());
        while let Some(series) = all.next().unwrap() {
            let (mut labels, mut samples) = (Vec::new(), Vec::new());
            let mut fields = Fields::new(series.bytes().unwrap());
            while let Some(field) = fields.next().unwrap() {
                let bytes = field.bytes().unwrap();
                match field.number {
                    1 => labels.push(label_text(bytes)),
                    2 => {
                        let (mut time, mut value) = (0, 0);
                        let mut fields = Fields::new(bytes);
                        while let Some(field) = fields.next().unwrap() {
                            match field.number {
                                1 => value = field.double().unwrap().to_bits(),
                                _ => time = field.signed().unwrap(),
                            }
                        }
                        samples.push((time, value));
                    }
                    _ => samples.push((-1, 0)),
                }
            }
            found.push((labels.join(","), samples));
        }
    }
    found
}

fn read_chunks(answer: &ReadAnswer) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for frame in &answer.pieces {
        let mut head = Fields::new(frame);
        let len = usize::try_from(head.varint().unwrap()).unwrap();
        let rest = &frame[frame.len() - head.left()..];
        let (checksum, message) = rest.split_first_chunk::<4>().unwrap();
        assert_eq!(message.len(), len);
        assert_eq!(crc32c::crc32c(message), u32::from_be_bytes(*checksum));
        let series = Fields::new(message).next().unwrap().unwrap();
        let (mut labels, mut samples) = (Vec::new(), Vec::new());
        let mut fields = Fields::new(series.bytes().unwrap());
        while let Some(field) = fields.next().unwrap() {
            let bytes = field.bytes().unwrap();
            if field.number == 1 {
                labels.push(label_text(bytes));
                continue;
            }
            let mut chunk = Fields::new(bytes);
            let (mut first, mut last, mut data) = (0, 0, &[][..]);
            while let Some(field) = chunk.next().unwrap() {
                match field.number {
                    1 => first = field.signed().unwrap(),
                    2 => last = field.signed().unwrap(),
                    3 => assert_eq!(field.number(), Ok(1)),
                    _ => data = field.bytes().unwrap(),
                }
            }
            let decoded = decode_xor(data);
            assert_eq!(decoded.first().map(|sample| sample.0), Some(first));
            assert_eq!(decoded.last().map(|sample| sample.0), Some(last));
            samples.extend(decoded);
        }
        let labels = labels.join(",");
        match found.last_mut().filter(|last| last.0 == labels) {
            Some(last) => last.1.extend(samples),
            None => found.push((labels, samples)),
        }
    }
    found
}

/// How the last chunk of a frame is encoded, and its data.
fn last_chunk(frame: &[u8]) -> (u8, &[u8]) {
    let mut head = Fields::new(frame);
    head.varint().unwrap();
    let message = &frame[frame.len() - head.left() + 4..];
    let series = Fields::new(message).next().unwrap().unwrap();
    let mut found = (0, &[][..]);
    let mut fields = Fields::new(series.bytes().unwrap());
    while let Some(field) = fields.next().unwrap() {
        let mut chunk = Fields::new(field.bytes().unwrap());
        while let Some(part) = chunk.next().unwrap() {
            match (field.number, part.number) {
                (2, 3) => found.0 = u8::try_from(part.number().unwrap()).unwrap(),
                (2, 4) => found.1 = part.bytes().unwrap(),
                _ => {}
            }
        }
    }
    found
}

/// Reads a chunk bit by bit, by the description of the format.
fn decode_xor(data: &[u8]) -> Vec<(i64, u64)> {
    let count = u16::from_be_bytes([data[0], data[1]]);
    let mut at = 16;
    let take = |at: &mut usize, len: usize| {
        let mut number = 0_u64;
        for _ in 0..len {
            number = number << 1 | u64::from(data[*at / 8] >> (7 - *at % 8) & 1);
            *at += 1;
        }
        number
    };
    let varint = |at: &mut usize| {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let byte = take(at, 8);
            number |= (byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return number;
            }
        }
    };
    let (mut time, mut delta, mut value) = (0_i64, 0_i64, 0_u64);
    let (mut front, mut behind) = (0, 0);
    let mut samples = Vec::new();
    for number in 0..count {
        match number {
            0 => {
                time = from_zigzag(varint(&mut at));
                value = take(&mut at, 64);
                samples.push((time, value));
                continue;
            }
            1 => delta = varint(&mut at).cast_signed(),
            _ => {
                let mut ones = 0;
                while ones < 4 && take(&mut at, 1) == 1 {
                    ones += 1;
                }
                let len = [0, 14, 17, 20, 64][ones];
                let bits = take(&mut at, len);
                let is_negative = len < 64 && len > 0 && bits > 1 << (len - 1);
                let change = match is_negative {
                    true => bits.cast_signed() - (1_i64 << len),
                    false => bits.cast_signed(),
                };
                delta += change;
            }
        }
        time += delta;
        if take(&mut at, 1) == 1 {
            if take(&mut at, 1) == 1 {
                front = usize::try_from(take(&mut at, 5)).unwrap();
                let len = match usize::try_from(take(&mut at, 6)).unwrap() {
                    0 => 64,
                    len => len,
                };
                behind = 64 - front - len;
            }
            value ^= take(&mut at, 64 - front - behind) << behind;
        }
        samples.push((time, value));
    }
    samples
}

/// Steps of every class, values that share bits and such that do not.
fn samples(count: i64) -> Vec<(i64, f64)> {
    let mut time = 0;
    let sample = |at: i64| {
        time += match at % 11 {
            0 => 15_000,
            1 => 15_001,
            2 => 14_000,
            3 => 8_192 + 15_000,
            4 => 90_000,
            5 => 1,
            6 => 700_000,
            7 => 1_500_000,
            _ => 15_000,
        };
        let value = match at % 7 {
            0 => 1.5,
            1 => 1.5,
            2 => -0.1,
            3 => at as f64,
            4 => f64::INFINITY,
            5 => STALE_NAN,
            _ => 1e-300,
        };
        (time, value)
    };
    (0..count).map(sample).collect()
}

#[test]
fn both_forms_say_the_same_at_every_size_of_frame() {
    let (long, short) = (samples(500), samples(3));
    let store = store(&[("b", &long), ("a", &short), ("c", &short)]);
    let matchers = [
        (0, "__name__", "m"),
        (2, "series", "a|b"),
        (0, "region", "eu"),
    ];
    let expected: Vec<Found> = [("a", &short), ("b", &long)]
        .into_iter()
        .map(|(name, samples)| {
            let samples = samples.iter();
            let samples = samples.map(|(time, value)| (START_MS + time, value.to_bits()));
            (
                format!("__name__=m,region=eu,series={name}"),
                samples.collect(),
            )
        })
        .collect();
    let answer = ask(&reader(0, 1), &store, &request(&matchers, &[])).unwrap();
    assert_eq!(answer.content_type, "application/x-protobuf");
    assert_eq!(read_samples(&answer), expected);
    for (bytes_max, frames) in [(1, 6), (1 << 20, 2)] {
        let reader = reader(0, bytes_max);
        let answer = ask(&reader, &store, &request(&matchers, &[1, 0])).unwrap();
        assert!(
            answer
                .content_type
                .starts_with("application/x-streamed-protobuf")
        );
        assert_eq!(answer.pieces.len(), frames);
        assert_eq!(read_chunks(&answer), expected);
    }
}

#[test]
fn histograms_are_read_as_samples_and_in_chunks() {
    let store = MemoryStore::default();
    let batch = WriteBatch {
        histograms: vec![HistogramSample {
            series: SeriesRef::UNKNOWN,
            labels: Labels::from_pairs([("__name__", "h")]),
            timestamp_ms: START_MS,
            histogram: Arc::new(FloatHistogram::default()),
        }],
        ..WriteBatch::default()
    };
    store.append(&batch).unwrap();
    let matchers = [(0, "__name__", "h")];
    let answer = ask(&reader(0, 1), &store, &request(&matchers, &[0, 1])).unwrap();
    assert_eq!(answer.encoding, Some("snappy"));
    assert_eq!(read_samples(&answer)[0].1, [(-1, 0)]);
    let answer = ask(&reader(0, 1), &store, &request(&matchers, &[1, 0])).unwrap();
    let [frame] = &answer.pieces[..] else {
        panic!("{} frames", answer.pieces.len());
    };
    let (encoding, data) = last_chunk(frame);
    let labels = Labels::from_pairs([("__name__", "h")]);
    let read = read_chunk(encoding, data, &labels, TimeRange::ALL);
    let read = read.unwrap().unwrap();
    assert_eq!(read.timestamps[..], [START_MS]);
    assert!(read.histograms.is_some());
}

#[test]
fn what_is_over_a_bound_or_no_request_is_refused() {
    let store = store(&[("a", &samples(10))]);
    let all = [(0, "__name__", "m")];
    assert!(ask(&reader(10, 1), &store, &request(&all, &[])).is_ok());
    for (reader, body, part) in [
        (
            reader(9, 1),
            request(&all, &[1]),
            "exceeded sample limit (9)",
        ),
        (
            reader(0, 1),
            request(&all, &[7]),
            "does not support any of the requested",
        ),
        (
            reader(0, 1),
            request(&[(9, "a", "b")], &[]),
            "invalid matcher type",
        ),
        (reader(0, 1), request(&[(2, "a", "(")], &[]), "regex"),
        (reader(0, 1), b"\xff\xff".to_vec(), "snappy"),
        (reader(0, 1), snappy::encode(b"\x0a\x05a").unwrap(), "proto"),
    ] {
        let refusal = ask(&reader, &store, &body).unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::BadRequest);
        assert!(refusal.message.contains(part), "{}", refusal.message);
    }
}
