//! What is said where nobody answers: the texts of Go's server, which clients show and scripts look
//! for, and that every path can be asked for its methods.
//!
//! It is not: the answer of a path that has something to say itself.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// A path that is nobody's.
pub(crate) async fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}

/// How the methods of a path are said where that is not done as by Go's server: of the method that was
/// used, and of those that there are. A response has it among its extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SayMethods(pub(crate) fn(&Method, &str) -> Response);

/// Says which methods a path has to who asks for that, or used another one. It has to stand around the
/// router, which names them behind its own layers.
pub(crate) async fn tell_methods(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let response = next.run(request).await;
    let has_text = response.headers().contains_key(header::CONTENT_TYPE);
    if response.status() != StatusCode::METHOD_NOT_ALLOWED || has_text {
        return response;
    }
    let Some(allowed) = response.headers().get(header::ALLOW).cloned() else {
        return response;
    };
    let said = response.extensions().get::<SayMethods>();
    let (mut answer, allowed) = match said {
        Some(SayMethods(say)) => (say(&method, allowed.to_str().unwrap_or_default()), allowed),
        None if method == Method::OPTIONS => {
            (StatusCode::OK.into_response(), with_options(allowed))
        }
        None => {
            let text = "Method Not Allowed\n";
            let answer = (StatusCode::METHOD_NOT_ALLOWED, text).into_response();
            (answer, with_options(allowed))
        }
    };
    // Who may read the answer, and on what it depends, is in its headers. It had no text.
    for (name, value) in response.headers() {
        if name != header::CONTENT_LENGTH && name != header::CONTENT_TYPE {
            answer.headers_mut().append(name, value.clone());
        }
    }
    answer.headers_mut().insert(header::ALLOW, allowed);
    answer
}

/// The methods of a path, with the one that asks for them.
fn with_options(allowed: HeaderValue) -> HeaderValue {
    let methods = allowed.to_str().unwrap_or_default();
    if methods.split(',').any(|method| method.trim() == "OPTIONS") {
        return allowed;
    }
    HeaderValue::from_str(&format!("{methods},OPTIONS")).unwrap_or(allowed)
}
