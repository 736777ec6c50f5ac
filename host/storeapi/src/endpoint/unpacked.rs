//! How much memory a message would take, before it is unpacked: an element of a list is two bytes on the
//! way and hundreds in memory, so a bound on the bytes that travel is none on those that they become.
//!
//! It is not: a decoder, nor how a message lies in bytes. See [`crate::wire`].

use tonic::Status;

use crate::message::evaluation::EvaluateResponse;
use crate::message::exemplars::{Exemplar, ExemplarsResponse};
use crate::message::info::{InfoResponse, TsdbInfo};
use crate::message::store::{
    AggrChunk, LabelNamesResponse, LabelValuesResponse, Series, SeriesResponse,
};
use crate::message::{Label, LabelSet};
use crate::wire::{Fields, Value};

/// A message may take this many bytes in memory; one that would take more fails the request.
pub const UNPACKED_BYTES_MAX: usize = 1 << 30;

/// A list has up to so many places for each of its elements, as it doubles when it is full.
const PLACES: usize = 2;

/// The fields of a message that are lists, or have some within.
#[derive(Debug)]
pub(super) struct Shape {
    fields: &'static [Field],
}

#[derive(Debug)]
struct Field {
    number: u64,
    /// What an element takes by itself; nothing where it is a part of what it is a field of.
    bytes: usize,
    shape: Option<&'static Shape>,
}

/// A message whose lists are known.
pub(super) trait Unpacked {
    /// Where they are.
    const SHAPE: &'static Shape;
}

/// A list of messages or texts.
const fn list<T>(number: u64, shape: Option<&'static Shape>) -> Field {
    Field {
        number,
        bytes: size_of::<T>() * PLACES,
        shape,
    }
}

/// One message with lists within.
const fn one(number: u64, shape: &'static Shape) -> Field {
    Field {
        number,
        bytes: 0,
        shape: Some(shape),
    }
}

const LABEL_SET: &Shape = &Shape {
    fields: &[list::<Label>(1, None)],
};

const SERIES: &Shape = &Shape {
    fields: &[list::<Label>(1, None), list::<AggrChunk>(2, None)],
};

const BATCH: &Shape = &Shape {
    fields: &[list::<Series>(1, Some(SERIES))],
};

const LABELLED: &Shape = &Shape {
    fields: &[one(1, LABEL_SET)],
};

const STORE_INFO: &Shape = &Shape {
    fields: &[list::<TsdbInfo>(6, Some(LABELLED))],
};

const EXEMPLAR_DATA: &Shape = &Shape {
    fields: &[one(1, LABEL_SET), list::<Exemplar>(2, Some(LABELLED))],
};

const TEXTS: &Shape = &Shape {
    fields: &[list::<String>(1, None), list::<String>(2, None)],
};

impl Unpacked for InfoResponse {
    const SHAPE: &'static Shape = &Shape {
        fields: &[list::<LabelSet>(1, Some(LABEL_SET)), one(3, STORE_INFO)],
    };
}

impl Unpacked for SeriesResponse {
    const SHAPE: &'static Shape = &Shape {
        fields: &[one(1, SERIES), one(4, BATCH)],
    };
}

impl Unpacked for ExemplarsResponse {
    const SHAPE: &'static Shape = &Shape {
        fields: &[one(1, EXEMPLAR_DATA)],
    };
}

impl Unpacked for EvaluateResponse {
    const SHAPE: &'static Shape = &Shape {
        fields: &[
            list::<Series>(1, Some(SERIES)),
            list::<Series>(2, Some(SERIES)),
            list::<String>(3, None),
        ],
    };
}

impl Unpacked for LabelNamesResponse {
    const SHAPE: &'static Shape = TEXTS;
}

impl Unpacked for LabelValuesResponse {
    const SHAPE: &'static Shape = TEXTS;
}

/// Looks at a message before it is unpacked.
///
/// # Errors
/// It would take more than [`UNPACKED_BYTES_MAX`].
pub(super) fn check(message: &[u8], shape: &Shape) -> Result<(), Status> {
    let bytes = message.len().saturating_add(lists(message, shape));
    match bytes > UNPACKED_BYTES_MAX {
        true => Err(Status::resource_exhausted(format!(
            "a message of {} bytes would take {bytes} bytes in memory, and may take \
             {UNPACKED_BYTES_MAX}",
            message.len()
        ))),
        false => Ok(()),
    }
}

/// What the elements of all lists take beside the bytes of their texts.
fn lists(message: &[u8], shape: &Shape) -> usize {
    let mut total = 0_usize;
    for (number, value) in Fields::of(message) {
        let field = shape.fields.iter().find(|field| field.number == number);
        if let (Value::Bytes(value), Some(field)) = (value, field) {
            let within = field.shape.map_or(0, |shape| lists(value, shape));
            total = total.saturating_add(field.bytes).saturating_add(within);
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::message::exemplars::{ExemplarData, ExemplarsFrame};
    use crate::message::info::StoreInfo;
    use crate::message::store::{SeriesBatch, SeriesFrame};

    const COUNT: usize = 1_000;

    fn check_counted<T: Unpacked + prost::Message + std::fmt::Debug>(message: &T, bytes: usize) {
        let encoded = message.encode_to_vec();
        let found = lists(&encoded, T::SHAPE);
        assert_eq!(found, bytes * COUNT * PLACES, "{message:?}");
        // Of a part of it no more is counted, whatever it ends with.
        for length in 0..encoded.len().min(50) {
            assert!(lists(&encoded[..length], T::SHAPE) <= found);
        }
    }

    #[test]
    fn every_list_of_every_answer_is_counted() {
        let labels = vec![Label::default(); COUNT];
        let set = LabelSet {
            labels: labels.clone(),
        };
        let label = size_of::<Label>();
        check_counted(
            &InfoResponse {
                label_sets: vec![LabelSet::default(); COUNT],
                ..InfoResponse::default()
            },
            size_of::<LabelSet>(),
        );
        check_counted(
            &InfoResponse {
                store: Some(StoreInfo {
                    tsdb_infos: vec![TsdbInfo::default(); COUNT],
                    ..StoreInfo::default()
                }),
                ..InfoResponse::default()
            },
            size_of::<TsdbInfo>(),
        );
        let texts = vec![String::new(); COUNT];
        let (names, warnings) = (texts.clone(), texts.clone());
        let answer = LabelNamesResponse { names, warnings };
        check_counted(&answer, 2 * size_of::<String>());
        let (values, warnings) = (texts.clone(), texts.clone());
        let answer = LabelValuesResponse { values, warnings };
        check_counted(&answer, 2 * size_of::<String>());
        let series = Series {
            labels,
            chunks: vec![AggrChunk::default(); COUNT],
        };
        let both = label + size_of::<AggrChunk>();
        let answer = |frame| SeriesResponse {
            result: Some(frame),
        };
        check_counted(&answer(SeriesFrame::Series(series)), both);
        let batch = SeriesBatch {
            series: vec![Series::default(); COUNT],
        };
        check_counted(&answer(SeriesFrame::Batch(batch)), size_of::<Series>());
        let data = ExemplarData {
            series_labels: Some(set),
            exemplars: vec![Exemplar::default(); COUNT],
        };
        let answer = ExemplarsResponse {
            result: Some(ExemplarsFrame::Data(data)),
        };
        check_counted(&answer, label + size_of::<Exemplar>());
        let answer = EvaluateResponse {
            values: vec![Series::default(); COUNT],
            counts: vec![Series::default(); COUNT],
            infos: texts,
        };
        check_counted(&answer, 2 * size_of::<Series>() + size_of::<String>());
    }

    #[test]
    fn a_small_message_that_would_fill_the_memory_is_refused() {
        let chunks = UNPACKED_BYTES_MAX / size_of::<AggrChunk>() / PLACES + 1;
        let hostile = SeriesResponse {
            result: Some(SeriesFrame::Series(Series::default())),
        };
        assert_eq!(hostile.encode_to_vec(), [0x0a, 0]);
        // The chunks of the series are said here by hand: unpacked they are the gigabyte.
        let series = [0x12, 0].repeat(chunks);
        let mut message = vec![0x0a];
        prost::encode_length_delimiter(series.len(), &mut message).unwrap();
        message.extend(series);
        assert!(message.len() < 8 << 20, "{}", message.len());
        let error = check(&message, SeriesResponse::SHAPE).unwrap_err();
        assert_eq!(error.code(), tonic::Code::ResourceExhausted);
        let text = format!("and may take {UNPACKED_BYTES_MAX}");
        assert!(error.message().contains(&text), "{error}");
        // Texts take what they are.
        let long = SeriesResponse {
            result: Some(SeriesFrame::Warning("w".repeat(message.len()))),
        };
        assert!(check(&long.encode_to_vec(), SeriesResponse::SHAPE).is_ok());
    }

    #[test]
    fn what_is_no_message_is_left_to_the_decoder() {
        for bytes in [
            &[0xff; 20][..],
            &[0x0a, 0x05, 0x12],
            &[
                0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
            ],
            &[0x0e],
            &[],
        ] {
            assert_eq!(lists(bytes, SeriesResponse::SHAPE), 0, "{bytes:?}");
        }
    }
}
