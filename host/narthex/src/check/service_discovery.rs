//! `narthex check service-discovery`: finds the targets of one job and prints their labels, before
//! and after relabelling.
//!
//! It ends when everybody who finds targets has said something, where promtool waits for as long as
//! it is told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use narthex_discovery::{RefreshMetrics, TargetGroup, UPDATES_MAX, static_groups};
use narthex_model::{Labels, PromDuration};
use narthex_scrape::config::ScrapeConfig;
use narthex_scrape::discovered_targets;
use prometheus_client::registry::Registry;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::config::{Config, ConfigDefaults, ConfigSource};
use crate::flags::{LogFormat, LogLevel};
use crate::kubernetes::Clusters;
use crate::{discovery, logging, plugins};

/// What becomes of one target.
#[derive(Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct Shown {
    discovered_labels: BTreeMap<String, String>,
    /// Empty where relabelling drops the target.
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Finds and prints.
///
/// # Errors
/// There is no such job, or nobody can look for its targets.
pub(super) fn run(file: &Path, job: &str, timeout: PromDuration) -> anyhow::Result<ExitCode> {
    // Why something was not found is what a plugin, or who reads files, logs.
    logging::start(LogLevel::Warn, LogFormat::Logfmt)?;
    let source = ConfigSource::File(PathBuf::from(file));
    let config = source.load(ConfigDefaults::default())?;
    let found = config.scrape.jobs.iter().find(|own| own.job_name == job);
    let Some(found) = found.cloned() else {
        eprintln!("Job {job} not found. Select one of:");
        for own in &config.scrape.jobs {
            eprintln!("\t{}", own.job_name);
        }
        return Ok(ExitCode::FAILURE);
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")?;
    let groups = runtime.block_on(discover(&config, &found, timeout))?;
    runtime.shutdown_background();
    println!("{}", serde_json::to_string_pretty(&shown(&groups, &found))?);
    Ok(ExitCode::SUCCESS)
}

/// The groups of a job, those that it lists first.
async fn discover(
    config: &Config,
    job: &ScrapeConfig,
    timeout: PromDuration,
) -> anyhow::Result<Vec<TargetGroup>> {
    let deadline = Instant::now() + timeout.as_std();
    let runtime = super::plugins::load(config).await?;
    let checked = config
        .plugin_uses
        .check(|place, plugin, settings| plugins::faults(&runtime, place, plugin, settings));
    checked?;
    let clusters = Arc::new(Clusters::new(&mut Registry::default()));
    let refreshes = RefreshMetrics::default();
    let build = discovery::build_discoverer(Arc::clone(&runtime), refreshes, clusters);
    let mut looking = Vec::new();
    for (index, entry) in job.sd_configs().iter().enumerate() {
        let name = format!("{}/{}/{index}", job.job_name, entry.mechanism());
        let discoverer = build(&name, entry);
        let discoverer = discoverer.map_err(|error| anyhow!("{}: {error}", entry.field()))?;
        let (sender, receiver) = mpsc::channel(UPDATES_MAX);
        let task = tokio::spawn(async move { discoverer.run(sender).await });
        looking.push((entry.field(), receiver, task));
    }
    let mut groups = static_groups(&job.static_configs);
    for (field, mut receiver, task) in looking {
        match timeout_at(deadline, receiver.recv()).await {
            Ok(found) => groups.extend(found.unwrap_or_default()),
            Err(_) => eprintln!("{field}: nothing was found within {timeout}"),
        }
        task.abort();
    }
    Ok(groups)
}

/// The targets of all groups, equal ones of one source once.
fn shown(groups: &[TargetGroup], job: &ScrapeConfig) -> Vec<Shown> {
    let mut all = Vec::new();
    for group in groups {
        let before = all.len();
        for target in discovered_targets(group, job) {
            let (labels, error) = match target.labels {
                Ok(labels) => (labels.unwrap_or_default(), None),
                Err(error) => (Labels::default(), Some(error)),
            };
            let shown = Shown {
                discovered_labels: pairs(&target.discovered),
                labels: pairs(&labels),
                error,
            };
            if !all[before..].contains(&shown) {
                all.push(shown);
            }
        }
    }
    all
}

fn pairs(labels: &Labels) -> BTreeMap<String, String> {
    let pairs = labels.iter();
    let owned = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    owned.collect()
}
