//! The notification log: what each integration was told last about each group, so that it is not
//! told the same again before it is time to.

pub(crate) mod store;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::alert::Fingerprint;

/// Who was told, and about what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct LogKey {
    /// The key of the group.
    pub(crate) group: String,
    pub(crate) receiver: String,
    /// `webhook`
    pub(crate) integration: String,
    pub(crate) index: usize,
}

/// What was told. The newer of two is greater; it is their time that comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub(crate) struct LogEntry {
    pub(crate) at_ms: i64,
    /// The alerts that fired.
    pub(crate) firing: BTreeSet<Fingerprint>,
    /// The alerts that were resolved.
    pub(crate) resolved: BTreeSet<Fingerprint>,
    /// From when on it is forgotten.
    pub(crate) expires_at_ms: i64,
}

impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let read = u64::from_str_radix(&text, 16);
        read.map(Self).map_err(serde::de::Error::custom)
    }
}

/// A notification that may be sent, as the log sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish<'a> {
    pub(crate) firing: &'a BTreeSet<Fingerprint>,
    pub(crate) resolved: &'a BTreeSet<Fingerprint>,
    pub(crate) sends_resolved: bool,
    pub(crate) repeat_interval_ms: i64,
}

/// The log.
#[derive(Debug, Clone, Default)]
pub(crate) struct NotificationLog {
    entries: BTreeMap<LogKey, LogEntry>,
    retention_ms: i64,
    /// The keys of entries that are to be written to the disk.
    changed: BTreeSet<LogKey>,
}

impl NotificationLog {
    /// With what was kept before. Of each key the newest entry stays.
    pub(crate) fn new(retention_ms: i64, kept: Vec<(LogKey, LogEntry)>) -> Self {
        let mut entries = BTreeMap::new();
        for (key, entry) in kept {
            keep_newer(&mut entries, key, entry);
        }
        Self {
            entries,
            retention_ms,
            changed: BTreeSet::new(),
        }
    }

    /// Whether an integration is to be told (Alertmanager `DedupStage.needsUpdate`).
    pub(crate) fn needs(&self, key: &LogKey, wish: Wish<'_>, now_ms: i64) -> bool {
        let known = self.entries.get(key);
        let Some(entry) = known.filter(|entry| entry.expires_at_ms > now_ms) else {
            // That something is over interests nobody who was not told of it.
            return !wish.firing.is_empty();
        };
        if !wish.firing.is_subset(&entry.firing) {
            return true;
        }
        if wish.firing.is_empty() {
            return !entry.firing.is_empty();
        }
        if wish.sends_resolved && !wish.resolved.is_subset(&entry.resolved) {
            return true;
        }
        entry.at_ms < now_ms.saturating_sub(wish.repeat_interval_ms)
    }

    /// Writes down that an integration was told. The entry comes back, but where a newer one says the
    /// same or more. A newer one that does not is of a peer whose clock is ahead, or from before this
    /// clock was set back: were it kept, the same would be told at each turn until then.
    pub(crate) fn add(
        &mut self,
        key: LogKey,
        wish: Wish<'_>,
        now_ms: i64,
    ) -> Option<(LogKey, LogEntry)> {
        // Twice the time after which it is told again.
        let expiry_ms = wish.repeat_interval_ms.saturating_mul(2);
        let kept_ms = match expiry_ms > 0 {
            true => expiry_ms.min(self.retention_ms),
            false => self.retention_ms,
        };
        let known = self.entries.get(&key).map(|entry| entry.at_ms);
        let newer_ms = known.filter(|known_ms| *known_ms > now_ms);
        if newer_ms.is_some() && !self.needs(&key, wish, now_ms) {
            return None;
        }
        let at_ms = newer_ms.map_or(now_ms, |newer_ms| newer_ms.saturating_add(1));
        let entry = LogEntry {
            firing: wish.firing.clone(),
            resolved: wish.resolved.clone(),
            at_ms,
            expires_at_ms: at_ms.saturating_add(kept_ms),
        };
        self.entries.insert(key.clone(), entry.clone());
        self.changed.insert(key.clone());
        Some((key, entry))
    }

    /// Takes what another peer told: of each key the newest entry stays, of two of the same
    /// millisecond the greater one, so that all peers agree. What was new comes back.
    pub(crate) fn merge(
        &mut self,
        others: Vec<(LogKey, LogEntry)>,
        now_ms: i64,
    ) -> Vec<(LogKey, LogEntry)> {
        let is_new = |(key, entry): &(LogKey, LogEntry)| {
            let known = self.entries.get(key);
            entry.expires_at_ms > now_ms && known.is_none_or(|known| entry > known)
        };
        let new: Vec<(LogKey, LogEntry)> = others.into_iter().filter(is_new).collect();
        for (key, entry) in &new {
            self.changed.insert(key.clone());
            // One key may come twice.
            keep_newer(&mut self.entries, key.clone(), entry.clone());
        }
        new
    }

    /// Forgets what has expired.
    pub(crate) fn clean(&mut self, now_ms: i64) {
        let Self {
            entries, changed, ..
        } = self;
        entries.retain(|_, entry| entry.expires_at_ms > now_ms);
        changed.retain(|key| entries.contains_key(key));
    }

    /// All entries.
    pub(crate) fn all(&self) -> Vec<(LogKey, LogEntry)> {
        let entries = self.entries.iter();
        entries
            .map(|(key, entry)| (key.clone(), entry.clone()))
            .collect()
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The entries that were added or became newer since this was last asked. That some were
    /// forgotten is no change: who reads them again forgets them again.
    pub(crate) fn take_changed(&mut self) -> Vec<(LogKey, LogEntry)> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        changed
            .filter_map(|key| {
                let entry = self.entries.get(&key)?.clone();
                Some((key, entry))
            })
            .collect()
    }
}

fn keep_newer(entries: &mut BTreeMap<LogKey, LogEntry>, key: LogKey, entry: LogEntry) {
    let held = entries.entry(key).or_default();
    if entry > *held {
        *held = entry;
    }
}

#[cfg(test)]
mod tests;
