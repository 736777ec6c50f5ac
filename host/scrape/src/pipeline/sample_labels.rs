//! From the labels that a target exposes to those that are stored.

use narthex_exposition::MetricType;
use narthex_model::{
    Labels, LabelsBuilder, METRIC_NAME, is_classic_label_name, is_classic_metric_name, relabel,
};

use crate::ScrapeError;
use crate::config::{ScrapeConfig, ValidationScheme};

/// A series with more labels than this fails the scrape, whatever `label_limit` says.
const LABELS_MAX: usize = 1 << 14;

/// What an exposed label is called where the target's label takes its place.
const EXPORTED_PREFIX: &str = "exported_";

/// What a target says of the metric family of a sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Described<'a> {
    pub(super) kind: MetricType,
    /// Empty where it says none.
    pub(super) unit: &'a str,
}

impl Described<'_> {
    /// What the labels say that tell it, empty where nothing is known.
    fn labels(&self) -> [(&'static str, &str); 2] {
        let kind = match self.kind {
            MetricType::Unknown => "",
            kind => kind.as_str(),
        };
        [(TYPE_LABEL, kind), (UNIT_LABEL, self.unit)]
    }
}

const TYPE_LABEL: &str = "__type__";
const UNIT_LABEL: &str = "__unit__";

/// Merges the target's labels into a sample's and relabels the result. `None`: relabelling
/// dropped the sample. Where `described` is given, it becomes labels too, in the place of exposed
/// ones.
///
/// # Errors
/// The labels cannot be stored, or are over a limit; the whole scrape fails then.
pub(super) fn stored<'a>(
    exposed: impl Iterator<Item = (std::borrow::Cow<'a, str>, std::borrow::Cow<'a, str>)>,
    described: Option<Described<'_>>,
    target: &Labels,
    config: &ScrapeConfig,
) -> Result<Option<Labels>, ScrapeError> {
    let mut builder = LabelsBuilder::default();
    let mut empty = Vec::new();
    for (count, (name, value)) in exposed.enumerate() {
        if count == LABELS_MAX {
            let text = format!("series has more than {LABELS_MAX} labels");
            return Err(ScrapeError::Labels(text));
        }
        if value.is_empty() {
            empty.push(name);
        } else {
            if !builder.get(&name).is_empty() {
                let text = format!("label name {name:?} is not unique: invalid sample");
                return Err(ScrapeError::Parse(text));
            }
            builder.set(&name, &value);
        }
    }
    for (name, value) in described.iter().flat_map(Described::labels) {
        match value.is_empty() {
            true => builder.remove(name),
            false => builder.set(name, value),
        };
    }
    if config.honor_labels {
        for (name, value) in target {
            // An exposed label without a value keeps the target's label away.
            if builder.get(name).is_empty() && !empty.iter().any(|empty| empty == name) {
                builder.set(name, value);
            }
        }
    } else {
        override_with(&mut builder, target);
    }
    if !relabel::apply(&config.metric_relabel_configs, &mut builder) {
        return Ok(None);
    }
    let labels = builder.build();
    if labels.is_empty() {
        return Ok(None);
    }
    check(&labels, config)?;
    Ok(Some(labels))
}

fn override_with(builder: &mut LabelsBuilder, target: &Labels) {
    let mut conflicts = Vec::new();
    for (name, value) in target {
        let exposed = builder.get(name);
        if !exposed.is_empty() {
            conflicts.push((name, exposed.to_owned()));
        }
        builder.set(name, value);
    }
    // The shortest name first, so that the outcome does not depend on the order of the labels.
    conflicts.sort_by_key(|(name, _)| name.len());
    for (name, value) in conflicts {
        let mut renamed = format!("{EXPORTED_PREFIX}{name}");
        while !builder.get(&renamed).is_empty() {
            renamed.insert_str(0, EXPORTED_PREFIX);
        }
        builder.set(&renamed, &value);
    }
}

fn check(labels: &Labels, config: &ScrapeConfig) -> Result<(), ScrapeError> {
    let metric = labels.metric_name();
    if metric.is_empty() {
        let text = "missing metric name (__name__ label)".to_owned();
        return Err(ScrapeError::Labels(text));
    }
    if config.metric_name_validation_scheme == Some(ValidationScheme::Legacy) {
        let is_classic = |(name, value): (&str, &str)| match name {
            METRIC_NAME => is_classic_metric_name(value),
            name => is_classic_label_name(name),
        };
        if !labels.iter().all(is_classic) {
            let text = format!("invalid metric name or label names: {labels}");
            return Err(ScrapeError::Labels(text));
        }
    }
    check_limits(labels, metric, config).map_err(ScrapeError::LabelLimit)
}

fn check_limits(labels: &Labels, metric: &str, config: &ScrapeConfig) -> Result<(), String> {
    let metric = start_of(metric);
    let over = |size: usize, limit: u64| limit > 0 && size as u64 > limit;
    let limit = config.label_limit;
    if limit > 0 && over(labels.len(), limit) {
        return Err(format!(
            "label_limit exceeded (metric: {metric}, number of labels: {}, limit: {limit})",
            labels.len()
        ));
    }
    let (name_limit, value_limit) = (
        config.label_name_length_limit,
        config.label_value_length_limit,
    );
    if name_limit == 0 && value_limit == 0 {
        return Ok(());
    }
    for (name, value) in labels {
        if over(name.len(), name_limit) {
            return Err(format!(
                "label_name_length_limit exceeded (metric: {metric}, label name: {}, length: {}, \
                 limit: {name_limit})",
                start_of(name),
                name.len()
            ));
        }
        if over(value.len(), value_limit) {
            return Err(format!(
                "label_value_length_limit exceeded (metric: {metric}, label name: {}, value: \
                 {:?}, length: {}, limit: {value_limit})",
                start_of(name),
                start_of(value),
                value.len()
            ));
        }
    }
    Ok(())
}

/// So much of a name or value is shown in an error.
const SHOWN_CHARS: usize = 50;

fn start_of(text: &str) -> &str {
    let end = text.char_indices().nth(SHOWN_CHARS);
    &text[..end.map_or(text.len(), |(at, _)| at)]
}
