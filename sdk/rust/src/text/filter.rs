//! What of a text is wanted: families, labels, buckets, series.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::pattern::Pattern;

/// What to keep of a text; by default all of it. Made to stand in a plugin's configuration as it
/// is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    /// Families to keep, or single samples of them (`x_count`); empty is all of them.
    pub keep: Vec<Pattern>,
    /// Families to drop, or single samples of them (`x_bucket`).
    pub drop: Vec<Pattern>,
    /// What to do with those that are left; the first rule that names a family is its rule.
    pub rules: Vec<Rule>,
}

/// What to keep of the families that it names.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// The families; empty is all of them.
    pub families: Vec<Pattern>,
    /// The labels to keep; empty is all of them. `le` and `quantile` always stay.
    pub keep_labels: Vec<Pattern>,
    /// The labels to drop. Series that are the same without them become one: their values are
    /// added up.
    pub drop_labels: Vec<Pattern>,
    /// The upper bounds of histograms that stay; infinity always does.
    pub buckets: Option<Vec<f64>>,
    /// Only series whose label has one of these values. A label that is not there is empty.
    pub only: BTreeMap<String, Vec<Pattern>>,
    /// No series whose label has one of these values.
    pub except: BTreeMap<String, Vec<Pattern>>,
}

impl Filter {
    /// Whether a sample of that name in that family is wanted.
    pub(super) fn wants(&self, family: &str, sample: &str) -> bool {
        let means = |patterns: &[Pattern]| {
            Pattern::any(patterns, family) || (sample != family && Pattern::any(patterns, sample))
        };
        (self.keep.is_empty() || means(&self.keep)) && !means(&self.drop)
    }

    /// The rule of a family.
    pub(super) fn rule(&self, family: &str) -> Option<&Rule> {
        let means = |rule: &&Rule| rule.families.is_empty() || Pattern::any(&rule.families, family);
        self.rules.iter().find(means)
    }

    /// Whether nothing is left out.
    pub fn keeps_all(&self) -> bool {
        *self == Self::default()
    }
}

impl Rule {
    /// Whether labels may go, so that series may fall together.
    pub(super) fn drops_labels(&self) -> bool {
        !self.keep_labels.is_empty() || !self.drop_labels.is_empty()
    }

    /// Whether a label stays.
    pub(super) fn keeps_label(&self, name: &str) -> bool {
        if matches!(name, "le" | "quantile") {
            return true;
        }
        (self.keep_labels.is_empty() || Pattern::any(&self.keep_labels, name))
            && !Pattern::any(&self.drop_labels, name)
    }

    /// Whether a bucket of that bound stays.
    pub(super) fn keeps_bucket(&self, le: &str) -> bool {
        let Some(bounds) = &self.buckets else {
            return true;
        };
        match le.parse::<f64>() {
            Ok(bound) => bound == f64::INFINITY || bounds.contains(&bound),
            Err(_) => true,
        }
    }

    /// Whether a series is wanted; `label` gives the value of a label.
    pub(super) fn wants<'l>(&self, label: impl Fn(&str) -> &'l str) -> bool {
        let has = |(name, values): (&String, &Vec<Pattern>)| Pattern::any(values, label(name));
        self.only.iter().all(has) && !self.except.iter().any(has)
    }
}
