//! Puts a config together from its file and those that it names: reads them, fills in what jobs
//! take from elsewhere, and gathers all that is wrong.
//!
//! It is not: where a section's rules are. Its owner has them.

use std::path::Path;
use std::sync::Arc;

use narthex_adapter::MetricsApisConfig;
use narthex_model::Labels;
use narthex_notifier::NotifierConfig;
use narthex_remote::RemoteWriteConfig;
use narthex_scrape::config::{
    ScrapeConfig, ScrapeConfigs, ScrapeProtocol, ValidationScheme, resolve,
};

use super::alerting::Receiver;
use super::files::{self, Named};
use super::plugin_uses::{ConfigFile, JobOrigin, PluginUses};
use super::sections::Sections;
use super::{
    Checks, Config, ConfigDefaults, ConfigError, Printed, absent, alerting, client,
    external_labels, hints, job_files, lint, paths, plugins_section, remote_read, share, url,
};
use crate::monitors::KubernetesMonitorsConfig;
use crate::yaml::{self, Document, Fault, YamlError};

/// The files of a config with their jobs, those of the main file first.
#[derive(Debug)]
pub(super) struct Files {
    documents: Vec<Document>,
    origins: Vec<JobOrigin>,
    jobs: Vec<ScrapeConfig>,
}

impl Files {
    /// Adds a file, and the jobs that were read from it.
    pub(super) fn add(&mut self, document: Document, jobs: Vec<ScrapeConfig>) {
        let file = self.documents.len();
        let entries = document.entries("/scrape_configs").into_iter();
        let origins = entries.map(|index| JobOrigin { file, index });
        self.origins.extend(origins.take(jobs.len()));
        self.jobs.extend(jobs);
        self.documents.push(document);
    }

    /// Writes down what is wrong with a job, or with `global`.
    fn fault(&mut self, job: Option<usize>, message: String) {
        let origin = job.and_then(|job| self.origins.get(job)).copied();
        let pointer = match origin {
            Some(JobOrigin { index, .. }) => format!("/scrape_configs/{index}"),
            None => "/global".to_owned(),
        };
        let file = origin.map_or(0, |origin| origin.file);
        if let Some(document) = self.documents.get_mut(file) {
            document.fault(&pointer, message);
        }
    }

    fn main(&mut self) -> Option<&mut Document> {
        self.documents.first_mut()
    }
}

/// Takes what no job can be read with out of the jobs of a file.
pub(super) fn take_absent(document: &mut Document, missing: &mut Vec<Fault>) {
    for at in document.entries("/scrape_configs") {
        absent::take(document, &format!("/scrape_configs/{at}"), missing);
    }
}

/// Reads a config.
///
/// # Errors
/// All that is wrong with it.
pub(super) fn read(
    text: &str,
    file: &str,
    defaults: ConfigDefaults,
    checks: Checks,
) -> Result<Config, ConfigError> {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let mut main = Document::parse(text, file).map_err(ConfigError::Parse)?;
    let (mut missing, mut warnings) = (Vec::new(), Vec::new());
    warnings.extend(lint::faults(&main));
    take_absent(&mut main, &mut missing);
    let mut receivers = alerting::take(&mut main, &mut missing);
    for receiver in &mut receivers {
        paths::resolve_job(&mut receiver.client, folder);
    }
    let Some(mut sections) = main.read::<Sections>() else {
        return Err(error(file, vec![main]));
    };
    let mut files = Files {
        documents: Vec::new(),
        origins: Vec::new(),
        jobs: Vec::new(),
    };
    let jobs = std::mem::take(&mut sections.scrape_configs);
    check_sections(&mut main, &mut sections, checks);
    sections.alerting.check(&mut main, &receivers);
    let patterns = match checks.syntax_only {
        true => &[][..],
        false => sections.scrape_config_files.as_slice(),
    };
    let others = job_files::read(&mut main, patterns, folder, &mut missing);
    files.add(main, jobs);
    for (document, jobs) in others {
        warnings.extend(
            lint::faults(&document)
                .into_iter()
                .map(|f| f.in_file(document.file())),
        );
        files.add(document, jobs);
    }
    for (job, origin) in files.jobs.iter_mut().zip(&files.origins) {
        // Prometheus takes paths in such a file from where the file lies.
        let file = files.documents.get(origin.file).map_or("", Document::file);
        paths::resolve_job(job, Path::new(file).parent().unwrap_or(Path::new("")));
    }
    for job in 0..files.jobs.len() {
        let fault = files
            .jobs
            .get(job)
            .and_then(|job| client::proxy_fault(&job.proxy_url));
        if let Some(fault) = fault {
            files.fault(Some(job), fault);
        }
    }
    let mut global = std::mem::take(&mut sections.global);
    if defaults.asks_for_protobuf && global.scrape_protocols.is_none() {
        global.scrape_protocols = Some(ScrapeProtocol::PROTO_FIRST.to_vec());
    }
    paths::resolve_global(&mut global, folder);
    paths::resolve_plugins(&mut sections.plugins, folder);
    for sender in &mut sections.remote_write {
        paths::resolve_remote_write(sender, folder);
    }
    for remote in &mut sections.remote_read {
        paths::resolve_remote_read(remote, folder);
    }
    if let Some(monitors) = &mut sections.kubernetes_monitors {
        paths::resolve_monitors(monitors, folder);
        if let Some(share) = defaults.share {
            share::of_monitors(share, monitors);
        }
    }
    if let Some(apis) = &mut sections.kubernetes_metrics_apis {
        paths::resolve_metrics_apis(apis, folder);
    }
    external_labels::expand(&mut global.external_labels, |name| std::env::var(name).ok());
    for fault in plugins_section::faults(text, &sections.plugins) {
        if let Some(main) = files.main() {
            main.push(fault);
        }
    }
    let mut scrape = resolve(global, std::mem::take(&mut files.jobs)).unwrap_or_else(|faults| {
        for fault in faults {
            files.fault(fault.job, fault.message);
        }
        ScrapeConfigs::default()
    });
    if let Some(share) = defaults.share {
        share::of_jobs(share, &mut scrape.jobs)?;
    }
    let (mut rule_files, external) = (
        Vec::new(),
        Labels::from_pairs(&scrape.global.external_labels),
    );
    if checks.files {
        let named = Named {
            sections: &sections,
            receivers: &receivers,
            jobs: &scrape.jobs,
            origins: &files.origins,
            folder,
        };
        rule_files = files::check(&mut files.documents, &named, &mut warnings);
    }
    if files.documents.iter().any(Document::is_faulty) {
        return Err(error(file, files.documents));
    }
    if let Some(main) = files.main() {
        not_used_yet(main, &sections, &mut warnings);
    }
    let patterns = sections.rule_files.iter();
    let outcome = Outcome {
        rule_patterns: patterns.map(|pattern| folder.join(pattern)).collect(),
        notifier: sections.alerting.notifier(&receivers, external),
        receivers,
        warnings,
        missing,
        rule_files,
    };
    finish(sections, files, scrape, outcome)
}

/// What was found beside the config itself.
struct Outcome {
    warnings: Vec<Fault>,
    missing: Vec<Fault>,
    rule_files: Vec<std::path::PathBuf>,
    rule_patterns: Vec<std::path::PathBuf>,
    receivers: Vec<Receiver>,
    notifier: NotifierConfig,
}

fn finish(
    sections: Sections,
    files: Files,
    scrape: ScrapeConfigs,
    outcome: Outcome,
) -> Result<Config, ConfigError> {
    let in_main_file = files
        .origins
        .iter()
        .filter(|origin| origin.file == 0)
        .count();
    let not_printed = |error: serde_yaml::Error| ConfigError::Print(error.to_string());
    let alerting = sections.alerting.printed(&outcome.receivers);
    let yaml = yaml::to_string(&Printed {
        global: &scrape.global,
        alerting: alerting.map_err(not_printed)?,
        rule_files: &sections.rule_files,
        scrape_config_files: &sections.scrape_config_files,
        scrape_configs: scrape.jobs.get(..in_main_file).unwrap_or_default(),
        plugins: &sections.plugins,
        storage: &sections.storage,
        remote_write: &sections.remote_write,
        remote_read: &sections.remote_read,
        otlp: &sections.otlp,
        kubernetes_monitors: &sections.kubernetes_monitors,
        kubernetes_metrics_apis: &sections.kubernetes_metrics_apis,
    })
    .map_err(not_printed)?;
    let documents = files.documents.iter().map(|document| ConfigFile {
        name: document.file().to_owned(),
        text: Arc::clone(document.text()),
    });
    Ok(Config {
        plugin_uses: PluginUses::of(
            documents.collect(),
            &files.origins,
            &scrape.jobs,
            &outcome.receivers,
        ),
        external_labels: Labels::from_pairs(&scrape.global.external_labels),
        plugins: sections.plugins,
        storage: sections.storage,
        remote_write: sections.remote_write,
        remote_read: sections.remote_read,
        otlp: sections.otlp,
        monitors: sections.kubernetes_monitors,
        metrics_apis: sections.kubernetes_metrics_apis,
        scrape,
        yaml,
        warnings: outcome.warnings,
        missing: outcome.missing,
        rule_files: outcome.rule_files,
        rule_patterns: outcome.rule_patterns,
        notifier: outcome.notifier,
    })
}

/// All faults of all files; those of other files than the main one say which.
fn error(file: &str, documents: Vec<Document>) -> ConfigError {
    let faults = documents
        .into_iter()
        .enumerate()
        .flat_map(|(at, document)| {
            let name = document.file().to_owned();
            let faults = document.into_faults().into_iter();
            faults.map(move |fault| match at {
                0 => fault,
                _ => fault.in_file(&name),
            })
        });
    ConfigError::Parse(YamlError {
        file: file.to_owned(),
        faults: faults.map(hints::add).collect(),
    })
}

/// Checks what belongs to no job.
fn check_sections(main: &mut Document, sections: &mut Sections, checks: Checks) {
    if let Err(error) = sections.storage.check() {
        main.fault("/storage/tsdb", format!("storage: {error}"));
    }
    check_senders(main, &sections.remote_write);
    remote_read::check(main, &sections.remote_read);
    for fault in sections.tracing.iter().flat_map(|tracing| tracing.faults()) {
        main.fault("/tracing", fault);
    }
    for fault in sections.otlp.check() {
        main.fault("/otlp", fault);
    }
    let scheme = sections.global.metric_name_validation_scheme;
    let strategy = sections.otlp.translation_strategy;
    if scheme.unwrap_or_default() != ValidationScheme::Utf8 && !strategy.escapes() {
        let message =
            format!("OTLP translation strategy {strategy:?} is not allowed when UTF8 is disabled");
        main.fault("/otlp", message);
    }
    let monitors = sections.kubernetes_monitors.iter();
    for (field, fault) in monitors.flat_map(KubernetesMonitorsConfig::faults) {
        let pointer = match field.as_str() {
            "" => "/kubernetes_monitors".to_owned(),
            field => format!("/kubernetes_monitors/{field}"),
        };
        main.fault(&pointer, format!("kubernetes_monitors: {fault}"));
    }
    let apis = sections.kubernetes_metrics_apis.iter();
    for (field, fault) in apis.flat_map(MetricsApisConfig::faults) {
        let pointer = format!("/kubernetes_metrics_apis/{field}");
        let pointer = pointer.trim_end_matches('/');
        main.fault(pointer, format!("kubernetes_metrics_apis: {fault}"));
    }
    for (at, pattern) in sections.rule_files.iter().enumerate() {
        if !job_files::is_pattern(pattern) {
            let message = format!("invalid rule file path {pattern:?}");
            main.fault(&format!("/rule_files/{at}"), message);
        }
    }
    if checks.agent {
        for (field, is_used) in [
            ("alerting", !sections.alerting.is_empty()),
            ("rule_files", !sections.rule_files.is_empty()),
            ("remote_read", !sections.remote_read.is_empty()),
        ] {
            if is_used {
                let message = format!("field {field} is not allowed in agent mode");
                main.fault(&format!("/{field}"), message);
            }
        }
    }
}

fn check_senders(main: &mut Document, senders: &[RemoteWriteConfig]) {
    let entries = main.entries("/remote_write");
    let pointer = |at: usize| entries.get(at).map(|at| format!("/remote_write/{at}"));
    for (at, message) in narthex_remote::check(senders) {
        main.fault(&pointer(at).unwrap_or_default(), message);
    }
    for (at, sender) in senders.iter().enumerate() {
        let in_url = url::fault(&sender.url).map(|fault| format!("url: {fault}"));
        for fault in in_url
            .into_iter()
            .chain(client::proxy_fault(&sender.proxy_url))
        {
            main.fault(&pointer(at).unwrap_or_default(), fault);
        }
    }
}

/// Says of sections that are sound what does not happen with them yet.
fn not_used_yet(main: &Document, sections: &Sections, warnings: &mut Vec<Fault>) {
    if sections.tracing.is_some() {
        let message = "tracing: spans are not sent yet".to_owned();
        warnings.push(main.at("/tracing", message));
    }
    let tsdb = sections.storage.tsdb.as_ref();
    if tsdb.is_some_and(|tsdb| tsdb.chunk_encoding.is_some()) {
        let message = "storage.tsdb.chunk_encoding: samples are written in a form of our own";
        warnings.push(main.at("/storage/tsdb/chunk_encoding", message.to_owned()));
    }
    if let Some(place) = main.second() {
        let message = "a second document begins here, which is not read";
        warnings.push(Fault::new(main.text(), Some(place), message));
    }
}

/// Where an Alertmanager stands, for those who look at its files.
pub(super) fn clients(receivers: &[Receiver]) -> impl Iterator<Item = (&str, &ScrapeConfig)> {
    receivers
        .iter()
        .map(|receiver| (receiver.pointer.as_str(), &receiver.client))
}
