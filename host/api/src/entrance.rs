//! Asks the entrance about each request before anybody else sees it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use narthex_web::{Admission, Entrance, Peer, Verdict};

/// Lets a request go on, or refuses it; and adds the headers that every answer has.
pub(crate) async fn admit(
    State(entrance): State<Arc<Entrance>>,
    request: Request,
    next: Next,
) -> Response {
    let admission = {
        let (method, path) = (request.method().as_str(), request.uri().path());
        let peer = request.extensions().get::<Peer>();
        let admitted = entrance.admit(method, path, request.headers(), peer);
        admitted.await
    };
    let mut response = match admission {
        Admission::Granted => next.run(request).await,
        Admission::Unauthorized => {
            let challenge = [(WWW_AUTHENTICATE, "Basic")];
            (StatusCode::UNAUTHORIZED, challenge, "Unauthorized\n").into_response()
        }
        Admission::Refused {
            verdict,
            by_password,
        } => refused(verdict, by_password),
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

/// What who was refused reads. Browsers ask for a password only where one would do.
fn refused(verdict: Verdict, by_password: bool) -> Response {
    let challenge = match by_password {
        true => "Basic, Bearer",
        false => "Bearer",
    };
    let (status, reason) = match verdict {
        Verdict::Unauthorized(reason) => {
            let body = format!("Unauthorized: {reason}\n");
            let challenge = [(WWW_AUTHENTICATE, challenge)];
            return (StatusCode::UNAUTHORIZED, challenge, body).into_response();
        }
        Verdict::Forbidden(reason) => (StatusCode::FORBIDDEN, format!("Forbidden: {reason}\n")),
        Verdict::Unavailable(reason) => {
            let text = format!("Service Unavailable: {reason}\n");
            (StatusCode::SERVICE_UNAVAILABLE, text)
        }
        // Nobody refuses what was granted.
        Verdict::Granted => (StatusCode::INTERNAL_SERVER_ERROR, String::new()),
    };
    (status, reason).into_response()
}
