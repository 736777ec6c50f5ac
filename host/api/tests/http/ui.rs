//! The web application as a browser asks for it: its page, its files, old addresses.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, header};

use crate::fixture::Api;

/// The status, the headers and the body of an answer.
async fn ask(api: &Api, path: &str, accepted: Option<&str>) -> (u16, HeaderMap, Vec<u8>) {
    let mut request = Request::get(path);
    if let Some(accepted) = accepted {
        request = request.header(header::ACCEPT_ENCODING, accepted);
    }
    let response = api.response(request.body(Body::empty()).unwrap()).await;
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (parts.status.as_u16(), parts.headers, body.to_vec())
}

async fn page(api: &Api, path: &str) -> (u16, HeaderMap, String) {
    let (status, headers, body) = ask(api, path, None).await;
    (status, headers, String::from_utf8(body).unwrap())
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> String {
    let value = headers.get(name).map(|value| value.to_str().unwrap());
    value.unwrap_or_default().to_owned()
}

/// The script that a page begins with.
fn script(page: &str) -> &str {
    let start = page.find("src=\"./").unwrap() + "src=\"./".len();
    page[start..].split('"').next().unwrap()
}

#[tokio::test]
async fn old_addresses_lead_to_the_page_of_queries() {
    for (prefix, path, place) in [
        ("", "/", "query"),
        ("", "/graph", "query"),
        (
            "",
            "/graph?g0.expr=up%7Bjob%3D%22a%22%7D&g0.tab=0",
            "query?g0.expr=up%7Bjob%3D%22a%22%7D&g0.tab=0",
        ),
        ("/prom", "/", "/prom/"),
        ("/prom", "/prom", "/prom/"),
        ("/prom", "/prom/", "query"),
        ("/prom", "/prom/graph?g0.expr=1", "query?g0.expr=1"),
    ] {
        let api = Api::changed(|options| options.route_prefix = prefix.to_owned());
        let (status, headers, _) = ask(&api, path, None).await;
        let found = (status, text(&headers, header::LOCATION));
        assert_eq!(found, (302, place.to_owned()), "{prefix} {path}");
    }
    let agent = Api::changed(|options| options.is_agent = true);
    let (_, headers, _) = ask(&agent, "/", None).await;
    assert_eq!(text(&headers, header::LOCATION), "targets");
}

#[tokio::test]
async fn a_page_says_where_it_begins_under_every_prefix() {
    for prefix in ["", "/prom", "/a/b"] {
        let api = Api::changed(|options| options.route_prefix = prefix.to_owned());
        for (below, base) in [
            ("/query", "./"),
            ("/tsdb-status", "./"),
            ("/alert-groups", "./"),
            ("/alertmanager-discovery", "./"),
            ("/stores", "./"),
            ("/silences/new", "../"),
            ("/silences/a/b", "../../"),
        ] {
            let (status, headers, page) = page(&api, &format!("{prefix}{below}")).await;
            assert_eq!(status, 200, "{prefix}{below}");
            let filled = format!(r#"<base href="{base}" />"#);
            assert!(page.contains(&filled), "{prefix}{below}: {page}");
            let content_type = text(&headers, header::CONTENT_TYPE);
            assert_eq!(content_type, "text/html; charset=utf-8");
            assert_eq!(text(&headers, header::CACHE_CONTROL), "no-store");
        }
        let (_, _, page) = page(&api, &format!("{prefix}/query")).await;
        let path = format!("{prefix}/{}", script(&page));
        assert_eq!(ask(&api, &path, None).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn the_policy_lets_no_inline_script_through_and_styles_by_a_fresh_nonce() {
    let api = Api::starting(true);
    let mut nonces = Vec::new();
    for _ in 0..2 {
        let (_, headers, page) = page(&api, "/alerts").await;
        let policy = text(&headers, header::CONTENT_SECURITY_POLICY);
        assert!(policy.contains("script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let nonce = policy.split("'nonce-").nth(1).unwrap();
        let nonce = nonce.split('\'').next().unwrap().to_owned();
        assert!(page.contains(&format!(r#"content="{nonce}""#)), "{page}");
        assert_eq!(text(&headers, header::X_CONTENT_TYPE_OPTIONS), "nosniff");
        nonces.push(nonce);
    }
    assert_ne!(nonces[0], nonces[1]);
}

#[tokio::test]
async fn files_are_kept_for_ever_and_unpacked_for_who_takes_no_gzip() {
    let api = Api::starting(true);
    let (_, _, page) = page(&api, "/query").await;
    let path = format!("/{}", script(&page));
    let (status, headers, plain) = ask(&api, &path, None).await;
    assert_eq!(status, 200);
    let content_type = text(&headers, header::CONTENT_TYPE);
    assert_eq!(content_type, "text/javascript; charset=utf-8");
    assert_eq!(text(&headers, header::CONTENT_ENCODING), "");
    assert!(std::str::from_utf8(&plain).is_ok());

    let (status, headers, packed) = ask(&api, &path, Some("gzip, br")).await;
    assert_eq!(status, 200);
    assert_eq!(text(&headers, header::CONTENT_ENCODING), "gzip");
    assert_eq!(text(&headers, header::VARY), "accept-encoding");
    assert!(text(&headers, header::CACHE_CONTROL).contains("immutable"));
    assert_eq!(text(&headers, header::X_CONTENT_TYPE_OPTIONS), "nosniff");
    assert!(packed.len() < plain.len());

    for path in [
        "/assets/none.js",
        "/assets/..%2f..%2fCargo.toml",
        "/assets/",
    ] {
        assert_eq!(ask(&api, path, None).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn a_folder_takes_the_place_of_the_files_in_the_binary() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let api = Api::changed(move |options| options.ui_dir = Some(path));
    // Nothing was built yet: a plain page tells what there is.
    let (status, _, plain) = page(&api, "/").await;
    assert_eq!(status, 200);
    assert!(plain.contains("api/v1/targets"), "{plain}");

    std::fs::create_dir(folder.path().join("assets")).unwrap();
    std::fs::write(folder.path().join("index.html"), "mine").unwrap();
    std::fs::write(folder.path().join("assets/a.css"), "a{}").unwrap();
    assert_eq!(page(&api, "/query").await.2, "mine");
    let (_, headers, body) = page(&api, "/assets/a.css").await;
    assert_eq!(text(&headers, header::CACHE_CONTROL), "no-store");
    assert_eq!(body, "a{}");
}
