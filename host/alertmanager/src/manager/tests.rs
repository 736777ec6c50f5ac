mod peers;
mod stop;

use std::sync::Mutex as StdMutex;

use async_trait::async_trait;
use narthex_disk::CrashDisk;
use narthex_model::SystemClock;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::*;
use crate::api::{AlertQuery, FaultKind, PostedAlert};
use crate::config::Integration;
use crate::notification::{FailureReason, Notification, Notify, NotifyError};

/// What an integration does with what it is told: one entry a call, then it delivers.
type Plan = Arc<StdMutex<Vec<Result<(), NotifyError>>>>;

/// A receiver of the tests: it gives on what it is told.
#[derive(Debug)]
struct Told {
    to: mpsc::UnboundedSender<(String, Notification)>,
    plan: Plan,
    /// Each delivery of `waits` takes one of it.
    gate: Arc<Semaphore>,
    name: String,
}

#[async_trait]
impl Notify for Told {
    async fn notify(&self, told: &Notification, _: Instant) -> Result<(), NotifyError> {
        let planned = {
            let mut plan = self.plan.lock().unwrap();
            (!plan.is_empty()).then(|| plan.remove(0))
        };
        let _ = self.to.send((self.name.clone(), told.clone()));
        if self.name == "hangs" {
            std::future::pending::<()>().await;
        }
        if self.name == "waits" {
            self.gate.acquire().await.unwrap().forget();
        }
        planned.unwrap_or(Ok(()))
    }
}

#[derive(Debug)]
struct Build {
    to: mpsc::UnboundedSender<(String, Notification)>,
    plan: Plan,
    gate: Arc<Semaphore>,
}

#[async_trait]
impl BuildNotify for Build {
    async fn build(&self, _: &str, integration: &Integration) -> Result<Arc<dyn Notify>, String> {
        match integration.kind.as_str() {
            "nobody" => Err("no plugin of this name".to_owned()),
            name => Ok(Arc::new(Told {
                to: self.to.clone(),
                plan: Arc::clone(&self.plan),
                gate: Arc::clone(&self.gate),
                name: name.to_owned(),
            })),
        }
    }
}

struct Bench {
    manager: Arc<Alertmanager>,
    told: mpsc::UnboundedReceiver<(String, Notification)>,
    plan: Plan,
    gate: Arc<Semaphore>,
}

const CONFIG: &str = "
receivers: [{name: r, plugin_configs: [{plugin: works}]}]
route: {receiver: r, group_by: [alertname], group_wait: 1ms, group_interval: 50ms}
";

fn config(text: &str) -> Config {
    serde_yaml::from_str(text).unwrap()
}

impl Bench {
    async fn start(disk: &Arc<dyn Disk>, text: &str) -> Self {
        Self::start_as_peer(disk, text, None).await
    }

    async fn start_as_peer(
        disk: &Arc<dyn Disk>,
        text: &str,
        cluster: Option<Arc<Cluster>>,
    ) -> Self {
        let (to, told) = mpsc::unbounded_channel();
        let plan = Plan::default();
        let gate = Arc::new(Semaphore::new(0));
        let options = AlertmanagerOptions {
            clock: Arc::new(SystemClock),
            disk: Arc::clone(disk),
            retention_ms: 3_600_000,
            silence_limits: SilenceLimits {
                silences_max: 0,
                silence_bytes_max: 0,
                retention_ms: 3_600_000,
            },
            alerts_gc_interval_ms: 1,
            maintenance_interval_ms: 1,
            matcher_mode: MatcherMode::default(),
            external_url: "http://narthex".to_owned(),
            integrations: Arc::new(Build {
                to,
                plan: Arc::clone(&plan),
                gate: Arc::clone(&gate),
            }),
            cluster,
        };
        let first = config(text);
        let (mode, build) = (options.matcher_mode, Arc::clone(&options.integrations));
        let prepared = Alertmanager::prepare(&first, "the config".to_owned(), mode, &*build);
        let prepared = prepared.await.unwrap();
        let manager = Alertmanager::start(options, prepared, &mut Registry::default()).unwrap();
        Self {
            manager,
            told,
            plan,
            gate,
        }
    }

    fn fire(&self, name: &str) {
        let labels = [("alertname".to_owned(), name.to_owned())];
        let alert = PostedAlert {
            labels: labels.into_iter().collect(),
            ..PostedAlert::default()
        };
        self.manager.post(vec![alert]).unwrap();
    }

    /// Who is told next, and of which alerts.
    async fn next(&mut self) -> (String, String) {
        let next = tokio::time::timeout(Duration::from_secs(60), self.told.recv());
        let (name, told) = next.await.unwrap().unwrap();
        let alerts = told.alerts.iter();
        let alerts = alerts.filter_map(|alert| alert.alert.labels.get("alertname"));
        (name, alerts.collect::<Vec<_>>().join(" "))
    }
}

fn disk() -> Arc<dyn Disk> {
    Arc::new(CrashDisk::new(1))
}

fn error(is_temporary: bool) -> Result<(), NotifyError> {
    Err(NotifyError {
        is_temporary,
        retry_after: None,
        reason: FailureReason::Other,
        message: "no".to_owned(),
    })
}

fn silence_body(name: &str) -> Vec<u8> {
    let matcher = json!({"name": "alertname", "value": name, "isRegex": false});
    let body = json!({
        "matchers": [matcher], "startsAt": "2024-01-01T00:00:00Z", "endsAt": "2200-01-01T00:00:00Z",
        "createdBy": "me", "comment": "why",
    });
    body.to_string().into_bytes()
}

#[tokio::test]
async fn what_is_temporary_is_tried_again_and_what_is_not_at_the_next_turn() {
    let mut bench = Bench::start(&disk(), CONFIG).await;
    bench
        .plan
        .lock()
        .unwrap()
        .extend([error(true), error(false)]);
    bench.fire("a");
    // The second attempt is refused for good, so the next turn of the group tells it.
    for _ in 0..3 {
        assert_eq!(bench.next().await, ("works".to_owned(), "a".to_owned()));
    }
    let kind = "works";
    let failed = bench.manager.metrics.failed(kind, FailureReason::Other);
    assert_eq!(failed.get(), 1);
    bench.manager.stop(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn a_receiver_that_says_when_is_not_asked_before() {
    let mut bench = Bench::start(&disk(), CONFIG).await;
    let mut later = error(true);
    if let Err(error) = &mut later {
        error.retry_after = Some(Duration::from_secs(3600));
    }
    bench.plan.lock().unwrap().extend([later]);
    bench.fire("a");
    // Its group has less time than that, so this turn has failed, and the next one tells it.
    for _ in 0..2 {
        assert_eq!(bench.next().await, ("works".to_owned(), "a".to_owned()));
    }
    let failed = bench.manager.metrics.failed("works", FailureReason::Other);
    assert_eq!(failed.get(), 1);
    bench.manager.stop(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn a_receiver_that_hangs_delays_no_other() {
    let both = "
receivers: [{name: r, plugin_configs: [{plugin: hangs}, {plugin: works}]}, {name: s, plugin_configs: [{plugin: works}]}]
route: {receiver: r, group_by: [alertname], group_wait: 1ms, routes: [{matchers: [alertname=b], receiver: s}]}
";
    let mut bench = Bench::start(&disk(), both).await;
    bench.fire("a");
    let mut told = vec![bench.next().await.0, bench.next().await.0];
    told.sort();
    assert_eq!(told, ["hangs", "works"]);
    bench.fire("b");
    assert_eq!(bench.next().await, ("works".to_owned(), "b".to_owned()));
    // A config without it ends what hangs.
    let next = bench
        .manager
        .prepare_next(&config(CONFIG), String::new())
        .await;
    bench.manager.follow(next.unwrap());
    bench.fire("c");
    let mut names = Vec::new();
    while !names.contains(&"c".to_owned()) {
        names.push(bench.next().await.1);
    }
    bench.manager.stop(Duration::from_secs(60)).await;
}

#[tokio::test]
async fn a_config_that_cannot_run_is_refused_and_the_old_one_goes_on() {
    let mut bench = Bench::start(&disk(), CONFIG).await;
    for (text, expected) in [
        (
            CONFIG.replace("receiver: r,", "receiver: x,"),
            "undefined receiver \"x\" used in route",
        ),
        (
            CONFIG.replace("works", "nobody"),
            "receiver \"r\": nobody[0]: no plugin of this name",
        ),
    ] {
        let refused = bench
            .manager
            .prepare_next(&config(&text), String::new())
            .await;
        assert_eq!(refused.unwrap_err().to_string(), expected);
    }
    bench.fire("a");
    assert_eq!(bench.next().await.1, "a");
    assert_eq!(
        bench.manager.status(&Default::default())["config"]["original"],
        "the config"
    );
    bench.manager.stop(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn silences_and_the_log_outlive_a_restart() {
    let disk = disk();
    let mut bench = Bench::start(&disk, CONFIG).await;
    bench.fire("a");
    assert_eq!(bench.next().await.1, "a");
    let manager = Arc::clone(&bench.manager);
    let id = manager.post_silence(&silence_body("b")).unwrap()["silenceID"].clone();
    bench.manager.stop(Duration::from_secs(60)).await;
    let mut bench = Bench::start(&disk, CONFIG).await;
    let silence = bench.manager.silence(id.as_str().unwrap()).unwrap();
    assert_eq!(silence["status"]["state"], "active");
    // The first was told before, the second is silenced.
    for name in ["a", "b", "c"] {
        bench.fire(name);
    }
    assert_eq!(bench.next().await.1, "c");
    bench.manager.stop(Duration::from_secs(60)).await;
    assert!(bench.told.try_recv().is_err());
}

#[tokio::test]
async fn who_was_told_before_a_kill_is_not_told_again() {
    let crashing = Arc::new(CrashDisk::new(1));
    let disk: Arc<dyn Disk> = Arc::clone(&crashing) as Arc<dyn Disk>;
    let mut bench = Bench::start(&disk, CONFIG).await;
    bench.fire("a");
    assert_eq!(bench.next().await.1, "a");
    let is_written = || LogStore::open(Arc::clone(&disk)).is_ok_and(|(_, told)| !told.is_empty());
    peers::until("the log is written", is_written).await;
    let left: Arc<dyn Disk> = Arc::new(crashing.kill());
    bench.manager.stop(Duration::from_secs(60)).await;
    let mut bench = Bench::start(&left, CONFIG).await;
    for name in ["a", "b"] {
        bench.fire(name);
    }
    assert_eq!(bench.next().await.1, "b");
    bench.manager.stop(Duration::from_secs(60)).await;
    assert!(bench.told.try_recv().is_err());
}

#[tokio::test]
async fn a_silence_that_cannot_be_written_is_not_taken() {
    let crashing = Arc::new(CrashDisk::new(1));
    let disk: Arc<dyn Disk> = Arc::clone(&crashing) as Arc<dyn Disk>;
    let bench = Bench::start(&disk, CONFIG).await;
    // It is full.
    crashing.limit(Some(0));
    let refused = bench.manager.post_silence(&silence_body("a")).unwrap_err();
    assert_eq!(refused.kind, FaultKind::Internal);
    assert_eq!(bench.manager.silences(&[]).unwrap(), json!([]));
}

#[tokio::test]
async fn requests_that_cannot_be_are_refused_as_alertmanager_does() {
    let bench = Bench::start(&disk(), CONFIG).await;
    let manager = &bench.manager;
    for (body, kind, part) in [
        ("x", FaultKind::BadRequest, "parsing alerts body"),
        (
            "[{}]",
            FaultKind::Unprocessable,
            "0.labels in body is required",
        ),
        (
            "[{\"labels\": {}}]",
            FaultKind::BadRequest,
            "at least one label pair required",
        ),
        (
            "[{\"labels\": {\"a\": \"\"}}]",
            FaultKind::BadRequest,
            "at least one label pair required",
        ),
        (
            "[{\"labels\": {\"a\": \"b\"}, \"startsAt\": \"2024-01-01T00:00:00Z\", \"endsAt\": \"2023-01-01T00:00:00Z\"}]",
            FaultKind::BadRequest,
            "start time must be before end time",
        ),
        (
            "[{\"labels\": {\"a\": \"b\"}, \"startsAt\": \"yesterday\"}]",
            FaultKind::BadRequest,
            "is no time",
        ),
    ] {
        let fault = manager.post_body(body.as_bytes()).unwrap_err();
        assert_eq!(fault.kind, kind, "{body}");
        assert!(fault.message.contains(part), "{body}: {}", fault.message);
    }
    let text = String::from_utf8(silence_body("a")).unwrap();
    for (body, kind, part) in [
        (
            "[]".to_owned(),
            FaultKind::BadRequest,
            "parsing silence body",
        ),
        (
            "{}".to_owned(),
            FaultKind::Unprocessable,
            "matchers in body is required",
        ),
        (
            text.replace("\"why\"", "null"),
            FaultKind::Unprocessable,
            "comment in body is required",
        ),
        (
            text.replace("2200", "2020"),
            FaultKind::BadRequest,
            "start time must be before end time",
        ),
        (
            text.replace("2200-01-01", "2024-02-01"),
            FaultKind::BadRequest,
            "end time can't be in the past",
        ),
        (
            text.replace("{\"matchers", "{\"id\":\"x\",\"matchers"),
            FaultKind::NotFound,
            "silence not found",
        ),
    ] {
        let Err(fault) = manager.post_silence(body.as_bytes()) else {
            panic!("{body} is taken");
        };
        assert_eq!(fault.kind, kind, "{body}: {}", fault.message);
        assert!(fault.message.contains(part), "{body}: {}", fault.message);
    }
    assert_eq!(
        manager.silence("x").unwrap_err().kind,
        FaultKind::Unprocessable
    );
    let unknown = "00000000-0000-4000-8000-000000000000";
    assert_eq!(
        manager.expire_silence(unknown).unwrap_err().kind,
        FaultKind::NotFound
    );
    let bad = vec!["a".to_owned()];
    assert_eq!(
        manager.silences(&bad).unwrap_err().message,
        "bad matcher format: a"
    );
    let query = AlertQuery {
        receiver: Some("(".to_owned()),
        ..AlertQuery::default()
    };
    assert!(
        manager
            .alerts(&query)
            .unwrap_err()
            .message
            .starts_with("failed to parse receiver")
    );
}

#[tokio::test]
async fn alerts_are_listed_with_what_mutes_them() {
    let muting = "
receivers: [{name: r}, {name: s}]
route: {receiver: r, group_by: [alertname], group_wait: 1h, routes: [{matchers: [alertname=c], receiver: s}]}
inhibit_rules: [{source_matchers: [alertname=a], target_matchers: [alertname=b]}]
";
    let bench = Bench::start(&disk(), muting).await;
    let manager = &bench.manager;
    manager.post_silence(&silence_body("c")).unwrap();
    for name in ["a", "b", "c"] {
        bench.fire(name);
    }
    let names = |found: &Value| {
        let found = found.as_array().unwrap().iter();
        let mut names: Vec<String> = found
            .map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names.join("")
    };
    let all = AlertQuery::default();
    for (query, expected) in [
        (all.clone(), "abc"),
        (
            AlertQuery {
                active: false,
                ..all.clone()
            },
            "bc",
        ),
        (
            AlertQuery {
                silenced: false,
                ..all.clone()
            },
            "ab",
        ),
        (
            AlertQuery {
                inhibited: false,
                ..all.clone()
            },
            "ac",
        ),
        (
            AlertQuery {
                receiver: Some("s|x".to_owned()),
                ..all.clone()
            },
            "c",
        ),
        (
            AlertQuery {
                filters: vec!["alertname=~a|b".to_owned()],
                ..all.clone()
            },
            "ab",
        ),
        (
            AlertQuery {
                filters: vec!["x!=\"\"".to_owned()],
                ..all.clone()
            },
            "",
        ),
    ] {
        assert_eq!(
            names(&manager.alerts(&query).unwrap()),
            expected,
            "{query:?}"
        );
        let groups = manager.groups(&query).unwrap();
        let groups = groups.as_array().unwrap().iter();
        let grouped = groups
            .map(|group| names(&group["alerts"]))
            .collect::<String>();
        assert_eq!(grouped, expected, "{query:?}");
    }
    let listed = manager.alerts(&all).unwrap();
    let states = listed.as_array().unwrap().iter();
    let suppressed = states.filter(|alert| alert["status"]["state"] == "suppressed");
    assert_eq!(suppressed.count(), 2);
}
