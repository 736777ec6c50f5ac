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
use narthex_plugin::{Outcome, PluginReceiver, PluginRuntime};
use narthex_template::alertmanager::Templates;
use serde_json::Value;
use tokio::time::Instant;

use texts::NotificationTexts;
pub(crate) use texts::{add_templates, read_templates};

/// The integration that needs no plugin.
const WEBHOOK: &str = "webhook";

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
        let texts = NotificationTexts::new(templates, notification, self.clock.now_ms());
        let told = of_plugin(notification);
        match self.plugin.notify(&told, Arc::new(texts), deadline).await {
            Outcome::Delivered => Ok(()),
            Outcome::Retry { after, reason } => Err(NotifyError {
                is_temporary: true,
                retry_after: after,
                reason: FailureReason::Other,
                message: match reason.is_empty() {
                    true => "the receiver asks to try again".to_owned(),
                    false => reason,
                },
            }),
            Outcome::Rejected { reason } => Err(NotifyError {
                is_temporary: false,
                retry_after: None,
                reason: FailureReason::ClientError,
                message: reason,
            }),
        }
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
