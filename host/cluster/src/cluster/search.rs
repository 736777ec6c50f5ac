//! Who is looked for: the peers of the flags, and those that are gone. And when it is quiet enough
//! to say that all are found.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use rand::RngExt as _;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Cluster, ClusterStatus, lock};
use crate::address;
use crate::gossip::PEERS_MAX;

/// So often in a row the number of peers must be the same (Alertmanager `Settle`).
const QUIET_LOOKS: u32 = 3;

/// So many intervals of the gossip lie between two looks (Alertmanager's `main`).
const GOSSIPS_PER_LOOK: u32 = 10;

/// Why an address is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// It is gone.
    Failed,
    /// A flag names it.
    Configured,
}

impl Cluster {
    /// Looks for peers at once, and again and again.
    pub(super) async fn search(self: Arc<Self>) {
        let mut ticks = interval(self.options.reconnect_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unknown = BTreeSet::new();
        loop {
            ticks.tick().await;
            let (configured, faults) = address::resolve(&self.options.peers).await;
            let mut now_unknown = BTreeSet::new();
            for fault in faults {
                let text = fault.to_string();
                if !unknown.contains(&text) {
                    tracing::warn!(
                        error = text,
                        "a peer cannot be found and is looked for again"
                    );
                }
                now_unknown.insert(text);
            }
            unknown = now_unknown;
            self.try_all(configured).await;
        }
    }

    /// Exchanges whole states with each that is not there.
    async fn try_all(self: &Arc<Self>, configured: BTreeSet<SocketAddr>) {
        let (there, failed) = {
            let gossip = lock(&self.gossip);
            let there: BTreeSet<SocketAddr> = gossip.others().map(|peer| peer.address).collect();
            let failed: BTreeSet<SocketAddr> = gossip.failed().map(|peer| peer.address).collect();
            (there, failed)
        };
        let configured = configured.difference(&failed);
        let all = failed.iter().map(|address| (*address, Why::Failed));
        let all = all.chain(configured.map(|address| (*address, Why::Configured)));
        let absent =
            all.filter(|(address, _)| *address != self.me.address && !there.contains(address));
        let mut tries = JoinSet::new();
        for (address, why) in absent.take(PEERS_MAX) {
            let cluster = Arc::clone(self);
            tries.spawn(async move { (address, why, cluster.exchange(address).await) });
        }
        let mut unreachable = BTreeSet::new();
        while let Some(tried) = tries.join_next().await {
            let Ok((address, why, exchanged)) = tried else {
                continue;
            };
            let metrics = &self.metrics;
            let (good, bad) = match why {
                Why::Failed => (&metrics.reconnections, &metrics.reconnections_failed),
                Why::Configured => (&metrics.refreshes, &metrics.refreshes_failed),
            };
            match exchanged {
                Ok(()) => {
                    good.inc();
                }
                Err(error) => {
                    bad.inc();
                    unreachable.insert(address);
                    if !lock(&self.unreachable).contains(&address) {
                        tracing::warn!(%address, %error, "a peer cannot be reached and is tried again");
                    }
                }
            }
        }
        *lock(&self.unreachable) = unreachable;
    }

    /// Exchanges whole states with any peer, once in an interval: what was lost on the way is there
    /// afterwards.
    pub(super) async fn exchange_now_and_then(self: Arc<Self>) {
        let mut ticks = interval(self.options.pushpull_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first one is at once, when nobody is there yet.
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let others: Vec<SocketAddr> = {
                let gossip = lock(&self.gossip);
                gossip.others().map(|peer| peer.address).collect()
            };
            if others.is_empty() {
                continue;
            }
            let chosen = rand::rng().random_range(0..others.len());
            if let Some(address) = others.get(chosen)
                && let Err(error) = self.exchange(*address).await
            {
                tracing::debug!(%address, %error, "states were not exchanged with a peer");
            }
        }
    }

    /// Becomes ready when the number of peers has not changed for a while, or the time for that is
    /// up.
    pub(super) async fn settle(self: Arc<Self>) {
        let pause = self
            .options
            .gossip
            .gossip_interval
            .saturating_mul(GOSSIPS_PER_LOOK);
        let quiet = async {
            let (mut count, mut looks) = (0, 0);
            while looks < QUIET_LOOKS {
                tokio::time::sleep(pause).await;
                let found = self.peers().len();
                looks = if found == count { looks + 1 } else { 0 };
                count = found;
            }
        };
        let is_quiet = timeout(self.options.settle_timeout, quiet).await.is_ok();
        let peers = self.peers().len();
        match is_quiet {
            true => tracing::info!(peers, "the cluster has settled"),
            false => tracing::info!(peers, "the cluster did not settle in time and goes on"),
        }
        self.status.send_replace(ClusterStatus::Ready);
    }
}
