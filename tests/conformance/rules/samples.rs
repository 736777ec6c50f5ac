//! Samples of a test's own, sent by remote write.

use narthex_tests::http;

/// A series and its samples: milliseconds since the epoch, and values.
pub(super) struct Series {
    /// Sorted by name.
    pub(super) labels: Vec<(String, String)>,
    pub(super) samples: Vec<(i64, f64)>,
}

/// Sends all of them in one request.
pub(super) fn write(url: &str, series: &[Series]) {
    let mut body = Vec::new();
    for series in series {
        let mut message = Vec::new();
        for (name, value) in &series.labels {
            let mut label = Vec::new();
            push_bytes(&mut label, 1, name.as_bytes());
            push_bytes(&mut label, 2, value.as_bytes());
            push_bytes(&mut message, 1, &label);
        }
        for (time_ms, value) in &series.samples {
            let mut sample = vec![0x09];
            sample.extend(value.to_le_bytes());
            sample.push(0x10);
            push_varint(&mut sample, time_ms.cast_unsigned());
            push_bytes(&mut message, 2, &sample);
        }
        push_bytes(&mut body, 1, &message);
    }
    let body = snap::raw::Encoder::new().compress_vec(&body).unwrap();
    let headers = [
        ("Content-Encoding", "snappy"),
        ("Content-Type", "application/x-protobuf"),
        ("X-Prometheus-Remote-Write-Version", "0.1.0"),
    ];
    let (status, answer) =
        http::send("POST", &format!("{url}/api/v1/write"), &headers, &body).unwrap();
    assert!(status / 100 == 2, "{status} {answer}");
}

/// A field of protobuf that is a text or a message.
fn push_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
