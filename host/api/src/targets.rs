//! `/api/v1/targets`, `/api/v1/scrape_pools` and the metadata of metrics.

mod global_url;
mod pool_config;
mod preview;
mod relabel_steps;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::Response;
use narthex_scrape::config::ScrapeConfig;
use narthex_scrape::{MetricMetadata, ScrapePool, Target};
use serde::Serialize;

use self::global_url::global_url;
pub use self::pool_config::PrintJob;
pub(crate) use self::pool_config::pool_config;
pub use self::preview::PREVIEW_SAMPLES_MAX;
pub(crate) use self::preview::preview;
pub(crate) use self::relabel_steps::relabel_steps;
use crate::error::ApiError;
use crate::json::LabelMap;
use crate::params::Params;
use crate::state::Serving;
use crate::{ApiState, envelope, time};

/// What Go prints for a time that was never set.
const NEVER: &str = "0001-01-01T00:00:00Z";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Targets {
    active_targets: Vec<ActiveTarget>,
    dropped_targets: Vec<DroppedTarget>,
    /// Null where dropped targets were not asked for.
    dropped_target_counts: Option<BTreeMap<String, usize>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ActiveTarget {
    discovered_labels: LabelMap,
    labels: LabelMap,
    scrape_pool: String,
    scrape_url: String,
    global_url: String,
    last_error: String,
    last_scrape: String,
    last_scrape_duration: f64,
    health: &'static str,
    scrape_interval: String,
    scrape_timeout: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DroppedTarget {
    discovered_labels: LabelMap,
    scrape_pool: String,
}

/// `/api/v1/targets`
pub(crate) async fn targets(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    params: Params,
) -> Response {
    let wanted = params.get("state").to_ascii_lowercase();
    let shows = |kind: &str| wanted.is_empty() || wanted == "any" || wanted == kind;
    let pools = serving.scrape.pools();
    let in_pool = params.get("scrapePool");
    let shown: Vec<&ScrapePool> = pools
        .iter()
        .filter(|pool| in_pool.is_empty() || pool.job == in_pool)
        .collect();
    let mut answer = Targets {
        active_targets: Vec::new(),
        dropped_targets: Vec::new(),
        dropped_target_counts: None,
    };
    if shows("active") {
        for pool in &shown {
            let active = pool.active.iter();
            answer
                .active_targets
                .extend(active.map(|target| describe(&state, &pool.job, target)));
        }
    }
    if shows("dropped") {
        for pool in &shown {
            let dropped = pool.dropped.iter().map(|labels| DroppedTarget {
                discovered_labels: LabelMap(labels.clone()),
                scrape_pool: pool.job.clone(),
            });
            answer.dropped_targets.extend(dropped);
        }
        let counts = pools
            .iter()
            .map(|pool| (pool.job.clone(), pool.dropped_count));
        answer.dropped_target_counts = Some(counts.collect());
    }
    envelope::success(&answer)
}

fn describe(state: &ApiState, pool: &str, target: &Target) -> ActiveTarget {
    let status = target.status();
    let options = state.options();
    ActiveTarget {
        discovered_labels: LabelMap(target.discovered_labels().clone()),
        labels: LabelMap(target.labels().clone()),
        scrape_pool: pool.to_owned(),
        scrape_url: target.url().to_owned(),
        global_url: global_url(target.url(), options.listen_address, &options.external_url),
        last_error: status
            .last_error
            .map(|error| error.to_string())
            .unwrap_or_default(),
        last_scrape: status
            .last_scrape_ms
            .map_or_else(|| NEVER.to_owned(), time::format_rfc3339),
        last_scrape_duration: status.last_duration.as_secs_f64(),
        health: status.health.as_str(),
        scrape_interval: target.interval().to_string(),
        scrape_timeout: target.timeout().to_string(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScrapePools {
    scrape_pools: Vec<String>,
}

/// `/api/v1/scrape_pools`
pub(crate) async fn scrape_pools(Extension(serving): Extension<Arc<Serving>>) -> Response {
    let names: BTreeSet<String> = serving
        .scrape
        .pools()
        .into_iter()
        .map(|pool| pool.job)
        .collect();
    envelope::success(&ScrapePools {
        scrape_pools: names.into_iter().collect(),
    })
}

/// The configuration of a job.
fn job_config(serving: &Serving, pool: &str) -> Result<ScrapeConfig, ApiError> {
    serving.scrape.job_config(pool).ok_or_else(|| {
        ApiError::bad_data(format!(
            "error retrieving scrape config: scrape pool {pool:?} not found"
        ))
    })
}

#[derive(Serialize)]
struct TargetMetadata {
    target: LabelMap,
    #[serde(skip_serializing_if = "Option::is_none")]
    metric: Option<String>,
    #[serde(flatten)]
    metadata: Metadata,
}

#[derive(Clone, PartialEq, Serialize)]
struct Metadata {
    #[serde(rename = "type")]
    kind: &'static str,
    help: String,
    unit: String,
}

impl From<&MetricMetadata> for Metadata {
    fn from(metadata: &MetricMetadata) -> Self {
        Self {
            kind: metadata.kind.as_str(),
            help: metadata.help.clone(),
            unit: metadata.unit.clone(),
        }
    }
}

/// `/api/v1/targets/metadata`. No further target is looked at once `limit` entries are found.
pub(crate) async fn target_metadata(
    Extension(serving): Extension<Arc<Serving>>,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = params.count("limit")?;
    let matchers = match params.get("match_target") {
        "" => Vec::new(),
        selector => narthex_promql::parse_metric_selector(selector)
            .map_err(|error| ApiError::invalid_parameter("match_target", error))?,
    };
    let metric = params.get("metric");
    let mut found = Vec::new();
    for target in serving.scrape.pools().iter().flat_map(|pool| &pool.active) {
        if limit.is_some_and(|limit| found.len() >= limit) {
            break;
        }
        let labels = target.labels();
        if !matchers
            .iter()
            .all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or("")))
        {
            continue;
        }
        let metadata = target.metadata();
        let wanted = metadata
            .iter()
            .filter(|entry| metric.is_empty() || entry.metric == metric);
        found.extend(wanted.map(|entry| TargetMetadata {
            target: LabelMap(labels.clone()),
            metric: metric.is_empty().then(|| entry.metric.clone()),
            metadata: (&**entry).into(),
        }));
    }
    Ok(envelope::success(&found))
}

impl From<narthex_remote::MetricMetadata> for Metadata {
    fn from(metadata: narthex_remote::MetricMetadata) -> Self {
        Self {
            kind: metadata.kind.name(),
            help: metadata.help,
            unit: metadata.unit,
        }
    }
}

/// `/api/v1/metadata`: by metric, what targets and those who push say of it, each variant once.
pub(crate) async fn metadata(
    Extension(serving): Extension<Arc<Serving>>,
    params: Params,
) -> Result<Response, ApiError> {
    let limit = params.count("limit")?.unwrap_or(usize::MAX);
    let per_metric = params.count("limit_per_metric")?.filter(|limit| *limit > 0);
    let per_metric = per_metric.unwrap_or(usize::MAX);
    let metric = params.get("metric");
    let mut found: BTreeMap<String, Vec<Metadata>> = BTreeMap::new();
    let mut add = |name: &str, variant: Metadata| {
        let variants = found.entry(name.to_owned()).or_default();
        if variants.len() < per_metric && !variants.contains(&variant) {
            variants.push(variant);
        }
    };
    for target in serving.scrape.pools().iter().flat_map(|pool| &pool.active) {
        for entry in target.metadata().iter() {
            if !metric.is_empty() && entry.metric != metric {
                continue;
            }
            add(&entry.metric, Metadata::from(&**entry));
        }
    }
    for mut entry in serving.metadata.of(metric) {
        let name = std::mem::take(&mut entry.metric);
        add(&name, entry.into());
    }
    while found.len() > limit {
        found.pop_last();
    }
    Ok(envelope::success(&found))
}
