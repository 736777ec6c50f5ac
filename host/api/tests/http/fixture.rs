//! A router over a real engine and a store in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, header};
use futures::FutureExt;
use futures::future::{self, BoxFuture};
use narthex_api::{
    ApiOptions, ApiState, BuildInfo, ConsoleOptions, ExternalUrl, FeatureList,
    LIFECYCLE_REQUESTS_MAX, LifecycleRequest, OriginPattern, RunningConfig, Serving, router,
};
use narthex_dashboard::Catalogue;
use narthex_discovery::SdMetrics;
use narthex_model::{Labels, Matcher, PromDuration, Sample, SeriesRef, SimulatedClock, WriteBatch};
use narthex_notifier::{NotifierManager, NotifierOptions};
use narthex_promql::{Engine, EngineOptions};
use narthex_remote::{
    MessageKind, ReadOptions, Reader, ReceivedMetadata, Receiver, ReceiverOptions,
};
use narthex_rules::{
    RuleConfig, RuleFile, RuleGroupConfig, RuleGroups, RuleManager, RuleOptions, RuleSettings,
};
use narthex_scrape::config::{GlobalConfig, ScrapeConfig, resolve};
use narthex_scrape::{Collector, HttpCollector, ScrapeManager};
use narthex_storage::{
    AdminError, Appendable, MemoryStore, Queryable, ReplayProgress, StorageAdmin, StorageStats,
    StoredBlock, TimeRange,
};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower::ServiceExt;

use crate::plugins::OnePlugin;

/// The time of every test: the last samples are of this moment.
pub(crate) const NOW_MS: i64 = 600_000;

/// What a store says of itself where only the shape of the answer is looked at.
struct Counts;

impl StorageAdmin for Counts {
    fn blocks(&self) -> Vec<StoredBlock> {
        vec![StoredBlock {
            ulid: "01K0000000000000000000000A".into(),
            min_time_ms: 0,
            max_time_ms: 7_200_000,
            series: 3,
            samples: 33,
            level: 2,
            sources: vec!["01K00000000000000000000001".into()],
            version: 1,
        }]
    }

    fn stats(&self, limit: usize) -> StorageStats {
        let mut names = vec![("up".to_owned(), 2), ("requests_total".to_owned(), 1)];
        names.truncate(limit);
        StorageStats {
            series: 3,
            min_time_ms: Some(0),
            max_time_ms: Some(NOW_MS),
            series_by_metric_name: names,
            wal_corruptions: 7,
            ..StorageStats::default()
        }
    }

    fn delete(
        self: Arc<Self>,
        _selectors: Vec<Vec<Matcher>>,
        _range: TimeRange,
    ) -> BoxFuture<'static, Result<(), AdminError>> {
        refuse()
    }

    fn clean_tombstones(self: Arc<Self>) -> BoxFuture<'static, Result<(), AdminError>> {
        refuse()
    }

    fn snapshot(
        self: Arc<Self>,
        _skips_head: bool,
    ) -> BoxFuture<'static, Result<String, AdminError>> {
        refuse()
    }
}

/// There is nothing that could be done.
fn refuse<T: Send + 'static>() -> BoxFuture<'static, Result<T, AdminError>> {
    let refused = AdminError::Refused("there are only counts here".to_owned());
    future::ready(Err(refused)).boxed()
}

/// A server without a socket.
pub(crate) struct Api {
    pub(crate) state: ApiState,
    pub(crate) requests: mpsc::Receiver<LifecycleRequest>,
    pub(crate) plugins: Arc<OnePlugin>,
    metadata: Arc<ReceivedMetadata>,
    rules: Mutex<Option<Arc<RuleManager>>>,
    router: Router,
}

/// One sample a minute for ten minutes.
pub(crate) fn store() -> MemoryStore {
    let store = MemoryStore::new();
    for batch in samples() {
        store.append(&batch).unwrap();
    }
    store
}

/// The batches of [`store`].
pub(crate) fn samples() -> Vec<WriteBatch> {
    let minutes = (0..=10_i64).map(|minute| {
        let series = [
            (
                vec![("__name__", "up"), ("job", "a"), ("instance", "i")],
                1.0,
            ),
            (
                vec![("__name__", "up"), ("job", "b"), ("http.status", "x")],
                0.0,
            ),
            (
                vec![("__name__", "requests_total"), ("job", "a")],
                minute as f64 * 60.0,
            ),
        ];
        let samples = series.into_iter().map(|(labels, value)| Sample {
            series: SeriesRef::UNKNOWN,
            labels: Labels::from_pairs(labels),
            timestamp_ms: minute * 60_000,
            value,
        });
        WriteBatch::from(samples.collect::<Vec<_>>())
    });
    minutes.collect()
}

fn options(
    is_lifecycle_enabled: bool,
    is_admin_enabled: bool,
) -> (ApiOptions, mpsc::Receiver<LifecycleRequest>) {
    let (lifecycle, requests) = mpsc::channel(LIFECYCLE_REQUESTS_MAX);
    let options = ApiOptions {
        clock: Arc::new(SimulatedClock::at(NOW_MS)),
        engine: EngineOptions {
            per_step_stats: true,
            ..EngineOptions::default()
        },
        flags: BTreeMap::from([("web.enable-lifecycle".into(), "true".into())]),
        build: BuildInfo {
            version: "3.14.0".into(),
            revision: String::new(),
            branch: String::new(),
            build_user: String::new(),
            build_date: String::new(),
            go_version: String::new(),
            narthex_version: "0.1.0".into(),
        },
        start_time_ms: 1000,
        external_url: ExternalUrl {
            scheme: "https".into(),
            host: "prom.example".into(),
            path: String::new(),
        },
        listen_address: "127.0.0.1:9090".parse().unwrap(),
        route_prefix: String::new(),
        ui_dir: None,
        dashboards: Arc::new(Catalogue::new(&[], None)),
        cors_origin: OriginPattern::new(".*").unwrap(),
        features: FeatureList::from([("tsdb", BTreeMap::from([("exemplar_storage", false)]))]),
        notification_subscribers_max: 1,
        consoles: ConsoleOptions {
            templates: PathBuf::new(),
            libraries: PathBuf::new(),
        },
        is_agent: false,
        is_lifecycle_enabled,
        is_admin_enabled,
        print_job: |job| Ok(format!("job_name: {}\n", job.job_name)),
        replay: Arc::new(ReplayProgress::default()),
        lifecycle,
    };
    (options, requests)
}

/// Making an HTTP client asks for a TLS provider; a second test finds it there already.
pub(crate) fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Api {
    /// One that is not ready.
    pub(crate) fn starting(is_lifecycle_enabled: bool) -> Self {
        Self::with(options(is_lifecycle_enabled, true))
    }

    /// One that is not ready, and who tells it how far the replay is.
    pub(crate) fn replaying() -> (Self, Arc<ReplayProgress>) {
        let (options, requests) = options(true, true);
        let replay = Arc::clone(&options.replay);
        (Self::with((options, requests)), replay)
    }

    /// One whose options are changed before it starts; it is not ready.
    pub(crate) fn changed(change: impl FnOnce(&mut ApiOptions)) -> Self {
        let (mut options, requests) = options(true, true);
        change(&mut options);
        Self::with((options, requests))
    }

    fn with((options, requests): (ApiOptions, mpsc::Receiver<LifecycleRequest>)) -> Self {
        let state = ApiState::new(options);
        state.set_config(RunningConfig {
            yaml: "global: {}\n".into(),
            external_labels: Labels::from_pairs([("region", "eu"), ("job", "never")]),
            evaluation_interval: PromDuration::from_secs(60),
            is_last_load_successful: true,
            loaded_ms: 2000,
            retention: "15d".into(),
        });
        Self {
            router: router(state.clone()),
            state,
            requests,
            plugins: Arc::default(),
            metadata: Arc::new(ReceivedMetadata::new(&mut Registry::default())),
            rules: Mutex::default(),
        }
    }

    /// One that answers from this store.
    pub(crate) async fn over(store: Arc<dyn Queryable>) -> Self {
        let api = Self::starting(true);
        api.serve(store).await;
        api
    }

    /// One that takes what is pushed into this store.
    pub(crate) async fn receiving(store: Arc<MemoryStore>) -> Self {
        install_tls();
        let api = Self::starting(true);
        let options = ReceiverOptions {
            store: store.clone(),
            clock: Arc::new(SimulatedClock::at(NOW_MS)),
            accepted: MessageKind::ALL.to_vec(),
            metadata: api.metadata.clone(),
        };
        let receiver = Receiver::new(options, &mut Registry::default());
        let receiver = Some(Arc::new(receiver));
        api.serve_with(store, Arc::new(Counts), receiver).await;
        api
    }

    /// One that answers from this store, whose operator asks it as well.
    pub(crate) async fn over_with_admin(
        store: Arc<dyn Queryable>,
        admin: Arc<dyn StorageAdmin>,
    ) -> Self {
        let api = Self::starting(true);
        api.serve_with(store, admin, None).await;
        api
    }

    async fn serve(&self, store: Arc<dyn Queryable>) {
        self.serve_with(store, Arc::new(Counts), None).await;
    }

    async fn serve_with(
        &self,
        store: Arc<dyn Queryable>,
        admin: Arc<dyn StorageAdmin>,
        receiver: Option<Arc<Receiver>>,
    ) {
        let scrape = ScrapeManager::new(
            Arc::new(MemoryStore::new()),
            Arc::new(SimulatedClock::at(NOW_MS)),
            Box::new(|config| Ok(Arc::new(HttpCollector::new(config)?) as Arc<dyn Collector>)),
            Box::new(|_, _| Err("nobody finds targets here".to_owned())),
            &mut Registry::default(),
        );
        let job: ScrapeConfig = serde_json::from_value(json!({
            "job_name": "self",
            "scrape_interval": "1h",
            "static_configs": [{"targets": ["localhost:9090"]}],
            "relabel_configs": [
                {
                    "source_labels": ["__address__"], "regex": "(.*):.*", "target_label": "host",
                },
                {"source_labels": ["host"], "regex": "gone", "action": "drop"},
            ],
        }))
        .unwrap();
        let configs = resolve(GlobalConfig::default(), vec![job]).unwrap();
        scrape.reload(configs).await.unwrap();
        let notifier = Arc::new(NotifierManager::new(
            NotifierOptions::default(),
            Box::new(|_, _| Err("nobody finds Alertmanagers here".to_owned())),
            SdMetrics::register("notify", &mut Registry::default()),
            &mut Registry::default(),
        ));
        let rules = Arc::new(rules(&notifier));
        *self.rules.lock().unwrap() = Some(Arc::clone(&rules));
        self.state.start_serving(Serving {
            fleet: None,
            local: store.clone(),
            storage: store,
            admin,
            receiver,
            otlp: None,
            reader: Arc::new(Reader::new(
                ReadOptions {
                    samples_max: 0,
                    requests_max: 0,
                    frame_bytes_max: 1 << 20,
                },
                &mut Registry::default(),
            )),
            push: None,
            metadata: self.metadata.clone(),
            alertmanager: None,
            scrape: Arc::new(scrape),
            plugins: self.plugins.clone(),
            rules,
            notifier,
        });
    }

    /// Lets the server have rules, in groups by their file and name: recording rules have names in
    /// lower case.
    pub(crate) async fn follow_rules(&self, groups: &[(&str, &str, &[&str])]) {
        let rule = |name: &str| {
            let is_record = name.chars().all(char::is_lowercase);
            RuleConfig {
                record: if is_record {
                    name.to_owned()
                } else {
                    String::new()
                },
                alert: if is_record {
                    String::new()
                } else {
                    name.to_owned()
                },
                expr: "up  == 0".to_owned(),
                hold: if is_record {
                    PromDuration::default()
                } else {
                    PromDuration::from_secs(90)
                },
                labels: [("of", name), ("asked", "{{ $value }}")]
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .into(),
                ..RuleConfig::default()
            }
        };
        let files = groups.iter().map(|(file, name, rules)| RuleFile {
            path: (*file).to_owned(),
            groups: RuleGroups {
                groups: vec![RuleGroupConfig {
                    name: (*name).to_owned(),
                    rules: rules.iter().map(|name| rule(name)).collect(),
                    ..RuleGroupConfig::default()
                }],
            },
        });
        let settings = RuleSettings {
            interval: PromDuration::from_secs(3600),
            ..RuleSettings::default()
        };
        let rules = self.rules.lock().unwrap().clone().unwrap();
        let prepared = rules.prepare(&files.collect::<Vec<_>>(), settings).unwrap();
        rules.follow(prepared).await;
    }

    /// One that answers from the usual samples.
    pub(crate) async fn ready() -> Self {
        install_tls();
        Self::over(Arc::new(store())).await
    }

    /// One without `--web.enable-admin-api`.
    pub(crate) async fn without_admin() -> Self {
        install_tls();
        let api = Self::with(options(true, false));
        api.serve(Arc::new(store())).await;
        api
    }

    /// One with pages under `/consoles`.
    pub(crate) async fn with_consoles(folder: &Path) -> Self {
        install_tls();
        let (mut options, requests) = options(true, true);
        options.consoles = ConsoleOptions {
            templates: folder.join("consoles"),
            libraries: folder.join("console_libraries"),
        };
        let api = Self::with((options, requests));
        api.serve(Arc::new(store())).await;
        api
    }

    /// One with the dashboards of a folder.
    pub(crate) async fn with_dashboards(folder: &Path) -> Self {
        install_tls();
        let (mut options, requests) = options(true, true);
        options.dashboards = Arc::new(Catalogue::new(&[], Some(folder.to_owned())));
        let api = Self::with((options, requests));
        api.serve(Arc::new(store())).await;
        api
    }

    /// Sends a request.
    pub(crate) async fn send(&self, request: Request<Body>) -> (u16, String) {
        let response = self.response(request).await;
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// Sends a request; the answer with its headers.
    pub(crate) async fn response(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// GET.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    /// GET below `/api/v1/`, as JSON.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let (_, body) = self.get(&format!("/api/v1/{path}")).await;
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// POST of a form below `/api/v1/`.
    pub(crate) async fn post(&self, path: &str, form: &str) -> (u16, String) {
        let request = Request::post(format!("/api/v1/{path}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        self.send(request).await
    }
}

/// Rules that nobody has written yet.
fn rules(notifier: &Arc<NotifierManager>) -> RuleManager {
    let store = Arc::new(MemoryStore::new());
    let engine = Arc::new(Engine::new(EngineOptions::default()));
    let options = RuleOptions {
        queryable: store.clone(),
        appendable: store,
        engine: Arc::new(move || Arc::clone(&engine)),
        notifier: notifier.clone(),
        clock: Arc::new(SimulatedClock::at(NOW_MS)),
        external_url: "http://localhost:9090".to_owned(),
        outage_tolerance: PromDuration::from_secs(3600),
        grace_period: PromDuration::from_secs(600),
        resend_delay: PromDuration::from_secs(60),
        concurrent_evaluations_max: 0,
        partial_response: None,
    };
    RuleManager::new(options, &mut Registry::default())
}
