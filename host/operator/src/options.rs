//! What holds for all objects.

use serde::{Deserialize, Serialize};

use crate::object::{Kind, ObjectRef};
use crate::scrape_class::ScrapeClass;

/// What targets behind services are found by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// `Endpoints`, which clusters from 1.33 on call deprecated.
    Endpoints,
    /// `EndpointSlice`.
    #[default]
    EndpointSlice,
}

impl Role {
    /// As in `kubernetes_sd_configs`, and as in the names of its labels.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Endpoints => "endpoints",
            Self::EndpointSlice => "endpointslice",
        }
    }

    /// What its labels about one endpoint begin with.
    pub(crate) fn label_prefix(self) -> &'static str {
        match self {
            Self::Endpoints => "__meta_kubernetes_endpoint",
            Self::EndpointSlice => "__meta_kubernetes_endpointslice",
        }
    }
}

/// The most that an object may ask for; 0 is no limit. Where it asks for nothing it gets these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(
    missing_docs,
    reason = "the names are those of Prometheus' configuration reference"
)]
pub struct Limits {
    #[serde(skip_serializing_if = "is_zero")]
    pub sample_limit: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub target_limit: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub label_limit: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub label_name_length_limit: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub label_value_length_limit: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub keep_dropped_targets: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What holds for all objects, as a `Prometheus` object says it for the Operator.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Options {
    /// For objects that name none.
    pub service_discovery_role: Role,
    /// Objects select in their own namespace alone.
    pub ignore_namespace_selectors: bool,
    /// No object may take labels from its targets.
    pub override_honor_labels: bool,
    /// No object may take timestamps from its targets.
    pub override_honor_timestamps: bool,
    /// Objects may name files of the machine that this server runs on.
    pub allow_files: bool,
    /// Labels of pods that all targets get.
    pub pod_target_labels: Vec<String>,
    /// The most that they may ask for.
    pub enforced_limits: Limits,
    /// The label that the series, alerts and queries of every object get, with its namespace; empty is
    /// none.
    pub enforced_namespace_label: String,
    /// Objects that do not get it.
    pub excluded_from_enforcement: Vec<Excluded>,
    /// What objects may name for how they are scraped.
    pub scrape_classes: Vec<ScrapeClass>,
    /// So many servers share the targets; 0 and 1 is this one alone.
    pub shards: u64,
    /// Which of them this one is, from 0 on.
    pub shard: u64,
}

/// Objects of one kind and namespace that the label of the namespace is not forced on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excluded {
    /// Their kind.
    pub kind: Kind,
    /// Their namespace.
    pub namespace: String,
    /// One of them; empty is all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

impl Options {
    /// The label that is forced on an object, and its value.
    pub(crate) fn enforced_label(&self, object: &ObjectRef) -> Option<(String, String)> {
        let is_excluded = self.excluded_from_enforcement.iter().any(|excluded| {
            excluded.kind == object.kind
                && excluded.namespace == object.namespace
                && (excluded.name.is_empty() || excluded.name == object.name)
        });
        let is_forced = !self.enforced_namespace_label.is_empty() && !is_excluded;
        is_forced.then(|| {
            let label = self.enforced_namespace_label.clone();
            (label, object.namespace.clone())
        })
    }
}
