//! Flags that say where changes of the config are looked for.
//!
//! It is not: what follows them, which [`crate::config_follower`] has.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use narthex_model::PromDuration;

/// Files are looked at no more often, whatever the flag says (Prometheus' bound).
const INTERVAL_MIN: Duration = Duration::from_secs(1);

// This is no doc comment, because clap would show it as what the whole program is for.
#[derive(Debug, Clone, Args)]
pub(crate) struct ConfigFollowFlags {
    /// Reload the configuration whenever its file, or a file of rules or of scrape configs that it
    /// names, has another content. The feature auto-reload-config does the same.
    #[arg(long = "config.auto-reload", overrides_with = "no_auto_reload")]
    auto_reload: bool,

    #[arg(
        long = "no-config.auto-reload",
        hide = true,
        overrides_with = "auto_reload"
    )]
    no_auto_reload: bool,

    /// Interval for checking and automatically reloading the configuration upon detecting changes;
    /// at least 1s.
    #[arg(long = "config.auto-reload-interval", default_value = "30s")]
    auto_reload_interval: PromDuration,

    /// ConfigMap that --config.file is a key of, [NAMESPACE/]NAME. It is watched through the API of
    /// the cluster, and its keys are read in place of the files of that folder. Prometheus has no
    /// such flag.
    #[arg(long = "kubernetes.config-map", value_name = "NAME")]
    pub(crate) config_map: Option<ConfigMapName>,

    /// Kubeconfig file of the cluster that has the ConfigMap, and the pod that POD_NAME of the
    /// environment names; without it, the cluster that the server runs in.
    #[arg(
        id = "config_map_kubeconfig",
        long = "kubernetes.config-map.kubeconfig",
        value_name = "FILE"
    )]
    pub(crate) config_map_kubeconfig: Option<PathBuf>,
}

impl ConfigFollowFlags {
    /// Whether the files of the config are followed.
    pub(crate) fn is_auto_reloaded(&self) -> bool {
        self.auto_reload
    }

    /// How often they are looked at.
    pub(crate) fn auto_reload_interval(&self) -> Duration {
        self.auto_reload_interval.as_std().max(INTERVAL_MIN)
    }
}

/// Which ConfigMap has the config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigMapName {
    /// `None` is that of the pod.
    pub(crate) namespace: Option<String>,
    /// Its name there.
    pub(crate) name: String,
}

impl FromStr for ConfigMapName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, text),
        };
        let is_name = |part: &str| {
            let is_one = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
            !part.is_empty() && part.chars().all(is_one) && !part.starts_with(['-', '.'])
        };
        if !is_name(name) || !namespace.is_none_or(is_name) {
            return Err("a ConfigMap is named NAME or NAMESPACE/NAME".to_owned());
        }
        Ok(Self {
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_map_has_a_name_and_may_have_a_namespace() {
        let named = |text: &str| text.parse::<ConfigMapName>();
        let found = named("monitoring/narthex-config").unwrap();
        assert_eq!(found.namespace.as_deref(), Some("monitoring"));
        assert_eq!(found.name, "narthex-config");
        assert_eq!(named("a.b").unwrap().namespace, None);
        for text in ["", "/a", "a/", "a/b/c", "A", "../a", "a,b"] {
            assert!(named(text).is_err(), "{text}");
        }
    }
}
