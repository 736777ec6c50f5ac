//! Bodies that end where the limit is, compressed or not.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::MultiGzDecoder;

use crate::error::system_text;

/// How many bytes of body are taken; the limit counts what comes out of the decompression, and
/// just as well what goes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLimit {
    /// A body of this size or larger is refused, as Prometheus does.
    Bytes(u64),
    /// A choice, not a default.
    Unlimited,
}

/// So many compressed bytes are unpacked before other tasks get their turn: at the most that a
/// deflate stream can grow (1032 to 1) it is 4 MB of output.
const STEP_BYTES: usize = 4096;

/// What is set aside before the first byte, however large the server says the body is.
const INITIAL_BYTES_MAX: u64 = 1 << 20;

/// Why a body was not read to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It reached the limit.
    #[error("body size limit exceeded")]
    TooLarge,
    /// The connection broke off.
    #[error("{0}")]
    Read(String),
    /// It is not what its encoding says.
    #[error("gzip: {0}")]
    Gzip(String),
}

/// Grows up to a limit.
struct Bounded {
    bytes: Vec<u8>,
    limit: BodyLimit,
}

impl Bounded {
    fn new(limit: BodyLimit, announced: Option<u64>) -> Self {
        let initial = announced.unwrap_or(0).min(INITIAL_BYTES_MAX);
        Self {
            bytes: Vec::with_capacity(usize::try_from(initial).unwrap_or(0)),
            limit,
        }
    }

    fn reaches_limit(&self, more: usize) -> bool {
        self.limit.is_reached(self.bytes.len() as u64 + more as u64)
    }
}

impl BodyLimit {
    fn is_reached(self, size: u64) -> bool {
        matches!(self, Self::Bytes(limit) if size >= limit)
    }
}

impl Write for Bounded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        if self.reaches_limit(part.len()) {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                BodyError::TooLarge,
            ));
        }
        self.bytes.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn gzip_error(error: &io::Error) -> BodyError {
    match error.kind() {
        io::ErrorKind::FileTooLarge => BodyError::TooLarge,
        io::ErrorKind::UnexpectedEof => BodyError::Read("unexpected EOF".to_owned()),
        _ => BodyError::Gzip(system_text(error)),
    }
}

/// Reads a body, unpacking it where its server packed it.
pub(crate) async fn read(
    mut response: reqwest::Response,
    limit: BodyLimit,
) -> Result<Bytes, BodyError> {
    let encoding = response.headers().get(reqwest::header::CONTENT_ENCODING);
    let is_gzip = encoding.is_some_and(|value| value.as_bytes() == b"gzip");
    let bounded = Bounded::new(limit, response.content_length());
    if is_gzip {
        return unpack(response, bounded).await;
    }
    let mut bounded = bounded;
    while let Some(chunk) = next_chunk(&mut response).await? {
        bounded.write_all(&chunk).map_err(|_| BodyError::TooLarge)?;
    }
    Ok(Bytes::from(bounded.bytes))
}

async fn unpack(mut response: reqwest::Response, bounded: Bounded) -> Result<Bytes, BodyError> {
    let limit = bounded.limit;
    let mut received = 0;
    let mut decoder = MultiGzDecoder::new(bounded);
    while let Some(chunk) = next_chunk(&mut response).await? {
        received += chunk.len() as u64;
        if limit.is_reached(received) {
            return Err(BodyError::TooLarge);
        }
        for step in chunk.chunks(STEP_BYTES) {
            decoder
                .write_all(step)
                .map_err(|error| gzip_error(&error))?;
            tokio::task::consume_budget().await;
        }
    }
    let bounded = decoder.finish().map_err(|error| gzip_error(&error))?;
    Ok(Bytes::from(bounded.bytes))
}

pub(crate) async fn next_chunk(
    response: &mut reqwest::Response,
) -> Result<Option<Bytes>, BodyError> {
    response.chunk().await.map_err(|error| {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(current) = source {
            if let Some(io) = current.downcast_ref::<io::Error>()
                && io.raw_os_error().is_some()
            {
                return BodyError::Read(format!("read: {}", system_text(io)));
            }
            source = current.source();
        }
        // What is left is a body that ended before its length or its last chunk.
        BodyError::Read("unexpected EOF".to_owned())
    })
}
