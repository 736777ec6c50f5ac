//! File names in the config, which are meant from the folder of the config file.

use std::path::{Path, PathBuf};

use narthex_adapter::MetricsApisConfig;
use narthex_operator::ScrapeClass;
use narthex_plugin::PluginsConfig;
use narthex_remote::{RemoteReadConfig, RemoteWriteConfig};
use narthex_scrape::config::{GlobalConfig, ScrapeConfig};

use crate::monitors::KubernetesMonitorsConfig;

/// Makes the files that `global` names relative to the config's folder.
pub(super) fn resolve_global(global: &mut GlobalConfig, folder: &Path) {
    join(&mut global.query_log_file, folder);
    join(&mut global.scrape_failure_log_file, folder);
}

/// Makes the files that a job names relative to the config's folder.
pub(super) fn resolve_job(job: &mut ScrapeConfig, folder: &Path) {
    job.visit_files(|file| join(file, folder));
}

/// Makes the files that an entry of `remote_write` names relative to the config's folder.
pub(super) fn resolve_remote_write(config: &mut RemoteWriteConfig, folder: &Path) {
    for file in config.http_files() {
        join(file, folder);
    }
    for file in config.cloud_files() {
        join(file, folder);
    }
}

/// Makes the files that an entry of `remote_read` names relative to the config's folder.
pub(super) fn resolve_remote_read(config: &mut RemoteReadConfig, folder: &Path) {
    for file in config.http_files() {
        join(file, folder);
    }
}

/// Makes the files by which the cluster of `kubernetes_monitors` is found and spoken to relative to
/// the config's folder.
pub(super) fn resolve_monitors(monitors: &mut KubernetesMonitorsConfig, folder: &Path) {
    join(&mut monitors.kubeconfig_file, folder);
    for file in monitors.http_files() {
        join(file, folder);
    }
    let classes = monitors.scrape_classes.iter_mut();
    for file in classes.flat_map(ScrapeClass::files) {
        join(file, folder);
    }
}

/// The same of `kubernetes_metrics_apis`.
pub(super) fn resolve_metrics_apis(config: &mut MetricsApisConfig, folder: &Path) {
    join(&mut config.kubeconfig_file, folder);
    for file in config.http_files() {
        join(file, folder);
    }
}

/// Makes the plugins' folder, secrets, keys and certificates relative to the config's folder.
pub(super) fn resolve_plugins(plugins: &mut PluginsConfig, folder: &Path) {
    if let Some(directory) = &mut plugins.directory {
        *directory = folder.join(PathBuf::from(&*directory));
    }
    for file in plugins.secrets.values_mut().filter_map(|s| s.file.as_mut()) {
        *file = folder.join(&*file);
    }
    if let Some(registry) = &mut plugins.registry {
        registry.resolve(folder);
    }
    for tls in plugins.tls.values_mut() {
        for file in [&mut tls.ca_file, &mut tls.cert_file, &mut tls.key_file] {
            join(file, folder);
        }
    }
}

/// Nothing stays nothing, and what is absolute stays as it is.
fn join(file: &mut String, folder: &Path) {
    if !file.is_empty() {
        *file = folder.join(&*file).display().to_string();
    }
}
