//! `narthex plugin search`

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use super::place::{Place, Settings};
use super::source::embedded;
use crate::plugin::output::Output;

/// Look for plugins in the registry's signed index and among the binary's own.
#[derive(Debug, Clone, Args)]
pub(crate) struct Search {
    /// A part of a name or description; without it all plugins.
    #[arg(default_value = "")]
    text: String,

    #[command(flatten)]
    place: Place,

    /// How to print them.
    #[arg(long, short, value_enum, default_value = "text")]
    output: Output,
}

/// A plugin that was found.
struct Found {
    /// What `install` takes.
    source: String,
    versions: Vec<String>,
    world: String,
    description: String,
}

impl Search {
    pub(crate) async fn run(&self) -> anyhow::Result<ExitCode> {
        let settings = self.place.settings()?;
        let mut found = Vec::new();
        if !settings.registry.url.is_empty() {
            found.extend(self.published(&settings).await?);
        }
        found.extend(self.embedded()?);
        let values = found.iter().map(|found| {
            json!({
                "source": found.source, "versions": found.versions, "world": found.world,
                "description": found.description,
            })
        });
        let lines = found.iter().map(|found| {
            let newest = found.versions.first().map_or("", String::as_str);
            format!(
                "{:24} {newest:12} {:10} {}",
                found.source, found.world, found.description
            )
        });
        self.output.print(&Value::Array(values.collect()), lines);
        Ok(ExitCode::SUCCESS)
    }

    async fn published(&self, settings: &Settings) -> anyhow::Result<Vec<Found>> {
        let registry = settings.registry(None)?;
        let Some((index, digest, signatures)) = registry.index().await? else {
            eprintln!("{}: the registry has no index", settings.registry.url);
            return Ok(Vec::new());
        };
        let trusted = settings.policy()?.check(digest, &signatures);
        trusted.context("the registry's index")?;
        let found = index.search(&self.text).map(|entry| {
            let versions = entry.versions.iter().map(|version| version.version.clone());
            Found {
                source: entry.name.clone(),
                versions: versions.collect(),
                world: entry.world.clone(),
                description: entry.description.clone(),
            }
        });
        Ok(found.collect())
    }

    fn embedded(&self) -> anyhow::Result<Vec<Found>> {
        let text = self.text.to_lowercase();
        let packages = embedded()?.packages()?.into_iter();
        let found = packages.filter(|entry| {
            entry.name.contains(&text) || entry.description.to_lowercase().contains(&text)
        });
        let found = found.map(|entry| Found {
            source: format!("embedded:{}", entry.name),
            versions: vec![entry.version],
            world: entry.world,
            description: entry.description,
        });
        Ok(found.collect())
    }
}
