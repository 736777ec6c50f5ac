//! What is asked of the store for a request: matchers for the objects that it is about, and what
//! PromQL says of them.

use std::collections::BTreeMap;

use narthex_promql::{QueryError, QueryOptions, Value, VectorSample};

use crate::adapter::Source;
use crate::answer::{ApiAnswer, refusal};
use crate::limits::NAMES_IN_QUERY_MAX;
use crate::selector::{Term, alternatives, matcher, one_of, quoted};
use crate::template::{Filling, Template};

/// Which objects are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Names {
    /// All that there are series of.
    All,
    /// These.
    Only(Vec<String>),
}

impl Names {
    /// Whether an object is asked for.
    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|own| own == name),
        }
    }
}

/// What fills the template of a rule.
#[derive(Debug, Default)]
pub(crate) struct Question {
    matchers: Vec<String>,
    filling: Filling,
}

impl Question {
    /// Of series of a name, or of those that the template names itself.
    pub(crate) fn of(series: &str) -> Self {
        Self {
            matchers: Vec::new(),
            filling: Filling {
                series: series.to_owned(),
                ..Filling::default()
            },
        }
    }

    /// Of series in a namespace.
    pub(crate) fn in_namespace(mut self, label: &str, namespace: &str) -> Self {
        self.matchers.push(matcher(label, "=", namespace));
        let values = &mut self.filling.values;
        values.insert(label.to_owned(), quoted(namespace));
        self
    }

    /// Of series about objects.
    pub(crate) fn about(mut self, label: &str, names: &Names) -> Self {
        match names {
            Names::Only(names) if names.len() <= NAMES_IN_QUERY_MAX => {
                self.matchers.push(one_of(label, names));
                let values = &mut self.filling.values;
                values.insert(label.to_owned(), quoted(&alternatives(names)));
            }
            _ => self.matchers.push(matcher(label, "!=", "")),
        }
        self
    }

    /// Of series with one more matcher.
    pub(crate) fn only(mut self, matcher: String) -> Self {
        self.matchers.push(matcher);
        self
    }

    /// Of series with labels.
    pub(crate) fn with(mut self, terms: &[Term]) -> Self {
        let terms = terms.iter();
        let matchers = terms.map(|term| matcher(&term.label, term.operator, &term.value));
        self.matchers.extend(matchers);
        self
    }

    /// The query, grouped by labels.
    pub(crate) fn fill(mut self, template: &Template, group_by: &[&str]) -> String {
        self.filling.label_matchers = self.matchers.join(",");
        self.filling.group_by = group_by.join(",");
        template.fill(&self.filling)
    }
}

/// The vector that a query gives, evaluated now.
///
/// # Errors
/// What is to be answered in place of it.
pub(crate) async fn vector(source: &Source, query: &str) -> Result<Vec<VectorSample>, ApiAnswer> {
    let (storage, options) = (source.storage.clone(), QueryOptions::default());
    let asked = source
        .engine
        .instant(storage, query, source.now_ms, &options);
    match asked.await {
        Ok(result) => match result.value {
            Value::Vector(samples) => Ok(samples),
            _ => Err(refusal(500, format!("the query gives no vector: {query}"))),
        },
        Err(error) => {
            tracing::warn!(%error, query, "a query of the metrics APIs failed");
            let status = match &error {
                QueryError::Timeout(_) => 504,
                QueryError::Canceled(_) => 503,
                _ => 500,
            };
            Err(refusal(status, error.to_string()))
        }
    }
}

/// Samples by the values of labels; those that are numbers, and have all labels.
pub(crate) fn by_labels<const N: usize>(
    samples: &[VectorSample],
    labels: [&str; N],
) -> BTreeMap<[String; N], f64> {
    let mut found = BTreeMap::new();
    for sample in samples {
        if sample.histogram.is_some() || !sample.value.is_finite() {
            continue;
        }
        let values = labels.map(|label| sample.labels.get(label).unwrap_or("").to_owned());
        if values.iter().all(|value| !value.is_empty()) {
            found.insert(values, sample.value);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selector::terms;

    #[test]
    fn a_template_is_filled_for_some_objects_or_all() {
        let template = "<<.Series>>{<<.LabelMatchers>>} by (<<.GroupBy>>) <<index .LabelValuesByName \"pod\">>";
        let template = Template::parse(template).unwrap();
        let some = Names::Only(vec!["a".to_owned(), "b.c".to_owned()]);
        let question = Question::of("s").in_namespace("namespace", "n");
        let terms = terms("verb=GET").unwrap();
        assert_eq!(
            question
                .about("pod", &some)
                .with(&terms)
                .fill(&template, &["pod"]),
            r#"s{namespace="n",pod=~"a|b\\.c",verb="GET"} by (pod) a|b\\.c"#
        );
        let all = Question::of("s").about("pod", &Names::All);
        assert_eq!(all.fill(&template, &["pod"]), r#"s{pod!=""} by (pod) "#);
        let many = Names::Only(vec!["x".to_owned(); NAMES_IN_QUERY_MAX + 1]);
        let many = Question::of("s").about("pod", &many);
        assert_eq!(many.fill(&template, &["pod"]), r#"s{pod!=""} by (pod) "#);
    }
}
