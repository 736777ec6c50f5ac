//! Amounts of memory as people write them.

use std::fmt;
use std::str::FromStr;

use narthex_model::ByteSize;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most that a configuration can give one instance: what a 32-bit memory can hold.
pub const MEMORY_MAX: MemorySize = MemorySize(4 * 1024 * 1024 * 1024);

/// An amount of memory, in bytes; written `64MiB`. As in Prometheus, `MB` means the same as `MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemorySize(pub u64);

impl FromStr for MemorySize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size: ByteSize = text
            .parse()
            .map_err(|_| format!("{text:?} is not an amount of memory such as 64MiB"))?;
        match Self(size.as_bytes()) {
            size if size.0 > 0 && size <= MEMORY_MAX => Ok(size),
            _ => Err(format!("{text:?} is not between 1B and {MEMORY_MAX}")),
        }
    }
}

impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ByteSize::from_bytes(self.0).fmt(f)
    }
}

impl<'de> Deserialize<'de> for MemorySize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Serialize for MemorySize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_memory_read_and_print() {
        for (text, bytes, printed) in [
            ("64MiB", 64 << 20, "64MiB"),
            ("64MB", 64 << 20, "64MiB"),
            ("1GiB", 1 << 30, "1GiB"),
            ("100KB", 100 << 10, "100KiB"),
            ("1500B", 1500, "1KiB476B"),
        ] {
            let size: MemorySize = text.parse().unwrap();
            assert_eq!(
                (size.0, size.to_string().as_str()),
                (bytes, printed),
                "{text}"
            );
        }
        for text in [
            "",
            "64",
            "64 M",
            "-1MiB",
            "0B",
            "5GiB",
            "99999999999999999999B",
        ] {
            assert!(text.parse::<MemorySize>().is_err(), "{text}");
        }
    }
}
