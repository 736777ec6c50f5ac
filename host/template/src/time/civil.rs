//! Days and hours of the proleptic Gregorian calendar.

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Days of 400 years, after which the calendar repeats itself.
const CYCLE: i64 = 146_097;

/// What a clock and a calendar on the wall show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    /// From 1.
    pub(crate) month: i64,
    /// From 1.
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    /// 0 is Sunday.
    pub(crate) weekday: i64,
    /// From 1.
    pub(crate) day_of_year: i64,
}

/// Days from 1970 to a date; months and days may overflow into the next larger unit.
pub(crate) fn days(year: i64, month: i64, day: i64) -> i64 {
    let months = year * 12 + (month - 1);
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    // A year that begins in March has its odd day at its end.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    era * CYCLE + year * 365 + year / 4 - year / 100 + day_of_year - 719_468
}

/// Whether a year has a 29th of February.
pub(crate) fn is_leap(year: i64) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

/// Days of a month.
pub(crate) fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl Civil {
    /// From seconds after 1970 on the wall's clock.
    pub(crate) fn from_seconds(seconds: i64) -> Self {
        let (days_since, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        let shifted = days_since + 719_468;
        let (era, day_of_era) = (shifted.div_euclid(CYCLE), shifted.rem_euclid(CYCLE));
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self {
            year,
            month,
            day,
            hour: second / 3_600,
            minute: second / 60 % 60,
            second: second % 60,
            weekday: (days_since + 4).rem_euclid(7),
            day_of_year: days_since - days(year, 1, 1) + 1,
        }
    }

    /// Seconds after 1970 on the wall's clock.
    pub(crate) fn to_seconds(self) -> i64 {
        let days = days(self.year, self.month, self.day);
        days * DAY + self.hour * 3_600 + self.minute * 60 + self.second
    }

    /// The hour of a clock of twelve.
    pub(crate) fn hour12(self) -> i64 {
        match self.hour % 12 {
            0 => 12,
            hour => hour,
        }
    }
}
