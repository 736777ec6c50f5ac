//! A fixture: a target, what the world around it says, and what the plugin is to make of it.
//!
//! It is a TOML file in the folder `fixtures` of a plugin's project:
//!
//! ```toml
//! description = "A server that has just started."
//! now_ms = 1700000000000              # the time that the plugin sees
//!
//! [target]
//! address = "${server.redis}"         # host:port of the server below
//!
//! [plugin_config]
//! password_secret = "redis"
//!
//! [secrets]
//! redis = "hunter2"
//!
//! [[tcp.redis.exchange]]              # or [[http.NAME.exchange]], [[udp.NAME.exchange]]
//! receive = "PING\r\n"
//! send = "+PONG\r\n"
//!
//! [expect]
//! samples = """
//! redis_up 1
//! redis_exporter_last_scrape_duration_seconds *
//! """
//! ```
//!
//! It is not: what plays the servers, nor what runs the plugin.

mod content;
mod dialogue;
mod error;
mod expectation;
mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub use content::{CONTENT_BYTES_MAX, Content};
pub use dialogue::{
    DELAY_MAX, EXCHANGES_MAX, Expected, HttpExchange, SERVERS_MAX, Server, ServerKind, TcpExchange,
    UdpExchange,
};
pub use error::{FixtureError, Place};
pub use expectation::{Expectation, Group, Outcome, SampleExpectation};
pub use source::Notification;

/// The size of one fixture without the files that it names; a larger one is an error.
pub const FIXTURE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Fixtures in one folder; more are an error.
pub const FIXTURES_MAX: usize = 1000;

/// The time that a plugin sees where a fixture says none: a fixed one, so that what it computes
/// of it is the same in every run.
pub const NOW_MS_DEFAULT: i64 = 1_700_000_000_000;

/// The target's address where a fixture says none, for plugins that do not look at it.
pub const ADDRESS_DEFAULT: &str = "localhost";

/// What stands before the name of a server in a placeholder.
const SERVER_PLACEHOLDER: &str = "${server.";

/// What stands for the folder with the fixture's files.
pub const FILES_PLACEHOLDER: &str = "${files}";

/// A fixture, read and checked. Its texts still have their placeholders.
#[derive(Debug, Clone, PartialEq)]
pub struct Fixture {
    /// The file's name without its ending.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// What it shows, in a sentence.
    pub description: String,
    /// The time that the plugin sees, in milliseconds since the epoch.
    pub now_ms: i64,
    /// What is to be read.
    pub target: TargetSpec,
    /// The job's `plugin_config`.
    pub plugin_config: Value,
    /// Secrets by name.
    pub secrets: BTreeMap<String, String>,
    /// Files below `${files}`, by path.
    pub files: BTreeMap<PathBuf, Content>,
    /// The servers that are played.
    pub servers: Vec<Server>,
    /// What a receiver is to deliver.
    pub notification: Option<Notification>,
    /// What the plugin is to make of it.
    pub expect: Expectation,
}

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSpec {
    /// `host:port`
    pub address: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The job's URL parameters.
    pub params: BTreeMap<String, Vec<String>>,
}

/// What placeholders stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// The address of each server: `host:port`.
    pub servers: BTreeMap<String, std::net::SocketAddr>,
    /// The folder with the fixture's files.
    pub files: PathBuf,
}

impl Places {
    /// Puts what they stand for in the place of `${server.NAME}`, `${server.NAME.host}`,
    /// `${server.NAME.port}` and `${files}`.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = text.replace(FILES_PLACEHOLDER, &self.files.display().to_string());
        for (name, address) in &self.servers {
            for (end, value) in [
                ("}", address.to_string()),
                (".host}", address.ip().to_string()),
                (".port}", address.port().to_string()),
            ] {
                filled = filled.replace(&format!("{SERVER_PLACEHOLDER}{name}{end}"), &value);
            }
        }
        filled
    }

    /// The same in every text of a value.
    pub fn fill_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(text)),
            Value::Array(values) => values.iter().map(|value| self.fill_value(value)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(name, value)| (name.clone(), self.fill_value(value)))
                .collect(),
            other => other.clone(),
        }
    }
}

impl Fixture {
    /// Reads a fixture's file.
    ///
    /// # Errors
    /// It cannot be read, is too large, or has a fault.
    pub fn read(path: &Path) -> Result<Self, FixtureError> {
        let fault = |error: std::io::Error| FixtureError::new(path, error.to_string());
        let length = std::fs::metadata(path).map_err(fault)?.len();
        if length > FIXTURE_BYTES_MAX {
            let text = format!("it has {length} bytes, more than {FIXTURE_BYTES_MAX}");
            return Err(FixtureError::new(path, text));
        }
        let text = std::fs::read_to_string(path).map_err(fault)?;
        Self::parse(path, &text)
    }

    /// Reads a fixture's text; `path` is where its files lie beside.
    ///
    /// # Errors
    /// It has a fault.
    pub fn parse(path: &Path, text: &str) -> Result<Self, FixtureError> {
        let fixture = source::parse(path, text)?;
        fixture.check_placeholders(text)?;
        Ok(fixture)
    }

    /// The folder that its files are relative to.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// Every server that a placeholder names has to be there.
    fn check_placeholders(&self, text: &str) -> Result<(), FixtureError> {
        for (at, _) in text.match_indices(SERVER_PLACEHOLDER) {
            let start = text.get(..at).and_then(|before| before.rfind('\n'));
            let line = text.get(start.map_or(0, |newline| newline + 1)..at);
            if line.is_some_and(|line| line.trim_start().starts_with('#')) {
                continue;
            }
            let rest = text.get(at + SERVER_PLACEHOLDER.len()..).unwrap_or("");
            let named = rest.split('}').next().unwrap_or("");
            let bare = named.strip_suffix(".host").or(named.strip_suffix(".port"));
            let name = bare.unwrap_or(named);
            if !self.servers.iter().any(|server| server.name == name) {
                let known: Vec<&str> = self.servers.iter().map(|s| s.name.as_str()).collect();
                let message = match known.is_empty() {
                    true => format!("no server is named {name:?}: there is none in this fixture"),
                    false => format!(
                        "no server is named {name:?}; there are: {}",
                        known.join(", ")
                    ),
                };
                return Err(FixtureError::new(&self.path, message).at(text, Some(at..at)));
            }
        }
        Ok(())
    }
}

/// The fixtures of a folder, by name. A folder that is not there has none.
///
/// # Errors
/// The folder cannot be read, has too many, or one has a fault: then each fault.
pub fn read_folder(folder: &Path) -> Result<Vec<Fixture>, Vec<FixtureError>> {
    let fault = |error: std::io::Error| vec![FixtureError::new(folder, error.to_string())];
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            paths.push(path);
        }
    }
    if paths.len() > FIXTURES_MAX {
        let text = format!("more than {FIXTURES_MAX} fixtures");
        return Err(vec![FixtureError::new(folder, text)]);
    }
    paths.sort();
    let (mut fixtures, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        match Fixture::read(&path) {
            Ok(fixture) => fixtures.push(fixture),
            Err(error) => errors.push(error),
        }
    }
    match errors.is_empty() {
        true => Ok(fixtures),
        false => Err(errors),
    }
}

#[cfg(test)]
mod tests;
