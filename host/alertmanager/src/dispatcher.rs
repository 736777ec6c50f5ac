//! Groups of alerts, and when each is to be told.
//!
//! A group is told first `group_wait` after its first alert came, and from then on each
//! `group_interval`, as long as it has alerts. A group that is being told waits for the end of it.
//!
//! It is not: who decides whether telling is needed. It knows neither receivers nor silences.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use narthex_model::Labels;

use crate::alert::{Alert, Fingerprint, notification_order};
use crate::route::{Route, Routes};

/// There may be this many groups; an alert that would need one more is not told, which a metric
/// and the log say.
pub const GROUPS_MAX: usize = 200_000;

/// Alerts of one route with the same values of the labels that it groups by.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) route: usize,
    pub(crate) labels: Labels,
    pub(crate) alerts: BTreeMap<Fingerprint, Arc<Alert>>,
    next_flush_ms: i64,
    has_flushed: bool,
    is_flushing: bool,
}

/// A group that is to be told now.
#[derive(Debug, Clone)]
pub(crate) struct Flush {
    /// Names the group in this dispatcher.
    pub(crate) group: u64,
    pub(crate) route: usize,
    pub(crate) labels: Labels,
    /// In the order in which they are told.
    pub(crate) alerts: Vec<Arc<Alert>>,
    pub(crate) now_ms: i64,
}

/// All groups.
#[derive(Debug, Default)]
pub(crate) struct Dispatcher {
    routes: Arc<Routes>,
    groups: BTreeMap<u64, Group>,
    ids: HashMap<(usize, Labels), u64>,
    /// When each group that is not being told is due.
    due: BTreeSet<(i64, u64)>,
    next_id: u64,
    /// When groups that are due were last asked for.
    asked_at_ms: i64,
}

impl Dispatcher {
    pub(crate) fn new(routes: Arc<Routes>) -> Self {
        Self {
            routes,
            ..Self::default()
        }
    }

    /// Puts an alert into its groups. How many groups could not be made comes back.
    pub(crate) fn insert(&mut self, alert: &Arc<Alert>, now_ms: i64) -> usize {
        let routes = Arc::clone(&self.routes);
        let mut refused = 0;
        for at in routes.matching(&alert.labels) {
            let Some(route) = routes.get(at) else {
                continue;
            };
            match self.group(at, route, &alert.labels, now_ms) {
                Some(id) => self.add(id, route, alert, now_ms),
                None => refused += 1,
            }
        }
        refused
    }

    fn group(&mut self, at: usize, route: &Route, labels: &Labels, now_ms: i64) -> Option<u64> {
        let key = (at, route.group_labels(labels));
        if let Some(id) = self.ids.get(&key) {
            return Some(*id);
        }
        if self.groups.len() >= GROUPS_MAX {
            return None;
        }
        let id = self.next_id;
        self.next_id += 1;
        let next_flush_ms = now_ms.saturating_add(route.group_wait_ms);
        let group = Group {
            route: at,
            labels: key.1.clone(),
            alerts: BTreeMap::new(),
            next_flush_ms,
            has_flushed: false,
            is_flushing: false,
        };
        self.groups.insert(id, group);
        self.ids.insert(key, id);
        self.due.insert((next_flush_ms, id));
        Some(id)
    }

    fn add(&mut self, id: u64, route: &Route, alert: &Arc<Alert>, now_ms: i64) {
        let Some(group) = self.groups.get_mut(&id) else {
            return;
        };
        group.alerts.insert(alert.fingerprint(), Arc::clone(alert));
        // It has waited elsewhere already: before a reload, or at who posted it.
        let waited = alert.starts_at_ms.saturating_add(route.group_wait_ms) < now_ms;
        if waited && !group.has_flushed && group.next_flush_ms > now_ms {
            self.due.remove(&(group.next_flush_ms, id));
            group.next_flush_ms = now_ms;
            self.due.insert((now_ms, id));
        }
    }

    /// When the next group is due.
    pub(crate) fn next_due_ms(&self) -> Option<i64> {
        self.due.first().map(|(due_ms, _)| *due_ms)
    }

    /// The groups that are due. Each has to come back by [`Self::done`].
    pub(crate) fn take_due(&mut self, now_ms: i64) -> Vec<Flush> {
        if now_ms < self.asked_at_ms {
            self.shorten_waits(now_ms);
        }
        self.asked_at_ms = now_ms;
        let mut flushes = Vec::new();
        while let Some(&(due_ms, id)) = self.due.first()
            && due_ms <= now_ms
        {
            self.due.remove(&(due_ms, id));
            let Some(group) = self.groups.get_mut(&id) else {
                continue;
            };
            let interval_ms = self
                .routes
                .get(group.route)
                .map_or(1, |route| route.group_interval_ms.max(1));
            group.has_flushed = true;
            group.next_flush_ms = now_ms.saturating_add(interval_ms);
            if group.alerts.is_empty() {
                self.due.insert((group.next_flush_ms, id));
                continue;
            }
            group.is_flushing = true;
            let mut alerts: Vec<Arc<Alert>> = group.alerts.values().cloned().collect();
            alerts.sort_by(|one, other| notification_order(&one.labels, &other.labels));
            flushes.push(Flush {
                group: id,
                route: group.route,
                labels: group.labels.clone(),
                alerts,
                now_ms,
            });
        }
        flushes
    }

    /// Lets no group wait longer than one that begins to wait now: the clock was set back.
    fn shorten_waits(&mut self, now_ms: i64) {
        for (id, group) in &mut self.groups {
            let route = self.routes.get(group.route);
            let wait_ms = route.map_or(0, |route| match group.has_flushed {
                true => route.group_interval_ms,
                false => route.group_wait_ms,
            });
            let latest_ms = now_ms.saturating_add(wait_ms);
            if group.next_flush_ms <= latest_ms {
                continue;
            }
            // One that is being told is due again when it comes back.
            if self.due.remove(&(group.next_flush_ms, *id)) {
                self.due.insert((latest_ms, *id));
            }
            group.next_flush_ms = latest_ms;
        }
    }

    /// Takes a group back. Where it was told, the alerts that were resolved then and did not come
    /// again since leave it.
    pub(crate) fn done(&mut self, flush: &Flush, was_told: bool) {
        let Some(group) = self.groups.get_mut(&flush.group) else {
            return;
        };
        if was_told {
            for told in &flush.alerts {
                let fingerprint = told.fingerprint();
                let held = group.alerts.get(&fingerprint);
                let is_same = held.is_some_and(|held| Arc::ptr_eq(held, told));
                if is_same && told.is_resolved(flush.now_ms) {
                    group.alerts.remove(&fingerprint);
                }
            }
        }
        group.is_flushing = false;
        self.due.insert((group.next_flush_ms, flush.group));
    }

    /// Forgets groups without alerts.
    pub(crate) fn clean(&mut self) {
        let is_gone = |group: &Group| group.alerts.is_empty() && !group.is_flushing;
        let gone = self.groups.iter().filter(|(_, group)| is_gone(group));
        let gone: Vec<u64> = gone.map(|(id, _)| *id).collect();
        for id in gone {
            if let Some(group) = self.groups.remove(&id) {
                self.due.remove(&(group.next_flush_ms, id));
                self.ids.remove(&(group.route, group.labels));
            }
        }
    }

    /// All groups.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }
}

#[cfg(test)]
mod tests;
