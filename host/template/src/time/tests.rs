//! Times and lengths of time at their edges.

use super::*;

#[test]
fn times_print_and_read_in_layouts() {
    let time = Time::from_millis(1_770_091_506_789);
    assert_eq!(time.to_string(), "2026-02-03 04:05:06.789 +0000 UTC");
    assert_eq!(Time::ZERO.to_string(), "0001-01-01 00:00:00 +0000 UTC");
    assert!(
        Time::from_rfc3339("0001-01-01T00:00:00Z")
            .unwrap()
            .is_zero()
    );
    for layout in [
        "2006-01-02T15:04:05.999999999Z07:00",
        "Mon, 02 Jan 2006 15:04:05.000 MST",
        "2006-01-02 03:04:05.000 PM -0700",
        "2006 002 15:04:05.000000",
        "January 2, 2006 15h4m5.000s",
    ] {
        let text = time.format(layout);
        let read = parse(layout, &text).unwrap();
        assert_eq!(read.order(), time.order(), "{text}");
    }
    for (layout, text) in [
        ("2006", "x"),
        ("15", "25"),
        ("Jan", "Foo"),
        ("2006-01-02", "2025-02-29"),
    ] {
        assert!(parse(layout, text).is_err(), "{text}");
    }
}

#[test]
fn a_zone_has_its_summer() {
    let zone = || Zone::named("Europe/Berlin").unwrap();
    for (text, shown) in [
        ("2026-03-29T00:59:59Z", "01:59:59 CET +0100"),
        ("2026-03-29T01:00:00Z", "03:00:00 CEST +0200"),
    ] {
        let time = Time::from_rfc3339(text).unwrap().in_zone(zone());
        assert_eq!(time.format("15:04:05 MST -0700"), shown);
    }
    assert_eq!(Zone::named("x/y").unwrap_err(), "unknown time zone x/y");
}

#[test]
fn days_go_there_and_back() {
    for seconds in [
        -62_135_596_800,
        -1,
        0,
        951_782_400,
        1_709_164_800,
        253_402_300_799,
    ] {
        let civil = Civil::from_seconds(seconds);
        assert_eq!(civil.to_seconds(), seconds, "{civil:?}");
    }
}

#[test]
fn durations_print_as_in_go() {
    for (nanos, text) in [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (2_000_000, "2ms"),
        (60_000_000_000, "1m0s"),
        (-3_661_500_000_000, "-1h1m1.5s"),
        (i64::MIN, "-2562047h47m16.854775808s"),
    ] {
        assert_eq!(Duration::from_nanos(nanos).to_string(), text);
    }
}
