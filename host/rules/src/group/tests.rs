//! Groups over an hour and more of time that is handed in: what is written, and what is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::TryStreamExt as _;
use narthex_model::{PromDuration, Sample, SeriesRef, SimulatedClock, sample};
use narthex_promql::{Engine, EngineOptions};
use narthex_storage::{Appendable, MemoryStore, Queryable, SelectRequest, TimeRange};

use crate::{
    AlertState, Health, Notification, Notifier, RuleConfig, RuleFile, RuleGroupConfig, RuleGroups,
    RuleOptions, RuleSet, RuleSettings,
};

mod partial;

const MINUTE_MS: i64 = 60_000;

/// Writes down what it is told.
#[derive(Default)]
pub(crate) struct Told(Mutex<Vec<Notification>>);

impl Notifier for Told {
    fn notify(&self, notifications: &[Notification]) {
        self.0.lock().unwrap().extend_from_slice(notifications);
    }
}

/// Groups, a store, and who is told.
pub(crate) struct Stage {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: SimulatedClock,
    pub(crate) told: Arc<Told>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            clock: SimulatedClock::at(0),
            told: Arc::default(),
        }
    }

    pub(crate) fn options(&self) -> RuleOptions {
        let engine = Arc::new(Engine::new(EngineOptions::default()));
        RuleOptions {
            queryable: self.store.clone(),
            appendable: self.store.clone(),
            engine: Arc::new(move || Arc::clone(&engine)),
            notifier: self.told.clone(),
            clock: Arc::new(self.clock.clone()),
            external_url: "http://prom".to_owned(),
            outage_tolerance: PromDuration::from_secs(3600),
            grace_period: PromDuration::from_secs(600),
            resend_delay: PromDuration::from_secs(60),
            concurrent_evaluations_max: 0,
            partial_response: None,
        }
    }

    pub(crate) fn set(&self, group: RuleGroupConfig) -> RuleSet {
        RuleSet::new(self.options(), &[file(vec![group])], settings()).unwrap()
    }

    pub(crate) fn write(&self, series: &str, timestamp_ms: i64, value: f64) {
        let described = narthex_promql::parse_series_description(series).unwrap();
        let sample = Sample {
            series: SeriesRef::UNKNOWN,
            labels: described.labels,
            timestamp_ms,
            value,
        };
        assert!(
            self.store
                .append(&vec![sample].into())
                .unwrap()
                .rejected
                .is_empty()
        );
    }

    /// Evaluates the only group.
    pub(crate) async fn evaluate(&self, set: &RuleSet, now_ms: i64) {
        self.clock.set(now_ms);
        set.evaluate(&set.groups()[0], now_ms).await;
    }

    /// All samples of a metric, each `LABELS TIME VALUE` with the time in minutes.
    pub(crate) async fn samples(&self, name: &str) -> Vec<String> {
        let request = SelectRequest {
            matchers: vec![narthex_model::Matcher::equal("__name__", name)],
            range: TimeRange::ALL,
        };
        let series = self.store.select(&request).await.unwrap();
        let series: Vec<_> = series.try_collect().await.unwrap();
        let mut lines = Vec::new();
        for series in series {
            let labels = series.labels.without_metric_name();
            for (time, value) in series.timestamps.iter().zip(series.values.iter()) {
                let value = match sample::is_stale_nan(*value) {
                    true => "stale".to_owned(),
                    false => value.to_string(),
                };
                lines.push(format!(
                    "{labels} {} {value}",
                    *time as f64 / MINUTE_MS as f64
                ));
            }
        }
        lines.sort();
        lines
    }

    fn take_told(&self) -> Vec<Notification> {
        std::mem::take(&mut self.told.0.lock().unwrap())
    }
}

pub(crate) fn file(groups: Vec<RuleGroupConfig>) -> RuleFile {
    RuleFile {
        path: "rules.yml".to_owned(),
        groups: RuleGroups { groups },
    }
}

pub(crate) fn settings() -> RuleSettings {
    RuleSettings {
        interval: PromDuration::from_secs(60),
        ..RuleSettings::default()
    }
}

pub(crate) fn group(rules: Vec<RuleConfig>) -> RuleGroupConfig {
    RuleGroupConfig {
        name: "g".to_owned(),
        rules,
        ..RuleGroupConfig::default()
    }
}

pub(crate) fn record(name: &str, expr: &str) -> RuleConfig {
    RuleConfig {
        record: name.to_owned(),
        expr: expr.to_owned(),
        ..RuleConfig::default()
    }
}

pub(crate) fn alert(name: &str, expr: &str, hold_minutes: u64) -> RuleConfig {
    RuleConfig {
        alert: name.to_owned(),
        expr: expr.to_owned(),
        hold: PromDuration::from_secs(hold_minutes * 60),
        ..RuleConfig::default()
    }
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

fn error_of(set: &RuleSet, rule: usize) -> (Health, String) {
    let status = set.groups()[0].rules()[rule].status();
    (status.health, status.last_error.unwrap_or_default())
}

#[tokio::test]
async fn a_rule_records_what_its_query_gives_and_ends_what_it_gives_no_more() {
    let stage = Stage::new();
    let rule = RuleConfig {
        labels: pairs([("team", "x"), ("job", "")]),
        ..record("r", "m > 1")
    };
    let later = record("s", "count(r)");
    let set = stage.set(RuleGroupConfig {
        labels: pairs([("team", "y"), ("zone", "z")]),
        ..group(vec![rule, later])
    });
    for (minute, a, b) in [(1, 5.0, 7.0), (2, 0.0, 7.0), (3, 0.0, 0.0), (4, 5.0, 0.0)] {
        stage.write("m{i=\"a\",job=\"j\"}", minute * MINUTE_MS, a);
        stage.write("m{i=\"b\",job=\"j\"}", minute * MINUTE_MS, b);
        stage.evaluate(&set, minute * MINUTE_MS).await;
    }
    let of = |instance: &str, minute: i64, value: &str| {
        format!("{{i=\"{instance}\", team=\"x\", zone=\"z\"}} {minute} {value}")
    };
    let mut expected = vec![
        of("a", 1, "5"),
        of("a", 2, "stale"),
        of("a", 4, "5"),
        of("b", 1, "7"),
        of("b", 2, "7"),
        of("b", 3, "stale"),
    ];
    expected.sort();
    assert_eq!(stage.samples("r").await, expected);
    let own = "{team=\"y\", zone=\"z\"}";
    let expected = [(1, "2"), (2, "1"), (3, "stale"), (4, "1")];
    let expected = expected.map(|(minute, value)| format!("{own} {minute} {value}"));
    assert_eq!(stage.samples("s").await, expected);
    assert_eq!(error_of(&set, 0), (Health::Good, String::new()));
}

#[tokio::test]
async fn what_cannot_be_evaluated_is_told_and_writes_nothing() {
    let stage = Stage::new();
    stage.write("m{i=\"a\"}", MINUTE_MS, 5.0);
    stage.write("m{i=\"b\"}", MINUTE_MS, 5.0);
    let same = pairs([("i", "")]);
    let rules = vec![
        RuleConfig {
            labels: same.clone(),
            ..record("same", "m")
        },
        record("many", "m"),
        record("text", "\"a\""),
        record("range", "m[5m]"),
        RuleConfig {
            labels: same,
            ..alert("Same", "m", 0)
        },
        alert("Many", "m", 0),
        record("one", "sum(m)"),
    ];
    let set = stage.set(RuleGroupConfig {
        limit: 1,
        ..group(rules)
    });
    stage.evaluate(&set, MINUTE_MS).await;
    let not_vector = "rule result is not a vector or scalar";
    for (rule, error) in [
        "vector contains metrics with the same labelset after applying rule labels",
        "exceeded limit of 1 with 2 series",
        not_vector,
        not_vector,
        "vector contains metrics with the same labelset after applying alert labels",
        "exceeded limit of 1 with 2 alerts",
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(error_of(&set, rule), (Health::Bad, error.to_owned()));
    }
    for name in ["same", "many", "text", "range", "ALERTS"] {
        assert!(stage.samples(name).await.is_empty(), "{name}");
    }
    assert!(stage.take_told().is_empty());
    assert_eq!(stage.samples("one").await, ["{} 1 10"]);
}

#[tokio::test]
async fn queries_are_asked_and_results_written_at_the_offset() {
    let stage = Stage::new();
    let set = stage.set(RuleGroupConfig {
        query_offset: Some(PromDuration::from_secs(60)),
        ..group(vec![record("r", "m"), alert("A", "m", 0)])
    });
    stage.write("m", MINUTE_MS, 1.0);
    stage.evaluate(&set, MINUTE_MS).await;
    assert!(stage.samples("r").await.is_empty());
    stage.evaluate(&set, 2 * MINUTE_MS).await;
    assert_eq!(stage.samples("r").await, ["{} 1 1"]);
    let firing = "{alertname=\"A\", alertstate=\"firing\"} 1 1";
    assert_eq!(stage.samples("ALERTS").await, [firing]);
    // The alert itself is active since the evaluation.
    assert_eq!(
        stage.samples("ALERTS_FOR_STATE").await,
        ["{alertname=\"A\"} 1 120"]
    );
}

#[tokio::test]
async fn a_sample_that_the_store_leaves_out_is_told() {
    let stage = Stage::new();
    stage.write("m", MINUTE_MS, 1.0);
    stage.write("r", 2 * MINUTE_MS, 1.0);
    let set = stage.set(group(vec![record("r", "m")]));
    stage.evaluate(&set, MINUTE_MS).await;
    assert_eq!(
        error_of(&set, 0),
        (Health::Bad, "out of order sample".to_owned())
    );
}

#[tokio::test]
async fn an_alert_waits_fires_is_told_again_and_ends() {
    let stage = Stage::new();
    let rule = RuleConfig {
        labels: pairs([("severity", "page"), ("from", "{{ $labels.job }}")]),
        annotations: pairs([("text", "{{ $value }} of {{ $labels.job }}"), ("empty", "")]),
        ..alert("Low", "m < 10", 2)
    };
    let set = stage.set(group(vec![rule]));
    let mut told = Vec::new();
    for minute in 0..30 {
        let value = if (2..8).contains(&minute) { 5.0 } else { 50.0 };
        stage.write("m{job=\"j\"}", minute * MINUTE_MS, value);
        stage.evaluate(&set, minute * MINUTE_MS).await;
        told.extend(stage.take_told().into_iter().map(|one| (minute, one)));
    }
    let labels = r#"alertname="Low", FOR from="j", job="j", severity="page"}"#;
    let at = |state: &str, minute: i64, value: &str| {
        let state = format!("alertstate=\"{state}\",");
        format!("{{{} {minute} {value}", labels.replace("FOR", &state))
    };
    let mut expected: Vec<String> = [(2, "1"), (3, "1"), (4, "stale")]
        .map(|(minute, value)| at("pending", minute, value))
        .into();
    expected.extend((4..8).map(|minute| at("firing", minute, "1")));
    expected.push(at("firing", 8, "stale"));
    expected.sort();
    assert_eq!(stage.samples("ALERTS").await, expected);
    let since = stage.samples("ALERTS_FOR_STATE").await;
    assert_eq!(
        since.iter().filter(|line| line.ends_with(" 120")).count(),
        6
    );
    // Told when it begins to fire, each two minutes (one is not longer than the delay), and for
    // fifteen minutes after its end.
    let minutes: Vec<i64> = told.iter().map(|(minute, _)| *minute).collect();
    assert_eq!(minutes, [4, 6, 8, 10, 12, 14, 16, 18, 20, 22]);
    let (_, first) = &told[0];
    assert_eq!(first.annotations["text"], "5 of j");
    assert_eq!(first.annotations["empty"], "");
    assert_eq!(first.starts_at_ms, 4 * MINUTE_MS);
    assert_eq!(first.ends_at_ms, 8 * MINUTE_MS);
    assert_eq!(
        first.generator_url,
        "http://prom/graph?g0.expr=m+%3C+10&g0.tab=1"
    );
    for (_, last) in &told[2..] {
        assert_eq!(
            (last.starts_at_ms, last.ends_at_ms),
            (4 * MINUTE_MS, 8 * MINUTE_MS)
        );
    }
    assert!(set.groups()[0].rules()[0].status().alerts.is_empty());
    assert!(set.groups()[0].rules()[0].state().alerts.is_empty());
}

#[tokio::test]
async fn an_alert_keeps_firing_for_as_long_as_it_should() {
    for (keep_minutes, gone, until) in [(0, vec![3], 3), (2, vec![3], 9), (2, vec![3, 4, 5], 5)] {
        let stage = Stage::new();
        let rule = RuleConfig {
            keep_firing_for: PromDuration::from_secs(keep_minutes * 60),
            ..alert("A", "m == 1", 0)
        };
        let set = stage.set(group(vec![rule]));
        let mut ended = None;
        for minute in 1..9 {
            let value = if gone.contains(&minute) { 0.0 } else { 1.0 };
            stage.write("m", minute * MINUTE_MS, value);
            stage.evaluate(&set, minute * MINUTE_MS).await;
            let is_firing = set.groups()[0].rules()[0].status().state == AlertState::Firing;
            if !is_firing && ended.is_none() {
                ended = Some(minute);
            }
        }
        assert_eq!(ended.unwrap_or(9), until, "{keep_minutes} {gone:?}");
    }
}

#[tokio::test]
async fn an_alert_that_comes_back_waits_anew() {
    let stage = Stage::new();
    let set = stage.set(group(vec![alert("A", "m == 1", 2)]));
    let mut states = Vec::new();
    for (minute, value) in [1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 1.0]
        .into_iter()
        .enumerate()
    {
        let now_ms = i64::try_from(minute).unwrap() * MINUTE_MS;
        stage.write("m", now_ms, value);
        stage.evaluate(&set, now_ms).await;
        states.push(set.groups()[0].rules()[0].status().state.as_str());
    }
    let (p, f, i) = ("pending", "firing", "inactive");
    assert_eq!(states, [p, p, f, i, p, i, p, p, f]);
}

#[tokio::test]
async fn templates_may_ask_queries_and_their_errors_are_shown() {
    let stage = Stage::new();
    stage.write("m", 0, 1.0);
    stage.write("limit", 0, 9.0);
    let rule = RuleConfig {
        annotations: pairs([
            ("asks", "of {{ query \"limit\" | first | value }}"),
            ("bad", "{{ query \"sum(\" }}"),
            ("odd", "{{ odd }}"),
        ]),
        ..alert("A", "m", 0)
    };
    let set = stage.set(group(vec![rule]));
    stage.evaluate(&set, 0).await;
    let told = stage.take_told();
    let text = |name: &str| told[0].annotations[name].clone();
    assert_eq!(text("asks"), "of 9");
    let bad = text("bad");
    let failed = "<error expanding template: error executing template __alert_A: ";
    assert!(bad.starts_with(failed), "{bad}");
    assert!(bad.contains("1:5: parse error"), "{bad}");
    let odd = text("odd");
    let no_template = "<error expanding template: error parsing template __alert_A: ";
    assert!(odd.starts_with(no_template), "{odd}");
}

#[tokio::test]
async fn rules_that_go_together_give_what_they_give_in_order() {
    let rules = |stage: &Stage| {
        let mut rules: Vec<RuleConfig> = (0..40)
            .map(|n| record(&format!("r{n}"), &format!("m + {n}")))
            .collect();
        rules.push(record("all", "sum({__name__=\"r1\"}) + sum(r39)"));
        stage.write("m", 0, 1.0);
        group(rules)
    };
    for concurrent_evaluations_max in [0, 1, 4, 1000] {
        let stage = Stage::new();
        let options = RuleOptions {
            concurrent_evaluations_max,
            ..stage.options()
        };
        let file = file(vec![rules(&stage)]);
        let set = RuleSet::new(options, &[file], settings()).unwrap();
        stage.evaluate(&set, 0).await;
        assert_eq!(stage.samples("all").await, ["{} 0 42"]);
        assert_eq!(stage.samples("r39").await, ["{} 0 40"]);
    }
}

#[tokio::test]
async fn a_changed_group_goes_on_with_what_its_rules_had() {
    let stage = Stage::new();
    stage.write("m", 0, 1.0);
    let gone = RuleConfig {
        labels: pairs([("v", "1")]),
        ..record("gone", "m")
    };
    let old = stage.set(group(vec![gone, record("r", "m"), alert("A", "m", 5)]));
    stage.evaluate(&old, 0).await;
    let new = stage.set(group(vec![
        RuleConfig {
            labels: pairs([("v", "2")]),
            ..record("gone", "m")
        },
        alert("A", "m > 0", 5),
        record("r", "m > 1"),
    ]));
    new.groups()[0].inherit(&old.groups()[0]);
    stage.evaluate(&new, MINUTE_MS).await;
    let gone = stage.samples("gone").await;
    assert_eq!(
        gone,
        ["{v=\"1\"} 0 1", "{v=\"1\"} 1 stale", "{v=\"2\"} 1 1"]
    );
    assert_eq!(stage.samples("r").await, ["{} 0 1", "{} 1 stale"]);
    let alerts = new.groups()[0].rules()[1].status().alerts;
    assert_eq!((alerts.len(), alerts[0].active_at_ms), (1, 0));
}

#[tokio::test]
async fn alerts_are_active_since_before_the_restart() {
    for (since_minutes, down, up, expected) in [(0, 10, 20, 10), (0, 10, 200, 199), (0, 25, 30, 10)]
    {
        let stage = Stage::new();
        let last = "ALERTS_FOR_STATE{alertname=\"A\",job=\"j\"}";
        for minute in since_minutes..=down {
            stage.write(last, minute * MINUTE_MS, (since_minutes * 60) as f64);
        }
        let set = stage.set(group(vec![alert("A", "m", 30)]));
        let rule = &set.groups()[0].rules()[0];
        rule.state().is_restored = false;
        for minute in [up - 1, up] {
            stage.write("m{job=\"j\"}", minute * MINUTE_MS, 1.0);
            stage.evaluate(&set, minute * MINUTE_MS).await;
        }
        assert_eq!(
            stage.samples("ALERTS").await.len(),
            0,
            "nothing is written before"
        );
        set.restore(&set.groups()[0], false).await;
        let active = rule.status().alerts[0].active_at_ms;
        // Where the last sample is older than the tolerance the alert waits anew; near its time it
        // fires after the grace period of ten minutes.
        assert_eq!(active, expected * MINUTE_MS, "{since_minutes} {down} {up}");
        stage.write("m{job=\"j\"}", (up + 1) * MINUTE_MS, 1.0);
        stage.evaluate(&set, (up + 1) * MINUTE_MS).await;
        assert_eq!(stage.samples("ALERTS").await.len(), 1);
    }
}
