//! What the peers of a cluster have in common: silences and the notification log. Both travel as
//! they lie on the disk, as lists in JSON.
//!
//! Of each silence and of each entry of the log the newest version is right, so it makes no
//! difference in which order peers hear of what. It is not: how they hear of it.

use std::sync::{Arc, PoisonError, Weak};

use narthex_cluster::Replicated;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::manager::Alertmanager;
use crate::notification_log::{LogEntry, LogKey};
use crate::silences::Silence;

/// The name of the state of silences.
const SILENCES: &str = "silences";

/// The name of the state of the notification log.
const LOG: &str = "nflog";

/// What an Alertmanager replicates, by name.
pub(crate) fn states(manager: &Arc<Alertmanager>) -> Vec<(&'static str, Arc<dyn Replicated>)> {
    // The cluster is a part of the Alertmanager.
    let silences = SilencesReplica(Arc::downgrade(manager));
    let log = LogReplica(Arc::downgrade(manager));
    vec![(SILENCES, Arc::new(silences)), (LOG, Arc::new(log))]
}

#[derive(Debug)]
struct SilencesReplica(Weak<Alertmanager>);

impl Replicated for SilencesReplica {
    fn whole(&self) -> Vec<u8> {
        let Some(manager) = self.0.upgrade() else {
            return Vec::new();
        };
        let all: Vec<Silence> =
            manager.with_state(|state| state.pipeline.silences.all().cloned().collect());
        encode(&all)
    }

    fn merge(&self, data: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let others: Vec<Silence> = decode(data)?;
        let Some(manager) = self.0.upgrade() else {
            return Ok(None);
        };
        let new = manager.merge_silences(others);
        Ok((!new.is_empty()).then(|| encode(&new)))
    }
}

#[derive(Debug)]
struct LogReplica(Weak<Alertmanager>);

impl Replicated for LogReplica {
    fn whole(&self) -> Vec<u8> {
        let Some(manager) = self.0.upgrade() else {
            return Vec::new();
        };
        encode(&manager.with_state(|state| state.pipeline.log.all()))
    }

    fn merge(&self, data: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let others: Vec<(LogKey, LogEntry)> = decode(data)?;
        let Some(manager) = self.0.upgrade() else {
            return Ok(None);
        };
        let now_ms = manager.now_ms();
        let new = manager.with_state(|state| state.pipeline.log.merge(others, now_ms));
        if new.is_empty() {
            return Ok(None);
        }
        manager.log_changed();
        manager.metrics.log_propagated.inc();
        Ok(Some(encode(&new)))
    }
}

impl Alertmanager {
    /// Takes silences of another peer and writes them down. What was new comes back.
    fn merge_silences(&self, others: Vec<Silence>) -> Vec<Silence> {
        let turn = self.silences_turn.lock();
        let _turn = turn.unwrap_or_else(PoisonError::into_inner);
        let now_ms = self.now_ms();
        let (new, faults) = self.with_state(|state| state.pipeline.silences.merge(others, now_ms));
        for fault in faults {
            tracing::warn!(fault, "a silence of a peer is not taken");
        }
        if !new.is_empty() {
            self.metrics.silences_propagated.inc();
            // Where the disk fails the log has said so, the peer who was asked for them has them on
            // its own, and they are written with the next change.
            let _ = self.write_silences();
        }
        new
    }

    /// Tells the other peers of silences that were made or changed here.
    pub(crate) fn tell_peers_of_silences(&self, new: &[Silence]) {
        for silence in new {
            self.tell_peers(SILENCES, &[silence]);
        }
    }

    /// Tells the other peers that a receiver was told.
    pub(crate) fn tell_peers_of_log(&self, entry: &(LogKey, LogEntry)) {
        self.tell_peers(LOG, &[entry]);
    }

    fn tell_peers(&self, state: &str, new: &impl Serialize) {
        if let Some(cluster) = &self.options.cluster {
            cluster.tell(state, encode(new));
        }
    }
}

/// An empty one says nothing, and is merged as nothing.
fn encode(new: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(new).unwrap_or_else(|error| {
        tracing::error!(%error, "what peers are to know cannot be encoded");
        Vec::new()
    })
}

fn decode<T: DeserializeOwned>(data: &[u8]) -> Result<Vec<T>, String> {
    match data {
        [] => Ok(Vec::new()),
        data => serde_json::from_slice(data).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests;
