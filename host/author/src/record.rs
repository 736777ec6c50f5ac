//! Makes a fixture from a live server: a plugin reads it through a proxy that writes down what
//! both say, and what the plugin makes of it becomes the expectation.
//!
//! What differs when the recording is played is expected to be anything (`*`).
//!
//! It is not: for servers that speak TLS, whose words a proxy cannot read, nor for UDP.

mod http;
mod page;
mod proxy;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use narthex_model::{Clock, SimulatedClock, SystemClock};
use serde_json::Value;

use crate::collected::{Collected, format_series};
use crate::fixture::{Fixture, Places, TargetSpec};
use crate::package::BuiltPlugin;
use crate::session::{Session, Setup};
use crate::trial::Trial;
use crate::{AuthorError, file};
use page::Page;
use proxy::Proxy;

/// What the recorded server is called in the fixture.
const SERVER: &str = "target";

/// The target's address in a fixture that is recorded.
pub const TARGET: &str = "${server.target}";

/// What to record.
#[derive(Debug)]
pub struct Recording<'a> {
    /// The plugin.
    pub plugin: &'a BuiltPlugin,
    /// The live server: `host:port`.
    pub server: String,
    /// The new fixture's name.
    pub name: String,
    /// The job's `plugin_config`; `${server.target}` in it stands for the server.
    pub config: Value,
    /// Secrets by name; the fixture does not get their values.
    pub secrets: BTreeMap<String, String>,
    /// Where compiled components are kept.
    pub cache: Option<PathBuf>,
}

/// A fixture that was recorded.
#[derive(Debug)]
pub struct RecordedFixture {
    /// The file.
    pub path: PathBuf,
    /// How many samples it expects.
    pub samples: usize,
    /// How many of them may have any value.
    pub varying: usize,
}

/// What was said to the live server, and when.
struct Conversation {
    now_ms: i64,
    /// The proxy's, which samples may have in their labels.
    address: String,
    words: Words,
}

enum Words {
    Http(Vec<http::Recorded>),
    Tcp(Vec<proxy::Transcript>),
}

/// What differs when a recording is played.
#[derive(Debug, Default)]
struct Varying {
    /// Series with other values.
    series: BTreeSet<String>,
    /// Metrics of which series are there in one collection and not in the other.
    metrics: BTreeSet<String>,
}

impl Recording<'_> {
    /// Records, plays the recording to see what varies, and writes the fixture.
    ///
    /// # Errors
    /// A fixture of that name is there, the plugin or the server fails, or the recording cannot
    /// be played.
    #[boxed]
    pub async fn make(&self) -> Result<RecordedFixture, AuthorError> {
        let path = self.plugin.fixtures.join(format!("{}.toml", self.name));
        if !narthex_registry::is_name(&self.name) {
            let text = format!(
                "{:?} is no name for a fixture: lower-case letters, digits and '-'",
                self.name
            );
            return Err(AuthorError::Project(text));
        }
        if path.exists() {
            let text = format!("{} is there already: give another --name", path.display());
            return Err(AuthorError::Project(text));
        }
        let (conversation, collected) = self.listen().await?;
        // First as it is, to be played; then with what came of that.
        let (text, files) = self.write(&conversation, &collected, &Varying::default());
        store(&path, &text, &files)?;
        let recorded = by_text(&collected, &conversation.address);
        match self.play(&path, &text, &recorded).await {
            Ok(varying) => {
                let (text, files) = self.write(&conversation, &collected, &varying);
                store(&path, &text, &files)?;
                Ok(RecordedFixture {
                    path,
                    samples: recorded.len(),
                    varying: varying.series.len(),
                })
            }
            Err(error) => {
                let _ = fs::remove_file(&path);
                let text = format!("the recording cannot be played: {error}");
                Err(AuthorError::Project(text))
            }
        }
    }

    /// Reads the live server through the proxy.
    async fn listen(&self) -> Result<(Conversation, Collected), AuthorError> {
        let proxy = Proxy::start(self.server.clone()).await;
        let proxy = proxy.map_err(|error| AuthorError::Project(error.to_string()))?;
        let places = Places {
            servers: BTreeMap::from([(SERVER.to_owned(), proxy.address())]),
            files: PathBuf::new(),
        };
        let now_ms = SystemClock.now_ms();
        let setup = Setup {
            files: None,
            secrets: self.secrets.clone(),
            clock: Arc::new(SimulatedClock::at(now_ms)),
            cache: self.cache.clone(),
        };
        let session = Session::start(self.plugin, &setup).await?;
        let spec = TargetSpec {
            address: TARGET.to_owned(),
            labels: BTreeMap::new(),
            params: BTreeMap::new(),
        };
        let target = session.target(&spec, &places);
        let job = session.collector("record", &places.fill_value(&self.config))?;
        let scraped = session.collect(&job, &target).await;
        // Before the error of the plugin: that the server is not there explains it.
        let transcripts = proxy.transcripts().await.map_err(AuthorError::Project)?;
        let scraped = scraped.map_err(|error| AuthorError::Project(error.to_string()))?;
        let collected = Collected::of(&scraped).map_err(AuthorError::Project)?;
        let words = words(transcripts).map_err(AuthorError::Project)?;
        let conversation = Conversation {
            now_ms,
            address: proxy.address().to_string(),
            words,
        };
        Ok((conversation, collected))
    }

    /// Plays the recording on two new instances and compares what they bring.
    async fn play(
        &self,
        path: &Path,
        text: &str,
        recorded: &BTreeMap<String, f64>,
    ) -> Result<Varying, String> {
        let fixture = Fixture::parse(path, text).map_err(|error| error.to_string())?;
        let trial = Trial {
            plugin: self.plugin,
            cache: self.cache.clone(),
        };
        let mut varying = Varying::default();
        for (collected, places) in trial.collect_twice(&fixture).await? {
            let address = places.servers.get(SERVER).map(ToString::to_string);
            let played = by_text(&collected, &address.unwrap_or_default());
            for series in recorded.keys().chain(played.keys()) {
                match (recorded.get(series), played.get(series)) {
                    (Some(one), Some(other)) if one.to_bits() == other.to_bits() => {}
                    (Some(_), Some(_)) => {
                        varying.series.insert(series.clone());
                    }
                    _ => {
                        let metric = series.split('{').next().unwrap_or(series);
                        varying.metrics.insert(metric.to_owned());
                    }
                }
            }
        }
        Ok(varying)
    }

    fn write(
        &self,
        conversation: &Conversation,
        collected: &Collected,
        varying: &Varying,
    ) -> (String, Vec<(PathBuf, Vec<u8>)>) {
        let secrets: Vec<&str> = self.secrets.values().map(String::as_str).collect();
        let mut page = Page::new(&self.name, &secrets);
        page.field("description", &format!("Recorded from {}.", self.server));
        page.line(&format!("now_ms = {}", conversation.now_ms));
        page.line("\n[target]");
        page.field("address", TARGET);
        let is_configured = self
            .config
            .as_object()
            .is_some_and(|fields| !fields.is_empty());
        let config = BTreeMap::from([("plugin_config", &self.config)]);
        if let (true, Ok(config)) = (is_configured, toml::to_string(&config)) {
            page.line("");
            page.line(config.trim_end());
        }
        if !self.secrets.is_empty() {
            page.line("\n[secrets]");
        }
        for (name, value) in &self.secrets {
            page.field(&page::quoted(name), &page::masked(value));
        }
        match &conversation.words {
            Words::Http(exchanges) => page.http(SERVER, exchanges),
            Words::Tcp(connections) => page.tcp(SERVER, connections),
        }
        page.line("\n[expect]");
        if !varying.metrics.is_empty() {
            let names: Vec<String> = varying.metrics.iter().map(|n| page::quoted(n)).collect();
            page.line(&format!("varying = [{}]", names.join(", ")));
        }
        let samples = by_text(collected, &conversation.address);
        let lines = samples
            .iter()
            .map(|(series, value)| match varying.series.contains(series) {
                true => format!("{series} *\n"),
                false => format!("{series} {value}\n"),
            });
        page.samples(&lines.collect::<String>());
        page.finish()
    }
}

/// What was said, as HTTP where it is all of it.
fn words(transcripts: Vec<proxy::Transcript>) -> Result<Words, String> {
    let said: Vec<_> = transcripts
        .into_iter()
        .filter(|said| !said.is_empty())
        .collect();
    if said.is_empty() || !said.iter().all(|said| http::is_http(said)) {
        return Ok(Words::Tcp(said));
    }
    let exchanges = said.iter().map(|said| http::split(said));
    let exchanges = exchanges.collect::<Result<Vec<_>, _>>()?;
    Ok(Words::Http(exchanges.concat()))
}

/// Values by series as text, with the placeholder where the server's own address was.
fn by_text(collected: &Collected, address: &str) -> BTreeMap<String, f64> {
    let series = collected.series.iter().map(|(labels, observation)| {
        let text = format_series(labels);
        let text = match address.is_empty() {
            true => text,
            false => text.replace(address, TARGET),
        };
        (text, observation.value)
    });
    series.collect()
}

/// Writes a fixture and its files.
fn store(path: &Path, text: &str, files: &[(PathBuf, Vec<u8>)]) -> Result<(), AuthorError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    for (name, bytes) in files {
        file::write(&folder.join(name), bytes)?;
    }
    file::write(path, text)
}
