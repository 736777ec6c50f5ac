//! How OTLP writes numbers and bytes in JSON: 64 bits as texts, ids in hexadecimal digits, and
//! readers take plain numbers as well.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::message::Temporality;

/// A number, or a text that is one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Loose<'a> {
    Unsigned(u64),
    Signed(i64),
    Double(f64),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

impl Loose<'_> {
    fn unsigned<E: serde::de::Error>(&self) -> Result<u64, E> {
        let number = match self {
            Self::Unsigned(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
            Self::Signed(_) | Self::Double(_) => None,
        };
        number.ok_or_else(|| E::custom("expected an unsigned integer"))
    }

    fn signed<E: serde::de::Error>(&self) -> Result<i64, E> {
        let number = match self {
            Self::Unsigned(number) => i64::try_from(*number).ok(),
            Self::Signed(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
            Self::Double(_) => None,
        };
        number.ok_or_else(|| E::custom("expected an integer"))
    }

    fn double<E: serde::de::Error>(&self) -> Result<f64, E> {
        let number = match self {
            Self::Unsigned(number) => Some(*number as f64),
            Self::Signed(number) => Some(*number as f64),
            Self::Double(number) => Some(*number),
            Self::Text(text) => match text.as_ref() {
                "NaN" => Some(f64::NAN),
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                text => text.parse().ok(),
            },
        };
        number.ok_or_else(|| E::custom("expected a number"))
    }
}

/// `uint64` or `fixed64`
pub(super) fn unsigned<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    Loose::deserialize(from)?.unsigned()
}

/// Repeated `uint64` or `fixed64`
pub(super) fn unsigned_list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u64>, D::Error> {
    let list = Vec::<Loose<'de>>::deserialize(from)?;
    list.iter().map(Loose::unsigned).collect()
}

/// `double`
pub(super) fn double<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Loose::deserialize(from)?.double()
}

/// Repeated `double`
pub(super) fn double_list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    let list = Vec::<Loose<'de>>::deserialize(from)?;
    list.iter().map(Loose::double).collect()
}

/// `optional double`
pub(super) fn some_double<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    let found = Option::<Loose<'de>>::deserialize(from)?;
    found.map(|found| found.double()).transpose()
}

/// `optional sfixed64`
pub(super) fn some_signed<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    let found = Option::<Loose<'de>>::deserialize(from)?;
    found.map(|found| found.signed()).transpose()
}

/// `AggregationTemporality`: its number, or its name as older senders write it.
pub(super) fn temporality<'de, D: Deserializer<'de>>(from: D) -> Result<Temporality, D::Error> {
    Ok(match Loose::deserialize(from)? {
        Loose::Unsigned(number) => super::protobuf::temporality(number),
        Loose::Text(name) if name == "AGGREGATION_TEMPORALITY_DELTA" => Temporality::Delta,
        Loose::Text(name) if name == "AGGREGATION_TEMPORALITY_CUMULATIVE" => {
            Temporality::Cumulative
        }
        _ => Temporality::Unspecified,
    })
}

/// The id of a trace or a span.
pub(super) fn hex<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text = Cow::<'de, str>::deserialize(from)?;
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?));
    let bytes: Option<Vec<u8>> = bytes.collect();
    let bytes = bytes.filter(|_| rest.is_empty());
    bytes.ok_or_else(|| D::Error::custom("expected hexadecimal digits"))
}

/// Bytes in base64.
pub(super) fn base64<E: serde::de::Error>(text: &str) -> Result<Vec<u8>, E> {
    STANDARD.decode(text).map_err(E::custom)
}

/// Bytes as base64.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
