//! Durations as Prometheus writes them: `1h30m`, `15s`, `250ms`, `0`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time, in whole milliseconds and never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PromDuration {
    millis: u64,
}

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing to read.
    #[error("empty duration string")]
    Empty,
    /// Not numbers with units, or units out of order.
    #[error("not a valid duration string: {0:?}")]
    Invalid(String),
    /// A unit that does not exist.
    #[error("unknown unit {unit:?} in duration {text:?}")]
    UnknownUnit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
    /// More than about 292 years.
    #[error("duration out of range")]
    OutOfRange,
}

/// The units, largest first, in milliseconds; a year is 365 days.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// What fits into 63 bits of nanoseconds, as in the original.
const MILLIS_MAX: u64 = (i64::MAX / 1_000_000) as u64;

impl PromDuration {
    /// A duration of so many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// A duration of so many seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self {
            millis: secs * 1_000,
        }
    }

    /// The length in milliseconds.
    pub fn as_millis(self) -> u64 {
        self.millis
    }

    /// The length in milliseconds, as timestamps are counted.
    pub fn as_millis_i64(self) -> i64 {
        i64::try_from(self.millis).unwrap_or(i64::MAX)
    }

    /// The length as the standard library has it.
    pub fn as_std(self) -> Duration {
        Duration::from_millis(self.millis)
    }

    /// Whether it is no time at all.
    pub fn is_zero(self) -> bool {
        self.millis == 0
    }
}

impl FromStr for PromDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        match text {
            "" => return Err(DurationError::Empty),
            "0" => return Ok(Self::default()),
            _ => {}
        }
        let invalid = || DurationError::Invalid(text.to_owned());
        let (mut rest, mut millis, mut next_unit) = (text, 0_u64, 0);
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let unit_end = rest[digits..]
                .find(|c: char| c.is_ascii_digit())
                .map_or(rest.len(), |at| digits + at);
            let unit = &rest[digits..unit_end];
            if digits == 0 || unit.is_empty() {
                return Err(invalid());
            }
            let position = UNITS.iter().position(|(name, _)| *name == unit);
            let index = position.ok_or_else(|| DurationError::UnknownUnit {
                unit: unit.to_owned(),
                text: text.to_owned(),
            })?;
            // Units go from the largest to the smallest.
            if index < next_unit {
                return Err(invalid());
            }
            let count: u64 = rest[..digits]
                .parse()
                .map_err(|_| DurationError::OutOfRange)?;
            millis = count
                .checked_mul(UNITS[index].1)
                .and_then(|part| millis.checked_add(part))
                .filter(|total| *total <= MILLIS_MAX)
                .ok_or(DurationError::OutOfRange)?;
            next_unit = index + 1;
            rest = &rest[unit_end..];
        }
        Ok(Self { millis })
    }
}

/// Prints the way Prometheus does: years, weeks and days only where nothing smaller remains.
impl fmt::Display for PromDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.millis == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.millis;
        for (unit, size) in UNITS {
            let exact_only = matches!(unit, "y" | "w" | "d");
            if exact_only && !rest.is_multiple_of(size) {
                continue;
            }
            if rest >= size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for PromDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Serialize for PromDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print() {
        for (text, millis, printed) in [
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("324ms", 324, "324ms"),
            ("3s", 3_000, "3s"),
            ("5m", 300_000, "5m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("90m", 5_400_000, "1h30m"),
            ("4d", 345_600_000, "4d"),
            ("4d1h", 349_200_000, "97h"),
            ("14d", 1_209_600_000, "2w"),
            ("8w5d", 5_270_400_000, "61d"),
            ("10y", 315_360_000_000, "10y"),
            ("1m500ms", 60_500, "1m500ms"),
        ] {
            let duration: PromDuration = text.parse().unwrap();
            assert_eq!(
                (duration.as_millis(), duration.to_string().as_str()),
                (millis, printed),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for text in ["1", "1y1m1d", "-1w", "d", "1s1s"] {
            assert_eq!(
                text.parse::<PromDuration>(),
                Err(DurationError::Invalid(text.into())),
                "{text}"
            );
        }
        for (text, unit) in [("1.5d", "."), ("1 s", " s"), ("5ss", "ss")] {
            assert_eq!(
                text.parse::<PromDuration>(),
                Err(DurationError::UnknownUnit {
                    unit: unit.into(),
                    text: text.into()
                }),
                "{text}"
            );
        }
        assert_eq!("".parse::<PromDuration>(), Err(DurationError::Empty));
        assert_eq!(
            "294y".parse::<PromDuration>(),
            Err(DurationError::OutOfRange)
        );
        assert_eq!(
            "99999999999999999999s".parse::<PromDuration>(),
            Err(DurationError::OutOfRange)
        );
    }
}
