//! `index`: the series of a block and where their chunks are.

use std::path::Path;

use narthex_model::Labels;
use narthex_storage::TimeRange;

use crate::cursor::Cursor;
use crate::symbols::{References, Symbols};
use crate::window::{CHECKSUM_BYTES, Window};
use crate::{Fault, PromBlockError};

/// The file's name.
const INDEX_FILE: &str = "index";

/// The first bytes of the file.
const MAGIC: u32 = 0xBAAA_D700;

/// The latest version that there is.
const VERSION: u8 = 2;

/// Six references, before their checksum.
const CONTENTS_BYTES: u64 = 6 * 8;

/// What a reference of a series counts in version 2.
const SERIES_ALIGNMENT: u64 = 16;

/// The longest entry of a series: a million chunks, or labels of a thousand times the usual
/// length. A longer one is an error.
const ENTRY_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What a length of up to 64 bits takes.
const UVARINT_BYTES_MAX: u64 = 10;

/// The longest entry of the postings offset table that is looked at; the one that counts is the
/// first, whose name and value are empty.
const POSTINGS_ENTRY_BYTES_MAX: u64 = 64;

/// Where a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChunkRef {
    /// The times of the first and the last sample.
    pub(crate) range: TimeRange,
    /// The number of the segment in the upper half, the place in it in the lower.
    pub(crate) reference: u64,
}

/// A series as the index has it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) labels: Labels,
    pub(crate) chunks: Vec<ChunkRef>,
}

/// The open index of a block. In memory are the symbols, and four bytes a series.
#[derive(Debug)]
pub(crate) struct Index {
    symbols: Symbols,
    references: References,
    /// The series, in the order of their labels.
    series: Vec<u32>,
}

impl Index {
    /// Opens the index of the block in `folder`, and returns its file with it, through which
    /// the series are read.
    pub(crate) fn open(folder: &Path) -> Result<(Self, Window), PromBlockError> {
        let mut file = Window::open(folder.join(INDEX_FILE))?;
        let path = file.path();
        let mut header = Cursor::new(file.exactly(0, 5, "the header")?);
        if header.u32() != Some(MAGIC) {
            return Err(Fault::format("it does not start as an index does").at(&path, 0));
        }
        let references = match header.u8() {
            Some(1) => References::Offsets,
            Some(VERSION) => References::Numbers,
            other => {
                let fault = Fault::Version {
                    found: other.unwrap_or(0).into(),
                    supported: VERSION.into(),
                };
                return Err(fault.at(&path, 4));
            }
        };
        let contents = Contents::read(&mut file)?;
        let symbols = match contents.symbols {
            0 => Symbols::empty(),
            offset => Symbols::read(&mut file, offset, references)?,
        };
        let series = match contents.postings_table {
            0 => Vec::new(),
            offset => match all_postings(&mut file, offset)? {
                Some(postings) => read_postings(&mut file, postings)?,
                None => Vec::new(),
            },
        };
        let index = Self {
            symbols,
            references,
            series,
        };
        // The buffer of this window has whole tables, which are not needed again.
        Ok((index, file.another()))
    }

    /// How many series there are.
    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    /// The reference of a series, by its number; tombstones have it, too.
    pub(crate) fn reference(&self, number: usize) -> Option<u64> {
        self.series.get(number).copied().map(u64::from)
    }

    /// Reads a series.
    pub(crate) fn entry(&self, file: &mut Window, reference: u64) -> Result<Entry, PromBlockError> {
        let what = "a series";
        let offset = match self.references {
            References::Offsets => reference,
            References::Numbers => reference * SERIES_ALIGNMENT,
        };
        let path = file.path();
        let blame = |fault: Fault| fault.at(&path, offset);
        let head = file.up_to(offset, UVARINT_BYTES_MAX, what)?;
        let mut cursor = Cursor::new(head);
        let len = cursor.uvarint().ok_or_else(|| blame(Fault::End(what)))?;
        if len > ENTRY_BYTES_MAX {
            let message =
                format!("a series of {len} bytes, where at most {ENTRY_BYTES_MAX} are read");
            return Err(blame(Fault::Format(message)));
        }
        let start = offset + (head.len() - cursor.len()) as u64;
        let bytes = file.exactly(start, len + CHECKSUM_BYTES, what)?;
        let entry = bytes.split_last_chunk().ok_or(Fault::End(what));
        entry
            .and_then(|(bytes, sum)| {
                if crc32c::crc32c(bytes).to_be_bytes() != *sum {
                    return Err(Fault::Checksum);
                }
                self.parse(bytes)
            })
            .map_err(blame)
    }

    fn parse(&self, bytes: &[u8]) -> Result<Entry, Fault> {
        let mut cursor = Cursor::new(bytes);
        let labels = self.labels(&mut cursor)?;
        let chunks = chunks(&mut cursor).ok_or(Fault::End("the chunks of a series"))?;
        Ok(Entry { labels, chunks })
    }

    fn labels(&self, cursor: &mut Cursor<'_>) -> Result<Labels, Fault> {
        let end = || Fault::End("the labels of a series");
        let count = cursor.uvarint().ok_or_else(end)?;
        let count = usize::try_from(count).ok();
        // A label takes two bytes at least.
        let count = count.filter(|count| *count <= cursor.len() / 2);
        let mut pairs = Vec::with_capacity(count.ok_or_else(end)?);
        for _ in 0..pairs.capacity() {
            let mut symbol = || {
                let reference = cursor.uvarint().ok_or_else(end)?;
                let symbol = self.symbols.get(reference, self.references);
                symbol.ok_or_else(|| Fault::format(format!("there is no symbol {reference}")))
            };
            pairs.push((symbol()?, symbol()?));
        }
        Labels::from_sorted(pairs)
            .map_err(|name| Fault::format(format!("the label {name:?} comes out of order")))
    }
}

/// The chunks of a series; `None` where the bytes end too early.
fn chunks(cursor: &mut Cursor<'_>) -> Option<Vec<ChunkRef>> {
    let count = usize::try_from(cursor.uvarint()?).ok()?;
    // A chunk takes three bytes at least.
    if count > cursor.len() / 3 {
        return None;
    }
    let mut chunks: Vec<ChunkRef> = Vec::with_capacity(count);
    for _ in 0..count {
        // Numbers wrap as they do where Prometheus writes them.
        let (start_ms, before) = match chunks.last() {
            None => (cursor.varint()?, None),
            Some(last) => {
                let gap = cursor.uvarint()?.cast_signed();
                (last.range.end_ms.wrapping_add(gap), Some(last.reference))
            }
        };
        let span = cursor.uvarint()?.cast_signed();
        let reference = match before {
            None => cursor.uvarint()?,
            Some(before) => before.wrapping_add_signed(cursor.varint()?),
        };
        let range = TimeRange {
            start_ms,
            end_ms: start_ms.wrapping_add(span),
        };
        chunks.push(ChunkRef { range, reference });
    }
    Some(chunks)
}

/// The end of the file, which says where the other parts are. Label indices, which nothing
/// reads any more, and the postings of single labels are not ours to read.
struct Contents {
    symbols: u64,
    postings_table: u64,
}

impl Contents {
    fn read(file: &mut Window) -> Result<Self, PromBlockError> {
        let what = "the table of contents";
        let start = file.len().checked_sub(CONTENTS_BYTES + CHECKSUM_BYTES);
        let start = start.ok_or_else(|| Fault::End(what).at(&file.path(), 0))?;
        file.check(start, CONTENTS_BYTES, what)?;
        let mut cursor = Cursor::new(file.exactly(start, CONTENTS_BYTES, what)?);
        let mut references = [0; 6];
        for reference in &mut references {
            *reference = cursor.u64().unwrap_or(0);
        }
        let [symbols, _, _, _, _, postings_table] = references;
        Ok(Self {
            symbols,
            postings_table,
        })
    }
}

/// Checks the postings offset table and finds in it the postings of all series, which have an
/// empty name and an empty value, and so come first; `None` where the table is empty.
fn all_postings(file: &mut Window, offset: u64) -> Result<Option<u64>, PromBlockError> {
    let what = "the postings offset table";
    let len = file.exactly(offset, 4, what)?;
    let len = u64::from(Cursor::new(len).u32().unwrap_or(0));
    file.check(offset + 4, len, what)?;
    let path = file.path();
    let bytes = file.exactly(offset + 4, len.min(POSTINGS_ENTRY_BYTES_MAX), what)?;
    let mut cursor = Cursor::new(bytes);
    let mut first = || -> Option<Option<u64>> {
        if cursor.u32()? == 0 {
            return Some(None);
        }
        let strings = cursor.u8()?;
        let (name, value) = (cursor.prefixed()?, cursor.prefixed()?);
        let place = cursor.uvarint()?;
        (strings == 2 && name.is_empty() && value.is_empty()).then_some(Some(place))
    };
    first().ok_or_else(|| {
        let fault = Fault::format("the first entry is not the one of all series");
        fault.at(&path, offset)
    })
}

/// The references of a list of postings.
fn read_postings(file: &mut Window, offset: u64) -> Result<Vec<u32>, PromBlockError> {
    let what = "the postings of all series";
    let len = file.exactly(offset, 4, what)?;
    let len = u64::from(Cursor::new(len).u32().unwrap_or(0));
    let start = offset.saturating_add(4);
    file.check(start, len, what)?;
    let path = file.path();
    let bytes = file.exactly(start, len, what)?;
    let mut cursor = Cursor::new(bytes);
    let count = cursor.u32().map(|count| count as usize);
    let lists = count.is_some_and(|count| count.checked_mul(4) == Some(cursor.len()));
    if !lists {
        let fault = Fault::format("the postings have another length than they say");
        return Err(fault.at(&path, offset));
    }
    Ok(std::iter::from_fn(|| cursor.u32()).collect())
}
