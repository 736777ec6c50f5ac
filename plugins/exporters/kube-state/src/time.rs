//! Times in objects, as RFC 3339 writes them.

use serde::{Deserialize, Deserializer, de};

/// Whole seconds since the Unix epoch: what is told of a time is no finer.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub(crate) struct Time(pub(crate) f64);

impl Time {
    /// None, where it is no time.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (date, rest) = text.split_once(['T', 't'])?;
        let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) = (date.next()??, date.next()??, date.next()??);
        let (clock, zone) = rest.split_at_checked(8)?;
        let mut clock = clock.splitn(3, ':').map(|part| part.parse::<i64>().ok());
        let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
        let is_date = (0..=9999).contains(&year) && (1..=12).contains(&month);
        let is_clock = (0..24).contains(&hour) && (0..60).contains(&minute);
        if !is_date || !(1..=31).contains(&day) || !is_clock || !(0..=60).contains(&second) {
            return None;
        }
        let zone = zone.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
        let offset = match zone {
            "Z" | "z" => 0,
            zone => {
                let sign = if zone.starts_with('-') { -1 } else { 1 };
                let (hours, minutes) = zone.strip_prefix(['+', '-'])?.split_once(':')?;
                let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
                sign * (hours * 60 + minutes) * 60
            }
        };
        let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
        // Exact for any year of four digits.
        Some(Self((seconds - offset) as f64))
    }
}

/// Days from 1970-01-01. Years begin in March here, so that the day that is not always there is
/// the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    // From 0000-03-01 to the epoch there are 719,468 days.
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("{text:?} is no time")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_of_the_epoch() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0.0),
            ("1970-01-01T01:00:00+01:00", 0.0),
            ("1969-12-31T19:30:00-04:30", 0.0),
            ("2000-02-29T12:34:56Z", 951_827_696.0),
            ("2024-02-29T23:59:59.999999Z", 1_709_251_199.0),
            ("2024-03-01T00:00:00Z", 1_709_251_200.0),
            ("2100-03-01T00:00:00Z", 4_107_542_400.0),
        ] {
            assert_eq!(Time::parse(text), Some(Time(expected)), "{text}");
        }
        for text in [
            "",
            "2024-01-01",
            "2024-13-01T00:00:00Z",
            "2024-01-01T25:00:00Z",
            "now",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:0é",
            "2024-01-01T00:00:00Zx",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }
}
