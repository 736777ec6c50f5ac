//! The index of a block that is being written, in version 2 of Prometheus' format.
//!
//! ```text
//! magic 0xBAAAD700, version │ symbols │ series, each at a multiple of 16 │ postings │
//! label offset table (empty: nobody reads it) │ postings offset table │ TOC
//! ```
//!
//! Each section is its length, its content, and the content's CRC-32C.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use narthex_model::Labels;

use super::chunks::ChunkPlace;
use super::{put_uvarint, put_varint};
use crate::{Fault, PromBlockError};

/// What the file begins with.
const HEADER: [u8; 5] = [0xba, 0xaa, 0xd7, 0x00, 2];

/// Series begin at multiples of it, so that four bytes refer to one.
const SERIES_ALIGNMENT: u64 = 16;

/// Postings begin at multiples of it.
const POSTINGS_ALIGNMENT: u64 = 4;

/// A series, and where its chunks are.
#[derive(Debug)]
pub(super) struct IndexSeries {
    pub(super) labels: Labels,
    /// In the order of time.
    pub(super) chunks: Vec<ChunkPlace>,
}

/// Writes the index of these series into a block's folder; they are sorted by it.
///
/// # Errors
/// The file cannot be written, a label set is there twice, or a section is too long for the format.
pub(super) fn write(folder: &Path, series: &mut [IndexSeries]) -> Result<(), PromBlockError> {
    let path = folder.join("index");
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    write_sorted(&path, series).map_err(|fault| fault.of(&path))
}

fn write_sorted(path: &Path, all: &[IndexSeries]) -> Result<(), Fault> {
    if let Some(twice) = all.windows(2).find(|pair| pair[0].labels == pair[1].labels) {
        let labels = &twice[0].labels;
        return Err(Fault::format(format!("the series {labels} came twice")));
    }
    let mut out = Out::create(path)?;
    out.put(&HEADER)?;

    let pairs = || all.iter().flat_map(|series| series.labels.iter());
    let symbols: BTreeSet<&str> = pairs().flat_map(|(name, value)| [name, value]).collect();
    let symbols_at = out.at;
    let mut section = Vec::new();
    put_u32(&mut section, symbols.len())?;
    for symbol in &symbols {
        put_text(&mut section, symbol);
    }
    out.put_section(&section)?;

    let numbers: HashMap<&str, u64> = symbols.iter().copied().zip(0..).collect();
    let series_at = out.at;
    let mut postings: BTreeMap<(&str, &str), Vec<u32>> = BTreeMap::new();
    let mut everything = Vec::with_capacity(all.len());
    for series in all {
        out.pad(SERIES_ALIGNMENT)?;
        let reference = u32::try_from(out.at / SERIES_ALIGNMENT).map_err(|_| too_long())?;
        everything.push(reference);
        section.clear();
        put_uvarint(&mut section, series.labels.len() as u64);
        for (name, value) in series.labels.iter() {
            for text in [name, value] {
                put_uvarint(&mut section, numbers.get(text).copied().unwrap_or_default());
            }
            postings.entry((name, value)).or_default().push(reference);
        }
        put_chunks(&mut section, &series.chunks);
        let mut len = Vec::new();
        put_uvarint(&mut len, section.len() as u64);
        out.put(&len)?;
        out.put_with_sum(&section)?;
    }

    out.pad(POSTINGS_ALIGNMENT)?;
    // There are no label indices: since version 2 nobody reads them.
    let label_indices_at = out.at;
    let postings_at = out.at;
    // The empty pair stands for all series.
    let everything = std::iter::once((("", ""), everything));
    let mut offsets = Vec::new();
    for ((name, value), references) in everything.chain(postings) {
        offsets.push((name, value, out.at));
        section.clear();
        put_u32(&mut section, references.len())?;
        for reference in references {
            section.extend_from_slice(&reference.to_be_bytes());
        }
        out.put_section(&section)?;
    }

    let label_table_at = out.at;
    out.put_section(&0_u32.to_be_bytes())?;

    let postings_table_at = out.at;
    section.clear();
    put_u32(&mut section, offsets.len())?;
    for (name, value, at) in offsets {
        // How many texts a key has.
        section.push(2);
        put_text(&mut section, name);
        put_text(&mut section, value);
        put_uvarint(&mut section, at);
    }
    out.put_section(&section)?;

    section.clear();
    for at in [
        symbols_at,
        series_at,
        label_indices_at,
        label_table_at,
        postings_at,
        postings_table_at,
    ] {
        section.extend_from_slice(&at.to_be_bytes());
    }
    out.put_with_sum(&section)?;
    out.end()
}

/// The times and places of a series' chunks, each as what has changed since the one before.
fn put_chunks(section: &mut Vec<u8>, chunks: &[ChunkPlace]) {
    put_uvarint(section, chunks.len() as u64);
    let mut before: Option<&ChunkPlace> = None;
    for chunk in chunks {
        let (start_ms, end_ms) = (chunk.range.start_ms, chunk.range.end_ms);
        match before {
            None => put_varint(section, start_ms),
            Some(before) => put_uvarint(section, start_ms.abs_diff(before.range.end_ms)),
        }
        put_uvarint(section, end_ms.abs_diff(start_ms));
        match before {
            None => put_uvarint(section, chunk.reference),
            Some(before) => {
                let step = chunk.reference.wrapping_sub(before.reference);
                put_varint(section, step.cast_signed());
            }
        }
        before = Some(chunk);
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_uvarint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn put_u32(out: &mut Vec<u8>, number: usize) -> Result<(), Fault> {
    let number = u32::try_from(number).map_err(|_| too_long())?;
    out.extend_from_slice(&number.to_be_bytes());
    Ok(())
}

fn too_long() -> Fault {
    Fault::format("it has more than four bytes of the format can say")
}

/// A file, and how long it is.
struct Out {
    file: BufWriter<File>,
    at: u64,
}

impl Out {
    fn create(path: &Path) -> Result<Self, Fault> {
        let file = BufWriter::new(File::create_new(path)?);
        Ok(Self { file, at: 0 })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.file.write_all(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn put_with_sum(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.put(bytes)?;
        self.put(&crc32c::crc32c(bytes).to_be_bytes())
    }

    fn put_section(&mut self, content: &[u8]) -> Result<(), Fault> {
        let len = u32::try_from(content.len()).map_err(|_| too_long())?;
        self.put(&len.to_be_bytes())?;
        self.put_with_sum(content)
    }

    fn pad(&mut self, alignment: u64) -> Result<(), Fault> {
        let over = usize::try_from(self.at % alignment).unwrap_or_default();
        let alignment = usize::try_from(alignment).unwrap_or_default();
        let zeros = [0; 16];
        match over {
            0 => Ok(()),
            over => self.put(&zeros[..alignment - over]),
        }
    }

    fn end(self) -> Result<(), Fault> {
        let file = self.file.into_inner().map_err(|error| error.into_error())?;
        Ok(file.sync_all()?)
    }
}
