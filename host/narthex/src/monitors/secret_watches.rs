//! Watches on the secrets that objects name, one each, where the cluster allows it: a new value is
//! known as soon as it is written.
//!
//! It is not: who asks for secrets by their names, which works where nobody may watch them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use narthex_kubernetes::{Selection, Watch};
use narthex_operator::SecretRef;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::watching::forward;
use crate::kubernetes::SharedCluster;

/// So many secrets are watched; further ones are asked for from time to time.
const WATCHES_MAX: usize = 100;

/// So many of one namespace are tried where none may be watched; then nobody may watch any there.
const REFUSALS_MAX: usize = 8;

/// How a cluster begins to say that something may not be done.
const REFUSED: &str = "server returned HTTP status 403";

/// The watches.
pub(super) struct SecretWatches {
    cluster: Arc<SharedCluster>,
    /// What any of them wakes.
    wake: Arc<Notify>,
    watches: BTreeMap<SecretRef, SecretWatch>,
    /// Those that may not be watched. They are not tried again while they are wanted.
    refused: BTreeSet<SecretRef>,
}

struct SecretWatch {
    watch: Watch,
    /// Whether it was said what is there, or that nothing is.
    is_told: bool,
    /// Ends with it.
    _forward: JoinSet<()>,
}

/// The object of a reference, and others of its kind and namespace.
pub(super) fn selection(reference: &SecretRef) -> Selection {
    Selection {
        namespace: Some(reference.namespace.clone()),
        ..Selection::of("v1", reference.kind.as_str())
    }
}

impl SecretWatches {
    pub(super) fn new(cluster: Arc<SharedCluster>, wake: Arc<Notify>) -> Self {
        Self {
            cluster,
            wake,
            watches: BTreeMap::new(),
            refused: BTreeSet::new(),
        }
    }

    /// Watches these, as far as there may be watches, and no others. In a namespace one after another
    /// is tried until one may be watched; the others begin with a later call.
    pub(super) fn follow(&mut self, wanted: &BTreeSet<SecretRef>) {
        self.watches
            .retain(|reference, _| wanted.contains(reference));
        self.refused.retain(|reference| wanted.contains(reference));
        for reference in wanted {
            if self.watches.len() >= WATCHES_MAX {
                return;
            }
            if self.watches.contains_key(reference) || !self.may_watch(reference) {
                continue;
            }
            let selection = Selection {
                field_selector: format!("metadata.name={}", reference.name),
                ..selection(reference)
            };
            // A name that is none has no object either, which whoever asks is told.
            let Ok(watch) = self.cluster.cluster().watch(selection) else {
                continue;
            };
            let watch = SecretWatch {
                _forward: forward(&watch, &self.wake),
                watch,
                is_told: false,
            };
            self.watches.insert(reference.clone(), watch);
        }
    }

    /// The secrets that changed since the last call; `None` is one that there is not.
    pub(super) fn news(&mut self) -> Vec<(SecretRef, Option<Value>)> {
        let (mut news, mut refused) = (Vec::new(), BTreeSet::new());
        for (reference, one) in &mut self.watches {
            if !one.watch.synced() {
                let trouble = one.watch.trouble().unwrap_or_default();
                if trouble.starts_with(REFUSED) {
                    refused.insert(reference.clone());
                }
                continue;
            }
            let is_changed = !one.watch.drain(usize::MAX, usize::MAX).is_empty();
            if !is_changed && one.is_told {
                continue;
            }
            one.is_told = true;
            let object = one.watch.lookup(&reference.namespace, &reference.name);
            let object = object.and_then(|text| serde_json::from_str(&text).ok());
            news.push((reference.clone(), object));
        }
        for SecretRef {
            kind,
            namespace,
            name,
        } in &refused
        {
            tracing::info!(
                kind = kind.as_str(),
                namespace,
                name,
                "a secret may not be watched: it is asked for every secrets_refresh_interval"
            );
        }
        self.watches
            .retain(|reference, _| !refused.contains(reference));
        self.refused.append(&mut refused);
        news
    }

    /// Whether a watch tells of each change of it now.
    pub(super) fn is_followed(&self, reference: &SecretRef) -> bool {
        let one = self.watches.get(reference);
        one.is_some_and(|one| one.watch.synced() && one.watch.trouble().is_none())
    }

    /// Whether a watch has begun of which nobody knows yet whether there may be one.
    pub(super) fn is_beginning(&self) -> bool {
        self.watches.values().any(|one| !one.watch.synced())
    }

    fn may_watch(&self, reference: &SecretRef) -> bool {
        if self.refused.contains(reference) {
            return false;
        }
        let is_beside = |other: &SecretRef| {
            other.kind == reference.kind && other.namespace == reference.namespace
        };
        let beside = self.watches.iter().filter(|(other, _)| is_beside(other));
        let beside: Vec<bool> = beside.map(|(_, one)| one.watch.synced()).collect();
        if beside.is_empty() {
            let refusals = self.refused.iter().filter(|other| is_beside(other));
            return refusals.count() < REFUSALS_MAX;
        }
        beside.contains(&true)
    }
}
