//! Lengths of time, and the named numbers of months and weekdays.

use std::fmt;

/// A length of time in nanoseconds, up to 292 years: Go's `time.Duration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(i64);

impl Duration {
    /// So many nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Its length in nanoseconds.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Its length in seconds.
    pub fn seconds(self) -> f64 {
        self.in_units(1_000_000_000)
    }

    /// Its length in units of so many nanoseconds: the whole and the rest apart, as Go does it.
    pub(crate) fn in_units(self, unit: i64) -> f64 {
        (self.0 / unit) as f64 + (self.0 % unit) as f64 / unit as f64
    }
}

/// As Go: `1h2m3.5s`, `1.5ms`, `0s`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if nanos == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        match nanos {
            ..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => write!(f, "{}µs", decimal(nanos, 3)),
            1_000_000..1_000_000_000 => write!(f, "{}ms", decimal(nanos, 6)),
            _ => {
                let minutes = nanos / 60_000_000_000;
                if minutes >= 60 {
                    write!(f, "{}h", minutes / 60)?;
                }
                if minutes > 0 {
                    write!(f, "{}m", minutes % 60)?;
                }
                write!(f, "{}s", decimal(nanos % 60_000_000_000, 9))
            }
        }
    }
}

/// A number divided by a power of ten, without zeros at its end.
fn decimal(number: u64, places: usize) -> String {
    let unit = 10_u64.pow(u32::try_from(places).unwrap_or_default());
    let text = format!("{}.{:0places$}", number / unit, number % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number that has a name: a month or a day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    is_month: bool,
    number: i64,
}

/// In the order of their numbers, from 1.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// In the order of their numbers, from 0.
pub(super) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// The name of a number in a table.
pub(super) fn nth(names: &[&'static str], place: i64) -> &'static str {
    let found = usize::try_from(place).ok().and_then(|at| names.get(at));
    found.copied().unwrap_or_default()
}

impl Name {
    /// A month, from 1.
    pub(crate) fn month(number: i64) -> Self {
        Self {
            is_month: true,
            number,
        }
    }

    /// A day of the week; 0 is Sunday.
    pub(crate) fn weekday(number: i64) -> Self {
        Self {
            is_month: false,
            number,
        }
    }

    /// The number.
    pub fn number(self) -> i64 {
        self.number
    }

    /// The name.
    pub fn text(self) -> &'static str {
        if self.is_month {
            nth(&MONTHS, self.number - 1)
        } else {
            nth(&WEEKDAYS, self.number)
        }
    }

    pub(crate) fn type_name(self) -> &'static str {
        if self.is_month {
            "time.Month"
        } else {
            "time.Weekday"
        }
    }
}
