//! The objects of one watch in the order in which they changed, and who listens.
//!
//! Each change gets a number. A listener is a position in that order: what it has to hear of is
//! every object that changed after it. So an object is kept once, however many listen, and of one
//! that changes often only the last change is told.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::limits::{GRAVES_MAX, OBJECTS_MAX};
use crate::object::{Object, key};

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is there, and was not.
    Added,
    /// It is another.
    Modified,
    /// It is gone; this is what it was.
    Deleted,
}

/// The objects and their order.
#[derive(Debug, Default)]
pub(crate) struct Store(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    objects: HashMap<Arc<str>, Entry>,
    /// The objects by their last change.
    order: BTreeMap<u64, Arc<str>>,
    /// Those that are gone, by the change that took them away, until every listener knows.
    graves: BTreeMap<u64, Entry>,
    /// The number of the last change.
    last: u64,
    listeners: HashMap<u64, Listener>,
    next_listener: u64,
    is_synced: bool,
    trouble: Option<String>,
    /// Whether it was said already that there are too many objects.
    is_full: bool,
}

#[derive(Debug, Clone)]
struct Entry {
    object: Arc<Object>,
    /// Its last change.
    changed: u64,
    /// The change by which it came.
    came: u64,
}

#[derive(Debug)]
struct Listener {
    position: u64,
    /// What the keys of its objects begin with; empty is every object.
    prefix: String,
    /// Whether something was forgotten before it heard of it.
    is_lost: bool,
    changed: Arc<Notify>,
}

/// An object that changed, and how.
pub(crate) type Changed = (Change, Arc<Object>);

impl Store {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an object as it is now. Says how it changed; not at all, where it is what it was.
    pub(crate) fn put(&self, object: Object) -> Option<Change> {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let number = inner.last + 1;
        let before = inner.objects.get(&object.key);
        let (change, came) = match before {
            Some(entry) if entry.object.version == object.version => return None,
            Some(entry) => {
                inner.order.remove(&entry.changed);
                (Change::Modified, entry.came)
            }
            None if inner.objects.len() >= OBJECTS_MAX => {
                if !inner.is_full {
                    let key = &*object.key;
                    tracing::error!(
                        key,
                        max = OBJECTS_MAX,
                        "a watch has too many objects, some are left out"
                    );
                }
                inner.is_full = true;
                return None;
            }
            None => (Change::Added, number),
        };
        let key = object.key.clone();
        let entry = Entry {
            object: Arc::new(object),
            changed: number,
            came,
        };
        inner.last = number;
        inner.order.insert(number, key.clone());
        inner.objects.insert(key.clone(), entry);
        inner.tell(&key);
        Some(change)
    }

    /// Takes an object away; false, where there is none.
    pub(crate) fn remove(&self, key: &str) -> bool {
        let mut inner = self.lock();
        let removed = inner.remove(key);
        if removed {
            inner.tell(key);
        }
        removed
    }

    /// Takes those away that are not among these, and says how many they were: a list is
    /// complete.
    pub(crate) fn keep(&self, keys: &HashSet<Arc<str>>) -> usize {
        let mut inner = self.lock();
        let mut gone: Vec<Arc<str>> = inner.objects.keys().cloned().collect();
        gone.retain(|key| !keys.contains(key));
        gone.sort_unstable();
        for key in &gone {
            inner.remove(key);
        }
        inner.is_synced = true;
        inner.is_full &= inner.objects.len() >= OBJECTS_MAX;
        inner.notify();
        gone.len()
    }

    /// Says why the cluster does not answer, or that it does again. True, where that is news.
    pub(crate) fn set_trouble(&self, trouble: Option<&str>) -> bool {
        let mut inner = self.lock();
        let is_news = inner.trouble.is_some() != trouble.is_some();
        inner.trouble = trouble.map(str::to_owned);
        is_news
    }

    pub(crate) fn trouble(&self) -> Option<String> {
        self.lock().trouble.clone()
    }

    /// Whether the first list is complete.
    pub(crate) fn is_synced(&self) -> bool {
        self.lock().is_synced
    }

    /// How many objects there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().objects.len()
    }

    /// An object as it is now.
    pub(crate) fn get(&self, key: &str) -> Option<Arc<Object>> {
        self.lock()
            .objects
            .get(key)
            .map(|entry| entry.object.clone())
    }

    /// Another one listens, from the beginning: to the objects of a namespace, or to all.
    pub(crate) fn listen(&self, namespace: Option<&str>) -> (u64, Arc<Notify>) {
        let mut inner = self.lock();
        let number = inner.next_listener;
        inner.next_listener += 1;
        let changed = Arc::new(Notify::new());
        if inner.last > 0 || inner.is_synced {
            changed.notify_one();
        }
        let listener = Listener {
            position: 0,
            prefix: namespace.map(|name| key(name, "")).unwrap_or_default(),
            is_lost: false,
            changed: changed.clone(),
        };
        inner.listeners.insert(number, listener);
        (number, changed)
    }

    /// One listens no more.
    pub(crate) fn leave(&self, listener: u64) {
        let mut inner = self.lock();
        inner.listeners.remove(&listener);
        inner.bury();
    }

    /// What changed since this listener asked last, oldest first.
    pub(crate) fn news(&self, listener: u64) -> Vec<Changed> {
        let mut inner = self.lock();
        let last = inner.last;
        let Some(listener) = inner.listeners.get_mut(&listener) else {
            return Vec::new();
        };
        let prefix = listener.prefix.clone();
        let from = std::mem::replace(&mut listener.position, last);
        if from == last {
            return Vec::new();
        }
        let since = from + 1..;
        let mut news: Vec<(u64, Changed)> = Vec::new();
        for (number, entry) in inner.graves.range(since.clone()) {
            // Of an object that came and went meanwhile there is nothing to tell.
            if entry.came <= from && entry.object.key.starts_with(&prefix) {
                news.push((*number, (Change::Deleted, entry.object.clone())));
            }
        }
        for (number, key) in inner.order.range(since) {
            if let Some(entry) = inner.objects.get(key).filter(|_| key.starts_with(&prefix)) {
                let change = match entry.came > from {
                    true => Change::Added,
                    false => Change::Modified,
                };
                news.push((*number, (change, entry.object.clone())));
            }
        }
        news.sort_by_key(|(number, _)| *number);
        inner.bury();
        news.into_iter().map(|(_, changed)| changed).collect()
    }

    /// Whether something was forgotten that this listener has not heard of.
    pub(crate) fn is_lost(&self, listener: u64) -> bool {
        let inner = self.lock();
        let listener = inner.listeners.get(&listener);
        listener.is_some_and(|one| one.is_lost)
    }
}

impl Inner {
    fn remove(&mut self, key: &str) -> bool {
        let Some(entry) = self.objects.remove(key) else {
            return false;
        };
        self.order.remove(&entry.changed);
        self.last += 1;
        self.graves.insert(self.last, entry);
        if self.graves.len() > GRAVES_MAX {
            self.bury();
        }
        while self.graves.len() > GRAVES_MAX
            && let Some((number, entry)) = self.graves.pop_first()
        {
            for listener in self.listeners.values_mut() {
                // One at the beginning knows of no object, so it misses none that is gone.
                let is_behind = listener.position > 0 && listener.position < number;
                let is_meant = entry.object.key.starts_with(&listener.prefix);
                listener.is_lost |= is_behind && is_meant;
            }
        }
        true
    }

    /// Forgets the graves that every listener has seen.
    fn bury(&mut self) {
        if self.graves.is_empty() {
            return;
        }
        let positions = self.listeners.values().map(|listener| listener.position);
        // One at the beginning needs none.
        let behind = positions.filter(|position| *position > 0).min();
        match behind {
            Some(behind) => self.graves = self.graves.split_off(&(behind + 1)),
            None => self.graves.clear(),
        }
    }

    /// An object changed last. To whom it is nothing knows of it at once.
    fn tell(&mut self, key: &str) {
        let last = self.last;
        for listener in self.listeners.values_mut() {
            if key.starts_with(&listener.prefix) {
                listener.changed.notify_one();
            } else if listener.position + 1 == last {
                listener.position = last;
            }
        }
    }

    fn notify(&self) {
        for listener in self.listeners.values() {
            listener.changed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
