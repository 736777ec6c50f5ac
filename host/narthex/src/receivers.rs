//! Who delivers what the Alertmanager tells its receivers: for `slack_configs` the plugin `slack`, for
//! an entry of `plugin_configs` the plugin that it names. Webhooks need none.
//!
//! It is not: what an entry may say (`narthex-alertmanager`), nor what a plugin is granted beside it
//! (`plugins.grants`).

mod lent;
mod texts;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use narthex_alertmanager::{
    BuildNotify, FailureReason, Integration, Notification, NotifiedAlert, Notify, NotifyError,
    Webhook,
};
use narthex_model::{Clock, Labels};
use narthex_plugin::{Attempt, NotificationTexts, Outcome, PluginReceiver, PluginRuntime};
use narthex_template::alertmanager::Templates;
use serde_json::Value;
use tokio::time::Instant;

pub(crate) use texts::{add_templates, read_templates};

/// The integration that needs no plugin.
pub(crate) const WEBHOOK: &str = "webhook";

/// Finds who delivers.
#[derive(Debug)]
pub(crate) struct Integrations {
    plugins: Arc<PluginRuntime>,
    clock: Arc<dyn Clock>,
    /// Those of the config whose integrations are being made. Each keeps its own.
    templates: Mutex<Arc<Templates>>,
}

impl Integrations {
    /// By the plugins that there are.
    pub(crate) fn new(
        plugins: Arc<PluginRuntime>,
        clock: Arc<dyn Clock>,
        templates: Arc<Templates>,
    ) -> Self {
        Self {
            plugins,
            clock,
            templates: Mutex::new(templates),
        }
    }

    /// What is made from here on has these templates.
    pub(crate) fn take_templates(&self, templates: Arc<Templates>) {
        *self
            .templates
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = templates;
    }

    fn templates(&self) -> Arc<Templates> {
        let templates = self.templates.lock();
        templates.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl BuildNotify for Integrations {
    async fn build(
        &self,
        receiver: &str,
        integration: &Integration,
    ) -> Result<Arc<dyn Notify>, String> {
        let kind = &integration.kind;
        if kind == WEBHOOK && !integration.is_plugin {
            let webhook = Webhook::new(integration).map_err(|error| error.to_string())?;
            return Ok(Arc::new(webhook));
        }
        let known = self.plugins.list();
        if !integration.is_plugin && !known.iter().any(|status| status.name == *kind) {
            return Err(format!(
                "there is no plugin {kind:?} that delivers {kind}_configs"
            ));
        }
        let entry = integration.entry()?;
        let lent = lent::lent(&entry)?;
        let settings = Value::Object(entry.settings);
        if let Err(faults) = self.plugins.check_config(kind, &settings) {
            let faults = faults.iter().map(|fault| {
                let field = fault.pointer.trim_start_matches('/').replace('/', ".");
                format!("{field}: {}", fault.message)
            });
            return Err(faults.collect::<Vec<_>>().join("; "));
        }
        let name = format!("{receiver}/{kind}/{}", integration.index);
        let plugin = self.plugins.receiver(kind, &name, &settings, lent);
        Ok(Arc::new(PluginNotify {
            plugin: plugin.map_err(|error| error.to_string())?,
            templates: self.templates(),
            clock: self.clock.clone(),
        }))
    }
}

/// A plugin that delivers.
#[derive(Debug)]
struct PluginNotify {
    plugin: Arc<PluginReceiver>,
    templates: Arc<Templates>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Notify for PluginNotify {
    async fn notify(
        &self,
        notification: &Notification,
        deadline: Instant,
    ) -> Result<(), NotifyError> {
        let templates = self.templates.clone();
        let told = of_plugin(notification);
        let texts = NotificationTexts::new(templates, &told, self.clock.now_ms());
        let attempt = self.plugin.attempt(&told, Arc::new(texts), deadline).await;
        let reason = reason_of(&attempt);
        match attempt.outcome {
            Outcome::Delivered => Ok(()),
            Outcome::Retry {
                after,
                reason: text,
            } => Err(NotifyError {
                is_temporary: true,
                retry_after: after,
                reason,
                message: match text.is_empty() {
                    true => "the receiver asks to try again".to_owned(),
                    false => text,
                },
            }),
            Outcome::Rejected { reason: text } => Err(NotifyError {
                is_temporary: false,
                retry_after: None,
                reason,
                message: text,
            }),
        }
    }
}

/// What a failure comes from, as Alertmanager tells it by the status of the answer. What a receiver
/// refuses without one, or in the body of a good one, is the notification's fault.
fn reason_of(attempt: &Attempt) -> FailureReason {
    match (attempt.is_late, attempt.status, &attempt.outcome) {
        (true, ..) => FailureReason::ContextDeadlineExceeded,
        (false, Some(400..500), _) => FailureReason::ClientError,
        (false, Some(500..600), _) => FailureReason::ServerError,
        (false, None | Some(200..300), Outcome::Rejected { .. }) => FailureReason::ClientError,
        _ => FailureReason::Other,
    }
}

fn of_plugin(notification: &Notification) -> narthex_plugin::Notification {
    let pairs = |labels: &Labels| -> Vec<(String, String)> {
        let pairs = labels.iter();
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    };
    let alert = |alert: &NotifiedAlert| narthex_plugin::Alert {
        is_firing: alert.is_firing,
        fingerprint: alert.fingerprint().to_string(),
        labels: pairs(&alert.alert.labels),
        annotations: alert.alert.annotations.clone().into_iter().collect(),
        starts_at_ms: alert.alert.starts_at_ms,
        ends_at_ms: alert.ends_at_ms(),
        generator_url: alert.alert.generator_url.clone(),
    };
    narthex_plugin::Notification {
        group_key: notification.group_key.clone(),
        receiver: notification.receiver.clone(),
        group_labels: pairs(&notification.group_labels),
        common_labels: notification.common_labels().into_iter().collect(),
        common_annotations: notification.common_annotations().into_iter().collect(),
        external_url: notification.external_url.clone(),
        truncated: 0,
        alerts: notification.alerts.iter().map(alert).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_has_the_reason_that_alertmanager_gives_it() {
        let retry = || Outcome::Retry {
            after: None,
            reason: "r".to_owned(),
        };
        let rejected = || Outcome::Rejected {
            reason: "r".to_owned(),
        };
        for (outcome, status, is_late, expected) in [
            (rejected(), Some(404), false, FailureReason::ClientError),
            (retry(), Some(429), false, FailureReason::ClientError),
            (retry(), Some(503), false, FailureReason::ServerError),
            (rejected(), Some(302), false, FailureReason::Other),
            // The service says in words that it does not want it.
            (rejected(), Some(200), false, FailureReason::ClientError),
            (retry(), Some(200), false, FailureReason::Other),
            // A template that fails; a connection that is refused.
            (rejected(), None, false, FailureReason::ClientError),
            (retry(), None, false, FailureReason::Other),
            (retry(), None, true, FailureReason::ContextDeadlineExceeded),
        ] {
            let attempt = Attempt {
                outcome,
                status,
                is_late,
            };
            assert_eq!(reason_of(&attempt), expected, "{attempt:?}");
        }
    }
}
