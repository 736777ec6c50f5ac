//! Writes a block as Prometheus lays it out, so that Prometheus and Thanos can take it.
//!
//! Series come in any order. Their samples go into chunk files as they come; their label sets and
//! where their chunks are, about forty bytes a chunk, are kept in memory until the index is written.
//! The folder is `<ULID>.tmp` until the block is whole, which Prometheus removes where it finds one.
//!
//! It is not: a choice of what goes into a block, or of how long a block is.

mod chunks;
mod index;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use narthex_model::Labels;
use narthex_storage::{Series, TimeRange};
use serde_json::json;

use self::chunks::ChunkFiles;
use self::index::IndexSeries;
use crate::{Fault, PromBlockError, write_chunks};

/// The folder of chunks.
const CHUNKS: &str = "chunks";

/// What a block that was written holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenBlock {
    /// Where it is.
    pub folder: PathBuf,
    /// How many series it has.
    pub series: u64,
    /// How many samples.
    pub samples: u64,
}

/// A block that is being written. One that is dropped before its end leaves its `.tmp` behind.
#[derive(Debug)]
pub struct PromBlockWriter {
    name: String,
    /// Where blocks are.
    parent: PathBuf,
    /// This one, until it is whole.
    folder: PathBuf,
    chunks: ChunkFiles,
    series: Vec<IndexSeries>,
    samples: u64,
    chunks_written: u64,
}

impl PromBlockWriter {
    /// Begins a block with this ULID in the folder of a store.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn create(parent: &Path, ulid: &str) -> Result<Self, PromBlockError> {
        let folder = parent.join(format!("{ulid}.tmp"));
        let chunks = folder.join(CHUNKS);
        fs::create_dir_all(&chunks).map_err(|error| Fault::Io(error).of(&chunks))?;
        Ok(Self {
            name: ulid.to_owned(),
            parent: parent.to_owned(),
            folder,
            chunks: ChunkFiles::new(chunks),
            series: Vec::new(),
            samples: 0,
            chunks_written: 0,
        })
    }

    /// Adds a series; each label set comes once. One without samples is left out. Start timestamps
    /// have no place in such a block.
    ///
    /// # Errors
    /// The chunks cannot be written.
    pub fn add(&mut self, series: &Series) -> Result<(), PromBlockError> {
        if series.timestamps.is_empty() {
            return Ok(());
        }
        let mut places = Vec::new();
        for chunk in write_chunks(series) {
            places.push(self.chunks.add(&chunk)?);
        }
        self.samples += series.timestamps.len() as u64;
        self.chunks_written += places.len() as u64;
        self.series.push(IndexSeries {
            labels: series.labels.clone(),
            chunks: places,
        });
        Ok(())
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Writes the index and `meta.json`, and gives the folder its name. The range is what the block
    /// is for, its end excluded; `external` is what Thanos tells blocks of several sources apart
    /// by.
    ///
    /// # Errors
    /// A file cannot be written, or a label set came twice.
    pub fn finish(
        mut self,
        range: TimeRange,
        external: &Labels,
    ) -> Result<WrittenBlock, PromBlockError> {
        self.chunks.sync()?;
        index::write(&self.folder, &mut self.series)?;
        let labels: serde_json::Map<String, serde_json::Value> = external
            .iter()
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        let mut meta = json!({
            "ulid": self.name,
            "minTime": range.start_ms,
            "maxTime": range.end_ms,
            "stats": {
                "numSamples": self.samples,
                "numSeries": self.series.len(),
                "numChunks": self.chunks_written,
            },
            "compaction": {"level": 1, "sources": [self.name]},
            "version": 1,
        });
        if !labels.is_empty() {
            meta["thanos"] = json!({
                "version": 1,
                "labels": labels,
                "downsample": {"resolution": 0},
                "source": "sidecar",
            });
        }
        let path = self.folder.join("meta.json");
        write_file(&path, meta.to_string().as_bytes())?;
        let folder = self.parent.join(&self.name);
        fs::rename(&self.folder, &folder).map_err(|error| Fault::Io(error).of(&folder))?;
        sync_folder(&self.parent)?;
        Ok(WrittenBlock {
            folder,
            series: self.series.len() as u64,
            samples: self.samples,
        })
    }

    /// Leaves nothing behind.
    ///
    /// # Errors
    /// The folder cannot be removed.
    pub fn discard(self) -> Result<(), PromBlockError> {
        fs::remove_dir_all(&self.folder).map_err(|error| Fault::Io(error).of(&self.folder))
    }
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), PromBlockError> {
    let written = fs::File::create(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|error| Fault::Io(error).of(path))
}

fn sync_folder(path: &Path) -> Result<(), PromBlockError> {
    let synced = fs::File::open(path).and_then(|folder| folder.sync_all());
    synced.map_err(|error| Fault::Io(error).of(path))
}

/// A number as Go's `binary.PutUvarint` writes it.
fn put_uvarint(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

/// A number as Go's `binary.PutVarint` writes it.
fn put_varint(out: &mut Vec<u8>, number: i64) {
    put_uvarint(
        out,
        (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned(),
    );
}

#[cfg(test)]
mod tests;
