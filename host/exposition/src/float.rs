//! Numbers as Go's `strconv` reads and writes them.

use narthex_model::FloatText;
use narthex_model::sample::NORMAL_NAN_BITS;

/// Why a text is not a number that a page may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FloatError {
    /// A hexadecimal exponent or an underscore.
    Unsupported,
    /// Not a number.
    Syntax,
    /// Too large for 64 bits.
    Range,
}

/// Reads the value of a sample. Neither hexadecimal numbers nor underscores are allowed, and any
/// NaN becomes the one that storage knows as an ordinary one.
pub(crate) fn parse_value(text: &[u8]) -> Result<f64, FloatError> {
    if text.iter().any(|byte| matches!(byte, b'p' | b'P' | b'_')) {
        return Err(FloatError::Unsupported);
    }
    let value = parse(text)?;
    Ok(if value.is_nan() {
        f64::from_bits(NORMAL_NAN_BITS)
    } else {
        value
    })
}

/// Reads a number with an optional sign, fraction and exponent, or an infinity, or `NaN` without
/// a sign; letters of any case.
pub(crate) fn parse(text: &[u8]) -> Result<f64, FloatError> {
    let text = std::str::from_utf8(text).map_err(|_| FloatError::Syntax)?;
    let value: f64 = text.parse().map_err(|_| FloatError::Syntax)?;
    if value.is_nan() && !text.starts_with(['n', 'N']) {
        return Err(FloatError::Syntax);
    }
    if value.is_infinite() && text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(FloatError::Range);
    }
    Ok(value)
}

/// Seconds as whole milliseconds; `None` for what is no time and what does not fit. Time below a
/// millisecond is cut off, but a number that was written as whole milliseconds stays that: in
/// floats, 2178362736.884 times 1000 is a little less than ...884.
pub(crate) fn millis(seconds: f64) -> Option<i64> {
    let millis = seconds * 1000.0;
    let rounded = millis.round();
    #[allow(
        clippy::float_cmp,
        reason = "whether they are the same number is the question"
    )]
    let millis = if rounded / 1000.0 == seconds {
        rounded
    } else {
        millis
    };
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the range is checked before"
    )]
    (millis.abs() < MILLIS_MAX).then_some(millis as i64)
}

/// 2^63: one more than the greatest number of milliseconds.
const MILLIS_MAX: f64 = 9_223_372_036_854_775_808.0;

/// Integers up to here are exact.
const EXACT_INTEGER_MAX: u64 = 1 << 53;

/// So many digits cannot overflow 64 bits.
const DIGITS_MAX: usize = 19;

/// The powers of ten that are exact.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Reads the plain decimal number at the start of `bytes` where one multiplication or division
/// of two exact numbers gives the right result (Clinger's fast path), and says how long it is.
/// `None` means that it has to be read in full, not that it is wrong.
#[inline]
pub(crate) fn short_decimal(bytes: &[u8]) -> Option<(f64, usize)> {
    let negative = bytes.first() == Some(&b'-');
    let start = usize::from(negative);
    let mut at = start;
    let mut mantissa = 0_u64;
    let mut exponent = 0_i32;
    at = digits(bytes, at, &mut mantissa);
    let mut count = at - start;
    if bytes.get(at) == Some(&b'.') {
        let fraction = at + 1;
        at = digits(bytes, fraction, &mut mantissa);
        let decimals = at - fraction;
        count += decimals;
        exponent = -i32::try_from(decimals).ok()?;
    }
    if count == 0 || count > DIGITS_MAX {
        return None;
    }
    if bytes.get(at).is_some_and(|byte| byte | 0x20 == b'e') {
        at += 1;
        let minus = match bytes.get(at) {
            Some(b'-') => {
                at += 1;
                true
            }
            Some(b'+') => {
                at += 1;
                false
            }
            _ => false,
        };
        let mut written = 0_u64;
        let end = digits(bytes, at, &mut written);
        if end == at || end - at > 4 {
            return None;
        }
        at = end;
        let written = i32::try_from(written).ok()?;
        exponent += if minus { -written } else { written };
    }
    if mantissa > EXACT_INTEGER_MAX {
        return None;
    }
    #[allow(clippy::cast_precision_loss, reason = "at most 2^53, so exact")]
    let exact = mantissa as f64;
    let power = *POWERS_OF_TEN.get(exponent.unsigned_abs() as usize)?;
    let magnitude = if exponent < 0 {
        exact / power
    } else {
        exact * power
    };
    Some((if negative { -magnitude } else { magnitude }, at))
}

/// Appends the digits from `at` on to `number`, wrapping, and says where they end.
#[inline]
fn digits(bytes: &[u8], mut at: usize, number: &mut u64) -> usize {
    while let Some(digit) = bytes.get(at).map(|byte| byte.wrapping_sub(b'0')) {
        if digit > 9 {
            break;
        }
        *number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    at
}

/// Appends the shortest digits that read back as `value`, with an exponent where it is below -4
/// or from 6 on: Go's `FormatFloat(value, 'g', -1, 64)`.
pub(crate) fn push_float(out: &mut String, value: f64) {
    out.push_str(FloatText::default().short(value, -4..6));
}

/// Appends `value` as OpenMetrics has it: as above, but never without a point or an exponent.
pub(crate) fn push_open_metrics_float(out: &mut String, value: f64) {
    let start = out.len();
    push_float(out, value);
    if value.is_finite() && !out[start..].contains(['.', 'e']) {
        out.push_str(".0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, value) in [
            ("1", 1.0),
            ("+1", 1.0),
            ("-0", -0.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("4.9351e-05", 4.9351e-05),
            ("7.424100000000001e-05", 7.424_100_000_000_001e-5),
            ("1E+5", 1e5),
            ("inf", f64::INFINITY),
            ("+Inf", f64::INFINITY),
            ("-INFINITY", f64::NEG_INFINITY),
            ("1e-400", 0.0),
            ("18446744073709551616", 18_446_744_073_709_551_616.0),
        ] {
            let read = parse_value(text.as_bytes()).unwrap();
            assert_eq!(read.to_bits(), f64::to_bits(value), "{text}");
        }
        assert!(parse_value(b"nAn").unwrap().is_nan());
        for (text, error) in [
            ("1_2", FloatError::Unsupported),
            ("0x1p-3", FloatError::Unsupported),
            ("0x1", FloatError::Syntax),
            ("+NaN", FloatError::Syntax),
            ("", FloatError::Syntax),
            (".", FloatError::Syntax),
            ("1e", FloatError::Syntax),
            ("true", FloatError::Syntax),
            ("1\r", FloatError::Syntax),
            ("1e400", FloatError::Range),
            ("-1e400", FloatError::Range),
        ] {
            assert_eq!(parse_value(text.as_bytes()), Err(error), "{text}");
        }
    }

    #[test]
    fn seconds_become_milliseconds() {
        for (seconds, millis) in [
            (0.0, Some(0)),
            (-1.5, Some(-1500)),
            (1_520_879_607.789, Some(1_520_879_607_789)),
            (2_178_362_736.884, Some(2_178_362_736_884)),
            (1.234_567, Some(1234)),
            (1.999_999, Some(1999)),
            (-1.999_999, Some(-1999)),
            (9e15, Some(9_000_000_000_000_000_000)),
            (1e16, None),
            (f64::NAN, None),
            (f64::NEG_INFINITY, None),
        ] {
            assert_eq!(super::millis(seconds), millis, "{seconds}");
        }
    }

    #[test]
    fn the_short_way_gives_what_the_long_way_gives() {
        for text in [
            "0",
            "-0",
            "7",
            "33",
            "1.5",
            ".5",
            "5.",
            "123456789012",
            "1.234567e+06",
            "4.9351e-05",
            "9007199254740992",
            "-12.5e3",
            "1e22",
            "1E-22",
            "0.000001",
            "1.7976931348623157e308",
            "9007199254740993",
            "12345678901234567890",
            "1e23",
            "1e400",
            "1.0000000000000000001",
        ] {
            if let Some((value, length)) = short_decimal(text.as_bytes()) {
                assert_eq!(length, text.len(), "{text}");
                let long = parse(text.as_bytes()).unwrap();
                assert_eq!(value.to_bits(), long.to_bits(), "{text}");
            }
        }
        for text in [
            "", "-", ".", "-.", "e5", "1e", "1e+", "+1", "NaN", "Inf", "1e99999",
        ] {
            assert_eq!(short_decimal(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (value, text, open_metrics) in [
            (0.0, "0", "0.0"),
            (-0.0, "-0", "-0.0"),
            (1.0, "1", "1.0"),
            (-1.0, "-1", "-1.0"),
            (0.25, "0.25", "0.25"),
            (123_456.0, "123456", "123456.0"),
            (999_999.5, "999999.5", "999999.5"),
            (1e6, "1e+06", "1e+06"),
            (1_234_567.0, "1.234567e+06", "1.234567e+06"),
            (1e21, "1e+21", "1e+21"),
            (1e100, "1e+100", "1e+100"),
            (0.0001, "0.0001", "0.0001"),
            (0.00001, "1e-05", "1e-05"),
            (
                7.424_100_000_000_001e-5,
                "7.424100000000001e-05",
                "7.424100000000001e-05",
            ),
            (f64::INFINITY, "+Inf", "+Inf"),
            (f64::NEG_INFINITY, "-Inf", "-Inf"),
            (f64::NAN, "NaN", "NaN"),
        ] {
            let (mut plain, mut open) = (String::new(), String::new());
            push_float(&mut plain, value);
            push_open_metrics_float(&mut open, value);
            assert_eq!((plain.as_str(), open.as_str()), (text, open_metrics));
        }
    }
}
