//! Time intervals, in which routes are muted or active.
//!
//! It is not: who is muted by one. A time is in an interval where all its parts agree, and a part
//! that says nothing agrees always.

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// An interval as the config has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(
    missing_docs,
    reason = "the names are those of Alertmanager's configuration reference"
)]
pub struct TimeIntervalConfig {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<TimeRangeConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub days_of_month: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub months: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub years: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub location: String,
}

/// A stretch of a day, `HH:MM` each; the end is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(
    missing_docs,
    reason = "the names are those of Alertmanager's configuration reference"
)]
pub struct TimeRangeConfig {
    pub start_time: String,
    pub end_time: String,
}

/// Intervals with a name, of which one is enough.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(
    missing_docs,
    reason = "the names are those of Alertmanager's configuration reference"
)]
pub struct NamedTimeIntervals {
    pub name: String,
    pub time_intervals: Vec<TimeIntervalConfig>,
}

/// From and to, both included.
type Range = (i32, i32);

/// An interval that was understood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TimeInterval {
    /// Minutes of the day; the end is not part of it.
    times: Vec<Range>,
    /// Sunday is 0.
    weekdays: Vec<Range>,
    /// Negative ones are counted from the end of the month.
    days_of_month: Vec<Range>,
    months: Vec<Range>,
    years: Vec<Range>,
    zone: TimeZone,
}

const WEEKDAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// The shortest month: what is no range in it is none in any.
const DAYS_OF_MONTH_MIN: i32 = 28;

impl TimeIntervalConfig {
    /// Understands it.
    ///
    /// # Errors
    /// What is wrong, in Alertmanager's words.
    pub(crate) fn resolve(&self) -> Result<TimeInterval, String> {
        Ok(TimeInterval {
            times: all(&self.times, time_range)?,
            weekdays: all(&self.weekdays, |text| weekday_range(text))?,
            days_of_month: all(&self.days_of_month, |text| day_range(text))?,
            months: all(&self.months, |text| month_range(text))?,
            years: all(&self.years, |text| year_range(text))?,
            zone: zone(&self.location)?,
        })
    }
}

fn all<T>(list: &[T], read: impl Fn(&T) -> Result<Range, String>) -> Result<Vec<Range>, String> {
    list.iter().map(read).collect()
}

fn zone(name: &str) -> Result<TimeZone, String> {
    match name {
        "" | "UTC" => Ok(TimeZone::UTC),
        "Local" => Ok(TimeZone::system()),
        _ => TimeZone::get(name).map_err(|_| format!("unknown time zone {name}")),
    }
}

fn time_range(range: &TimeRangeConfig) -> Result<Range, String> {
    if range.start_time.is_empty() || range.end_time.is_empty() {
        return Err("both start and end times must be provided".to_owned());
    }
    let (start, end) = (minute(&range.start_time)?, minute(&range.end_time)?);
    if start >= end {
        return Err("start time cannot be equal or greater than end time".to_owned());
    }
    Ok((start, end))
}

/// The minute of the day that `HH:MM` is.
fn minute(text: &str) -> Result<i32, String> {
    let two_digits = |part: &str| {
        let is_two = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        is_two.then(|| part.parse::<i32>().ok()).flatten()
    };
    let parts = text.split_once(':');
    let parts = parts.and_then(|(hour, minute)| Some((two_digits(hour)?, two_digits(minute)?)));
    match parts {
        Some((hour, minute)) if hour < 24 && minute < 60 => Ok(hour * 60 + minute),
        Some((24, 0)) => Ok(24 * 60),
        _ => Err(format!("couldn't parse timestamp {text}, invalid format")),
    }
}

/// Reads `a` or `a:b`.
fn range(text: &str, member: impl Fn(&str) -> Result<i32, String>) -> Result<Range, String> {
    let text = text.to_lowercase();
    match text.split_once(':') {
        Some((_, end)) if end.contains(':') => {
            Err(format!("couldn't parse range {text}, invalid format"))
        }
        Some((begin, end)) => Ok((member(begin)?, member(end)?)),
        None => member(&text).map(|only| (only, only)),
    }
}

fn number(text: &str) -> Result<i32, String> {
    let invalid = |_| format!("strconv.Atoi: parsing {text:?}: invalid syntax");
    text.parse().map_err(invalid)
}

fn position(list: &[&str], text: &str) -> Option<i32> {
    let at = list.iter().position(|name| *name == text)?;
    i32::try_from(at).ok()
}

fn weekday_range(text: &str) -> Result<Range, String> {
    let member = |text: &str| {
        position(&WEEKDAYS, text).ok_or_else(|| format!("{text} is not a valid weekday"))
    };
    let (begin, end) = range(text, member)?;
    match begin > end {
        true => Err("start day cannot be before end day".to_owned()),
        false => Ok((begin, end)),
    }
}

fn day_range(text: &str) -> Result<Range, String> {
    let (begin, end) = range(text, number)?;
    for day in [begin, end] {
        if day == 0 || !(-31..=31).contains(&day) {
            let text = format!("{day} is not a valid day of the month: out of range");
            return Err(text);
        }
    }
    if begin < 0 && end > 0 {
        return Err("end day must be negative if start day is negative".to_owned());
    }
    let from_start = |day: i32| {
        if day < 0 {
            DAYS_OF_MONTH_MIN + day
        } else {
            day
        }
    };
    match from_start(begin) > from_start(end) {
        true => Err(format!("end day {end} is always before start day {begin}")),
        false => Ok((begin, end)),
    }
}

fn month_range(text: &str) -> Result<Range, String> {
    let member = |text: &str| {
        let named = position(&MONTHS, text).map(|at| at + 1);
        let month = named.or_else(|| text.parse().ok());
        let month = month.filter(|month| (1..=12).contains(month));
        month.ok_or_else(|| format!("{text} is not a valid month"))
    };
    let (begin, end) = range(text, member)?;
    if begin <= end {
        return Ok((begin, end));
    }
    let name = |month: i32| {
        let at = usize::try_from(month - 1).unwrap_or_default();
        MONTHS.get(at).copied().unwrap_or_default()
    };
    let (begin, end) = (name(begin), name(end));
    Err(format!("end month {end} is before start month {begin}"))
}

fn year_range(text: &str) -> Result<Range, String> {
    let (begin, end) = range(text, number)?;
    match begin > end {
        true => Err(format!("end year {end} is before start year {begin}")),
        false => Ok((begin, end)),
    }
}

impl TimeInterval {
    /// Whether a time is in it.
    pub(crate) fn contains(&self, now_ms: i64) -> bool {
        let Ok(time) = Timestamp::from_millisecond(now_ms) else {
            return false;
        };
        let time = time.to_zoned(self.zone.clone());
        let minute = i32::from(time.hour()) * 60 + i32::from(time.minute());
        let weekday = weekday(time.weekday());
        let (day, days) = (i32::from(time.day()), i32::from(time.days_in_month()));
        let is_in = |ranges: &[Range], value: i32| {
            let holds = |range: &Range| (range.0..=range.1).contains(&value);
            ranges.is_empty() || ranges.iter().any(holds)
        };
        let is_day = |range: &Range| {
            let from_start = |day: i32| if day < 0 { days + day + 1 } else { day };
            // Days that the month does not have.
            let (begin, end) = (from_start(range.0), from_start(range.1));
            begin <= days && (begin.max(-days)..=end.clamp(-days, days)).contains(&day)
        };
        let is_minute = |range: &Range| (range.0..range.1).contains(&minute);
        (self.times.is_empty() || self.times.iter().any(is_minute))
            && (self.days_of_month.is_empty() || self.days_of_month.iter().any(is_day))
            && is_in(&self.months, i32::from(time.month()))
            && is_in(&self.weekdays, weekday)
            && is_in(&self.years, i32::from(time.year()))
    }
}

fn weekday(day: Weekday) -> i32 {
    i32::from(day.to_sunday_zero_offset())
}

#[cfg(test)]
mod tests;
