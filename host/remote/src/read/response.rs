//! `prometheus.ReadResponse`, and frames of `prometheus.ChunkedReadResponse`.

use narthex_model::Labels;
use narthex_promblock::{WrittenChunk, write_chunks};
use narthex_storage::Series;

use crate::wire::histogram;
use crate::wire::message::{Message, push_varint};

/// All results in one message.
pub(super) fn samples(results: &[Vec<Series>]) -> Vec<u8> {
    let mut response = Message::new();
    for result in results {
        response.message(1, |query| {
            for series in result {
                query.message(1, |message| series_of_samples(message, series));
            }
        });
    }
    response.as_bytes().to_vec()
}

fn series_of_samples(message: &mut Message, series: &Series) {
    labels(message, &series.labels);
    for (at, (timestamp_ms, value)) in series.timestamps.iter().zip(&series.values).enumerate() {
        let histograms = series.histograms.as_ref();
        match histograms.and_then(|all| all.get(at)?.as_ref()) {
            None => message.message(2, |sample| {
                sample.double(1, *value);
                sample.signed(2, *timestamp_ms);
            }),
            Some(held) => {
                message.message(4, |sample| {
                    histogram::encode(sample, held, *timestamp_ms, 0)
                });
            }
        }
    }
}

fn labels(message: &mut Message, labels: &Labels) {
    for (name, value) in labels.iter() {
        message.message(1, |label| {
            label.text(1, name);
            label.text(2, value);
        });
    }
}

/// A frame for every series, or more where one would be longer than `bytes_max`.
pub(super) fn chunks(results: &[Vec<Series>], bytes_max: usize) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for (query, result) in (0_u64..).zip(results) {
        for series in result {
            let mut head = Message::new();
            labels(&mut head, &series.labels);
            let mut body = head.clone();
            let mut chunks = write_chunks(series).peekable();
            while let Some(written) = chunks.next() {
                chunk(&mut body, &written);
                if body.as_bytes().len() >= bytes_max || chunks.peek().is_none() {
                    frames.push(frame(query, &body));
                    body = head.clone();
                }
            }
        }
    }
    frames
}

fn chunk(series: &mut Message, written: &WrittenChunk) {
    series.message(2, |chunk| {
        chunk.signed(1, written.range.start_ms);
        chunk.signed(2, written.range.end_ms);
        chunk.number(3, u64::from(written.encoding));
        chunk.bytes(4, &written.data);
    });
}

/// Length, checksum, message.
fn frame(query: u64, series: &Message) -> Vec<u8> {
    let mut message = Message::new();
    message.bytes(1, series.as_bytes());
    message.number(2, query);
    let message = message.as_bytes();
    let mut frame = Vec::with_capacity(message.len() + 14);
    push_varint(&mut frame, message.len() as u64);
    frame.extend_from_slice(&crc32c::crc32c(message).to_be_bytes());
    frame.extend_from_slice(message);
    frame
}
