//! Groups while time goes by, and what a new config does to them.

use std::sync::Arc;
use std::time::Duration;

use narthex_model::{Clock, PromDuration};
use prometheus_client::encoding::text::encode;

use super::*;
use crate::group::tests::{Stage, alert, file, group, record, settings};
use crate::{AlertState, RuleConfig, RuleGroupConfig};

/// The time of the tests' runtime, which is paused and jumps to whatever is waited for.
#[derive(Debug)]
struct Paused(tokio::time::Instant);

impl Clock for Paused {
    fn now_ms(&self) -> i64 {
        i64::try_from(self.0.elapsed().as_millis()).unwrap()
    }
}

fn start(stage: &Stage, registry: &mut Registry) -> RuleManager {
    let options = RuleOptions {
        clock: Arc::new(Paused(tokio::time::Instant::now())),
        ..stage.options()
    };
    RuleManager::new(options, registry)
}

async fn follow(manager: &RuleManager, groups: Vec<RuleGroupConfig>) {
    let prepared = manager.prepare(&[file(groups)], settings()).unwrap();
    manager.follow(prepared).await;
}

fn shown(registry: &Registry) -> String {
    let mut text = String::new();
    encode(&mut text, registry).unwrap();
    text
}

#[tokio::test(start_paused = true)]
async fn groups_are_evaluated_at_their_times() {
    let stage = Stage::new();
    stage.write("m", 0, 1.0);
    let mut registry = Registry::default();
    let manager = start(&stage, &mut registry);
    let fast = RuleGroupConfig {
        name: "fast".to_owned(),
        interval: PromDuration::from_secs(20),
        ..group(vec![record("fast", "1")])
    };
    follow(&manager, vec![fast, group(vec![record("slow", "2")])]).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(stage.samples("fast").await.len(), 30);
    assert_eq!(stage.samples("slow").await.len(), 10);
    let text = shown(&registry);
    for line in [
        "prometheus_rule_group_iterations_total{rule_group=\"rules.yml;fast\"} 30",
        "prometheus_rule_group_iterations_missed_total{rule_group=\"rules.yml;fast\"} 0",
        "prometheus_rule_group_interval_seconds{rule_group=\"rules.yml;g\"} 60.0",
        "prometheus_rule_group_rules{rule_group=\"rules.yml;g\"} 1",
        "prometheus_rule_evaluations_total{rule_group=\"rules.yml;g\"} 10",
        "prometheus_rule_evaluation_failures_total{rule_group=\"rules.yml;g\"} 0",
        "prometheus_rule_group_last_evaluation_samples{rule_group=\"rules.yml;g\"} 1",
        "prometheus_rule_evaluation_duration_seconds_count 40",
        "prometheus_rule_group_duration_seconds_count 40",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    manager.stop().await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(stage.samples("fast").await.len(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_new_config_leaves_alone_what_did_not_change() {
    let stage = Stage::new();
    let mut registry = Registry::default();
    let manager = start(&stage, &mut registry);
    let same = || RuleGroupConfig {
        name: "same".to_owned(),
        ..group(vec![record("same", "1")])
    };
    follow(
        &manager,
        vec![same(), group(vec![alert("A", "vector(1)", 30)])],
    )
    .await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    let before = manager.groups();
    let changed = group(vec![
        RuleConfig {
            keep_firing_for: PromDuration::from_secs(60),
            ..alert("A", "vector(1)", 30)
        },
        record("more", "1"),
    ]);
    follow(&manager, vec![changed, same()]).await;
    let after = manager.groups();
    let names: Vec<&str> = after.iter().map(|group| &group.key().name[..]).collect();
    assert_eq!(names, ["g", "same"]);
    assert!(Arc::ptr_eq(&before[1], &after[1]) && !Arc::ptr_eq(&before[0], &after[0]));
    let status = after[0].rules()[0].status();
    let active_at_ms = status.alerts[0].active_at_ms;
    assert!(active_at_ms < 60_000, "{active_at_ms}");
    assert_eq!(status.state, AlertState::Unknown);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(after[0].rules()[0].status().state, AlertState::Pending);
    // What cannot be run changes nothing.
    let broken = group(vec![record("r", "sum(")]);
    let error = manager
        .prepare(&[file(vec![broken])], settings())
        .unwrap_err();
    assert!(
        error.contains("rules.yml: rule \"r\": 1:5: parse error"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_series_of_a_group_that_is_gone_end() {
    let stage = Stage::new();
    let mut registry = Registry::default();
    let manager = start(&stage, &mut registry);
    let both = vec![record("r", "1"), record("s", "1")];
    follow(&manager, vec![group(both)]).await;
    tokio::time::sleep(Duration::from_secs(90)).await;
    let written = stage.samples("r").await.len();
    let heir = RuleGroupConfig {
        name: "heir".to_owned(),
        ..group(vec![record("s", "1")])
    };
    follow(&manager, vec![heir]).await;
    assert!(!shown(&registry).contains(";g\""));
    tokio::time::sleep(Duration::from_secs(200)).await;
    let samples = stage.samples("r").await;
    assert_eq!(samples.len(), written + 1);
    assert!(
        samples.iter().any(|line| line.ends_with("stale")),
        "{samples:?}"
    );
    // Another group writes these by now.
    let samples = stage.samples("s").await;
    assert!(
        !samples.iter().any(|line| line.ends_with("stale")),
        "{samples:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn alerts_of_groups_that_are_found_after_the_start_are_restored() {
    let stage = Stage::new();
    let manager = start(&stage, &mut Registry::default());
    let named = |name: &str| RuleGroupConfig {
        name: name.to_owned(),
        ..group(vec![alert("A", "m", 30)])
    };
    let restoring = || -> Vec<bool> {
        let groups = manager.groups();
        groups.iter().map(|group| group.is_restoring()).collect()
    };
    follow(&manager, Vec::new()).await;
    follow(&manager, vec![named("of a file")]).await;
    assert_eq!(restoring(), [false]);
    let find = async |names: &[&str]| {
        let groups = names.iter().map(|name| named(name)).collect();
        let prepared = manager.prepare(&[file(groups)], settings()).unwrap();
        manager.follow_found(prepared).await;
    };
    find(&["of a file", "of an object"]).await;
    assert_eq!(restoring(), [false, true]);
    // Nothing of before the start counts any more.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    find(&["of a file", "of an object", "of late"]).await;
    assert_eq!(restoring(), [false; 3]);
    manager.stop().await;
}
