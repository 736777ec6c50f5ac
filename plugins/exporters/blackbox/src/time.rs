//! Dates of certificates and headers as seconds since the Unix epoch.

/// A date and time of day in UTC. None: there is no such date.
pub(crate) fn unix_seconds(
    (year, month, day): (i64, u32, u32),
    (hour, minute, second): (u32, u32, u32),
) -> Option<i64> {
    const DAYS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days = DAYS.get(month.checked_sub(1)? as usize)?;
    if !(1..=*days).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // The year begins in March here, so that the leap day is its last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = i64::from((month + 9) % 12);
    let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Some(days * 86_400 + i64::from(hour * 3600 + minute * 60 + second))
}

/// A date as HTTP writes it: `Wed, 21 Oct 2015 07:28:00 GMT`.
pub(crate) fn http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let [_, day, month, year, time, "GMT"] = words[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let mut parts = time.split(':').map(|part| part.parse().ok());
    let mut part = || parts.next()?;
    unix_seconds(
        (
            year.parse().ok()?,
            u32::try_from(month).ok()?,
            day.parse().ok()?,
        ),
        (part()?, part()?, part()?),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds() {
        for (date, time, expected) in [
            ((1970, 1, 1), (0, 0, 0), Some(0)),
            ((2000, 2, 29), (12, 0, 1), Some(951_825_601)),
            ((2038, 1, 19), (3, 14, 8), Some(2_147_483_648)),
            ((2015, 13, 1), (0, 0, 0), None),
            ((2015, 4, 31), (0, 0, 0), None),
            ((2015, 4, 30), (24, 0, 0), None),
        ] {
            assert_eq!(unix_seconds(date, time), expected, "{date:?}");
        }
        assert_eq!(
            http_date("Wed, 21 Oct 2015 07:28:00 GMT"),
            Some(1_445_412_480)
        );
        assert_eq!(http_date("yesterday"), None);
    }
}
