//! The pod that the server runs in: where no ConfigMap is followed, events on it say why a config was
//! not taken, whoever had it read.
//!
//! It is not: looked up in the cluster, which the account of a pod need not be allowed. What the pod is
//! called stands in the environment, where the downward API puts it.

use std::sync::Arc;

use narthex_model::Clock;

use crate::flags::ConfigFollowFlags;
use crate::kubernetes::{Clusters, Events, Involved};

use super::config_map;

/// The variable with `metadata.name` of the pod.
const NAME: &str = "POD_NAME";

/// The variable with its `metadata.namespace`; without it, the namespace of its account counts.
const NAMESPACE: &str = "POD_NAMESPACE";

/// The variable with its `metadata.uid`. Without it `kubectl get events` has the events, and
/// `kubectl describe pod` has not.
const UID: &str = "POD_UID";

/// A pod that is told.
pub(super) struct OwnPod {
    namespace: String,
    name: String,
    uid: String,
    events: Events,
}

impl OwnPod {
    /// The pod that the environment names; none where it names none, or there is no cluster around.
    pub(super) fn find(
        flags: &ConfigFollowFlags,
        clusters: &Clusters,
        clock: &Arc<dyn Clock>,
    ) -> Option<Self> {
        let name = variable(NAME)?;
        let namespace = variable(NAMESPACE).map_or_else(|| clusters.own_namespace(), Ok);
        let found = namespace.and_then(|namespace| {
            let cluster = config_map::cluster(flags, clusters)?;
            Ok((namespace, cluster))
        });
        match found {
            Ok((namespace, cluster)) => Some(Self {
                namespace,
                name,
                uid: variable(UID).unwrap_or_default(),
                events: Events::start(cluster, Arc::clone(clock)),
            }),
            Err(error) => {
                // Others than pods have such a variable too.
                tracing::debug!(
                    name,
                    error,
                    "no events are written on the pod that the environment names"
                );
                None
            }
        }
    }

    /// Says on the pod that a config is not taken.
    pub(super) fn tell(&self, error: &str) {
        let object = Involved {
            api_version: "v1",
            kind: "Pod",
            namespace: &self.namespace,
            name: &self.name,
            uid: &self.uid,
        };
        self.events.write(&object, error);
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
