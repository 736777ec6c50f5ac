//! Reads and decodes records on a thread of its own, ahead of who applies them. Replay is then as
//! fast as the slower of the two.

use std::io::Read;
use std::sync::mpsc;
use std::thread;

use crate::log::frame::{Frame, FrameError, FrameReader};

/// So many bytes of payloads are handed on at once, decoded, and one record at least: a wake-up for
/// each small scrape would cost more than its samples. They are counted as they were before
/// compression, where a sample takes ten bytes or more: in the file those of a thousand series
/// that do not change are a few dozen bytes together.
const BYTES_AT_ONCE: usize = 64 * 1024;

/// So often that many wait at most to be applied; the reader waits then.
const HANDED_ON_MAX: usize = 8;

/// Decodes and applies records up to the end or the first one that is not right, and says where
/// in the file that was. The first record is at `offset`.
pub(crate) fn read_ahead<T: Send>(
    mut frames: FrameReader<impl Read + Send>,
    mut offset: u64,
    mut decode: impl FnMut(&Frame, &[u8]) -> Result<T, &'static str> + Send,
    mut apply: impl FnMut(&Frame, T) -> Result<(), &'static str>,
) -> (u64, Option<FrameError>) {
    let (sender, receiver) = mpsc::sync_channel(HANDED_ON_MAX);
    let read = move || {
        let (mut ahead, mut bytes) = (Vec::new(), 0);
        loop {
            let decoded = match frames.next() {
                Ok(None) => break,
                Ok(Some((frame, payload))) => {
                    bytes += payload.len();
                    decode(&frame, payload)
                        .map(|decoded| (frame, decoded))
                        .map_err(FrameError::Damaged)
                }
                Err(error) => Err(error),
            };
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::log::frame::{FrameType, FrameWriter};

    #[test]
    fn records_that_take_little_room_in_the_log_do_not_pile_up_decoded() {
        const RECORDS: u64 = 1_000;
        let (mut writer, mut bytes) = (FrameWriter::new().unwrap(), Vec::new());
        // As a large scrape of which nothing changes.
        let payload = vec![0; BYTES_AT_ONCE];
        for seq in 1..=RECORDS {
            writer
                .write(FrameType::Batch, seq, &payload, &mut bytes)
                .unwrap();
        }
        assert!(bytes.len() < 16 * payload.len());
        let frames = FrameReader::new(&bytes[..], bytes.len() as u64).unwrap();
        let (decoded, mut applied) = (AtomicUsize::new(0), 0);
        let decode = |_: &Frame, payload: &[u8]| {
            decoded.fetch_add(1, Ordering::SeqCst);
            Ok(payload.len())
        };
        let (offset, error) = read_ahead(frames, 0, decode, |frame, len| {
            // Those that wait, the one that cannot be handed on yet, and this one.
            let ahead = decoded.load(Ordering::SeqCst) - applied;
            assert!(ahead <= HANDED_ON_MAX + 2, "{ahead} ahead");
            applied += 1;
            assert_eq!((frame.seq, len), (applied as u64, payload.len()));
            Ok(())
        });
        assert!(error.is_none());
        assert_eq!((offset, applied as u64), (bytes.len() as u64, RECORDS));
    }
}
