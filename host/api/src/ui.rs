//! The web application: its pages, its files, and the addresses that the old ones had. Its
//! files are `narthex-ui`'s; what it shows it asks the API for.

use std::io;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use narthex_ui::{Application, Asset, PAGES, Page};

use crate::ApiState;

/// A name of these files changes with their content.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// A page names the newest files, and a nonce is for one answer.
const NEVER: HeaderValue = HeaderValue::from_static("no-store");

/// What a browser is told of everything that the application consists of.
const ALWAYS: [(HeaderName, HeaderValue); 2] = [
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
];

/// The pages of the application, its files, and the old address of the page of queries. A page
/// that there is not is not found, as in Prometheus.
pub(crate) fn routes() -> Router<ApiState> {
    let router = Router::new()
        .route("/assets/{*filepath}", get(asset))
        .route("/graph", get(graph));
    PAGES.iter().fold(router, |router, name| {
        router
            .route(&format!("/{name}"), get(page))
            .route(&format!("/{name}/{{*rest}}"), get(page))
    })
}

/// `/`: the first page of the application. Its address is relative: a proxy may have taken a
/// prefix away that only the browser knows.
pub(crate) async fn home(State(state): State<ApiState>) -> Response {
    let place = if state.options().is_agent {
        "targets"
    } else {
        "query"
    };
    match fill(&state, 0, String::new()).await {
        Ok(Some(_)) => found(place.to_owned()),
        Ok(None) => plain_page(),
        Err(error) => failed(&error),
    }
}

/// `/graph`, where the page of queries was before Prometheus 3.
async fn graph(RawQuery(query): RawQuery) -> Response {
    found(match query {
        Some(query) => format!("query?{query}"),
        None => "query".to_owned(),
    })
}

async fn page(State(state): State<ApiState>, uri: Uri) -> Response {
    let below = uri.path().trim_start_matches('/');
    let nonce = format!("{:032x}", rand::random::<u128>());
    let policy = policy(&nonce);
    match fill(&state, below.matches('/').count(), nonce).await {
        Ok(Some(text)) => {
            let headers = [
                (header::CACHE_CONTROL, NEVER),
                (header::CONTENT_SECURITY_POLICY, policy),
            ];
            (headers, ALWAYS, Html(text)).into_response()
        }
        Ok(None) => plain_page(),
        Err(error) => failed(&error),
    }
}

/// Nothing but our own files, and of styles those that carry the answer's nonce: Mantine and
/// the editor of queries write theirs while they run.
fn policy(nonce: &str) -> HeaderValue {
    let text = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; \
         img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'self'; \
         form-action 'none'; frame-ancestors 'self'"
    );
    // Digits and letters always make a value of a header.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("default-src 'none'"))
}

/// What a server without the application shows in its place.
fn plain_page() -> Response {
    (ALWAYS, Html(include_str!("home.html"))).into_response()
}

async fn fill(state: &ApiState, depth: usize, nonce: String) -> io::Result<Option<String>> {
    let application = application(state);
    // It is not there yet while the store is opened.
    let (has_alertmanager, has_fleet) = state.serving().map_or((false, false), |serving| {
        (serving.alertmanager.is_some(), serving.fleet.is_some())
    });
    let page = Page {
        depth,
        nonce,
        is_agent: state.options().is_agent,
        has_alertmanager,
        has_fleet,
    };
    blocking(move || application.page(&page)).await
}

async fn asset(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let application = application(&state);
    let cached = match application {
        Application::Embedded => FOR_EVER,
        // Somebody works on them.
        Application::Folder(_) => NEVER,
    };
    let takes_gzip = takes_gzip(&headers);
    match blocking(move || application.asset(&name, takes_gzip)).await {
        Ok(Some(asset)) => send(asset, cached),
        Ok(None) => (StatusCode::NOT_FOUND, "404 page not found\n").into_response(),
        Err(error) => failed(&error),
    }
}

fn send(asset: Asset, cached: HeaderValue) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(asset.content_type),
        ),
        (header::CACHE_CONTROL, cached),
        (header::VARY, HeaderValue::from_static("accept-encoding")),
    ];
    let mut response = (headers, ALWAYS, Body::from(asset.content)).into_response();
    if asset.is_gzip {
        let gzip = HeaderValue::from_static("gzip");
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, gzip);
    }
    response
}

/// Whether a client takes gzip: it names it, or everything, and not with the weight nought.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING);
    let mut codings = values
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        let is_named = ["gzip", "x-gzip", "*"]
            .iter()
            .any(|taken| name.trim().eq_ignore_ascii_case(taken));
        is_named
            && weight
                .trim()
                .parse::<f64>()
                .is_ok_and(|weight| weight > 0.0)
    })
}

fn application(state: &ApiState) -> Application {
    Application::new(state.options().ui_dir.as_deref())
}

fn found(place: String) -> Response {
    match HeaderValue::try_from(place) {
        Ok(place) => (StatusCode::FOUND, [(header::LOCATION, place)]).into_response(),
        Err(_) => (StatusCode::BAD_REQUEST, "400 bad address\n").into_response(),
    }
}

fn failed(error: &io::Error) -> Response {
    tracing::warn!(%error, "a file of the web application cannot be read");
    let text = format!("A file of the web application cannot be read: {error}\n");
    (StatusCode::INTERNAL_SERVER_ERROR, text).into_response()
}

/// Files are read and unpacked where others need not wait for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_takes_gzip_where_it_says_so() {
        for (accepted, takes) in [
            ("", false),
            ("gzip", true),
            ("br, GZIP", true),
            ("gzip;q=0", false),
            ("gzip; q=0.5, br", true),
            ("identity", false),
            ("*", true),
            ("br, *;q=0.1", true),
            ("gzip;q=x", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            assert_eq!(takes_gzip(&headers), takes, "{accepted:?}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
