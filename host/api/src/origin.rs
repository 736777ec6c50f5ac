//! Which other web sites may read our answers, and that none of them may change our state.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use narthex_model::{MatchOp, Matcher, MatcherError};

use crate::ApiState;

/// `--web.cors.origin`: the origins that may read answers, as an anchored regular expression.
#[derive(Debug, Clone)]
pub struct OriginPattern(Matcher);

/// Lets everybody read, as Prometheus does.
const ANY: &str = ".*";

impl OriginPattern {
    /// Reads the expression.
    ///
    /// # Errors
    /// It is not a regular expression.
    pub fn new(expression: &str) -> Result<Self, MatcherError> {
        Matcher::new("origin", MatchOp::Regex, expression).map(Self)
    }

    /// The value of `Access-Control-Allow-Origin` for a request from `origin`.
    fn allowed(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        if self.0.value() == ANY {
            return Some(HeaderValue::from_static("*"));
        }
        let text = origin.to_str().ok()?;
        self.0.matches(text).then(|| origin.clone())
    }
}

/// The headers that go with every answer to a request from another site.
const CORS: [(header::HeaderName, &str); 3] = [
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "Accept, Authorization, Content-Type, Origin",
    ),
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
];

/// Adds the headers of the CORS protocol to the answers of the API.
pub(crate) async fn add_cors_headers(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = next.run(request).await;
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        for (name, value) in CORS {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Some(allowed) = state.options().cors_origin.allowed(&origin) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        }
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    response
}

/// The headers that a page of another site may send to Alertmanager's API: those that Alertmanager
/// takes, and credentials.
const ALERTMANAGER_HEADERS: [&str; 5] = [
    "accept",
    "authorization",
    "content-type",
    "origin",
    "x-requested-with",
];

/// What a preflight asks about, and so what its answer depends on.
const PREFLIGHT: [&str; 3] = [
    "Origin",
    "Access-Control-Request-Method",
    "Access-Control-Request-Headers",
];

/// The CORS protocol as Alertmanager speaks it, whose preflights are answered at any path. Methods
/// that change our state are granted to nobody: [`refuse_other_sites`] would refuse them.
pub(crate) async fn answer_as_alertmanager(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Response {
    let origin = request.headers().get(header::ORIGIN);
    let allowed = origin.and_then(|origin| state.options().cors_origin.allowed(origin));
    let asks = header::ACCESS_CONTROL_REQUEST_METHOD;
    if request.method() == Method::OPTIONS && request.headers().contains_key(asks) {
        return preflight(request.headers(), allowed);
    }
    let is_known = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::POST | Method::OPTIONS
    );
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(allowed) = allowed.filter(|_| is_known) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    }
    response
}

/// What a page of another site may do. What is not granted is not named.
fn preflight(asked: &HeaderMap, allowed: Option<HeaderValue>) -> Response {
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    for name in PREFLIGHT {
        headers.append(header::VARY, HeaderValue::from_static(name));
    }
    let method = asked.get(header::ACCESS_CONTROL_REQUEST_METHOD);
    let method = method.filter(|method| *method == "GET" || *method == "HEAD");
    let names = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let are_known = names.is_none_or(|names| {
        let names = names.to_str().unwrap_or("?").split(',');
        let mut names = names.map(|name| name.trim().to_ascii_lowercase());
        names.all(|name| name.is_empty() || ALERTMANAGER_HEADERS.contains(&name.as_str()))
    });
    if let (Some(allowed), Some(method), true) = (allowed, method, are_known) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, method.clone());
        if let Some(names) = names {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        }
    }
    response
}

/// Refuses a request that a browser sends on behalf of another site. For endpoints that change
/// our state: a page that a user happens to look at must not stop the server beside it.
pub(crate) async fn refuse_other_sites(request: Request, next: Next) -> Response {
    if is_from_other_site(request.headers(), request.uri()) {
        let text = "A request from another site must not change the state of this server.\n";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    next.run(request).await
}

fn is_from_other_site(headers: &HeaderMap, uri: &Uri) -> bool {
    if headers
        .get("sec-fetch-site")
        .is_some_and(|site| site == "cross-site" || site == "same-site")
    {
        return true;
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return false;
    };
    // HTTP/2 says it in the place of the address.
    let own = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| uri.authority().map(|authority| authority.as_str()));
    let from = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .map(|(_, host)| host);
    own.is_none() || own != from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_and_tools_may_change_state() {
        for (headers, refused) in [
            (vec![("host", "a:9090")], false),
            (vec![("host", "a:9090"), ("origin", "http://a:9090")], false),
            (vec![("host", "a:9090"), ("origin", "http://a")], true),
            (vec![("host", "a:9090"), ("origin", "http://evil")], true),
            (vec![("host", "a:9090"), ("origin", "null")], true),
            (vec![("origin", "http://a")], true),
            (vec![("host", "a"), ("sec-fetch-site", "cross-site")], true),
            (
                vec![("host", "a"), ("sec-fetch-site", "same-origin")],
                false,
            ),
        ] {
            let map: HeaderMap = headers
                .iter()
                .map(|(name, value)| {
                    let name = header::HeaderName::from_static(name);
                    (name, HeaderValue::from_static(value))
                })
                .collect();
            assert_eq!(
                is_from_other_site(&map, &Uri::from_static("/-/quit")),
                refused,
                "{headers:?}"
            );
        }
    }

    #[test]
    fn the_pattern_is_anchored() {
        let origin = HeaderValue::from_static("https://a.example");
        let allowed = |expression| OriginPattern::new(expression).unwrap().allowed(&origin);
        assert_eq!(allowed(".*"), Some(HeaderValue::from_static("*")));
        assert_eq!(allowed("https?://a.example"), Some(origin.clone()));
        assert_eq!(allowed("https://a"), None);
        assert!(OriginPattern::new("(").is_err());
    }

    #[test]
    fn over_http_2_our_own_pages_are_known_by_the_authority() {
        let uri = Uri::from_static("https://a:9090/-/quit");
        let from =
            |origin| HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static(origin))]);
        assert!(!is_from_other_site(&from("https://a:9090"), &uri));
        assert!(is_from_other_site(&from("https://b:9090"), &uri));
    }
}
