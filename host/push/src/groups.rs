//! All groups: takes pushes, and shows the page.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use narthex_disk::Disk;
use narthex_exposition::write::TextWriter;
use narthex_exposition::{Format, MetricType};
use narthex_model::Clock;

use crate::body::Pushed;
use crate::family::{Metric, write_head};
use crate::file::Folder;
use crate::group::{Group, TimedFamily};
use crate::key::GroupingKey;

/// There may be so many groups; a push that would make one more is refused.
pub const GROUPS_MAX: usize = 100_000;

/// All groups together may take about so many bytes of memory; a push that would make them larger
/// is refused.
pub const PUSHED_BYTES_MAX: usize = 512 << 20;

/// Why a push was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// It is wrong, or does not fit to what others pushed. The group shows when that was.
    #[error("pushed metrics are invalid or inconsistent with existing metrics: {0}")]
    Inconsistent(String),
    /// There is no room.
    #[error("there is no room for more pushed metrics: {0}")]
    Full(String),
    /// It could not be written down, and so is not there.
    #[error("the pushed metrics cannot be written to the disk")]
    Disk(#[source] io::Error),
}

/// The groups.
pub struct Groups {
    clock: Arc<dyn Clock>,
    /// Whoever changes something has it, from the check to the end.
    folder: Mutex<Folder>,
    held: RwLock<Held>,
}

#[derive(Debug, Default)]
struct Held {
    groups: BTreeMap<GroupingKey, Stored>,
    /// Who has a family of a name.
    names: BTreeMap<String, BTreeSet<GroupingKey>>,
    bytes: usize,
}

#[derive(Debug)]
struct Stored {
    group: Group,
    file: u64,
}

impl fmt::Debug for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups = self.read().groups.len();
        f.debug_struct("Groups").field("groups", &groups).finish()
    }
}

impl Groups {
    /// The groups that a folder has.
    ///
    /// # Errors
    /// The folder or a file cannot be read. A file that is none is told in the log and left alone.
    pub fn open(disk: Arc<dyn Disk>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let (folder, found) = Folder::open(disk)?;
        let mut held = Held::default();
        for (file, group) in found {
            held.put(group, file);
        }
        Ok(Self {
            clock,
            folder: Mutex::new(folder),
            held: RwLock::new(held),
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, Held> {
        self.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a push. With `replaces`, the group has nothing else after it; otherwise other
    /// families stay. When it returns, the push is on the disk.
    ///
    /// # Errors
    /// It was not taken.
    pub fn push(&self, key: GroupingKey, pushed: Pushed, replaces: bool) -> Result<(), PushError> {
        let mut folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        let now_ms = self.clock.now_ms();
        let (before, file, bytes) = {
            let held = self.read();
            match held.groups.get(&key) {
                Some(stored) => (
                    stored.group.clone(),
                    Some(stored.file),
                    held.bytes - stored.group.bytes(),
                ),
                None if held.groups.len() >= GROUPS_MAX => {
                    return Err(PushError::Full(format!("there are {GROUPS_MAX} groups")));
                }
                None => (Group::new(key), None, held.bytes),
            }
        };
        let has_timestamps = pushed.0.has_timestamps;
        let after = before.pushed(pushed.0.families, replaces, now_ms);
        let fault = match has_timestamps {
            true => Some("pushed metrics must not have timestamps".to_owned()),
            false => self.read().inconsistency(&after),
        };
        if bytes.saturating_add(after.bytes()) > PUSHED_BYTES_MAX {
            let text = format!("they would take over {PUSHED_BYTES_MAX} bytes");
            return Err(PushError::Full(text));
        }
        let group = match &fault {
            None => after,
            Some(_) => Group {
                failed_ms: now_ms,
                ..before
            },
        };
        let file = folder.write(file, &group).map_err(PushError::Disk)?;
        self.write().put(group, file);
        match fault {
            None => Ok(()),
            Some(fault) => Err(PushError::Inconsistent(fault)),
        }
    }

    /// Deletes a group. One that is not there is deleted as well.
    ///
    /// # Errors
    /// Its file cannot be removed; it is still there.
    pub fn delete(&self, key: &GroupingKey) -> io::Result<()> {
        let folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        let file = self.read().groups.get(key).map(|stored| stored.file);
        if let Some(file) = file {
            folder.remove(&[file])?;
            self.write().take(key);
        }
        Ok(())
    }

    /// Deletes all groups.
    ///
    /// # Errors
    /// A file cannot be removed; the groups are still there, and may be there in part after the
    /// next start.
    pub fn wipe(&self) -> io::Result<()> {
        let folder = self.folder.lock().unwrap_or_else(PoisonError::into_inner);
        let files = self
            .read()
            .groups
            .values()
            .map(|stored| stored.file)
            .collect::<Vec<_>>();
        folder.remove(&files)?;
        *self.write() = Held::default();
        Ok(())
    }

    /// All groups, in the order of their labels.
    pub fn all(&self) -> Vec<Group> {
        let held = self.read();
        held.groups
            .values()
            .map(|stored| stored.group.clone())
            .collect()
    }

    /// All that was pushed, as Prometheus text.
    pub fn page(&self) -> String {
        let held = self.read();
        let times: Vec<(&str, TimedFamily)> = held
            .groups
            .values()
            .flat_map(|stored| stored.group.times())
            .collect();
        let mut families: BTreeMap<&str, Vec<&TimedFamily>> = BTreeMap::new();
        for stored in held.groups.values() {
            for (name, family) in &stored.group.families {
                families.entry(name).or_default().push(family);
            }
        }
        for (name, family) in &times {
            families.entry(name).or_default().push(family);
        }
        let mut page = TextWriter::new(Format::PrometheusText);
        for (name, parts) in families {
            // Types are the same; of help texts the first that says something counts.
            let helps = parts.iter().map(|part| part.family.help.as_str());
            let help = helps.into_iter().find(|help| !help.is_empty());
            let kind = parts
                .first()
                .map_or(MetricType::Unknown, |part| part.family.kind);
            write_head(name, help.unwrap_or_default(), kind, &mut page);
            let mut metrics: Vec<&Metric> =
                parts.iter().flat_map(|part| &part.family.metrics).collect();
            metrics.sort_by_cached_key(|metric| metric.place());
            for metric in metrics {
                metric.write(name, &mut page);
            }
        }
        page.finish()
    }
}

impl Held {
    fn put(&mut self, group: Group, file: u64) {
        let key = group.labels.clone();
        self.take(&key);
        for name in group.families.keys() {
            let who = self.names.entry(name.clone()).or_default();
            who.insert(key.clone());
        }
        self.bytes += group.bytes();
        self.groups.insert(key, Stored { group, file });
    }

    fn take(&mut self, key: &GroupingKey) {
        let Some(stored) = self.groups.remove(key) else {
            return;
        };
        self.bytes -= stored.group.bytes();
        for name in stored.group.families.keys() {
            if let Some(who) = self.names.get_mut(name) {
                who.remove(key);
                if who.is_empty() {
                    self.names.remove(name);
                }
            }
        }
    }

    /// Why a group cannot be on one page with the others.
    fn inconsistency(&self, group: &Group) -> Option<String> {
        for (name, timed) in &group.families {
            let family = &timed.family;
            let mut seen = BTreeSet::new();
            for metric in &family.metrics {
                if !seen.insert(&metric.labels) {
                    return Some(collected_before(name, metric));
                }
            }
            let others = self.names.get(name).into_iter().flatten();
            for other in others.filter(|other| **other != group.labels) {
                let other = self.groups.get(other)?.group.families.get(name)?;
                let held = &other.family;
                if held.kind != family.kind {
                    return Some(format!(
                        "metric {name:?} is of type {}, and of type {} in another group",
                        family.kind.as_str(),
                        held.kind.as_str()
                    ));
                }
                let twice = held
                    .metrics
                    .iter()
                    .find(|metric| seen.contains(&metric.labels));
                if let Some(metric) = twice {
                    return Some(collected_before(name, metric));
                }
            }
        }
        None
    }
}

fn collected_before(name: &str, metric: &Metric) -> String {
    let pairs = metric.labels.iter();
    let pairs: Vec<String> = pairs
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    format!(
        "collected metric {name:?} {{{}}} was collected before with the same name and label values",
        pairs.join(", ")
    )
}

#[cfg(test)]
mod tests;
