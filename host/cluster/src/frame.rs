//! What peers say over a connection: one frame each way, or one behind the other where they are
//! datagrams.
//!
//! ```text
//! "NXCL" │ version, 1 byte │ length of the rest, 4 bytes, big-endian │ label, who speaks, what it says
//! ```
//!
//! What follows the length is in postcard's format.

use std::io;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::gossip::Hello;
use crate::{MAGIC, Refusal, Update, VERSION};

/// A frame may have this many bytes: the silences and the notification log of a large installation
/// several times over.
pub const FRAME_BYTES_MAX: usize = 64 << 20;

/// What stands before the length.
const START_BYTES: usize = MAGIC.len() + 1;

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Said {
    /// Whole states. The other one answers with its own.
    Whole(Hello, Vec<Update>),
    /// What has changed. There is no answer.
    Changed(Vec<Update>),
    /// What is a datagram where there is no TLS: with TLS more may follow, and there is no answer;
    /// without it is a ping that was not answered, or the answer to that.
    Datagram(Vec<u8>),
}

#[derive(Serialize, Deserialize)]
struct Frame {
    label: String,
    said: Said,
}

/// Why a frame was not read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("{0}")]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A frame as bytes.
pub(crate) fn encode(label: &str, said: Said) -> Result<Vec<u8>, Refusal> {
    let frame = Frame {
        label: label.to_owned(),
        said,
    };
    let body = postcard::to_allocvec(&frame).map_err(|_| Refusal::Malformed)?;
    let length = u32::try_from(body.len()).map_err(|_| Refusal::TooLarge)?;
    if body.len() > FRAME_BYTES_MAX {
        return Err(Refusal::TooLarge);
    }
    let mut bytes = Vec::with_capacity(START_BYTES + 4 + body.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.push(VERSION);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// Writes a frame.
pub(crate) async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

/// Reads a frame, and says how many bytes it had.
pub(crate) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
    label: &str,
) -> Result<(Said, usize), FrameError> {
    read_within(stream, label, FRAME_BYTES_MAX).await
}

/// Reads a frame that has at most so many bytes behind its length. Memory grows with what comes, not
/// with what is announced.
pub(crate) async fn read_within(
    stream: &mut (impl AsyncRead + Unpin),
    label: &str,
    bytes_max: usize,
) -> Result<(Said, usize), FrameError> {
    let mut start = [0; START_BYTES];
    stream.read_exact(&mut start).await?;
    if !start.starts_with(&MAGIC) {
        return Err(Refusal::Malformed.into());
    }
    if start.last() != Some(&VERSION) {
        return Err(Refusal::Version.into());
    }
    let length = stream.read_u32().await?;
    let expected = usize::try_from(length).unwrap_or(usize::MAX);
    if expected > bytes_max {
        return Err(Refusal::TooLarge.into());
    }
    let mut body = Vec::new();
    stream
        .take(u64::from(length))
        .read_to_end(&mut body)
        .await?;
    if body.len() < expected {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    let frame: Frame = postcard::from_bytes(&body).map_err(|_| Refusal::Malformed)?;
    match frame.label == label {
        true => Ok((frame.said, START_BYTES + 4 + expected)),
        false => Err(Refusal::Label.into()),
    }
}

#[cfg(test)]
mod tests;
