//! Amounts of resources: `100m`, `1.5Gi`, `1e3`.

use serde::{Deserialize, Deserializer, de};

use crate::fields::NumberOrText;

/// An amount, in thousandths; what is finer is rounded up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Quantity(i128);

/// The ends of amounts: the power of ten and that of two by which what stands before is
/// multiplied.
const SUFFIXES: [(&str, i32, u32); 16] = [
    ("", 0, 0),
    ("n", -9, 0),
    ("u", -6, 0),
    ("m", -3, 0),
    ("k", 3, 0),
    ("M", 6, 0),
    ("G", 9, 0),
    ("T", 12, 0),
    ("P", 15, 0),
    ("E", 18, 0),
    ("Ki", 0, 10),
    ("Mi", 0, 20),
    ("Gi", 0, 30),
    ("Ti", 0, 40),
    ("Pi", 0, 50),
    ("Ei", 0, 60),
];

impl Quantity {
    /// None, where it is no amount.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_number = |c: char| c.is_ascii_digit() || c == '.' || c == '+' || c == '-';
        let end = text.find(|c: char| !is_number(c)).unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (ten, two) = power(suffix)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
        let ten = ten
            .checked_add(3)?
            .checked_sub(i32::try_from(fraction.len()).ok()?)?;
        let amount = digits.checked_mul(1_i128.checked_shl(two)?)?;
        let power = 10_i128.checked_pow(ten.unsigned_abs())?;
        match ten {
            0.. => amount.checked_mul(power).map(Self),
            // Division goes towards zero, which is up below it.
            _ if amount < 0 => Some(Self(amount / power)),
            _ => Some(Self(amount.checked_add(power - 1)? / power)),
        }
    }

    /// With what is below a thousandth rounded up.
    pub(crate) fn exact(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// With what is below one rounded up.
    pub(crate) fn whole(self) -> f64 {
        let rest = self.0.rem_euclid(1000);
        let up = if rest == 0 { 0 } else { 1000 - rest };
        (self.0 + up) as f64 / 1000.0
    }
}

/// The powers of ten and of two of a suffix.
fn power(suffix: &str) -> Option<(i32, u32)> {
    let known = SUFFIXES.iter().find(|(name, ..)| *name == suffix);
    match known {
        Some((_, ten, two)) => Some((*ten, *two)),
        None => Some((suffix.strip_prefix(['e', 'E'])?.parse().ok()?, 0)),
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = NumberOrText::deserialize(deserializer)?.text();
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("{text:?} is no amount")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_as_objects_have_them() {
        for (text, exact, whole) in [
            ("0", 0.0, 0.0),
            ("100m", 0.1, 1.0),
            ("2", 2.0, 2.0),
            ("0.5", 0.5, 1.0),
            ("1500u", 0.002, 1.0),
            ("1n", 0.001, 1.0),
            ("128Mi", 134_217_728.0, 134_217_728.0),
            ("1.5Gi", 1_610_612_736.0, 1_610_612_736.0),
            (
                "16Ei",
                18_446_744_073_709_551_616.0,
                18_446_744_073_709_551_616.0,
            ),
            ("1E", 1e18, 1e18),
            ("1e3", 1000.0, 1000.0),
            ("12E-1", 1.2, 2.0),
            ("129e6", 129e6, 129e6),
            ("-1500m", -1.5, -1.0),
            ("4k", 4000.0, 4000.0),
        ] {
            let quantity = Quantity::parse(text);
            assert_eq!(quantity.map(Quantity::exact), Some(exact), "{text}");
            assert_eq!(quantity.map(Quantity::whole), Some(whole), "{text}");
        }
        for text in [
            "",
            "m",
            "1x",
            "1.2.3",
            "1e",
            "1e999",
            "99999999999999999999999999999999Ei",
        ] {
            assert_eq!(Quantity::parse(text), None, "{text}");
        }
        assert!(serde_json::from_str::<Quantity>("3").is_ok());
        assert!(serde_json::from_str::<Quantity>(r#""three""#).is_err());
    }
}
