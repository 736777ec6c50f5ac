//! When a cron job is due: five fields, or a word such as `@daily`.
//!
//! It is not: time zones. What is due by the clock of a place is for who knows that clock.

use crate::time::{Time, date};

/// So many days are looked through; a date that does not come within them never does, or is the
/// 29th of February of a year that is none.
const DAYS_MAX: i64 = 8 * 366;

const MINUTES_PER_DAY: i64 = 24 * 60;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// The words, and the fields that they stand for.
const WORDS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// A schedule in universal time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
}

/// The numbers that a field names, and whether it names them by a star.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Field {
    bits: u64,
    is_star: bool,
}

impl Schedule {
    /// None, where it is no schedule, or one that says more than fields do.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let word = WORDS.iter().find(|(word, _)| *word == text);
        let text = word.map_or(text, |(_, fields)| fields);
        let mut fields = text.split_whitespace();
        let schedule = Self {
            minutes: Field::parse(fields.next()?, 0, 59, &[])?,
            hours: Field::parse(fields.next()?, 0, 23, &[])?,
            days: Field::parse(fields.next()?, 1, 31, &[])?,
            months: Field::parse(fields.next()?, 1, 12, &MONTHS)?,
            weekdays: Field::parse(fields.next()?, 0, 6, &WEEKDAYS)?,
        };
        fields.next().is_none().then_some(schedule)
    }

    /// The first time after another.
    pub(crate) fn next(&self, after: Time) -> Option<Time> {
        let first = after.0.div_euclid(60) + 1;
        let today = first.div_euclid(MINUTES_PER_DAY);
        let mut minute = first.rem_euclid(MINUTES_PER_DAY);
        for day in today..today + DAYS_MAX {
            if self.has_day(day) {
                let is_due = |at: &i64| self.hours.has(at / 60) && self.minutes.has(at % 60);
                if let Some(found) = (minute..MINUTES_PER_DAY).find(is_due) {
                    return Some(Time((day * MINUTES_PER_DAY + found) * 60));
                }
            }
            minute = 0;
        }
        None
    }

    /// Where both say something, a day of the month and one of the week are each enough.
    fn has_day(&self, day: i64) -> bool {
        let (_, month, day_of_month) = date(day);
        // The first of January 1970 was a Thursday.
        let weekday = (day + 4).rem_euclid(7);
        let (by_month, by_week) = (self.days.has(day_of_month), self.weekdays.has(weekday));
        let is_day = match self.days.is_star || self.weekdays.is_star {
            true => by_month && by_week,
            false => by_month || by_week,
        };
        self.months.has(month) && is_day
    }
}

impl Field {
    fn has(self, number: i64) -> bool {
        (0..64).contains(&number) && (self.bits >> number) & 1 == 1
    }

    fn parse(text: &str, first: u64, last: u64, names: &[&str]) -> Option<Self> {
        let mut field = Self {
            bits: 0,
            is_star: false,
        };
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, Some(step.parse::<usize>().ok()?)),
                None => (part, None),
            };
            let number = |text: &str| number(text, first, names);
            let (from, to) = match range {
                "*" | "?" => {
                    field.is_star |= step.is_none_or(|step| step == 1);
                    (first, last)
                }
                range => match range.split_once('-') {
                    Some((from, to)) => (number(from)?, number(to)?),
                    // With a step a number is where it begins.
                    None if step.is_some() => (number(range)?, last),
                    None => (number(range)?, number(range)?),
                },
            };
            if from < first || to > last || from > to || step == Some(0) {
                return None;
            }
            for number in (from..=to).step_by(step.unwrap_or(1)) {
                field.bits |= 1 << number;
            }
        }
        Some(field)
    }
}

/// A number, or what stands for one by its name.
fn number(text: &str, first: u64, names: &[&str]) -> Option<u64> {
    let named = (first..).zip(names);
    let mut named = named.filter(|(_, name)| name.eq_ignore_ascii_case(text));
    let named = named.next().map(|(number, _)| number);
    named.or_else(|| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_next() {
        // A Thursday.
        let after = Time::parse("2024-02-29T10:07:30Z").unwrap();
        for (schedule, expected) in [
            ("* * * * *", "2024-02-29T10:08:00Z"),
            ("*/15 * * * *", "2024-02-29T10:15:00Z"),
            ("5 * * * *", "2024-02-29T11:05:00Z"),
            ("0 9-17/4 * * *", "2024-02-29T13:00:00Z"),
            ("30 4 * * *", "2024-03-01T04:30:00Z"),
            ("0 0 1 jan *", "2025-01-01T00:00:00Z"),
            ("0 0 * * SUN", "2024-03-03T00:00:00Z"),
            ("0 0 15 * mon", "2024-03-04T00:00:00Z"),
            ("0 0 29 2 *", "2028-02-29T00:00:00Z"),
            ("15,45 10/6 * * ?", "2024-02-29T10:15:00Z"),
            ("@hourly", "2024-02-29T11:00:00Z"),
            ("@weekly", "2024-03-03T00:00:00Z"),
            ("@yearly", "2025-01-01T00:00:00Z"),
        ] {
            let next = Schedule::parse(schedule).unwrap().next(after);
            assert_eq!(next, Time::parse(expected), "{schedule}");
        }
    }

    #[test]
    fn what_is_none_or_never_due() {
        for text in [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* * 0 * *",
            "5-1 * * * *",
            "*/0 * * * *",
            "@every 1h",
            "TZ=Asia/Tokyo 0 0 * * *",
            "* * * foo *",
            "a-b * * * *",
        ] {
            assert_eq!(Schedule::parse(text), None, "{text}");
        }
        let never = Schedule::parse("0 0 31 2 *").unwrap();
        assert_eq!(never.next(Time(0)), None);
    }
}
