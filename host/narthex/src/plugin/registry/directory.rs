//! `narthex plugin list`, `rollback` and `remove`

use std::process::ExitCode;

use clap::Args;
use narthex_registry::{Entry, ListedState};
use serde_json::{Value, json};

use super::place::Place;
use crate::plugin::output::Output;

/// List the plugins of the plugin directory.
#[derive(Debug, Clone, Args)]
pub(crate) struct List {
    #[command(flatten)]
    place: Place,

    /// How to print them.
    #[arg(long, short, value_enum, default_value = "text")]
    output: Output,
}

/// Put the version to work that was at work before; a second time, the other one again.
#[derive(Debug, Clone, Args)]
pub(crate) struct Rollback {
    /// The plugin.
    name: String,

    #[command(flatten)]
    place: Place,
}

/// Remove an installed plugin, with the version before.
#[derive(Debug, Clone, Args)]
pub(crate) struct Remove {
    /// The plugin.
    name: String,

    #[command(flatten)]
    place: Place,
}

impl List {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let directory = self.place.settings()?.directory()?;
        let mut values = Vec::new();
        let mut lines = Vec::new();
        for listed in directory.list()? {
            let name = &listed.name;
            match listed.state {
                Ok(ListedState::Installed { current, previous }) => {
                    let before = previous.as_ref().map(|before| before.version.clone());
                    lines.push(line(name, &current, before.as_deref()));
                    values.push(json!({
                        "name": name, "version": current.version, "world": current.world,
                        "digest": current.digest, "previous": before, "source": "package",
                    }));
                }
                Ok(ListedState::Pair(manifest)) => {
                    lines.push(format!("{name:20} {:12} {name}.wasm", manifest.version));
                    values.push(json!({
                        "name": name, "version": manifest.version, "world": manifest.world,
                        "digest": Value::Null, "previous": Value::Null, "source": "file",
                    }));
                }
                Err(error) => {
                    lines.push(format!("{name:20} cannot be read: {error}"));
                    values.push(json!({"name": name, "error": error.to_string()}));
                }
            }
        }
        self.output.print(&Value::Array(values), lines);
        Ok(ExitCode::SUCCESS)
    }
}

fn line(name: &str, current: &Entry, before: Option<&str>) -> String {
    let before = before.map_or(String::new(), |before| format!("  (before: {before})"));
    format!(
        "{name:20} {:12} {}{before}",
        current.version, current.digest
    )
}

impl Rollback {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let layout = self.place.settings()?.directory()?.open(&self.name)?;
        layout.roll_back()?;
        let current = layout.current()?.package.manifest.version;
        println!("{} {current} is at work again", self.name);
        Ok(ExitCode::SUCCESS)
    }
}

impl Remove {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        self.place.settings()?.directory()?.remove(&self.name)?;
        println!("{} is removed", self.name);
        Ok(ExitCode::SUCCESS)
    }
}
