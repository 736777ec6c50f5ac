//! Reads and decodes records on a thread of its own, ahead of who applies them. Replay is then as
//! fast as the slower of the two.

use std::io::Read;
use std::sync::mpsc;
use std::thread;

use crate::log::frame::{Frame, FrameError, FrameReader};

/// So many decoded records wait at most to be applied; the reader waits then. Each is one batch, so
/// the memory is that of a few scrapes.
const RECORDS_AHEAD_MAX: usize = 8;

/// Decodes and applies records up to the end or the first one that is not right, and says where
/// in the file that was. The first record is at `offset`.
pub(crate) fn read_ahead<T: Send>(
    mut frames: FrameReader<impl Read + Send>,
    mut offset: u64,
    decode: impl Fn(&Frame, &[u8]) -> Result<T, &'static str> + Send,
    mut apply: impl FnMut(&Frame, T) -> Result<(), &'static str>,
) -> (u64, Option<FrameError>) {
    let (sender, receiver) = mpsc::sync_channel(RECORDS_AHEAD_MAX);
    let read = move || {
        loop {
            let decoded = match frames.next() {
                Ok(None) => return,
                Ok(Some((frame, payload))) => decode(&frame, payload)
                    .map(|decoded| (frame, decoded))
                    .map_err(FrameError::Damaged),
                Err(error) => Err(error),
            };
            let is_last = decoded.is_err();
            // Nobody listens any more once a record could not be applied.
            if sender.send(decoded).is_err() || is_last {
                return;
            }
        }
    };
    thread::scope(|scope| {
        let reader = thread::Builder::new().name("wal-read".to_owned());
        if let Err(error) = reader.spawn_scoped(scope, read) {
            return (offset, Some(FrameError::Io(error)));
        }
        for decoded in receiver {
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
