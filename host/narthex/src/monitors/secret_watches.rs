//! Watches on the secrets that objects name, one each, where the cluster allows it: a new value is
//! known as soon as it is written.
//!
//! It is not: who asks for secrets by their names, which works where nobody may watch them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use narthex_kubernetes::{Selection, Watch};
use narthex_operator::{SecretKind, SecretRef};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::watching::forward;
use crate::kubernetes::SharedCluster;

/// So many secrets are watched; further ones are asked for from time to time.
const WATCHES_MAX: usize = 100;

/// How a cluster begins to say that something may not be done.
const REFUSED: &str = "server returned HTTP status 403";

/// The watches.
pub(super) struct SecretWatches {
    cluster: Arc<SharedCluster>,
    /// What any of them wakes.
    wake: Arc<Notify>,
    watches: BTreeMap<SecretRef, SecretWatch>,
    /// Where nobody may watch. It is not tried again before the section begins anew.
    refused: BTreeSet<Place>,
}

/// What rights are given for.
type Place = (SecretKind, String);

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

    /// Watches these, as far as there may be watches, and no others. The first of a namespace shows
    /// whether there may be; the others begin with a later call.
    pub(super) fn follow(&mut self, wanted: &BTreeSet<SecretRef>) {
        self.watches
            .retain(|reference, _| wanted.contains(reference));
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
                    refused.insert(place(reference));
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
        for (kind, namespace) in &refused {
            tracing::info!(
                kind = kind.as_str(),
                namespace,
                "may not be watched: they are asked for every secrets_refresh_interval"
            );
        }
        self.watches
            .retain(|reference, _| !refused.contains(&place(reference)));
        self.refused.append(&mut refused);
        news
    }

    /// Whether a watch tells of each change of it now.
    pub(super) fn is_followed(&self, reference: &SecretRef) -> bool {
        let one = self.watches.get(reference);
        one.is_some_and(|one| one.watch.synced() && one.watch.trouble().is_none())
    }

    fn may_watch(&self, reference: &SecretRef) -> bool {
        let place = place(reference);
        if self.refused.contains(&place) {
            return false;
        }
        let mut others = self
            .watches
            .iter()
            .filter(|(other, _)| other.kind == place.0 && other.namespace == place.1)
            .peekable();
        others.peek().is_none() || others.any(|(_, one)| one.watch.synced())
    }
}

fn place(reference: &SecretRef) -> Place {
    (reference.kind, reference.namespace.clone())
}
