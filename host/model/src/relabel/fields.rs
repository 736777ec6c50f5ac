//! A relabelling rule as a configuration writes it.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{RelabelAction, RelabelError};

const SEPARATOR: &str = ";";
const REGEX: &str = "(.*)";
const REPLACEMENT: &str = "$1";

/// The fields, with Prometheus' defaults, in the order in which Prometheus prints them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fields {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) source_labels: Vec<String>,
    // An empty one is printed: left out it would read back as the default.
    pub(super) separator: String,
    #[serde(skip_serializing_if = "is_default_regex")]
    pub(super) regex: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) modulus: u64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) target_label: String,
    // As the separator.
    pub(super) replacement: String,
    pub(super) action: RelabelAction,
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            source_labels: Vec::new(),
            separator: SEPARATOR.to_owned(),
            regex: REGEX.to_owned(),
            modulus: 0,
            target_label: String::new(),
            replacement: REPLACEMENT.to_owned(),
            action: RelabelAction::Replace,
        }
    }
}

fn is_default_regex(regex: &str) -> bool {
    regex == REGEX
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands fields over by reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Serialize for RelabelAction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RelabelAction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Fields {
    /// Checks what belongs together, with Prometheus' messages. Label names may be any UTF-8
    /// text, as they may since Prometheus 3.0, so that only an empty one is wrong.
    pub(super) fn validate(&self) -> Result<(), RelabelError> {
        use RelabelAction::{
            DropEqual, HashMod, KeepEqual, LabelDrop, LabelKeep, LabelMap, Lowercase, Replace,
            Uppercase,
        };
        let action = self.action;
        let fault = |text: String| Err(RelabelError(text));
        if action == HashMod && self.modulus == 0 {
            return fault("relabel configuration for hashmod requires non-zero modulus".into());
        }
        let needs_target = matches!(
            action,
            Replace | HashMod | Lowercase | Uppercase | KeepEqual | DropEqual
        );
        if needs_target && self.target_label.is_empty() {
            return fault(format!(
                "relabel configuration for {action} action requires 'target_label' value"
            ));
        }
        let takes_no_replacement = matches!(action, Lowercase | Uppercase | KeepEqual | DropEqual);
        if takes_no_replacement && self.replacement != REPLACEMENT {
            return fault(format!("'replacement' can not be set for {action} action"));
        }
        if action == LabelMap && self.replacement.is_empty() {
            return fault(format!(
                "{:?} is invalid 'replacement' for {action} action",
                self.replacement
            ));
        }
        let only_defaults =
            self.modulus == 0 && self.separator == SEPARATOR && self.replacement == REPLACEMENT;
        if matches!(action, DropEqual | KeepEqual) && !(only_defaults && self.regex == REGEX) {
            return fault(format!(
                "{action} action requires only 'source_labels' and `target_label`, and no other \
                 fields"
            ));
        }
        let names_only = only_defaults && self.source_labels.is_empty();
        if matches!(action, LabelDrop | LabelKeep) && !(names_only && self.target_label.is_empty())
        {
            return fault(format!(
                "{action} action requires only 'regex', and no other fields"
            ));
        }
        Ok(())
    }
}
