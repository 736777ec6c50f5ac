//! One block: its series, one after the other.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use narthex_model::Labels;
use narthex_storage::{Series, TimeRange};

use crate::columns::Columns;
use crate::index::Index;
use crate::segments::{CHUNK_BYTES_MAX, Segments};
use crate::tombstones::Tombstones;
use crate::window::Window;
use crate::{Fault, PromBlockError, PromMeta, floats, histograms};

/// The encodings of chunks that there are.
pub(crate) const XOR: u8 = 1;
pub(crate) const HISTOGRAM: u8 = 2;
pub(crate) const FLOAT_HISTOGRAM: u8 = 3;
const XOR2: u8 = 4;

/// A folder with a block, open for reading. Nothing in it is ever changed.
///
/// In memory are the symbols of the index, four bytes a series, and the deleted intervals.
#[derive(Debug)]
pub struct PromBlock {
    folder: PathBuf,
    meta: PromMeta,
    index: Index,
    index_file: Window,
    segments: Segments,
    tombstones: Tombstones,
}

impl PromBlock {
    /// Opens the block in a folder. What is read here is checked here; series and chunks are
    /// when they are read.
    ///
    /// # Errors
    /// A file is missing or damaged, or is of a version that this program does not know.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, PromBlockError> {
        let folder = folder.as_ref();
        let meta = PromMeta::read(folder)?;
        let (index, index_file) = Index::open(folder)?;
        Ok(Self {
            folder: folder.to_owned(),
            meta,
            index,
            index_file,
            segments: Segments::open(folder)?,
            tombstones: Tombstones::read(folder)?,
        })
    }

    /// Whether a folder says of itself that it is a block of Prometheus. Only `meta.json` is read.
    pub fn is_one(folder: &Path) -> bool {
        PromMeta::read(folder).is_ok()
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the block says of itself.
    pub fn meta(&self) -> &PromMeta {
        &self.meta
    }

    /// How many series the index has, those included of which everything is deleted.
    pub fn series_count(&self) -> usize {
        self.index.len()
    }

    /// A reader of single series, by their number. It has buffers of its own.
    pub fn reader(&self) -> SeriesReader<'_> {
        SeriesReader {
            block: self,
            index_file: self.index_file.another(),
            segments: self.segments.another(),
        }
    }

    /// All series that have a sample which is not deleted, in the order of their labels. A
    /// series that cannot be read is an error, and the next ones follow all the same.
    pub fn series(&self) -> impl Iterator<Item = Result<Series, PromBlockError>> + '_ {
        let mut reader = self.reader();
        let mut previous: Option<Labels> = None;
        (0..self.series_count()).filter_map(move |number| {
            let series = match reader.read(number, TimeRange::ALL) {
                Ok(series) => series?,
                Err(error) => return Some(Err(error)),
            };
            if previous
                .as_ref()
                .is_some_and(|before| *before >= series.labels)
            {
                let message = format!("the series {} comes out of order", series.labels);
                return Some(Err(Fault::Format(message).of(&self.index_file.path())));
            }
            previous = Some(series.labels.clone());
            Some(Ok(series))
        })
    }

    /// The same series in another order, as who writes them elsewhere needs it. The labels of
    /// all series are in memory while they are sorted.
    ///
    /// # Errors
    /// The labels of a series cannot be read.
    pub fn series_by(
        &self,
        order: impl FnMut(&Labels, &Labels) -> Ordering,
    ) -> Result<impl Iterator<Item = Result<Series, PromBlockError>> + '_, PromBlockError> {
        let mut reader = self.reader();
        let read = move |number| reader.read(number, TimeRange::ALL).transpose();
        Ok(self.numbers_by(order)?.into_iter().filter_map(read))
    }

    /// The numbers of all series in another order, for a [`SeriesReader`].
    ///
    /// # Errors
    /// The labels of a series cannot be read.
    pub fn numbers_by(
        &self,
        mut order: impl FnMut(&Labels, &Labels) -> Ordering,
    ) -> Result<Vec<usize>, PromBlockError> {
        let mut reader = self.reader();
        let labeled = |number| reader.labels(number).map(|labels| (labels, number));
        let series = (0..self.series_count()).map(labeled);
        let mut series = series.collect::<Result<Vec<_>, _>>()?;
        series.sort_unstable_by(|(a, _), (b, _)| order(a, b));
        Ok(series.into_iter().map(|(_, number)| number).collect())
    }
}

/// Reads the series of a block in any order. Neighbours in the order of their labels lie side
/// by side in the files, so that order is the quickest.
#[derive(Debug)]
pub struct SeriesReader<'a> {
    block: &'a PromBlock,
    index_file: Window,
    segments: Segments,
}

impl SeriesReader<'_> {
    /// The labels of a series.
    ///
    /// # Errors
    /// The index is damaged, or has no such series.
    pub fn labels(&mut self, number: usize) -> Result<Labels, PromBlockError> {
        let reference = self.reference(number)?;
        let entry = self.block.index.entry(&mut self.index_file, reference)?;
        Ok(entry.labels)
    }

    /// A series with its samples in a span of time, without the deleted ones; `None` where it
    /// has none.
    ///
    /// # Errors
    /// The index or a chunk is damaged, a chunk has an encoding that this program does not
    /// know, or there is no such series.
    pub fn read(
        &mut self,
        number: usize,
        wanted: TimeRange,
    ) -> Result<Option<Series>, PromBlockError> {
        let reference = self.reference(number)?;
        let entry = self.block.index.entry(&mut self.index_file, reference)?;
        let deleted = self.block.tombstones.of(reference);
        let mut columns = Columns::new(deleted, wanted);
        for place in entry.chunks {
            if !place.range.overlaps(wanted) {
                continue;
            }
            let chunk = self.segments.chunk(place.reference)?;
            let decoded = decode(chunk.encoding, chunk.data, place.range, &mut columns);
            decoded.map_err(|fault| chunk.blame(fault))?;
        }
        Ok(columns.into_series(entry.labels))
    }

    fn reference(&self, number: usize) -> Result<u64, PromBlockError> {
        self.block.index.reference(number).ok_or_else(|| {
            let fault = Fault::format(format!("there is no series {number}"));
            fault.of(&self.index_file.path())
        })
    }
}

/// Reads a chunk that lies in no block, as a server sends it that is read from: the samples in
/// `wanted`, at most 65,535. `None` where there are none.
///
/// # Errors
/// The encoding is not known, or the bytes are no chunk, or more than one has.
pub fn read_chunk(
    encoding: u8,
    data: &[u8],
    labels: &Labels,
    wanted: TimeRange,
) -> Result<Option<Series>, Fault> {
    let mut columns = Columns::new(&[], wanted);
    decode_alone(encoding, data, &mut columns)?;
    Ok(columns.into_series(labels.clone()))
}

/// Reads a chunk of a counter that Thanos has downsampled: resets are taken out of it, and where
/// there were any a last value stands at the time of the one before, which is what the counter was
/// in truth. That one comes beside the samples.
///
/// # Errors
/// As [`read_chunk`].
pub fn read_counter_chunk(
    encoding: u8,
    data: &[u8],
    labels: &Labels,
    wanted: TimeRange,
) -> Result<Option<(Series, Option<f64>)>, Fault> {
    let mut columns = Columns::of_counter(wanted);
    decode_alone(encoding, data, &mut columns)?;
    let last = columns.repeated();
    let series = columns.into_series(labels.clone());
    Ok(series.map(|series| (series, last)))
}

fn decode_alone(encoding: u8, data: &[u8], columns: &mut Columns<'_>) -> Result<(), Fault> {
    let len = data.len() as u64;
    if len > CHUNK_BYTES_MAX {
        let message = format!("a chunk of {len} bytes, where at most {CHUNK_BYTES_MAX} are read");
        return Err(Fault::Format(message));
    }
    decode(encoding, data, TimeRange::ALL, columns)
}

/// Puts the samples of a chunk into columns. Every encoding starts with their number.
fn decode(
    encoding: u8,
    data: &[u8],
    range: TimeRange,
    columns: &mut Columns<'_>,
) -> Result<(), Fault> {
    let read = match encoding {
        XOR => floats::read_xor,
        HISTOGRAM => histograms::read_integers,
        FLOAT_HISTOGRAM => histograms::read_floats,
        XOR2 => floats::read_xor2,
        other => return Err(Fault::Encoding(other)),
    };
    let (count, data) = data.split_first_chunk().ok_or(Fault::End("a chunk"))?;
    let count = usize::from(u16::from_be_bytes(*count));
    columns.begin(range, count, data.len() * 8);
    read(data, count, columns)
}
