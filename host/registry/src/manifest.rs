//! A plugin's `plugin.toml`: who it is, what it asks for, what it suggests.

use serde::Deserialize;

use crate::endpoint::EndpointPattern;
use crate::files::PackagedFiles;
use crate::memory::MemorySize;
use crate::request::GrantList;

/// The worlds that this host runs.
pub const WORLDS: [&str; 1] = ["exporter"];

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
    /// collection under way; what they name is granted without being asked for.
    #[serde(default)]
    pub request: GrantList,
    /// What it needs.
    #[serde(default)]
    pub limits: ManifestLimits,
    /// What it suggests to a job that says nothing.
    #[serde(default)]
    pub defaults: Defaults,
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

    fn check(&self) -> Result<(), String> {
        if !is_name(&self.name) {
            return Err(format!(
                "name {:?} is not lower-case letters, digits and '-', beginning with a letter",
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
        for pattern in self.request.tcp.iter().chain(&self.request.http) {
            EndpointPattern::parse(pattern)?;
        }
        for path in &self.request.files {
            if !path.starts_with('/') {
                return Err(format!("file {path:?} is not an absolute path"));
            }
        }
        self.files.check()
    }
}

/// Whether a text can name a plugin.
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
        [defaults]
        port = 6379
    "#;

    #[test]
    fn a_whole_manifest() {
        let manifest = Manifest::parse(WHOLE).unwrap();
        assert_eq!(manifest.request.files, ["/proc"]);
        assert_eq!(manifest.limits.memory, Some(MemorySize(32 << 20)));
        assert_eq!(manifest.defaults.port, Some(6379));
    }

    #[test]
    fn faults_name_the_field() {
        for (from, to, part) in [
            ("\"redis\"", "\"Redis\"", "name \"Redis\""),
            ("exporter", "receiver", "world \"receiver\""),
            ("wit = \"0.1\"", "wit = \"0.9\"", "wit \"0.9\""),
            ("\"/proc\"", "\"proc\"", "file \"proc\""),
            ("${target.port}", "${target.prot}", "${target.prot}"),
            ("port = 6379", "prot = 6379", "unknown field `prot`"),
            ("version = \"0.1.0\"", "", "missing field `version`"),
        ] {
            let error = Manifest::parse(&WHOLE.replace(from, to)).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
