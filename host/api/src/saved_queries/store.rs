//! Saved queries on the disk: a file each, in JSON, below a folder of their own.
//!
//! A file is written beside the old one and takes its name, so the old or the new query is there at
//! any moment. The number in a file's name is the id of the query, and never that of another one.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use narthex_disk::{Disk, DiskExt as _};
use narthex_model::Clock;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::{Deserialize, Serialize};

#[cfg(test)]
mod tests;

/// There may be so many saved queries; one more is refused.
pub const SAVED_QUERIES_MAX: usize = 1000;

/// A name may have so many characters.
pub const NAME_CHARS_MAX: usize = 200;

/// The panels of a saved query may have so many bytes.
pub const PANELS_BYTES_MAX: usize = 16 << 10;

/// A file that is larger was not written here: JSON makes at most six bytes of one.
const FILE_BYTES_MAX: u64 = 256 << 10;

const SUFFIX: &str = ".json";
const TEMPORARY: &str = "new.tmp";

/// What is kept under an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedQuery {
    /// What people call it; no two have the same.
    pub(crate) name: String,
    /// The address's query of the page of queries: `g0.expr=...&g0.tab=...`.
    pub(crate) panels: String,
    /// When it was last changed.
    pub(crate) updated_ms: i64,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SaveError {
    #[error("no saved query has the id {0}")]
    Unknown(u64),
    #[error("{0}")]
    Invalid(String),
    #[error("another saved query is named {0:?}")]
    Taken(String),
    #[error("there are {max} saved queries already: delete one first", max = SAVED_QUERIES_MAX)]
    Full,
    #[error("the change of a saved query cannot be written to the disk")]
    Disk(#[source] io::Error),
}

/// The queries that people keep on the server.
#[derive(Debug)]
pub struct SavedQueries {
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    /// Whoever changes something has it, from the check to the end.
    changing: Mutex<()>,
    queries: RwLock<BTreeMap<u64, SavedQuery>>,
    count: Gauge<i64, AtomicI64>,
}

impl SavedQueries {
    /// The queries that a folder has; the folder is made where it is missing.
    ///
    /// # Errors
    /// The folder or a file cannot be read. A file that holds no saved query is told in the log and
    /// left alone.
    pub fn open(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> io::Result<Self> {
        let count = Gauge::default();
        let help = "How many queries people keep on this server";
        registry.register("narthex_saved_queries", help, count.clone());
        disk.create_folder("")?;
        let mut queries = BTreeMap::new();
        for entry in disk.list("")? {
            let number = entry.name.strip_suffix(SUFFIX);
            let Some(id) = number.and_then(|number| number.parse::<u64>().ok()) else {
                continue;
            };
            let is_wrong = entry.bytes > FILE_BYTES_MAX || queries.len() >= SAVED_QUERIES_MAX;
            let read = match is_wrong {
                true => Err("there are too many, or it is too large".to_owned()),
                false => serde_json::from_slice::<SavedQuery>(&disk.read(&entry.name)?)
                    .map_err(|error| error.to_string()),
            };
            match read {
                Ok(query) => {
                    queries.insert(id, query);
                }
                Err(error) => {
                    let file = disk.show(&entry.name);
                    tracing::error!(error, file = %file.display(), "a saved query cannot be read");
                }
            }
        }
        let opened = Self {
            disk,
            clock,
            changing: Mutex::default(),
            queries: RwLock::new(queries),
            count,
        };
        opened.tell_count();
        Ok(opened)
    }

    /// All of them with their ids, in the order in which they were made.
    pub(crate) fn all(&self) -> Vec<(u64, SavedQuery)> {
        let queries = self.read();
        queries
            .iter()
            .map(|(id, query)| (*id, query.clone()))
            .collect()
    }

    /// The one of this id.
    pub(crate) fn get(&self, id: u64) -> Result<(u64, SavedQuery), SaveError> {
        let found = self.read().get(&id).cloned();
        found.map(|query| (id, query)).ok_or(SaveError::Unknown(id))
    }

    /// Keeps a new one. When it returns, it is on the disk.
    pub(crate) fn create(&self, name: &str, panels: &str) -> Result<(u64, SavedQuery), SaveError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let query = self.checked(None, name, panels)?;
        let newest = {
            let queries = self.read();
            if queries.len() >= SAVED_QUERIES_MAX {
                return Err(SaveError::Full);
            }
            queries.keys().next_back().copied()
        };
        // The time, so that an id is not given away again once its query is deleted: somebody may
        // have kept a link to it.
        let now = u64::try_from(query.updated_ms).unwrap_or(0);
        let id = newest.map_or(now, |newest| now.max(newest.saturating_add(1)));
        self.put(id, query)
    }

    /// Changes what is not empty. When it returns, the change is on the disk.
    pub(crate) fn update(
        &self,
        id: u64,
        name: &str,
        panels: &str,
    ) -> Result<(u64, SavedQuery), SaveError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, old) = self.get(id)?;
        let name = if name.is_empty() {
            old.name.as_str()
        } else {
            name
        };
        let panels = if panels.is_empty() {
            old.panels.as_str()
        } else {
            panels
        };
        let query = self.checked(Some(id), name, panels)?;
        self.put(id, query)
    }

    /// Forgets one, and says what it was.
    pub(crate) fn delete(&self, id: u64) -> Result<(u64, SavedQuery), SaveError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let found = self.get(id)?;
        match self.disk.remove(&file(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(SaveError::Disk(error));
            }
            _ => {}
        }
        // Whether or not the name of the file is forced away, it is gone for all who look.
        self.write().remove(&id);
        self.tell_count();
        self.disk.sync_folder("").map_err(SaveError::Disk)?;
        Ok(found)
    }

    /// A query as it would be kept under an id, or under a new one.
    fn checked(&self, id: Option<u64>, name: &str, panels: &str) -> Result<SavedQuery, SaveError> {
        let name = name.trim();
        if name.is_empty() || name.chars().any(char::is_control) {
            let text = "a saved query needs a name of one line".to_owned();
            return Err(SaveError::Invalid(text));
        }
        if name.chars().count() > NAME_CHARS_MAX {
            let text = format!("the name has over {NAME_CHARS_MAX} characters");
            return Err(SaveError::Invalid(text));
        }
        if panels.is_empty() || panels.len() > PANELS_BYTES_MAX {
            let text = format!("the panels are empty, or have over {PANELS_BYTES_MAX} bytes");
            return Err(SaveError::Invalid(text));
        }
        let is_taken = self
            .read()
            .iter()
            .any(|(other, query)| Some(*other) != id && query.name == name);
        if is_taken {
            return Err(SaveError::Taken(name.to_owned()));
        }
        Ok(SavedQuery {
            name: name.to_owned(),
            panels: panels.to_owned(),
            updated_ms: self.clock.now_ms(),
        })
    }

    fn put(&self, id: u64, query: SavedQuery) -> Result<(u64, SavedQuery), SaveError> {
        self.write_file(id, &query).map_err(SaveError::Disk)?;
        self.write().insert(id, query.clone());
        self.tell_count();
        Ok((id, query))
    }

    fn write_file(&self, id: u64, query: &SavedQuery) -> io::Result<()> {
        let text = serde_json::to_vec(query).map_err(io::Error::other)?;
        match self.disk.remove(TEMPORARY) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let written = self.disk.create(TEMPORARY)?;
        written.append(&text)?;
        written.sync()?;
        self.disk.rename(TEMPORARY, &file(id))?;
        self.disk.sync_folder("")
    }

    fn tell_count(&self) {
        let count = self.read().len();
        self.count.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<u64, SavedQuery>> {
        self.queries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<u64, SavedQuery>> {
        self.queries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn file(id: u64) -> String {
    format!("{id}{SUFFIX}")
}
