//! The texts of a receiver's configuration in a trial: expanded with the fixture's notification, and
//! the default templates.
//!
//! It is not: an operator's templates. A fixture has none.

use std::collections::BTreeMap;

use narthex_plugin::{Alert, Expand, Notification, TextForm};
use narthex_template::alertmanager::{self, Data, Functions, Status, Templates};
use narthex_template::{Limits, Time};

use crate::AuthorError;

/// Expands texts with one notification.
#[derive(Debug)]
pub(crate) struct TrialTexts {
    templates: Templates,
    data: Data,
    functions: Functions,
}

impl TrialTexts {
    /// At the fixture's time.
    pub(crate) fn new(notification: &Notification, now_ms: i64) -> Result<Self, AuthorError> {
        let templates = Templates::new();
        let templates = templates.map_err(|error| AuthorError::Component(error.to_string()))?;
        let data = Data::new(
            &notification.receiver,
            &notification.external_url,
            map(&notification.group_labels),
            notification.alerts.iter().map(alert).collect(),
        );
        Ok(Self {
            templates,
            data,
            functions: Functions::at(Time::from_millis(now_ms)),
        })
    }
}

impl Expand for TrialTexts {
    fn expand(&self, template: &str, form: TextForm) -> Result<String, String> {
        let (data, functions, limits) = (&self.data, &self.functions, &Limits::DEFAULT);
        let expanded = match form {
            TextForm::Plain => self
                .templates
                .expand_text(template, data, functions, limits),
            TextForm::Html => self
                .templates
                .expand_html(template, data, functions, limits),
        };
        expanded.map_err(|error| error.to_string())
    }
}

fn alert(alert: &Alert) -> alertmanager::Alert {
    alertmanager::Alert {
        status: match alert.is_firing {
            true => Status::Firing,
            false => Status::Resolved,
        },
        labels: map(&alert.labels),
        annotations: map(&alert.annotations),
        starts_at: Time::from_millis(alert.starts_at_ms),
        ends_at: alert.ends_at_ms.map_or(Time::ZERO, Time::from_millis),
        generator_url: alert.generator_url.clone(),
        fingerprint: alert.fingerprint.clone(),
    }
}

fn map(pairs: &[(String, String)]) -> BTreeMap<String, String> {
    pairs.iter().cloned().collect()
}
