//! Numbers as Go's `%g` writes them: the digits that they need, and an exponent where they are
//! large or small.

/// From this power of ten on the exponent is written.
const EXPONENT_FROM: i32 = 6;
/// Below this power of ten the exponent is written.
const EXPONENT_BELOW: i32 = -4;

/// A number with the digits it needs, with an exponent from 1e6 on and below 1e-4.
pub fn float_text(value: f64) -> String {
    float_text_from(value, EXPONENT_FROM)
}

/// As [`float_text`], with an exponent from `10^exponent_from` on.
pub fn float_text_from(value: f64, exponent_from: i32) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let exponent = format!("{value:e}");
    let parts = exponent
        .split_once('e')
        .map(|(digits, power)| (digits, power.parse::<i32>()));
    match parts {
        Some((digits, Ok(power))) if !(EXPONENT_BELOW..exponent_from).contains(&power) => {
            let sign = if power < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", power.abs())
        }
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_come_where_go_writes_them() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (100_000.0, "100000"),
            (1_000_000.0, "1e+06"),
            (1.5e-5, "1.5e-05"),
            (0.000_1, "0.0001"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(float_text(value), expected);
        }
    }
}
