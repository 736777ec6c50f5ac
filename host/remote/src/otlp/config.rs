//! `otlp` of the config, field for field as Prometheus 3.14 reads and prints it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// How OpenTelemetry's names become Prometheus' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TranslationStrategy {
    /// What is not in the classic alphabet becomes `_`; unit and type are appended.
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// What is not in the classic alphabet becomes `_`.
    UnderscoreEscapingWithoutSuffixes,
    /// Names stay as they are; unit and type are appended.
    NoUTF8EscapingWithSuffixes,
    /// Names stay as they are.
    NoTranslation,
}

impl TranslationStrategy {
    /// Whether names are brought into the classic alphabet.
    pub fn escapes(self) -> bool {
        matches!(
            self,
            Self::UnderscoreEscapingWithSuffixes | Self::UnderscoreEscapingWithoutSuffixes
        )
    }

    /// Whether unit and type are appended.
    pub(super) fn adds_suffixes(self) -> bool {
        matches!(
            self,
            Self::UnderscoreEscapingWithSuffixes | Self::NoUTF8EscapingWithSuffixes
        )
    }
}

/// How metrics of OpenTelemetry are translated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(
    missing_docs,
    reason = "the names are those of Prometheus' configuration reference"
)]
pub struct OtlpConfig {
    #[serde(skip_serializing_if = "is_false")]
    pub promote_all_resource_attributes: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub promote_resource_attributes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_resource_attributes: Vec<String>,
    pub translation_strategy: TranslationStrategy,
    #[serde(skip_serializing_if = "is_false")]
    pub keep_identifying_resource_attributes: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub convert_histograms_to_nhcb: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub promote_scope_metadata: bool,
    pub label_name_underscore_sanitization: bool,
    pub label_name_preserve_multiple_underscores: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Default for OtlpConfig {
    fn default() -> Self {
        Self {
            promote_all_resource_attributes: false,
            promote_resource_attributes: Vec::new(),
            ignore_resource_attributes: Vec::new(),
            translation_strategy: TranslationStrategy::default(),
            keep_identifying_resource_attributes: false,
            convert_histograms_to_nhcb: false,
            promote_scope_metadata: false,
            label_name_underscore_sanitization: true,
            label_name_preserve_multiple_underscores: true,
        }
    }
}

impl OtlpConfig {
    /// Takes spaces away around the names of attributes, and says what does not fit together, in
    /// Prometheus' words.
    pub fn check(&mut self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.promote_all_resource_attributes {
            if !self.promote_resource_attributes.is_empty() {
                faults.push(
                    "'promote_all_resource_attributes' and 'promote_resource_attributes' cannot be \
                     configured simultaneously"
                        .to_owned(),
                );
            }
        } else if !self.ignore_resource_attributes.is_empty() {
            faults.push(
                "'ignore_resource_attributes' cannot be configured unless \
                 'promote_all_resource_attributes' is true"
                    .to_owned(),
            );
        }
        let lists = [
            (
                "ignore_resource_attributes",
                "ignored",
                &mut self.ignore_resource_attributes,
            ),
            (
                "promote_resource_attributes",
                "promoted",
                &mut self.promote_resource_attributes,
            ),
        ];
        for (field, adjective, attributes) in lists {
            let mut seen = BTreeSet::new();
            for attribute in attributes.iter_mut() {
                *attribute = attribute.trim().to_owned();
                if attribute.is_empty() {
                    faults.push(format!(
                        "invalid '{field}': empty {adjective} OTel resource attribute"
                    ));
                } else if !seen.insert(attribute.as_str()) {
                    faults.push(format!(
                        "invalid '{field}': duplicated {adjective} OTel resource attribute {attribute:?}"
                    ));
                }
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_together_is_told() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        type Set = fn(&mut OtlpConfig, Vec<String>);
        let promote: Set = |config, names| config.promote_resource_attributes = names;
        let ignore: Set = |config, names| config.ignore_resource_attributes = names;
        for (all, set, names, expected) in [
            (false, promote, &["a", " b "][..], None),
            (true, ignore, &["a"], None),
            (
                true,
                promote,
                &["a"],
                Some("cannot be configured simultaneously"),
            ),
            (
                false,
                ignore,
                &["a"],
                Some("unless 'promote_all_resource_attributes'"),
            ),
            (false, promote, &["a", " "], Some("empty promoted OTel")),
            (
                false,
                promote,
                &["a", " a"],
                Some("duplicated promoted OTel resource attribute \"a\""),
            ),
            (true, ignore, &["a", "a"], Some("duplicated ignored OTel")),
        ] {
            let mut config = OtlpConfig {
                promote_all_resource_attributes: all,
                ..OtlpConfig::default()
            };
            set(&mut config, list(names));
            let faults = config.check();
            match expected {
                None => assert_eq!(faults, Vec::<String>::new()),
                Some(part) => assert!(faults.len() == 1 && faults[0].contains(part), "{faults:?}"),
            }
            assert!(
                !config
                    .promote_resource_attributes
                    .contains(&" b ".to_owned())
            );
        }
    }
}
