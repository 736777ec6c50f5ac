//! The command line: Prometheus' flags by their names, in kingpin's forms.
//!
//! It is not: the config file, which is read by [`crate::config`].

mod bucket_store;
mod command;
mod config_follow;
mod grpc;
mod log;
mod mode;
mod opposites;
mod pages;
mod querier;
mod query_range;
mod scrape;
mod tool;
mod without_effect;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, CommandFactory, FromArgMatches, Parser};
use narthex_api::OriginPattern;
use narthex_model::{ByteSize, PromDuration};
use narthex_notifier::{BATCH_SIZE_DEFAULT, NotifierOptions, QUEUE_CAPACITY_DEFAULT};
use narthex_remote::MessageKind;
use narthex_tsdb::{Retention, StorageConfig};

use self::pages::PageFlags;
use self::query_range::QueryRangeFlags;
use self::scrape::ScrapeFlags;
use self::without_effect::WITHOUT_EFFECT;
use crate::alertmanager::AlertmanagerFlags;
use crate::build_info::{PROMETHEUS_VERSION, VERSION};
use crate::features::Features;
use crate::metrics_apis::MetricsApisFlags;
use crate::{bucket_source, external_url};

pub(crate) use bucket_store::BucketStoreFlags;
pub(crate) use command::{Command, TestCommand};
pub(crate) use config_follow::{ConfigFollowFlags, ConfigMapName};
pub(crate) use grpc::GrpcFlags;
pub(crate) use log::{LogFormat, LogLevel};
pub(crate) use querier::QuerierFlags;
pub(crate) use scrape::TargetShare;
pub(crate) use tool::is_called as is_tool;

/// A monitoring server that stands in for Prometheus.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "narthex",
    args_conflicts_with_subcommands = true,
    after_help = "Two commands are servers that take these flags: `narthex query serve` shows many \
                  hosts as one, and `narthex store` answers from the blocks of a bucket. Called \
                  promtool or amtool, or with that as its first word, it takes their commands and flags"
)]
pub(crate) struct Flags {
    /// What to do instead of serving.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Configuration file path. Without it, a config that is part of the binary is used, which
    /// scrapes this server and the machine it runs on.
    // An id of its own: flags of other parts, which are flattened into these, may have a field of
    // the same name.
    #[arg(id = "config.file", long = "config.file", value_name = "FILE")]
    pub(crate) config_file: Option<PathBuf>,

    /// Where changes of it are looked for.
    #[command(flatten)]
    pub(crate) config_follow: ConfigFollowFlags,

    /// Base path for metrics storage.
    #[arg(
        id = "storage.tsdb.path",
        long = "storage.tsdb.path",
        value_name = "DIR",
        default_value = "data/"
    )]
    pub(crate) storage_path: PathBuf,

    /// Minimum duration of a data block before being persisted.
    #[arg(
        long = "storage.tsdb.min-block-duration",
        default_value = "2h",
        hide = true
    )]
    pub(crate) min_block_duration: PromDuration,

    /// How much of what was read of blocks is kept in memory for the queries to come. Prometheus
    /// has no such flag.
    #[arg(long = "storage.tsdb.page-cache-size", default_value = "128MB")]
    pub(crate) page_cache_size: ByteSize,

    /// Maximum duration compacted blocks may span.
    #[arg(long = "storage.tsdb.max-block-duration", hide = true)]
    pub(crate) max_block_duration: Option<PromDuration>,

    /// How long to retain samples in storage. When neither this flag nor
    /// storage.tsdb.retention.size is set, 15d. Units Supported: y, w, d, h, m, s, ms.
    #[arg(long = "storage.tsdb.retention.time", value_name = "DURATION")]
    pub(crate) retention_time: Option<PromDuration>,

    /// Maximum number of bytes that can be stored for blocks, the log included. A unit is
    /// required, supported units: B, KB, MB, GB, TB, PB, EB. Ex: "512MB".
    #[arg(long = "storage.tsdb.retention.size", value_name = "SIZE")]
    pub(crate) retention_size: Option<ByteSize>,

    /// Run in agent mode: what is scraped is sent on by remote write, and there are no queries,
    /// rules and blocks.
    #[arg(long = "agent", overrides_with = "no_agent")]
    pub(crate) is_agent: bool,

    #[arg(long = "no-agent", hide = true, overrides_with = "is_agent")]
    no_agent: bool,

    /// Base path for metrics storage. Use with agent mode only.
    #[arg(
        long = "storage.agent.path",
        value_name = "DIR",
        default_value = "data-agent/"
    )]
    agent_path: PathBuf,

    /// Minimum age samples may be before being considered for deletion when the WAL is truncated.
    /// Use with agent mode only.
    #[arg(
        long = "storage.agent.retention.min-time",
        value_name = "DURATION",
        default_value = "5m"
    )]
    pub(crate) min_wal_time: PromDuration,

    /// Maximum age samples may be before being forcibly deleted when the WAL is truncated. Use
    /// with agent mode only.
    #[arg(
        long = "storage.agent.retention.max-time",
        value_name = "DURATION",
        default_value = "4h"
    )]
    pub(crate) max_wal_time: PromDuration,

    /// How long to wait flushing sample on shutdown or config reload.
    #[arg(
        long = "storage.remote.flush-deadline",
        value_name = "DURATION",
        default_value = "1m"
    )]
    pub(crate) flush_deadline: PromDuration,

    /// Maximum overall number of samples to return via the remote read interface, in a single
    /// query. 0 means no limit.
    #[arg(
        long = "storage.remote.read-sample-limit",
        default_value_t = 50_000_000
    )]
    pub(crate) read_samples_max: usize,

    /// Maximum number of concurrent remote read calls. 0 means no limit.
    #[arg(long = "storage.remote.read-concurrent-limit", default_value_t = 10)]
    pub(crate) reads_max: usize,

    /// Maximum number of bytes in a single frame for streaming remote read response types before
    /// marshalling.
    #[arg(
        long = "storage.remote.read-max-bytes-in-frame",
        default_value_t = 1_048_576
    )]
    pub(crate) read_frame_bytes_max: usize,

    /// File that says where blocks are kept beside the disk: in S3, Google Cloud Storage, Azure or a
    /// folder. Its content has the form of Thanos' object store configuration. Prometheus has no
    /// such flag.
    #[arg(long = "storage.object-store.config", value_name = "FILE")]
    pub(crate) object_store_config: Option<PathBuf>,

    /// Path to configuration file that can enable TLS or authentication.
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub(crate) web_config_file: Option<PathBuf>,

    /// Address to listen on. Can be repeated.
    #[arg(
        long = "web.listen-address",
        alias = "http-address",
        value_name = "ADDRESS",
        default_value = "0.0.0.0:9090"
    )]
    pub(crate) listen_addresses: Vec<String>,

    /// The URL under which the server is externally reachable.
    #[arg(long = "web.external-url", value_name = "URL", default_value = "")]
    pub(crate) external_url: String,

    /// Prefix for the internal routes of web endpoints. Defaults to the path of
    /// --web.external-url.
    #[arg(long = "web.route-prefix", value_name = "PATH")]
    pub(crate) route_prefix: Option<String>,

    /// Enable reload and quit via HTTP request.
    #[arg(long = "web.enable-lifecycle", overrides_with = "no_lifecycle")]
    pub(crate) is_lifecycle_enabled: bool,

    #[arg(
        long = "no-web.enable-lifecycle",
        hide = true,
        overrides_with = "is_lifecycle_enabled"
    )]
    no_lifecycle: bool,

    /// Enable API endpoints for admin control actions.
    #[arg(long = "web.enable-admin-api", overrides_with = "no_admin")]
    pub(crate) is_admin_enabled: bool,

    #[arg(
        long = "no-web.enable-admin-api",
        hide = true,
        overrides_with = "is_admin_enabled"
    )]
    no_admin: bool,

    /// Enable API endpoint accepting remote write requests.
    #[arg(
        long = "web.enable-remote-write-receiver",
        overrides_with = "no_receiver"
    )]
    pub(crate) is_receiver_enabled: bool,

    #[arg(
        long = "no-web.enable-remote-write-receiver",
        hide = true,
        overrides_with = "is_receiver_enabled"
    )]
    no_receiver: bool,

    /// Enable API endpoint accepting OTLP write requests.
    #[arg(long = "web.enable-otlp-receiver", overrides_with = "no_otlp")]
    pub(crate) is_otlp_enabled: bool,

    #[arg(
        long = "no-web.enable-otlp-receiver",
        hide = true,
        overrides_with = "is_otlp_enabled"
    )]
    no_otlp: bool,

    /// Enable the Pushgateway's interface under /push. Prometheus has no such flag.
    #[arg(long = "web.enable-push", overrides_with = "no_push")]
    pub(crate) is_push_enabled: bool,

    #[arg(
        long = "no-web.enable-push",
        hide = true,
        overrides_with = "is_push_enabled"
    )]
    no_push: bool,

    /// List of the remote write protobuf messages to accept when receiving the remote writes. Can
    /// be repeated. Supported: prometheus.WriteRequest, io.prometheus.write.v2.Request.
    #[arg(
        long = "web.remote-write-receiver.accepted-protobuf-messages",
        value_name = "MESSAGE",
        default_value = "prometheus.WriteRequest"
    )]
    pub(crate) accepted_messages: Vec<MessageKind>,

    #[command(flatten)]
    pub(crate) scrape: ScrapeFlags,

    /// The pages.
    #[command(flatten)]
    pub(crate) pages: PageFlags,

    /// Whose samples are shown where none are kept.
    #[command(flatten)]
    pub(crate) querier: QuerierFlags,

    /// Whose blocks are shown where there are no others.
    #[command(flatten)]
    pub(crate) bucket_store: BucketStoreFlags,

    /// How range queries are answered.
    #[command(flatten)]
    pub(crate) query_range: QueryRangeFlags,

    /// Maximum duration before timing out read of the request, and closing idle connections.
    #[arg(long = "web.read-timeout", default_value = "5m")]
    pub(crate) read_timeout: PromDuration,

    /// Maximum number of simultaneous connections across all listeners.
    #[arg(long = "web.max-connections", default_value_t = 512)]
    pub(crate) connections_max: usize,

    /// Regex for CORS origin. It is fully anchored. Example: 'https?://(domain1|domain2)\.com'
    #[arg(long = "web.cors.origin", value_name = "REGEX", default_value = ".*")]
    cors_origin: String,

    /// Limits the maximum number of subscribers that can concurrently receive live notifications.
    #[arg(long = "web.max-notifications-subscribers", default_value_t = 16)]
    pub(crate) notification_subscribers_max: usize,

    /// Max time to tolerate prometheus outage for restoring "for" state of alert.
    #[arg(
        long = "rules.alert.for-outage-tolerance",
        value_name = "DURATION",
        default_value = "1h"
    )]
    pub(crate) outage_tolerance: PromDuration,

    /// Minimum duration between alert and restored "for" state. This is maintained only for alerts
    /// with configured "for" time greater than grace period.
    #[arg(
        long = "rules.alert.for-grace-period",
        value_name = "DURATION",
        default_value = "10m"
    )]
    pub(crate) grace_period: PromDuration,

    /// Minimum amount of time to wait before resending an alert to Alertmanager.
    #[arg(
        long = "rules.alert.resend-delay",
        value_name = "DURATION",
        default_value = "1m"
    )]
    pub(crate) resend_delay: PromDuration,

    /// Global concurrency limit for independent rules that can run concurrently. Needs the feature
    /// concurrent-rule-eval.
    #[arg(long = "rules.max-concurrent-evals", default_value_t = 4)]
    pub(crate) concurrent_evaluations_max: usize,

    /// The capacity of the queue for pending Alertmanager notifications. Each Alertmanager has one.
    #[arg(
        long = "alertmanager.notification-queue-capacity",
        default_value_t = QUEUE_CAPACITY_DEFAULT
    )]
    pub(crate) notification_queue_capacity: usize,

    /// The maximum number of notifications per batch to send to the Alertmanager.
    #[arg(
        long = "alertmanager.notification-batch-size",
        default_value_t = BATCH_SIZE_DEFAULT
    )]
    pub(crate) notification_batch_size: usize,

    /// Send any outstanding Alertmanager notifications when shutting down. If false, any
    /// outstanding Alertmanager notifications will be dropped when shutting down.
    #[arg(
        long = "alertmanager.drain-notification-queue-on-shutdown",
        overrides_with = "no_drain",
        default_value_t = true
    )]
    drain: bool,

    #[arg(
        long = "no-alertmanager.drain-notification-queue-on-shutdown",
        hide = true,
        overrides_with = "drain"
    )]
    no_drain: bool,

    /// The maximum lookback duration for retrieving metrics during expression evaluations and
    /// federation.
    #[arg(long = "query.lookback-delta", default_value = "5m")]
    pub(crate) lookback_delta: PromDuration,

    /// Maximum time a query may take before being aborted.
    #[arg(long = "query.timeout", default_value = "2m")]
    pub(crate) query_timeout: PromDuration,

    /// Maximum number of queries executed concurrently.
    #[arg(long = "query.max-concurrency", default_value_t = 20)]
    pub(crate) queries_max: usize,

    /// Maximum number of samples a single query can load into memory.
    #[arg(long = "query.max-samples", default_value_t = 50_000_000)]
    pub(crate) samples_max: usize,

    /// Maximum size of what a single query can hold in memory: samples that it reads, columns,
    /// labels, its answer. Prometheus has no such flag.
    #[arg(long = "query.max-bytes", default_value = "2GB")]
    pub(crate) query_bytes_max: ByteSize,

    /// Comma separated feature names to enable. Can be repeated. Known: auto-reload-config,
    /// concurrent-rule-eval, exemplar-storage,
    /// promql-binop-fill-modifiers, promql-delayed-name-removal, promql-duration-expr,
    /// promql-experimental-functions, promql-extended-range-selectors, promql-per-step-stats,
    /// type-and-unit-labels, use-start-timestamps.
    #[arg(long = "enable-feature", value_name = "FEATURE", value_delimiter = ',')]
    pub(crate) features: Vec<String>,

    /// The Alertmanager inside.
    #[command(flatten)]
    pub(crate) alertmanager: AlertmanagerFlags,

    /// The StoreAPI.
    #[command(flatten)]
    pub(crate) grpc: GrpcFlags,

    /// Only log messages with the given severity or above.
    #[arg(long = "log.level", value_enum, default_value = "info")]
    pub(crate) log_level: LogLevel,

    /// Output format of log messages.
    #[arg(long = "log.format", value_enum, default_value = "logfmt")]
    pub(crate) log_format: LogFormat,

    #[command(flatten)]
    pub(crate) metrics_apis: MetricsApisFlags,
}

impl Flags {
    /// The folder for all that is kept.
    pub(crate) fn data_path(&self) -> &Path {
        match (self.bucket_store.is_on, self.is_agent || self.querier.is_on) {
            (true, _) => &self.bucket_store.store_data_dir,
            (false, true) => &self.agent_path,
            (false, false) => &self.storage_path,
        }
    }

    /// Whether nothing is configured where no file is named: what scrapes nothing has no use for the
    /// config of the binary.
    pub(crate) fn has_no_config(&self) -> bool {
        self.querier.is_on || self.bucket_store.is_on
    }

    /// A store listens where Thanos' does unless the command line says otherwise, and by gRPC too.
    fn settle_addresses(&mut self, matches: &ArgMatches) {
        if !is_given(matches, "listen_addresses") {
            self.listen_addresses = vec![bucket_store::HTTP_ADDRESS.to_owned()];
        }
        let grpc = &mut self.grpc.grpc_listen_address;
        grpc.get_or_insert_with(|| bucket_store::GRPC_ADDRESS.to_owned());
    }

    /// What [`Self::settle_addresses`] settled, as text.
    fn settled_addresses(&self) -> [(String, String); 2] {
        let grpc = self.grpc.grpc_listen_address.clone();
        [
            ("web.listen-address", self.listen_addresses.join(",")),
            ("grpc.listen-address", grpc.unwrap_or_default()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// How alerts are sent.
    pub(crate) fn notifier_options(&self) -> NotifierOptions {
        NotifierOptions {
            queue_capacity: self.notification_queue_capacity,
            batch_size: self.notification_batch_size,
            drains_on_shutdown: self.drain && !self.no_drain,
        }
    }

    /// How long and how much is kept, with a config.
    pub(crate) fn retention(&self, config: &StorageConfig) -> Retention {
        config.retention(
            self.retention_time.unwrap_or_default(),
            self.retention_size.unwrap_or_default(),
        )
    }
}

/// A command line that was understood.
#[derive(Debug, Clone)]
pub(crate) struct CommandLine {
    /// The flags by name.
    pub(crate) flags: Flags,
    /// What `--enable-feature` switches on.
    pub(crate) features: Features,
    /// `--web.cors.origin`
    pub(crate) cors_origin: OriginPattern,
    /// Every flag and its value as text, for `/api/v1/status/flags`.
    pub(crate) values: BTreeMap<String, String>,
    /// What the log is to say about the flags once it is there.
    pub(crate) notes: Vec<String>,
}

/// Reads the command line; `args` begins with the name of the program.
///
/// # Errors
/// What is to be printed; also for `--help` and `--version`.
pub(crate) fn parse(args: impl IntoIterator<Item = String>) -> Result<CommandLine, clap::Error> {
    let invalid =
        |text: String| clap::Error::raw(clap::error::ErrorKind::InvalidValue, text + "\n");
    let args = tool::in_our_words(args).map_err(invalid)?;
    let (args, is_querier) = querier::without_its_name(args);
    let (args, is_store) = bucket_store::without_its_name(args);
    let mut command = command();
    let matches = command.try_get_matches_from_mut(args)?;
    let mut flags = Flags::from_arg_matches(&matches)?;
    flags.querier.is_on = is_querier;
    flags.bucket_store.is_on = is_store;
    let mut values = values(&command, &matches);
    if is_store {
        flags.settle_addresses(&matches);
        values.extend(flags.settled_addresses());
    }
    bucket_source::hide_secrets(&mut values);
    // Who runs a command has no mode.
    if flags.command.is_none() {
        mode::check(&command, &matches, &flags).map_err(invalid)?;
    }
    let cors_origin = OriginPattern::new(&flags.cors_origin)
        .map_err(|error| invalid(format!("--web.cors.origin: {error}")))?;
    external_url::check(&flags.external_url)
        .map_err(|error| invalid(format!("--web.external-url: {error}")))?;
    let mut notes: Vec<String> = WITHOUT_EFFECT
        .iter()
        .filter(|(name, _)| is_given(&matches, name))
        .map(|(name, _)| format!("--{name} has no effect yet"))
        .collect();
    Features::check(&flags.features).map_err(invalid)?;
    let mut features = Features::read(&flags.features, &mut notes);
    features.auto_reload_config |= flags.config_follow.is_auto_reloaded();
    Ok(CommandLine {
        values,
        flags,
        features,
        cors_origin,
        notes,
    })
}

pub(crate) fn command() -> clap::Command {
    let version = format!("{VERSION} (in place of Prometheus {PROMETHEUS_VERSION})");
    let mut command = opposites::of_commands(Flags::command().version(version));
    for (name, takes_value) in WITHOUT_EFFECT {
        let arg = Arg::new(*name).long(*name).hide(true);
        if *takes_value {
            command = command.arg(arg.action(ArgAction::Set));
        } else {
            let opposite = format!("no-{name}");
            let arg = arg.action(ArgAction::SetTrue).overrides_with(&opposite);
            let no = Arg::new(opposite.clone())
                .long(opposite)
                .hide(true)
                .action(ArgAction::SetTrue)
                .overrides_with(*name);
            command = command.arg(arg).arg(no);
        }
    }
    command
}

fn is_given(matches: &ArgMatches, id: &str) -> bool {
    matches.value_source(id) == Some(ValueSource::CommandLine)
}

/// Every flag and its value as it was written, or its default.
fn values(command: &clap::Command, matches: &ArgMatches) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for arg in command.get_arguments() {
        let Some(name) = arg.get_long() else { continue };
        if name.starts_with("no-") || matches!(name, "help" | "version") {
            continue;
        }
        let raw = matches.get_raw(arg.get_id().as_str());
        let texts = raw.into_iter().flatten().map(|it| it.to_string_lossy());
        let texts: Vec<_> = texts.collect();
        values.insert(name.to_owned(), texts.join(","));
    }
    values
}

#[cfg(test)]
mod tests;
