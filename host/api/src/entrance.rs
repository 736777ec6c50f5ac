//! Asks the entrance about each request before anybody else sees it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use narthex_web::{Admission, Entrance};

/// Lets a request go on, or refuses it; and adds the headers that every answer has.
pub(crate) async fn admit(
    State(entrance): State<Arc<Entrance>>,
    request: Request,
    next: Next,
) -> Response {
    let authorization = request.headers().get(AUTHORIZATION);
    let admission = entrance
        .admit(authorization.map(HeaderValue::as_bytes))
        .await;
    let mut response = match admission {
        Admission::Granted => next.run(request).await,
        Admission::Unauthorized => {
            let challenge = [(WWW_AUTHENTICATE, "Basic")];
            (StatusCode::UNAUTHORIZED, challenge, "Unauthorized\n").into_response()
        }
        Admission::TooMany => {
            return (StatusCode::TOO_MANY_REQUESTS, "Too Many Requests\n").into_response();
        }
    };
    let headers = response.headers_mut();
    entrance.for_each_header(|name, value| {
        // Both were looked at when the file was read.
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            headers.insert(name, value);
        }
    });
    response
}
