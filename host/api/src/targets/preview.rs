//! `/api/v1/targets/preview`: what a scrape of a target would store, made now and stored nowhere.
//! Prometheus has nothing like it.

use std::sync::Arc;

use axum::extract::Extension;
use axum::response::Response;
use narthex_model::Labels;
use narthex_scrape::{PREVIEW_PAGE_BYTES_MAX, PreviewError, ScrapePreview};
use serde::Serialize;

use crate::envelope::{self, Annotations};
use crate::error::{ApiError, ErrorKind};
use crate::params::Params;
use crate::state::Serving;
use crate::{histogram, json};

/// So many samples are shown at most, and where no `limit` says otherwise.
pub const PREVIEW_SAMPLES_MAX: usize = 1_000;

/// All but the samples.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Preview<'a> {
    duration_seconds: f64,
    bytes: usize,
    content_type: &'a str,
    /// Null where what came is no text.
    page: Option<&'a str>,
    is_page_cut: bool,
    /// "" where the scrape went well.
    error: String,
    samples_scraped: u64,
    samples_kept: u64,
}

/// `POST /api/v1/targets/preview`: of the target that `scrapePool`, `scrapeUrl` and `labels`, an
/// object, name as `/api/v1/targets` does.
pub(crate) async fn preview(
    Extension(serving): Extension<Arc<Serving>>,
    params: Params,
) -> Result<Response, ApiError> {
    let (pool, url) = (
        params.required("scrapePool")?,
        params.required("scrapeUrl")?,
    );
    let labels = params.required_labels()?;
    let shown_max = params.limit()?.unwrap_or(PREVIEW_SAMPLES_MAX);
    let preview = serving.scrape.preview(pool, url, &labels).await?;
    written(&preview, shown_max.min(PREVIEW_SAMPLES_MAX))
}

/// Samples are as of an instant query.
fn written(preview: &ScrapePreview, shown_max: usize) -> Result<Response, ApiError> {
    let head = Preview {
        duration_seconds: preview.duration.as_secs_f64(),
        bytes: preview.bytes,
        content_type: &preview.content_type,
        page: preview.page.as_deref(),
        is_page_cut: preview.page.is_some() && preview.bytes > PREVIEW_PAGE_BYTES_MAX,
        error: preview
            .error
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        samples_scraped: preview.scraped,
        samples_kept: preview.kept,
    };
    let mut out = serde_json::to_vec(&head)
        .map_err(|error| ApiError::new(ErrorKind::Internal, error.to_string()))?;
    // The list is the object's last field.
    out.pop();
    out.extend_from_slice(br#","samples":["#);
    for sample in preview.samples.iter().take(shown_max) {
        begin(&mut out, &sample.labels);
        out.extend_from_slice(br#","value":"#);
        json::push_point(&mut out, sample.timestamp_ms, sample.value);
        out.push(b'}');
    }
    let room = shown_max.saturating_sub(preview.samples.len());
    for sample in preview.histograms.iter().take(room) {
        begin(&mut out, &sample.labels);
        out.extend_from_slice(br#","histogram":"#);
        histogram::push_point(&mut out, sample.timestamp_ms, &sample.histogram);
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    Ok(envelope::success_raw(&out, &Annotations::default()))
}

/// Begins a series, behind the one before it.
fn begin(out: &mut Vec<u8>, labels: &Labels) {
    if out.last() != Some(&b'[') {
        out.push(b',');
    }
    out.extend_from_slice(br#"{"metric":"#);
    json::push_labels(out, labels);
}

impl From<PreviewError> for ApiError {
    fn from(error: PreviewError) -> Self {
        let kind = match error {
            PreviewError::UnknownTarget => ErrorKind::NotFound,
            PreviewError::Busy => ErrorKind::Execution,
        };
        Self::new(kind, error.to_string())
    }
}
