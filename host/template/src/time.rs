//! Instants and lengths of time as Go's `time` has them, and what templates call on them.
//!
//! It reads no clock: what is now, the caller says.

mod civil;
mod duration;
mod format;
mod layout;
mod methods;
mod parse;
mod zone;

use std::fmt;

pub(crate) use self::civil::Civil;
pub use self::duration::{Duration, Name};
pub(crate) use self::methods::{DURATION_METHODS, NAME_METHODS, TIME_METHODS};
pub(crate) use self::parse::parse;
pub use self::zone::Zone;

/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// Seconds from the start of the year 1, Go's zero time, to 1970.
const ZERO_SECONDS: i64 = -62_135_596_800;

/// An instant, and the zone that it is shown in.
#[derive(Debug, Clone)]
pub struct Time {
    /// Since 1970.
    seconds: i64,
    /// Below a second.
    nanos: u32,
    zone: Zone,
}

impl Time {
    /// Go's zero time: no time at all.
    pub const ZERO: Self = Self {
        seconds: ZERO_SECONDS,
        nanos: 0,
        zone: Zone::Utc,
    };

    /// So many milliseconds after 1970, in UTC.
    pub fn from_millis(millis: i64) -> Self {
        Self::from_parts(
            millis.div_euclid(1_000),
            millis.rem_euclid(1_000) * 1_000_000,
        )
    }

    /// So many nanoseconds after 1970, in UTC.
    pub fn from_nanos(nanos: i64) -> Self {
        Self::from_parts(nanos.div_euclid(SECOND), nanos.rem_euclid(SECOND))
    }

    /// From seconds, and nanoseconds of any size and sign.
    pub(crate) fn from_parts(seconds: i64, nanos: i64) -> Self {
        Self {
            seconds: seconds.saturating_add(nanos.div_euclid(SECOND)),
            nanos: u32::try_from(nanos.rem_euclid(SECOND)).unwrap_or_default(),
            zone: Zone::Utc,
        }
    }

    /// Reads a time as JSON has it (RFC 3339); `None` where it is none.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        parse("2006-01-02T15:04:05Z07:00", text).ok()
    }

    /// The same instant shown in another zone.
    #[must_use]
    pub fn in_zone(self, zone: Zone) -> Self {
        Self { zone, ..self }
    }

    /// Whole seconds since 1970.
    pub fn seconds(&self) -> i64 {
        self.seconds
    }

    /// What there is below a second.
    pub fn nanos(&self) -> u32 {
        self.nanos
    }

    /// Whether it is Go's zero time.
    pub fn is_zero(&self) -> bool {
        self.seconds == ZERO_SECONDS && self.nanos == 0
    }

    pub(crate) fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The time that a clock on the wall shows.
    pub(crate) fn civil(&self) -> Civil {
        let offset = self.zone.at(self.seconds).offset_seconds;
        Civil::from_seconds(self.seconds.saturating_add(i64::from(offset)))
    }

    /// The time so much later.
    #[must_use]
    pub(crate) fn plus(&self, duration: Duration) -> Self {
        let nanos = duration.nanos();
        let later = Self::from_parts(
            self.seconds.saturating_add(nanos.div_euclid(SECOND)),
            i64::from(self.nanos) + nanos.rem_euclid(SECOND),
        );
        later.in_zone(self.zone.clone())
    }

    /// The time from another to this one, or the longest there is.
    pub(crate) fn since(&self, other: &Self) -> Duration {
        let nanos = (i128::from(self.seconds) - i128::from(other.seconds)) * i128::from(SECOND)
            + i128::from(self.nanos)
            - i128::from(other.nanos);
        let bound = if nanos < 0 { i64::MIN } else { i64::MAX };
        Duration::from_nanos(i64::try_from(nanos).unwrap_or(bound))
    }

    /// Earlier and later, whatever the zones.
    pub(crate) fn order(&self) -> (i64, u32) {
        (self.seconds, self.nanos)
    }
}

/// As Go's `String`: `2006-01-02 15:04:05.999999999 -0700 MST`.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("2006-01-02 15:04:05.999999999 -0700 MST"))
    }
}

#[cfg(test)]
mod tests;
