//! Plugins that find targets, and plugins that deliver notifications.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use narthex_plugin::{
    Alert, Lent, Notification, Outcome, PluginError, PluginOptions, PluginRuntime, Watch,
    WatchEvent, WatchNews, WatchRequest, Watches,
};
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::handmade::Handmade;
use crate::harness::{Bench, GENEROUS, config, folder_config};
use crate::receivers::Texts;

pub(crate) fn guest(world: &'static str, more: &str, call: &str) -> Handmade {
    Handmade {
        world,
        more: more.to_owned(),
        ..Handmade::collecting(call)
    }
}

pub(crate) async fn bench(folder: &std::path::Path, guest: &Handmade) -> Bench {
    fs::write(folder.join("made.toml"), guest.manifest("made", "1", "")).unwrap();
    fs::write(folder.join("made.wasm"), guest.build()).unwrap();
    Bench::with_folder(folder, "").await
}

/// Finds one group `g` with the target `x:1`, then `x:2`, then `x:3`, and so on.
fn finder() -> Handmade {
    guest(
        "discovery",
        // The list of groups, the group, its target's labels, and the texts.
        r#"(data (i32.const 300) "\00\00\00\00\40\01\00\00\01\00\00\00")
           (data (i32.const 320) "\90\01\00\00\01\00\00\00\60\01\00\00\01\00\00\00\00\00\00\00\00\00\00\00")
           (data (i32.const 352) "\70\01\00\00\01\00\00\00")
           (data (i32.const 368) "\91\01\00\00\0b\00\00\00\9c\01\00\00\03\00\00\00")
           (data (i32.const 400) "g__address__x:0")"#,
        "(i32.store8 (i32.const 414) (i32.add (i32.load8_u (i32.const 414)) (i32.const 1)))
         i32.const 300",
    )
}

#[tokio::test]
async fn a_discovery_sends_what_is_new_as_long_as_somebody_listens() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path(), &finder()).await;
    let interval = Duration::from_millis(1);
    let discoverer = bench
        .runtime
        .discoverer("made", "a", &Value::Null, interval, Lent::default());
    let discoverer = discoverer.unwrap();
    let (sender, mut receiver) = mpsc::channel(1);
    let finding = tokio::spawn(async move { discoverer.run(sender).await });
    for number in 1..=3 {
        let groups = receiver.recv().await.unwrap();
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].source, "g");
        assert_eq!(groups[0].targets[0]["__address__"], format!("x:{number}"));
    }
    drop(receiver);
    finding.await.unwrap();
}

#[tokio::test]
async fn another_version_is_asked_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path(), &finder()).await;
    let discoverer = bench
        .runtime
        .discoverer("made", "a", &Value::Null, GENEROUS, Lent::default());
    let discoverer = discoverer.unwrap();
    let (sender, mut receiver) = mpsc::channel(1);
    let finding = tokio::spawn(async move { discoverer.run(sender).await });
    assert_eq!(receiver.recv().await.unwrap()[0].targets.len(), 1);
    let mut other = finder();
    other.more = other.more.replace("g__address__x", "g__address__y");
    fs::write(folder.path().join("made.wasm"), other.build()).unwrap();
    bench.runtime.rescan().await;
    let groups = receiver.recv().await.unwrap();
    assert_eq!(groups[0].targets[0]["__address__"], "y:1");
    finding.abort();
}

#[tokio::test]
async fn outcomes_of_notifications() {
    let outcome = |bytes: &str, text: &str| {
        guest(
            "receiver",
            &format!("(data (i32.const 300) \"{bytes}\") (data (i32.const 400) \"{text}\")"),
            "i32.const 300",
        )
    };
    let notification = Notification {
        group_key: "{}:{}".to_owned(),
        receiver: "team".to_owned(),
        alerts: vec![Alert {
            is_firing: true,
            fingerprint: "0123456789abcdef".to_owned(),
            labels: vec![("alertname".to_owned(), "Down".to_owned())],
            ..Alert::default()
        }],
        ..Notification::default()
    };
    let retry = |after: Option<u64>, reason: &str| Outcome::Retry {
        after: after.map(Duration::from_secs),
        reason: reason.to_owned(),
    };
    let rejected = |reason: &str| Outcome::Rejected {
        reason: reason.to_owned(),
    };
    for (guest, expected) in [
        (outcome("", ""), Outcome::Delivered),
        (outcome(r"\00\00\00\00\01\00\00\00", ""), retry(None, "")),
        (
            outcome(r"\00\00\00\00\01\00\00\00\01\00\00\00\07\00\00\00", ""),
            retry(Some(7), ""),
        ),
        (
            outcome(r"\00\00\00\00\02\00\00\00\90\01\00\00\02\00\00\00", "no"),
            rejected("no"),
        ),
        (
            // The error `unavailable`.
            outcome(r"\01\00\00\00\01\00\00\00\90\01\00\00\04\00\00\00", "away"),
            retry(None, "plugin made: away"),
        ),
        (
            // The error `protocol`.
            outcome(r"\01\00\00\00\04\00\00\00\90\01\00\00\03\00\00\00", "odd"),
            rejected("plugin made: odd"),
        ),
        (
            guest("receiver", "", "unreachable"),
            retry(
                None,
                "plugin made: trap: wasm `unreachable` instruction executed",
            ),
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let bench = bench(folder.path(), &guest).await;
        let receiver = bench
            .runtime
            .receiver("made", "team", &Value::Null, Lent::default())
            .unwrap();
        let (texts, deadline) = (Arc::new(Texts), Instant::now() + GENEROUS);
        let outcome = receiver.notify(&notification, texts, deadline).await;
        assert_eq!(outcome, expected);
    }
}

#[tokio::test]
async fn a_plugin_is_used_in_its_own_world_only() {
    let folder = tempfile::tempdir().unwrap();
    let bench = bench(folder.path(), &finder()).await;
    let error = bench
        .runtime
        .collector("made", "a", &Value::Null)
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "plugin made is of the world discovery; here one of the world exporter is needed"
    );
    assert!(matches!(error, PluginError::OtherWorld { .. }));
    let _job = bench
        .runtime
        .discoverer("made", "a", &Value::Null, GENEROUS, Lent::default())
        .unwrap();
    // A version of another world is not put to work for it.
    let exporter = Handmade::exporter("x 1\n");
    fs::write(
        folder.path().join("made.toml"),
        exporter.manifest("made", "2", ""),
    )
    .unwrap();
    fs::write(folder.path().join("made.wasm"), exporter.build()).unwrap();
    bench.runtime.rescan().await;
    let error = bench.runtime.list().remove(0).last_error.unwrap();
    assert!(error.contains("is of the world exporter"), "{error}");
}

/// A cluster with one watch, which never has events but can say that it has.
#[derive(Debug, Default)]
struct Cluster(Arc<Notify>);

#[derive(Debug)]
struct Quiet(Arc<Notify>);

#[async_trait::async_trait]
impl Watches for Cluster {
    async fn open(&self, request: WatchRequest) -> Result<Box<dyn Watch>, String> {
        assert_eq!((&*request.api_version, &*request.kind), ("v1", "Pod"));
        Ok(Box::new(Quiet(self.0.clone())))
    }
}

impl Watch for Quiet {
    fn drain(&mut self, _: usize, _: usize) -> Vec<WatchEvent> {
        Vec::new()
    }

    fn drain_news(&mut self, _: usize) -> Vec<WatchNews> {
        Vec::new()
    }

    fn lookup(&self, _: &str, _: &str) -> Option<Arc<str>> {
        None
    }

    fn synced(&self) -> bool {
        true
    }

    fn trouble(&self) -> Option<String> {
        None
    }

    fn changed(&self) -> Arc<Notify> {
        self.0.clone()
    }

    fn is_lost(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn of_a_discovery_that_returns_changes_the_other_groups_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut guest = finder();
    guest.imports =
        "(import \"narthex:plugin/refreshing@0.1.0\" \"only-changes\" (func $only))".to_owned();
    // The first call says so as well, and nobody takes it at its word. The second names nothing.
    let say = "(if (i32.lt_u (i32.load8_u (i32.const 414)) (i32.const 50)) (then (call $only)))
         (i32.store (i32.const 308)
            (i32.ne (i32.load8_u (i32.const 414)) (i32.const 49)))";
    guest.call = format!("{say} {}", guest.call);
    let bench = bench(folder.path(), &guest).await;
    let interval = Duration::from_millis(1);
    let discoverer = bench
        .runtime
        .discoverer("made", "a", &Value::Null, interval, Lent::default());
    let discoverer = discoverer.unwrap();
    let (sender, mut receiver) = mpsc::channel(1);
    let finding = tokio::spawn(async move { discoverer.run(sender).await });
    for address in ["x:1", "x:3", "x:4"] {
        let groups = receiver.recv().await.unwrap();
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].targets[0]["__address__"], address);
    }
    finding.abort();
}

#[tokio::test]
async fn what_a_discovery_tells_in_pieces_comes_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let mut guest = finder();
    guest.imports =
        "(import \"narthex:plugin/refreshing@0.1.0\" \"more-to-come\" (func $more))".to_owned();
    // Each call has a source of its own; the first two have more to tell.
    let say = "(i32.store8 (i32.const 400) (i32.load8_u (i32.const 414)))
         (if (i32.lt_u (i32.load8_u (i32.const 414)) (i32.const 50)) (then (call $more)))";
    guest.call = format!("{say} {}", guest.call);
    let bench = bench(folder.path(), &guest).await;
    let discoverer =
        bench
            .runtime
            .discoverer("made", "a", &Value::Null, GENEROUS * 60, Lent::default());
    let discoverer = discoverer.unwrap();
    let (sender, mut receiver) = mpsc::channel(1);
    let finding = tokio::spawn(async move { discoverer.run(sender).await });
    let groups = receiver.recv().await.unwrap();
    let sources: Vec<&str> = groups.iter().map(|group| group.source.as_str()).collect();
    assert_eq!(sources, ["0", "1", "2"]);
    finding.abort();
}

#[tokio::test]
async fn what_a_discovery_looked_up_is_told_to_who_counts_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut guest = finder();
    guest.imports = "(import \"narthex:plugin/refreshing@0.1.0\" \"looked-up\"
        (func $looked (param i32 i32)))"
        .to_owned();
    guest.call = format!("(call $looked (i32.const 3) (i32.const 1)) {}", guest.call);
    let bench = bench(folder.path(), &guest).await;
    let (told, mut heard) = mpsc::unbounded_channel();
    let lent = Lent::default().with_lookups(move |count, failed| {
        // Nobody listens any more at the end of the test.
        let _ = told.send((count, failed));
    });
    let discoverer = bench
        .runtime
        .discoverer("made", "a", &Value::Null, GENEROUS * 60, lent);
    let discoverer = discoverer.unwrap();
    let (sender, mut receiver) = mpsc::channel(1);
    let finding = tokio::spawn(async move { discoverer.run(sender).await });
    assert_eq!(receiver.recv().await.unwrap().len(), 1);
    assert_eq!(heard.recv().await, Some((3, 1)));
    finding.abort();
}

#[tokio::test]
async fn a_change_in_the_cluster_is_a_reason_to_ask_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut guest = finder();
    guest.imports = "(import \"narthex:plugin/kubernetes@0.1.0\" \"open\" (func $open
        (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"
        .to_owned();
    guest.more += r#"(data (i32.const 440) "v1Pod")"#;
    guest.init = "(call $open (i32.const 440) (i32.const 2) (i32.const 442) (i32.const 3)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 480))
        (if (i32.load8_u (i32.const 480)) (then unreachable))
        i32.const 16"
        .to_owned();
    let manifest = guest.manifest("made", "1", "[request]\nkubernetes = [\"v1/Pod\"]");
    fs::write(folder.path().join("made.toml"), manifest).unwrap();
    fs::write(folder.path().join("made.wasm"), guest.build()).unwrap();
    let text = folder_config(folder.path(), r#", "grants": {"made": "as-requested"}"#);
    let cluster = Arc::new(Cluster::default());
    let options = PluginOptions {
        config: config(&text),
        watches: Some(cluster.clone()),
        ..Bench::options()
    };
    let runtime = PluginRuntime::start(options, &mut Registry::default()).await;
    let runtime = runtime.unwrap();
    runtime.rescan().await;
    let discoverer = runtime.discoverer("made", "a", &Value::Null, GENEROUS * 60, Lent::default());
    let discoverer = discoverer.unwrap();
    let (sender, mut receiver) = mpsc::channel(1);
    let finding = tokio::spawn(async move { discoverer.run(sender).await });
    for number in 1..=2 {
        let groups = receiver.recv().await.unwrap();
        assert_eq!(groups[0].targets[0]["__address__"], format!("x:{number}"));
        cluster.0.notify_one();
    }
    finding.abort();
}
