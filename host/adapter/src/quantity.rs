//! Numbers in Kubernetes' notation: exact multiples of a thousandth, a millionth or a billionth, or of
//! 1024.

/// A number as a quantity with at most three digits behind the point: `500m`, `1`, `1500m`. What is not
/// finite has no quantity.
pub(crate) fn milli(value: f64) -> Option<String> {
    scaled(value, 1e3, "m", 1_000)
}

/// Cores as the resource metrics have them: `123456n`, whole ones without a unit.
pub(crate) fn nano(value: f64) -> Option<String> {
    scaled(value, 1e9, "n", 1_000_000_000)
}

/// Bytes as the resource metrics have them: `1234Ki`, rounded up; what is no multiple stays visible.
pub(crate) fn kibi(value: f64) -> Option<String> {
    let kibi = whole(value / 1024.0)?;
    Some(match kibi {
        0 => "0".to_owned(),
        kibi => format!("{kibi}Ki"),
    })
}

fn scaled(value: f64, scale: f64, unit: &str, one: i64) -> Option<String> {
    let Some(parts) = whole(value * scale) else {
        // Too large for parts of it: whole ones are exact enough.
        return whole(value).map(|whole| whole.to_string());
    };
    Some(match parts % one == 0 {
        true => (parts / one).to_string(),
        false => format!("{parts}{unit}"),
    })
}

/// Rounded up to a whole number, as Kubernetes rounds; nothing that a 64 bit integer has no room for.
fn whole(value: f64) -> Option<i64> {
    // A last binary digit that is not the number's own must not make one more.
    let rounded = value.round();
    let near = (value - rounded).abs() <= rounded.abs() * 1e-12;
    let up = if near { rounded } else { value.ceil() };
    // 2^63, which is the first that does not fit.
    let limit = 9_223_372_036_854_775_808.0;
    (up.is_finite() && up.abs() < limit).then(|| to_i64(up))
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "whoever calls has looked that it is whole and fits"
)]
fn to_i64(value: f64) -> i64 {
    value as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_kubernetes_reads_them() {
        for (value, expected) in [
            (0.0, Some("0")),
            (1.0, Some("1")),
            (0.5, Some("500m")),
            (1.5, Some("1500m")),
            (0.1 + 0.2, Some("300m")),
            (0.000_1, Some("1m")),
            (-2.25, Some("-2250m")),
            (12_345.0, Some("12345")),
            (1e17, Some("100000000000000000")),
            (f64::NAN, None),
            (f64::INFINITY, None),
            (1e300, None),
        ] {
            assert_eq!(milli(value).as_deref(), expected, "{value}");
        }
        assert_eq!(nano(0.000_123_456).as_deref(), Some("123456n"));
        assert_eq!(nano(2.0).as_deref(), Some("2"));
        assert_eq!(kibi(2048.0).as_deref(), Some("2Ki"));
        assert_eq!(kibi(2049.0).as_deref(), Some("3Ki"));
        assert_eq!(kibi(0.0).as_deref(), Some("0"));
    }
}
