//! A group: rules that are evaluated one after another at the same time, and what an evaluation
//! writes.
//!
//! It is not: what waits for the time of the next evaluation, which is [`crate::manager`].

mod results;
mod turn;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use narthex_model::Labels;
use narthex_promql::VectorSample;
use tokio::time::Instant;

use self::results::Output;
use self::turn::Turn;
use crate::PartialResponse;
use crate::alerting;
use crate::dependencies::{Batch, batches};
use crate::manager::environment::{Environment, Question};
use crate::manager::expander;
use crate::metrics::GroupMetrics;
use crate::rule::{Health, Rule, RuleKind};
use crate::schedule::Schedule;

/// What tells a group from all others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey {
    /// The path of its file.
    pub file: String,
    /// Its name in that file.
    pub name: String,
}

impl GroupKey {
    /// The value of the label `rule_group`.
    pub(crate) fn label(&self) -> String {
        format!("{};{}", self.file, self.name)
    }
}

/// What a group is, without anything that happened to it.
#[derive(Debug)]
pub(crate) struct GroupPlan {
    pub(crate) key: GroupKey,
    pub(crate) interval_ms: i64,
    pub(crate) limit: usize,
    /// `None` where it follows the config.
    pub(crate) query_offset_ms: Option<i64>,
    /// What becomes of an evaluation that a part of the store did not answer.
    pub(crate) partial_response: Option<PartialResponse>,
    pub(crate) rules: Vec<Rule>,
}

/// A group of rules.
#[derive(Debug)]
pub struct Group {
    plan: GroupPlan,
    schedule: Schedule,
    batches: Vec<Batch>,
    metrics: GroupMetrics,
    state: Mutex<GroupState>,
}

#[derive(Debug, Default)]
struct GroupState {
    /// Of rules that are no more; the next evaluation ends them.
    stale: Vec<Labels>,
    status: GroupStatus,
}

/// How a group is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct GroupStatus {
    /// How long its last evaluation took.
    pub evaluation_seconds: f64,
    /// When that was, in milliseconds since the epoch.
    pub last_evaluation_ms: Option<i64>,
}

impl Group {
    pub(crate) fn new(plan: GroupPlan, metrics: GroupMetrics) -> Self {
        metrics.rules.set(as_count(plan.rules.len()));
        #[allow(clippy::cast_precision_loss, reason = "an interval is below 2^53 ms")]
        metrics.interval.set(plan.interval_ms as f64 / 1000.0);
        Self {
            schedule: Schedule::new(&plan.key.file, &plan.key.name, plan.interval_ms),
            batches: batches(&plan.rules),
            plan,
            metrics,
            state: Mutex::default(),
        }
    }

    /// What tells it from all others.
    pub fn key(&self) -> &GroupKey {
        &self.plan.key
    }

    /// How often it is evaluated, in milliseconds.
    pub fn interval_ms(&self) -> i64 {
        self.plan.interval_ms
    }

    /// A rule may give so many series or alerts; 0 for any number.
    pub fn limit(&self) -> usize {
        self.plan.limit
    }

    /// What becomes of an evaluation that a part of the store did not answer; `None` where neither
    /// the file nor the server says: it goes on.
    pub fn partial_response(&self) -> Option<PartialResponse> {
        self.plan.partial_response
    }

    /// Whether nothing may be missing of what its queries read.
    pub(crate) fn asks_for_all(&self) -> bool {
        self.plan.partial_response == Some(PartialResponse::Abort)
    }

    /// Its rules, in the order of the file.
    pub fn rules(&self) -> &[Rule] {
        &self.plan.rules
    }

    /// How it is doing.
    pub fn status(&self) -> GroupStatus {
        self.state().status
    }

    pub(crate) fn schedule(&self) -> Schedule {
        self.schedule
    }

    pub(crate) fn metrics(&self) -> &GroupMetrics {
        &self.metrics
    }

    fn state(&self) -> MutexGuard<'_, GroupState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether both are the same, so that the old one may go on.
    pub(crate) fn is_same(&self, plan: &GroupPlan) -> bool {
        let own = &self.plan;
        let settings = |plan: &GroupPlan| {
            let times = (plan.interval_ms, plan.query_offset_ms);
            (times, plan.limit, plan.partial_response)
        };
        settings(own) == settings(plan)
            && own.rules.len() == plan.rules.len()
            && own.rules.iter().zip(&plan.rules).all(|(a, b)| a.is_same(b))
    }

    /// Takes over what its predecessor has: alerts and written series of rules with the same name
    /// and labels; series of others end with the next evaluation.
    pub(crate) fn inherit(&self, old: &Self) {
        let mut heirs: Vec<Option<&Rule>> = self.rules().iter().map(Some).collect();
        let mut left = std::mem::take(&mut old.state().stale);
        for from in old.rules() {
            let mut places = heirs.iter_mut();
            let place = places.find(|place| place.is_some_and(|rule| rule.is_heir_of(from)));
            let series = std::mem::take(&mut from.state().series);
            let Some(rule) = place.and_then(Option::take) else {
                left.extend(series.into_keys());
                continue;
            };
            let (alerts, is_restored) = {
                let mut state = from.state();
                (std::mem::take(&mut state.alerts), state.is_restored)
            };
            let mut state = rule.state();
            state.series = series;
            if rule.is_alerting() && from.is_alerting() {
                state.alerts = alerts;
                state.is_restored = is_restored;
            }
        }
        let status = old.status();
        let mut state = self.state();
        state.stale.extend(left);
        state.status = status;
    }

    /// Whether alerts are still to be restored from before the start.
    pub(crate) fn is_restoring(&self) -> bool {
        let mut alerting = self.rules().iter().filter(|rule| rule.is_alerting());
        alerting.any(|rule| !rule.state().is_restored)
    }

    /// All series that the rules wrote last, for a group that is no more.
    pub(crate) fn take_series(&self) -> Vec<Labels> {
        let mut series = std::mem::take(&mut self.state().stale);
        for rule in self.rules() {
            series.extend(std::mem::take(&mut rule.state().series).into_keys());
        }
        series
    }

    /// How far in the past its queries are asked.
    pub(crate) fn query_offset_ms(&self, environment: &Environment) -> i64 {
        let global = || environment.settings().query_offset.as_millis_i64();
        self.plan.query_offset_ms.unwrap_or_else(global)
    }

    /// Evaluates all rules for a time, in milliseconds since the epoch.
    pub(crate) async fn evaluate(&self, environment: &Arc<Environment>, now_ms: i64) {
        let (begun, begun_ms) = (Instant::now(), environment.now_ms());
        self.metrics.iterations.inc();
        let (mut samples, mut turn) = (0, Turn::begin());
        let in_order = [Batch::InOrder((0..self.rules().len()).collect())];
        let batches = match environment.turns() {
            Some(_) => &self.batches[..],
            None => &in_order[..],
        };
        for batch in batches {
            match batch {
                Batch::InOrder(rules) => {
                    for rule in self.at(rules) {
                        samples += self.evaluate_rule(rule, environment, now_ms).await;
                        turn.pass().await;
                    }
                }
                Batch::Together(rules) => {
                    samples += self.evaluate_together(rules, environment, now_ms).await;
                }
            }
        }
        self.metrics.last_samples.set(as_count(samples));
        let stale = std::mem::take(&mut self.state().stale);
        self.end_series(environment, stale, now_ms);
        let seconds = begun.elapsed().as_secs_f64();
        self.metrics.group_seconds.observe(seconds);
        self.metrics.last_seconds.set(seconds);
        let rules = self.rules().iter();
        let of_rules = rules.map(|rule| rule.state().evaluation_seconds).sum();
        self.metrics.last_rule_seconds.set(of_rules);
        #[allow(clippy::cast_precision_loss, reason = "times are below 2^53 ms")]
        self.metrics.last_evaluation.set(begun_ms as f64 / 1000.0);
        self.state().status = GroupStatus {
            evaluation_seconds: seconds,
            last_evaluation_ms: Some(begun_ms),
        };
    }

    fn at<'a>(&'a self, places: &'a [usize]) -> impl Iterator<Item = &'a Rule> {
        places.iter().filter_map(|place| self.rules().get(*place))
    }

    /// One rule is evaluated in any case, others beside it as far as there are turns for them.
    async fn evaluate_together(
        &self,
        rules: &[usize],
        environment: &Arc<Environment>,
        now_ms: i64,
    ) -> usize {
        let (mut running, mut samples) = (FuturesUnordered::new(), 0);
        let mut passing = Turn::begin();
        for rule in self.at(rules) {
            let turn = environment.try_turn();
            if turn.is_none() && !running.is_empty() {
                samples += running.next().await.unwrap_or_default();
                passing.pass().await;
            }
            running.push(async move {
                let samples = self.evaluate_rule(rule, environment, now_ms).await;
                drop(turn);
                samples
            });
        }
        while let Some(more) = running.next().await {
            samples += more;
            passing.pass().await;
        }
        samples
    }

    /// Evaluates a rule and says how many samples it gave.
    async fn evaluate_rule(
        &self,
        rule: &Rule,
        environment: &Arc<Environment>,
        now_ms: i64,
    ) -> usize {
        let begun = Instant::now();
        let began_ms = environment.now_ms();
        self.metrics.evaluations.inc();
        let query_ms = now_ms.saturating_sub(self.query_offset_ms(environment));
        let evaluated = match rule.kind() {
            RuleKind::Recording => self.record(rule, environment, query_ms).await,
            RuleKind::Alerting { .. } => self.alert(rule, environment, query_ms, now_ms).await,
        };
        let (samples, written) = match evaluated {
            Ok(output) => (
                output.len(),
                self.write(rule, environment, output, query_ms),
            ),
            Err(why) => (0, Err(why)),
        };
        let error = match written {
            Ok(rejected) => rejected,
            Err(why) => {
                self.metrics.failures.inc();
                Some(why)
            }
        };
        let seconds = begun.elapsed().as_secs_f64();
        self.metrics.evaluation_seconds.observe(seconds);
        let mut state = rule.state();
        if let Some(error) = error
            .as_ref()
            .filter(|error| state.last_error.as_ref() != Some(*error))
        {
            let (file, group) = (&self.key().file, &self.key().name);
            tracing::warn!(
                file,
                group,
                rule = rule.name(),
                error,
                "a rule was not evaluated"
            );
        }
        state.health = match error {
            Some(_) => Health::Bad,
            None => Health::Good,
        };
        state.last_error = error;
        state.evaluation_seconds = seconds;
        state.last_evaluation_ms = Some(began_ms);
        samples
    }

    fn question<'r>(&self, rule: &'r Rule, query_ms: i64) -> Question<'r> {
        Question {
            text: rule.query(),
            expr: rule.expr(),
            time_ms: query_ms,
            is_whole: self.asks_for_all(),
        }
    }

    async fn record(
        &self,
        rule: &Rule,
        environment: &Environment,
        query_ms: i64,
    ) -> Result<Output, String> {
        let answer = environment.ask(self.question(rule, query_ms)).await;
        let answer = answer.map_err(|why| why.text)?;
        let (mut output, mut seen) = (Output::default(), HashSet::with_capacity(answer.len()));
        for VectorSample {
            labels,
            value,
            histogram,
            ..
        } in answer
        {
            let labels = rule.overlay().on(&labels);
            if !seen.insert(labels.clone()) {
                let text =
                    "vector contains metrics with the same labelset after applying rule labels";
                return Err(text.to_owned());
            }
            match histogram {
                Some(histogram) => output.histograms.push((labels, histogram)),
                None => output.samples.push((labels, value)),
            }
        }
        let (limit, series) = (self.limit(), output.len());
        match limit > 0 && series > limit {
            true => Err(format!("exceeded limit of {limit} with {series} series")),
            false => Ok(output),
        }
    }

    async fn alert(
        &self,
        rule: &Rule,
        environment: &Arc<Environment>,
        query_ms: i64,
        now_ms: i64,
    ) -> Result<Output, String> {
        let is_whole = self.asks_for_all();
        let expanded = match environment.ask(self.question(rule, query_ms)).await {
            Ok(answer) => expander::alerts(rule, answer, environment, now_ms, is_whole).await,
            Err(why) => Err(why),
        };
        let expanded = match expanded {
            Ok(expanded) => expanded,
            Err(why) => {
                // Whoever is told of alerts that stay as they are must not hold them for over.
                if why.is_incomplete {
                    self.tell(rule, environment, now_ms);
                }
                return Err(why.text);
            }
        };
        let mut given = BTreeMap::new();
        for (labels, alert) in expanded {
            if given.insert(labels, alert).is_some() {
                let text =
                    "vector contains metrics with the same labelset after applying alert labels";
                return Err(text.to_owned());
            }
        }
        let samples = alerting::take(rule, &mut rule.state(), given, now_ms, self.limit())?;
        self.tell(rule, environment, now_ms);
        Ok(Output {
            samples,
            ..Output::default()
        })
    }

    /// Tells what is due of a rule's alerts.
    fn tell(&self, rule: &Rule, environment: &Environment, now_ms: i64) {
        let options = environment.options();
        let notifications = alerting::notifications(
            rule,
            &mut rule.state(),
            now_ms,
            options.resend_delay.as_millis_i64(),
            self.interval_ms(),
            &options.external_url,
        );
        if !notifications.is_empty() {
            options.notifier.notify(&notifications);
        }
    }
}

fn as_count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
