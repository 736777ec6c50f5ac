//! `narthex plugin test`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use narthex_author::fixture::Fixture;
use narthex_author::record::Recording;
use narthex_author::report::Report;
use narthex_author::{BuiltPlugin, Trial, session};
use serde_json::Value;

use super::output::Output;
use super::trial_input::{fixtures, json, pairs, runtime};

/// Run a plugin's fixtures in the real runtime, with what its manifest requests and no more.
#[derive(Debug, Clone, Args)]
pub(crate) struct Test {
    /// The plugin's folder.
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Run only the fixture of this name. Can be repeated.
    #[arg(long = "fixture", value_name = "NAME")]
    fixtures: Vec<String>,
    /// The component, where it is not build/NAME.wasm.
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// How the results are printed.
    #[arg(long, short, value_enum, default_value = "text")]
    output: Output,
    /// Make a fixture from the live server at this address instead of running any.
    #[arg(long, value_name = "HOST:PORT")]
    record: Option<String>,
    /// The name of the recorded fixture.
    #[arg(long, requires = "record", default_value = "recorded")]
    name: String,
    /// The job's plugin_config for the recording, as JSON or @FILE; ${server.target} in it
    /// stands for the server.
    #[arg(long, requires = "record", value_name = "JSON", default_value = "{}")]
    config: String,
    /// A secret for the recording, NAME=VALUE; the fixture does not get its value. Can be
    /// repeated.
    #[arg(long = "secret", requires = "record", value_name = "NAME=VALUE")]
    secrets: Vec<String>,
}

impl Test {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let plugin = BuiltPlugin::find(&self.folder, self.component.as_deref())?;
        match &self.record {
            Some(server) => self.record(&plugin, server),
            None => self.test(&plugin),
        }
    }

    fn test(&self, plugin: &BuiltPlugin) -> anyhow::Result<ExitCode> {
        let fixtures = self.read(plugin)?;
        let version = &plugin.manifest.version;
        let is_text = self.output == Output::Text;
        if is_text {
            println!(
                "{}",
                Report::heading(plugin.name(), version, fixtures.len())
            );
        }
        let trial = Trial {
            plugin,
            cache: session::default_cache(),
        };
        let report = runtime()?.block_on(trial.run(&fixtures, |fixture| {
            if is_text {
                println!("{}", fixture.line());
            }
        }));
        match self.output {
            Output::Text => print!("{}", report.summary()),
            Output::Json => println!("{}", serde_json::to_string_pretty(&report)?),
        }
        Ok(match report.passed {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }

    fn read(&self, plugin: &BuiltPlugin) -> anyhow::Result<Vec<Fixture>> {
        let folder = plugin.fixtures.display();
        let read = fixtures(plugin)?;
        if read.is_empty() {
            anyhow::bail!("no fixtures in {folder}: `--record HOST:PORT` makes one");
        }
        for name in &self.fixtures {
            if !read.iter().any(|fixture| &fixture.name == name) {
                let known: Vec<&str> = read.iter().map(|fixture| fixture.name.as_str()).collect();
                anyhow::bail!(
                    "no fixture is named {name:?}; there are: {}",
                    known.join(", ")
                );
            }
        }
        let is_chosen =
            |fixture: &Fixture| self.fixtures.is_empty() || self.fixtures.contains(&fixture.name);
        Ok(read.into_iter().filter(is_chosen).collect())
    }

    fn record(&self, plugin: &BuiltPlugin, server: &str) -> anyhow::Result<ExitCode> {
        let recording = Recording {
            plugin,
            server: server.to_owned(),
            name: self.name.clone(),
            config: match json(&self.config)? {
                Value::Null => Value::Object(serde_json::Map::new()),
                config => config,
            },
            secrets: pairs(&self.secrets)?,
            cache: session::default_cache(),
        };
        let recorded = runtime()?.block_on(recording.make())?;
        println!(
            "{}: {} samples, {} of them with a value that varies",
            recorded.path.display(),
            recorded.samples,
            recorded.varying
        );
        Ok(ExitCode::SUCCESS)
    }
}
