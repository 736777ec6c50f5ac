//! Times printed in a layout.

use std::fmt::Write as _;

use super::Time;
use super::duration::{MONTHS, WEEKDAYS, nth};
use super::layout::{Part, next_part};

/// The first three letters of a name.
fn short(name: &str) -> &str {
    name.get(..3).unwrap_or(name)
}

impl Time {
    /// The time as Go's `Format` prints it.
    pub fn format(&self, layout: &str) -> String {
        let offset = self.zone().at(self.seconds());
        let civil = self.civil();
        let mut text = String::new();
        let mut rest = layout;
        while let Some((before, part, behind)) = next_part(rest) {
            text.push_str(before);
            rest = behind;
            // Writing into memory cannot fail.
            let _ = match part {
                Part::LongMonth => write!(text, "{}", nth(&MONTHS, civil.month - 1)),
                Part::Month => write!(text, "{}", short(nth(&MONTHS, civil.month - 1))),
                Part::NumMonth => write!(text, "{}", civil.month),
                Part::ZeroMonth => write!(text, "{:02}", civil.month),
                Part::LongWeekday => write!(text, "{}", nth(&WEEKDAYS, civil.weekday)),
                Part::Weekday => write!(text, "{}", short(nth(&WEEKDAYS, civil.weekday))),
                Part::Day => write!(text, "{}", civil.day),
                Part::UnderDay => write!(text, "{:2}", civil.day),
                Part::ZeroDay => write!(text, "{:02}", civil.day),
                Part::UnderYearDay => write!(text, "{:3}", civil.day_of_year),
                Part::ZeroYearDay => write!(text, "{:03}", civil.day_of_year),
                Part::Hour => write!(text, "{:02}", civil.hour),
                Part::Hour12 => write!(text, "{}", civil.hour12()),
                Part::ZeroHour12 => write!(text, "{:02}", civil.hour12()),
                Part::Minute => write!(text, "{}", civil.minute),
                Part::ZeroMinute => write!(text, "{:02}", civil.minute),
                Part::Second => write!(text, "{}", civil.second),
                Part::ZeroSecond => write!(text, "{:02}", civil.second),
                Part::LongYear if civil.year < 0 => write!(text, "-{:04}", -civil.year),
                Part::LongYear => write!(text, "{:04}", civil.year),
                Part::Year => write!(text, "{:02}", civil.year.rem_euclid(100)),
                Part::UpperPm => write!(text, "{}", if civil.hour < 12 { "AM" } else { "PM" }),
                Part::LowerPm => write!(text, "{}", if civil.hour < 12 { "am" } else { "pm" }),
                Part::ZoneName if offset.abbreviation.is_empty() => {
                    push_offset(&mut text, offset.offset_seconds, false, 2);
                    Ok(())
                }
                Part::ZoneName => write!(text, "{}", offset.abbreviation),
                Part::Offset { is_z: true, .. } if offset.offset_seconds == 0 => {
                    write!(text, "Z")
                }
                Part::Offset { colon, units, .. } => {
                    push_offset(&mut text, offset.offset_seconds, colon, units);
                    Ok(())
                }
                Part::Fraction { digits, is_exact } => {
                    let separator = layout_separator(layout, rest, digits);
                    push_fraction(&mut text, self.nanos(), digits, is_exact, separator);
                    Ok(())
                }
            };
        }
        text.push_str(rest);
        text
    }
}

/// The point or comma that the layout has before its fraction, which ends where `rest` begins.
fn layout_separator(layout: &str, rest: &str, digits: usize) -> char {
    let at = layout.len() - rest.len() - digits - 1;
    layout[at..].chars().next().unwrap_or('.')
}

/// `+0700`, without minutes where there is one unit; a zone has whole minutes here as in Go's
/// names.
fn push_offset(text: &mut String, seconds: i32, colon: bool, units: usize) {
    let size = seconds.unsigned_abs();
    let sign = if seconds < 0 { '-' } else { '+' };
    let colon = if colon { ":" } else { "" };
    let _ = write!(text, "{sign}{:02}", size / 3_600);
    if units > 1 {
        let _ = write!(text, "{colon}{:02}", size / 60 % 60);
    }
    if units > 2 {
        let _ = write!(text, "{colon}{:02}", size % 60);
    }
}

fn push_fraction(text: &mut String, nanos: u32, digits: usize, is_exact: bool, separator: char) {
    let all = format!("{nanos:09}");
    let kept = all.get(..digits).unwrap_or(&all);
    let kept = if is_exact {
        kept
    } else {
        kept.trim_end_matches('0')
    };
    if !kept.is_empty() {
        text.push(separator);
        text.push_str(kept);
    }
}
