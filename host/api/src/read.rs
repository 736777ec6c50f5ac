//! `/api/v1/read`: remote read, for other servers.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use narthex_remote::{COMPRESSED_BYTES_MAX, RefusalKind};

use crate::ApiState;
use crate::params::FORM_READ_TIMEOUT;
use crate::state::Serving;

/// `/api/v1/read`
pub(crate) async fn read(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    request: Request,
) -> Response {
    let reading = to_bytes(request.into_body(), COMPRESSED_BYTES_MAX);
    let body = match tokio::time::timeout(FORM_READ_TIMEOUT, reading).await {
        Ok(Ok(body)) => body,
        Ok(Err(error)) => {
            let text = format!("the request body cannot be read: {error}\n");
            return (StatusCode::BAD_REQUEST, text).into_response();
        }
        Err(_) => {
            let text = format!("the request body did not arrive within {FORM_READ_TIMEOUT:?}\n");
            return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
        }
    };
    let config = state.config();
    let store = serving.storage.as_ref();
    let answer = serving.reader.read(store, &config.external_labels, &body);
    match answer.await {
        Ok(answer) => {
            let pieces = answer.pieces.into_iter();
            let pieces = pieces.map(|piece| Ok::<_, std::convert::Infallible>(Bytes::from(piece)));
            let mut response = Body::from_stream(stream::iter(pieces)).into_response();
            let headers = response.headers_mut();
            let content_type = HeaderValue::from_static(answer.content_type);
            headers.insert(header::CONTENT_TYPE, content_type);
            if let Some(encoding) = answer.encoding {
                let encoding = HeaderValue::from_static(encoding);
                headers.insert(header::CONTENT_ENCODING, encoding);
            }
            response
        }
        Err(refusal) => {
            let status = match refusal.kind {
                RefusalKind::UnsupportedMedia | RefusalKind::BadRequest => StatusCode::BAD_REQUEST,
                RefusalKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                RefusalKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            };
            tracing::warn!(%status, error = refusal.message, "a remote read was not answered");
            (status, refusal.message + "\n").into_response()
        }
    }
}
