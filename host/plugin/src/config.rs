//! The section `plugins` of the configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use narthex_http::{Secret, TlsConfig};
use narthex_model::PromDuration;
use narthex_registry::{GrantList, MemorySize, RegistryConfig};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::MEMORY_DEFAULT;

/// Where plugins lie and what they may do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PluginsConfig {
    /// A folder of plugins, each `NAME.wasm` with its manifest `NAME.toml`. They come before the
    /// binary's own of the same name.
    pub directory: Option<PathBuf>,
    /// What plugins may reach, by name. One that is not listed may reach what a job's target
    /// names; the binary's own also what their manifests ask for.
    pub grants: BTreeMap<String, Grant>,
    /// What must not be known, by the name that plugins ask for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, SecretConfig>,
    /// How TLS is spoken, by the name that plugins ask for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tls: BTreeMap<String, TlsConfig>,
    /// Bounds on every plugin.
    pub limits: LimitsConfig,
    /// Where plugins come from, and who may have signed those in the folder; without it, loose
    /// files and unsigned packages are loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registry: Option<RegistryConfig>,
}

/// Where a secret lies: exactly one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecretConfig {
    /// A file with nothing else in it, read anew each time it is needed; space around the secret
    /// does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The secret itself.
    #[serde(skip_serializing_if = "Secret::is_empty")]
    pub value: Secret,
}

impl PluginsConfig {
    /// What does not hold, each with where it stands; empty where all does.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, grant) in &self.grants {
            if let Grant::Exactly(list) = grant
                && let Err(fault) = list.check(false)
            {
                faults.push(format!("plugins.grants.{name}: {fault}"));
            }
        }
        for (name, secret) in &self.secrets {
            if secret.file.is_some() != secret.value.is_empty() {
                let text = "exactly one of file and value must be configured";
                faults.push(format!("plugins.secrets.{name}: {text}"));
            }
        }
        for (name, tls) in &self.tls {
            let here = tls.faults().into_iter();
            faults.extend(here.map(|fault| format!("plugins.tls.{name}: {fault}")));
        }
        for (name, limits) in &self.limits.per_plugin {
            let is_zero = limits
                .timeout
                .is_some_and(|timeout| timeout.as_millis() == 0);
            if is_zero || limits.concurrency == Some(0) {
                let text = "timeout and concurrency must be above 0";
                faults.push(format!("plugins.limits.per_plugin.{name}: {text}"));
            }
        }
        if let Some(registry) = &self.registry {
            faults.extend(registry.faults());
        }
        faults
    }
}

/// Bounds that an operator sets.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// The memory of one instance; a manifest can ask for less, not for more.
    pub memory: MemorySize,
    /// Bounds on one plugin, which go before its manifest's and the one above.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub per_plugin: BTreeMap<String, PluginLimits>,
}

/// Bounds that an operator sets on one plugin; what is left out is as for every plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PluginLimits {
    /// The memory of one instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemorySize>,
    /// The longest that one call may take, within a scrape's own timeout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<PromDuration>,
    /// Calls of one job at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            memory: MEMORY_DEFAULT,
            per_plugin: BTreeMap::new(),
        }
    }
}

/// What one plugin may reach beside the targets of its jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each plugin of a configuration, not many"
)]
pub enum Grant {
    /// All that its manifest asks for. Written `as-requested`.
    AsRequested,
    /// Exactly this, whatever its manifest asks for.
    Exactly(GrantList),
}

/// The word for [`Grant::AsRequested`].
const AS_REQUESTED: &str = "as-requested";

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct GrantVisitor;

        impl<'de> Visitor<'de> for GrantVisitor {
            type Value = Grant;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(
                    f,
                    "`{AS_REQUESTED}`, or lists such as `tcp`, `http` and `files`"
                )
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Grant, E> {
                match text {
                    AS_REQUESTED => Ok(Grant::AsRequested),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Grant, A::Error> {
                GrantList::deserialize(MapAccessDeserializer::new(map)).map(Grant::Exactly)
            }
        }

        deserializer.deserialize_any(GrantVisitor)
    }
}

impl Serialize for Grant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::AsRequested => serializer.serialize_str(AS_REQUESTED),
            Self::Exactly(list) => list.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_reads_back_as_it_was_written() {
        let text = r#"{"directory":"plugins","grants":{"a":"as-requested","b":{"files":["/proc"],
            "tcp":["db:5432"],"http":[]}},"limits":{"memory":"32MiB"}}"#;
        let config: PluginsConfig = serde_json::from_str(text).unwrap();
        assert_eq!(config.grants["a"], Grant::AsRequested);
        assert_eq!(config.limits.memory, MemorySize(32 << 20));
        let written = serde_json::to_string(&config).unwrap();
        assert_eq!(
            serde_json::from_str::<PluginsConfig>(&written).unwrap(),
            config
        );
        assert_eq!(
            serde_json::from_str::<PluginsConfig>("{}").unwrap(),
            PluginsConfig::default()
        );
    }

    #[test]
    fn secrets_do_not_show_and_faults_say_where_they_stand() {
        let text = r#"{"secrets": {"a": {"value": "hunter2"}, "b": {"file": "/b"}, "c": {},
            "d": {"file": "/d", "value": "x"}}, "tls": {"e": {"cert_file": "x"}},
            "grants": {"f": {"tcp": ["nonsense"]}, "g": {"tls": ["${config.x}"]}}}"#;
        let config: PluginsConfig = serde_json::from_str(text).unwrap();
        for shown in [
            serde_json::to_string(&config).unwrap(),
            format!("{config:?}"),
        ] {
            assert!(!shown.contains("hunter2"), "{shown}");
            assert!(shown.contains("<secret>"), "{shown}");
        }
        let faults = config.faults();
        let starts = [
            "plugins.grants.f: \"nonsense\" is not host:port",
            "plugins.grants.g: \"${config.x}\": only a manifest",
            "plugins.secrets.c: exactly one",
            "plugins.secrets.d: exactly one",
            "plugins.tls.e: exactly one of key or key_file",
        ];
        assert_eq!(faults.len(), starts.len(), "{faults:?}");
        for (fault, start) in faults.iter().zip(starts) {
            assert!(fault.starts_with(start), "{fault}");
        }
    }

    #[test]
    fn what_is_no_grant_says_what_one_is() {
        for (text, part) in [
            (r#"{"grants": {"a": "all"}}"#, "`as-requested`, or lists"),
            (r#"{"grants": {"a": {"file": []}}}"#, "unknown field `file`"),
            (r#"{"directories": "x"}"#, "unknown field `directories`"),
            (r#"{"limits": {"memory": "64"}}"#, "64MiB"),
        ] {
            let error = serde_json::from_str::<PluginsConfig>(text)
                .unwrap_err()
                .to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
