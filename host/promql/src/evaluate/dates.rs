//! Calendar dates in UTC, proleptic Gregorian.

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date {
    /// The year; 0 is the one before 1.
    pub(crate) year: i64,
    /// 1 to 12.
    pub(crate) month: i64,
    /// 1 to 31.
    pub(crate) day: i64,
}

const SECONDS_A_DAY: i64 = 86_400;
/// Days of 400 years, after which the calendar repeats.
const DAYS_A_CYCLE: i64 = 146_097;
/// From 0000-03-01 to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;

impl Date {
    /// The day that a second since the epoch falls on.
    pub(crate) fn from_unix_seconds(seconds: i64) -> Self {
        // Years are counted from March, so that the leap day comes last.
        let days = seconds.div_euclid(SECONDS_A_DAY) + DAYS_TO_EPOCH;
        let cycle = days.div_euclid(DAYS_A_CYCLE);
        let day_of_cycle = days.rem_euclid(DAYS_A_CYCLE);
        let year_of_cycle = (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524
            - day_of_cycle / 146_096)
            / 365;
        let day_of_year =
            day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = (month_from_march + 2) % 12 + 1;
        let year = cycle * 400 + year_of_cycle + i64::from(month <= 2);
        Self { year, month, day }
    }

    /// How many days its month has.
    pub(crate) fn days_in_month(self) -> i64 {
        match self.month {
            2 if self.is_leap_year() => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    /// Its place in the year, from 1.
    pub(crate) fn day_of_year(self) -> i64 {
        let before: i64 = (1..self.month)
            .map(|month| Self { month, ..self }.days_in_month())
            .sum();
        before + self.day
    }

    fn is_leap_year(self) -> bool {
        self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0)
    }
}

/// What the functions on dates ask of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DatePart {
    /// `minute`
    Minute,
    /// `hour`
    Hour,
    /// `day_of_week`, 0 is Sunday.
    DayOfWeek,
    /// `day_of_month`
    DayOfMonth,
    /// `day_of_year`
    DayOfYear,
    /// `days_in_month`
    DaysInMonth,
    /// `month`
    Month,
    /// `year`
    Year,
}

impl DatePart {
    /// The part of the time `seconds` after the epoch; a fraction of a second is cut off.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "the conversion saturates; parts of a date are small"
    )]
    pub(crate) fn of(self, seconds: f64) -> f64 {
        /// Past this, days would not fit; no clock shows it.
        const SECONDS_MAX: i64 = i64::MAX / 2;
        let seconds = (seconds as i64).clamp(-SECONDS_MAX, SECONDS_MAX);
        let date = Date::from_unix_seconds(seconds);
        let part = match self {
            Self::Minute => seconds.rem_euclid(3600) / 60,
            Self::Hour => seconds.rem_euclid(SECONDS_A_DAY) / 3600,
            Self::DayOfWeek => (seconds.div_euclid(SECONDS_A_DAY) + 4).rem_euclid(7),
            Self::DayOfMonth => date.day,
            Self::DayOfYear => date.day_of_year(),
            Self::DaysInMonth => date.days_in_month(),
            Self::Month => date.month,
            Self::Year => date.year,
        };
        part as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_around_leap_days_and_the_epoch() {
        for (seconds, expected) in [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (951_782_400, (2000, 2, 29)),
            (951_868_800, (2000, 3, 1)),
            (4_107_542_400, (2100, 3, 1)),
            (1_500_000_000, (2017, 7, 14)),
            (-62_135_596_800, (1, 1, 1)),
        ] {
            let date = Date::from_unix_seconds(seconds);
            assert_eq!((date.year, date.month, date.day), expected, "{seconds}");
        }
    }

    #[test]
    fn parts_of_a_known_time() {
        // Tuesday 2016-03-01 08:42:30.
        let time = 1_456_821_750.9;
        for (part, expected) in [
            (DatePart::Minute, 42.0),
            (DatePart::Hour, 8.0),
            (DatePart::DayOfWeek, 2.0),
            (DatePart::DayOfMonth, 1.0),
            (DatePart::DayOfYear, 61.0),
            (DatePart::DaysInMonth, 31.0),
            (DatePart::Month, 3.0),
            (DatePart::Year, 2016.0),
        ] {
            assert_eq!(part.of(time), expected, "{part:?}");
        }
        assert_eq!(DatePart::Month.of(f64::NAN), 1.0);
    }
}
