//! What the handlers share: fixed options, what changes on reload, and the parts of the server
//! that are there once it is ready.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use narthex_alertmanager::Alertmanager;
use narthex_dashboard::Catalogue;
use narthex_frontend::Frontend;
use narthex_model::{Clock, Labels, PromDuration};
use narthex_notifier::NotifierManager;
use narthex_promql::{Engine, EngineOptions};
use narthex_push::Groups;
use narthex_remote::{OtlpReceiver, Reader, ReceivedMetadata, Receiver};
use narthex_rules::RuleManager;
use narthex_scrape::ScrapeManager;
use narthex_storage::{Queryable, ReplayProgress, StorageAdmin};
use prometheus_client::registry::Registry;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::active_queries::ActiveQueries;
use crate::consoles::{CONSOLES_MAX, ConsoleOptions};
use crate::features::FeatureList;
use crate::fleet::FleetServing;
use crate::metric_names::AskedMetrics;
use crate::metrics::Metrics;
use crate::notifications::{Notice, Notifications};
use crate::origin::OriginPattern;
use crate::plugin_admin::PluginAdmin;
use crate::plugins::FOLLOWERS_MAX;
use crate::saved_queries::SavedQueries;
use crate::status::BuildInfo;
use crate::targets::PrintJob;
use crate::write::WriteBounds;

/// What does not change while the server runs.
#[derive(Debug)]
pub struct ApiOptions {
    /// The time of queries that name none.
    pub clock: Arc<dyn Clock>,
    /// Makes engines; a reload may change what a subquery without a step takes.
    pub engine: EngineOptions,
    /// Every flag and its value, for `/api/v1/status/flags`.
    pub flags: BTreeMap<String, String>,
    /// For `/api/v1/status/buildinfo` and `/version`.
    pub build: BuildInfo,
    /// When the process started.
    pub start_time_ms: i64,
    /// `--web.external-url`.
    pub external_url: ExternalUrl,
    /// The first address that the server listens on.
    pub listen_address: SocketAddr,
    /// `--web.route-prefix`: "" or `/prefix`.
    pub route_prefix: String,
    /// `--web.ui-dir`: the files of the web application, in place of those of the binary.
    pub ui_dir: Option<PathBuf>,
    /// The dashboards that there are.
    pub dashboards: Arc<Catalogue>,
    /// `--web.cors.origin`.
    pub cors_origin: OriginPattern,
    /// Where the pages of `/consoles` lie.
    pub consoles: ConsoleOptions,
    /// What is switched on or off that the API does not know of, for `/api/v1/features`.
    pub features: FeatureList,
    /// `--web.max-notifications-subscribers`
    pub notification_subscribers_max: usize,
    /// `--agent`: there are no queries, rules and blocks.
    pub is_agent: bool,
    /// `--web.enable-lifecycle`.
    pub is_lifecycle_enabled: bool,
    /// `--web.enable-admin-api`.
    pub is_admin_enabled: bool,
    /// Prints what `/api/v1/scrape_pools/config` shows.
    pub print_job: PrintJob,
    /// How far the store has come that is being opened, for `/api/v1/status/walreplay`.
    pub replay: Arc<ReplayProgress>,
    /// Takes what the lifecycle endpoints ask for.
    pub lifecycle: mpsc::Sender<LifecycleRequest>,
}

/// Where users reach the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalUrl {
    /// `http` or `https`.
    pub scheme: String,
    /// The host, and the port where one is written.
    pub host: String,
    /// "" or `/path`, without a slash at the end.
    pub path: String,
}

/// What a client asks of the process.
#[derive(Debug)]
pub enum LifecycleRequest {
    /// Read the config again; the answer says why it was not taken.
    Reload(oneshot::Sender<Result<(), String>>),
    /// Stop.
    Quit,
}

/// So many requests to reload or quit may wait; more are answered with 503.
pub const LIFECYCLE_REQUESTS_MAX: usize = 16;

/// The config that the server runs with.
#[derive(Debug, Clone, Default)]
pub struct RunningConfig {
    /// As `/api/v1/status/config` prints it.
    pub yaml: String,
    /// `global.external_labels`.
    pub external_labels: Labels,
    /// `global.evaluation_interval`, the step of a subquery that names none.
    pub evaluation_interval: PromDuration,
    /// Whether the last attempt to load a config worked.
    pub is_last_load_successful: bool,
    /// When a config was last loaded.
    pub loaded_ms: i64,
    /// How long and how much is kept, as `/api/v1/status/runtimeinfo` shows it.
    pub retention: String,
}

/// What queries are answered from, once the store is open.
#[derive(Clone)]
pub struct Serving {
    /// The samples, here and where `remote_read` asks.
    pub storage: Arc<dyn Queryable>,
    /// The samples that are here, which alone are federated.
    pub local: Arc<dyn Queryable>,
    /// Whose samples are shown where none are kept; `None` for a server.
    pub fleet: Option<FleetServing>,
    /// The store as its operator sees it.
    pub admin: Arc<dyn StorageAdmin>,
    /// Takes what other servers push; `None` where that is not enabled.
    pub receiver: Option<Arc<Receiver>>,
    /// Takes what applications push as OTLP; `None` where that is not enabled.
    pub otlp: Option<Arc<OtlpReceiver>>,
    /// Answers other servers that read from here.
    pub reader: Arc<Reader>,
    /// What jobs push under `/push`; `None` where that is not enabled.
    pub push: Option<Arc<Groups>>,
    /// What was received of metrics that others scrape.
    pub metadata: Arc<ReceivedMetadata>,
    /// What tells receivers of alerts; `None` where no config of it is given.
    pub alertmanager: Option<Arc<Alertmanager>>,
    /// The targets.
    pub scrape: Arc<ScrapeManager>,
    /// The plugins.
    pub plugins: Arc<dyn PluginAdmin>,
    /// The rules and their alerts.
    pub rules: Arc<RuleManager>,
    /// The Alertmanagers that are told of alerts.
    pub notifier: Arc<NotifierManager>,
}

/// The state of the API; a clone is the same state.
#[derive(Clone)]
pub struct ApiState(Arc<Inner>);

struct Inner {
    options: ApiOptions,
    metrics: Metrics,
    engine: ArcSwap<Engine>,
    active_queries: ArcSwapOption<ActiveQueries>,
    saved_queries: ArcSwapOption<SavedQueries>,
    frontend: ArcSwapOption<Frontend>,
    config: ArcSwap<RunningConfig>,
    serving: ArcSwapOption<Serving>,
    registries: ArcSwap<Vec<Arc<Registry>>>,
    log_followers: Arc<Semaphore>,
    console_turns: Arc<Semaphore>,
    notifications: Notifications,
    write_bounds: WriteBounds,
    asked_metrics: AskedMetrics,
    is_leaving: AtomicBool,
    is_stopping: watch::Sender<bool>,
}

impl ApiState {
    /// A state that is not ready yet.
    pub fn new(options: ApiOptions) -> Self {
        let (metrics, mut registry) = Metrics::new(options.engine.max_concurrency);
        let notifications = Notifications::new(
            options.notification_subscribers_max,
            Arc::clone(&options.clock),
            &mut registry,
        );
        options.dashboards.register(&mut registry);
        notifications.tell(Notice::Starting);
        Self(Arc::new(Inner {
            engine: ArcSwap::from_pointee(Engine::new(options.engine.clone())),
            active_queries: ArcSwapOption::empty(),
            saved_queries: ArcSwapOption::empty(),
            frontend: ArcSwapOption::empty(),
            options,
            metrics,
            config: ArcSwap::default(),
            serving: ArcSwapOption::empty(),
            registries: ArcSwap::from_pointee(vec![Arc::new(registry)]),
            log_followers: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
            console_turns: Arc::new(Semaphore::new(CONSOLES_MAX)),
            notifications,
            write_bounds: WriteBounds::default(),
            asked_metrics: AskedMetrics::default(),
            is_leaving: AtomicBool::new(false),
            is_stopping: watch::Sender::new(false),
        }))
    }

    /// Lets `/metrics` show one more registry, behind the others.
    pub fn add_registry(&self, registry: Registry) {
        let registry = Arc::new(registry);
        self.0.registries.rcu(|registries| {
            let mut registries = Vec::clone(registries);
            registries.push(registry.clone());
            registries
        });
    }

    /// Writes down from here on which queries run.
    pub fn track_queries(&self, log: ActiveQueries) {
        self.0.active_queries.store(Some(Arc::new(log)));
        self.replace_engine(self.engine().options().clone());
    }

    /// Lets people keep queries here from here on.
    pub fn keep_queries(&self, saved: SavedQueries) {
        self.0.saved_queries.store(Some(Arc::new(saved)));
    }

    /// The queries that people keep; `None` where there is no place for them.
    pub(crate) fn saved_queries(&self) -> Option<Arc<SavedQueries>> {
        self.0.saved_queries.load_full()
    }

    /// Lets range queries be answered in parts from here on.
    pub fn split_ranges(&self, frontend: Arc<Frontend>) {
        self.0.frontend.store(Some(frontend));
    }

    /// What answers range queries in parts; `None` where the engine answers them as they are.
    pub(crate) fn frontend(&self) -> Option<Arc<Frontend>> {
        self.0.frontend.load_full()
    }

    fn replace_engine(&self, options: EngineOptions) {
        let mut engine = Engine::new(options);
        if let Some(log) = self.0.active_queries.load_full() {
            engine = engine.tracked_by(log);
        }
        self.0.engine.store(Arc::new(engine));
    }

    /// Says which config runs now. Queries under way end as they began.
    pub fn set_config(&self, config: RunningConfig) {
        let step = config.evaluation_interval;
        if self.0.engine.load().options().default_subquery_step != step {
            let mut options = self.0.options.engine.clone();
            options.default_subquery_step = step;
            self.replace_engine(options);
        }
        match config.is_last_load_successful {
            true => self.0.notifications.take_back(Notice::ReloadFailed),
            false => self.0.notifications.tell(Notice::ReloadFailed),
        }
        self.0.config.store(Arc::new(config));
    }

    /// The config that runs now.
    pub fn config(&self) -> Arc<RunningConfig> {
        self.0.config.load_full()
    }

    /// From here on the server is ready.
    pub fn start_serving(&self, serving: Serving) {
        self.0.serving.store(Some(Arc::new(serving)));
        self.metrics().ready.set(1);
        self.0.notifications.take_back(Notice::Starting);
    }

    /// From here on whoever looks is told that the server stops, and who balances load that it is not
    /// ready; what is asked is answered for as long as the server listens.
    pub fn begin_to_stop(&self) {
        self.0.is_leaving.store(true, Ordering::Relaxed);
        self.metrics().ready.set(0);
        self.0.notifications.tell(Notice::Stopping);
    }

    /// Whether the server is about to stop.
    pub(crate) fn is_leaving(&self) -> bool {
        self.0.is_leaving.load(Ordering::Relaxed)
    }

    /// From here on the server is not ready; requests under way keep what they have.
    pub fn stop_serving(&self) {
        self.0.serving.store(None);
        self.metrics().ready.set(0);
    }

    /// Ends the answers that go on for as long as the client wants: a server that stops need not
    /// wait for them.
    pub fn end_streams(&self) {
        self.0.is_stopping.send_replace(true);
    }

    /// Becomes `true` when the server stops.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.0.is_stopping.subscribe()
    }

    pub(crate) fn log_followers(&self) -> Arc<Semaphore> {
        self.0.log_followers.clone()
    }

    pub(crate) fn console_turns(&self) -> Arc<Semaphore> {
        self.0.console_turns.clone()
    }

    /// Notes which metrics a query asks for.
    pub(crate) fn note_query(&self, query: &str) {
        self.0
            .asked_metrics
            .note(query, &self.0.options.engine.parse);
    }

    pub(crate) fn asked_metrics(&self) -> &AskedMetrics {
        &self.0.asked_metrics
    }

    pub(crate) fn notifications(&self) -> &Notifications {
        &self.0.notifications
    }

    pub(crate) fn write_bounds(&self) -> &WriteBounds {
        &self.0.write_bounds
    }

    /// What answers; `None` until the store is open, and after it is closed.
    pub fn serving(&self) -> Option<Arc<Serving>> {
        self.0.serving.load_full()
    }

    /// The engine that answers queries now.
    pub fn engine(&self) -> Arc<Engine> {
        self.0.engine.load_full()
    }

    pub(crate) fn options(&self) -> &ApiOptions {
        &self.0.options
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn registries(&self) -> Arc<Vec<Arc<Registry>>> {
        self.0.registries.load_full()
    }
}

impl std::fmt::Debug for ApiState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiState")
            .field("is_ready", &self.serving().is_some())
            .finish_non_exhaustive()
    }
}
