//! The chunk files of a block that is being written.
//!
//! A file is a header of eight bytes (magic 0x85BD40DD, version 1) and chunks: length as uvarint,
//! encoding, data, and the CRC-32C of the last two. A chunk is referred to by the number of its file
//! and its place there.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use narthex_storage::TimeRange;

use super::put_uvarint;
use crate::{Fault, PromBlockError, WrittenChunk};

/// What a file begins with.
const HEADER: [u8; 8] = [0x85, 0xbd, 0x40, 0xdd, 1, 0, 0, 0];

/// A file is ended before it grows beyond this, as in Prometheus.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// Where a chunk is.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkPlace {
    pub(super) range: TimeRange,
    /// The number of the file, from 0, in the upper half, and the place there.
    pub(super) reference: u64,
}

/// The files, of which the last one is open.
#[derive(Debug)]
pub(super) struct ChunkFiles {
    folder: PathBuf,
    open: Option<(BufWriter<File>, PathBuf)>,
    /// How many files were begun.
    count: u64,
    /// How long the open one is.
    len: u64,
    frame: Vec<u8>,
}

impl ChunkFiles {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            open: None,
            count: 0,
            len: 0,
            frame: Vec::new(),
        }
    }

    /// Writes a chunk, and says where it is.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn add(&mut self, chunk: &WrittenChunk) -> Result<ChunkPlace, PromBlockError> {
        self.frame.clear();
        put_uvarint(&mut self.frame, chunk.data.len() as u64);
        let covered = self.frame.len();
        self.frame.push(chunk.encoding);
        self.frame.extend_from_slice(&chunk.data);
        let sum = crc32c::crc32c(&self.frame[covered..]);
        self.frame.extend_from_slice(&sum.to_be_bytes());
        let frame_len = self.frame.len() as u64;
        if self.open.is_none() || self.len + frame_len > FILE_BYTES_MAX {
            self.begin_file()?;
        }
        let Some((file, path)) = &mut self.open else {
            return Err(Fault::format("there is no chunk file").of(&self.folder));
        };
        file.write_all(&self.frame)
            .map_err(|error| Fault::Io(error).of(path))?;
        let reference = (self.count - 1) << 32 | self.len;
        self.len += frame_len;
        Ok(ChunkPlace {
            range: chunk.range,
            reference,
        })
    }

    fn begin_file(&mut self) -> Result<(), PromBlockError> {
        self.sync()?;
        self.count += 1;
        let path = self.folder.join(format!("{:06}", self.count));
        let begun = File::create_new(&path).and_then(|file| {
            let mut file = BufWriter::new(file);
            file.write_all(&HEADER)?;
            Ok(file)
        });
        let file = begun.map_err(|error| Fault::Io(error).of(&path))?;
        self.open = Some((file, path));
        self.len = HEADER.len() as u64;
        Ok(())
    }

    /// Ends the open file: all of it is on the disk.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn sync(&mut self) -> Result<(), PromBlockError> {
        let Some((file, path)) = self.open.take() else {
            return Ok(());
        };
        let file = file.into_inner().map_err(|error| error.into_error());
        let synced = file.and_then(|file| file.sync_all());
        synced.map_err(|error| Fault::Io(error).of(&path))
    }
}
