//! Which updates came by already, so that each goes on from peer to peer once.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foca::{BroadcastHandler, Invalidates};

use crate::Update;
use crate::peer::PeerId;

/// So many updates are remembered; one that was forgotten and comes again is merged again, which
/// changes nothing, and goes on once more.
pub(crate) const HEARD_MAX: usize = 8192;

/// What was heard; the protocol and who asks it share one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    known: HashSet<u64>,
    /// From the oldest.
    order: VecDeque<u64>,
    new: Vec<Update>,
    is_backlog_full: bool,
}

/// Names an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest(u64);

impl Invalidates for Digest {
    fn invalidates(&self, other: &Self) -> bool {
        self == other
    }
}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What others sent since it was asked last.
    pub(crate) fn take(&self) -> Vec<Update> {
        std::mem::take(&mut self.lock().new)
    }

    /// From now on what comes goes on to others, or does not.
    pub(crate) fn set_backlog_full(&self, is_full: bool) {
        self.lock().is_backlog_full = is_full;
    }
}

impl Inner {
    /// Whether it is new.
    fn note(&mut self, digest: u64) -> bool {
        if !self.known.insert(digest) {
            return false;
        }
        self.order.push_back(digest);
        if self.order.len() > HEARD_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

impl BroadcastHandler<PeerId> for Heard {
    type Key = Digest;
    type Error = Infallible;

    fn receive_item(
        &mut self,
        data: &[u8],
        sender: Option<&PeerId>,
    ) -> Result<Option<Digest>, Infallible> {
        let mut hasher = DefaultHasher::new();
        data.hash(&mut hasher);
        let digest = hasher.finish();
        let mut inner = self.lock();
        if !inner.note(digest) {
            return Ok(None);
        }
        if sender.is_some() {
            // What cannot be read is nothing to hand on either.
            let Some(update) = decode(data) else {
                return Ok(None);
            };
            inner.new.push(update);
        }
        Ok((!inner.is_backlog_full).then_some(Digest(digest)))
    }
}

/// An update in a datagram: the length of the state's name in a byte, the name, the data. `None`
/// where the name is too long.
pub(crate) fn encode(state: &str, data: &[u8]) -> Option<Vec<u8>> {
    let mut item = vec![u8::try_from(state.len()).ok()?];
    item.extend_from_slice(state.as_bytes());
    item.extend_from_slice(data);
    Some(item)
}

fn decode(item: &[u8]) -> Option<Update> {
    let (&length, rest) = item.split_first()?;
    let (state, data) = rest.split_at_checked(usize::from(length))?;
    Some(Update {
        state: std::str::from_utf8(state).ok()?.to_owned(),
        data: data.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_goes_on_once_and_the_oldest_are_forgotten() {
        let mut heard = Heard::default();
        let sender = PeerId::new("a", "10.0.0.1:1".parse().unwrap(), 1);
        let item = |at: usize| encode("s", at.to_string().as_bytes()).unwrap();
        for at in 0..=HEARD_MAX {
            assert!(
                heard
                    .receive_item(&item(at), Some(&sender))
                    .unwrap()
                    .is_some()
            );
        }
        assert_eq!(heard.take().len(), HEARD_MAX + 1);
        let again = heard.receive_item(&item(HEARD_MAX), Some(&sender)).unwrap();
        assert!(again.is_none() && heard.take().is_empty());
        let forgotten = heard.receive_item(&item(0), Some(&sender)).unwrap();
        assert!(forgotten.is_some() && heard.take().len() == 1);
        assert_eq!(heard.lock().known.len(), HEARD_MAX);
        // Where too much waits to be handed on, it is taken all the same.
        heard.set_backlog_full(true);
        let held = heard.receive_item(&item(1), Some(&sender)).unwrap();
        assert!(held.is_none() && heard.take().len() == 1);
    }

    #[test]
    fn what_is_no_update_is_dropped() {
        let mut heard = Heard::default();
        let sender = PeerId::new("a", "10.0.0.1:1".parse().unwrap(), 1);
        for item in [&[][..], &[2, b'a'], &[1, 0xff, 0]] {
            assert!(heard.receive_item(item, Some(&sender)).unwrap().is_none());
        }
        assert!(heard.take().is_empty());
        assert!(encode(&"s".repeat(256), b"").is_none());
    }
}
