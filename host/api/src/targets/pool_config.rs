//! `/api/v1/scrape_pools/config`: the configuration of a job with all that it takes from `global`,
//! without secrets.
//!
//! It is not: what prints it; the reader of the configuration does.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::response::Response;
use narthex_scrape::config::ScrapeConfig;
use serde::Serialize;

use crate::error::{ApiError, ErrorKind};
use crate::params::Params;
use crate::state::Serving;
use crate::{ApiState, envelope};

/// Prints the configuration of a job as YAML, or says why it cannot.
pub type PrintJob = fn(&ScrapeConfig) -> Result<String, String>;

#[derive(Serialize)]
struct PoolConfig {
    yaml: String,
}

/// `/api/v1/scrape_pools/config`
pub(crate) async fn pool_config(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    params: Params,
) -> Result<Response, ApiError> {
    let config = super::job_config(&serving, params.required("scrapePool")?)?;
    let yaml = (state.options().print_job)(&config)
        .map_err(|reason| ApiError::new(ErrorKind::Internal, reason))?;
    Ok(envelope::success(&PoolConfig { yaml }))
}
