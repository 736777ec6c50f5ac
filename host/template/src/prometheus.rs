//! Templates as alerting rules have them: in labels and annotations.
//!
//! It is not: who evaluates the rule. What `query` asks, the caller answers.

mod address;
mod functions;

use std::fmt;

use narthex_model::Labels;

pub use self::functions::Expander;
use crate::error::{ExecuteError, ParseError};
use crate::limits::Limits;
use crate::template::Template;
use crate::value::{Element, Struct, Type, Value};

/// One series of the answer to a `query`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// All its labels, the metric name among them.
    pub labels: Labels,
    /// Its value.
    pub value: SampleValue,
}

/// A value as templates see it.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleValue {
    /// A float.
    Float(f64),
    /// A native histogram, as Prometheus prints it: templates cannot look into it.
    Histogram(String),
}

impl From<SampleValue> for Value {
    fn from(value: SampleValue) -> Self {
        match value {
            SampleValue::Float(value) => Self::Float(value),
            SampleValue::Histogram(text) => Self::string(text),
        }
    }
}

/// Who answers the `query` function.
pub trait Querier {
    /// Evaluates an instant query.
    ///
    /// # Errors
    ///
    /// Why there is no answer; it ends up in the annotation.
    fn query(&self, expression: &str, at_ms: i64) -> Result<Vec<Sample>, String>;
}

/// Answers no query: for checks, and where nothing can be asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoQuerier;

impl Querier for NoQuerier {
    fn query(&self, _: &str, _: i64) -> Result<Vec<Sample>, String> {
        Err("queries are not possible here".to_owned())
    }
}

/// The values of one alert that its templates see.
#[derive(Debug, Clone)]
pub struct AlertData(Value);

const ALERT_DATA: Type = Type::plain(
    "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; \
     Value interface {} }",
    Element::Any,
);

impl AlertData {
    /// Of an alert: the labels of the series that raised it, the server's external labels and URL,
    /// and the value of the series.
    pub fn new(
        labels: &Labels,
        external_labels: &Labels,
        external_url: &str,
        value: SampleValue,
    ) -> Self {
        Self(Value::Struct(Struct::new(
            &ALERT_DATA,
            vec![
                ("Labels", string_map(labels)),
                ("ExternalLabels", string_map(external_labels)),
                ("ExternalURL", external_url.into()),
                ("Value", value.into()),
            ],
        )))
    }

    /// As a template sees it.
    pub fn value(&self) -> &Value {
        &self.0
    }
}

fn string_map(labels: &Labels) -> Value {
    Value::string_map(labels.iter())
}

/// What stands before the text of every label and annotation: short names for the data.
const PRELUDE: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
                       {{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// Why a label or annotation could not be expanded, in Prometheus' words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpandError {
    /// It is no template.
    #[error("error parsing template {name}: {source}")]
    Parse {
        /// The template's name.
        name: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// A file whose definitions it may use is no template.
    #[error("error parsing template files for {name}: {source}")]
    ParseFiles {
        /// The template's name.
        name: String,
        /// What is wrong with the file.
        source: ParseError,
    },
    /// It failed.
    #[error("error executing template {name}: {source}")]
    Execute {
        /// The template's name.
        name: String,
        /// How.
        source: ExecuteError,
    },
}

/// The text of one label or annotation of an alerting rule, parsed once and expanded for each
/// alert.
#[derive(Debug, Clone)]
pub struct AlertTemplate {
    name: String,
    parsed: Parsed,
}

#[derive(Debug, Clone)]
enum Parsed {
    /// There is no action in it.
    Plain(String),
    Template(Template),
    /// Prometheus finds it out when it expands, and so do we.
    Broken(ParseError),
}

impl AlertTemplate {
    /// Parses a text of the alert of that name. One that is no template is so when it is expanded.
    pub fn new(alert: &str, text: &str) -> Self {
        let name = format!("__alert_{alert}");
        let parsed = if text.contains("{{") {
            let text = format!("{PRELUDE}{text}");
            match Template::parse(&name, &text, &functions::Names) {
                Ok(template) => Parsed::Template(template),
                Err(error) => Parsed::Broken(error),
            }
        } else {
            Parsed::Plain(text.to_owned())
        };
        Self { name, parsed }
    }

    /// What is wrong with the text, for checks.
    pub fn error(&self) -> Option<&ParseError> {
        match &self.parsed {
            Parsed::Broken(error) => Some(error),
            _ => None,
        }
    }

    /// Whether the text has no action: then it expands to itself.
    pub fn is_plain(&self) -> bool {
        matches!(self.parsed, Parsed::Plain(_))
    }

    /// Expands it for one alert.
    ///
    /// # Errors
    ///
    /// Prometheus' words; rules show them as `<error expanding template: …>`.
    pub fn expand(&self, data: &AlertData, expander: &Expander<'_>) -> Result<String, ExpandError> {
        let name = || self.name.clone();
        match &self.parsed {
            Parsed::Plain(text) => Ok(text.clone()),
            Parsed::Broken(error) => Err(ExpandError::Parse {
                name: name(),
                source: error.clone(),
            }),
            Parsed::Template(template) => template
                .execute(data.value(), expander, &expander.limits)
                .map_err(|source| ExpandError::Execute {
                    name: name(),
                    source,
                }),
        }
    }
}

/// Expands a text of any data as HTML, together with files whose definitions it may use: what
/// Prometheus does with console templates.
///
/// # Errors
///
/// Prometheus' words.
pub fn expand_html(
    name: &str,
    text: &str,
    files: &[(String, String)],
    data: &Value,
    expander: &Expander<'_>,
) -> Result<String, ExpandError> {
    let parse = |source| ExpandError::Parse {
        name: name.to_owned(),
        source,
    };
    let mut templates = crate::Templates::default();
    let functions = functions::Html(expander);
    templates.add(name, text, &functions).map_err(parse)?;
    for (file, text) in files {
        templates
            .add(file, text, &functions)
            .map_err(|source| ExpandError::ParseFiles {
                name: name.to_owned(),
                source,
            })?;
    }
    templates
        .execute_html(name, data, &functions, &expander.limits)
        .map_err(|source| ExpandError::Execute {
            name: name.to_owned(),
            source,
        })
}

/// The names of the functions that templates of rules have.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    functions::names()
}

impl<'a> Expander<'a> {
    /// What templates are expanded with: who answers queries, the time of the evaluation in
    /// milliseconds, and the URL under which the server is seen from outside.
    pub fn new(querier: &'a dyn Querier, at_ms: i64, external_url: &'a str) -> Self {
        Self {
            querier,
            at_ms,
            external_url,
            limits: Limits::ANNOTATION,
        }
    }
}

impl fmt::Debug for Expander<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expander")
            .field("at_ms", &self.at_ms)
            .field("external_url", &self.external_url)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
