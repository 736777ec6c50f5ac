//! What a job can set.

use std::collections::BTreeMap;

use narthex_sdk::Error;
use narthex_sdk::text::Pattern;
use serde::Deserialize;

use crate::kinds;
use crate::metadata::Wanted;

/// So many watches an instance can have; the host's bound.
const WATCHES_MAX: usize = 32;

/// All of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which kinds of objects are looked at, as kube-state-metrics calls them: `pods`.
    pub resources: Vec<String>,
    /// Which namespaces are looked at; all, where none is named.
    pub namespaces: Vec<String>,
    /// Patterns of the families that are told; empty is all of them.
    pub metric_allowlist: Vec<Pattern>,
    /// Patterns of the families that are not.
    pub metric_denylist: Vec<Pattern>,
    /// By resource, the labels of objects that become labels of `kube_..._labels`; `*` is all.
    pub metric_labels_allowlist: BTreeMap<String, Vec<String>>,
    /// By resource, the annotations that become labels of `kube_..._annotations`; `*` is all.
    pub metric_annotations_allowlist: BTreeMap<String, Vec<String>>,
    /// Which of the shards this is, from 0.
    pub shard: u64,
    /// How many jobs share the objects.
    pub total_shards: u64,
    /// The host's to know.
    #[serde(rename = "api_server")]
    _api_server: String,
    /// The host's to know.
    #[serde(rename = "kubeconfig_file")]
    _kubeconfig_file: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            resources: kinds::defaults(),
            namespaces: Vec::new(),
            metric_allowlist: Vec::new(),
            metric_denylist: Vec::new(),
            metric_labels_allowlist: BTreeMap::new(),
            metric_annotations_allowlist: BTreeMap::new(),
            shard: 0,
            total_shards: 1,
            _api_server: String::new(),
            _kubeconfig_file: String::new(),
        }
    }
}

impl Config {
    /// Refuses what cannot be done.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.shard >= self.total_shards {
            let text = format!(
                "shard {} is none of {}: they are counted from 0",
                self.shard, self.total_shards
            );
            return Err(Error::Config(text));
        }
        let lists = [
            &self.metric_labels_allowlist,
            &self.metric_annotations_allowlist,
        ];
        let listed = lists.iter().flat_map(|list| list.keys());
        for name in self.resources.iter().chain(listed) {
            if kinds::named(name).is_none() {
                let known: Vec<&str> = kinds::ALL.iter().map(|kind| kind.resource).collect();
                let known = known.join(", ");
                let text = format!("there is no resource {name:?}; known are {known}");
                return Err(Error::Config(text));
            }
        }
        let kinds = self.resources.iter().filter_map(|name| kinds::named(name));
        let watches: usize = kinds
            .map(|kind| match kind.is_namespaced {
                true => self.namespaces.len().max(1),
                false => 1,
            })
            .sum();
        match watches > WATCHES_MAX {
            true => Err(Error::Config(format!(
                "{watches} watches, one for each resource and namespace, are more than \
                 {WATCHES_MAX}: name fewer resources or namespaces, or make two jobs of it"
            ))),
            false => Ok(()),
        }
    }
}

/// What of all that there is is told.
#[derive(Debug)]
pub(crate) struct Selected {
    pub(crate) namespaces: Vec<String>,
    allow: Vec<Pattern>,
    deny: Vec<Pattern>,
    labels: BTreeMap<String, Vec<String>>,
    annotations: BTreeMap<String, Vec<String>>,
}

impl From<Config> for Selected {
    fn from(config: Config) -> Self {
        Self {
            namespaces: config.namespaces,
            allow: config.metric_allowlist,
            deny: config.metric_denylist,
            labels: config.metric_labels_allowlist,
            annotations: config.metric_annotations_allowlist,
        }
    }
}

impl Selected {
    /// Whether a family is told.
    pub(crate) fn has_family(&self, name: &str) -> bool {
        let is_allowed = self.allow.is_empty() || Pattern::any(&self.allow, name);
        is_allowed && !Pattern::any(&self.deny, name)
    }

    /// The labels that are told of a resource's objects.
    pub(crate) fn labels(&self, resource: &str) -> Wanted {
        wanted(&self.labels, resource)
    }

    /// The annotations that are.
    pub(crate) fn annotations(&self, resource: &str) -> Wanted {
        wanted(&self.annotations, resource)
    }
}

fn wanted(lists: &BTreeMap<String, Vec<String>>, resource: &str) -> Wanted {
    Wanted::new(lists.get(resource).map_or(&[], Vec::as_slice))
}

/// A part of all objects; the parts have no object in common, and all of them together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shard {
    pub(crate) number: u64,
    pub(crate) total: u64,
}

impl Shard {
    /// Whether the object with that UID belongs to it.
    pub(crate) fn has(self, uid: &str) -> bool {
        // FNV-1a: what is the same everywhere needs no seed.
        let hash = uid.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        self.total <= 1 || hash % self.total == self.number
    }
}
