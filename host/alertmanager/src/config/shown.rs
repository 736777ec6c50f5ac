//! The config for everybody to see: with its defaults, without its secrets.

use narthex_model::PluginSettings;
use serde::Serialize;
use serde_json::{Map, Value};

use super::integration::{ReceiverConfig, kind};
use super::kinds::{GLOBAL, GLOBAL_DEFAULTS, OF_EACH};
use super::{Config, HttpSection};

impl Config {
    /// The value that `/api/v2/status` prints as YAML. Alertmanager and its tools read it as a
    /// config.
    pub fn shown(&self) -> Value {
        let mut shown = Map::new();
        shown.insert("global".to_owned(), self.shown_global());
        let mut add = |name: &str, value: Value| {
            let is_empty = value.as_array().is_some_and(Vec::is_empty);
            if !is_empty && !value.is_null() {
                shown.insert(name.to_owned(), value);
            }
        };
        add("route", plain(&self.route));
        add("inhibit_rules", plain(&self.inhibit_rules));
        let receivers = self.receivers.iter().map(shown_receiver);
        add("receivers", receivers.collect());
        add("mute_time_intervals", plain(&self.mute_time_intervals));
        add("time_intervals", plain(&self.time_intervals));
        shown.insert("templates".to_owned(), plain(&self.templates));
        Value::Object(shown)
    }

    fn shown_global(&self) -> Value {
        let written = self.global.shown(GLOBAL, &[]);
        let mut shown = Map::new();
        for (name, _) in GLOBAL {
            let default = GLOBAL_DEFAULTS.iter().find(|(known, _)| known == name);
            let default = match *name {
                "http_config" => Some(plain(&HttpSection::default())),
                "smtp_require_tls" => Some(Value::from(true)),
                _ => default.map(|(_, value)| Value::from(*value)),
            };
            if let Some(value) = written.get(*name).cloned().or(default) {
                shown.insert((*name).to_owned(), value);
            }
        }
        Value::Object(shown)
    }
}

fn shown_receiver(receiver: &ReceiverConfig) -> Value {
    let mut shown = Map::new();
    shown.insert("name".to_owned(), Value::from(receiver.name.clone()));
    for (name, list) in receiver.entries() {
        if list.is_empty() {
            continue;
        }
        let entries = list.iter().map(|settings| match kind(name) {
            Some(kind) => {
                let mut entry = Map::new();
                let sends = settings.flag("send_resolved");
                let sends = sends.unwrap_or(kind.sends_resolved);
                entry.insert("send_resolved".to_owned(), Value::from(sends));
                for (field, value) in settings.shown(kind.fields, OF_EACH) {
                    entry.insert(field, value);
                }
                Value::Object(entry)
            }
            None => plain(&PluginSettings::from(Value::Object(
                settings.fields().clone(),
            ))),
        });
        shown.insert(format!("{name}_configs"), entries.collect());
    }
    Value::Object(shown)
}

/// A part without secrets.
fn plain(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}
