//! `/api/v1/otlp/v1/metrics`: the receiver of OpenTelemetry's metrics, where
//! `--web.enable-otlp-receiver` opens it.

use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use narthex_remote::{OtlpForm, OtlpRefusal, RefusalKind};

use crate::ApiState;
use crate::state::Serving;
use crate::write::{take_body, text};

/// `/api/v1/otlp/v1/metrics`
pub(crate) async fn write(
    State(state): State<ApiState>,
    Extension(serving): Extension<Arc<Serving>>,
    request: Request,
) -> Response {
    let Some(receiver) = serving.otlp.clone() else {
        let text = "otlp write receiver needs to be enabled with --web.enable-otlp-receiver\n";
        return (StatusCode::NOT_FOUND, text).into_response();
    };
    let (head, body) = request.into_parts();
    let form = match receiver.accept(text(&head.headers, &header::CONTENT_TYPE)) {
        Ok(form) => form,
        Err(refusal) => return (StatusCode::BAD_REQUEST, refusal.message + "\n").into_response(),
    };
    let encoding = text(&head.headers, &header::CONTENT_ENCODING).to_owned();
    let store = move |body: Vec<u8>| receiver.receive(form, &encoding, &body);
    let stored = take_body(state.write_bounds(), body, store).await;
    let stored = stored.unwrap_or_else(|refusal| {
        Err(OtlpRefusal {
            kind: refusal.kind,
            message: refusal.message,
        })
    });
    match stored {
        Ok(accepted) => {
            if !accepted.message.is_empty() {
                tracing::warn!(
                    rejected_points = accepted.rejected,
                    error = accepted.message,
                    "an OTLP request was not stored whole"
                );
            }
            answer(StatusCode::OK, form, accepted.body)
        }
        Err(refusal) => refused(form, &refusal),
    }
}

fn refused(form: OtlpForm, refusal: &OtlpRefusal) -> Response {
    let status = match refusal.kind {
        RefusalKind::UnsupportedMedia | RefusalKind::BadRequest => StatusCode::BAD_REQUEST,
        // The only one of the 5xx besides 502 and 504 that senders try again.
        RefusalKind::Unavailable | RefusalKind::Internal => StatusCode::SERVICE_UNAVAILABLE,
    };
    tracing::warn!(%status, error = refusal.message, "an OTLP request was not stored");
    answer(status, form, refusal.body(form))
}

fn answer(status: StatusCode, form: OtlpForm, body: Vec<u8>) -> Response {
    let headers = [(header::CONTENT_TYPE, form.content_type())];
    (status, headers, body).into_response()
}
