//! The section `plugins.registry` of the configuration.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use narthex_model::PromDuration;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::manifest::is_name;

/// So many plugins are followed at most.
pub(crate) const FOLLOWED_MAX: usize = 1000;

/// So many keys are tried at most.
pub(crate) const KEYS_MAX: usize = 32;

/// How often tags are looked at where the configuration does not say.
const INTERVAL_DEFAULT: PromDuration = PromDuration::from_secs(5 * 60);

/// The shortest interval: registries count requests.
const INTERVAL_MIN: PromDuration = PromDuration::from_secs(1);

/// The longest tag, as registries have it.
const TAG_BYTES_MAX: usize = 128;

/// Where plugins come from and whose signatures count.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistryConfig {
    /// Host, port and path that repositories lie under: `registry.example/narthex`; the plugin
    /// `redis` is `registry.example/narthex/redis`.
    pub url: String,
    /// Files with public keys in PEM. A signature by one of them is enough.
    pub keys: Vec<PathBuf>,
    /// Whether a plugin that is not signed is refused.
    pub require_signature: bool,
    /// Whether the registry is asked by plain HTTP.
    pub insecure: bool,
    /// The user's name; without it the credentials of `narthex plugin login` are used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// A file with the user's password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Tags whose plugins are installed whenever they move.
    pub follow: Vec<Followed>,
    /// How often they are looked at.
    pub interval: PromDuration,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            keys: Vec::new(),
            require_signature: true,
            insecure: false,
            username: None,
            password_file: None,
            follow: Vec::new(),
            interval: INTERVAL_DEFAULT,
        }
    }
}

/// A plugin and the tag of it that is followed; written `redis:1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// The plugin.
    pub name: String,
    /// The tag.
    pub tag: String,
}

impl RegistryConfig {
    /// What does not fit together, each as a sentence; empty where all does.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut fault = |wrong: bool, text: &str| {
            if wrong {
                faults.push(format!("plugins.registry: {text}"));
            }
        };
        fault(
            self.url.is_empty() && !self.follow.is_empty(),
            "to follow plugins it needs a url",
        );
        fault(
            self.require_signature && self.keys.is_empty(),
            "signatures are required, so keys needs at least one file (or write \
             require_signature: false)",
        );
        fault(
            self.username.is_some() != self.password_file.is_some(),
            "username and password_file go together",
        );
        fault(self.keys.len() > KEYS_MAX, "more than 32 keys");
        fault(
            self.follow.len() > FOLLOWED_MAX,
            "more than 1000 plugins to follow",
        );
        fault(self.interval < INTERVAL_MIN, "interval is below 1s");
        let mut names: Vec<&str> = self.follow.iter().map(|f| f.name.as_str()).collect();
        names.sort_unstable();
        fault(
            names.windows(2).any(|pair| pair[0] == pair[1]),
            "a plugin can follow one tag only",
        );
        faults
    }

    /// Takes relative paths from the folder of the config file.
    pub fn resolve(&mut self, folder: &Path) {
        for path in self.keys.iter_mut().chain(&mut self.password_file) {
            *path = folder.join(&*path);
        }
    }
}

impl FromStr for Followed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("{text:?} is not a plugin and a tag such as redis:1");
        let (name, tag) = text.split_once(':').ok_or_else(fault)?;
        match is_name(name) && is_tag(tag) {
            true => Ok(Self {
                name: name.to_owned(),
                tag: tag.to_owned(),
            }),
            false => Err(fault()),
        }
    }
}

impl std::fmt::Display for Followed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.name, self.tag)
    }
}

impl<'de> Deserialize<'de> for Followed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl Serialize for Followed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whether a text can be a tag in a registry.
pub fn is_tag(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    text.len() <= TAG_BYTES_MAX
        && text.bytes().all(is_inner)
        && !text.is_empty()
        && !text.starts_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_reads_back_as_it_was_written() {
        let text = r#"{"url":"registry.example/narthex","keys":["a.pub"],"require_signature":true,
            "insecure":false,"username":"u","password_file":"p","follow":["redis:1"],
            "interval":"1m"}"#;
        let mut config: RegistryConfig = serde_json::from_str(text).unwrap();
        assert_eq!(config.faults(), [""; 0]);
        assert_eq!(config.follow[0].to_string(), "redis:1");
        let written = serde_json::to_string(&config).unwrap();
        assert_eq!(
            serde_json::from_str::<RegistryConfig>(&written).unwrap(),
            config
        );
        config.resolve(Path::new("/etc/narthex"));
        assert_eq!(config.keys, [Path::new("/etc/narthex/a.pub")]);
        assert_eq!(
            config.password_file.as_deref(),
            Some(Path::new("/etc/narthex/p"))
        );
    }

    #[test]
    fn what_does_not_fit_together_is_said() {
        for (text, part) in [
            (r#"{"url":"r"}"#, "keys needs at least one file"),
            (
                r#"{"require_signature":false,"follow":["a:1"]}"#,
                "needs a url",
            ),
            (
                r#"{"require_signature":false,"username":"u"}"#,
                "go together",
            ),
            (
                r#"{"require_signature":false,"interval":"10ms"}"#,
                "below 1s",
            ),
            (
                r#"{"url":"r","require_signature":false,"follow":["a:1","b:1","a:2"]}"#,
                "one tag only",
            ),
        ] {
            let config: RegistryConfig = serde_json::from_str(text).unwrap();
            let faults = config.faults();
            assert!(
                faults.len() == 1 && faults[0].contains(part),
                "{text}: {faults:?}"
            );
        }
        for text in [
            r#"{"urls":"r"}"#,
            r#"{"follow":["a"]}"#,
            r#"{"follow":["a:../b"]}"#,
        ] {
            assert!(
                serde_json::from_str::<RegistryConfig>(text).is_err(),
                "{text}"
            );
        }
    }
}
