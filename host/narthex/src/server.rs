//! The parts of the server, put together in the order in which they depend on each other, and
//! taken apart in the other one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use narthex_access::AccessMetrics;
use narthex_alertmanager::Alertmanager;
use narthex_api::{
    ActiveQueries, ApiOptions, ApiState, LIFECYCLE_REQUESTS_MAX, LifecycleRequest, ServerOptions,
    Serving,
};
use narthex_discovery::{BuildDiscoverer, RefreshMetrics};
use narthex_disk::SystemDisk;
use narthex_model::{Clock, SystemClock};
use narthex_notifier::NotifierManager;
use narthex_operator::Translation;
use narthex_plugin::{CompilerProgram, PluginOptions, PluginRuntime};
use narthex_promql::EngineOptions;
use narthex_push::Groups;
use narthex_remote::{
    OtlpOptions, OtlpReceiver, ReadOptions, Reader, ReceivedMetadata, Receiver, ReceiverOptions,
    WriteManager,
};
use narthex_rules::RuleManager;
use narthex_scrape::ScrapeManager;
use narthex_tsdb::ReplayProgress;
use narthex_web::Entrance;
use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, watch};

use crate::alertmanager::AlertmanagerFollower;
use crate::config::{Config, ConfigDefaults, ConfigSource, print_job};
use crate::config_follower::ConfigFollower;
use crate::flags::CommandLine;
use crate::grpc::GrpcAddress;
use crate::kubernetes::Clusters;
use crate::maintenance::Maintenance;
use crate::metrics_apis::MetricsApisServer;
use crate::monitors::Monitors;
use crate::object_store::ObjectStore;
use crate::process::ProcessCollector;
use crate::registry_follower::RegistryFollower;
use crate::reload::{Followers, Metrics, Reloader};
use crate::signals::{Signals, Wish};
use crate::store::Store;
use crate::web::Web;
use crate::web_config::{self, AccessSetting, WebConfigCollector};
use crate::{
    build_info, dashboards, discovery, external_url, fleet, listen, object_store, plugins,
    remote_read, remote_write, rules, saved_queries,
};

/// The folder below the store's where compiled plugins are kept.
const PLUGIN_CACHE: &str = "plugin-cache";

/// The folder below the store's where the state of plugins is kept.
const PLUGIN_STATE: &str = "plugin-state";

/// The folder below the store's where what jobs push is kept.
const PUSH: &str = "push";

/// The file below the store's folder that says which queries run.
const ACTIVE_QUERIES: &str = "queries.active";

/// When the server stops, notifications that are being sent have this time.
const NOTIFY_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves until it is asked to stop.
///
/// # Errors
/// A part cannot start, or the store cannot be closed.
pub(crate) async fn run(mut line: CommandLine) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    for note in &line.notes {
        tracing::warn!("{note}");
    }
    // Addresses first: two servers on one machine must not both touch the store.
    let listeners = listen::bind(&line.flags.listen_addresses).await?;
    let address = listen::first_address(&listeners)?;
    let access = AccessMetrics::default();
    let grpc = GrpcAddress::bind(&line, &access).await?;
    let mut registry = Registry::default();
    let clusters = Arc::new(Clusters::new(&mut registry));
    let clock = Arc::new(SystemClock);
    let follower = ConfigFollower::start(&mut line, &clusters, clock, &mut registry);
    let mut follower = follower.await?;
    let setup = Setup::new(line, address, clusters, access)?;
    let config = follower.first(|| setup.load())?;
    let (lifecycle, mut requests) = mpsc::channel(LIFECYCLE_REQUESTS_MAX);
    let state = setup.api_state(lifecycle, &config);
    state.add_registry(registry);
    let entrance = Arc::clone(&setup.entrance);
    let app = narthex_api::router(state.clone());
    let web = Web::start(listeners, app, setup.server_options(), entrance);

    // The API answers "not ready" from here on, until the store is open.
    let started = tokio::select! {
        started = setup.start(&state, config) => started?,
        () = signals.stop() => {
            tracing::info!("stopped before the server was ready");
            return Ok(());
        }
    };
    let Parts {
        store,
        scrape,
        rules,
        notifier,
        remote_write,
        maintenance,
        object_store,
        alertmanager,
        mut reloader,
        mut found,
    } = started;
    follower.started(&reloader);
    let grpc = grpc.map(|grpc| grpc.serve(&store, &state));
    tracing::info!(%address, "the server is ready to receive web requests");

    loop {
        let answer = tokio::select! {
            wish = signals.next() => match wish {
                Wish::Reload => None,
                Wish::Stop => break,
            },
            request = requests.recv() => match request {
                Some(LifecycleRequest::Reload(answer)) => Some(answer),
                Some(LifecycleRequest::Quit) | None => break,
            },
            Ok(()) = found.changed() => {
                reloader.take_found().await;
                continue;
            }
            news = follower.changed() => {
                follower.take(news, &mut reloader).await;
                continue;
            }
        };
        let reloaded = follower.reload(&mut reloader).await;
        if let Some(answer) = answer {
            // Who asked may have left.
            let _ = answer.send(reloaded);
        }
    }

    tracing::info!("stopping");
    state.begin_to_stop();
    scrape.stop().await;
    rules.stop().await;
    notifier.stop().await;
    remote_write.stop().await;
    state.end_streams();
    web.stop().await;
    if let Some(grpc) = grpc {
        grpc.stop().await;
    }
    state.stop_serving();
    if let Some(alertmanager) = alertmanager {
        alertmanager.stop(NOTIFY_TIMEOUT).await;
    }
    maintenance.stop().await;
    if let Some(object_store) = object_store {
        object_store.stop().await;
    }
    store.close().await.context("the store cannot be closed")?;
    tracing::info!("stopped");
    Ok(())
}

/// What the command line says, worked out.
struct Setup {
    line: CommandLine,
    source: ConfigSource,
    address: SocketAddr,
    external_url: narthex_api::ExternalUrl,
    route_prefix: String,
    entrance: Arc<Entrance>,
    access: AccessSetting,
    clock: Arc<dyn Clock>,
    clusters: Arc<Clusters>,
    /// How far the store has come that is being opened.
    replay: Arc<ReplayProgress>,
}

/// What runs behind the API.
struct Parts {
    store: Store,
    scrape: Arc<ScrapeManager>,
    rules: Arc<RuleManager>,
    notifier: Arc<NotifierManager>,
    remote_write: Arc<WriteManager>,
    maintenance: Maintenance,
    object_store: Option<ObjectStore>,
    alertmanager: Option<Arc<Alertmanager>>,
    reloader: Reloader,
    /// Says when something new was found in a cluster.
    found: watch::Receiver<Arc<Translation>>,
}

impl Setup {
    fn new(
        line: CommandLine,
        address: SocketAddr,
        clusters: Arc<Clusters>,
        metrics: AccessMetrics,
    ) -> anyhow::Result<Self> {
        let own_host = listen::own_host(address);
        let external_url = external_url::resolve(&line.flags.external_url, &own_host)?;
        let route_prefix = match &line.flags.route_prefix {
            Some(path) => external_url::prefix(path),
            None => external_url.path.clone(),
        };
        let source = match &line.flags.config_file {
            Some(path) => ConfigSource::File(path.clone()),
            None if line.flags.has_no_config() => ConfigSource::Empty,
            None => ConfigSource::Default {
                address,
                route_prefix: route_prefix.clone(),
            },
        };
        let access = AccessSetting {
            prefix: route_prefix.clone(),
            clock: Arc::new(SystemClock),
            metrics,
        };
        let entrance =
            web_config::load(line.flags.web_config_file.as_deref(), Some(access.clone()));
        let entrance = entrance.context("--web.config.file")?;
        Ok(Self {
            line,
            source,
            address,
            entrance: Arc::new(entrance),
            access,
            external_url,
            route_prefix,
            clock: Arc::new(SystemClock),
            clusters,
            replay: Arc::default(),
        })
    }

    /// Reads the config that the server starts with, and the files of rules that it names.
    fn load(&self) -> anyhow::Result<Config> {
        let config = self.source.load(self.config_defaults())?;
        let checked = rules::files(&config, &self.line.features.parse);
        checked.map_err(|error| anyhow!(error))?;
        Ok(config)
    }

    fn config_defaults(&self) -> ConfigDefaults {
        ConfigDefaults {
            // Only protobuf says when the counting of every series began.
            asks_for_protobuf: self.line.features.scrape.start_zeros,
            is_agent: self.line.flags.is_agent,
            share: self.line.flags.scrape.share,
        }
    }

    fn server_options(&self) -> ServerOptions {
        ServerOptions {
            read_timeout: self.line.flags.read_timeout.as_std(),
            connections_max: self.line.flags.connections_max,
        }
    }

    fn engine_options(&self, config: &Config) -> EngineOptions {
        let flags = &self.line.flags;
        EngineOptions {
            lookback_delta: flags.lookback_delta,
            timeout: flags.query_timeout,
            max_samples: flags.samples_max,
            max_bytes: usize::try_from(flags.query_bytes_max.as_bytes()).unwrap_or(usize::MAX),
            max_concurrency: flags.queries_max,
            parse: self.line.features.parse,
            default_subquery_step: config.evaluation_interval(),
            delayed_name_removal: self.line.features.delayed_name_removal,
            per_step_stats: self.line.features.per_step_stats,
            type_and_unit_labels: self.line.features.type_and_unit_labels,
            use_start_timestamps: self.line.features.use_start_timestamps,
            ..EngineOptions::default()
        }
    }

    fn api_state(&self, lifecycle: mpsc::Sender<LifecycleRequest>, config: &Config) -> ApiState {
        ApiState::new(ApiOptions {
            clock: self.clock.clone(),
            engine: self.engine_options(config),
            flags: self.line.values.clone(),
            build: build_info::build_info(),
            start_time_ms: self.clock.now_ms(),
            external_url: self.external_url.clone(),
            listen_address: self.address,
            route_prefix: self.route_prefix.clone(),
            ui_dir: self.line.flags.pages.ui_dir.clone(),
            dashboards: dashboards::catalogue(self.line.flags.pages.dashboards_dir.clone()),
            cors_origin: self.line.cors_origin.clone(),
            consoles: self.line.flags.pages.consoles(),
            features: self.line.features.list(),
            notification_subscribers_max: self.line.flags.notification_subscribers_max,
            is_agent: self.line.flags.is_agent,
            is_lifecycle_enabled: self.line.flags.is_lifecycle_enabled,
            is_admin_enabled: self.line.flags.is_admin_enabled,
            print_job,
            replay: Arc::clone(&self.replay),
            lifecycle,
        })
    }

    /// Starts what is behind the API: the store, the plugins, the scrapes.
    async fn start(&self, state: &ApiState, config: Config) -> anyhow::Result<Parts> {
        let mut registry = Registry::default();
        build_info::register(&mut registry);
        registry.register_collector(Box::new(ProcessCollector));
        let entrance = Arc::clone(&self.entrance);
        registry.register_collector(Box::new(WebConfigCollector::web(entrance)));
        self.access.metrics.register(&mut registry);
        narthex_http::CredentialMetrics::of_process().register(&mut registry);
        let metrics = Metrics::register(&mut registry);
        state.add_registry(registry);

        let store = self.open_store(state, &config).await?;
        let object_store = self.open_object_store(state, &store, &config).await?;
        if !self.line.flags.is_agent {
            self.track_queries(state)?;
            crate::query_range::start(&self.line.flags, self.clock.clone(), state)?;
            saved_queries::open(state, self.line.flags.data_path(), self.clock.clone())?;
        }
        let mut registry = Registry::default();
        let refreshes = RefreshMetrics::register(&mut registry);
        let clusters = Arc::clone(&self.clusters);
        let (clock, is_agent) = (self.clock.clone(), self.line.flags.is_agent);
        let monitors = Monitors::new(clusters.clone(), clock, is_agent, &mut registry);
        let found = monitors.news();
        let (flags, options) = (&self.line.flags, self.server_options());
        let shared = (Arc::clone(&clusters), self.access.metrics.clone());
        let metrics_apis = MetricsApisServer::start(flags, options, state, shared).await?;
        let options = PluginOptions {
            refreshes: refreshes.clone(),
            watches: Some(clusters.own()),
            ..self.plugin_options(&config)
        };
        let runtime = PluginRuntime::start(options, &mut registry).await;
        let runtime = runtime.context("plugins cannot be started")?;
        let collectors = plugins::build_collector(runtime.clone(), clusters.clone());
        let discoverers = discovery::build_discoverer(runtime.clone(), refreshes, clusters);
        let discoverers: Arc<BuildDiscoverer> = discoverers.into();
        let of_jobs = Arc::clone(&discoverers);
        let scrape = Arc::new(ScrapeManager::with_options(
            self.line.features.scrape,
            store.appendable(),
            self.clock.clone(),
            collectors,
            Box::new(move |name, entry| of_jobs(name, entry)),
            &mut registry,
        ));
        let notifier = Arc::new(NotifierManager::new(
            self.line.flags.notifier_options(),
            Box::new(move |name, entry| discoverers(name, entry)),
            scrape.discovery_metrics().named("notify"),
            &mut registry,
        ));
        let fleet = fleet::start(&self.line.flags, self.clock.clone(), &mut registry)?;
        let local = fleet::local(fleet.as_ref(), &store);
        let start_ms = remote_read::local_start(&store, &self.line.flags, self.clock.clone());
        let fanout = remote_read::fanout(local.clone(), start_ms, &self.line.flags, &mut registry);
        let rules = Arc::new(rules::manager(
            &self.line,
            state,
            fleet::for_rules(fleet.as_ref(), &fanout),
            store.appendable(),
            &notifier,
            (self.clock.clone(), &self.external_url),
            &mut registry,
        ));
        let registry_follower = RegistryFollower::new(&mut registry);
        let plugin_admin = plugins::Admin::new(runtime.clone(), &mut registry);
        let metadata = Arc::new(ReceivedMetadata::new(&mut registry));
        let receiver = self.receiver(&store, &metadata, &mut registry);
        let otlp = self.otlp_receiver(&store, &metadata, &mut registry);
        let reader = Arc::new(self.reader(&mut registry));
        state.add_registry(registry);
        let mut registry = Registry::default();
        let flags = &self.line.flags;
        let remote_write = remote_write::manager(
            &store,
            &scrape,
            self.clock.clone(),
            flags.data_path(),
            flags.flush_deadline,
            &mut registry,
        )?;
        state.add_registry(registry);
        let mut registry = Registry::default();
        let follower = self.alertmanager(&runtime, &mut registry).await?;
        state.add_registry(registry);
        let alertmanager = follower.as_ref().map(AlertmanagerFollower::manager);
        if let Some(follower) = &follower {
            notifier.also_tell(follower.notifier());
        }
        let followers = Followers {
            alertmanager: follower,
            state: state.clone(),
            remote_write: remote_write.clone(),
            remote_read: fanout.clone(),
            otlp: otlp.clone(),
            plugins: runtime,
            scrape: scrape.clone(),
            store: store.clone(),
            line: self.line.clone(),
            rules: rules.clone(),
            notifier: notifier.clone(),
            registry: registry_follower,
            monitors,
            metrics_apis,
        };
        let reloader = Reloader::start(
            (self.source.clone(), self.config_defaults()),
            config,
            followers,
            self.clock.clone(),
            metrics,
        );
        let reloader = reloader.await.map_err(|error| anyhow!(error))?;
        state.start_serving(Serving {
            fleet: fleet.map(|fleet| fleet::serving(fleet, fanout.clone())),
            storage: fanout,
            local,
            admin: store.admin(),
            receiver,
            otlp,
            reader,
            push: self.groups()?,
            metadata,
            alertmanager: alertmanager.clone(),
            scrape: scrape.clone(),
            plugins: Arc::new(plugin_admin),
            rules: rules.clone(),
            notifier: notifier.clone(),
        });
        Ok(Parts {
            maintenance: Maintenance::start(
                store.clone(),
                self.line.flags.min_block_duration.as_std(),
            ),
            store,
            object_store,
            alertmanager,
            scrape,
            rules,
            notifier,
            remote_write,
            reloader,
            found,
        })
    }

    /// What takes what other servers push, where a flag asks for it.
    fn receiver(
        &self,
        store: &Store,
        metadata: &Arc<ReceivedMetadata>,
        registry: &mut Registry,
    ) -> Option<Arc<Receiver>> {
        let flags = &self.line.flags;
        let options = ReceiverOptions {
            store: store.appendable(),
            clock: self.clock.clone(),
            accepted: flags.accepted_messages.clone(),
            metadata: metadata.clone(),
        };
        let is_enabled = flags.is_receiver_enabled;
        is_enabled.then(|| Arc::new(Receiver::new(options, registry)))
    }

    /// What takes what applications push, where a flag asks for it.
    fn otlp_receiver(
        &self,
        store: &Store,
        metadata: &Arc<ReceivedMetadata>,
        registry: &mut Registry,
    ) -> Option<Arc<OtlpReceiver>> {
        let (flags, features) = (&self.line.flags, &self.line.features);
        let options = OtlpOptions {
            store: store.appendable(),
            clock: self.clock.clone(),
            metadata: metadata.clone(),
            delta: features.otlp_delta,
            type_and_unit_labels: features.type_and_unit_labels,
            lookback_delta: flags.lookback_delta,
        };
        let is_enabled = flags.is_otlp_enabled;
        is_enabled.then(|| Arc::new(OtlpReceiver::new(options, registry)))
    }

    /// What answers other servers that read from here.
    fn reader(&self, registry: &mut Registry) -> Reader {
        let flags = &self.line.flags;
        let options = ReadOptions {
            samples_max: flags.read_samples_max,
            requests_max: flags.reads_max,
            frame_bytes_max: flags.read_frame_bytes_max,
        };
        Reader::new(options, registry)
    }

    /// What tells receivers of alerts, where a flag asks for it.
    async fn alertmanager(
        &self,
        plugins: &Arc<PluginRuntime>,
        registry: &mut Registry,
    ) -> anyhow::Result<Option<AlertmanagerFollower>> {
        let (flags, url) = (&self.line.flags, &self.external_url);
        let url = format!("{}://{}{}", url.scheme, url.host, url.path);
        AlertmanagerFollower::start(
            &flags.alertmanager,
            self.line.features.matchers,
            flags.data_path(),
            (self.clock.clone(), url),
            Arc::clone(plugins),
            registry,
        )
        .await
    }

    /// What jobs push, where a flag asks for it.
    fn groups(&self) -> anyhow::Result<Option<Arc<Groups>>> {
        if !self.line.flags.is_push_enabled {
            return Ok(None);
        }
        let folder = self.line.flags.data_path().join(PUSH);
        let disk = Arc::new(SystemDisk::new(&folder));
        let groups = Groups::open(disk, self.clock.clone());
        let groups = groups.with_context(|| format!("{} cannot be read", folder.display()))?;
        Ok(Some(Arc::new(groups)))
    }

    /// Says which queries did not finish in the last run, and writes down those of this one.
    fn track_queries(&self, state: &ApiState) -> anyhow::Result<()> {
        let flags = &self.line.flags;
        let path = flags.data_path().join(ACTIVE_QUERIES);
        let (log, unfinished) = ActiveQueries::open(&path, flags.queries_max, self.clock.clone())
            .with_context(|| format!("{} cannot be made", path.display()))?;
        if let Some(queries) = unfinished {
            tracing::info!(%queries, "these queries did not finish in the last run");
        }
        state.track_queries(log);
        Ok(())
    }

    async fn open_store(&self, state: &ApiState, config: &Config) -> anyhow::Result<Store> {
        let (replay, clock) = (Arc::clone(&self.replay), self.clock.clone());
        let opened = Store::open(&self.line, &config.storage, replay, clock).await;
        let (store, registry) = opened?;
        state.add_registry(registry);
        store.ready().await;
        Ok(store)
    }

    /// Lets blocks go to a bucket, where one is configured, and answer from there.
    async fn open_object_store(
        &self,
        state: &ApiState,
        store: &Store,
        config: &Config,
    ) -> anyhow::Result<Option<ObjectStore>> {
        let flags = &self.line.flags;
        let (Some(file), Some(tsdb)) = (&flags.object_store_config, store.server()) else {
            return Ok(None);
        };
        let mut registry = Registry::default();
        let clock = self.clock.clone();
        let folder = flags.data_path();
        let labels = object_store::external_labels(state, config);
        let started = ObjectStore::start(file, folder, tsdb, labels, clock, &mut registry).await?;
        state.add_registry(registry);
        Ok(Some(started))
    }

    fn plugin_options(&self, config: &Config) -> PluginOptions {
        PluginOptions {
            config: config.plugins.clone(),
            embedded: plugins::embedded(),
            cache: Some(self.line.flags.data_path().join(PLUGIN_CACHE)),
            compiler: Some(CompilerProgram::running()),
            state: Some(self.line.flags.data_path().join(PLUGIN_STATE)),
            clock: self.clock.clone(),
            ..PluginOptions::default()
        }
    }
}
