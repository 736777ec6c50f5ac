//! Points in time as notifications print them, in UTC. All are milliseconds since the Unix epoch.

/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A point in time by the calendar.
struct Civil {
    /// Days since the epoch.
    days: i64,
    year: i64,
    /// From 1.
    month: i64,
    /// From 1.
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    millisecond: i64,
}

impl Civil {
    fn new(ms: i64) -> Self {
        let (days, of_day) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
        // Years begin in March here, so that a leap day is the last one of its year; 719468 days
        // lie between the first of March of the year 0 and the epoch, and 146097 in 400 years.
        let shifted = days + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let is_next = month >= 10;
        Self {
            days,
            year: year + era * 400 + i64::from(is_next),
            month: if is_next { month - 9 } else { month + 3 },
            day: of_year - (153 * month + 2) / 5 + 1,
            hour: of_day / 3_600_000,
            minute: of_day / 60_000 % 60,
            second: of_day / 1000 % 60,
            millisecond: of_day % 1000,
        }
    }
}

/// RFC 3339 with the milliseconds that there are, as Go prints a time in JSON.
pub fn rfc3339(ms: i64) -> String {
    let at = Civil::new(ms);
    let fraction = match at.millisecond {
        0 => String::new(),
        part => format!(".{part:03}").trim_end_matches('0').to_owned(),
    };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}Z",
        at.year, at.month, at.day, at.hour, at.minute, at.second
    )
}

/// RFC 1123 with a numeric zone, as letters are dated.
pub fn rfc1123(ms: i64) -> String {
    let at = Civil::new(ms);
    format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000",
        // The epoch was a Thursday.
        name(&WEEKDAYS, (at.days + 4).rem_euclid(7)),
        at.day,
        name(&MONTHS, at.month - 1),
        at.year,
        at.hour,
        at.minute,
        at.second
    )
}

fn name(names: &[&'static str], index: i64) -> &'static str {
    let index = usize::try_from(index).unwrap_or_default();
    names.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_as_go_does() {
        for (ms, iso, letter) in [
            (0, "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 +0000"),
            (
                1_767_323_045_678,
                "2026-01-02T03:04:05.678Z",
                "Fri, 02 Jan 2026 03:04:05 +0000",
            ),
            (
                951_782_400_500,
                "2000-02-29T00:00:00.5Z",
                "Tue, 29 Feb 2000 00:00:00 +0000",
            ),
            (
                4_107_542_399_050,
                "2100-02-28T23:59:59.05Z",
                "Sun, 28 Feb 2100 23:59:59 +0000",
            ),
            (
                -1,
                "1969-12-31T23:59:59.999Z",
                "Wed, 31 Dec 1969 23:59:59 +0000",
            ),
        ] {
            assert_eq!((rfc3339(ms).as_str(), rfc1123(ms).as_str()), (iso, letter));
        }
    }
}
