//! Times read in a layout.

use std::sync::Arc;

use super::civil::{Civil, days_in};
use super::duration::{MONTHS, WEEKDAYS};
use super::layout::{Part, next_part};
use super::{Time, Zone};
use crate::quote::quoted;

/// What was read so far.
#[derive(Debug, Default)]
struct Read {
    year: i64,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    is_hour12: bool,
    is_pm: Option<bool>,
    minute: i64,
    second: i64,
    nanos: i64,
    offset: Option<i32>,
    zone_name: Option<String>,
}

/// Why a value does not fit: not at all, or a part is out of its range.
enum Misfit {
    Shape,
    Range(&'static str),
}

/// Reads a time in UTC, or at the offset that it names.
///
/// # Errors
///
/// Go's words: which value did not fit which part of the layout.
pub(crate) fn parse(layout: &str, value: &str) -> Result<Time, String> {
    let mut read = Read::default();
    let (mut layout_rest, mut rest) = (layout, value);
    let failed = |part: &str, rest: &str| {
        let (value, layout) = (quoted(value), quoted(layout));
        let (rest, part) = (quoted(rest), quoted(part));
        format!("parsing time {value} as {layout}: cannot parse {rest} as {part}")
    };
    let out_of_range = |what: &str| format!("parsing time {}: {what} out of range", quoted(value));
    while let Some((before, part, behind)) = next_part(layout_rest) {
        let part_text = &layout_rest[before.len()..layout_rest.len() - behind.len()];
        rest = skip(rest, before).ok_or_else(|| failed(before, rest))?;
        layout_rest = behind;
        rest = match read.part(part, rest, behind) {
            Ok(left) => left,
            Err(Misfit::Shape) => return Err(failed(part_text, rest)),
            Err(Misfit::Range(what)) => return Err(out_of_range(what)),
        };
    }
    rest = skip(rest, layout_rest).ok_or_else(|| failed(layout_rest, rest))?;
    if !rest.is_empty() {
        let extra = quoted(rest);
        return Err(format!(
            "parsing time {}: extra text: {extra}",
            quoted(value)
        ));
    }
    read.time().map_err(out_of_range)
}

/// Passes what the layout says as it is.
fn skip<'a>(value: &'a str, expected: &str) -> Option<&'a str> {
    value.strip_prefix(expected)
}

/// Reads digits of a number of that many places.
fn number(text: &str, least: usize, most: usize) -> Result<(i64, &str), Misfit> {
    let digits = text
        .bytes()
        .take_while(u8::is_ascii_digit)
        .count()
        .min(most);
    if digits < least {
        return Err(Misfit::Shape);
    }
    let (digits, rest) = text.split_at(digits);
    let number = digits.parse().map_err(|_| Misfit::Shape)?;
    Ok((number, rest))
}

fn named<'a>(names: &[&str], is_short: bool, text: &'a str) -> Result<(i64, &'a str), Misfit> {
    for (place, name) in (0..).zip(names.iter().copied()) {
        let name = if is_short { &name[..3] } else { name };
        if let Some(start) = text.get(..name.len())
            && start.eq_ignore_ascii_case(name)
        {
            return Ok((place, &text[name.len()..]));
        }
    }
    Err(Misfit::Shape)
}

impl Read {
    fn part<'a>(&mut self, part: Part, text: &'a str, behind: &str) -> Result<&'a str, Misfit> {
        let mut rest = text;
        let mut take = |least, most| -> Result<i64, Misfit> {
            let (found, left) = number(rest, least, most)?;
            rest = left;
            Ok(found)
        };
        match part {
            Part::LongYear => self.year = take(4, 4)?,
            Part::Year => {
                let year = take(2, 2)?;
                self.year = year + if year >= 69 { 1_900 } else { 2_000 };
            }
            Part::NumMonth => self.month = Some(take(1, 2)?),
            Part::ZeroMonth => self.month = Some(take(2, 2)?),
            Part::Day => self.day = Some(take(1, 2)?),
            Part::ZeroDay => self.day = Some(take(2, 2)?),
            Part::UnderDay => {
                let (day, left) = number(text.trim_start_matches(' '), 1, 2)?;
                self.day = Some(day);
                rest = left;
            }
            Part::UnderYearDay | Part::ZeroYearDay => {
                let (day, left) = number(text.trim_start_matches(' '), 1, 3)?;
                self.day_of_year = Some(day);
                rest = left;
            }
            Part::Hour => self.hour = take(1, 2)?,
            Part::Hour12 => (self.hour, self.is_hour12) = (take(1, 2)?, true),
            Part::ZeroHour12 => (self.hour, self.is_hour12) = (take(2, 2)?, true),
            Part::Minute => self.minute = take(1, 2)?,
            Part::ZeroMinute => self.minute = take(2, 2)?,
            Part::Second => self.second = take(1, 2)?,
            Part::ZeroSecond => self.second = take(2, 2)?,
            Part::LongMonth | Part::Month => {
                let (place, left) = named(&MONTHS, part == Part::Month, text)?;
                self.month = Some(place + 1);
                rest = left;
            }
            Part::LongWeekday | Part::Weekday => {
                (_, rest) = named(&WEEKDAYS, part == Part::Weekday, text)?;
            }
            Part::UpperPm | Part::LowerPm => {
                let names = if part == Part::UpperPm {
                    ["AM", "PM"]
                } else {
                    ["am", "pm"]
                };
                let is_pm = text.starts_with(names[1]);
                if !is_pm && !text.starts_with(names[0]) {
                    return Err(Misfit::Shape);
                }
                self.is_pm = Some(is_pm);
                rest = &text[2..];
            }
            Part::ZoneName => rest = self.zone(text)?,
            Part::Offset { is_z, colon, units } => rest = self.offset(text, is_z, colon, units)?,
            Part::Fraction { digits, is_exact } => rest = self.fraction(text, digits, is_exact)?,
        }
        if matches!(part, Part::Second | Part::ZeroSecond) {
            rest = self.unasked_fraction(rest, behind)?;
        }
        self.check(part)?;
        Ok(rest)
    }

    fn check(&self, part: Part) -> Result<(), Misfit> {
        let range = match part {
            Part::NumMonth | Part::ZeroMonth if !matches!(self.month, Some(1..=12)) => "month",
            Part::Hour if self.hour > 23 => "hour",
            Part::Hour12 | Part::ZeroHour12 if self.hour > 12 => "hour",
            Part::Minute | Part::ZeroMinute if self.minute > 59 => "minute",
            Part::Second | Part::ZeroSecond if self.second > 59 => "second",
            _ => return Ok(()),
        };
        Err(Misfit::Range(range))
    }

    /// A fraction behind the seconds is read even where the layout has none.
    fn unasked_fraction<'a>(&mut self, text: &'a str, behind: &str) -> Result<&'a str, Misfit> {
        if matches!(next_part(behind), Some(("", Part::Fraction { .. }, _))) {
            return Ok(text);
        }
        let Some(digits) = text.strip_prefix(['.', ',']) else {
            return Ok(text);
        };
        let count = digits.bytes().take_while(u8::is_ascii_digit).count();
        if count == 0 {
            return Ok(text);
        }
        self.fraction(text, count, true)
    }

    fn fraction<'a>(
        &mut self,
        text: &'a str,
        digits: usize,
        is_exact: bool,
    ) -> Result<&'a str, Misfit> {
        let Some(found) = text.strip_prefix(['.', ',']) else {
            return if is_exact {
                Err(Misfit::Shape)
            } else {
                Ok(text)
            };
        };
        let count = found.bytes().take_while(u8::is_ascii_digit).count();
        if (is_exact && count < digits) || count == 0 {
            return Err(Misfit::Shape);
        }
        let count = if is_exact { digits } else { count };
        let (found, rest) = found.split_at(count);
        let nanos = format!("{found:0<9}");
        self.nanos = nanos
            .get(..9)
            .and_then(|text| text.parse().ok())
            .unwrap_or_default();
        Ok(rest)
    }

    fn zone<'a>(&mut self, text: &'a str) -> Result<&'a str, Misfit> {
        if let Some(rest) = text.strip_prefix("UTC") {
            self.zone_name = Some("UTC".to_owned());
            return Ok(rest);
        }
        let len = text.bytes().take_while(u8::is_ascii_uppercase).count();
        if !(3..=5).contains(&len) {
            return Err(Misfit::Shape);
        }
        let (name, rest) = text.split_at(len);
        self.zone_name = Some(name.to_owned());
        Ok(rest)
    }

    fn offset<'a>(
        &mut self,
        text: &'a str,
        is_z: bool,
        colon: bool,
        units: usize,
    ) -> Result<&'a str, Misfit> {
        if is_z && let Some(rest) = text.strip_prefix('Z') {
            self.offset = Some(0);
            return Ok(rest);
        }
        let sign = match text.chars().next() {
            Some('+') => 1,
            Some('-') => -1,
            _ => return Err(Misfit::Shape),
        };
        let (mut rest, mut seconds) = (&text[1..], 0);
        for (unit, most, name) in [
            (3_600, 24, "time zone offset hour"),
            (60, 60, "time zone offset minute"),
            (1, 60, "time zone offset second"),
        ]
        .into_iter()
        .take(units)
        {
            if colon && unit < 3_600 {
                rest = rest.strip_prefix(':').ok_or(Misfit::Shape)?;
            }
            let (found, left) = number(rest, 2, 2)?;
            if found > most {
                return Err(Misfit::Range(name));
            }
            seconds += i32::try_from(found).unwrap_or_default() * unit;
            rest = left;
        }
        self.offset = Some(sign * seconds);
        Ok(rest)
    }

    fn time(mut self) -> Result<Time, &'static str> {
        if self.is_hour12 || self.is_pm.is_some() {
            match self.is_pm {
                Some(true) if self.hour < 12 => self.hour += 12,
                Some(false) if self.hour == 12 => self.hour = 0,
                _ => {}
            }
        }
        let (mut month, mut day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        if let Some(day_of_year) = self.day_of_year {
            let from = super::civil::days(self.year, 1, 1) + day_of_year - 1;
            let found = Civil::from_seconds(from * 86_400);
            if day_of_year < 1 || found.year != self.year {
                return Err("day-of-year");
            }
            (month, day) = (found.month, found.day);
        }
        if day < 1 || day > days_in(self.year, month) {
            return Err("day");
        }
        let civil = Civil {
            year: self.year,
            month,
            day,
            hour: self.hour,
            minute: self.minute,
            second: self.second,
            weekday: 0,
            day_of_year: 0,
        };
        let offset = self.offset.unwrap_or_default();
        let time = Time::from_parts(civil.to_seconds() - i64::from(offset), self.nanos);
        let name = self.zone_name.unwrap_or_default();
        Ok(if offset == 0 && (name.is_empty() || name == "UTC") {
            time
        } else {
            time.in_zone(Zone::Fixed(offset, Arc::from(name)))
        })
    }
}
