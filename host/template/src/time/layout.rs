//! Go's layouts: a time format is written as a certain time (`Mon Jan 2 15:04:05 MST 2006`) looks
//! in it.

/// A piece of a layout that stands for a part of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
    /// An offset: whether zero is `Z`, with a colon, digits of hours, minutes and seconds.
    Offset {
        is_z: bool,
        colon: bool,
        units: usize,
    },
    /// Digits below a second: so many, or where not exact up to so many without zeros at the end.
    Fraction {
        digits: usize,
        is_exact: bool,
    },
}

/// The next part of a layout: what is before it, the part, and what is behind it.
pub(super) fn next_part(layout: &str) -> Option<(&str, Part, &str)> {
    for (at, c) in layout.char_indices() {
        let rest = &layout[at..];
        let Some((part, len)) = part_at(c, rest) else {
            continue;
        };
        return Some((&layout[..at], part, &rest[len..]));
    }
    None
}

fn is_lower(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
}

/// Offsets as layouts write them; longer ones first.
const OFFSETS: [(&str, Part); 10] = [
    ("-07:00:00", offset(false, true, 3)),
    ("-07:00", offset(false, true, 2)),
    ("-070000", offset(false, false, 3)),
    ("-0700", offset(false, false, 2)),
    ("-07", offset(false, false, 1)),
    ("Z07:00:00", offset(true, true, 3)),
    ("Z07:00", offset(true, true, 2)),
    ("Z070000", offset(true, false, 3)),
    ("Z0700", offset(true, false, 2)),
    ("Z07", offset(true, false, 1)),
];

const fn offset(is_z: bool, colon: bool, units: usize) -> Part {
    Part::Offset { is_z, colon, units }
}

/// Plain names; longer ones first.
const NAMES: [(&str, Part); 19] = [
    ("January", Part::LongMonth),
    ("Monday", Part::LongWeekday),
    ("MST", Part::ZoneName),
    ("2006", Part::LongYear),
    ("002", Part::ZeroYearDay),
    ("__2", Part::UnderYearDay),
    ("01", Part::ZeroMonth),
    ("02", Part::ZeroDay),
    ("03", Part::ZeroHour12),
    ("04", Part::ZeroMinute),
    ("05", Part::ZeroSecond),
    ("06", Part::Year),
    ("15", Part::Hour),
    ("PM", Part::UpperPm),
    ("pm", Part::LowerPm),
    ("1", Part::NumMonth),
    ("2", Part::Day),
    ("3", Part::Hour12),
    ("4", Part::Minute),
];

fn part_at(first: char, rest: &str) -> Option<(Part, usize)> {
    match first {
        'J' if rest.starts_with("Jan") && !rest.starts_with("January") => {
            return (!is_lower(&rest[3..])).then_some((Part::Month, 3));
        }
        'M' if rest.starts_with("Mon") && !rest.starts_with("Monday") => {
            return (!is_lower(&rest[3..])).then_some((Part::Weekday, 3));
        }
        // A year behind an underscore keeps it: it is no day.
        '_' if rest.starts_with("_2006") => return None,
        '_' if rest.starts_with("_2") => return Some((Part::UnderDay, 2)),
        '-' | 'Z' => {
            let mut offsets = OFFSETS.iter();
            let (text, part) = offsets.find(|(text, _)| rest.starts_with(text))?;
            return Some((*part, text.len()));
        }
        '5' => return Some((Part::Second, 1)),
        '.' | ',' => return fraction(rest),
        _ => {}
    }
    let mut names = NAMES.iter();
    let (text, part) = names.find(|(text, _)| rest.starts_with(text))?;
    Some((*part, text.len()))
}

/// `.000` or `.999` behind a second, and no digit behind it.
fn fraction(rest: &str) -> Option<(Part, usize)> {
    let digit = rest[1..].chars().next().filter(|c| "09".contains(*c))?;
    let digits = rest[1..].chars().take_while(|c| *c == digit).count();
    let behind = rest[1 + digits..].chars().next();
    let part = Part::Fraction {
        digits,
        is_exact: digit == '0',
    };
    (!behind.is_some_and(|c| c.is_ascii_digit())).then_some((part, 1 + digits))
}
