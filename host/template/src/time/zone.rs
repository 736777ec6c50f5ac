//! Time zones: UTC, a fixed offset, or one with a name and its rules, which are built in.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Where a clock hangs.
#[derive(Debug, Clone)]
pub enum Zone {
    /// UTC.
    Utc,
    /// So many seconds east, under a name that may be empty.
    Fixed(i32, Arc<str>),
    /// A zone of the IANA database.
    Named(TimeZone),
}

/// What holds in a zone at an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Offset {
    pub(crate) offset_seconds: i32,
    /// As `CET`; empty where there is none.
    pub(crate) abbreviation: String,
}

impl Zone {
    /// A zone by its name, as `Europe/Berlin`; `UTC` and the empty name are UTC, and so is `Local`:
    /// a server has no home.
    ///
    /// # Errors
    ///
    /// Go's words for a zone that is not known.
    pub fn named(name: &str) -> Result<Self, String> {
        match name {
            "" | "UTC" | "Local" => Ok(Self::Utc),
            name => match TimeZoneDatabase::bundled().get(name) {
                Ok(zone) => Ok(Self::Named(zone)),
                Err(_) => Err(format!("unknown time zone {name}")),
            },
        }
    }

    /// What holds at so many seconds after 1970.
    pub(crate) fn at(&self, seconds: i64) -> Offset {
        match self {
            Self::Utc => Offset {
                offset_seconds: 0,
                abbreviation: "UTC".to_owned(),
            },
            Self::Fixed(offset_seconds, name) => Offset {
                offset_seconds: *offset_seconds,
                abbreviation: name.to_string(),
            },
            Self::Named(zone) => {
                let bounded = seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
                let at = Timestamp::from_second(bounded).unwrap_or(Timestamp::UNIX_EPOCH);
                let info = zone.to_offset_info(at);
                Offset {
                    offset_seconds: info.offset().seconds(),
                    abbreviation: info.abbreviation().to_owned(),
                }
            }
        }
    }
}
