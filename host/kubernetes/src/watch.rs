//! What one listener sees of a watch.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::cluster::Lease;
use crate::object::{Object, key, split};
use crate::store::{Change, Changed, Store};

/// Objects of one selection: all that there are, as added, and then what changes.
#[derive(Debug)]
pub struct Watch {
    store: Arc<Store>,
    listener: u64,
    /// The namespace whose objects it sees, where the store has those of others too.
    namespace: Option<String>,
    changed: Arc<Notify>,
    /// What changed up to the last look at the store, and was not drained yet.
    waiting: VecDeque<Changed>,
    /// Keeps the watch open.
    _lease: Lease,
}

/// What happened to an object.
#[derive(Debug, Clone)]
pub struct Event {
    /// What happened.
    pub change: Change,
    object: Arc<Object>,
}

impl Event {
    /// The object as JSON; of a deleted one what it was.
    pub fn text(&self) -> &Arc<str> {
        &self.object.text
    }

    /// Its namespace; empty for objects of the cluster.
    pub fn namespace(&self) -> &str {
        split(&self.object.key).0
    }

    /// Its name.
    pub fn name(&self) -> &str {
        split(&self.object.key).1
    }
}

impl Watch {
    /// Listens to the objects of a namespace, or to all that the store has.
    pub(crate) fn new(store: Arc<Store>, namespace: Option<&str>, lease: Lease) -> Self {
        let (listener, changed) = store.listen(namespace);
        Self {
            store,
            listener,
            namespace: namespace.map(str::to_owned),
            changed,
            waiting: VecDeque::new(),
            _lease: lease,
        }
    }

    /// The events since the last call, oldest first: up to so many, and no more once their texts
    /// have so many bytes together; one is always among them where there is one. Where some are
    /// left, [`Self::changed`] is notified again.
    pub fn drain(&mut self, max: usize, bytes_max: usize) -> Vec<Event> {
        if self.waiting.is_empty() {
            self.waiting.extend(self.store.news(self.listener));
        }
        let (mut events, mut bytes) = (Vec::new(), 0_usize);
        while events.len() < max
            && let Some((change, object)) = self.waiting.pop_front()
        {
            bytes = bytes.saturating_add(object.text.len());
            if bytes > bytes_max && !events.is_empty() {
                self.waiting.push_front((change, object));
                break;
            }
            events.push(Event { change, object });
        }
        if !self.waiting.is_empty() {
            self.changed.notify_one();
        }
        events
    }

    /// An object as it is now, as JSON.
    pub fn lookup(&self, namespace: &str, name: &str) -> Option<Arc<str>> {
        let own = self.namespace.as_deref();
        if own.is_some_and(|own| own != namespace) {
            return None;
        }
        let object = self.store.get(&key(namespace, name))?;
        Some(object.text.clone())
    }

    /// Whether the first list is complete.
    pub fn synced(&self) -> bool {
        self.store.is_synced()
    }

    /// Why the cluster does not answer; none where it does.
    pub fn trouble(&self) -> Option<String> {
        self.store.trouble()
    }

    /// Is notified whenever there are events, and once the first list is complete.
    pub fn changed(&self) -> Arc<Notify> {
        self.changed.clone()
    }

    /// Whether objects went that this listener was not told of, as it was too far behind: who
    /// wants to know opens another watch.
    pub fn is_lost(&self) -> bool {
        self.store.is_lost(self.listener)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.store.leave(self.listener);
    }
}
