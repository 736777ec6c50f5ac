//! A page of a column, straight from the bytes of its file. To open a column with the Parquet
//! reader costs more than what is in the page, and a decompressor for each; here one a thread
//! serves all, and what it gives is kept as it is.
//!
//! It is not: a reader of Parquet. A page that is not as our writer makes them is left to that.

use std::cell::RefCell;
use std::ops::Range;

use bytes::Bytes;
use narthex_nx::varint::Input;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescriptor;
use zstd::bulk::Decompressor;

use crate::Fault;
use crate::blobs::Blobs;
use crate::packed;
use crate::page_header::PageHeader;

/// What is wrong with a page whose parts do not add up.
const BROKEN: &str = "a page contradicts itself";

/// Values of a page of lists, which may be more than its rows: what reading it takes memory for. A
/// page with more is left to the Parquet reader.
const LIST_VALUES_MAX: usize = 1 << 22;

/// Parquet's numbers for encodings.
mod encoding {
    pub(super) const PLAIN: i64 = 0;
    pub(super) const DELTA_BINARY_PACKED: i64 = 5;
    pub(super) const DELTA_LENGTH_BYTE_ARRAY: i64 = 6;
    pub(super) const RLE_DICTIONARY: i64 = 8;
}

/// What a column has, and so how our writer encodes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Integers, packed, or places in a dictionary.
    Integers,
    /// Doubles, bit by bit.
    Doubles,
    /// Bytes, behind their packed lengths.
    Blobs,
    /// Text, each behind its length.
    Text,
}

impl Content {
    fn has(self, encoding: i64) -> bool {
        match self {
            Self::Integers => {
                [encoding::DELTA_BINARY_PACKED, encoding::RLE_DICTIONARY].contains(&encoding)
            }
            Self::Doubles | Self::Text => encoding == encoding::PLAIN,
            Self::Blobs => encoding == encoding::DELTA_LENGTH_BYTE_ARRAY,
        }
    }
}

/// A column of a row group, as its footer describes it.
#[derive(Debug)]
pub(crate) struct StoredColumn {
    shape: Shape,
    is_compressed: bool,
    content: Content,
    /// The integers that pages may name by their place.
    dictionary: Option<Vec<i64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// A value in each row.
    One,
    /// A value or none.
    Nullable,
    /// Any number of values.
    List,
}

impl StoredColumn {
    /// A column that has a dictionary where its bytes are given; `None` where it is not as our
    /// writer makes them.
    pub(crate) fn new(
        column: &ColumnDescriptor,
        compression: Compression,
        content: Content,
        dictionary: Option<&Bytes>,
    ) -> Result<Option<Self>, Fault> {
        let shape = match (column.max_rep_level(), column.max_def_level()) {
            (0, 0) => Shape::One,
            (0, 1) => Shape::Nullable,
            (1, 1) => Shape::List,
            _ => return Ok(None),
        };
        let is_compressed = match compression {
            Compression::UNCOMPRESSED => false,
            Compression::ZSTD(_) => true,
            _ => return Ok(None),
        };
        let mut column = Self {
            shape,
            is_compressed,
            content,
            dictionary: None,
        };
        if let Some(bytes) = dictionary {
            let header = match column.content_of(bytes)? {
                Some((header, content))
                    if header.is_dictionary && content.len().is_multiple_of(8) =>
                {
                    let (integers, _) = content.as_chunks();
                    let integers = integers.iter().map(|bytes| i64::from_le_bytes(*bytes));
                    column.dictionary = Some(integers.collect());
                    Some(header)
                }
                _ => None,
            };
            let count = column.dictionary.as_ref().map(Vec::len);
            let is_whole = |header: &PageHeader| {
                header.encoding == encoding::PLAIN && Some(header.values) == count
            };
            if content != Content::Integers || !header.as_ref().is_some_and(is_whole) {
                return Ok(None);
            }
        }
        Ok(Some(column))
    }

    /// The content of a page, decompressed.
    fn content_of(&self, bytes: &Bytes) -> Result<Option<(PageHeader, Vec<u8>)>, Fault> {
        let mut input = Input::new(bytes, BROKEN);
        let Some(header) = PageHeader::read(&mut input)? else {
            return Ok(None);
        };
        let stored = input.take(header.stored_bytes)?;
        let content = match self.is_compressed {
            true => decompressed(stored, header.content_bytes)?,
            false => stored.to_vec(),
        };
        match input.is_empty() {
            true => Ok(Some((header, content))),
            false => Err(input.broken().into()),
        }
    }

    /// Reads a page of so many rows; `None` where it is not as our writer makes them.
    pub(crate) fn page(&self, bytes: &Bytes, rows: usize) -> Result<Option<ColumnPage<'_>>, Fault> {
        let Some((header, content)) = self.content_of(bytes)? else {
            return Ok(None);
        };
        if header.is_dictionary || !self.content.has(header.encoding) {
            return Ok(None);
        }
        let mut input = Input::new(&content, BROKEN);
        let mut present = Present::All;
        if self.shape == Shape::List && header.values > LIST_VALUES_MAX {
            return Ok(None);
        }
        if self.shape != Shape::List && header.values != rows {
            return Err(input.broken().into());
        }
        if self.shape == Shape::List {
            let goes_on = levels(&mut input, header.values)?;
            let is_there = levels(&mut input, header.values)?;
            present = Present::Lists(lists(&goes_on, &is_there)?);
        } else if self.shape == Shape::Nullable {
            let is_there = levels(&mut input, header.values)?;
            if is_there.contains(&0) {
                present = Present::Some(is_there);
            }
        }
        let page = ColumnPage {
            column: self,
            count: match &present {
                Present::All => header.values,
                Present::Some(is_there) => is_there.iter().filter(|is| **is == 1).count(),
                Present::Lists(ends) => ends.last().copied().unwrap_or_default(),
            },
            values: content.len() - input.rest().len(),
            encoding: header.encoding,
            present,
            content,
        };
        match page.rows() == rows {
            true => Ok(Some(page)),
            false => Err(Fault::format(BROKEN)),
        }
    }
}

/// Takes levels that are 0 or 1 off the front.
fn levels(input: &mut Input<'_>, count: usize) -> Result<Vec<u32>, Fault> {
    let length = input.take(4)?.try_into().map_err(|_| input.broken())?;
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    packed::runs(&mut Input::new(input.take(length)?, BROKEN), 1, count)
}

/// Where the values of each row end, out of the levels: an entry that does not begin a row goes on
/// with the one before, and a row without a value has an entry too, in which none is there.
fn lists(goes_on: &[u32], is_there: &[u32]) -> Result<Vec<usize>, Fault> {
    let mut ends: Vec<usize> = Vec::new();
    let mut count = 0;
    for (goes_on, is_there) in goes_on.iter().zip(is_there) {
        count += usize::from(*is_there == 1);
        match (goes_on, ends.last_mut()) {
            (0, _) => ends.push(count),
            (_, Some(end)) if *is_there == 1 => *end = count,
            _ => return Err(Fault::format(BROKEN)),
        }
    }
    Ok(ends)
}

thread_local! {
    /// It takes a hundred kilobytes, and longer to make than a page to decompress.
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Takes no more memory than `size`, which the page says, and the page has a checksum.
fn decompressed(stored: &[u8], size: usize) -> Result<Vec<u8>, Fault> {
    let mut content = Vec::new();
    let broken = || Fault::format(BROKEN);
    content.try_reserve_exact(size).map_err(|_| broken())?;
    // A page without a value may have no content at all.
    if size > 0 {
        let decompress = |decompressor: &RefCell<Option<Decompressor<'static>>>| {
            let mut decompressor = decompressor.borrow_mut();
            let decompressor = match &mut *decompressor {
                Some(decompressor) => decompressor,
                none => none.insert(Decompressor::new()?),
            };
            decompressor.decompress_to_buffer(stored, &mut content)
        };
        let done = DECOMPRESSOR.with(decompress);
        done.map_err(|error| Fault::Parquet(ParquetError::External(Box::new(error))))?;
    }
    match content.len() == size {
        true => Ok(content),
        false => Err(broken()),
    }
}

/// The rows of a column that lie in one page.
#[derive(Debug)]
pub(crate) struct ColumnPage<'a> {
    column: &'a StoredColumn,
    encoding: i64,
    present: Present,
    /// How many values there are.
    count: usize,
    /// Decompressed, the levels included.
    content: Vec<u8>,
    /// Where the values begin.
    values: usize,
}

/// Which rows have a value.
#[derive(Debug)]
enum Present {
    All,
    /// 1 where a row has one.
    Some(Vec<u32>),
    /// Where the values of each row end.
    Lists(Vec<usize>),
}

impl ColumnPage<'_> {
    fn rows(&self) -> usize {
        match &self.present {
            Present::All => self.count,
            Present::Some(is_there) => is_there.len(),
            Present::Lists(ends) => ends.len(),
        }
    }

    /// Which values each row has, where it may have several.
    pub(crate) fn lists(&self) -> Vec<Range<usize>> {
        let mut start = 0;
        let list = |end: &usize| std::mem::replace(&mut start, *end)..*end;
        match &self.present {
            Present::Lists(ends) => ends.iter().map(list).collect(),
            _ => (0..self.count).map(|row| row..row + 1).collect(),
        }
    }

    fn input(&self) -> Input<'_> {
        Input::new(&self.content[self.values..], BROKEN)
    }

    /// Row by row the values, of which there are as many as rows that have one.
    fn by_row<T>(&self, values: impl IntoIterator<Item = T>) -> Vec<Option<T>> {
        let mut values = values.into_iter();
        match &self.present {
            Present::Some(is_there) => {
                let value = |is: &u32| if *is == 1 { values.next() } else { None };
                is_there.iter().map(value).collect()
            }
            _ => values.map(Some).collect(),
        }
    }

    fn packed(&self, input: &mut Input<'_>) -> Result<Vec<i64>, Fault> {
        let integers = packed::integers(input, self.count)?;
        match integers.len() == self.count {
            true => Ok(integers),
            false => Err(input.broken().into()),
        }
    }

    /// Integers, those that are there.
    pub(crate) fn integers(&self) -> Result<Vec<i64>, Fault> {
        let mut input = self.input();
        let integers = match &self.column.dictionary {
            Some(dictionary) if self.encoding == encoding::RLE_DICTIONARY => {
                let width = input.byte()?;
                let places = packed::runs(&mut input, width.into(), self.count)?;
                let integer = |place: u32| dictionary.get(place as usize).copied();
                let integers: Option<Vec<i64>> = places.into_iter().map(integer).collect();
                integers.ok_or_else(|| input.broken())?
            }
            None if self.encoding == encoding::RLE_DICTIONARY => return Err(input.broken().into()),
            _ => self.packed(&mut input)?,
        };
        match input.is_empty() {
            true => Ok(integers),
            false => Err(input.broken().into()),
        }
    }

    /// Integers of 32 bits, row by row.
    pub(crate) fn int32(&self) -> Result<Vec<Option<i32>>, Fault> {
        let lowest = |integer: i64| {
            let [a, b, c, d, ..] = integer.to_le_bytes();
            i32::from_le_bytes([a, b, c, d])
        };
        Ok(self.by_row(self.integers()?.into_iter().map(lowest)))
    }

    /// Doubles, row by row.
    pub(crate) fn doubles(&self) -> Result<Vec<Option<f64>>, Fault> {
        let mut input = self.input();
        let doubles: Result<Vec<f64>, _> = (0..self.count).map(|_| input.double()).collect();
        match input.is_empty() {
            true => Ok(self.by_row(doubles?)),
            false => Err(input.broken().into()),
        }
    }

    /// Text, those that are there.
    pub(crate) fn texts(&self) -> Result<Vec<&str>, Fault> {
        let mut input = self.input();
        let mut texts = Vec::with_capacity(self.count);
        for _ in 0..self.count {
            let length = input.take(4)?.try_into().map_err(|_| input.broken())?;
            let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
            let text = std::str::from_utf8(input.take(length)?);
            texts.push(text.map_err(|_| input.broken())?);
        }
        match input.is_empty() {
            true => Ok(texts),
            false => Err(input.broken().into()),
        }
    }

    /// Bytes, row by row.
    pub(crate) fn blobs(self) -> Result<Blobs, Fault> {
        let mut input = self.input();
        let lengths = self.packed(&mut input)?;
        let mut end = self.content.len() - input.rest().len();
        let place = |length: i64| {
            let start = end;
            end = end.checked_add(usize::try_from(length).ok()?)?;
            Some(start..end)
        };
        let places: Option<Vec<Range<usize>>> = lengths.into_iter().map(place).collect();
        let places = places.filter(|_| end == self.content.len());
        let places = places.ok_or_else(|| Fault::format(BROKEN))?;
        let places = self.by_row(places);
        Ok(Blobs::new(self.content, places))
    }
}
