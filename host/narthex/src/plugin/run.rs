//! `narthex plugin run`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use narthex_author::live::{Live, LiveOptions};
use narthex_author::{BuiltPlugin, session};
use narthex_model::PromDuration;

use super::trial_input::{json, pairs, runtime};
use crate::flags::{LogFormat, LogLevel};
use crate::logging;

/// Read a real target with a plugin, again and again, and print what comes. A component that is
/// built anew is swapped in while this runs.
#[derive(Debug, Clone, Args)]
pub(crate) struct Run {
    /// The plugin's folder, or a component with its manifest beside it.
    #[arg(value_name = "DIR|FILE", default_value = ".")]
    plugin: PathBuf,
    /// The target.
    #[arg(long, value_name = "HOST:PORT")]
    target: String,
    /// The job's plugin_config, as JSON or @FILE.
    #[arg(long, value_name = "JSON", default_value = "{}")]
    config: String,
    /// A secret, NAME=VALUE. Can be repeated.
    #[arg(long = "secret", value_name = "NAME=VALUE")]
    secrets: Vec<String>,
    /// A URL parameter of the job, NAME=VALUE. Can be repeated.
    #[arg(long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
    /// The time from call to call.
    #[arg(long, default_value = "5s")]
    interval: PromDuration,
    /// So many calls, then end; without it, until it is stopped.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// What of the log is printed, on standard error.
    #[arg(long = "log.level", value_enum, default_value = "warn")]
    log_level: LogLevel,
}

impl Run {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        logging::start(self.log_level, LogFormat::Logfmt)?;
        let plugin = BuiltPlugin::find(&self.plugin, None)?;
        let params = pairs(&self.params)?;
        let options = LiveOptions {
            target: self.target.clone(),
            config: json(&self.config)?,
            secrets: pairs(&self.secrets)?,
            params: params
                .into_iter()
                .map(|(name, value)| (name, vec![value]))
                .collect(),
            cache: session::default_cache(),
        };
        runtime()?.block_on(self.go_on(&plugin, options))
    }

    /// Ends well where the last call did.
    async fn go_on(&self, plugin: &BuiltPlugin, options: LiveOptions) -> anyhow::Result<ExitCode> {
        let mut live = Live::start(plugin, options).await?;
        let mut ticks = tokio::time::interval(self.interval.as_std().max(INTERVAL_MIN));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut calls = 0;
        loop {
            ticks.tick().await;
            let reading = live.read().await;
            println!("{reading}");
            calls += 1;
            if self.count.is_some_and(|count| calls >= count) {
                return Ok(match reading.outcome {
                    Ok(_) => ExitCode::SUCCESS,
                    Err(_) => ExitCode::FAILURE,
                });
            }
        }
    }
}

/// The shortest time from call to call: a timer needs one.
const INTERVAL_MIN: std::time::Duration = std::time::Duration::from_millis(1);
