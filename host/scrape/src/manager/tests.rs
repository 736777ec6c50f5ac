mod discovery;
mod hostile;
mod preview;

use std::sync::Mutex as StdMutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use narthex_discovery::{Discoverer, SdConfig};
use narthex_model::sample::is_stale_nan;
use narthex_model::{AppendReport, Matcher, WriteBatch};
use narthex_storage::{AppendError, MemoryStore, Queryable, SelectRequest, TimeRange};
use serde_json::json;
use tokio::time::{self, Instant};

use super::*;
use crate::config::{GlobalConfig, resolve};
use crate::{Collector, Health, ScrapeError, Scraped};

/// A wall clock that goes with tokio's paused time.
#[derive(Debug)]
struct TestClock(Instant);

impl Clock for TestClock {
    fn now_ms(&self) -> i64 {
        i64::try_from(self.0.elapsed().as_millis()).unwrap() + 1_000_000
    }
}

/// Keeps what was appended, and the size of each batch.
#[derive(Default)]
struct Store {
    memory: MemoryStore,
    batches: StdMutex<Vec<usize>>,
}

impl Appendable for Store {
    fn append(&self, batch: &WriteBatch) -> Result<AppendReport, AppendError> {
        self.batches.lock().unwrap().push(batch.samples.len());
        self.memory.append(batch)
    }
}

/// Answers each scrape with the job's name, after some time.
struct Named {
    job: String,
    wait: Duration,
}

#[async_trait]
impl Collector for Named {
    async fn collect(&self, target: &Target, _: Instant) -> Result<Scraped, ScrapeError> {
        time::sleep(self.wait).await;
        // A page so large that it is read on a thread of its own.
        let comment = match target.params().contains_key("large") {
            true => "# a line that says nothing\n".repeat(20_000),
            false => String::new(),
        };
        match target.params().get("fail") {
            Some(_) => Err(ScrapeError::Collect("refused".into())),
            None => Ok(Scraped::Text {
                content_type: "text/plain".into(),
                body: Bytes::from(format!("{comment}# HELP {0} of the job\n{0} 1\n", self.job)),
            }),
        }
    }
}

struct World {
    manager: Arc<ScrapeManager>,
    store: Arc<Store>,
    clock: Arc<TestClock>,
    built: Arc<StdMutex<Vec<String>>>,
    registry: Registry,
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(TestClock(Instant::now()));
        let store = Arc::new(Store::default());
        let built = Arc::new(StdMutex::new(Vec::new()));
        let log = Arc::clone(&built);
        let build = move |config: &ScrapeConfig| {
            let name = config.job_name.clone();
            if config.plugin.as_deref() == Some("broken") {
                return Err(CollectorError {
                    job: name,
                    message: "no such plugin".into(),
                });
            }
            log.lock().unwrap().push(name.clone());
            let wait = Duration::from_millis(if config.metrics_path == "/slow" {
                60_000
            } else {
                10
            });
            Ok(Arc::new(Named { job: name, wait }) as Arc<dyn Collector>)
        };
        let log = Arc::clone(&built);
        let discover = move |name: &str, entry: &SdConfig| {
            let SdConfig::Plugin(config) = entry else {
                return Err(format!("nobody plays {}", entry.mechanism()));
            };
            log.lock()
                .unwrap()
                .push(format!("{name}: {}", config.plugin));
            match config.plugin.as_str() {
                "broken" => Err("no such plugin".to_owned()),
                _ => {
                    let script = config.config.as_ref().unwrap().expose().clone();
                    Ok(Arc::new(discovery::Scripted(script)) as Arc<dyn Discoverer>)
                }
            }
        };
        let mut registry = Registry::default();
        let mut manager = ScrapeManager::new(
            store.clone(),
            clock.clone(),
            Box::new(build),
            Box::new(discover),
            &mut registry,
        );
        // The places in the interval depend on it, and what fits before a moment on them.
        Arc::get_mut(&mut manager.0).unwrap().host = "test".into();
        Self {
            manager: Arc::new(manager),
            store,
            clock,
            built,
            registry,
        }
    }

    async fn reload(&self, jobs: serde_json::Value) -> Result<(), Vec<ReloadError>> {
        let jobs = serde_json::from_value(jobs).unwrap();
        let global: GlobalConfig =
            serde_json::from_value(json!({"scrape_interval": "10s"})).unwrap();
        self.manager.reload(resolve(global, jobs).unwrap()).await
    }

    /// Lets so much time pass, up to just before the tick at its end.
    async fn pass(&self, seconds: u64) {
        time::sleep(Duration::from_secs(seconds)).await;
    }

    /// The samples of a metric: seconds since the beginning, and the value or `None` for stale.
    async fn samples(&self, metric: &str) -> Vec<(i64, Option<f64>)> {
        use futures::TryStreamExt;
        let request = SelectRequest {
            matchers: vec![Matcher::equal("__name__", metric)],
            range: TimeRange::ALL,
        };
        let series: Vec<_> = self
            .store
            .memory
            .select(&request)
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        let points = series
            .iter()
            .flat_map(|series| series.timestamps.iter().zip(series.values.iter()));
        points
            .map(|(t, v)| (*t, (!is_stale_nan(*v)).then_some(*v)))
            .collect()
    }

    fn built(&self) -> Vec<String> {
        std::mem::take(&mut *self.built.lock().unwrap())
    }

    /// The URLs of the targets of the first job, without what all have in common.
    fn urls(&self) -> Vec<String> {
        let active = &self.manager.pools()[0].active;
        let urls = active.iter().map(|target| target.url());
        urls.map(|url| url.trim_start_matches("http://").replace("/metrics", ""))
            .collect()
    }

    /// A line of the metrics.
    fn metric(&self, name: &str) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name} is not in\n{text}"))
            .trim()
            .to_owned()
    }

    fn target(&self) -> Arc<Target> {
        Arc::clone(&self.manager.pools()[0].active[0])
    }
}

fn job(name: &str, more: serde_json::Value) -> serde_json::Value {
    let mut job = json!({"job_name": name, "static_configs": [{"targets": ["h:1"]}]});
    job.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    job
}

#[tokio::test(start_paused = true)]
async fn a_target_is_scraped_at_its_place_in_the_interval() {
    let world = World::new();
    world.reload(json!([job("a", json!({}))])).await.unwrap();
    assert_eq!(world.target().status().health, Health::Unknown);
    world.pass(35).await;
    let found = world.samples("a").await;
    assert!((3..=4).contains(&found.len()), "{found:?}");
    assert!(
        found.windows(2).all(|pair| pair[1].0 - pair[0].0 == 10_000),
        "{found:?}"
    );
    let place = (world.target().hash() ^ seed("test", &ScrapeConfigs::default())) % 10_000;
    assert_eq!(found[0].0.rem_euclid(10_000).unsigned_abs(), place);
    assert_eq!(world.samples("up").await.len(), found.len());
    let status = world.target().status();
    assert_eq!((status.health, status.last_error), (Health::Up, None));
    assert_eq!(status.last_duration, Duration::from_millis(10));
    assert_eq!(world.target().metadata()[0].help, "of the job");
    assert!(world.clock.now_ms() >= status.last_scrape_ms.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_reload_without_a_change_costs_no_scrape_and_builds_nothing() {
    let world = World::new();
    let jobs = json!([job("a", json!({})), job("b", json!({}))]);
    world.reload(jobs.clone()).await.unwrap();
    assert_eq!(world.built(), ["a", "b"]);
    let before = world.target();
    for _ in 0..60 {
        world.pass(1).await;
        world.reload(jobs.clone()).await.unwrap();
    }
    assert_eq!(world.built(), Vec::<String>::new());
    assert!(Arc::ptr_eq(&before, &world.target()));
    for metric in ["a", "b"] {
        let found = world.samples(metric).await;
        assert_eq!(found.len(), 6, "{metric}: {found:?}");
        assert!(
            found.windows(2).all(|pair| pair[1].0 - pair[0].0 == 10_000),
            "{found:?}"
        );
    }
    // Warm series came with their references: 1 sample and 5 reports in each batch.
    assert!(
        world
            .store
            .batches
            .lock()
            .unwrap()
            .iter()
            .all(|size| *size == 6)
    );
}

#[tokio::test(start_paused = true)]
async fn a_changed_job_is_taken_over_between_two_scrapes() {
    let world = World::new();
    world.reload(json!([job("a", json!({}))])).await.unwrap();
    world.pass(20).await;
    let dropping = json!({"metric_relabel_configs": [{"target_label": "x", "replacement": "y"}]});
    world.reload(json!([job("a", dropping)])).await.unwrap();
    assert_eq!(world.built(), ["a", "a"]);
    world.pass(20).await;
    let mut found = world.samples("a").await;
    found.sort_by_key(|(time, _)| *time);
    let values: Vec<_> = found.iter().map(|(_, value)| *value).collect();
    // The third scrape ends the old series and begins the new one.
    assert_eq!(
        values.iter().filter(|value| value.is_none()).count(),
        1,
        "{found:?}"
    );
    assert_eq!(values.iter().flatten().count(), 4, "{found:?}");
    assert_eq!(world.samples("up").await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_goes_away_is_marked_stale_unless_it_comes_back() {
    for comes_back in [false, true] {
        let world = World::new();
        world.reload(json!([job("a", json!({}))])).await.unwrap();
        world.pass(15).await;
        let before = world.samples("a").await;
        world.reload(json!([])).await.unwrap();
        assert!(world.manager.pools().is_empty());
        world.pass(1).await;
        if comes_back {
            world.reload(json!([job("a", json!({}))])).await.unwrap();
        }
        world.pass(40).await;
        let after = &world.samples("a").await[before.len()..];
        let stale: Vec<_> = after.iter().filter(|(_, value)| value.is_none()).collect();
        match comes_back {
            true => assert_eq!((stale.len(), after.len()), (0, 4), "{after:?}"),
            false => {
                let missed = before.last().unwrap().0 + 10_000;
                assert_eq!(after, [(missed, None)]);
                assert_eq!(world.samples("up").await.last(), Some(&(missed, None)));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_nobody_and_marks_nothing() {
    let world = World::new();
    let slow = json!({"metrics_path": "/slow", "scrape_interval": "100s", "scrape_timeout": "90s"});
    world
        .reload(json!([job("a", json!({})), job("slow", slow)]))
        .await
        .unwrap();
    world.pass(110).await;
    let before = world.samples("a").await.len();
    let start = Instant::now();
    world.manager.stop().await;
    assert_eq!(start.elapsed(), Duration::ZERO);
    world.pass(100).await;
    assert_eq!(world.samples("a").await.len(), before);
    world.reload(json!([job("b", json!({}))])).await.unwrap();
    world.pass(20).await;
    assert_eq!(world.samples("b").await, []);
}

#[tokio::test(start_paused = true)]
async fn failures_are_seen_in_up_and_in_the_targets_status() {
    let world = World::new();
    world
        .reload(json!([job("a", json!({"params": {"fail": ["1"]}}))]))
        .await
        .unwrap();
    world.pass(10).await;
    assert_eq!(
        world.target().status().last_error.unwrap().to_string(),
        "refused"
    );
    assert_eq!(world.samples("up").await[0].1, Some(0.0));

    let world = World::new();
    let slow = json!({"metrics_path": "/slow", "scrape_timeout": "3s"});
    world.reload(json!([job("a", slow)])).await.unwrap();
    world.pass(14).await;
    let status = world.target().status();
    assert_eq!(status.last_error, Some(ScrapeError::DeadlineExceeded));
    assert_eq!(
        (status.health, status.last_duration),
        (Health::Down, Duration::from_secs(3))
    );
}

#[tokio::test(start_paused = true)]
async fn a_large_page_is_read_like_a_small_one() {
    let world = World::new();
    world
        .reload(json!([job("a", json!({"params": {"large": ["1"]}}))]))
        .await
        .unwrap();
    world.pass(40).await;
    let found = world.samples("a").await;
    assert!(found.len() >= 3, "{found:?}");
    assert!(found.iter().all(|(_, value)| value.is_some()), "{found:?}");
    assert_eq!(world.target().status().health, Health::Up);
}

#[tokio::test(start_paused = true)]
async fn too_many_targets_fail_all_of_them_until_there_are_fewer() {
    let world = World::new();
    let targets = |hosts: &[&str]| {
        json!([job(
            "a",
            json!({
                "target_limit": 1, "static_configs": [{"targets": hosts}],
            })
        )])
    };
    world.reload(targets(&["h:1", "h:2"])).await.unwrap();
    world.pass(10).await;
    let error = world.target().status().last_error.unwrap().to_string();
    assert_eq!(
        error,
        "target_limit exceeded (number of targets: 2, limit: 1)"
    );
    world.reload(targets(&["h:1"])).await.unwrap();
    world.pass(10).await;
    assert_eq!(world.target().status().health, Health::Up);
}

#[tokio::test(start_paused = true)]
async fn a_job_has_no_more_samples_than_it_may_have_between_its_targets() {
    let world = World::new();
    let jobs = |limit: u64, hosts: &[&str]| {
        let static_configs = json!([{"targets": hosts}]);
        json!([job(
            "a",
            json!({"job_sample_limit": limit, "static_configs": static_configs})
        )])
    };
    let errors = || {
        let pool = &world.manager.pools()[0];
        let errors = pool.active.iter().filter_map(|it| it.status().last_error);
        let texts: Vec<String> = errors.map(|error| error.to_string()).collect();
        texts
    };
    // Each has one.
    world.reload(jobs(2, &["h:1", "h:2", "h:3"])).await.unwrap();
    world.pass(30).await;
    assert_eq!(errors(), ["job sample limit exceeded"]);
    let exceeded = world.metric("prometheus_target_scrapes_exceeded_job_sample_limit_total");
    assert_ne!(exceeded, "0");
    // What goes makes room, and a reload counts on.
    world.reload(jobs(2, &["h:1", "h:3"])).await.unwrap();
    world.pass(60).await;
    assert_eq!(errors(), [""; 0]);
    world.reload(jobs(1, &["h:1", "h:3"])).await.unwrap();
    world.pass(30).await;
    assert_eq!(errors(), ["job sample limit exceeded"]);
    world.reload(jobs(0, &["h:1", "h:3"])).await.unwrap();
    world.pass(30).await;
    assert_eq!(errors(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_job_without_a_collector_leaves_everything_as_it_was() {
    let world = World::new();
    world.reload(json!([job("a", json!({}))])).await.unwrap();
    let changed = json!([
        job("a", json!({"honor_labels": true})),
        job("b", json!({"plugin": "broken"})),
        job("c", json!({"plugin": "broken"})),
    ]);
    let errors = world.reload(changed).await.unwrap_err();
    let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "error creating the collector of job \"b\": no such plugin",
            "error creating the collector of job \"c\": no such plugin",
        ]
    );
    assert_eq!(world.manager.pools().len(), 1);
    world.pass(30).await;
    assert_eq!(world.samples("up").await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_metrics_have_prometheus_names() {
    let world = World::new();
    let dropped = json!({
        "static_configs": [{"targets": ["h:1", "h:2"]}],
        "relabel_configs": [{"source_labels": ["__address__"], "regex": "h:2", "action": "drop"}],
    });
    world.reload(json!([job("a", dropped)])).await.unwrap();
    world.pass(30).await;
    let pool = &world.manager.pools()[0];
    assert_eq!(
        (pool.active.len(), pool.dropped.len(), pool.dropped_count),
        (1, 1, 1)
    );
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &world.registry).unwrap();
    for line in [
        "prometheus_target_scrape_pool_targets{scrape_job=\"a\"} 1",
        "prometheus_target_scrape_pools_total 1",
        "prometheus_target_scrape_pool_sync_total{scrape_job=\"a\"} 1",
        "prometheus_target_interval_length_seconds_count{interval=\"10s\"} 2",
        "prometheus_target_scrapes_exceeded_sample_limit_total 0",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is not in\n{text}"
        );
    }
}
