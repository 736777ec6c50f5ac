//! What the rules find in the store: which metrics there are, of which objects.

use std::collections::{BTreeMap, HashSet};

use narthex_model::{Labels, Matcher};
use narthex_storage::{LabelsRequest, TimeRange};

use crate::adapter::Source;
use crate::answer::{ApiAnswer, refusal};
use crate::kinds::ObjectKind;
use crate::limits::{METRICS_MAX, SERIES_AGE, SERIES_MAX};
use crate::rule::{CompiledExternal, CompiledRule};

/// A metric: the rule that found it, by its place, and the series that it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) rule: usize,
    pub(crate) series: String,
}

/// All metrics that the rules find.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    /// By kind of object and name.
    pub(crate) custom: BTreeMap<(ObjectKind, String), Found>,
    /// By name.
    pub(crate) external: BTreeMap<String, Found>,
}

impl Catalogue {
    /// Asks the store. Of two rules that find the same metric, the later one counts.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) async fn find(
        rules: &[CompiledRule],
        external: &[CompiledExternal],
        source: &Source,
    ) -> Result<Self, ApiAnswer> {
        let mut found = Self::default();
        for (at, rule) in rules.iter().enumerate() {
            let mut seen = HashSet::new();
            for labels in series(rule.matchers(), source).await? {
                let name = labels.metric_name();
                // Series of a name with the same labels are about the same kinds.
                let names: Vec<&str> = labels.iter().map(|(name, _)| name).collect();
                if !seen.insert(format!("{name} {}", names.join(" "))) {
                    continue;
                }
                let Some(metric) = rule.name(name) else {
                    continue;
                };
                for kind in rule.mapping.kinds(&labels) {
                    let series = name.to_owned();
                    let key = (kind, metric.clone());
                    found.custom.insert(key, Found { rule: at, series });
                }
            }
        }
        for (at, rule) in external.iter().enumerate() {
            for labels in series(rule.matchers(), source).await? {
                let name = labels.metric_name();
                if let Some(metric) = rule.name(name) {
                    let series = name.to_owned();
                    found.external.insert(metric, Found { rule: at, series });
                }
            }
        }
        for metrics in [found.custom.len(), found.external.len()] {
            if metrics > METRICS_MAX {
                tracing::warn!(
                    metrics,
                    max = METRICS_MAX,
                    "the rules find too many metrics"
                );
            }
        }
        while found.custom.len() > METRICS_MAX {
            found.custom.pop_last();
        }
        while found.external.len() > METRICS_MAX {
            found.external.pop_last();
        }
        Ok(found)
    }
}

async fn series(matchers: &[Matcher], source: &Source) -> Result<Vec<Labels>, ApiAnswer> {
    let age_ms = i64::try_from(SERIES_AGE.as_millis()).unwrap_or(i64::MAX);
    let request = LabelsRequest {
        matchers: matchers.to_vec(),
        range: TimeRange {
            start_ms: source.now_ms.saturating_sub(age_ms),
            end_ms: source.now_ms,
        },
        limit: Some(SERIES_MAX),
    };
    let found = source.storage.series(&request).await;
    found.map_err(|error| refusal(500, error.to_string()))
}
