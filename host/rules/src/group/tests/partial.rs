//! Groups whose store is many, of which a part is away for a while.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use narthex_storage::{SeriesStream, StorageError, Wanted, Warnings};

use super::*;
use crate::PartialResponse;

/// A store that has nothing while it is away, and says so.
struct Member {
    store: Arc<MemoryStore>,
    is_away: AtomicBool,
}

impl Queryable for Member {
    fn select<'a>(
        &'a self,
        request: &'a SelectRequest,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        self.store.select(request)
    }

    fn select_wanted<'a>(
        &'a self,
        request: &'a SelectRequest,
        wanted: Wanted,
        warnings: &'a Warnings,
    ) -> BoxFuture<'a, Result<SeriesStream, StorageError>> {
        async move {
            if self.is_away.load(Ordering::SeqCst) {
                warnings.add("a:10901: no answer");
                return Ok(futures::stream::empty().boxed());
            }
            self.store.select_wanted(request, wanted, warnings).await
        }
        .boxed()
    }
}

impl Member {
    fn is_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::SeqCst);
    }
}

/// A group over a member, on a server that does this where a group says nothing.
fn over_member(
    stage: &Stage,
    strategy: Option<PartialResponse>,
    group: RuleGroupConfig,
) -> (Arc<Member>, RuleSet) {
    let member = Arc::new(Member {
        store: stage.store.clone(),
        is_away: AtomicBool::new(false),
    });
    let options = RuleOptions {
        queryable: member.clone(),
        partial_response: strategy,
        ..stage.options()
    };
    let set = RuleSet::new(options, &[file(vec![group])], settings()).unwrap();
    (member, set)
}

#[tokio::test]
async fn a_member_that_is_away_ends_no_alert_unless_the_group_goes_on_without_it() {
    use PartialResponse::{Abort, Warn};
    for (of_server, of_group, goes_on) in [
        (Some(Abort), None, false),
        (Some(Abort), Some(Warn), true),
        (None, None, true),
        (None, Some(Abort), false),
    ] {
        let stage = Stage::new();
        let config = RuleGroupConfig {
            partial_response_strategy: of_group,
            ..group(vec![record("r", "m"), alert("A", "m > 0", 0)])
        };
        let (member, set) = over_member(&stage, of_server, config);
        let shown = set.groups()[0].partial_response();
        assert_eq!(shown, of_group.or(of_server));
        for minute in [1, 2, 3, 4] {
            stage.write("m", minute * MINUTE_MS, 1.0);
        }
        stage.evaluate(&set, MINUTE_MS).await;
        assert_eq!(stage.take_told().len(), 1);
        member.is_away(true);
        stage.evaluate(&set, 2 * MINUTE_MS).await;
        let told = stage.take_told();
        let firing = set.groups()[0].rules()[1].status().alerts.len();
        let failures = set.groups()[0].metrics().failures.get();
        if goes_on {
            assert_eq!((told.len(), firing, failures), (1, 0, 0), "{of_server:?}");
            assert_eq!(told[0].ends_at_ms, 2 * MINUTE_MS);
            assert_eq!(stage.samples("r").await, ["{} 1 1", "{} 2 stale"]);
            continue;
        }
        assert_eq!((told.len(), firing, failures), (0, 1, 2), "{of_server:?}");
        let missing = "a part of the answer is missing: a:10901: no answer";
        for rule in [0, 1] {
            assert_eq!(error_of(&set, rule), (Health::Bad, missing.to_owned()));
        }
        assert_eq!(stage.samples("r").await, ["{} 1 1"]);
        // Who is told must not hold it for over either.
        stage.evaluate(&set, 3 * MINUTE_MS).await;
        let told = stage.take_told();
        let ends: Vec<i64> = told.iter().map(|told| told.ends_at_ms).collect();
        assert_eq!(ends, [7 * MINUTE_MS]);
        member.is_away(false);
        stage.evaluate(&set, 4 * MINUTE_MS).await;
        assert_eq!(stage.samples("r").await, ["{} 1 1", "{} 4 1"]);
        let alerts = set.groups()[0].rules()[1].status().alerts;
        assert_eq!((alerts.len(), alerts[0].active_at_ms), (1, MINUTE_MS));
    }
}

#[tokio::test]
async fn a_template_that_cannot_ask_all_makes_no_other_alert() {
    let stage = Stage::new();
    let rule = RuleConfig {
        labels: pairs([("team", "{{ query \"team\" | first | label \"name\" }}")]),
        ..alert("A", "vector(1)", 0)
    };
    let strategy = Some(PartialResponse::Abort);
    let (member, set) = over_member(&stage, strategy, group(vec![rule]));
    for minute in [0, 1] {
        stage.write("team{name=\"x\"}", minute * MINUTE_MS, 1.0);
    }
    stage.evaluate(&set, 0).await;
    // The rule's own query asks nobody.
    member.is_away(true);
    stage.evaluate(&set, MINUTE_MS).await;
    let (health, error) = error_of(&set, 0);
    assert!(
        health == Health::Bad && error.contains("a:10901"),
        "{error}"
    );
    let alerts = set.groups()[0].rules()[0].status().alerts;
    let labels: Vec<String> = alerts
        .iter()
        .map(|alert| alert.labels.to_string())
        .collect();
    assert_eq!(labels, ["{alertname=\"A\", team=\"x\"}"]);
}

#[tokio::test]
async fn alerts_are_restored_once_all_who_may_know_them_answer() {
    let stage = Stage::new();
    for minute in 0..=10 {
        let series = "ALERTS_FOR_STATE{alertname=\"A\"}";
        stage.write(series, minute * MINUTE_MS, 0.0);
    }
    let config = group(vec![alert("A", "m", 30)]);
    let (member, set) = over_member(&stage, Some(PartialResponse::Abort), config);
    let group = &set.groups()[0];
    group.rules()[0].state().is_restored = false;
    for minute in 19..=24 {
        stage.write("m", minute * MINUTE_MS, 1.0);
    }
    let since = || group.rules()[0].status().alerts[0].active_at_ms / MINUTE_MS;
    // Rules that fail have no alerts yet of which something could be restored.
    member.is_away(true);
    stage.evaluate(&set, 19 * MINUTE_MS).await;
    assert!(!set.restore(group, false).await);
    member.is_away(false);
    stage.evaluate(&set, 20 * MINUTE_MS).await;
    member.is_away(true);
    assert!(!set.restore(group, false).await);
    assert_eq!(since(), 20);
    member.is_away(false);
    stage.evaluate(&set, 21 * MINUTE_MS).await;
    assert!(set.restore(group, false).await && !group.is_restoring());
    // It was active for ten minutes, and the eleven in between do not count.
    assert_eq!(since(), 11);
    // What is restored stays as it is.
    stage.evaluate(&set, 22 * MINUTE_MS).await;
    assert!(set.restore(group, false).await);
    assert_eq!(since(), 11);
}

#[tokio::test]
async fn alerts_wait_no_longer_for_who_may_know_them_than_that_would_count() {
    let stage = Stage::new();
    let rules = vec![alert("A", "m", 30), alert("B", "m", 30)];
    let (member, set) = over_member(&stage, Some(PartialResponse::Abort), group(rules));
    let group = &set.groups()[0];
    stage.write("m", 0, 1.0);
    stage.evaluate(&set, 0).await;
    for rule in group.rules() {
        rule.state().is_restored = false;
    }
    group.rules()[0].state().health = Health::Bad;
    member.is_away(true);
    assert!(!set.restore(group, false).await && group.is_restoring());
    assert!(set.restore(group, true).await && !group.is_restoring());
}

#[tokio::test]
async fn an_alert_that_is_restored_late_does_not_wait_anew() {
    let stage = Stage::new();
    for minute in 0..=10 {
        let series = "ALERTS_FOR_STATE{alertname=\"A\"}";
        stage.write(series, minute * MINUTE_MS, 0.0);
    }
    let set = stage.set(group(vec![alert("A", "m", 30)]));
    let group = &set.groups()[0];
    let rule = &group.rules()[0];
    rule.state().is_restored = false;
    // It waits here from minute 20 on; at 45 the time that does not count ends behind that.
    for minute in [20, 45] {
        stage.write("m", minute * MINUTE_MS, 1.0);
        stage.evaluate(&set, minute * MINUTE_MS).await;
    }
    assert!(set.restore(group, false).await);
    assert_eq!(rule.status().alerts[0].active_at_ms, 20 * MINUTE_MS);
}

#[tokio::test]
async fn alerts_are_restored_from_series_that_have_labels_of_who_keeps_them() {
    for (strategy, expected) in [(Some(PartialResponse::Warn), 11), (None, 20)] {
        let stage = Stage::new();
        for minute in 0..=10 {
            for (job, region, since) in [("j", "eu", 0.0), ("k", "eu", 60.0)] {
                let labels = format!("alertname=\"A\",job=\"{job}\",region=\"{region}\"");
                let series = format!("ALERTS_FOR_STATE{{{labels}}}");
                stage.write(&series, minute * MINUTE_MS, since);
            }
            // Another one, which has ended before.
            if minute < 5 {
                let series = "ALERTS_FOR_STATE{alertname=\"A\",job=\"j\",region=\"us\"}";
                stage.write(series, minute * MINUTE_MS, 120.0);
            }
        }
        let config = group(vec![alert("A", "m", 30)]);
        let (_, set) = over_member(&stage, strategy, config);
        let group = &set.groups()[0];
        group.rules()[0].state().is_restored = false;
        for minute in [20, 21] {
            stage.write("m{job=\"j\"}", minute * MINUTE_MS, 1.0);
            stage.evaluate(&set, minute * MINUTE_MS).await;
        }
        assert!(set.restore(group, false).await);
        let since_ms = group.rules()[0].status().alerts[0].active_at_ms;
        assert_eq!(since_ms, expected * MINUTE_MS, "{strategy:?}");
    }
}

#[tokio::test]
async fn a_group_that_is_changed_before_its_alerts_are_restored_restores_them() {
    let stage = Stage::new();
    let set = |expr: &str| stage.set(group(vec![alert("A", expr, 30), alert("B", expr, 30)]));
    let (old, new) = (set("m"), set("m > 0"));
    let (old, new) = (&old.groups()[0], &new.groups()[0]);
    old.rules()[1].state().is_restored = false;
    new.inherit(old);
    let restored = new.rules().iter().map(|rule| rule.state().is_restored);
    assert_eq!(restored.collect::<Vec<_>>(), [true, false]);
    assert!(new.is_restoring());
}
