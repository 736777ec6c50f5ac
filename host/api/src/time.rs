//! Points in time as requests write them and answers print them.
//!
//! It is not: a calendar. Only RFC 3339 and seconds since the epoch are known.

/// How Go prints the earliest time that Prometheus' API takes; clients send it for "from the
/// beginning".
const MIN_TIME: &str = "-292273086-05-16T16:47:06Z";

/// How Go prints the latest time that Prometheus' API takes; clients send it for "to the end".
const MAX_TIME: &str = "292277025-08-18T07:12:54.999999999Z";

/// Milliseconds in a day.
const DAY_MS: i64 = 86_400_000;

/// Reads float seconds since the epoch or RFC 3339, and gives milliseconds; finer digits are
/// rounded for floats and cut for RFC 3339, as the original does. What is past the range of
/// milliseconds becomes its end.
pub(crate) fn parse(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds.is_finite().then(|| from_seconds(seconds));
    }
    match text {
        MIN_TIME => Some(i64::MIN),
        MAX_TIME => Some(i64::MAX),
        _ => parse_rfc3339(text),
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "a float cast saturates, which is what the caller is promised"
)]
fn from_seconds(seconds: f64) -> i64 {
    let whole = seconds.trunc();
    let fraction_ms = ((seconds - whole) * 1000.0).round();
    (whole as i64)
        .saturating_mul(1000)
        .saturating_add(fraction_ms as i64)
}

fn parse_rfc3339(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        all_digits.then(|| digits.parse().ok()).flatten()
    };
    let byte = |at: usize| text.as_bytes().get(at).copied();
    if [byte(4), byte(7), byte(13), byte(16)] != [Some(b'-'), Some(b'-'), Some(b':'), Some(b':')]
        || byte(10) != Some(b'T')
    {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut rest = text.get(19..)?;
    let mut milliseconds = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return None;
        }
        let padded = format!("{:0<3}", &fraction[..digits]);
        milliseconds = padded.get(..3)?.parse().ok()?;
        rest = &fraction[digits..];
    }
    let of_day = ((hour * 60 + minute) * 60 + second) * 1000 + milliseconds;
    Some(days_from_civil(year, month, day) * DAY_MS + of_day - parse_zone(rest)?)
}

/// The offset of `Z` or `+hh:mm`, in milliseconds.
fn parse_zone(zone: &str) -> Option<i64> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = match zone.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hours) || !two_digits(minutes) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes) * 60_000)
}

/// Prints RFC 3339 in UTC with the milliseconds that there are, as Go prints `RFC3339Nano`.
pub(crate) fn format_rfc3339(timestamp_ms: i64) -> String {
    let (year, month, day) = civil_from_days(timestamp_ms.div_euclid(DAY_MS));
    let of_day = timestamp_ms.rem_euclid(DAY_MS);
    let (seconds, milliseconds) = (of_day / 1000, of_day % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    if milliseconds > 0 {
        text.push_str(format!(".{milliseconds:03}").trim_end_matches('0'));
    }
    text.push('Z');
    text
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the epoch; the year starts in March here, so that the leap day is its last
/// (<https://howardhinnant.github.io/date_algorithms.html>).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_seconds_or_rfc3339() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1.5", Some(1500)),
            ("-1.25", Some(-1250)),
            ("1435781451.7814", Some(1_435_781_451_781)),
            ("1435781451.7816", Some(1_435_781_451_782)),
            ("1e3", Some(1_000_000)),
            // Grafana's probe for exemplars sends milliseconds where seconds are meant.
            ("1700000000000", Some(1_700_000_000_000_000)),
            ("1e300", Some(i64::MAX)),
            ("2015-06-03T13:21:58.555Z", Some(1_433_337_718_555)),
            ("2015-06-03T14:21:58.5559+01:00", Some(1_433_337_718_555)),
            ("2015-06-03T07:51:58.5-05:30", Some(1_433_337_718_500)),
            ("1969-12-31T23:59:59Z", Some(-1000)),
            ("2024-02-29T00:00:00Z", Some(1_709_164_800_000)),
            (MIN_TIME, Some(i64::MIN)),
            (MAX_TIME, Some(i64::MAX)),
            ("2023-02-29T00:00:00Z", None),
            ("2015-06-03T13:21:58", None),
            ("2015-06-03 13:21:58Z", None),
            ("2015-06-03T24:00:00Z", None),
            ("2015-06-03T13:21:58.Z", None),
            ("2015-06-03T13:21:58+1:00", None),
            ("2015-06-03T13:21:58é", None),
            ("NaN", None),
            ("inf", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn times_are_printed_as_go_does() {
        for (timestamp_ms, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (-62_135_596_800_000, "0001-01-01T00:00:00Z"),
            (1_433_337_718_550, "2015-06-03T13:21:58.55Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (1_709_164_800_000, "2024-02-29T00:00:00Z"),
        ] {
            let printed = format_rfc3339(timestamp_ms);
            assert_eq!(printed, expected);
            assert_eq!(parse(&printed), Some(timestamp_ms), "{printed}");
        }
    }
}
