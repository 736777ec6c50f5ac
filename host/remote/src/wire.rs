//! The messages of remote write: fields of protobuf, read where they lie.
//!
//! [`fields`] reads what any message consists of, [`message`] writes it; [`write_v1`] and [`write_v2`] are the two
//! requests, [`histogram`] the native histogram that both have. What is not known is skipped, as
//! protobuf demands; what is known and has another type is an error.

pub(crate) mod fields;
pub(crate) mod histogram;
pub(crate) mod message;
pub(crate) mod write_v1;
pub(crate) mod write_v2;

use fields::{Fields, WireError};

/// The samples of a request: more than this are refused. A sample takes as few as two bytes of a
/// body, and forty once it is read.
pub(crate) const SAMPLES_MAX: usize = 2 << 20;

/// The labels of a series: a series with more is left out. Its label set would be longer than a
/// store takes in nearly all cases.
pub(crate) const LABELS_MAX: usize = 1 << 14;

pub(crate) const TOO_MANY_LABELS: WireError = WireError::TooMany {
    what: "labels of a series",
    max: LABELS_MAX,
};

/// Refuses a request that has more samples than are taken.
fn bounded(samples: usize) -> Result<(), WireError> {
    match samples > SAMPLES_MAX {
        true => Err(WireError::TooMany {
            what: "samples",
            max: SAMPLES_MAX,
        }),
        false => Ok(()),
    }
}

/// One sample of a request that is a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WireSample {
    pub(crate) value: f64,
    pub(crate) timestamp_ms: i64,
    /// When its counting began; 0 where that is not said.
    pub(crate) start_ms: i64,
}

/// Reads a sample; the field with its start is one of 2.0 alone.
fn sample(message: &[u8], has_start: bool) -> Result<WireSample, WireError> {
    let mut sample = WireSample {
        value: 0.0,
        timestamp_ms: 0,
        start_ms: 0,
    };
    let mut fields = Fields::new(message);
    while let Some(field) = fields.next()? {
        match field.number {
            1 => sample.value = field.double()?,
            2 => sample.timestamp_ms = field.signed()?,
            3 if has_start => sample.start_ms = field.signed()?,
            _ => {}
        }
    }
    Ok(sample)
}

/// What a request says of a family, in the bytes that it has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct WireMetadata<'a> {
    /// The number of its type.
    pub(crate) kind: u64,
    /// Empty where it is that of a series.
    pub(crate) family: &'a [u8],
    pub(crate) help: &'a [u8],
    pub(crate) unit: &'a [u8],
}

/// What a series of a request has besides its labels. Kept from series to series.
#[derive(Debug, Default)]
pub(crate) struct SeriesParts<'a> {
    pub(crate) samples: Vec<WireSample>,
    /// Messages, not looked into yet.
    pub(crate) histograms: Vec<&'a [u8]>,
    /// Messages, not looked into yet.
    pub(crate) exemplars: Vec<&'a [u8]>,
    /// A message, not looked into yet; empty where there is none.
    pub(crate) metadata: &'a [u8],
    /// When the counting of all samples began that do not say it themselves; 0 where that is not
    /// said.
    pub(crate) start_ms: i64,
}

impl SeriesParts<'_> {
    pub(crate) fn clear(&mut self) {
        self.samples.clear();
        self.histograms.clear();
        self.exemplars.clear();
        self.metadata = &[];
        self.start_ms = 0;
    }

    /// Samples of both kinds.
    pub(crate) fn len(&self) -> usize {
        self.samples.len() + self.histograms.len()
    }
}
