//! From posted alerts to what is to be delivered: a value that knows no clock, no network and no
//! disk. Time comes in with each call, so that a test runs hours in milliseconds.
//!
//! ```text
//! post ► alerts ► inhibitor
//!           └───► dispatcher ► take_due ► inhibit ► mute times ► silence ► per integration: log ► Delivery
//!                      ▲                                                                             │
//!                      └───────────────── finish ◄── settle (log) ◄───────────────── delivered ◄─────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::alert::{Alert, Fingerprint};
use crate::config::Resolved;
use crate::dispatcher::{Dispatcher, Flush};
use crate::inhibit::Inhibitor;
use crate::notification::{Notification, NotifiedAlert};
use crate::notification_log::{LogEntry, LogKey, NotificationLog, Wish};
use crate::route::Route;
use crate::silences::{ActiveSilences, Silences};

/// So many alerts are kept; posts of others are refused until some are resolved.
pub const ALERTS_MAX: usize = 1_000_000;

/// A delivery has at least this much time, however short the group's interval is.
const DELIVERY_TIMEOUT_MIN_MS: i64 = 10_000;

/// The whole state.
#[derive(Debug)]
pub(crate) struct Pipeline {
    pub(crate) resolved: Resolved,
    pub(crate) alerts: BTreeMap<Fingerprint, Arc<Alert>>,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) inhibitor: Inhibitor,
    pub(crate) silences: Silences,
    pub(crate) log: NotificationLog,
    external_url: String,
}

/// Why alerts were not told although their group was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Suppression {
    Silence,
    Inhibition,
    MuteTimeInterval,
    ActiveTimeInterval,
}

impl Suppression {
    pub(crate) const ALL: [Self; 4] = [
        Self::Silence,
        Self::Inhibition,
        Self::MuteTimeInterval,
        Self::ActiveTimeInterval,
    ];

    /// Alertmanager's name for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Inhibition => "inhibition",
            Self::MuteTimeInterval => "mute_time_interval",
            Self::ActiveTimeInterval => "active_time_interval",
        }
    }
}

/// A notification for one integration.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    /// Its place in the receiver.
    pub(crate) integration: usize,
    /// What is told; with no alert there is nothing to tell, only to write down.
    pub(crate) notification: Notification,
    key: LogKey,
    firing: BTreeSet<Fingerprint>,
    resolved: BTreeSet<Fingerprint>,
    sends_resolved: bool,
    repeat_interval_ms: i64,
}

/// A group that is being told.
#[derive(Debug, Clone)]
pub(crate) struct Telling {
    pub(crate) flush: Flush,
    pub(crate) deliveries: Vec<Delivery>,
    /// The receiver's place in the config.
    pub(crate) receiver: usize,
    /// So many integrations are not told because the log says that they were.
    pub(crate) deduplicated: usize,
    /// How many alerts are not told, and why.
    pub(crate) suppressed: Vec<(Suppression, usize)>,
    /// After this time it is given up.
    pub(crate) timeout_ms: i64,
}

impl Pipeline {
    pub(crate) fn new(
        resolved: Resolved,
        silences: Silences,
        log: NotificationLog,
        external_url: String,
    ) -> Self {
        Self {
            dispatcher: Dispatcher::new(resolved.routes.clone()),
            inhibitor: Inhibitor::new(resolved.inhibit_rules.clone()),
            alerts: BTreeMap::new(),
            resolved,
            silences,
            log,
            external_url,
        }
    }

    /// Takes another config. Groups begin anew; the log knows what was told.
    pub(crate) fn follow(&mut self, resolved: Resolved, now_ms: i64) -> usize {
        self.dispatcher = Dispatcher::new(resolved.routes.clone());
        self.inhibitor = Inhibitor::new(resolved.inhibit_rules.clone());
        self.resolved = resolved;
        let mut refused = 0;
        for alert in self.alerts.values() {
            self.inhibitor.note(alert);
            refused += self.dispatcher.insert(alert, now_ms);
        }
        refused
    }

    /// Takes an alert. How many groups could not be made for it comes back; `None` where it is one
    /// too many.
    pub(crate) fn post(&mut self, alert: Alert, now_ms: i64) -> Option<usize> {
        let fingerprint = alert.fingerprint();
        let old = self.alerts.get(&fingerprint);
        if old.is_none() && self.alerts.len() >= ALERTS_MAX {
            return None;
        }
        let alert = match old {
            Some(old) if alert.overlaps(old) => Alert::clone(old).merge(alert, now_ms),
            _ => alert,
        };
        let alert = Arc::new(alert);
        self.alerts.insert(fingerprint, Arc::clone(&alert));
        self.inhibitor.note(&alert);
        Some(self.dispatcher.insert(&alert, now_ms))
    }

    /// The groups that are due, and what is to be delivered of each. Each has to come back by
    /// [`Self::finish`].
    pub(crate) fn take_due(&mut self, now_ms: i64) -> Vec<Telling> {
        let flushes = self.dispatcher.take_due(now_ms);
        if flushes.is_empty() {
            return Vec::new();
        }
        let silences = self.silences.active(now_ms);
        let flushes = flushes.into_iter();
        flushes.map(|flush| self.plan(flush, &silences)).collect()
    }

    fn plan(&self, flush: Flush, silences: &ActiveSilences<'_>) -> Telling {
        let now_ms = flush.now_ms;
        let route = self.resolved.routes.get(flush.route);
        let mut suppressed = Vec::new();
        let mut alerts = flush.alerts.clone();
        let mut drop_muted =
            |alerts: &mut Vec<Arc<Alert>>, why: Suppression, is_muted: &dyn Fn(&Alert) -> bool| {
                let before = alerts.len();
                alerts.retain(|alert| !is_muted(alert));
                if alerts.len() < before {
                    suppressed.push((why, before - alerts.len()));
                }
            };
        let is_inhibited = |alert: &Alert| {
            let by = self.inhibitor.muted_by(&alert.labels, now_ms);
            by.is_some()
        };
        drop_muted(&mut alerts, Suppression::Inhibition, &is_inhibited);
        if let Some(route) = route {
            let is_idle = self.is_idle(route, now_ms);
            drop_muted(&mut alerts, Suppression::ActiveTimeInterval, &|_| is_idle);
            let is_muted = !self.muting_intervals(route, now_ms).is_empty();
            drop_muted(&mut alerts, Suppression::MuteTimeInterval, &|_| is_muted);
        }
        let is_silenced = |alert: &Alert| silences.mute(&alert.labels);
        drop_muted(&mut alerts, Suppression::Silence, &is_silenced);
        let name = route.map_or("", |route| route.receiver.as_str());
        let mut receivers = self.resolved.receivers.iter();
        let receiver = receivers.position(|(known, _)| known == name);
        let interval_ms = route.map_or(0, |route| route.group_interval_ms);
        let mut telling = Telling {
            deliveries: Vec::new(),
            deduplicated: 0,
            receiver: receiver.unwrap_or_default(),
            suppressed,
            timeout_ms: interval_ms.max(DELIVERY_TIMEOUT_MIN_MS),
            flush,
        };
        if let (Some(route), Some(receiver), false) = (route, receiver, alerts.is_empty()) {
            let all = self.deliveries(&telling.flush, route, receiver, &alerts);
            let count = all.len();
            telling.deliveries = self.still_needed(all, telling.flush.now_ms);
            telling.deduplicated = count - telling.deliveries.len();
        }
        telling
    }

    fn deliveries(
        &self,
        flush: &Flush,
        route: &Route,
        receiver: usize,
        alerts: &[Arc<Alert>],
    ) -> Vec<Delivery> {
        let now_ms = flush.now_ms;
        let alerts = alerts.iter().map(|alert| NotifiedAlert {
            is_firing: !alert.is_resolved(now_ms),
            alert: Arc::clone(alert),
        });
        let alerts: Vec<NotifiedAlert> = alerts.collect();
        let set = |is_firing: bool| {
            let alike = alerts.iter().filter(|alert| alert.is_firing == is_firing);
            alike
                .map(NotifiedAlert::fingerprint)
                .collect::<BTreeSet<_>>()
        };
        let (firing, resolved) = (set(true), set(false));
        let Some((name, integrations)) = self.resolved.receivers.get(receiver) else {
            return Vec::new();
        };
        let group_key = route.group_key(&flush.labels);
        let mut deliveries = Vec::new();
        for (at, integration) in integrations.iter().enumerate() {
            let key = LogKey {
                group: group_key.clone(),
                receiver: name.clone(),
                integration: integration.kind.clone(),
                index: integration.index,
            };
            let told = alerts
                .iter()
                .filter(|alert| integration.sends_resolved || alert.is_firing);
            deliveries.push(Delivery {
                integration: at,
                notification: Notification {
                    group_key: group_key.clone(),
                    receiver: name.clone(),
                    group_labels: flush.labels.clone(),
                    alerts: told.cloned().collect(),
                    external_url: self.external_url.clone(),
                },
                key,
                firing: firing.clone(),
                resolved: resolved.clone(),
                sends_resolved: integration.sends_resolved,
                repeat_interval_ms: route.repeat_interval_ms,
            });
        }
        deliveries
    }

    /// Those whose integrations were not told the same already, by this peer or another one.
    pub(crate) fn still_needed(&self, mut deliveries: Vec<Delivery>, now_ms: i64) -> Vec<Delivery> {
        deliveries.retain(|delivery| {
            let wish = Wish {
                firing: &delivery.firing,
                resolved: &delivery.resolved,
                sends_resolved: delivery.sends_resolved,
                repeat_interval_ms: delivery.repeat_interval_ms,
            };
            self.log.needs(&delivery.key, wish, now_ms)
        });
        deliveries
    }

    /// Writes down that an integration was told. The entry comes back, but where a newer one says the
    /// same or more.
    pub(crate) fn settle(&mut self, delivery: Delivery, now_ms: i64) -> Option<(LogKey, LogEntry)> {
        let wish = Wish {
            firing: &delivery.firing,
            resolved: &delivery.resolved,
            sends_resolved: true,
            repeat_interval_ms: delivery.repeat_interval_ms,
        };
        self.log.add(delivery.key, wish, now_ms)
    }

    /// Takes a group back; `was_told` where all its integrations were.
    pub(crate) fn finish(&mut self, flush: &Flush, was_told: bool) {
        self.dispatcher.done(flush, was_told);
    }

    /// Whether a route has times in which it is active, and this is none of them.
    fn is_idle(&self, route: &Route, now_ms: i64) -> bool {
        let names = &route.active_time_intervals;
        !names.is_empty() && !names.iter().any(|name| self.is_in(name, now_ms))
    }

    fn is_in(&self, name: &str, now_ms: i64) -> bool {
        let intervals = self.resolved.time_intervals.get(name);
        intervals.is_some_and(|list| list.iter().any(|interval| interval.contains(now_ms)))
    }

    fn muting_intervals(&self, route: &Route, now_ms: i64) -> Vec<String> {
        let names = route.mute_time_intervals.iter();
        names
            .filter(|name| self.is_in(name, now_ms))
            .cloned()
            .collect()
    }

    /// The time intervals that mute a route now, those outside of which it is not active among
    /// them.
    pub(crate) fn muted_by(&self, route: &Route, now_ms: i64) -> Vec<String> {
        match self.is_idle(route, now_ms) {
            true => route.active_time_intervals.clone(),
            false => self.muting_intervals(route, now_ms),
        }
    }

    /// How many alerts are told when their time comes, and how many are muted.
    pub(crate) fn states(&self, now_ms: i64) -> (usize, usize) {
        let (alerts, silences) = (self.alerts.values(), self.silences.active(now_ms));
        let (mut active, mut suppressed) = (0, 0);
        for alert in alerts.filter(|alert| !alert.is_resolved(now_ms)) {
            let is_muted = self.inhibitor.muted_by(&alert.labels, now_ms).is_some()
                || silences.mute(&alert.labels);
            *(if is_muted {
                &mut suppressed
            } else {
                &mut active
            }) += 1;
        }
        (active, suppressed)
    }

    /// Forgets alerts that are resolved.
    pub(crate) fn clean_alerts(&mut self, now_ms: i64) {
        self.alerts.retain(|_, alert| !alert.is_resolved(now_ms));
        self.inhibitor.clean(now_ms);
    }
}

#[cfg(test)]
mod tests;
