//! How far a sender has come, written down for the next process.

use std::io;
use std::sync::Arc;

use narthex_disk::{Disk, DiskExt as _};
use narthex_head::LogPlace;
use narthex_http::shown_url;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::RemoteWriteConfig;

/// What the file holds.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    /// For people: the file's name is a hash.
    url: String,
    segment: u32,
    seq: u64,
}

/// The file of one sender.
#[derive(Debug, Clone)]
pub(super) struct PlaceFile {
    disk: Arc<dyn Disk>,
    name: String,
    url: String,
}

impl PlaceFile {
    /// The file of an entry of the config. It is told by its name where it has one and by its URL
    /// else, so that other settings may change without a loss.
    pub(super) fn new(disk: Arc<dyn Disk>, config: &RemoteWriteConfig) -> Self {
        let known_by = match config.name.is_empty() {
            true => format!("url {}", config.url),
            false => format!("name {}", config.name),
        };
        Self {
            disk,
            name: format!("{:016x}.json", xxh3_64(known_by.as_bytes())),
            url: shown_url(&config.url),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What an earlier process wrote. A file that cannot be read is none: the sender begins with
    /// what comes from now on, as a new one does.
    pub(super) fn read(&self) -> Option<LogPlace> {
        let text = match self.disk.read(&self.name) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::error!(%error, url = self.url, "where remote write was cannot be read");
                return None;
            }
        };
        match serde_json::from_slice::<Written>(&text) {
            Ok(written) => Some(LogPlace {
                segment: written.segment,
                seq: written.seq,
            }),
            Err(error) => {
                tracing::error!(%error, url = self.url, "where remote write was cannot be read");
                None
            }
        }
    }

    /// Writes a place down: the old one or the new one is there at any moment.
    pub(super) fn write(&self, place: LogPlace) -> io::Result<()> {
        let written = Written {
            url: self.url.clone(),
            segment: place.segment,
            seq: place.seq,
        };
        let text = serde_json::to_vec(&written).map_err(io::Error::other)?;
        let temporary = format!("{}.tmp", self.name);
        match self.disk.remove(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = self.disk.create(&temporary)?;
        file.append(&text)?;
        file.sync()?;
        self.disk.rename(&temporary, &self.name)?;
        self.disk.sync_folder("")
    }
}
