//! What browsers are told of Alertmanager's API on behalf of other sites, beside Debian's
//! Alertmanager 0.25.

use std::collections::BTreeMap;

use narthex_tests::{Narthex, http, peers};

const CONFIG: &str = "route: {receiver: none}\nreceivers: [{name: none}]\n";

/// The headers of the protocol. `Vary` is a list: that an answer may be packed stands in ours too.
fn of_cors(headers: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let names = headers.iter();
    let names = names.filter(|(name, _)| name.starts_with("access-control-") || *name == "vary");
    let own = names.map(|(name, value)| {
        let parts = value.split(',').map(|part| part.trim().to_lowercase());
        let parts: Vec<String> = parts.filter(|part| part != "accept-encoding").collect();
        (name.clone(), parts.join(","))
    });
    own.collect()
}

#[test]
fn other_sites_are_told_what_alertmanager_tells_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alertmanager.yml");
    std::fs::write(&file, CONFIG).unwrap();
    let narthex = Narthex::builder()
        .config("global: {}\n")
        .flag(format!("--alertmanager.config.file={}", file.display()))
        .start();
    let theirs = peers::alertmanager(folder.path(), CONFIG, "http://alerts.example");
    let ask = |base: &str, method: &str, path: &str, headers: &[(&str, &str)]| {
        let (status, headers) = http::head_of(method, &format!("{base}/api/v2{path}"), headers)
            .unwrap_or_else(|error| panic!("{base} {method} {path}: {error}"));
        (status, of_cors(&headers))
    };
    let origin = ("Origin", "http://other.example");
    let asks = |method| ("Access-Control-Request-Method", method);
    let with = |names| ("Access-Control-Request-Headers", names);
    for (method, path, headers) in [
        ("GET", "/status", vec![]),
        ("GET", "/status", vec![origin]),
        ("GET", "/alerts/groups", vec![origin]),
        ("GET", "/nowhere", vec![origin]),
        ("DELETE", "/silences", vec![origin]),
        ("OPTIONS", "/silences", vec![]),
        ("OPTIONS", "/silences", vec![origin]),
        ("OPTIONS", "/silences", vec![asks("GET")]),
        ("OPTIONS", "/silences", vec![origin, asks("GET")]),
        ("OPTIONS", "/alerts", vec![origin, asks("HEAD")]),
        ("OPTIONS", "/nowhere", vec![origin, asks("GET")]),
        ("OPTIONS", "/silences", vec![origin, asks("PUT")]),
        ("OPTIONS", "/silence/x", vec![origin, asks("DELETE")]),
        (
            "OPTIONS",
            "/silences",
            vec![origin, asks("GET"), with("content-type")],
        ),
        (
            "OPTIONS",
            "/silences",
            vec![origin, asks("GET"), with("x-odd")],
        ),
    ] {
        let ours = ask(&narthex.url(), method, path, &headers);
        let theirs = ask(&theirs.url(), method, path, &headers);
        assert_eq!(ours, theirs, "{method} {path} {headers:?}");
    }
    // What another site would send is refused, and so it is not granted.
    let preflight = [origin, asks("POST"), with("content-type")];
    let (status, headers) = ask(&narthex.url(), "OPTIONS", "/silences", &preflight);
    assert_eq!((status, headers.len()), (200, 1), "{headers:?}");
    let url = format!("{}/api/v2/silences", narthex.url());
    let (status, text) = http::send("POST", &url, &[origin], b"{}").unwrap();
    assert_eq!(status, 403, "{text}");
}

#[test]
fn only_the_sites_of_the_flag_may_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alertmanager.yml");
    std::fs::write(&file, CONFIG).unwrap();
    let narthex = Narthex::builder()
        .config("global: {}\n")
        .flag(format!("--alertmanager.config.file={}", file.display()))
        .flag("--web.cors.origin=http://(a|b)\\.example")
        .start();
    for (origin, allowed) in [
        ("http://a.example", Some("http://a.example")),
        ("http://c.example", None),
    ] {
        for (method, more) in [
            ("GET", None),
            ("OPTIONS", Some(("Access-Control-Request-Method", "GET"))),
        ] {
            let mut headers = vec![("Origin", origin)];
            headers.extend(more);
            let url = format!("{}/api/v2/status", narthex.url());
            let (status, found) = http::head_of(method, &url, &headers).unwrap();
            let found = found.get("access-control-allow-origin");
            assert_eq!(
                (status, found.map(String::as_str)),
                (200, allowed),
                "{method} {origin}"
            );
        }
    }
}
