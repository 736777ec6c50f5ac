//! `prometheus.ReadRequest`.

use narthex_model::{MatchOp, Matcher};
use narthex_storage::{SelectRequest, TimeRange};

use crate::wire::fields::{Fields, WireError};

/// A request may have so many queries; Prometheus sends one.
const QUERIES_MAX: usize = 1 << 10;

/// A query may have so many matchers.
const MATCHERS_MAX: usize = 1 << 10;

/// How the answer may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `SAMPLES`
    Samples,
    /// `STREAMED_XOR_CHUNKS`
    Chunks,
}

/// What is asked.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) queries: Vec<SelectRequest>,
    /// At least one; who says nothing means samples.
    pub(super) accepted: Vec<Form>,
}

/// Reads a request. Hints are hints.
pub(super) fn decode(message: &[u8]) -> Result<Request, String> {
    let wire = |error: WireError| error.to_string();
    let (mut queries, mut numbers) = (Vec::new(), Vec::new());
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next().map_err(wire)? {
        match field.number {
            1 if queries.len() >= QUERIES_MAX => {
                return Err(format!("more than {QUERIES_MAX} queries"));
            }
            1 => queries.push(query(field.bytes().map_err(wire)?)?),
            2 => {
                let add = |number| {
                    numbers.push(number);
                    Ok(())
                };
                field.numbers(add).map_err(wire)?;
            }
            _ => {}
        }
    }
    let known = numbers.iter().filter_map(|number| match number {
        0 => Some(Form::Samples),
        1 => Some(Form::Chunks),
        _ => None,
    });
    let mut accepted: Vec<Form> = known.collect();
    if numbers.is_empty() {
        accepted.push(Form::Samples);
    }
    match accepted.is_empty() {
        true => Err(format!(
            "server does not support any of the requested response types: {numbers:?}; supported: \
             SAMPLES, STREAMED_XOR_CHUNKS"
        )),
        false => Ok(Request { queries, accepted }),
    }
}

fn query(message: &[u8]) -> Result<SelectRequest, String> {
    let wire = |error: WireError| error.to_string();
    let mut request = SelectRequest {
        matchers: Vec::new(),
        range: TimeRange {
            start_ms: 0,
            end_ms: 0,
        },
    };
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next().map_err(wire)? {
        match field.number {
            1 => request.range.start_ms = field.signed().map_err(wire)?,
            2 => request.range.end_ms = field.signed().map_err(wire)?,
            3 if request.matchers.len() >= MATCHERS_MAX => {
                return Err(format!("more than {MATCHERS_MAX} matchers in a query"));
            }
            3 => request
                .matchers
                .push(matcher(field.bytes().map_err(wire)?)?),
            _ => {}
        }
    }
    Ok(request)
}

fn matcher(message: &[u8]) -> Result<Matcher, String> {
    let wire = |error: WireError| error.to_string();
    let (mut kind, mut name, mut value) = (0, &[][..], &[][..]);
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next().map_err(wire)? {
        match field.number {
            1 => kind = field.number().map_err(wire)?,
            2 => name = field.bytes().map_err(wire)?,
            3 => value = field.bytes().map_err(wire)?,
            _ => {}
        }
    }
    let op = match kind {
        0 => MatchOp::Equal,
        1 => MatchOp::NotEqual,
        2 => MatchOp::Regex,
        3 => MatchOp::NotRegex,
        _ => return Err("invalid matcher type".to_owned()),
    };
    let text = |bytes| std::str::from_utf8(bytes).map_err(|_| "a matcher is no UTF-8".to_owned());
    let (name, value) = (text(name)?, text(value)?);
    Matcher::new(name, op, value).map_err(|error| error.to_string())
}
