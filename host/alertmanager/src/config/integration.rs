//! Receivers: a name, and the integrations that are notified under it.

use serde::Deserialize;
use serde_json::Value;

use super::fields::Settings;
use super::kinds::{KINDS, Kind, OF_EACH};
use super::{ConfigFault, HttpSection};

/// The kind of `plugin_configs`, which Alertmanager does not have: each entry names the plugin that
/// delivers it, and what else it says is the plugin's to check.
const PLUGIN: &str = "plugin";

macro_rules! receiver_config {
    ($($field:ident $kind:literal)*) => {
        /// An entry of `receivers`.
        #[derive(Debug, Clone, PartialEq, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        #[allow(
            missing_docs,
            reason = "the names are those of Alertmanager's configuration reference"
        )]
        pub struct ReceiverConfig {
            pub name: String,
            $(pub $field: Vec<Settings>,)*
        }

        impl ReceiverConfig {
            /// Kind and settings of each integration, in the order in which they are notified.
            pub(super) fn entries(&self) -> Vec<(&'static str, &[Settings])> {
                vec![$(($kind, self.$field.as_slice())),*]
            }
        }
    };
}

receiver_config! {
    webhook_configs "webhook"
    email_configs "email"
    pagerduty_configs "pagerduty"
    opsgenie_configs "opsgenie"
    wechat_configs "wechat"
    slack_configs "slack"
    victorops_configs "victorops"
    pushover_configs "pushover"
    sns_configs "sns"
    telegram_configs "telegram"
    discord_configs "discord"
    webex_configs "webex"
    msteams_configs "msteams"
    msteamsv2_configs "msteamsv2"
    jira_configs "jira"
    rocketchat_configs "rocketchat"
    incidentio_configs "incidentio"
    mattermost_configs "mattermost"
    plugin_configs "plugin"
}

/// One integration of a receiver, as it is delivered: what `global` gives it is filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Integration {
    /// `webhook` for an entry of `webhook_configs`; for one of `plugin_configs` the plugin's name.
    pub kind: String,
    /// Whether it is an entry of `plugin_configs`.
    pub is_plugin: bool,
    /// Its place among those of its kind in its receiver.
    pub index: usize,
    /// Whether it is told of resolved alerts.
    pub sends_resolved: bool,
    /// What the config says of it, secrets included, without the fields above and `http_config`.
    pub settings: Settings,
    /// Its HTTP client.
    pub http: HttpSection,
}

impl Integration {
    /// `webhook[0]`, as logs name it.
    pub(crate) fn shown(&self) -> String {
        format!("{}[{}]", self.kind, self.index)
    }
}

/// The kind of a name.
pub(super) fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// Makes the integrations of a receiver.
pub(super) fn integrations(
    receiver: &ReceiverConfig,
    global: &Settings,
    pointer: &str,
    faults: &mut Vec<ConfigFault>,
) -> Vec<Integration> {
    let mut integrations: Vec<Integration> = Vec::new();
    for (name, list) in receiver.entries() {
        for (at, settings) in list.iter().enumerate() {
            let pointer = format!("{pointer}/{name}_configs/{at}");
            let found = match kind(name) {
                Some(kind) => known(kind, settings, global),
                None => plugin(settings),
            };
            match found {
                Ok(mut integration) => {
                    let same = |other: &&Integration| other.kind == integration.kind;
                    integration.index = integrations.iter().filter(same).count();
                    integrations.push(integration);
                }
                Err(messages) => {
                    let messages = messages.into_iter();
                    faults.extend(messages.map(|text| ConfigFault::new(&pointer, text)));
                }
            }
        }
    }
    integrations
}

fn known(kind: &Kind, written: &Settings, global: &Settings) -> Result<Integration, Vec<String>> {
    let mut faults = written.faults(kind.fields, OF_EACH);
    faults.extend(exclusive(written, kind.exclusive));
    let mut settings = written.clone();
    for (field, from, missing) in kind.inherited {
        let partner = kind.exclusive.iter().find_map(|pair| match pair {
            (one, other) if one == field => Some(*other),
            (one, other) if other == field => Some(*one),
            _ => None,
        });
        if written.has(field) || partner.is_some_and(|partner| written.has(partner)) {
            continue;
        }
        match global.get(from) {
            Some(value) => settings.set(field, value.clone()),
            None if !missing.is_empty() => faults.push((*missing).to_owned()),
            None => {}
        }
    }
    for (fields, missing) in kind.needed {
        if !fields.iter().any(|field| settings.has(field)) {
            faults.push((*missing).to_owned());
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut integration = taken(kind.name, false, settings, kind.sends_resolved);
    let own = written.http().map_err(|fault| vec![fault])?;
    let inherited = global.http().unwrap_or_default();
    integration.http = own.or(inherited).unwrap_or_default();
    Ok(integration)
}

fn plugin(written: &Settings) -> Result<Integration, Vec<String>> {
    let name = written.text(PLUGIN);
    if name.is_empty() {
        return Err(vec!["missing plugin in plugin config".to_owned()]);
    }
    let http = written.http().map_err(|fault| vec![fault])?;
    let faults = http.iter().flat_map(HttpSection::http_faults);
    let faults = faults.map(|fault| format!("http_config: {fault}"));
    let faults: Vec<String> = faults.collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut settings = written.clone();
    settings.take(PLUGIN);
    let mut integration = taken(&name, true, settings, true);
    integration.http = http.unwrap_or_default();
    Ok(integration)
}

fn taken(kind: &str, is_plugin: bool, mut settings: Settings, sends_resolved: bool) -> Integration {
    let sends = settings.take("send_resolved");
    let sends = sends.as_ref().and_then(Value::as_bool);
    settings.take("http_config");
    Integration {
        kind: kind.to_owned(),
        is_plugin,
        index: 0,
        sends_resolved: sends.unwrap_or(sends_resolved),
        settings,
        http: HttpSection::default(),
    }
}

/// What of two is there although only one may be.
pub(super) fn exclusive(settings: &Settings, pairs: &[(&str, &str)]) -> Vec<String> {
    let both = |pair: &&(&str, &str)| settings.has(pair.0) && settings.has(pair.1);
    let both = pairs.iter().filter(both);
    both.map(|(one, other)| format!("at most one of {one} & {other} must be configured"))
        .collect()
}
