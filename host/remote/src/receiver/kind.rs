//! Which message a request says that it has, and how it is packed.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a body is made of.
const MEDIA_TYPE: &str = "application/x-protobuf";

/// The parameter of the media type that names the message.
const PARAMETER: &str = "proto";

/// A message of remote write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// That of remote write 1.0.
    V1,
    /// That of remote write 2.0.
    V2,
}

impl MessageKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::V1, Self::V2];

    /// Its full name.
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "prometheus.WriteRequest",
            Self::V2 => "io.prometheus.write.v2.Request",
        }
    }

    /// The `Content-Type` of a body of it.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::V1 => "application/x-protobuf",
            Self::V2 => "application/x-protobuf;proto=io.prometheus.write.v2.Request",
        }
    }

    /// The value of `X-Prometheus-Remote-Write-Version` that goes with it.
    pub fn version(self) -> &'static str {
        match self {
            Self::V1 => "0.1.0",
            Self::V2 => "2.0.0",
        }
    }

    /// What a `Content-Type` names; where it is missing or names no message, the old one.
    ///
    /// # Errors
    /// It names something else.
    pub fn of_content_type(value: &str) -> Result<Self, UnknownMessage> {
        let value = value.trim();
        if value.is_empty() {
            return Ok(Self::V1);
        }
        let mut parts = value.split(';').map(str::trim);
        let media = parts.next().unwrap_or("");
        if !media.eq_ignore_ascii_case(MEDIA_TYPE) {
            return Err(UnknownMessage(format!(
                "expected {MEDIA_TYPE} as the first (media) part, got {value} content-type"
            )));
        }
        for part in parts {
            let Some((name, named)) = part.split_once('=') else {
                return Err(UnknownMessage(format!(
                    "expected parameters to be key-values, got {part} in {value} content-type"
                )));
            };
            if name.trim().eq_ignore_ascii_case(PARAMETER) {
                let named = named.trim().trim_matches('"');
                let error = |error| UnknownMessage(format!("got {value} content type; {error}"));
                return named.parse().map_err(error);
            }
        }
        Ok(Self::V1)
    }
}

impl fmt::Display for MessageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for MessageKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for MessageKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(D::Error::custom)
    }
}

impl FromStr for MessageKind {
    type Err = UnknownMessage;

    fn from_str(name: &str) -> Result<Self, UnknownMessage> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.name() == name).ok_or_else(|| {
            UnknownMessage(format!(
                "unknown type for remote write protobuf message {name}, supported: {}, {}",
                Self::V1,
                Self::V2
            ))
        })
    }
}

/// How a body is packed: there is one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Snappy's block format.
    Snappy,
}

impl Encoding {
    /// What a `Content-Encoding` names; what is missing is snappy, as senders before 2.0 may have it.
    ///
    /// # Errors
    /// It names something else.
    pub fn of_header(value: &str) -> Result<Self, UnknownMessage> {
        let value = value.trim();
        match value.is_empty() || value.eq_ignore_ascii_case("snappy") {
            true => Ok(Self::Snappy),
            false => Err(UnknownMessage(format!(
                "{value} encoding (compression) is not accepted by this server; only snappy is \
                 acceptable"
            ))),
        }
    }
}

/// A message or an encoding that we do not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UnknownMessage(String);
