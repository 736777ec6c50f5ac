//! Relabelling: the rules that rewrite, keep and drop targets, samples and alerts.
//!
//! It is not: the place that decides which labels a rule sees. That is the caller's: a target's
//! labels before a scrape, a sample's labels after it.

mod fields;
mod pattern;

use std::fmt;
use std::str::FromStr;

use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use self::fields::Fields;
use self::pattern::{Pattern, Template};
use crate::LabelsBuilder;

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RelabelAction {
    /// Writes the expanded replacement to the target label where the expression matches.
    #[default]
    Replace,
    /// Drops what does not match.
    Keep,
    /// Drops what matches.
    Drop,
    /// Drops where the source differs from the target label.
    KeepEqual,
    /// Drops where the source equals the target label.
    DropEqual,
    /// Writes the hash of the source modulo a number to the target label.
    HashMod,
    /// Copies the labels whose name matches to the expanded name.
    LabelMap,
    /// Removes the labels whose name matches.
    LabelDrop,
    /// Removes the labels whose name does not match.
    LabelKeep,
    /// Writes the source in lower case to the target label.
    Lowercase,
    /// Writes the source in upper case to the target label.
    Uppercase,
}

impl RelabelAction {
    /// Every action, in the order of Prometheus' documentation.
    pub const ALL: [Self; 11] = [
        Self::Replace,
        Self::Keep,
        Self::Drop,
        Self::KeepEqual,
        Self::DropEqual,
        Self::HashMod,
        Self::LabelMap,
        Self::LabelDrop,
        Self::LabelKeep,
        Self::Lowercase,
        Self::Uppercase,
    ];

    /// The name in a configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::KeepEqual => "keepequal",
            Self::DropEqual => "dropequal",
            Self::HashMod => "hashmod",
            Self::LabelMap => "labelmap",
            Self::LabelDrop => "labeldrop",
            Self::LabelKeep => "labelkeep",
            Self::Lowercase => "lowercase",
            Self::Uppercase => "uppercase",
        }
    }
}

impl fmt::Display for RelabelAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RelabelAction {
    type Err = RelabelError;

    fn from_str(text: &str) -> Result<Self, RelabelError> {
        let lower = text.to_lowercase();
        let mut all = Self::ALL.into_iter();
        all.find(|action| action.as_str() == lower)
            .ok_or_else(|| RelabelError(format!("unknown relabel action {text:?}")))
    }
}

/// Why a relabelling rule is refused, in Prometheus' words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RelabelError(String);

/// One relabelling rule: checked and compiled, so that every value of this type can be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct RelabelConfig {
    fields: Fields,
    regex: Pattern,
    target: Template,
    replacement: Template,
}

impl TryFrom<Fields> for RelabelConfig {
    type Error = RelabelError;

    fn try_from(fields: Fields) -> Result<Self, RelabelError> {
        fields.validate()?;
        let regex = Pattern::new(&fields.regex).map_err(RelabelError)?;
        Ok(Self {
            target: Template::new(&fields.target_label, &regex),
            replacement: Template::new(&fields.replacement, &regex),
            regex,
            fields,
        })
    }
}

impl From<RelabelConfig> for Fields {
    fn from(config: RelabelConfig) -> Self {
        config.fields
    }
}

/// Applies the rules in order. `false`: a rule dropped it, and what the builder then holds means
/// nothing.
pub fn apply(configs: &[RelabelConfig], labels: &mut LabelsBuilder) -> bool {
    configs.iter().all(|config| config.apply(labels))
}

impl RelabelConfig {
    /// Applies this one rule; `false` where it drops the labels.
    pub fn apply(&self, labels: &mut LabelsBuilder) -> bool {
        let target = self.fields.target_label.as_str();
        match self.fields.action {
            RelabelAction::Keep => return self.regex.is_match(&self.source(labels)),
            RelabelAction::Drop => return !self.regex.is_match(&self.source(labels)),
            RelabelAction::KeepEqual => return labels.get(target) == self.source(labels),
            RelabelAction::DropEqual => return labels.get(target) != self.source(labels),
            RelabelAction::Replace => self.replace(labels),
            RelabelAction::Lowercase => {
                let value = self.source(labels).chars().map(lower).collect::<String>();
                labels.set(target, &value);
            }
            RelabelAction::Uppercase => {
                let value = self.source(labels).chars().map(upper).collect::<String>();
                labels.set(target, &value);
            }
            RelabelAction::HashMod => {
                let hash = hash(&self.source(labels)) % self.fields.modulus;
                labels.set(target, &hash.to_string());
            }
            RelabelAction::LabelMap => self.map_names(labels),
            RelabelAction::LabelDrop => {
                labels.retain(|name| !self.regex.is_match(name));
            }
            RelabelAction::LabelKeep => {
                labels.retain(|name| self.regex.is_match(name));
            }
        }
        true
    }

    fn source(&self, labels: &LabelsBuilder) -> String {
        let mut source = String::new();
        for (index, name) in self.fields.source_labels.iter().enumerate() {
            if index > 0 {
                source.push_str(&self.fields.separator);
            }
            source.push_str(labels.get(name));
        }
        source
    }

    fn replace(&self, labels: &mut LabelsBuilder) {
        let source = self.source(labels);
        let Some(captures) = self.regex.captures(&source) else {
            return;
        };
        let target = self.target.expand(&source, &captures);
        if !target.is_empty() {
            labels.set(&target, &self.replacement.expand(&source, &captures));
        }
    }

    fn map_names(&self, labels: &mut LabelsBuilder) {
        let mapped: Vec<(String, String)> = labels
            .iter()
            .filter_map(|(name, value)| {
                let captures = self.regex.captures(name)?;
                let to = self.replacement.expand(name, &captures);
                Some((to, value.to_owned()))
            })
            .collect();
        for (name, value) in mapped.iter().filter(|(name, _)| !name.is_empty()) {
            labels.set(name, value);
        }
    }
}

/// The last eight bytes of the MD5 of `text`, big-endian: what every Prometheus computes, so
/// that shards agree.
fn hash(text: &str) -> u64 {
    Md5::digest(text.as_bytes())[8..]
        .iter()
        .fold(0, |hash, byte| hash << 8 | u64::from(*byte))
}

/// Go maps one character to one character, so a mapping that makes several is left to its first
/// (`İ`) or not done at all (`ß`).
fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

fn upper(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => c,
    }
}

#[cfg(test)]
mod tests;
