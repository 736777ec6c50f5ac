//! `grpc-timeout`: how long an answer is of use to who asked.

use std::time::Duration;

use hyper::HeaderMap;

/// The name of the header.
const HEADER: &str = "grpc-timeout";

/// A number has at most so many digits, as gRPC says.
const DIGITS_MAX: usize = 8;

/// The time that a request gives, `None` where it gives none or one that cannot be read.
pub(super) fn of(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(HEADER)?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = match digits.len() <= DIGITS_MAX {
        true => digits.parse().ok()?,
        false => return None,
    };
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_nonsense_is_none() {
        for (text, expected) in [
            ("2H", Some(Duration::from_secs(7_200))),
            ("3M", Some(Duration::from_secs(180))),
            ("4S", Some(Duration::from_secs(4))),
            ("250m", Some(Duration::from_millis(250))),
            ("5000000u", Some(Duration::from_secs(5))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("999999999n", None),
            ("12", None),
            ("S", None),
            ("-1S", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, text.parse().unwrap());
            assert_eq!(of(&headers), expected, "{text}");
        }
        assert_eq!(of(&HeaderMap::new()), None);
    }
}
