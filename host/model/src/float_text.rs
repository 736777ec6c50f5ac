//! Numbers as Go prints them: the fewest digits that read back as the same number, and of two
//! such forms that are equally near, the even one.

use std::fmt::Write as _;
use std::ops::Range;

/// Up to here every integer is a number of its own.
const INTEGERS_MAX: f64 = 9_007_199_254_740_992.0;

/// From this power of ten on `%g` writes an exponent where it takes the digits that are needed.
const SHORTEST_FROM: i32 = 6;
/// Below this power of ten it does.
const SHORTEST_BELOW: i32 = -4;

/// Room for the digits of one number at a time.
#[derive(Default)]
pub struct FloatText {
    whole: itoa::Buffer,
    digits: zmij::Buffer,
    /// What neither of them writes.
    text: String,
}

impl std::fmt::Debug for FloatText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FloatText").finish_non_exhaustive()
    }
}

/// A number as Go's `%g` has it: with an exponent from 1e6 on and below 1e-4.
pub fn float_text(value: f64) -> String {
    float_text_from(value, SHORTEST_FROM)
}

/// As [`float_text`], with an exponent from `10^exponent_from` on.
pub fn float_text_from(value: f64, exponent_from: i32) -> String {
    let mut text = FloatText::default();
    text.short(value, SHORTEST_BELOW..exponent_from).to_owned()
}

impl FloatText {
    /// All digits and no exponent, as `FormatFloat(value, 'f', -1, 64)`; `NaN`, `+Inf`, `-Inf`.
    pub fn plain(&mut self, value: f64) -> &str {
        if let Some(name) = name(value) {
            return name;
        }
        if let Some(whole) = whole(value, INTEGERS_MAX) {
            return self.whole.format(whole);
        }
        let digits = self.digits.format_finite(value);
        without_exponent(digits, &mut self.text)
    }

    /// With an exponent of at least two digits where the power of ten is not in `plain`: Go's `%v`
    /// (-4 to 21), `FormatFloat(value, 'g', -1, 64)` (-4 to 6).
    pub fn short(&mut self, value: f64, plain: Range<i32>) -> &str {
        if let Some(name) = name(value) {
            return name;
        }
        let whole_max = if plain.contains(&5) { 999_999.0 } else { 0.0 };
        if let Some(whole) = whole(value, whole_max) {
            return self.whole.format(whole);
        }
        let digits = self.digits.format_finite(value);
        let exponent = exponent(digits);
        if value == 0.0 || plain.contains(&exponent) {
            return without_exponent(digits, &mut self.text);
        }
        self.text.clear();
        push_scientific(&mut self.text, digits, exponent);
        &self.text
    }
}

/// An integer of at most that size, which is not zero: zero has a sign.
fn whole(value: f64, max: f64) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation, reason = "whole, and within 2^53")]
    let whole = value as i64;
    (value.fract() == 0.0 && value.abs() <= max && value != 0.0).then_some(whole)
}

fn name(value: f64) -> Option<&'static str> {
    match value {
        f64::INFINITY => Some("+Inf"),
        f64::NEG_INFINITY => Some("-Inf"),
        _ if value.is_nan() => Some("NaN"),
        _ => None,
    }
}

/// Mantissa and exponent of digits that have one.
fn split(digits: &str) -> Option<(&str, i32)> {
    let (mantissa, exponent) = digits.split_once('e')?;
    Some((mantissa, exponent.parse().ok()?))
}

/// The power of ten of the first digit that is not zero.
fn exponent(digits: &str) -> i32 {
    let (mantissa, exponent) = split(digits).unwrap_or((digits, 0));
    let mantissa = mantissa.trim_start_matches('-');
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let places = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    match before {
        "0" => exponent - 1 - places(after.len() - after.trim_start_matches('0').len()),
        _ => exponent + places(before.len()) - 1,
    }
}

fn without_exponent<'a>(digits: &'a str, text: &'a mut String) -> &'a str {
    match split(digits) {
        None => digits.strip_suffix(".0").unwrap_or(digits),
        Some((mantissa, exponent)) => {
            text.clear();
            push_spread(text, mantissa, exponent);
            text
        }
    }
}

fn push_scientific(text: &mut String, digits: &str, exponent: i32) {
    let mantissa = split(digits).map_or(digits, |(mantissa, _)| mantissa);
    if mantissa.starts_with('-') {
        text.push('-');
    }
    let all = mantissa.replace(['-', '.'], "");
    let (first, rest) = all.trim_matches('0').split_at(1);
    text.push_str(first);
    if !rest.is_empty() {
        text.push('.');
        text.push_str(rest);
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    // Writing into memory cannot fail.
    let _ = write!(text, "e{sign}{:02}", exponent.unsigned_abs());
}

/// Writes zeros in place of an exponent. The mantissa has one digit before the point.
fn push_spread(text: &mut String, mantissa: &str, exponent: i32) {
    let digits = mantissa.trim_start_matches('-');
    if digits.len() < mantissa.len() {
        text.push('-');
    }
    let (first, rest) = digits.split_once('.').unwrap_or((digits, ""));
    let places = exponent.unsigned_abs() as usize;
    let zeros = |count: usize| std::iter::repeat_n('0', count);
    if exponent < 0 {
        text.push_str("0.");
        text.extend(zeros(places - 1));
        text.push_str(first);
        text.push_str(rest);
        return;
    }
    let (before, after) = rest.split_at(places.min(rest.len()));
    text.push_str(first);
    text.push_str(before);
    text.extend(zeros(places - before.len()));
    if !after.is_empty() {
        text.push('.');
        text.push_str(after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_as_go_prints_them() {
        let mut buffer = FloatText::default();
        for (value, plain, short, shorter) in [
            (0.0, "0", "0", "0"),
            (-0.0, "-0", "-0", "-0"),
            (1.0, "1", "1", "1"),
            (-0.1, "-0.1", "-0.1", "-0.1"),
            (123_456.5, "123456.5", "123456.5", "123456.5"),
            (1_234_567.5, "1234567.5", "1234567.5", "1.2345675e+06"),
            (-1e15, "-1000000000000000", "-1000000000000000", "-1e+15"),
            // Of two forms that are equally near, the even one.
            (
                245_777_903_432_188.0 + 0.625,
                "245777903432188.62",
                "245777903432188.62",
                "2.4577790343218862e+14",
            ),
            (
                1e20,
                "100000000000000000000",
                "100000000000000000000",
                "1e+20",
            ),
            (1.5e21, "1500000000000000000000", "1.5e+21", "1.5e+21"),
            (0.0001, "0.0001", "0.0001", "0.0001"),
            (0.000_012_5, "0.0000125", "1.25e-05", "1.25e-05"),
            (-1.5e-7, "-0.00000015", "-1.5e-07", "-1.5e-07"),
            (f64::INFINITY, "+Inf", "+Inf", "+Inf"),
            (f64::NEG_INFINITY, "-Inf", "-Inf", "-Inf"),
            (f64::NAN, "NaN", "NaN", "NaN"),
        ] {
            assert_eq!(buffer.plain(value), plain);
            assert_eq!(buffer.short(value, -4..21), short);
            assert_eq!(buffer.short(value, -4..6), shorter);
        }
        assert_eq!(float_text_from(150.0, 2), "1.5e+02");
    }

    #[test]
    fn any_number_is_read_back_from_no_more_digits_than_it_needs() {
        let mut buffer = FloatText::default();
        let mut bits = 1_u64;
        for _ in 0..100_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let near = (bits >> 40) as f64 / 1000.0;
            for value in [f64::from_bits(bits), near, near.trunc(), -near] {
                if value.is_finite() {
                    let text = buffer.plain(value);
                    assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
                    assert_eq!(text.len(), value.to_string().len(), "{text}");
                    let text = buffer.short(value, -4..6);
                    assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
                }
            }
        }
    }
}
