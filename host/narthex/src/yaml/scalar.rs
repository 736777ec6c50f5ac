//! What a plain scalar stands for where no text is meant, in the words of YAML 1.1 that Go's
//! reader knows.

use super::tree::Scalar;

/// What a scalar stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Resolved<'s> {
    Null,
    Bool(bool),
    Whole(i128),
    Float(f64),
    Text(&'s str),
}

impl Scalar {
    pub(super) fn is_null(&self) -> bool {
        self.is_plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    pub(super) fn resolve(&self) -> Resolved<'_> {
        let text = self.text.as_str();
        if !self.is_plain {
            return Resolved::Text(text);
        }
        if self.is_null() {
            return Resolved::Null;
        }
        match text {
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
                return Resolved::Bool(true);
            }
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off"
            | "OFF" => return Resolved::Bool(false),
            ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
                return Resolved::Float(f64::INFINITY);
            }
            "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
            ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
            _ => {}
        }
        let first = text.bytes().next();
        if !first.is_some_and(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte)) {
            return Resolved::Text(text);
        }
        let digits = text.replace('_', "");
        match whole(&digits) {
            Some(number) => Resolved::Whole(number),
            None => float(&digits).map_or(Resolved::Text(text), Resolved::Float),
        }
    }
}

/// A number in base 10, 16 (`0x`), 8 (`0o`, or a zero in front) or 2 (`0b`), of 64 bits.
fn whole(text: &str) -> Option<i128> {
    let (is_negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, base) = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, base)| lower.strip_prefix(prefix).map(|rest| (rest, base)))
        .unwrap_or(match digits.strip_prefix('0') {
            Some(rest) if !rest.is_empty() => (rest, 8),
            _ => (digits, 10),
        });
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let number = i128::from_str_radix(digits, base).ok()?;
    let number = if is_negative { -number } else { number };
    (i128::from(i64::MIN)..=i128::from(u64::MAX))
        .contains(&number)
        .then_some(number)
}

fn float(text: &str) -> Option<f64> {
    let is_number = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    let has_digit = text.contains(|c: char| c.is_ascii_digit());
    (has_digit && text.chars().all(is_number))
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_stand_for_what_go_makes_of_them() {
        let of = |text: &str, is_plain| Scalar {
            text: text.to_owned(),
            is_plain,
        };
        for (text, expected) in [
            ("", Resolved::Null),
            ("~", Resolved::Null),
            ("null", Resolved::Null),
            ("yes", Resolved::Bool(true)),
            ("Off", Resolved::Bool(false)),
            ("yES", Resolved::Text("yES")),
            ("12", Resolved::Whole(12)),
            ("-3", Resolved::Whole(-3)),
            ("1_000", Resolved::Whole(1_000)),
            ("0x1F", Resolved::Whole(31)),
            ("010", Resolved::Whole(8)),
            ("0", Resolved::Whole(0)),
            ("08", Resolved::Float(8.0)),
            ("0b11", Resolved::Whole(3)),
            ("18446744073709551615", Resolved::Whole(u64::MAX.into())),
            ("1.10", Resolved::Float(1.1)),
            (".5", Resolved::Float(0.5)),
            ("1e3", Resolved::Float(1_000.0)),
            ("-.inf", Resolved::Float(f64::NEG_INFINITY)),
            ("15s", Resolved::Text("15s")),
            ("1.2.3.4", Resolved::Text("1.2.3.4")),
            ("-", Resolved::Text("-")),
            ("localhost:9090", Resolved::Text("localhost:9090")),
        ] {
            assert_eq!(of(text, true).resolve(), expected, "{text}");
        }
        assert_eq!(of("12", false).resolve(), Resolved::Text("12"));
        assert_eq!(of("", false).resolve(), Resolved::Text(""));
    }
}
