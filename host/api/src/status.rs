//! `/api/v1/status/*` and `/version`: what runs here, and how.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use narthex_storage::StorageStats;
use serde::Serialize;

use crate::error::{ApiError, ErrorKind};
use crate::params::Params;
use crate::state::Serving;
use crate::{ApiState, envelope, time};

/// The lists of `/api/v1/status/tsdb` have so many entries unless `limit` says otherwise.
const STATS_DEFAULT: usize = 10;

/// The lists of `/api/v1/status/tsdb` have at most so many entries; a larger `limit` is refused.
pub const STATS_MAX: usize = 10_000;

/// What this binary is.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildInfo {
    /// The version of Prometheus whose API we speak. Clients such as Grafana choose what to
    /// ask for by it, so it must not be ours.
    pub version: String,
    /// The commit, or "".
    pub revision: String,
    /// The branch, or "".
    pub branch: String,
    /// Always "": who built it says nothing.
    pub build_user: String,
    /// Always "": builds are to be reproducible.
    pub build_date: String,
    /// Always "": there is no Go in here.
    pub go_version: String,
    /// Our own version.
    pub narthex_version: String,
}

/// `/api/v1/status/buildinfo`
pub(crate) async fn build_info(State(state): State<ApiState>) -> Response {
    envelope::success(&state.options().build)
}

/// `/version`: the same, without the envelope.
pub(crate) async fn version(State(state): State<ApiState>) -> Response {
    axum::Json(&state.options().build).into_response()
}

#[derive(Serialize)]
struct Config<'a> {
    yaml: &'a str,
}

/// `/api/v1/status/config`
pub(crate) async fn config(State(state): State<ApiState>) -> Response {
    envelope::success(&Config {
        yaml: &state.config().yaml,
    })
}

/// `/api/v1/status/flags`
pub(crate) async fn flags(State(state): State<ApiState>) -> Response {
    envelope::success(&state.options().flags)
}

#[derive(Serialize)]
struct WalReplay {
    min: u32,
    max: u32,
    current: u32,
}

/// `/api/v1/status/walreplay`: answers before the server is ready, too.
pub(crate) async fn wal_replay(State(state): State<ApiState>) -> Response {
    let status = state.options().replay.status();
    envelope::success(&WalReplay {
        min: status.first,
        max: status.last,
        current: status.current,
    })
}

#[derive(Serialize)]
struct RuntimeInfo<'a> {
    #[serde(rename = "startTime")]
    start_time: String,
    #[serde(rename = "CWD")]
    working_directory: String,
    hostname: String,
    #[serde(rename = "serverTime")]
    server_time: String,
    #[serde(rename = "reloadConfigSuccess")]
    is_last_load_successful: bool,
    #[serde(rename = "lastConfigTime")]
    last_config_time: String,
    #[serde(rename = "corruptionCount")]
    corruption_count: u64,
    #[serde(rename = "goroutineCount")]
    task_count: usize,
    #[serde(rename = "GOMAXPROCS")]
    worker_count: usize,
    #[serde(rename = "GOMEMLIMIT")]
    memory_limit: i64,
    #[serde(rename = "GOGC")]
    gogc: &'static str,
    #[serde(rename = "GODEBUG")]
    godebug: &'static str,
    #[serde(rename = "storageRetention")]
    retention: &'a str,
}

/// `/api/v1/status/runtimeinfo`. Where Prometheus counts goroutines and Go's processors, these
/// are the tasks and worker threads of our runtime; what only Go has is empty.
pub(crate) async fn runtime_info(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
) -> Result<Response, ApiError> {
    let options = state.options();
    let config = state.config();
    let runtime = tokio::runtime::Handle::current().metrics();
    let working_directory = std::env::current_dir().unwrap_or_default();
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    // The lists are not wanted.
    let stats = storage_stats(&serving, 0).await?;
    Ok(envelope::success(&RuntimeInfo {
        start_time: time::format_rfc3339(options.start_time_ms),
        working_directory: working_directory.display().to_string(),
        hostname: hostname.trim_end().to_owned(),
        server_time: time::format_rfc3339(options.clock.now_ms()),
        is_last_load_successful: config.is_last_load_successful,
        last_config_time: time::format_rfc3339(config.loaded_ms),
        corruption_count: stats.wal_corruptions,
        task_count: runtime.num_alive_tasks(),
        worker_count: runtime.num_workers(),
        memory_limit: i64::MAX,
        gogc: "",
        godebug: "",
        retention: &config.retention,
    }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TsdbStatus {
    head_stats: HeadStats,
    series_count_by_metric_name: Vec<Stat>,
    label_value_count_by_label_name: Vec<Stat>,
    memory_in_bytes_by_label_name: Vec<Stat>,
    series_count_by_label_value_pair: Vec<Stat>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HeadStats {
    num_series: u64,
    num_label_pairs: u64,
    chunk_count: u64,
    min_time: i64,
    max_time: i64,
}

/// A name and what it counts.
#[derive(Serialize)]
pub(crate) struct Stat {
    pub(crate) name: String,
    pub(crate) value: u64,
}

/// `/api/v1/status/tsdb`
pub(crate) async fn tsdb(
    Extension(serving): Extension<Arc<Serving>>,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = match params.get("limit") {
        "" => STATS_DEFAULT,
        text => text
            .parse()
            .ok()
            .filter(|limit| (1..=STATS_MAX).contains(limit))
            .ok_or_else(|| {
                ApiError::bad_data(format!(
                    "limit must be a positive number not larger than {STATS_MAX}"
                ))
            })?,
    };
    let stats = storage_stats(&serving, limit).await?;
    Ok(envelope::success(&TsdbStatus::from(stats)))
}

#[derive(Serialize)]
struct BlockList {
    blocks: Vec<ShownBlock>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownBlock {
    ulid: String,
    min_time: i64,
    max_time: i64,
    stats: BlockStats,
    compaction: BlockCompaction,
    version: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlockStats {
    num_samples: u64,
    num_series: u64,
}

#[derive(Serialize)]
struct BlockCompaction {
    level: u32,
    sources: Vec<String>,
}

/// `/api/v1/status/tsdb/blocks`. Our blocks have cells instead of chunks, so those are not counted.
pub(crate) async fn tsdb_blocks(Extension(serving): Extension<Arc<Serving>>) -> Response {
    let blocks = serving.admin.blocks().into_iter();
    let blocks = blocks.map(|block| ShownBlock {
        ulid: block.ulid,
        min_time: block.min_time_ms,
        max_time: block.max_time_ms,
        stats: BlockStats {
            num_samples: block.samples,
            num_series: block.series,
        },
        compaction: BlockCompaction {
            level: block.level,
            sources: block.sources,
        },
        version: block.version,
    });
    envelope::success(&BlockList {
        blocks: blocks.collect(),
    })
}

/// Counting reads the whole index, so it does not happen on a thread that serves requests.
async fn storage_stats(serving: &Serving, limit: usize) -> Result<StorageStats, ApiError> {
    let admin = Arc::clone(&serving.admin);
    let stats = tokio::task::spawn_blocking(move || admin.stats(limit)).await;
    stats.map_err(|error| ApiError::new(ErrorKind::Internal, error.to_string()))
}

impl From<StorageStats> for TsdbStatus {
    fn from(stats: StorageStats) -> Self {
        let list = |pairs: Vec<(String, u64)>| {
            let pairs = pairs.into_iter();
            pairs.map(|(name, value)| Stat { name, value }).collect()
        };
        Self {
            head_stats: HeadStats {
                num_series: stats.series,
                num_label_pairs: stats.label_pairs,
                chunk_count: stats.chunks,
                // What an empty head says in Prometheus.
                min_time: stats.min_time_ms.unwrap_or(i64::MAX),
                max_time: stats.max_time_ms.unwrap_or(i64::MIN),
            },
            series_count_by_metric_name: list(stats.series_by_metric_name),
            label_value_count_by_label_name: list(stats.values_by_label_name),
            memory_in_bytes_by_label_name: list(stats.bytes_by_label_name),
            series_count_by_label_value_pair: list(stats.series_by_label_pair),
        }
    }
}
