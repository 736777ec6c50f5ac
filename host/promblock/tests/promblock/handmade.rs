//! Makes the files of a block, byte by byte as the text of the format says.

use std::path::Path;

use narthex_promblock::{PromBlock, PromBlockError};
use narthex_storage::Series;

/// A chunk: its encoding, its data, and the times of its first and last sample.
#[derive(Clone)]
pub(crate) struct Chunk {
    pub(crate) encoding: u8,
    pub(crate) data: Vec<u8>,
    pub(crate) range: (i64, i64),
}

/// A series: sorted labels, and chunks.
pub(crate) struct Line {
    pub(crate) labels: Vec<(&'static str, &'static str)>,
    pub(crate) chunks: Vec<Chunk>,
}

/// Deleted intervals: the number of the series, the first and the last millisecond.
pub(crate) type Deleted<'a> = &'a [(usize, i64, i64)];

/// Bytes of zeros and ones; what else is in the text separates.
pub(crate) fn bits(text: &str) -> Vec<u8> {
    let bits: Vec<u8> = text
        .bytes()
        .filter(|byte| matches!(byte, b'0' | b'1'))
        .map(|byte| byte - b'0')
        .collect();
    let byte = |bits: &[u8]| {
        let value = bits.iter().fold(0, |value, bit| value << 1 | bit);
        value << (8 - bits.len())
    };
    bits.chunks(8).map(byte).collect()
}

/// The 64 bits of a float.
pub(crate) fn float(value: f64) -> String {
    format!("{:064b}", value.to_bits())
}

/// What changes from one float to another, all bits of it.
pub(crate) fn changed(from: f64, to: f64) -> String {
    format!("{:064b}", from.to_bits() ^ to.to_bits())
}

/// The lowest `width` bits of a number.
pub(crate) fn low(value: i64, width: usize) -> String {
    let text = format!("{value:064b}");
    text[64 - width..].to_owned()
}

fn uvarint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}

fn varint(value: i64) -> Vec<u8> {
    uvarint(((value << 1) ^ (value >> 63)) as u64)
}

fn sum(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).to_be_bytes()
}

/// A length of four bytes, the bytes, and their checksum.
fn section(body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&len[..], body, &sum(body)].concat()
}

/// Writes a block with an index of a version into a folder.
pub(crate) fn write(folder: &Path, version: u8, lines: &[Line], deleted: Deleted<'_>) {
    let mut segment = vec![0x85, 0xBD, 0x40, 0xDD, 1, 0, 0, 0];
    let mut places = Vec::new();
    for chunk in lines.iter().flat_map(|line| &line.chunks) {
        places.push(segment.len() as u64);
        let body = [&[chunk.encoding][..], &chunk.data].concat();
        segment.extend(uvarint(chunk.data.len() as u64));
        segment.extend(&body);
        segment.extend(sum(&body));
    }

    let mut index = vec![0xBA, 0xAA, 0xD7, 0x00, version];
    let pairs = lines.iter().flat_map(|line| &line.labels);
    let mut symbols: Vec<&str> = pairs.flat_map(|(name, value)| [*name, *value]).collect();
    symbols.sort_unstable();
    symbols.dedup();
    let symbols_at = index.len();
    let mut body = u32::try_from(symbols.len()).unwrap().to_be_bytes().to_vec();
    let mut references = Vec::new();
    for (number, symbol) in symbols.iter().enumerate() {
        let offset = symbols_at + 4 + body.len();
        references.push(if version == 1 { offset } else { number } as u64);
        body.extend(uvarint(symbol.len() as u64));
        body.extend(symbol.as_bytes());
    }
    index.extend(section(&body));

    let mut places = places.into_iter();
    let mut series = Vec::new();
    for line in lines {
        while version == 2 && index.len() % 16 != 0 {
            index.push(0);
        }
        let at = index.len() as u64;
        series.push(if version == 1 { at } else { at / 16 });
        let mut body = uvarint(line.labels.len() as u64);
        for symbol in line.labels.iter().flat_map(|(name, value)| [name, value]) {
            let number = symbols.binary_search(symbol).unwrap();
            body.extend(uvarint(references[number]));
        }
        body.extend(uvarint(line.chunks.len() as u64));
        let mut before: Option<(i64, u64)> = None;
        for chunk in &line.chunks {
            let (start, end) = chunk.range;
            let place = places.next().unwrap();
            match before {
                None => body.extend(varint(start)),
                Some((last, _)) => body.extend(uvarint((start - last) as u64)),
            }
            body.extend(uvarint((end - start) as u64));
            match before {
                None => body.extend(uvarint(place)),
                Some((_, last)) => body.extend(varint((place - last) as i64)),
            }
            before = Some((end, place));
        }
        index.extend(uvarint(body.len() as u64));
        index.extend(&body);
        index.extend(sum(&body));
    }

    let postings_at = index.len() as u64;
    let mut body = u32::try_from(series.len()).unwrap().to_be_bytes().to_vec();
    for reference in &series {
        body.extend(u32::try_from(*reference).unwrap().to_be_bytes());
    }
    index.extend(section(&body));
    let table_at = index.len() as u64;
    let body = [&[0, 0, 0, 1, 2, 0, 0][..], &uvarint(postings_at)].concat();
    index.extend(section(&body));
    let contents = [symbols_at as u64, 0, 0, 0, postings_at, table_at];
    let contents: Vec<u8> = contents.into_iter().flat_map(u64::to_be_bytes).collect();
    index.extend(&contents);
    index.extend(sum(&contents));

    let mut stones = Vec::new();
    for (number, start, end) in deleted {
        stones.extend(uvarint(series[*number]));
        stones.extend(varint(*start));
        stones.extend(varint(*end));
    }
    let tombstones = [&[0x01, 0x30, 0xBA, 0x30, 1][..], &stones, &sum(&stones)].concat();

    let meta = r#"{"ulid": "01HANDMADE", "minTime": 0, "maxTime": 7200000, "version": 1,
        "stats": {"numSamples": 5}, "compaction": {"level": 1, "sources": ["01HANDMADE"]}}"#;
    std::fs::create_dir_all(folder.join("chunks")).unwrap();
    std::fs::write(folder.join("meta.json"), meta).unwrap();
    std::fs::write(folder.join("index"), index).unwrap();
    std::fs::write(folder.join("chunks/000001"), segment).unwrap();
    std::fs::write(folder.join("tombstones"), tombstones).unwrap();
}

/// All of a series that can be compared, to the bit.
#[derive(Debug, PartialEq)]
pub(crate) struct Facts {
    pub(crate) labels: String,
    pub(crate) timestamps: Vec<i64>,
    pub(crate) values: Vec<u64>,
    pub(crate) histograms: String,
    pub(crate) starts: Vec<i64>,
}

impl From<Series> for Facts {
    fn from(series: Series) -> Self {
        Self {
            labels: series.labels.to_string(),
            timestamps: series.timestamps.to_vec(),
            values: series.values.iter().map(|value| value.to_bits()).collect(),
            histograms: format!("{:?}", series.histograms),
            starts: series
                .starts
                .map_or_else(Vec::new, |starts| starts.to_vec()),
        }
    }
}

/// Everything in a block.
pub(crate) fn read(folder: &Path) -> Result<Vec<Facts>, PromBlockError> {
    let block = PromBlock::open(folder)?;
    block
        .series()
        .map(|series| series.map(Facts::from))
        .collect()
}
