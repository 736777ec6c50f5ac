//! All endpoints, who they are now, and what they say of themselves.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures::future::join_all;
use narthex_storage::Queryable;
use narthex_storeapi::{Endpoint, EndpointError, EndpointTls};
use prometheus_client::registry::Registry;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::member::Member;
use crate::metrics::{KindLabels, Metrics};
use crate::view::View;
use crate::{Address, FleetOptions, MemberStatus, ViewOptions};

/// How often members are asked what they are, as in Thanos.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// A name has to be looked up within this time.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// A fleet has so many members at the most; what goes beyond is left out, and said in the log.
const MEMBERS_MAX: usize = 5_000;

/// All endpoints.
pub struct Fleet {
    options: FleetOptions,
    metrics: Metrics,
    /// How members are spoken to now. It is held while they become others, so that none keeps what
    /// was before.
    tls: RwLock<Option<EndpointTls>>,
    members: RwLock<Arc<Vec<Arc<Member>>>>,
    /// The names of which nobody knows to whom they lead, and why.
    unfound: RwLock<Arc<Vec<String>>>,
    lookups: Mutex<Lookups>,
}

/// What addresses lead to.
#[derive(Default)]
struct Lookups {
    /// Beside those of the options: what a file lists.
    listed: Vec<(Address, bool)>,
    found: HashMap<Address, Vec<String>>,
    /// Since when those lead to nobody that never led to anybody, in milliseconds since the epoch.
    lost_ms: HashMap<Address, i64>,
    at: Option<Instant>,
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Fleet {
    /// A fleet whose members nobody has asked yet; see [`Self::run`].
    pub fn new(options: FleetOptions, registry: &mut Registry) -> Arc<Self> {
        Arc::new(Self {
            tls: RwLock::new(options.tls.clone()),
            options,
            metrics: Metrics::register(registry),
            members: RwLock::default(),
            unfound: RwLock::new(Arc::new(vec!["endpoints are not looked up yet".to_owned()])),
            lookups: Mutex::default(),
        })
    }

    /// Takes members from a list that may change, beside those of the options; `true` is for
    /// those that are asked always.
    pub fn follow(&self, listed: Vec<(Address, bool)>) {
        let mut lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        if lookups.listed != listed {
            lookups.listed = listed;
            lookups.at = None;
        }
    }

    /// Speaks with members by these certificates from now on, where they are others than before. It
    /// must be called within a runtime.
    ///
    /// # Errors
    /// They cannot be used; those before go on.
    pub fn follow_tls(&self, tls: Option<EndpointTls>) -> Result<(), EndpointError> {
        let mut current = self.tls.write().unwrap_or_else(PoisonError::into_inner);
        if *current == tls {
            return Ok(());
        }
        for member in self.members().iter() {
            member.endpoint().reconnect(tls.as_ref())?;
        }
        *current = tls;
        Ok(())
    }

    /// Asks members what they are for ever, and looks names up.
    pub async fn run(self: Arc<Self>) {
        let mut ticks = interval(CHECK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.check().await;
        }
    }

    /// Looks names up where that is due, and asks all members once.
    pub async fn check(&self) {
        self.look_up().await;
        let members = self.members();
        let checks = members.iter().map(|member| member.check(|| self.now_ms()));
        join_all(checks).await;
        self.count(&members);
    }

    /// One reader's view.
    pub fn view(self: &Arc<Self>, wishes: ViewOptions) -> Arc<dyn Queryable> {
        Arc::new(View::new(Arc::clone(self), wishes))
    }

    /// The members, sorted by address.
    pub fn statuses(&self) -> Vec<MemberStatus> {
        let members = self.members();
        members.iter().map(|member| member.status()).collect()
    }

    pub(crate) fn options(&self) -> &FleetOptions {
        &self.options
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.options.clock.now_ms()
    }

    pub(crate) fn members(&self) -> Arc<Vec<Arc<Member>>> {
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&members)
    }

    pub(crate) fn unfound(&self) -> Arc<Vec<String>> {
        let unfound = self.unfound.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&unfound)
    }

    /// Makes the members those that the addresses lead to.
    async fn look_up(&self) {
        let (addresses, listed, is_due) = {
            let lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
            let own = self
                .options
                .endpoints
                .iter()
                .map(|address| (address, false));
            let strict = self.options.strict.iter().map(|address| (address, true));
            let own = own.chain(strict).map(|(address, is)| (address.clone(), is));
            let all: Vec<(Address, bool)> = own.chain(lookups.listed.iter().cloned()).collect();
            let interval = self.options.dns_interval;
            let is_due = lookups.at.is_none_or(|at| at.elapsed() >= interval);
            (all, lookups.listed.clone(), is_due)
        };
        if !is_due {
            return;
        }
        let resolved = join_all(addresses.iter().map(|(address, _)| async {
            let resolved = timeout(LOOKUP_TIMEOUT, address.resolve()).await;
            resolved.unwrap_or_else(|_| Err(format!("no answer within {LOOKUP_TIMEOUT:?}")))
        }));
        let resolved = resolved.await;
        let mut unfound = Vec::new();
        let mut members: BTreeMap<String, bool> = BTreeMap::new();
        let mut lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        // A list that came meanwhile is looked up at once.
        lookups.at = (lookups.listed == listed).then(Instant::now);
        let now_ms = self.now_ms();
        let (mut found, mut lost) = (HashMap::new(), HashMap::new());
        for ((address, is_strict), resolved) in addresses.into_iter().zip(resolved) {
            if !address.is_plain() {
                self.metrics.lookups.inc();
            }
            let resolved = resolved.unwrap_or_else(|error| {
                self.metrics.lookup_failures.inc();
                tracing::warn!(%address, error, "an endpoint's name cannot be looked up");
                let before = lookups.found.get(&address).cloned().unwrap_or_default();
                if before.is_empty() {
                    let since_ms = lookups.lost_ms.get(&address).copied().unwrap_or(now_ms);
                    lost.insert(address.clone(), since_ms);
                    if is_strict || self.is_missed(now_ms.saturating_sub(since_ms)) {
                        unfound.push(format!("{address}: {error}"));
                    }
                }
                before
            });
            if resolved.is_empty() && is_strict {
                unfound.push(format!("{address} leads to nobody"));
            }
            for member in &resolved {
                *members.entry(member.clone()).or_default() |= is_strict;
            }
            found.insert(address, resolved);
        }
        lookups.found = found;
        lookups.lost_ms = lost;
        drop(lookups);
        *self.unfound.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(unfound);
        self.become_those(members);
    }

    /// Whether one that was never found for so long is still missed: as long as a member would be that
    /// does not answer.
    fn is_missed(&self, lost_ms: i64) -> bool {
        let lost_ms = u128::try_from(lost_ms).unwrap_or_default();
        lost_ms < self.options.unhealthy_timeout.as_millis()
    }

    fn become_those(&self, wanted: BTreeMap<String, bool>) {
        if wanted.len() > MEMBERS_MAX {
            let count = wanted.len();
            tracing::warn!(count, "only the first {MEMBERS_MAX} endpoints are asked");
        }
        let tls = self.tls.read().unwrap_or_else(PoisonError::into_inner);
        let known = self.members();
        let now_ms = self.now_ms();
        let members = wanted.into_iter().take(MEMBERS_MAX);
        let members = members.filter_map(|(address, is_strict)| {
            let same = known.iter().find(|member| {
                member.endpoint().address() == address && member.is_strict() == is_strict
            });
            if let Some(same) = same {
                return Some(Arc::clone(same));
            }
            let endpoint = Endpoint::connect(&address, tls.as_ref());
            let endpoint =
                endpoint.inspect_err(|error| tracing::error!(%error, "an endpoint is left out"));
            let endpoint = endpoint
                .ok()?
                .counted_by(self.metrics.received.clone())
                .authorized_by(self.options.credentials.clone());
            Some(Arc::new(Member::new(endpoint, is_strict, now_ms)))
        });
        let members = Arc::new(members.collect());
        *self.members.write().unwrap_or_else(PoisonError::into_inner) = members;
    }

    /// Counts who answers.
    fn count(&self, members: &[Arc<Member>]) {
        let mut counts: HashMap<KindLabels, i64> = HashMap::new();
        for member in members.iter().filter(|member| member.answers()) {
            let Some(known) = member.known() else {
                continue;
            };
            let sets: Vec<String> = known.label_sets.iter().map(ToString::to_string).collect();
            let labels = KindLabels {
                external_labels: sets.join(", "),
                store_type: known.kind.clone(),
            };
            *counts.entry(labels).or_default() += 1;
        }
        self.metrics.members.clear();
        for (labels, count) in counts {
            self.metrics.members.get_or_create(&labels).set(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use narthex_model::SimulatedClock;

    use super::*;
    use crate::Dedup;

    #[tokio::test]
    async fn a_name_that_never_led_to_anybody_is_not_missed_for_good() {
        let (clock, long) = (SimulatedClock::at(0), Duration::from_secs(60));
        // That is no port, so nobody is asked for the name.
        let nowhere = |host: &str| Address::Dns(format!("{host}:99999"));
        let options = FleetOptions {
            endpoints: vec![nowhere("optional")],
            strict: vec![nowhere("strict")],
            tls: None,
            credentials: None,
            replica_labels: Vec::new(),
            dedup: Dedup::Interval,
            partial_response: true,
            response_timeout: long,
            unhealthy_timeout: Duration::from_secs(300),
            dns_interval: Duration::ZERO,
            push_down: false,
            listing_timeout: long,
            clock: Arc::new(clock.clone()),
        };
        let fleet = Fleet::new(options, &mut Registry::default());
        let is_missed = |host: &str| fleet.unfound().iter().any(|what| what.contains(host));
        for (at_ms, expected) in [
            (0, true),
            (299_999, true),
            (300_000, false),
            (900_000, false),
        ] {
            clock.set(at_ms);
            fleet.look_up().await;
            assert_eq!(is_missed("optional"), expected, "{at_ms}");
            assert!(is_missed("strict"), "{at_ms}");
        }
    }
}
