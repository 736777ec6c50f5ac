//! Reads and decodes records on a thread of its own, ahead of who applies them. Replay is then as
//! fast as the slower of the two.

use std::io::Read;
use std::sync::mpsc;
use std::thread;

use crate::log::frame::{Frame, FrameError, FrameReader};

/// So many bytes of the log are handed on at once, decoded, and one record at least: a wake-up for
/// each small scrape would cost more than its samples. A sample takes a byte or two there.
const BYTES_AT_ONCE: u64 = 16 * 1024;

/// So often that many wait at most to be applied; the reader waits then.
const HANDED_ON_MAX: usize = 8;

/// Decodes and applies records up to the end or the first one that is not right, and says where
/// in the file that was. The first record is at `offset`.
pub(crate) fn read_ahead<T: Send>(
    mut frames: FrameReader<impl Read + Send>,
    mut offset: u64,
    decode: impl Fn(&Frame, &[u8]) -> Result<T, &'static str> + Send,
    mut apply: impl FnMut(&Frame, T) -> Result<(), &'static str>,
) -> (u64, Option<FrameError>) {
    let (sender, receiver) = mpsc::sync_channel(HANDED_ON_MAX);
    let read = move || {
        let (mut ahead, mut bytes) = (Vec::new(), 0);
        loop {
            let decoded = match frames.next() {
                Ok(None) => break,
                Ok(Some((frame, payload))) => decode(&frame, payload)
                    .map(|decoded| (frame, decoded))
                    .map_err(FrameError::Damaged),
                Err(error) => Err(error),
            };
            bytes += decoded.as_ref().map_or(0, |(frame, _)| frame.len);
            let is_last = decoded.is_err();
            ahead.push(decoded);
            if is_last {
                break;
            }
            if bytes >= BYTES_AT_ONCE {
                bytes = 0;
                // Nobody listens any more once a record could not be applied.
                if sender.send(std::mem::take(&mut ahead)).is_err() {
                    return;
                }
            }
        }
        let _ = sender.send(ahead);
    };
    thread::scope(|scope| {
        let reader = thread::Builder::new().name("wal-read".to_owned());
        if let Err(error) = reader.spawn_scoped(scope, read) {
            return (offset, Some(FrameError::Io(error)));
        }
        for decoded in receiver.into_iter().flatten() {
            let applied = match decoded {
                Ok((frame, decoded)) => apply(&frame, decoded)
                    .map(|()| frame.len)
                    .map_err(FrameError::Damaged),
                Err(error) => Err(error),
            };
            match applied {
                Ok(bytes) => offset += bytes,
                Err(error) => return (offset, Some(error)),
            }
        }
        (offset, None)
    })
}
