//! Points in time as requests write them, and as answers and notifications print them.
//!
//! It is not: where the time comes from. All times are milliseconds since the Unix epoch.

use jiff::Timestamp;

/// How Go prints the zero time, which stands for "none".
pub(crate) const NONE: &str = "0001-01-01T00:00:00Z";

/// The zero time of Go. What lies before it is none either.
const NONE_MS: i64 = -62_135_596_800_000;

/// Reads RFC 3339. `Some(None)` is the zero time; `None` is no time at all.
pub(crate) fn parse(text: &str) -> Option<Option<i64>> {
    let read: Timestamp = text.parse().ok()?;
    let ms = read.as_millisecond();
    Some((ms > NONE_MS).then_some(ms))
}

/// Prints RFC 3339 in UTC with the milliseconds that there are, as Go prints a time in JSON.
pub(crate) fn format(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(time) => time.to_string(),
        Err(_) => NONE.to_owned(),
    }
}

/// Prints RFC 3339 in UTC with three digits of milliseconds, as Alertmanager's API does.
pub(crate) fn format_api(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => NONE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_printed_as_go_does() {
        for (text, ms, short, api) in [
            (
                "2015-06-03T14:21:58.555+01:00",
                1_433_337_718_555,
                "2015-06-03T13:21:58.555Z",
                "2015-06-03T13:21:58.555Z",
            ),
            (
                "2015-06-03T13:21:58.5Z",
                1_433_337_718_500,
                "2015-06-03T13:21:58.5Z",
                "2015-06-03T13:21:58.500Z",
            ),
            (
                "2015-06-03T13:21:58.5559Z",
                1_433_337_718_555,
                "2015-06-03T13:21:58.555Z",
                "2015-06-03T13:21:58.555Z",
            ),
            (
                "1970-01-01T00:00:00Z",
                0,
                "1970-01-01T00:00:00Z",
                "1970-01-01T00:00:00.000Z",
            ),
        ] {
            assert_eq!(parse(text), Some(Some(ms)), "{text}");
            assert_eq!((format(ms).as_str(), format_api(ms).as_str()), (short, api));
        }
        assert_eq!(parse(NONE), Some(None));
        assert_eq!(parse("2015-06-03"), None);
        assert_eq!(parse(""), None);
    }
}
