//! Evaluates groups while time goes by, and follows the config: groups that are the same go on,
//! those that changed take over what they had, and the series of those that are gone end.
//!
//! It is not: what an evaluation does, which is [`crate::group`]'s.

pub(crate) mod environment;
pub(crate) mod expander;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use async_recursion::async_recursion as boxed;
use narthex_promql::ParseOptions;
use prometheus_client::registry::Registry;
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, JoinSet};

use self::environment::Environment;
use crate::group::{Group, GroupKey, GroupPlan};
use crate::metrics::Metrics;
use crate::rule::Rule;
use crate::{PartialResponse, RuleFile, RuleOptions, RuleSettings};

/// Owns the groups and their tasks.
pub struct RuleManager {
    environment: Arc<Environment>,
    metrics: Metrics,
    /// For those who look; sorted by file and name.
    groups: ArcSwap<Vec<Arc<Group>>>,
    running: Mutex<Running>,
    /// Whether there was a config before; alerts of groups of a later one are not restored.
    has_followed: AtomicBool,
    /// In milliseconds since the epoch.
    started_ms: i64,
}

#[derive(Default)]
struct Running {
    groups: BTreeMap<GroupKey, (Arc<Group>, JoinHandle<()>)>,
    /// What ends the series of groups that are gone.
    endings: JoinSet<()>,
}

/// Groups that are sound, with nothing done yet.
#[derive(Debug)]
pub struct PreparedRules {
    plans: BTreeMap<GroupKey, GroupPlan>,
    settings: RuleSettings,
}

impl RuleManager {
    /// One that has no group yet.
    pub fn new(options: RuleOptions, registry: &mut Registry) -> Self {
        let environment = Environment::new(options);
        Self {
            started_ms: environment.now_ms(),
            environment: Arc::new(environment),
            metrics: Metrics::new(registry),
            groups: ArcSwap::default(),
            running: Mutex::default(),
            has_followed: AtomicBool::new(false),
        }
    }

    /// The groups, sorted by file and name.
    pub fn groups(&self) -> Arc<Vec<Arc<Group>>> {
        self.groups.load_full()
    }

    /// Makes groups of what files say.
    ///
    /// # Errors
    /// A query is none.
    pub fn prepare(
        &self,
        files: &[RuleFile],
        settings: RuleSettings,
    ) -> Result<PreparedRules, String> {
        let engine = (self.environment.options().engine)();
        let strategy = self.environment.options().partial_response;
        let plans = plans(files, &settings, strategy, &engine.options().parse)?;
        Ok(PreparedRules { plans, settings })
    }

    /// Lets the groups take the place of those before. The first ones have their alerts restored.
    #[boxed]
    pub async fn follow(&self, prepared: PreparedRules) {
        let restores = !self.has_followed.swap(true, Ordering::SeqCst);
        self.take_over(prepared, restores).await;
    }

    /// The same for groups some of which are found only while the server runs. Those of before its
    /// start are among them, so that groups that are new have their alerts restored as long as
    /// anything of before the start counts.
    #[boxed]
    pub async fn follow_found(&self, prepared: PreparedRules) {
        let tolerance = self.environment.options().outage_tolerance;
        let since_ms = self.environment.now_ms().saturating_sub(self.started_ms);
        let restores = since_ms < tolerance.as_millis_i64();
        self.take_over(prepared, restores).await;
    }

    #[boxed]
    async fn take_over(&self, prepared: PreparedRules, restores: bool) {
        let mut running = self.running.lock().await;
        self.environment.set_settings(prepared.settings);
        let mut before = std::mem::take(&mut running.groups);
        for (key, plan) in prepared.plans {
            let old = before.remove(&key);
            if let Some((group, task)) = old {
                if group.is_same(&plan) {
                    running.groups.insert(key, (group, task));
                    continue;
                }
                stop(task).await;
                let heir = self.group(plan, restores);
                heir.inherit(&group);
                let task = self.start(&heir);
                running.groups.insert(key, (heir, task));
                continue;
            }
            let group = self.group(plan, restores);
            let task = self.start(&group);
            running.groups.insert(key, (group, task));
        }
        for (group, task) in before.into_values() {
            stop(task).await;
            self.metrics.forget(group.metrics());
            self.end(group, &mut running.endings);
        }
        // Those that are done need not be kept.
        while running.endings.try_join_next().is_some() {}
        let groups = running.groups.values().map(|(group, _)| Arc::clone(group));
        self.groups.store(Arc::new(groups.collect()));
    }

    fn group(&self, plan: GroupPlan, restores: bool) -> Arc<Group> {
        let metrics = self.metrics.of(&plan.key.label());
        let group = Group::new(plan, metrics);
        for rule in group.rules() {
            rule.state().is_restored = !restores;
        }
        Arc::new(group)
    }

    fn start(&self, group: &Arc<Group>) -> JoinHandle<()> {
        let (group, environment) = (Arc::clone(group), Arc::clone(&self.environment));
        tokio::spawn(async move { run(&group, &environment).await })
    }

    /// Ends the series of a group that is gone, after two intervals: a group of another name may
    /// write them by then.
    fn end(&self, group: Arc<Group>, endings: &mut JoinSet<()>) {
        let environment = Arc::clone(&self.environment);
        let gone_ms = environment.now_ms();
        let series = group.take_series();
        let interval_ms = group.schedule().interval_ms.unsigned_abs();
        endings.spawn(async move {
            tokio::time::sleep(Duration::from_millis(interval_ms.saturating_mul(2))).await;
            group.end_series(&environment, series, gone_ms);
        });
    }

    /// Stops all evaluations. One under way is given up between two rules.
    #[boxed]
    pub async fn stop(&self) {
        let mut running = self.running.lock().await;
        running.endings.abort_all();
        for (_, task) in std::mem::take(&mut running.groups).into_values() {
            stop(task).await;
        }
    }
}

impl std::fmt::Debug for RuleManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RuleManager").finish_non_exhaustive()
    }
}

/// A rule is written down without waiting once its query is answered, so a task may be ended
/// wherever it waits.
async fn stop(task: JoinHandle<()>) {
    task.abort();
    if let Err(error) = task.await
        && error.is_panic()
    {
        tracing::error!(%error, "the evaluation of a rule group panicked");
    }
}

/// Evaluates a group for ever.
async fn run(group: &Group, environment: &Arc<Environment>) {
    let mut restores = group.is_restoring();
    let schedule = group.schedule();
    let now_ms = environment.now_ms();
    // What was written longer ago does not count.
    let tolerance_ms = environment.options().outage_tolerance.as_millis_i64();
    let last_restore_ms = now_ms.saturating_add(tolerance_ms);
    let mut at_ms = schedule.after(now_ms);
    let wait_ms = at_ms.saturating_sub(now_ms).max(0).unsigned_abs();
    tokio::time::sleep(Duration::from_millis(wait_ms)).await;
    group.evaluate(environment, at_ms).await;
    loop {
        let wait_ms = schedule.wait_ms(at_ms, environment.now_ms());
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        let (next_ms, missed) = schedule.next(at_ms, environment.now_ms());
        group.metrics().missed.inc_by(missed);
        group.metrics().iterations.inc_by(missed);
        at_ms = next_ms;
        group.evaluate(environment, at_ms).await;
        // After the second evaluation: by then targets were scraped and recording rules have
        // written what alerts may depend on.
        if restores {
            let is_last = environment.now_ms() >= last_restore_ms;
            restores = !group.restore(environment, is_last).await;
        }
    }
}

fn plans(
    files: &[RuleFile],
    settings: &RuleSettings,
    strategy: Option<PartialResponse>,
    options: &ParseOptions,
) -> Result<BTreeMap<GroupKey, GroupPlan>, String> {
    let mut plans = BTreeMap::new();
    for file in files {
        for group in &file.groups.groups {
            let rules = group.rules.iter().map(|rule| {
                Rule::new(rule, &group.labels, options)
                    .map_err(|error| format!("{}: rule {:?}: {error}", file.path, rule.name()))
            });
            let key = GroupKey {
                file: file.path.clone(),
                name: group.name.clone(),
            };
            let interval = match group.interval.is_zero() {
                true => settings.interval,
                false => group.interval,
            };
            let plan = GroupPlan {
                key: key.clone(),
                interval_ms: interval.as_millis_i64(),
                limit: usize::try_from(group.limit).unwrap_or_default(),
                query_offset_ms: group.query_offset.map(|offset| offset.as_millis_i64()),
                partial_response: group.partial_response_strategy.or(strategy),
                rules: rules.collect::<Result<_, _>>()?,
            };
            plans.insert(key, plan);
        }
    }
    Ok(plans)
}

/// Groups that are evaluated when somebody says so, for tests of rules.
pub struct RuleSet {
    environment: Arc<Environment>,
    groups: Vec<Arc<Group>>,
}

impl RuleSet {
    /// The groups of files. Their alerts are written from the first evaluation on.
    ///
    /// # Errors
    /// A query is none.
    pub fn new(
        options: RuleOptions,
        files: &[RuleFile],
        settings: RuleSettings,
    ) -> Result<Self, String> {
        let manager = RuleManager::new(options, &mut Registry::default());
        let prepared = manager.prepare(files, settings)?;
        manager.environment.set_settings(prepared.settings);
        let plans = prepared.plans.into_values();
        Ok(Self {
            groups: plans.map(|plan| manager.group(plan, false)).collect(),
            environment: Arc::clone(&manager.environment),
        })
    }

    /// The groups, sorted by file and name.
    pub fn groups(&self) -> &[Arc<Group>] {
        &self.groups
    }

    /// Evaluates a group for a time, in milliseconds since the epoch.
    #[boxed]
    pub async fn evaluate(&self, group: &Group, now_ms: i64) {
        group.evaluate(&self.environment, now_ms).await;
    }

    /// Takes from the store since when alerts are active, as after a start; `false` where it is to
    /// be tried again.
    #[cfg(test)]
    pub(crate) async fn restore(&self, group: &Group, is_last: bool) -> bool {
        group.restore(&self.environment, is_last).await
    }
}

impl std::fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RuleSet").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
