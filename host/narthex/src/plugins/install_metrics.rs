//! How often plugins were installed and removed over HTTP.
//!
//! It is not: the installations of who follows a tag, nor of `narthex plugin install`.

use narthex_api::PluginAdminError;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChangeLabels {
    action: &'static str,
    result: &'static str,
}

/// `narthex_plugin_admin_changes_total`
#[derive(Debug, Clone, Default)]
pub(super) struct InstallMetrics {
    changes: Family<ChangeLabels, Counter>,
}

impl InstallMetrics {
    /// Makes them and puts them into the registry of metrics.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "narthex_plugin_admin_changes",
            "Plugins that were to be installed or removed over HTTP, by what came of it",
            metrics.changes.clone(),
        );
        for action in ["install", "remove"] {
            for result in ["done", "refused", "failed"] {
                let labels = ChangeLabels { action, result };
                drop(metrics.changes.get_or_create(&labels));
            }
        }
        metrics
    }

    /// Counts a request: done, refused for what was asked, or failed, as the registry gave no answer.
    pub(super) fn count<T>(&self, action: &'static str, done: &Result<T, PluginAdminError>) {
        let result = match done {
            Ok(_) => "done",
            Err(PluginAdminError::Unavailable(_)) => "failed",
            Err(_) => "refused",
        };
        let labels = ChangeLabels { action, result };
        self.changes.get_or_create(&labels).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_changed_over_http_is_counted() {
        let metrics = InstallMetrics::register(&mut Registry::default());
        let text = || "x".to_owned();
        for (action, done) in [
            ("install", Ok(())),
            ("install", Err(PluginAdminError::Refused(text()))),
            ("install", Err(PluginAdminError::Unavailable(text()))),
            ("remove", Err(PluginAdminError::Missing(text()))),
        ] {
            metrics.count(action, &done);
        }
        let count = |action, result| {
            let labels = ChangeLabels { action, result };
            metrics.changes.get_or_create(&labels).get()
        };
        for (action, counts) in [("install", [1, 1, 1]), ("remove", [0, 1, 0])] {
            let found = ["done", "refused", "failed"].map(|result| count(action, result));
            assert_eq!(found, counts, "{action}");
        }
    }
}
