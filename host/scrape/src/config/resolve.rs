//! What a job takes from `global`, and the checks that need more than one field.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use narthex_discovery::{SdConfig, StaticConfig};
use narthex_model::{ByteSize, PromDuration};

use super::{
    BODY_SIZE_LIMIT_DEFAULT, EscapingScheme, GlobalConfig, ScrapeConfig, ScrapeProtocol,
    ValidationScheme,
};

/// A checked configuration, with every inherited value filled in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScrapeConfigs {
    /// The `global` section.
    pub global: GlobalConfig,
    /// The jobs, in the file's order; no name twice.
    pub jobs: Vec<Arc<ScrapeConfig>>,
}

/// Something that does not fit together. Prints in Prometheus' words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// Which entry of `scrape_configs` it is about; `None` for the `global` section.
    pub job: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigFault {}

/// Fills in what jobs take from `global` and checks all of it.
///
/// # Errors
/// Every fault there is, in the file's order.
pub fn resolve(
    mut global: GlobalConfig,
    jobs: Vec<ScrapeConfig>,
) -> Result<ScrapeConfigs, Vec<ConfigFault>> {
    global.fill();
    let in_global = global_faults(&global).into_iter();
    let mut faults: Vec<_> = in_global
        .map(|message| ConfigFault { job: None, message })
        .collect();
    let mut names = HashSet::new();
    let mut resolved = Vec::with_capacity(jobs.len());
    for (index, mut job) in jobs.into_iter().enumerate() {
        let mut found = job_faults(&job);
        inherit(&mut job, &global);
        if job.metric_name_validation_scheme == Some(ValidationScheme::Legacy)
            && job.metric_name_escaping_scheme == Some(EscapingScheme::AllowUtf8)
        {
            found.push(
                "utf8 metric names requested but validation scheme is not set to UTF8".to_owned(),
            );
        }
        if job.scrape_timeout > job.scrape_interval {
            found.push(format!(
                "scrape timeout greater than scrape interval for scrape config with job name {:?}",
                job.job_name
            ));
        }
        if !names.insert(job.job_name.clone()) {
            found.push(format!(
                "found multiple scrape configs with job name {:?}",
                job.job_name
            ));
        }
        faults.extend(found.into_iter().map(|message| ConfigFault {
            job: Some(index),
            message,
        }));
        resolved.push(Arc::new(job));
    }
    match faults.is_empty() {
        true => Ok(ScrapeConfigs {
            global,
            jobs: resolved,
        }),
        false => Err(faults),
    }
}

fn global_faults(global: &GlobalConfig) -> Vec<String> {
    let mut faults = Vec::new();
    if global.scrape_timeout > global.scrape_interval {
        faults.push("global scrape timeout greater than scrape interval".to_owned());
    }
    if global.external_labels.keys().any(String::is_empty) {
        faults.push("\"\" is not a valid label name".to_owned());
    }
    let protocols = global.scrape_protocols.as_deref();
    if protocols.is_some_and(<[_]>::is_empty) {
        faults.push("scrape_protocols cannot be empty for global config".to_owned());
    }
    if let Some(protocol) = duplicate(protocols.unwrap_or_default()) {
        faults.push(format!(
            "duplicated protocol in scrape_protocols, got {protocol:?} for global config"
        ));
    }
    faults
}

fn job_faults(job: &ScrapeConfig) -> Vec<String> {
    let name = &job.job_name;
    let mut faults = Vec::new();
    if name.is_empty() {
        faults.push("job_name is empty".to_owned());
    }
    if let Some(protocol) = duplicate(&job.scrape_protocols) {
        faults.push(format!(
            "duplicated protocol in scrape_protocols, got {protocol:?} for scrape config with job \
             name {name:?}"
        ));
    }
    if !matches!(job.scheme.as_str(), "http" | "https") && job.plugin.is_none() {
        faults.push(format!(
            "invalid scheme {:?} for scrape config with job name {name:?}",
            job.scheme
        ));
    }
    if job.plugin.is_none() && job.plugin_config.is_some() {
        faults.push(format!(
            "plugin_config without plugin for scrape config with job name {name:?}"
        ));
    }
    if job.plugin.as_deref() == Some("") {
        faults.push(format!(
            "plugin is empty for scrape config with job name {name:?}"
        ));
    }
    faults.extend(job.http_faults());
    faults.extend(job.sd_configs().iter().flat_map(SdConfig::faults));
    // With relabelling a target may be anything, and a plugin may call its targets what it likes:
    // a URL to probe, for instance.
    if job.relabel_configs.is_empty() && job.plugin.is_none() {
        faults.extend(job.static_configs.iter().flat_map(StaticConfig::faults));
    }
    faults
}

fn duplicate(protocols: &[ScrapeProtocol]) -> Option<ScrapeProtocol> {
    let mut seen = HashSet::new();
    let mut twice = protocols.iter().filter(|protocol| !seen.insert(**protocol));
    twice.next().copied()
}

/// A zero counts as nothing said, as in Prometheus. Only for the size of the body is there a
/// difference: where neither says anything the default holds, and a zero in either is no limit
/// unless the other has one.
fn inherit(job: &mut ScrapeConfig, global: &GlobalConfig) {
    let duration = |own: &mut PromDuration, inherited: PromDuration| {
        if own.is_zero() {
            *own = inherited;
        }
    };
    duration(&mut job.scrape_interval, global.scrape_interval);
    duration(
        &mut job.scrape_timeout,
        global.scrape_timeout.min(job.scrape_interval),
    );
    for (own, inherited) in [
        (&mut job.sample_limit, global.sample_limit),
        (&mut job.target_limit, global.target_limit),
        (&mut job.label_limit, global.label_limit),
        (
            &mut job.label_name_length_limit,
            global.label_name_length_limit,
        ),
        (
            &mut job.label_value_length_limit,
            global.label_value_length_limit,
        ),
        (&mut job.keep_dropped_targets, global.keep_dropped_targets),
    ] {
        if *own == 0 {
            *own = inherited;
        }
    }
    let is_set = |size: &ByteSize| size.as_bytes() > 0;
    job.body_size_limit = job
        .body_size_limit
        .filter(is_set)
        .or(global.body_size_limit.filter(is_set))
        .or(job.body_size_limit)
        .or(global.body_size_limit)
        .or(Some(BODY_SIZE_LIMIT_DEFAULT));
    let native = &mut job.scrape_native_histograms;
    *native = native.or(global.scrape_native_histograms);
    if job.scrape_protocols.is_empty() {
        job.scrape_protocols = match (&global.scrape_protocols, job.scrape_native_histograms) {
            (Some(protocols), _) => protocols.clone(),
            (None, Some(true)) => ScrapeProtocol::PROTO_FIRST.to_vec(),
            (None, _) => ScrapeProtocol::DEFAULT.to_vec(),
        };
    }
    for (own, inherited) in [
        (
            &mut job.always_scrape_classic_histograms,
            global.always_scrape_classic_histograms,
        ),
        (
            &mut job.convert_classic_histograms_to_nhcb,
            global.convert_classic_histograms_to_nhcb,
        ),
    ] {
        *own = own.or(inherited.then_some(true));
    }
    if job.scrape_failure_log_file.is_empty() {
        job.scrape_failure_log_file
            .clone_from(&global.scrape_failure_log_file);
    }
    let scheme = &mut job.metric_name_validation_scheme;
    *scheme = scheme.or(global.metric_name_validation_scheme);
    // Who takes classic names alone asks for them, unless told in which other way.
    let is_legacy = job.metric_name_validation_scheme == Some(ValidationScheme::Legacy);
    let inherited = global.metric_name_escaping_scheme;
    let inherited = inherited.filter(|scheme| !is_legacy || *scheme != EscapingScheme::AllowUtf8);
    let scheme = &mut job.metric_name_escaping_scheme;
    *scheme = scheme
        .or(inherited)
        .or(is_legacy.then_some(EscapingScheme::Underscores));
    job.extra_scrape_metrics = job.extra_scrape_metrics.or(global.extra_scrape_metrics);
}

#[cfg(test)]
mod tests;
