//! `Retry-After`: seconds, or a date.

use std::time::Duration;

/// Nobody is asked to wait longer than this, whatever the header says.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// How long to wait; `None` where the header says nothing that we understand, or a time that is
/// gone.
pub(super) fn wait(header: &str, now_ms: i64) -> Option<Duration> {
    let header = header.trim();
    let wait = match header.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let left_ms = date_ms(header)?.checked_sub(now_ms)?;
            Duration::from_millis(u64::try_from(left_ms).ok()?)
        }
    };
    (!wait.is_zero()).then(|| wait.min(RETRY_AFTER_MAX))
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` in milliseconds since the epoch.
fn date_ms(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once(", ")?;
    let mut parts = rest.split(' ');
    let day: i64 = parts.next()?.parse().ok()?;
    let month = parts.next()?;
    let month = MONTHS.iter().position(|name| *name == month)?;
    let year: i64 = parts.next()?.parse().ok()?;
    let mut clock = parts.next()?.split(':').map(str::parse::<i64>);
    let (hour, minute, second) = (
        clock.next()?.ok()?,
        clock.next()?.ok()?,
        clock.next()?.ok()?,
    );
    let is_sound = (1970..10_000).contains(&year) && (1..=31).contains(&day);
    if parts.next() != Some("GMT") || !is_sound || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(seconds * 1000)
}

/// Days since the epoch.
fn days(year: i64, month: usize, day: i64) -> i64 {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leaps = |year: i64| year / 4 - year / 100 + year / 400;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let this_year = BEFORE[month] + i64::from(is_leap && month > 1) + day - 1;
    (year - 1970) * 365 + leaps(year - 1) - leaps(1969) + this_year
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_seconds_or_dates() {
        let now_ms = 784_111_770_000;
        for (header, seconds) in [
            ("5", Some(5)),
            (" 120 ", Some(120)),
            ("0", None),
            ("", None),
            ("soon", None),
            ("-1", None),
            ("99999999", Some(3600)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sun, 06 Nov 1994 08:49:29 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sun, 06 Non 1994 08:49:37 GMT", None),
        ] {
            assert_eq!(
                wait(header, now_ms),
                seconds.map(Duration::from_secs),
                "{header}"
            );
        }
        assert_eq!(
            date_ms("Thu, 29 Feb 2024 00:00:00 GMT"),
            Some(1_709_164_800_000)
        );
        assert_eq!(
            date_ms("Fri, 01 Mar 2024 00:00:00 GMT"),
            Some(1_709_251_200_000)
        );
        assert_eq!(date_ms("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
    }
}
