//! `chunks/`: the segments that hold the chunks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cursor::Cursor;
use crate::window::{CHECKSUM_BYTES, Window};
use crate::{Fault, PromBlockError};

/// The folder's name.
const CHUNKS_FOLDER: &str = "chunks";

/// The first bytes of a segment.
const MAGIC: u32 = 0x85BD_40DD;

/// The only version that there is.
const VERSION: u8 = 1;

/// Magic number, version and padding.
const HEADER_BYTES: u64 = 8;

/// What the length of a chunk takes at most.
const LEN_BYTES_MAX: u64 = 5;

/// The longest chunk that is read. Those of floats have about a kilobyte; those of histograms
/// ten samples at least, however many buckets they have. A longer one is an error.
pub(crate) const CHUNK_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// The most segments of a block: their names have six digits. More are an error.
const SEGMENTS_MAX: usize = 1_000_000;

/// A chunk whose checksum is right.
#[derive(Debug)]
pub(crate) struct Chunk<'a> {
    pub(crate) encoding: u8,
    pub(crate) data: &'a [u8],
    path: Arc<Path>,
    offset: u64,
}

impl Chunk<'_> {
    pub(crate) fn blame(&self, fault: Fault) -> PromBlockError {
        fault.at(&self.path, self.offset)
    }
}

/// The segments of a block. One of them is open at a time.
#[derive(Debug)]
pub(crate) struct Segments {
    folder: Arc<Path>,
    /// In the order of their names, which is how chunks refer to them.
    paths: Arc<[PathBuf]>,
    open: Option<(usize, Window)>,
}

impl Segments {
    /// Lists the segments of the block in `folder`.
    pub(crate) fn open(folder: &Path) -> Result<Self, PromBlockError> {
        let folder = folder.join(CHUNKS_FOLDER);
        let list = || -> Result<Vec<PathBuf>, Fault> {
            let mut paths = Vec::new();
            for entry in std::fs::read_dir(&folder)? {
                let path = entry?.path();
                let name = path.file_name().and_then(|name| name.to_str());
                if name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit())) {
                    paths.push(path);
                }
                if paths.len() > SEGMENTS_MAX {
                    return Err(Fault::format(format!("more than {SEGMENTS_MAX} segments")));
                }
            }
            paths.sort_unstable();
            Ok(paths)
        };
        let paths = list().map_err(|fault| fault.of(&folder))?;
        Ok(Self {
            folder: folder.into(),
            paths: paths.into(),
            open: None,
        })
    }

    /// The same segments for another reader.
    pub(crate) fn another(&self) -> Self {
        Self {
            folder: Arc::clone(&self.folder),
            paths: Arc::clone(&self.paths),
            open: None,
        }
    }

    /// The chunk that a series refers to.
    pub(crate) fn chunk(&mut self, reference: u64) -> Result<Chunk<'_>, PromBlockError> {
        let what = "a chunk";
        let offset = reference & u64::from(u32::MAX);
        let file = self.segment(reference >> u32::BITS)?;
        let path = file.path();
        let head = file.up_to(offset, LEN_BYTES_MAX, what)?;
        let mut cursor = Cursor::new(head);
        let len = cursor.uvarint();
        let start = offset + (head.len() - cursor.len()) as u64;
        let len = len.ok_or_else(|| Fault::End(what).at(&path, offset))?;
        if len > CHUNK_BYTES_MAX {
            let message =
                format!("a chunk of {len} bytes, where at most {CHUNK_BYTES_MAX} are read");
            return Err(Fault::Format(message).at(&path, offset));
        }
        // The length does not count the encoding, which the checksum covers.
        let bytes = file.exactly(start, 1 + len + CHECKSUM_BYTES, what)?;
        match split_sum(bytes) {
            Some((encoding, data)) => Ok(Chunk {
                encoding,
                data,
                path,
                offset,
            }),
            None => Err(Fault::Checksum.at(&path, offset)),
        }
    }

    /// The open file of a segment.
    fn segment(&mut self, number: u64) -> Result<&mut Window, PromBlockError> {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        let is_open = self.open.as_ref().is_some_and(|(open, _)| *open == number);
        if !is_open {
            let path = self.paths.get(number).ok_or_else(|| {
                let message = format!("there is no segment {}", number.saturating_add(1));
                Fault::Format(message).of(&self.folder)
            })?;
            self.open = Some((number, open_segment(path.clone())?));
        }
        match &mut self.open {
            Some((_, file)) => Ok(file),
            None => Err(Fault::format("no segment is open").of(&self.folder)),
        }
    }
}

/// The encoding and the data of a chunk, where the checksum behind them is theirs.
fn split_sum(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (bytes, sum) = bytes.split_last_chunk()?;
    let (encoding, data) = bytes.split_first()?;
    (crc32c::crc32c(bytes).to_be_bytes() == *sum).then_some((*encoding, data))
}

/// Opens a segment and looks at its header.
fn open_segment(path: PathBuf) -> Result<Window, PromBlockError> {
    let mut file = Window::open(path)?;
    let path = file.path();
    let mut header = Cursor::new(file.exactly(0, HEADER_BYTES, "the header")?);
    if header.u32() != Some(MAGIC) {
        return Err(Fault::format("it does not start as a segment does").at(&path, 0));
    }
    match header.u8() {
        Some(VERSION) => Ok(file),
        other => {
            let fault = Fault::Version {
                found: other.unwrap_or(0).into(),
                supported: VERSION.into(),
            };
            Err(fault.at(&path, 4))
        }
    }
}
