//! Which Alertmanagers there are, and what each of them is told.
//!
//! It is not: what sends, which is [`crate::delivery`]'s.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use narthex_discovery::{BuildDiscoverer, Plan, Providers, SdMetrics, static_groups};
use narthex_http::Client;
use narthex_model::relabel::{self, RelabelConfig};
use narthex_model::{Labels, LabelsBuilder};
use narthex_rules::{Notification, Notifier};
use prometheus_client::registry::Registry;
use tokio::task::AbortHandle;

use crate::delivery::{Delivery, Endpoint};
use crate::metrics::Metrics;
use crate::queue::Queue;
use crate::target::{Urls, urls};
use crate::{AlertmanagerConfig, NotifierConfig, NotifierOptions};

/// Tells the Alertmanagers of a config.
pub struct NotifierManager {
    shared: Arc<Shared>,
    build_discoverer: Box<BuildDiscoverer>,
}

struct Shared {
    options: NotifierOptions,
    metrics: Metrics,
    discovery: SdMetrics,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    external_labels: Labels,
    alert_relabel_configs: Vec<RelabelConfig>,
    entries: Vec<Entry>,
    inside: Option<Arc<dyn Notifier>>,
}

/// An entry of the config at work.
struct Entry {
    name: String,
    config: AlertmanagerConfig,
    client: Arc<Client>,
    providers: Option<Providers>,
    urls: Urls,
    deliveries: BTreeMap<String, Delivery>,
    watcher: Option<AbortHandle>,
}

/// A config that can be followed.
pub struct PreparedNotifier {
    config: NotifierConfig,
    entries: Vec<(Arc<Client>, Option<Plan>)>,
}

impl NotifierManager {
    /// One that knows nobody yet.
    pub fn new(
        options: NotifierOptions,
        build_discoverer: Box<BuildDiscoverer>,
        discovery: SdMetrics,
        registry: &mut Registry,
    ) -> Self {
        let metrics = Metrics::new(registry);
        let capacity = i64::try_from(options.queue_capacity).unwrap_or(i64::MAX);
        metrics.queue_capacity.set(capacity);
        Self {
            shared: Arc::new(Shared {
                options,
                metrics,
                discovery,
                state: Mutex::default(),
            }),
            build_discoverer,
        }
    }

    /// Makes clients and discoverers for a config.
    ///
    /// # Errors
    /// One cannot be made; all goes on as before.
    pub fn prepare(&self, config: NotifierConfig) -> Result<PreparedNotifier, String> {
        let state = self.shared.state();
        let mut entries = Vec::new();
        for (at, entry) in config.alertmanagers.iter().enumerate() {
            let name = name(at);
            let client = Client::new(&entry.http).map_err(|error| format!("{name}: {error}"))?;
            let before = state.entries.get(at);
            let providers = before.and_then(|before| before.providers.as_ref());
            let plan = match (entry.sd_configs.is_empty(), providers) {
                (true, None) => None,
                _ => {
                    let entries = entry.sd_configs.clone();
                    let plan = Providers::plan(&name, entries, providers, &self.build_discoverer);
                    let plan = plan.map_err(|errors| {
                        let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
                        lines.join("\n")
                    });
                    Some(plan?)
                }
            };
            entries.push((Arc::new(client), plan));
        }
        Ok(PreparedNotifier { config, entries })
    }

    /// Tells the Alertmanagers of this config from here on. What waits for one that stays goes on to
    /// wait for it.
    pub fn follow(&self, prepared: PreparedNotifier) {
        let shared = &self.shared;
        let mut state = shared.state();
        state.external_labels = prepared.config.external_labels;
        state.alert_relabel_configs = prepared.config.alert_relabel_configs;
        let mut before: Vec<Option<Entry>> = std::mem::take(&mut state.entries)
            .into_iter()
            .map(Some)
            .collect();
        let configs = prepared.config.alertmanagers.into_iter();
        for (at, (config, (client, plan))) in configs.zip(prepared.entries).enumerate() {
            let old = before.get_mut(at).and_then(Option::take);
            state
                .entries
                .push(shared.entry(at, config, client, plan, old));
        }
        for mut gone in before.into_iter().flatten() {
            shared.discovery.forget(&gone.name);
            for delivery in std::mem::take(&mut gone.deliveries).into_values() {
                shared.metrics.forget(delivery.metrics());
                drop(delivery.end());
            }
        }
        for at in 0..state.entries.len() {
            shared.sync(&mut state, at);
        }
    }

    /// Tells an Alertmanager of this process as well. It is told what all the others are told.
    pub fn also_tell(&self, inside: Arc<dyn Notifier>) {
        self.shared.state().inside = Some(inside);
    }

    /// The URLs that are told, and those that relabelling dropped.
    pub fn urls(&self) -> (Vec<String>, Vec<String>) {
        let state = self.shared.state();
        let (mut active, mut dropped) = (Vec::new(), Vec::new());
        for entry in &state.entries {
            active.extend(entry.urls.active.iter().cloned());
            dropped.extend(entry.urls.dropped.iter().cloned());
        }
        (active, dropped)
    }

    /// Ends; what waits is sent first where the options say so.
    pub async fn stop(&self) {
        let entries = std::mem::take(&mut self.shared.state().entries);
        let mut draining = tokio::task::JoinSet::new();
        for mut entry in entries {
            for delivery in std::mem::take(&mut entry.deliveries).into_values() {
                match self.shared.options.drains_on_shutdown {
                    // All at the same time: one that hangs holds up no other.
                    true => drop(draining.spawn(delivery.drain())),
                    false => drop(delivery.end()),
                }
            }
        }
        while draining.join_next().await.is_some() {}
    }
}

impl Notifier for NotifierManager {
    fn notify(&self, notifications: &[Notification]) {
        let state = self.shared.state();
        let rules = &state.alert_relabel_configs;
        let all = relabelled(notifications, rules, &state.external_labels);
        if all.is_empty() {
            return;
        }
        if let Some(inside) = &state.inside {
            inside.notify(&all);
        }
        for entry in &state.entries {
            let own = &entry.config.alert_relabel_configs;
            let told = match own.is_empty() {
                true => all.clone(),
                false => relabelled(&all, own, &Labels::empty()),
            };
            if !told.is_empty() {
                for delivery in entry.deliveries.values() {
                    delivery.push(told.clone());
                }
            }
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins an entry, with what the one in its place had.
    fn entry(
        self: &Arc<Self>,
        at: usize,
        config: AlertmanagerConfig,
        client: Arc<Client>,
        plan: Option<Plan>,
        old: Option<Entry>,
    ) -> Entry {
        let (mut deliveries, mut providers) = (BTreeMap::new(), None);
        if let Some(mut old) = old {
            providers = old.providers.take();
            for (url, delivery) in std::mem::take(&mut old.deliveries) {
                let metrics = delivery.metrics().clone();
                let endpoint = Endpoint {
                    url: url.clone(),
                    client: Arc::clone(&client),
                    timeout: config.timeout.as_std(),
                };
                // One whose config did not change is left alone with what it sends.
                let delivery = match old.config == config {
                    true => delivery,
                    false => Delivery::start(endpoint, delivery.end(), metrics, self.options),
                };
                deliveries.insert(url, delivery);
            }
        }
        let providers = plan.map(|plan| Providers::start(plan, providers, &self.discovery));
        let watcher = providers.as_ref().map(|providers| {
            let (changed, shared) = (providers.changed(), Arc::downgrade(self));
            let watch = async move {
                loop {
                    changed.notified().await;
                    let Some(shared) = Weak::upgrade(&shared) else {
                        return;
                    };
                    let mut state = shared.state();
                    shared.sync(&mut state, at);
                    shared.discovery.count_update();
                }
            };
            tokio::spawn(watch).abort_handle()
        });
        Entry {
            name: name(at),
            config,
            client,
            providers,
            urls: Urls::default(),
            deliveries,
            watcher,
        }
    }

    /// Begins to tell those that are new, and ends to tell those that are gone.
    fn sync(&self, state: &mut State, at: usize) {
        let Some(entry) = state.entries.get_mut(at) else {
            return;
        };
        let mut groups = static_groups(&entry.config.static_configs);
        groups.extend(entry.providers.iter().flat_map(Providers::groups));
        let targets = groups.iter().map(|group| group.targets.len()).sum();
        self.discovery.set_targets(&entry.name, targets);
        entry.urls = urls(&entry.config, &groups);
        let before = std::mem::take(&mut entry.deliveries);
        for (url, delivery) in before {
            if entry.urls.active.contains(&url) {
                entry.deliveries.insert(url, delivery);
            } else {
                self.metrics.forget(delivery.metrics());
                drop(delivery.end());
            }
        }
        for url in &entry.urls.active {
            if !entry.deliveries.contains_key(url) {
                let endpoint = Endpoint {
                    url: url.clone(),
                    client: Arc::clone(&entry.client),
                    timeout: entry.config.timeout.as_std(),
                };
                let metrics = self.metrics.of(url);
                let delivery = Delivery::start(endpoint, Queue::default(), metrics, self.options);
                entry.deliveries.insert(url.clone(), delivery);
            }
        }
        let deliveries = state.entries.iter().map(|entry| entry.deliveries.len());
        let active: usize = deliveries.sum();
        self.metrics
            .discovered
            .set(i64::try_from(active).unwrap_or(i64::MAX));
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(watcher) = &self.watcher {
            watcher.abort();
        }
    }
}

/// The name of an entry in metrics and messages, as Prometheus has it.
fn name(at: usize) -> String {
    format!("config-{at}")
}

/// What is left after relabelling. An alert has the external labels where it has no label of the
/// name.
fn relabelled(
    notifications: &[Notification],
    rules: &[RelabelConfig],
    external_labels: &Labels,
) -> Vec<Notification> {
    if rules.is_empty() && external_labels.is_empty() {
        return notifications.to_vec();
    }
    let kept = notifications.iter().filter_map(|notification| {
        let mut labels = LabelsBuilder::from_labels(&notification.labels);
        for (name, value) in external_labels {
            if labels.get(name).is_empty() {
                labels.set(name, value);
            }
        }
        relabel::apply(rules, &mut labels).then(|| Notification {
            labels: labels.build(),
            ..notification.clone()
        })
    });
    kept.collect()
}

impl std::fmt::Debug for NotifierManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NotifierManager").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
