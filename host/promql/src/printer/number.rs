//! Numbers as Go prints them.

use narthex_model::FloatText;

/// All digits and no exponent: what `FormatFloat(value, 'f', -1, 64)` gives. The API, queries
/// and label values have numbers in this form.
pub fn format_float(value: f64) -> String {
    FloatText::default().plain(value).to_owned()
}

/// With an exponent where the number is very large or very small: what Go's `%v` gives.
pub fn format_float_short(value: f64) -> String {
    FloatText::default().short(value, -4..21).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_in_go() {
        for (value, long, short) in [
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
            (5.0, "5", "5"),
            (0.1, "0.1", "0.1"),
            (1e20, "100000000000000000000", "100000000000000000000"),
            (1e21, "1000000000000000000000", "1e+21"),
            (0.0001, "0.0001", "0.0001"),
            (0.000_012_5, "0.0000125", "1.25e-05"),
            (f64::INFINITY, "+Inf", "+Inf"),
            (f64::NEG_INFINITY, "-Inf", "-Inf"),
            (f64::NAN, "NaN", "NaN"),
        ] {
            assert_eq!(
                (
                    format_float(value).as_str(),
                    format_float_short(value).as_str()
                ),
                (long, short)
            );
        }
    }
}
