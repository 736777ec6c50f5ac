//! A plugin's `plugin.toml`: who it is, what it asks for, what it suggests.

use narthex_model::PromDuration;
use serde::Deserialize;
use serde_json::Value;

use crate::files::PackagedFiles;
use crate::memory::MemorySize;
use crate::request::GrantList;

/// The worlds that this host runs.
pub const WORLDS: [&str; 3] = ["exporter", "discovery", "receiver"];

/// The versions of the contract that this host speaks, as major and minor.
pub const WIT_VERSIONS: [&str; 1] = ["0.1"];

/// A manifest, read and checked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What a job calls it: lower-case letters, digits and `-`, beginning with a letter.
    pub name: String,
    /// Its own version, for people.
    pub version: String,
    /// The world of the contract that it targets.
    pub world: String,
    /// The version of the contract: `0.1`.
    pub wit: String,
    /// What it is for, in a sentence.
    #[serde(default)]
    pub description: String,
    /// What it wants to reach. `${target.host}` and `${target.port}` stand for the target of the
    /// collection under way, `${config.NAME}` for what the job's `plugin_config` has there; what
    /// they name is granted without a grant.
    #[serde(default)]
    pub request: GrantList,
    /// What it needs.
    #[serde(default)]
    pub limits: ManifestLimits,
    /// What it suggests to a job that says nothing.
    #[serde(default)]
    pub defaults: Defaults,
    /// The JSON schema of `plugin_config`, written in TOML; without one there is no check.
    #[serde(default)]
    pub config: Option<Value>,
    /// What travels with the component.
    #[serde(default)]
    pub files: PackagedFiles,
}

/// What a plugin needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ManifestLimits {
    /// The memory of one instance.
    pub memory: Option<MemorySize>,
    /// The longest that one call may take, within a scrape's own timeout.
    pub timeout: Option<PromDuration>,
    /// So many calls of one job run at once.
    pub concurrency: Option<u32>,
}

/// What a plugin suggests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Defaults {
    /// The port of a target whose address has none.
    pub port: Option<u16>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// It is not TOML, has a field that is not known, or asks for something that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let manifest: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The schema of `plugin_config`; none where the manifest has none.
    ///
    /// # Errors
    /// What stands there is no schema; a manifest that was read has none such.
    #[cfg(feature = "schema")]
    pub fn config_schema(&self) -> Result<Option<crate::ConfigSchema>, String> {
        let schema = self.config.as_ref().map(crate::ConfigSchema::new);
        schema.transpose()
    }

    /// Checks a job's `plugin_config`; none at all is an empty one.
    ///
    /// # Errors
    /// What does not fit the schema, each fault with its place.
    #[cfg(feature = "schema")]
    pub fn check_config(&self, config: &Value) -> Result<(), Vec<crate::ConfigFault>> {
        let whole = |message| {
            let pointer = String::new();
            vec![crate::ConfigFault { pointer, message }]
        };
        let Some(schema) = self.config_schema().map_err(whole)? else {
            return Ok(());
        };
        match config {
            Value::Null => schema.check(&Value::Object(serde_json::Map::new())),
            config => schema.check(config),
        }
    }

    fn check(&self) -> Result<(), String> {
        if !is_name(&self.name) {
            return Err(format!(
                "name {:?} is not lower-case letters, digits and '-', beginning with a letter",
                self.name
            ));
        }
        if RESERVED_NAMES.contains(&self.name.as_str()) {
            return Err(format!(
                "name {:?} is a path of the API below /api/v1/plugins, so that no plugin may have \
                 it: another name is needed",
                self.name
            ));
        }
        if !WORLDS.contains(&self.world.as_str()) {
            return Err(format!(
                "world {:?} is not one that this host runs: {}",
                self.world,
                WORLDS.join(", ")
            ));
        }
        if !WIT_VERSIONS.contains(&self.wit.as_str()) {
            return Err(format!(
                "wit {:?} is not a version that this host speaks: {}",
                self.wit,
                WIT_VERSIONS.join(", ")
            ));
        }
        if self
            .limits
            .timeout
            .is_some_and(|timeout| timeout.as_millis() == 0)
        {
            return Err("limits: a timeout of nothing".to_owned());
        }
        if self.limits.concurrency == Some(0) {
            return Err("limits: a concurrency of 0".to_owned());
        }
        self.request.check(true)?;
        #[cfg(feature = "schema")]
        self.config_schema()?;
        self.files.check()
    }
}

/// Names that no plugin may have: `/api/v1/plugins/NAME` is another thing with them.
pub const RESERVED_NAMES: [&str; 2] = ["available", "install"];

/// Whether a text can name a plugin; [`RESERVED_NAMES`] are of the right form, and taken.
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
        name = "redis"
        version = "0.1.0"
        world = "exporter"
        wit = "0.1"
        [request]
        tcp = ["${target.host}:${target.port}"]
        files = ["/proc"]
        [limits]
        memory = "32MiB"
        timeout = "5s"
        concurrency = 2
        [defaults]
        port = 6379
        [config]
        type = "object"
        [config.properties.user]
        type = "string"
    "#;

    #[test]
    fn a_whole_manifest() {
        let manifest = Manifest::parse(WHOLE).unwrap();
        assert_eq!(manifest.request.files, ["/proc"]);
        assert_eq!(manifest.limits.memory, Some(MemorySize(32 << 20)));
        assert_eq!(manifest.defaults.port, Some(6379));
        assert_eq!(manifest.limits.timeout, "5s".parse().ok());
        let schema = manifest.config.unwrap();
        assert_eq!(schema["properties"]["user"]["type"], "string");
        let manifest = Manifest::parse(WHOLE).unwrap();
        assert_eq!(manifest.check_config(&Value::Null), Ok(()));
        let faults = manifest.check_config(&serde_json::json!({"user": 1}));
        assert_eq!(faults.unwrap_err()[0].pointer, "/user");
    }

    #[test]
    fn faults_name_the_field() {
        for (from, to, part) in [
            ("\"redis\"", "\"Redis\"", "name \"Redis\""),
            ("\"redis\"", "\"install\"", "name \"install\" is a path"),
            ("\"redis\"", "\"available\"", "name \"available\" is a path"),
            ("exporter", "importer", "world \"importer\""),
            ("wit = \"0.1\"", "wit = \"0.9\"", "wit \"0.9\""),
            ("\"/proc\"", "\"proc\"", "file \"proc\""),
            ("${target.port}", "${target.prot}", "${target.prot}"),
            ("port = 6379", "prot = 6379", "unknown field `prot`"),
            ("\"5s\"", "\"0s\"", "a timeout of nothing"),
            ("concurrency = 2", "concurrency = 0", "a concurrency of 0"),
            (
                "type = \"object\"",
                "type = \"thing\"",
                "[config.type] is no JSON schema",
            ),
            ("version = \"0.1.0\"", "", "missing field `version`"),
        ] {
            let error = Manifest::parse(&WHOLE.replace(from, to)).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
