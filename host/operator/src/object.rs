//! Which objects there are, and how one is named.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The group of all kinds.
pub const GROUP: &str = "monitoring.coreos.com";

/// A kind of the Operator's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Targets behind services.
    ServiceMonitor,
    /// Targets that are pods.
    PodMonitor,
    /// URLs that a prober looks at.
    Probe,
    /// A job with discoveries of its own.
    ScrapeConfig,
    /// Groups of rules.
    PrometheusRule,
    /// Routes, receivers and inhibitions of a namespace.
    AlertmanagerConfig,
}

impl Kind {
    /// All of them; jobs are in the order of the first four.
    pub const ALL: [Self; 6] = [
        Self::ServiceMonitor,
        Self::PodMonitor,
        Self::Probe,
        Self::ScrapeConfig,
        Self::PrometheusRule,
        Self::AlertmanagerConfig,
    ];

    /// As in an object.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceMonitor => "ServiceMonitor",
            Self::PodMonitor => "PodMonitor",
            Self::Probe => "Probe",
            Self::ScrapeConfig => "ScrapeConfig",
            Self::PrometheusRule => "PrometheusRule",
            Self::AlertmanagerConfig => "AlertmanagerConfig",
        }
    }

    /// As in an object: the newest version that a cluster with the Operator's kinds serves.
    pub fn api_version(self) -> &'static str {
        match self {
            Self::ServiceMonitor | Self::PodMonitor | Self::Probe | Self::PrometheusRule => {
                "monitoring.coreos.com/v1"
            }
            Self::ScrapeConfig | Self::AlertmanagerConfig => "monitoring.coreos.com/v1alpha1",
        }
    }
}

/// An object by its kind and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Tells it from another of that name, before it or after; empty where nobody said.
    pub uid: String,
}

impl fmt::Display for ObjectRef {
    /// `ServiceMonitor a/b`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind.as_str(), self.namespace, self.name)
    }
}
