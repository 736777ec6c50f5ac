//! `narthex plugin bench`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use narthex_author::BuiltPlugin;
use narthex_author::bench::{self, CALLS_DEFAULT};
use narthex_author::fixture::{Expectation, Fixture};

use super::output::Output;
use super::trial_input::fixtures;

/// Measure what a call of a plugin costs, on one of its fixtures.
#[derive(Debug, Clone, Args)]
pub(crate) struct Bench {
    /// The plugin's folder, or a component with its manifest beside it.
    #[arg(value_name = "DIR|FILE", default_value = ".")]
    plugin: PathBuf,
    /// The fixture; without it, the first that expects samples.
    #[arg(long, value_name = "NAME")]
    fixture: Option<String>,
    /// How many calls are measured.
    #[arg(long, value_name = "N", default_value_t = CALLS_DEFAULT, value_parser = clap::value_parser!(u32).range(1..))]
    calls: u32,
    /// How the figures are printed.
    #[arg(long, short, value_enum, default_value = "text")]
    output: Output,
}

impl Bench {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let plugin = BuiltPlugin::find(&self.plugin, None)?;
        let report = bench::bench(&plugin, &self.choose(&plugin)?, self.calls)?;
        match self.output {
            Output::Text => println!("{report}"),
            Output::Json => println!("{}", serde_json::to_string_pretty(&report)?),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn choose(&self, plugin: &BuiltPlugin) -> anyhow::Result<Fixture> {
        let folder = plugin.fixtures.display();
        if let Some(name) = &self.fixture {
            let path = plugin.fixtures.join(format!("{name}.toml"));
            return Ok(Fixture::read(&path)?);
        }
        let mut of_samples = fixtures(plugin)?
            .into_iter()
            .filter(|f| matches!(f.expect, Expectation::Samples(_)));
        let first = of_samples.next();
        first.with_context(|| format!("no fixture in {folder} expects samples"))
    }
}
