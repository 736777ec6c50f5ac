//! Texts of the configuration, expanded with a notification: as templates, with what the operator's
//! files and the default ones define.
//!
//! It is not: the templates' language, which `narthex-template` has, nor who reads the files.

use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_template::alertmanager::{self, Data, Functions, Status, Templates};
use narthex_template::{Limits, Time};

use crate::expand::{Expand, TextForm};
use crate::receiver::{Alert, Notification};

/// Expands texts with one notification.
#[derive(Debug)]
pub struct NotificationTexts {
    templates: Arc<Templates>,
    data: Data,
    functions: Functions,
}

impl NotificationTexts {
    /// At a time, in milliseconds since the Unix epoch.
    pub fn new(templates: Arc<Templates>, notification: &Notification, now_ms: i64) -> Self {
        let data = Data::new(
            &notification.receiver,
            &notification.external_url,
            map(&notification.group_labels),
            notification.alerts.iter().map(alert).collect(),
        );
        Self {
            templates,
            data,
            functions: Functions::at(Time::from_millis(now_ms)),
        }
    }
}

impl Expand for NotificationTexts {
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
