//! Unit tests of rules, in promtool's format: series that are written down, the time at which rules
//! are evaluated, and the alerts and samples that are expected then.
//!
//! It is not: what reads YAML or prints a report; a failure is a text, in promtool's form.

mod alerts;
mod coverage;
mod diff;
mod dump;
mod samples;
mod series;
mod text;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_recursion::async_recursion as boxed;
use narthex_model::{Labels, PromDuration, SimulatedClock};
use narthex_promql::{Engine, EngineOptions, ParseOptions};
use narthex_storage::MemoryStore;
use serde::Deserialize;

pub use self::coverage::{Coverage, UntestedRule};
pub use self::diff::FailureStyle;
use self::series::Loader;
use self::text::go_duration;
use crate::{Notification, Notifier, RuleFile, RuleOptions, RuleSet, RuleSettings};

/// How often rules are evaluated where the file does not say it.
const EVALUATION_INTERVAL_DEFAULT: PromDuration = PromDuration::from_secs(60);

/// The rules of a test may be evaluated so many times; a test that needs more is refused.
pub const EVALUATIONS_MAX: i64 = 10_000_000;

/// A file of tests.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleTestFile {
    /// Patterns of files of rules, from the folder of the file on.
    pub rule_files: Vec<String>,
    /// How often rules are evaluated; zero for a minute.
    pub evaluation_interval: PromDuration,
    /// Names of groups in the order in which they are evaluated.
    pub group_eval_order: Vec<String>,
    /// The tests.
    pub tests: Vec<RuleTest>,
    /// Numbers that lie next to each other are the same.
    pub fuzzy_compare: bool,
}

/// One test.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleTest {
    /// How far the samples of the series lie apart; zero for the interval of evaluation.
    pub interval: PromDuration,
    /// The series.
    pub input_series: Vec<InputSeries>,
    /// What `--run` asks for.
    pub name: String,
    /// Alerts that are expected.
    pub alert_rule_test: Vec<AlertTest>,
    /// Samples that are expected.
    pub promql_expr_test: Vec<ExprTest>,
    /// `$externalLabels` of templates.
    pub external_labels: BTreeMap<String, String>,
    /// `$externalURL` of templates.
    pub external_url: String,
}

/// A series.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InputSeries {
    /// Its name and labels.
    pub series: String,
    /// Its values, as `1+1x5 _ stale`.
    pub values: String,
}

/// What fires at a time.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertTest {
    /// Since the begin.
    pub eval_time: PromDuration,
    /// The rule.
    pub alertname: String,
    /// All that fire.
    pub exp_alerts: Vec<ExpectedAlert>,
}

/// An alert that is expected.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectedAlert {
    /// Its labels but for the name.
    pub exp_labels: BTreeMap<String, String>,
    /// Its annotations.
    pub exp_annotations: BTreeMap<String, String>,
}

/// What a query gives at a time.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExprTest {
    /// The query.
    pub expr: String,
    /// Since the begin.
    pub eval_time: PromDuration,
    /// All samples.
    pub exp_samples: Vec<ExpectedSample>,
}

/// A sample that is expected.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectedSample {
    /// The metric with its labels.
    pub labels: String,
    /// The value.
    pub value: f64,
    /// The value where it is a native histogram, as `{{count:1}}`.
    pub histogram: String,
}

/// What is told of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunOptions {
    /// How failures are shown.
    pub style: FailureStyle,
    /// All samples are shown.
    pub dump: bool,
}

/// How a test went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunReport {
    /// What failed, in promtool's form; empty where the test holds.
    pub failures: Vec<String>,
    /// All samples, where they were asked for and the rules could be evaluated.
    pub dump: Option<String>,
}

/// Nobody is told of alerts.
struct Nobody;

impl Notifier for Nobody {
    fn notify(&self, _: &[Notification]) {}
}

impl RuleTestFile {
    /// What is wrong with the file as a whole.
    pub fn faults(&self) -> Vec<String> {
        let mut seen = HashMap::new();
        let again = self
            .group_eval_order
            .iter()
            .filter(|name| seen.insert(*name, ()).is_some());
        again
            .map(|name| format!("group name repeated in evaluation order: {name}"))
            .collect()
    }

    fn evaluation_interval(&self) -> PromDuration {
        match self.evaluation_interval.is_zero() {
            true => EVALUATION_INTERVAL_DEFAULT,
            false => self.evaluation_interval,
        }
    }

    /// Runs one of the tests against rules, and says what failed. It is to be called within a
    /// runtime with a clock.
    #[boxed]
    pub async fn run(&self, test: &RuleTest, rules: &[RuleFile], options: RunOptions) -> RunReport {
        match Run::new(self, test, rules, options) {
            Ok(run) => run.run().await,
            Err(failures) => RunReport {
                failures,
                dump: None,
            },
        }
    }
}

/// A test at work.
struct Run<'t> {
    test: &'t RuleTest,
    options: RunOptions,
    is_fuzzy: bool,
    interval_ms: i64,
    store: Arc<MemoryStore>,
    engine: Arc<Engine>,
    clock: SimulatedClock,
    loader: Loader,
    set: RuleSet,
    /// Places of groups in the set, in the order of evaluation.
    order: Vec<usize>,
}

impl<'t> Run<'t> {
    fn new(
        file: &RuleTestFile,
        test: &'t RuleTest,
        rules: &[RuleFile],
        options: RunOptions,
    ) -> Result<Self, Vec<String>> {
        let one = |error: String| vec![error];
        let nameless = test
            .alert_rule_test
            .iter()
            .find(|alert| alert.alertname.is_empty());
        let interval = match test.interval.is_zero() {
            true => file.evaluation_interval(),
            false => test.interval,
        };
        let loader = Loader::new(&test.input_series, interval.as_millis_i64()).map_err(one)?;
        let engine = Arc::new(Engine::new(EngineOptions {
            parse: ParseOptions::all(),
            default_subquery_step: file.evaluation_interval(),
            ..EngineOptions::default()
        }));
        let (store, clock) = (Arc::new(MemoryStore::new()), SimulatedClock::at(0));
        let of_rules = Arc::clone(&engine);
        let of_set = RuleOptions {
            queryable: store.clone(),
            appendable: store.clone(),
            engine: Arc::new(move || Arc::clone(&of_rules)),
            notifier: Arc::new(Nobody),
            clock: Arc::new(clock.clone()),
            external_url: test.external_url.clone(),
            outage_tolerance: PromDuration::default(),
            grace_period: PromDuration::default(),
            resend_delay: PromDuration::default(),
            concurrent_evaluations_max: 0,
            partial_response: None,
        };
        let settings = RuleSettings {
            interval,
            query_offset: PromDuration::default(),
            external_labels: Labels::from_pairs(&test.external_labels),
        };
        let set = RuleSet::new(of_set, rules, settings).map_err(one)?;
        if let Some(alert) = nameless {
            let name = match test.name.is_empty() {
                true => String::new(),
                false => format!(" (in TestGroup {})", test.name),
            };
            return Err(one(format!(
                "an item under alert_rule_test misses required attribute alertname at eval_time \
                 {}{name}",
                alert.eval_time
            )));
        }
        let mut order: Vec<usize> = (0..set.groups().len()).collect();
        let place = |group: &usize| {
            let name = set.groups().get(*group).map(|group| &group.key().name);
            let mut listed = file.group_eval_order.iter();
            listed
                .position(|listed| Some(listed) == name)
                .unwrap_or_default()
        };
        order.sort_by_key(place);
        Ok(Self {
            test,
            options,
            is_fuzzy: file.fuzzy_compare,
            interval_ms: file.evaluation_interval().as_millis_i64(),
            store,
            engine,
            clock,
            loader,
            set,
            order,
        })
    }

    async fn run(mut self) -> RunReport {
        let failed = |failures: Vec<String>| RunReport {
            failures,
            dump: None,
        };
        let alerts = self.test.alert_rule_test.iter().map(|test| test.eval_time);
        let samples = self.test.promql_expr_test.iter().map(|test| test.eval_time);
        let times = alerts.chain(samples).map(PromDuration::as_millis_i64);
        let last_ms = times.max().unwrap_or_default();
        if last_ms / self.interval_ms >= EVALUATIONS_MAX {
            let text = format!("the rules would be evaluated over {EVALUATIONS_MAX} times");
            return failed(vec![text]);
        }
        let mut failures = Vec::new();
        let mut now_ms = 0;
        while now_ms <= last_ms {
            let loaded = self.loader.load_until(&self.store, now_ms);
            failures.extend(loaded.err());
            let errors = self.evaluate(now_ms).await;
            // What is expected makes no sense any more.
            if !errors.is_empty() {
                failures.extend(errors);
                return failed(failures);
            }
            self.check_alerts(now_ms, &mut failures);
            now_ms += self.interval_ms;
        }
        self.check_samples(&mut failures).await;
        let dump = match self.options.dump {
            true => Some(self.dump(last_ms).await),
            false => None,
        };
        RunReport { failures, dump }
    }

    /// Evaluates all groups, and says which rules failed.
    async fn evaluate(&self, now_ms: i64) -> Vec<String> {
        self.clock.set(now_ms);
        let mut errors = Vec::new();
        for group in self
            .order
            .iter()
            .filter_map(|at| self.set.groups().get(*at))
        {
            self.set.evaluate(group, now_ms).await;
            for rule in group.rules() {
                if let Some(error) = rule.status().last_error {
                    let (name, time) = (rule.name(), go_duration(now_ms));
                    errors.push(format!("    rule: {name}, time: {time}, err: {error}"));
                }
            }
        }
        errors
    }
}

#[cfg(test)]
mod tests;
