//! Blobs that outlive an instance, a version and the host: one folder a plugin, one below it a
//! job, one file a key. Files are replaced whole.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::limits::{STATE_KEY_BYTES_MAX, STATE_KEYS_MAX, STATE_VALUE_BYTES_MAX};

/// The longest name of a folder made from a job's name; a longer one becomes a digest.
const FOLDER_NAME_BYTES_MAX: usize = 200;

/// The file that is being written. No key has its name: those are never preceded by a dot.
const UNFINISHED: &str = ".unfinished";

/// All blobs.
#[derive(Debug)]
pub(crate) struct StateStore {
    folder: Option<PathBuf>,
    /// One a job, held while one of its blobs is written: its writers share one unfinished file.
    writing: Mutex<BTreeMap<PathBuf, Arc<Mutex<()>>>>,
}

/// Why a blob was not read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StateError {
    /// The host has no place for them.
    #[error("this host keeps no state: it was started without a folder for it")]
    Nowhere,
    /// A bound was reached.
    #[error("{0}")]
    Bound(String),
    /// The system refused.
    #[error("state: {0}")]
    System(String),
}

impl From<io::Error> for StateError {
    fn from(error: io::Error) -> Self {
        Self::System(error.to_string())
    }
}

impl StateStore {
    pub(crate) fn new(folder: Option<PathBuf>) -> Arc<Self> {
        Arc::new(Self {
            folder,
            writing: Mutex::default(),
        })
    }

    /// Reads a blob; it blocks.
    pub(crate) fn get(
        &self,
        plugin: &str,
        job: &str,
        key: &str,
    ) -> Result<Option<Vec<u8>>, StateError> {
        let path = self.folder(plugin, job)?.join(file_name(key)?);
        let file = match fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut value = Vec::new();
        let bound = STATE_VALUE_BYTES_MAX as u64;
        file.take(bound).read_to_end(&mut value)?;
        Ok(Some(value))
    }

    /// Writes a blob; an empty one takes the key away. It blocks.
    pub(crate) fn set(
        &self,
        plugin: &str,
        job: &str,
        key: &str,
        value: &[u8],
    ) -> Result<(), StateError> {
        let folder = self.folder(plugin, job)?;
        let path = folder.join(file_name(key)?);
        if value.len() > STATE_VALUE_BYTES_MAX {
            return Err(StateError::Bound(format!(
                "a state of {} bytes: at most {STATE_VALUE_BYTES_MAX} for one key",
                value.len()
            )));
        }
        let writing = self.writing(&folder);
        let _writing = writing.lock().unwrap_or_else(PoisonError::into_inner);
        if value.is_empty() {
            return match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            };
        }
        fs::create_dir_all(&folder)?;
        if !path.exists() && keys(&folder)? >= STATE_KEYS_MAX {
            return Err(StateError::Bound(format!(
                "more than {STATE_KEYS_MAX} keys of state for one job"
            )));
        }
        let unfinished = folder.join(UNFINISHED);
        let mut file = fs::File::create(&unfinished)?;
        file.write_all(value)?;
        file.sync_all()?;
        fs::rename(unfinished, path)?;
        Ok(())
    }

    fn writing(&self, folder: &Path) -> Arc<Mutex<()>> {
        let mut all = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(folder.to_owned()).or_default().clone()
    }

    fn folder(&self, plugin: &str, job: &str) -> Result<PathBuf, StateError> {
        let folder = self.folder.as_ref().ok_or(StateError::Nowhere)?;
        Ok(folder.join(folder_name(plugin)).join(folder_name(job)))
    }
}

fn keys(folder: &Path) -> io::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        count += usize::from(entry?.file_name() != UNFINISHED);
    }
    Ok(count)
}

fn folder_name(text: &str) -> String {
    let name = encoded(text);
    match name.len() <= FOLDER_NAME_BYTES_MAX {
        true => name,
        false => format!("sha256-{}", hex(&Sha256::digest(text))),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn file_name(key: &str) -> Result<String, StateError> {
    match key.len() {
        1..=STATE_KEY_BYTES_MAX => Ok(encoded(key)),
        length => Err(StateError::Bound(format!(
            "a key of state of {length} bytes: from 1 to {STATE_KEY_BYTES_MAX}"
        ))),
    }
}

/// A name that every file system takes and tells from others: all but lower-case letters,
/// digits, `-` and `_` as `%` and two digits.
fn encoded(text: &str) -> String {
    let mut name = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(byte.into()),
            _ => name.push_str(&format!("%{byte:02x}")),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blobs_survive_and_stay_with_their_job() {
        let folder = tempfile::tempdir().unwrap();
        let store = StateStore::new(Some(folder.path().into()));
        store.set("p", "job", "a/../B", b"1").unwrap();
        store.set("p", "job", "a/../B", b"2").unwrap();
        store.set("p", "Job", "a/../B", b"3").unwrap();
        let again = StateStore::new(Some(folder.path().into()));
        for (plugin, job, expected) in [
            ("p", "job", Some(&b"2"[..])),
            ("p", "Job", Some(b"3")),
            ("q", "job", None),
        ] {
            let value = again.get(plugin, job, "a/../B").unwrap();
            assert_eq!(value.as_deref(), expected, "{plugin} {job}");
        }
        again.set("p", "job", "a/../B", b"").unwrap();
        again.set("p", "job", "a/../B", b"").unwrap();
        assert_eq!(again.get("p", "job", "a/../B").unwrap(), None);
        let long = "x".repeat(300);
        again.set("p", &long, "a", b"4").unwrap();
        assert_eq!(again.get("p", &long, "a").unwrap().unwrap(), b"4");
    }

    #[test]
    fn a_torn_write_is_never_seen() {
        let folder = tempfile::tempdir().unwrap();
        let store = StateStore::new(Some(folder.path().into()));
        store.set("p", "j", "a", b"whole").unwrap();
        // What a host leaves behind that dies in the middle.
        fs::write(folder.path().join("p/j").join(UNFINISHED), "tor").unwrap();
        assert_eq!(store.get("p", "j", "a").unwrap().unwrap(), b"whole");
        store.set("p", "j", "a", b"next").unwrap();
        assert_eq!(store.get("p", "j", "a").unwrap().unwrap(), b"next");
    }

    #[test]
    fn bounds_are_errors_that_say_them() {
        let folder = tempfile::tempdir().unwrap();
        let store = StateStore::new(Some(folder.path().into()));
        let full = vec![1; STATE_VALUE_BYTES_MAX];
        for number in 0..STATE_KEYS_MAX {
            store.set("p", "j", &number.to_string(), &full).unwrap();
        }
        store.set("p", "j", "0", b"again").unwrap();
        let over = vec![1; STATE_VALUE_BYTES_MAX + 1];
        let long = "k".repeat(STATE_KEY_BYTES_MAX + 1);
        for (key, value, part) in [
            ("one-more", &b"x"[..], "more than 64 keys"),
            ("0", &over, "a state of 262145 bytes"),
            (long.as_str(), b"x", "a key of state of 65 bytes"),
            ("", b"x", "a key of state of 0 bytes"),
        ] {
            let error = store.set("p", "j", key, value).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        let nowhere = StateStore::new(None);
        assert_eq!(nowhere.get("p", "j", "k"), Err(StateError::Nowhere));
    }
}
