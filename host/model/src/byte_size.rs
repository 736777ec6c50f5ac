//! Sizes as Prometheus writes them: `64MB`, `1KiB512B`, `0`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number of bytes. `KB` and `KiB` are both 1024 bytes, and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(u64);

/// Not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("units: invalid {0}")]
pub struct ByteSizeError(String);

const UNITS: [(&str, u32); 6] = [
    ("E", 60),
    ("P", 50),
    ("T", 40),
    ("G", 30),
    ("M", 20),
    ("K", 10),
];

impl ByteSize {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// The number of bytes.
    pub fn as_bytes(self) -> u64 {
        self.0
    }
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        let invalid = || ByteSizeError(text.to_owned());
        if text == "0" {
            return Ok(Self(0));
        }
        let (mut rest, mut total) = (text, 0_u64);
        if rest.is_empty() {
            return Err(invalid());
        }
        while !rest.is_empty() {
            let is_digit = |c: char| c.is_ascii_digit() || c == '.';
            let digits = rest.find(|c| !is_digit(c)).ok_or_else(invalid)?;
            let end = rest[digits..]
                .find(is_digit)
                .map_or(rest.len(), |at| digits + at);
            let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
            let shift = shift(&rest[digits..end]).ok_or_else(invalid)?;
            let bytes = number * (1_u64 << shift) as f64;
            if !(0.0..i64::MAX as f64).contains(&bytes) {
                return Err(invalid());
            }
            #[allow(clippy::cast_possible_truncation, reason = "checked above")]
            let bytes = bytes as u64;
            total = total.checked_add(bytes).ok_or_else(invalid)?;
            rest = &rest[end..];
        }
        Ok(Self(total))
    }
}

fn shift(unit: &str) -> Option<u32> {
    if unit == "B" {
        return Some(0);
    }
    let prefix = unit.strip_suffix("iB").or_else(|| unit.strip_suffix('B'))?;
    let found = UNITS.iter().find(|(name, _)| *name == prefix);
    found.map(|(_, shift)| *shift)
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        for (unit, shift) in UNITS {
            let count = rest >> shift;
            if count > 0 {
                write!(f, "{count}{unit}iB")?;
                rest -= count << shift;
            }
        }
        match (rest, self.0) {
            (0, 1..) => Ok(()),
            _ => write!(f, "{rest}B"),
        }
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_print() {
        for (text, bytes, printed) in [
            ("0", 0, "0B"),
            ("64MB", 64 << 20, "64MiB"),
            ("64MiB", 64 << 20, "64MiB"),
            ("1.5KB", 1536, "1KiB512B"),
            ("1KiB512B", 1536, "1KiB512B"),
            ("3B", 3, "3B"),
        ] {
            let size: ByteSize = text.parse().unwrap();
            let found = (size.as_bytes(), size.to_string());
            assert_eq!(found, (bytes, printed.to_owned()), "{text}");
        }
        for text in ["", "1", "MB", "1XB", "-1B", "9999EB", "1.2.3B"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
