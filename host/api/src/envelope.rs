//! The envelope around every answer of `/api/v1`: `{"status":..,"data":..,"warnings":..}`.
//!
//! Large lists are written piece by piece while the client reads, so that an answer never
//! stands in memory a second time as text.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::Serialize;

use crate::error::{ApiError, ErrorKind};
use crate::json;

/// An answer shows so many warnings, and so many infos; one line more says how many were left
/// out.
pub const ANNOTATIONS_MAX: usize = 10;

/// A long answer is written in pieces of about this many bytes.
const PIECE_BYTES: usize = 64 << 10;

/// What a query wants to say beside its result.
#[derive(Debug, Clone, Default)]
pub(crate) struct Annotations {
    /// Something may be wrong with the result.
    pub(crate) warnings: Vec<String>,
    /// Something worth knowing.
    pub(crate) infos: Vec<String>,
}

impl Annotations {
    /// The tail of the envelope, from behind the data to the closing brace.
    fn tail(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (key, kind, texts) in [
            ("warnings", "warning", &self.warnings),
            ("infos", "info", &self.infos),
        ] {
            if texts.is_empty() {
                continue;
            }
            let mut shown = texts.clone();
            if texts.len() > ANNOTATIONS_MAX {
                let omitted = texts.len() - ANNOTATIONS_MAX;
                shown.truncate(ANNOTATIONS_MAX);
                shown.push(format!("{omitted} more {kind} annotations omitted"));
            }
            json::push_display(&mut out, format_args!(",\"{key}\":"));
            json::push_strs(&mut out, &shown);
        }
        out.push(b'}');
        out
    }
}

/// The answer that carries a value.
pub(crate) fn success(data: &impl Serialize) -> Response {
    let mut out = b"{\"status\":\"success\",\"data\":".to_vec();
    if let Err(error) = serde_json::to_writer(&mut out, data) {
        return failure(&ApiError::new(ErrorKind::Internal, error.to_string()));
    }
    out.push(b'}');
    json_response(StatusCode::OK, Body::from(out))
}

/// The answer that has nothing to say.
pub(crate) fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// The answer to a request that failed.
pub(crate) fn failure(error: &ApiError) -> Response {
    let mut out = b"{\"status\":\"error\",\"errorType\":".to_vec();
    json::push_str(&mut out, error.kind.as_str());
    out.extend_from_slice(b",\"error\":");
    json::push_str(&mut out, &error.message);
    out.push(b'}');
    json_response(error.kind.status(), Body::from(out))
}

/// The answer whose data is already JSON text.
pub(crate) fn success_raw(data: &[u8], annotations: &Annotations) -> Response {
    let mut out = b"{\"status\":\"success\",\"data\":".to_vec();
    out.extend_from_slice(data);
    out.extend_from_slice(&annotations.tail());
    json_response(StatusCode::OK, Body::from(out))
}

/// The answer whose data is `prefix[item,item,...]suffix`, written as it is read.
pub(crate) fn success_list<I>(
    prefix: &str,
    items: I,
    write: fn(&mut Vec<u8>, &I::Item),
    suffix: &[u8],
    annotations: &Annotations,
) -> Response
where
    I: Iterator + Send + 'static,
{
    let mut first = b"{\"status\":\"success\",\"data\":".to_vec();
    first.extend_from_slice(prefix.as_bytes());
    first.push(b'[');
    let mut tail = b"]".to_vec();
    tail.extend_from_slice(suffix);
    tail.extend_from_slice(&annotations.tail());
    let mut pieces = Pieces {
        items,
        write,
        pending: first,
        tail: Some(tail),
        is_first: true,
    };
    // Most answers are one piece, and then their length is known.
    let first = pieces.next().unwrap_or_default();
    let body = match pieces.tail {
        None => Body::from(first),
        Some(_) => {
            let pieces = std::iter::once(first).chain(pieces);
            Body::from_stream(stream::iter(pieces.map(Ok::<_, Infallible>)))
        }
    };
    json_response(StatusCode::OK, body)
}

fn json_response(status: StatusCode, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// Cuts a list of JSON items into pieces of text.
struct Pieces<I: Iterator> {
    items: I,
    write: fn(&mut Vec<u8>, &I::Item),
    pending: Vec<u8>,
    /// What follows the last item; `None` once it is written.
    tail: Option<Vec<u8>>,
    is_first: bool,
}

impl<I: Iterator> Iterator for Pieces<I> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        self.tail.as_ref()?;
        let mut out = std::mem::take(&mut self.pending);
        while out.len() < PIECE_BYTES {
            let Some(item) = self.items.next() else {
                out.extend_from_slice(&self.tail.take().unwrap_or_default());
                break;
            };
            if !std::mem::take(&mut self.is_first) {
                out.push(b',');
            }
            (self.write)(&mut out, &item);
        }
        Some(Bytes::from(out))
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    fn text(response: Response) -> String {
        let body = block_on(axum::body::to_bytes(response.into_body(), usize::MAX)).unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[test]
    fn a_list_is_whole_however_many_pieces_it_takes() {
        for count in [0_usize, 1, 3, 50_000] {
            let response = success_list(
                "{\"n\":",
                0..count,
                |out, item| json::push_display(out, item),
                b"}",
                &Annotations::default(),
            );
            let parsed: serde_json::Value = serde_json::from_str(&text(response)).unwrap();
            assert_eq!(parsed["data"]["n"].as_array().unwrap().len(), count);
            assert_eq!(parsed["status"], "success");
        }
    }

    #[test]
    fn the_eleventh_warning_and_those_after_it_are_counted() {
        let annotations = Annotations {
            warnings: (0..12).map(|n| format!("w{n}")).collect(),
            infos: vec!["i".into()],
        };
        let parsed: serde_json::Value =
            serde_json::from_str(&text(success_raw(b"[]", &annotations))).unwrap();
        let warnings = parsed["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), ANNOTATIONS_MAX + 1);
        assert_eq!(warnings[10], "2 more warning annotations omitted");
        assert_eq!(parsed["infos"], serde_json::json!(["i"]));
    }
}
