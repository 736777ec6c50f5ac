//! Objects of a cluster as far as this plugin wants to know them: fields that may be missing or
//! null, and nothing kept of the others.

use serde::{Deserialize, Deserializer};

/// Records of an object's fields, each of which may be missing or null.
macro_rules! objects {
    ($($(#[$doc:meta])* $name:ident { $($(#[$mark:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
            #[serde(default, rename_all = "camelCase")]
            pub(crate) struct $name {
                $(
                    $(#[$mark])*
                    #[serde(deserialize_with = "crate::fields::or_default")]
                    pub(crate) $field: $type,
                )*
            }
        )*
    };
}

pub(crate) use objects;

/// What is null is as what is not there.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A number or a text, as ports and shares are.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum NumberOrText {
    /// As it is.
    Number(f64),
    /// A name, or a share such as `25%`.
    Text(String),
}

impl NumberOrText {
    /// As a text.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    /// The number, or the share of a whole; none where it is neither.
    pub(crate) fn of(&self, whole: f64) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => {
                let percent: f64 = text.strip_suffix('%')?.parse().ok()?;
                Some(percent * whole / 100.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    objects! {
        Thing {
            name: String,
            parts: Vec<String>,
            size: Option<f64>,
        }
    }

    #[test]
    fn what_is_missing_or_null_is_nothing() {
        let nothing = Thing::default();
        for text in ["{}", r#"{"name": null, "parts": null, "size": null}"#] {
            assert_eq!(serde_json::from_str::<Thing>(text).unwrap(), nothing);
        }
        let thing: Thing = serde_json::from_str(r#"{"size": 3, "other": [1]}"#).unwrap();
        assert_eq!(thing.size, Some(3.0));
        assert!(serde_json::from_str::<Thing>(r#"{"parts": 3}"#).is_err());
    }

    #[test]
    fn a_share_is_of_a_whole() {
        let read = |text: &str| serde_json::from_str::<NumberOrText>(text).unwrap();
        assert_eq!(read("3").of(10.0), Some(3.0));
        assert_eq!(read(r#""25%""#).of(10.0), Some(2.5));
        assert_eq!(read(r#""http""#).of(10.0), None);
        assert_eq!(
            (read("8080").text(), read(r#""http""#).text()),
            ("8080".into(), "http".into())
        );
    }
}
