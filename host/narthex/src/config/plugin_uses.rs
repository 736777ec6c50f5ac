//! Where the config uses plugins, and what is wrong with it: only a plugin's manifest knows what
//! may be said to it.
//!
//! It is not: who loads plugins. What is known of them is asked for by a function, so that a
//! config can be checked without a running server.

use std::collections::BTreeMap;
use std::sync::Arc;

use narthex_discovery::SdConfig;
use narthex_scrape::config::ScrapeConfig;
use serde_json::Value;

use super::alerting::Receiver;
use crate::yaml::{Fault, Places, YamlError, shown};

/// All uses of plugins in a config file.
#[derive(Debug, Clone)]
pub(crate) struct PluginUses {
    /// The main file first.
    files: Vec<ConfigFile>,
    uses: Vec<PluginUse>,
}

/// A file that jobs stand in.
#[derive(Debug, Clone)]
pub(super) struct ConfigFile {
    /// Its name.
    pub(super) name: String,
    /// What it says, for the places of faults.
    pub(super) text: Arc<str>,
}

/// Where a job stands: which file, and which entry of its `scrape_configs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct JobOrigin {
    pub(super) file: usize,
    pub(super) index: usize,
}

/// What a plugin has to be able to do where it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PluginPlace {
    /// `scrape_configs[].plugin`
    Exporter,
    /// `scrape_configs[].plugin_sd_configs[]`, `consul_sd_configs[]` and the like.
    Discovery,
    /// An entry of a receiver, in the config of the Alertmanager.
    Receiver,
}

impl PluginPlace {
    /// The world of the contract, as a manifest names it.
    pub(crate) fn world(self) -> &'static str {
        match self {
            Self::Exporter => "exporter",
            Self::Discovery => "discovery",
            Self::Receiver => "receiver",
        }
    }
}

#[derive(Debug, Clone)]
struct PluginUse {
    place: PluginPlace,
    /// Which file it stands in.
    file: usize,
    /// Whose it is, as a message begins.
    owner: String,
    plugin: String,
    settings: Value,
    /// Points to the entry that names the plugin, and says what the entry is within its owner.
    entry: (String, String),
    /// The field of the entry that holds the settings; empty where the entry itself is them.
    field: &'static str,
}

/// What is wrong with a use of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PluginFault {
    /// There is no such plugin, or it cannot be used here.
    Plugin(String),
    /// A setting: a JSON pointer into the settings, and what is wrong there.
    Setting(String, String),
}

impl std::fmt::Display for PluginFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Plugin(message) => f.write_str(message),
            Self::Setting(pointer, message) => write!(f, "{pointer}: {message}"),
        }
    }
}

impl PluginUses {
    /// The uses of jobs that were read from files, each with where it stands, and of what finds
    /// Alertmanagers, which stands in the main file.
    pub(super) fn of(
        files: Vec<ConfigFile>,
        origins: &[JobOrigin],
        jobs: &[Arc<ScrapeConfig>],
        receivers: &[Receiver],
    ) -> Self {
        let uses = origins.iter().zip(jobs).flat_map(|(origin, job)| {
            let JobOrigin { file, index } = *origin;
            let at_job = format!("/scrape_configs/{index}");
            let settings = |settings: &Option<narthex_model::PluginSettings>| {
                settings
                    .as_ref()
                    .map_or(Value::Null, |held| held.expose().clone())
            };
            let owner = format!("job {:?}", job.job_name);
            let collects = job.plugin.as_ref().map(|plugin| PluginUse {
                place: PluginPlace::Exporter,
                file,
                owner: owner.clone(),
                plugin: plugin.clone(),
                settings: settings(&job.plugin_config),
                entry: (at_job.clone(), String::new()),
                field: "plugin_config",
            });
            let mut uses = Vec::from_iter(collects);
            uses.extend(discoveries(job, file, &owner, &at_job));
            uses
        });
        let of_receivers = receivers.iter().flat_map(|receiver| {
            let Receiver { pointer, client } = receiver;
            discoveries(client, 0, &shown(pointer), pointer)
        });
        let uses = uses.chain(of_receivers).collect();
        Self { files, uses }
    }

    /// Whether no plugin is used.
    pub(crate) fn is_empty(&self) -> bool {
        self.uses.is_empty()
    }

    /// Checks every use against what is known of its plugin.
    ///
    /// # Errors
    /// All faults, each with its line and column, in the order of the jobs, those of Alertmanagers
    /// last.
    pub(crate) fn check(
        &self,
        faults: impl Fn(PluginPlace, &str, &Value) -> Vec<PluginFault>,
    ) -> Result<(), YamlError> {
        let found: Vec<(&PluginUse, PluginFault)> = self
            .uses
            .iter()
            .flat_map(|used| {
                let faults = faults(used.place, &used.plugin, &used.settings);
                faults.into_iter().map(move |fault| (used, fault))
            })
            .collect();
        if found.is_empty() {
            return Ok(());
        }
        let main_file = self.files.first().map_or("", |file| file.name.as_str());
        let places: Vec<_> = self
            .files
            .iter()
            .map(|file| Places::of(&file.text))
            .collect();
        let faults = found.into_iter().map(|(used, fault)| {
            let places = places.get(used.file).and_then(Option::as_ref);
            let (at, shown) = &used.entry;
            let (pointer, what, message) = match fault {
                PluginFault::Plugin(message) if used.field.is_empty() => {
                    let shown = shown.trim_end_matches('.');
                    (at.clone(), shown.to_owned(), message)
                }
                PluginFault::Plugin(message) => {
                    (format!("{at}/plugin"), format!("{shown}plugin"), message)
                }
                PluginFault::Setting(pointer, message) => {
                    let field = used.field;
                    let path = path(&used.settings, &pointer);
                    if field.is_empty() {
                        let shown = shown.trim_end_matches('.');
                        (format!("{at}{pointer}"), format!("{shown}{path}"), message)
                    } else {
                        (
                            format!("{at}/{field}{pointer}"),
                            format!("{shown}{field}{path}"),
                            message,
                        )
                    }
                }
            };
            let place = places.and_then(|places| places.find(&pointer));
            let message = format!("{}: {what}: {message}", used.owner);
            match self.files.get(used.file) {
                Some(file) => Fault::new(&file.text, place, message).in_file(&file.name),
                None => Fault::new("", place, message),
            }
        });
        Err(YamlError {
            file: main_file.to_owned(),
            faults: faults.collect(),
        })
    }
}

/// What finds the targets of who stands at a pointer.
fn discoveries(found: &ScrapeConfig, file: usize, owner: &str, at: &str) -> Vec<PluginUse> {
    // How many entries of its field came before each.
    let mut counts = BTreeMap::<&str, usize>::new();
    let mut uses = Vec::new();
    for entry in found.sd_configs() {
        let field = entry.field();
        let count = counts.entry(field).or_default();
        let index = *count;
        *count += 1;
        let Some(plugin) = entry.plugin() else {
            continue;
        };
        uses.push(PluginUse {
            place: PluginPlace::Discovery,
            file,
            owner: owner.to_owned(),
            plugin: plugin.to_owned(),
            settings: entry.settings(),
            entry: (
                format!("{at}/{field}/{index}"),
                format!("{field}[{index}]."),
            ),
            // The others are told what their entries say.
            field: match entry {
                SdConfig::Plugin(_) => "config",
                _ => "",
            },
        });
    }
    uses
}

/// A JSON pointer as people write it: `.list[3].name`.
fn path(settings: &Value, pointer: &str) -> String {
    let mut path = String::new();
    let mut value = Some(settings);
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        match value {
            Some(Value::Array(items)) => {
                path.push_str(&format!("[{step}]"));
                value = step.parse().ok().and_then(|at: usize| items.get(at));
            }
            _ => {
                path.push_str(&format!(".{step}"));
                value = value.and_then(|value| value.get(&step));
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Config;

    #[test]
    fn pointers_are_shown_as_people_write_them() {
        let settings = json!({"a": [{"b/c": 1}], "2": {"3": 4}});
        for (pointer, expected) in [
            ("", ""),
            ("/a", ".a"),
            ("/a/0/b~1c", ".a[0].b/c"),
            ("/2/3", ".2.3"),
            ("/gone/1", ".gone.1"),
        ] {
            assert_eq!(path(&settings, pointer), expected);
        }
    }

    /// Plugins of every kind of fault, by their names.
    fn faults(place: PluginPlace, plugin: &str, settings: &Value) -> Vec<PluginFault> {
        let setting = |pointer: &str, message: &str| {
            PluginFault::Setting(pointer.to_owned(), message.to_owned())
        };
        match plugin {
            "redis" if place == PluginPlace::Exporter => match settings["port"].as_u64() {
                Some(port) if port > 65_535 => vec![
                    setting("/port", "70000 is more than 65535"),
                    setting("", "\"host\" is missing"),
                ],
                _ => Vec::new(),
            },
            "cloud" if place == PluginPlace::Discovery => match settings["zones"].get(1) {
                Some(_) => vec![setting("/zones/1", "is no zone")],
                None => Vec::new(),
            },
            "redis" | "cloud" => {
                let world = place.world();
                vec![PluginFault::Plugin(format!(
                    "it is not of the world {world}"
                ))]
            }
            _ => vec![PluginFault::Plugin(format!(
                "no plugin is named {plugin:?}"
            ))],
        }
    }

    #[test]
    fn every_fault_of_a_plugins_settings_has_its_place() {
        for (text, expected) in [
            (
                "scrape_configs:\n- job_name: a\n  plugin: redis\n  plugin_config: {port: 1}\n",
                "",
            ),
            (
                "scrape_configs:\n- job_name: a\n  plugin: redis\n  plugin_config:\n    user: u\n    port: 70000\n\
                 - job_name: b\n  plugin_sd_configs:\n  - plugin: cloud\n    config:\n      zones:\n      - x\n      - y\n",
                "f.yml:6:11: job \"a\": plugin_config.port: 70000 is more than 65535\n\
                 4 |   plugin_config:\n5 |     user: u\n6 |     port: 70000\n  |           ^\n\
                 f.yml:5:5: job \"a\": plugin_config: \"host\" is missing\n\
                 3 |   plugin: redis\n4 |   plugin_config:\n5 |     user: u\n  |     ^\n\
                 f.yml:13:9: job \"b\": plugin_sd_configs[0].config.zones[1]: is no zone\n\
                 11 |       zones:\n12 |       - x\n13 |       - y\n   |         ^",
            ),
            (
                "scrape_configs:\n- job_name: a\n  plugin: rediss\n",
                "f.yml:3:11: job \"a\": plugin: no plugin is named \"rediss\"\n\
                 1 | scrape_configs:\n2 | - job_name: a\n3 |   plugin: rediss\n  |           ^",
            ),
            (
                "scrape_configs:\n- {job_name: a, plugin: cloud, plugin_sd_configs: [{plugin: redis}]}\n",
                "f.yml:2:25: job \"a\": plugin: it is not of the world exporter\n\
                 1 | scrape_configs:\n2 | - {job_name: a, plugin: cloud, plugin_sd_configs: [{plugin: redis}]}\n  \
                 |                         ^\n\
                 f.yml:2:61: job \"a\": plugin_sd_configs[0].plugin: it is not of the world discovery\n\
                 1 | scrape_configs:\n2 | - {job_name: a, plugin: cloud, plugin_sd_configs: [{plugin: redis}]}\n  \
                 |                                                             ^",
            ),
            (
                "alerting:\n  alertmanagers:\n  - static_configs: [{targets: [a]}]\n  - plugin_sd_configs:\n\
                 \x20   - {plugin: cloud}\n    - {plugin: redis}\n    dns_sd_configs: [{names: [a]}]\n",
                "f.yml:6:16: alerting.alertmanagers[1]: plugin_sd_configs[1].plugin: it is not of the world discovery\n\
                 4 |   - plugin_sd_configs:\n5 |     - {plugin: cloud}\n6 |     - {plugin: redis}\n  \
                 |                ^\n\
                 f.yml:7:22: alerting.alertmanagers[1]: dns_sd_configs[0]: no plugin is named \"dns\"\n\
                 5 |     - {plugin: cloud}\n6 |     - {plugin: redis}\n7 |     dns_sd_configs: [{names: [a]}]\n  \
                 |                      ^",
            ),
        ] {
            let config = Config::parse(text, "f.yml").unwrap();
            let checked = config.plugin_uses.check(faults);
            let found = checked.map_or_else(|error| error.to_string(), |()| String::new());
            assert_eq!(found, expected, "{text}");
        }
    }
}
