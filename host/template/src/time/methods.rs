//! What templates call on times, durations, months and weekdays.

use super::civil::days;
use super::{Duration, Name, SECOND, Time, Zone};
use crate::value::{Method, Param, Signature, Value};

/// The time that a method was called on; the executor calls it on nothing else.
fn time(value: &Value) -> &Time {
    match value {
        Value::Time(time) => time,
        _ => &Time::ZERO,
    }
}

fn time_argument(arguments: &[Value]) -> &Time {
    arguments.first().map_or(&Time::ZERO, time)
}

fn duration(value: &Value) -> Duration {
    match value {
        Value::Duration(duration) => *duration,
        _ => Duration::from_nanos(0),
    }
}

fn duration_argument(arguments: &[Value]) -> Duration {
    arguments.first().map_or(Duration::from_nanos(0), duration)
}

const fn method(
    name: &'static str,
    params: &'static [Param],
    call: fn(&Value, &[Value]) -> Result<Value, String>,
) -> Method {
    Method {
        signature: Signature::new(name, params),
        call,
    }
}

fn nanos_since_1970(time: &Time, unit: i64) -> i64 {
    let per_second = SECOND / unit;
    let whole = time.seconds().wrapping_mul(per_second);
    whole.wrapping_add(i64::from(time.nanos()) / unit)
}

/// The nearest multiple of a duration; half of it goes away from zero.
fn rounded(nanos: i64, unit: i64) -> i64 {
    if unit <= 0 {
        return nanos;
    }
    let rest = nanos % unit;
    let down = nanos - rest;
    let is_up = rest.unsigned_abs().saturating_mul(2) >= unit.unsigned_abs();
    match (is_up, nanos < 0) {
        (false, _) => down,
        (true, false) => down.saturating_add(unit),
        (true, true) => down.saturating_sub(unit),
    }
}

/// What a time has above the last multiple of a duration since Go's zero time.
fn above_multiple(time: &Time, unit: i64) -> i64 {
    let since = i128::from(time.seconds() - super::ZERO_SECONDS) * i128::from(SECOND)
        + i128::from(time.nanos());
    i64::try_from(since.rem_euclid(i128::from(unit))).unwrap_or_default()
}

pub(crate) const TIME_METHODS: &[Method] = &[
    method("Format", &[Param::String], |value, arguments| {
        let layout = arguments.first().and_then(Value::as_str);
        Ok(time(value).format(layout.unwrap_or_default()).into())
    }),
    method("String", &[], |value, _| Ok(time(value).to_string().into())),
    method("Unix", &[], |value, _| Ok(time(value).seconds().into())),
    method("UnixMilli", &[], |value, _| {
        Ok(nanos_since_1970(time(value), 1_000_000).into())
    }),
    method("UnixMicro", &[], |value, _| {
        Ok(nanos_since_1970(time(value), 1_000).into())
    }),
    method("UnixNano", &[], |value, _| {
        Ok(nanos_since_1970(time(value), 1).into())
    }),
    method("UTC", &[], |value, _| {
        Ok(Value::Time(time(value).clone().in_zone(Zone::Utc)))
    }),
    method("Local", &[], |value, _| {
        Ok(Value::Time(time(value).clone().in_zone(Zone::Utc)))
    }),
    method("Add", &[Param::Duration], |value, arguments| {
        Ok(Value::Time(time(value).plus(duration_argument(arguments))))
    }),
    method(
        "AddDate",
        &[Param::Int, Param::Int, Param::Int],
        |value, arguments| {
            let part = |at: usize| arguments.get(at).and_then(Value::as_int).unwrap_or(0);
            Ok(Value::Time(later(time(value), part(0), part(1), part(2))))
        },
    ),
    method("Sub", &[Param::Time], |value, arguments| {
        Ok(Value::Duration(time(value).since(time_argument(arguments))))
    }),
    method("Before", &[Param::Time], |value, arguments| {
        Ok((time(value).order() < time_argument(arguments).order()).into())
    }),
    method("After", &[Param::Time], |value, arguments| {
        Ok((time(value).order() > time_argument(arguments).order()).into())
    }),
    method("Equal", &[Param::Time], |value, arguments| {
        Ok((time(value).order() == time_argument(arguments).order()).into())
    }),
    method("IsZero", &[], |value, _| Ok(time(value).is_zero().into())),
    method("Year", &[], |value, _| Ok(time(value).civil().year.into())),
    method("Month", &[], |value, _| {
        Ok(Value::Name(Name::month(time(value).civil().month)))
    }),
    method("Day", &[], |value, _| Ok(time(value).civil().day.into())),
    method("Weekday", &[], |value, _| {
        Ok(Value::Name(Name::weekday(time(value).civil().weekday)))
    }),
    method("YearDay", &[], |value, _| {
        Ok(time(value).civil().day_of_year.into())
    }),
    method("Hour", &[], |value, _| Ok(time(value).civil().hour.into())),
    method("Minute", &[], |value, _| {
        Ok(time(value).civil().minute.into())
    }),
    method("Second", &[], |value, _| {
        Ok(time(value).civil().second.into())
    }),
    method("Nanosecond", &[], |value, _| {
        Ok(i64::from(time(value).nanos()).into())
    }),
    method("Truncate", &[Param::Duration], |value, arguments| {
        let unit = duration_argument(arguments).nanos();
        let time = time(value);
        if unit <= 0 {
            return Ok(value.clone());
        }
        let above = above_multiple(time, unit);
        Ok(Value::Time(time.plus(Duration::from_nanos(-above))))
    }),
    method("Round", &[Param::Duration], |value, arguments| {
        let unit = duration_argument(arguments).nanos();
        let time = time(value);
        if unit <= 0 {
            return Ok(value.clone());
        }
        let above = above_multiple(time, unit);
        let by = if above < unit - above {
            -above
        } else {
            unit - above
        };
        Ok(Value::Time(time.plus(Duration::from_nanos(by))))
    }),
];

/// The same time of the day so many years, months and days later; a day that the month does not
/// have is one of the next.
fn later(time: &Time, years: i64, months: i64, more_days: i64) -> Time {
    let civil = time.civil();
    let bounded = |number: i64| number.clamp(-1_000_000, 1_000_000);
    let day = days(
        civil.year + bounded(years),
        civil.month + bounded(months),
        civil.day,
    ) + bounded(more_days);
    let wall = day * 86_400 + civil.hour * 3_600 + civil.minute * 60 + civil.second;
    let zone = time.zone();
    // The offset of that day, which may be another than today's.
    let first = wall - i64::from(zone.at(time.seconds()).offset_seconds);
    let seconds = wall - i64::from(zone.at(first).offset_seconds);
    Time::from_parts(seconds, i64::from(time.nanos())).in_zone(zone.clone())
}

pub(crate) const DURATION_METHODS: &[Method] = &[
    method("String", &[], |value, _| {
        Ok(duration(value).to_string().into())
    }),
    method("Hours", &[], |value, _| {
        Ok(duration(value).in_units(3_600 * SECOND).into())
    }),
    method("Minutes", &[], |value, _| {
        Ok(duration(value).in_units(60 * SECOND).into())
    }),
    method("Seconds", &[], |value, _| {
        Ok(duration(value).seconds().into())
    }),
    method("Milliseconds", &[], |value, _| {
        Ok((duration(value).nanos() / 1_000_000).into())
    }),
    method("Microseconds", &[], |value, _| {
        Ok((duration(value).nanos() / 1_000).into())
    }),
    method("Nanoseconds", &[], |value, _| {
        Ok(duration(value).nanos().into())
    }),
    method("Abs", &[], |value, _| {
        let nanos = duration(value).nanos().saturating_abs();
        Ok(Value::Duration(Duration::from_nanos(nanos)))
    }),
    method("Truncate", &[Param::Duration], |value, arguments| {
        let (nanos, unit) = (
            duration(value).nanos(),
            duration_argument(arguments).nanos(),
        );
        let kept = if unit <= 0 {
            nanos
        } else {
            nanos - nanos % unit
        };
        Ok(Value::Duration(Duration::from_nanos(kept)))
    }),
    method("Round", &[Param::Duration], |value, arguments| {
        let (nanos, unit) = (
            duration(value).nanos(),
            duration_argument(arguments).nanos(),
        );
        Ok(Value::Duration(Duration::from_nanos(rounded(nanos, unit))))
    }),
];

pub(crate) const NAME_METHODS: &[Method] = &[method("String", &[], |value, _| match value {
    Value::Name(name) => Ok(name.text().into()),
    _ => Ok("".into()),
})];
