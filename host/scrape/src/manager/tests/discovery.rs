//! Targets that are found while the server runs.

use std::collections::BTreeMap;

use narthex_discovery::{ADDRESS_LABEL, TargetGroup};
use tokio::sync::mpsc;

use super::*;

/// Says at each time what its configuration lists: `[[ms, {source: [address]}], ...]`.
pub(super) struct Scripted(pub(super) serde_json::Value);

#[async_trait]
impl Discoverer for Scripted {
    async fn run(&self, sender: mpsc::Sender<Vec<TargetGroup>>) {
        let steps: Vec<(u64, BTreeMap<String, Vec<String>>)> =
            serde_json::from_value(self.0.clone()).unwrap();
        let start = Instant::now();
        for (at, groups) in steps {
            time::sleep_until(start + Duration::from_millis(at)).await;
            let group = |(source, addresses): (String, Vec<String>)| TargetGroup {
                source,
                targets: addresses
                    .into_iter()
                    .map(|address| BTreeMap::from([(ADDRESS_LABEL.to_owned(), address)]))
                    .collect(),
                labels: BTreeMap::from([("__meta_found".to_owned(), "yes".to_owned())]),
            };
            sender
                .send(groups.into_iter().map(group).collect())
                .await
                .unwrap();
        }
        std::future::pending().await
    }
}

/// A job whose targets are found as the script says.
fn found(more: serde_json::Value, script: serde_json::Value) -> serde_json::Value {
    let mut job = job("a", json!({"static_configs": []}));
    let entry = json!({"plugin": "p", "config": script});
    job["plugin_sd_configs"] = json!([entry]);
    job.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    job
}

#[tokio::test(start_paused = true)]
async fn what_is_found_is_scraped_and_what_is_lost_ends() {
    let world = World::new();
    let script = json!([
        [0, {"x": ["h:1", "h:2"], "y": ["h:3"]}],
        [20_000, {"x": ["h:2"], "z": ["h:4"]}],
        [40_000, {"y": []}],
    ]);
    world
        .reload(json!([found(json!({}), script)]))
        .await
        .unwrap();
    assert!(world.urls().is_empty());
    world.pass(1).await;
    assert_eq!(world.urls(), ["h:1", "h:2", "h:3"]);
    let kept = Arc::clone(&world.manager.pools()[0].active[1]);
    assert_eq!(kept.labels().to_string(), r#"{instance="h:2", job="a"}"#);
    assert_eq!(kept.discovered_labels().get("__meta_found"), Some("yes"));
    world.pass(20).await;
    assert_eq!(world.urls(), ["h:2", "h:3", "h:4"]);
    world.pass(20).await;
    assert_eq!(world.urls(), ["h:2", "h:4"]);
    assert!(Arc::ptr_eq(&kept, &world.manager.pools()[0].active[0]));
    world.pass(60).await;
    // The one that stayed missed no scrape: 10 in 100 s; of the others one is stale each.
    let of_kept = kept.status();
    assert_eq!(of_kept.health, Health::Up);
    let found = world.samples("up").await;
    assert_eq!(found.iter().filter(|(_, value)| value.is_none()).count(), 2);
    assert_eq!(
        world.metric(r#"prometheus_sd_discovered_targets{name="scrape",config="a"}"#),
        "2"
    );
    assert_eq!(
        world.metric(r#"prometheus_sd_updates_total{name="scrape"}"#),
        "3"
    );
    world.reload(json!([])).await.unwrap();
    world.manager.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_updates_is_taken_over_now_and_then() {
    let world = World::new();
    let script: Vec<_> = (0..100)
        .map(|step| json!([step * 101, {"x": [format!("h:{step}")]}]))
        .collect();
    world
        .reload(json!([found(json!({}), json!(script))]))
        .await
        .unwrap();
    // All targets of a moment, and how often they were worked out until then: at once, then
    // every five seconds.
    for (after_ms, expected, syncs) in [
        (50, "h:0", 2),
        (4_900, "h:0", 2),
        (100, "h:49", 3),
        (5_000, "h:99", 4),
        (60_000, "h:99", 4),
    ] {
        time::sleep(Duration::from_millis(after_ms)).await;
        assert_eq!(world.urls(), [expected]);
        let metric = world.metric(r#"prometheus_target_scrape_pool_sync_total{scrape_job="a"}"#);
        assert_eq!(metric, syncs.to_string());
    }
    assert_eq!(
        world.metric(r#"prometheus_sd_received_updates_total{name="scrape"}"#),
        "100"
    );
}

#[tokio::test(start_paused = true)]
async fn a_reload_begins_only_those_that_changed() {
    let world = World::new();
    let first = json!([[0, {"x": ["h:1"]}]]);
    world
        .reload(json!([found(json!({}), first.clone())]))
        .await
        .unwrap();
    world.pass(1).await;
    let before = world.target();
    assert_eq!(world.built(), ["a", "a/plugin_sd/0: p"]);
    // Another setting of the job, and the same entry.
    let limited = found(json!({"sample_limit": 7}), first);
    world.reload(json!([limited])).await.unwrap();
    assert_eq!(
        (world.built(), world.urls()),
        (vec!["a".to_owned()], vec!["h:1".to_owned()])
    );
    // Another entry, which needs its time: what was found stays until then.
    let later = json!([[3_000, {"x": ["h:1"], "y": ["h:2"]}]]);
    world
        .reload(json!([found(json!({}), later)]))
        .await
        .unwrap();
    assert_eq!(world.built(), ["a", "a/plugin_sd/0: p"]);
    assert_eq!(world.urls(), ["h:1"]);
    world.pass(10).await;
    assert_eq!(world.urls(), ["h:1", "h:2"]);
    assert!(Arc::ptr_eq(&before, &world.target()));
    // No entry any more.
    world
        .reload(json!([job("a", json!({"static_configs": []}))]))
        .await
        .unwrap();
    assert!(world.urls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_nobody_can_follow_leaves_everything_as_it_was() {
    let world = World::new();
    world.reload(json!([job("a", json!({}))])).await.unwrap();
    let mut broken = found(json!({}), json!([]));
    broken["plugin_sd_configs"][0]["plugin"] = json!("broken");
    let errors = world.reload(json!([broken])).await.unwrap_err();
    let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        ["error creating plugin_sd/0 of job \"a\": no such plugin"]
    );
    assert_eq!(world.urls(), ["h:1"]);
    assert_eq!(
        world.metric(r#"prometheus_sd_failed_configs{name="scrape"}"#),
        "1"
    );
    world.reload(json!([job("a", json!({}))])).await.unwrap();
    assert_eq!(
        world.metric(r#"prometheus_sd_failed_configs{name="scrape"}"#),
        "0"
    );
}

#[tokio::test(start_paused = true)]
async fn relabelling_sees_what_was_found_and_drops_it() {
    let world = World::new();
    let relabel = json!({
        "static_configs": [{"targets": ["h:9"]}],
        "relabel_configs": [{"source_labels": ["__meta_found"], "regex": "yes", "action": "drop"}],
    });
    let script = json!([[0, {"x": ["h:1", "h:2"]}]]);
    world.reload(json!([found(relabel, script)])).await.unwrap();
    assert_eq!(world.urls(), ["h:9"]);
    world.pass(1).await;
    let pool = &world.manager.pools()[0];
    assert_eq!((pool.active.len(), pool.dropped_count), (1, 2));
    assert_eq!(pool.dropped[0].get("__meta_found"), Some("yes"));
    assert_eq!(
        world.metric(r#"prometheus_sd_discovered_targets{name="scrape",config="a"}"#),
        "3"
    );
}
