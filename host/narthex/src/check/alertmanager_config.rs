//! `narthex check alertmanager-config`, which prints what amtool's `check-config` does, and asks the
//! plugins that deliver, where it is known which there are.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use narthex_alertmanager::{Config, Integration, MatcherMode};
use narthex_plugin::PluginRuntime;
use serde_json::Value;

use super::report::Report;
use super::{Outcome, plugins};
use crate::alertmanager;
use crate::config::PluginPlace;
use crate::receivers::WEBHOOK;
use crate::tsdb::Output;

/// What is checked where no file is named, by the name that amtool has for it.
const STANDARD_INPUT: &str = "/dev/stdin";

/// Checks each file, or the standard input where there is none. `server` is the config of the server
/// that is to read them.
pub(super) fn run(files: &[PathBuf], server: Option<&Path>, output: Output) -> Outcome {
    let failed = Outcome {
        failed: true,
        ..Outcome::default()
    };
    let standard_input = [PathBuf::from(STANDARD_INPUT)];
    let files: &[PathBuf] = match files {
        [] if std::io::stdin().is_terminal() => {
            eprintln!("name the files to check, or write one to the standard input");
            return failed;
        }
        [] => &standard_input,
        files => files,
    };
    let checked = match server {
        None => Ok(check_all(files, output, &|config| Found {
            faults: Vec::new(),
            warnings: others(config),
        })),
        Some(server) => plugins::with(server, |plugins| {
            check_all(files, output, &|config| Found {
                faults: faults(plugins, config),
                warnings: Vec::new(),
            })
        }),
    };
    match checked {
        Ok(outcome) => outcome,
        Err(error) => {
            eprintln!("{error:#}");
            failed
        }
    }
}

/// What is said of a config that is sound in itself.
struct Found {
    faults: Vec<String>,
    warnings: Vec<String>,
}

/// Checks each file; `look` is asked about those that are sound in themselves.
fn check_all(files: &[PathBuf], output: Output, look: &dyn Fn(&Config) -> Found) -> Outcome {
    let mut report = Report::default();
    let mut outcome = Outcome::default();
    for file in files {
        let mut warnings = Vec::new();
        let loaded = alertmanager::load(file, MatcherMode::default()).and_then(|(config, _)| {
            let found = look(&config);
            warnings = found.warnings;
            match found.faults.as_slice() {
                [] => Ok(config),
                faults => Err(anyhow::anyhow!("{}", faults.join("\n"))),
            }
        });
        match output {
            Output::Text => {
                outcome.failed |= loaded.is_err();
                tell(file, &loaded, &warnings);
            }
            Output::Json => {
                let checked = loaded.as_ref().map(|_| ());
                report.add_checked(&file.display().to_string(), checked, &warnings);
            }
        }
    }
    match output {
        Output::Text => outcome,
        Output::Json => report.print(),
    }
}

/// Says of a file what amtool says.
fn tell(file: &Path, loaded: &anyhow::Result<Config>, warnings: &[String]) {
    for warning in warnings {
        eprintln!("WARNING: {warning}");
    }
    let config = match loaded {
        Ok(config) => config,
        Err(error) => {
            println!("Checking '{}'  FAILED", file.display());
            println!();
            eprintln!("{error:#}");
            return;
        }
    };
    println!("Checking '{}'  SUCCESS", file.display());
    println!("Found:");
    println!(" - global config");
    println!(" - route");
    println!(" - {} inhibit rules", config.inhibit_rules.len());
    println!(" - {} receivers", config.receivers.len());
    println!(" - {} templates", config.templates.len());
    println!();
}

/// The entries that a plugin delivers, each with its receiver.
fn delivered(config: &Config) -> Vec<(String, Integration)> {
    // A config that is not sound has been refused before.
    let mut found = config
        .integrations(MatcherMode::default())
        .unwrap_or_default();
    found.retain(|(_, integration)| integration.is_plugin || integration.kind != WEBHOOK);
    found
}

/// Names the plugins that are none of the binary's own: here nobody knows whether they are installed.
fn others(config: &Config) -> Vec<String> {
    let own = narthex_plugins::embedded();
    let mut said = Vec::new();
    for (receiver, integration) in delivered(config) {
        let kind = &integration.kind;
        if !own.iter().any(|plugin| plugin.name == kind.as_str()) {
            said.push(format!(
                "receiver {receiver:?}: a server needs the plugin {kind:?}, which does not come \
                 with it; with --config.file it is looked for"
            ));
        }
    }
    said
}

/// What is wrong with the plugins of a config, and with what it says to them.
fn faults(plugins: &PluginRuntime, config: &Config) -> Vec<String> {
    let mut faults = Vec::new();
    for (receiver, integration) in delivered(config) {
        let Integration { kind, index, .. } = &integration;
        let of_it = format!("receiver {receiver:?}: {kind}[{index}]");
        match integration.entry() {
            Ok(entry) => {
                let settings = Value::Object(entry.settings);
                let found = crate::plugins::faults(plugins, PluginPlace::Receiver, kind, &settings);
                faults.extend(found.iter().map(|fault| format!("{of_it}: {fault}")));
            }
            Err(error) => faults.push(format!("{of_it}: {error}")),
        }
    }
    faults
}
