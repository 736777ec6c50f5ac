//! The templates of an alerting rule: its labels and annotations, parsed once.
//!
//! It is not: the language, which is `narthex-template`'s, nor who answers what templates ask.

use std::collections::BTreeMap;

use narthex_model::{Labels, LabelsBuilder, METRIC_NAME};
use narthex_promql::VectorSample;
use narthex_template::prometheus::{AlertData, AlertTemplate, Expander, Sample, SampleValue};

use crate::{ALERT_NAME, Annotations};

/// What is wrong with a template.
pub(crate) fn fault(alert: &str, text: &str) -> Option<String> {
    let template = AlertTemplate::new(alert, text);
    template.error().map(ToString::to_string)
}

/// Whether a text is more than itself.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{")
}

/// The templates of a rule.
#[derive(Debug, Clone)]
pub(crate) struct Templates {
    alert: String,
    labels: Vec<(String, AlertTemplate)>,
    annotations: Vec<(String, AlertTemplate)>,
    may_query: bool,
}

impl Templates {
    pub(crate) fn new(
        alert: &str,
        labels: &BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
    ) -> Self {
        let parse = |texts: &BTreeMap<String, String>| -> Vec<(String, AlertTemplate)> {
            let texts = texts.iter();
            texts
                .map(|(name, text)| (name.clone(), AlertTemplate::new(alert, text)))
                .collect()
        };
        let asks = |text: &String| is_template(text) && text.contains("query");
        Self {
            alert: alert.to_owned(),
            labels: parse(labels),
            annotations: parse(annotations),
            may_query: labels.values().chain(annotations.values()).any(asks),
        }
    }

    /// Whether an expansion may ask a query, which takes a thread that may wait.
    pub(crate) fn may_query(&self) -> bool {
        self.may_query
    }

    /// The labels and annotations of the alert that a sample is.
    pub(crate) fn expand(
        &self,
        sample: &VectorSample,
        external_labels: &Labels,
        expander: &Expander<'_>,
        external_url: &str,
    ) -> (Labels, Annotations) {
        let is_plain = |(_, template): &(String, AlertTemplate)| template.is_plain();
        let all_plain = self.labels.iter().chain(&self.annotations).all(is_plain);
        let value = match all_plain {
            // Nobody looks at it.
            true => SampleValue::Float(sample.value),
            false => value_of(sample),
        };
        let data = AlertData::new(&sample.labels, external_labels, external_url, value);
        let expand = |template: &AlertTemplate| {
            template.expand(&data, expander).unwrap_or_else(|error| {
                tracing::warn!(alert = self.alert, %error, "a template was not expanded");
                format!("<error expanding template: {error}>")
            })
        };
        let mut labels = LabelsBuilder::from_labels(&sample.labels);
        labels.remove(METRIC_NAME);
        for (name, template) in &self.labels {
            labels.set(name, &expand(template));
        }
        labels.set(ALERT_NAME, &self.alert);
        let annotations = self.annotations.iter();
        let annotations = annotations.map(|(name, template)| (name.clone(), expand(template)));
        (labels.build(), Annotations::new(annotations.collect()))
    }
}

/// A sample as templates see it.
pub(crate) fn template_sample(sample: &VectorSample) -> Sample {
    Sample {
        labels: sample.labels.clone(),
        value: value_of(sample),
    }
}

fn value_of(sample: &VectorSample) -> SampleValue {
    match &sample.histogram {
        Some(histogram) => SampleValue::Histogram(histogram.to_string()),
        None => SampleValue::Float(sample.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_template_is_found() {
        assert_eq!(fault("A", "{{ $value }} of {{ $labels.job }}"), None);
        assert_eq!(fault("A", "plain"), None);
        assert!(fault("A", "{{ $value").is_some());
        assert!(fault("A", "{{ nobody }}").is_some());
    }
}
