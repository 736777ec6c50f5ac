//! Sizes as Prometheus writes them: `512MB`, `1.5GB`; the units are powers of 1024.

use std::str::FromStr;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteSize(pub(crate) u64);

/// A text that is not a size.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a size: it must be a number and one of B, KB, MB, GB, TB, PB, EB")]
pub(crate) struct ByteSizeError(String);

const UNITS: [(&str, u32); 7] = [
    ("EB", 60),
    ("PB", 50),
    ("TB", 40),
    ("GB", 30),
    ("MB", 20),
    ("KB", 10),
    ("B", 0),
];

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be within 63 bits and not negative"
    )]
    fn from_str(text: &str) -> Result<Self, ByteSizeError> {
        let error = || ByteSizeError(text.to_owned());
        if text == "0" {
            return Ok(Self(0));
        }
        let upper = text.to_ascii_uppercase().replace("IB", "B");
        let (digits, shift) = UNITS
            .iter()
            .find_map(|(unit, shift)| Some((upper.strip_suffix(unit)?, *shift)))
            .ok_or_else(error)?;
        let is_number = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let number: f64 = digits.parse().map_err(|_| error())?;
        let bytes = number * (1_u64 << shift) as f64;
        if !is_number || bytes > i64::MAX as f64 {
            return Err(error());
        }
        Ok(Self(bytes as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_1024() {
        for (text, expected) in [
            ("0", Some(0)),
            ("512B", Some(512)),
            ("1KB", Some(1024)),
            ("1KiB", Some(1024)),
            ("1.5GB", Some(3 << 29)),
            ("2EB", Some(2 << 60)),
            ("9EB", None),
            ("1", None),
            ("MB", None),
            ("-1MB", None),
            ("1e3MB", None),
            ("5XB", None),
            ("", None),
        ] {
            assert_eq!(
                text.parse::<ByteSize>().ok(),
                expected.map(ByteSize),
                "{text}"
            );
        }
    }
}
