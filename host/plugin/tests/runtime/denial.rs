//! What a plugin may not reach, and what it may once it is granted.

use std::fs;
use std::os::unix::fs::symlink;

use narthex_plugin::{Artifact, PluginState};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::{
    Bench, MANIFEST, collect, collect_from, config, folder_config, guest, target,
};

/// Answers each connection with the same bytes once something was written to it.
async fn server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 1024];
            let read = stream.read(&mut buffer).await;
            if read.is_ok_and(|count| count > 0) {
                // The other side may be gone already.
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    });
    address
}

#[tokio::test]
async fn a_plugin_reaches_its_target_and_nothing_else() {
    let (own, other) = (server("own\r\n").await, server("other\r\n").await);
    let bench = Bench::new().await;
    let job = bench.job("a", r#"{"do": "tcp"}"#);
    let text = collect_from(&job, &target(&own)).await.unwrap();
    assert_eq!(text, "guest_line{line=\"own\"} 1");

    let curious = format!(r#"{{"do": "tcp", "address": "{other}"}}"#);
    let job = bench.job("b", &curious);
    let error = collect_from(&job, &target(&own)).await.unwrap_err();
    let expected = format!(
        "plugin guest: denied: tcp {other} is not granted to plugin guest: its manifest does not \
         ask for it; to grant it, add \"{other}\" to plugins.grants.guest.tcp"
    );
    assert_eq!(error, expected);
    // The very same endpoint as the target of a scrape is another matter.
    let text = collect_from(&job, &target(&other)).await.unwrap();
    assert_eq!(text, "guest_line{line=\"other\"} 1");
    // Another spelling of another address is no way round.
    let mapped = format!("[::ffff:127.0.0.1]:{}", other.rsplit(':').next().unwrap());
    let job = bench.job("c", &format!(r#"{{"do": "tcp", "address": "{mapped}"}}"#));
    assert!(
        collect_from(&job, &target(&own))
            .await
            .unwrap_err()
            .contains("is not granted")
    );
    bench.assert_metrics(&["narthex_plugin_denied_total{plugin=\"guest\",capability=\"tcp\"} 2"]);
}

#[tokio::test]
async fn a_grant_in_the_configuration_opens_the_way_at_once() {
    let (own, other) = (server("own\r\n").await, server("other\r\n").await);
    let bench = Bench::new().await;
    let job = bench.job("a", &format!(r#"{{"do": "tcp", "address": "{other}"}}"#));
    assert!(collect_from(&job, &target(&own)).await.is_err());
    let granted = format!(r#"{{"grants": {{"guest": {{"tcp": ["{other}"]}}}}}}"#);
    bench.runtime.reload(config(&granted)).await.unwrap();
    assert!(collect_from(&job, &target(&own)).await.is_ok());
    bench.runtime.reload(config("{}")).await.unwrap();
    assert!(collect_from(&job, &target(&own)).await.is_err());
    let nonsense = config(r#"{"grants": {"other": {"tcp": ["nonsense"]}}}"#);
    let error = bench
        .runtime
        .reload(nonsense)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("plugins.grants.other: \"nonsense\""),
        "{error}"
    );
}

#[tokio::test]
async fn a_grant_is_taken_away_even_while_another_job_of_the_plugin_cannot_start() {
    let (own, other) = (server("own\r\n").await, server("other\r\n").await);
    let grants = format!(r#"{{"grants": {{"guest": {{"tcp": ["{other}"]}}}}}}"#);
    let embedded = vec![Artifact::embedded("guest", guest(), MANIFEST)];
    let bench = Bench::with(embedded, &grants).await;
    let job = bench.job("a", &format!(r#"{{"do": "tcp", "address": "{other}"}}"#));
    let _refused = bench.job("b", r#"{"do": "refuse"}"#);
    assert!(collect_from(&job, &target(&own)).await.is_ok());
    bench.runtime.reload(config("{}")).await.unwrap();
    let error = collect_from(&job, &target(&own)).await.unwrap_err();
    assert!(error.contains("is not granted"), "{error}");
}

#[tokio::test]
async fn metadata_services_are_out_of_reach_even_as_targets() {
    let bench = Bench::new().await;
    let job = bench.job("a", r#"{"do": "tcp"}"#);
    for address in [
        "169.254.169.254:80",
        "[::ffff:169.254.169.254]:80",
        "[fe80::1]:80",
    ] {
        let error = collect_from(&job, &target(address)).await.unwrap_err();
        assert!(error.contains("is link-local"), "{address}: {error}");
    }
}

#[tokio::test]
async fn http_goes_to_granted_hosts_and_follows_no_redirect() {
    let page = server(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\
         Content-Length: 5\r\nConnection: close\r\n\r\nup 1\n",
    )
    .await;
    let away = server(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\
         Content-Length: 0\r\nConnection: close\r\n\r\n",
    )
    .await;
    let grants = format!(r#"{{"grants": {{"guest": {{"http": ["{page}", "{away}"]}}}}}}"#);
    let embedded = vec![Artifact::embedded("guest", guest(), MANIFEST)];
    let bench = Bench::with(embedded, &grants).await;

    let job = bench.job(
        "a",
        &format!(r#"{{"do": "http", "url": "http://{page}/metrics"}}"#),
    );
    assert_eq!(
        collect(&job).await.unwrap(),
        "guest_status 200\nguest_length 5"
    );
    let job = bench.job(
        "b",
        &format!(r#"{{"do": "fetch", "url": "http://{page}/metrics"}}"#),
    );
    assert_eq!(
        collect(&job).await.unwrap(),
        "text/plain; version=0.0.4\nup 1\n"
    );
    let job = bench.job(
        "c",
        &format!(r#"{{"do": "http", "url": "http://{away}/"}}"#),
    );
    assert_eq!(
        collect(&job).await.unwrap(),
        "guest_status 302\nguest_length 0"
    );
    let job = bench.job("d", r#"{"do": "http", "url": "http://127.0.0.1:1/"}"#);
    let error = collect(&job).await.unwrap_err();
    assert!(
        error.contains("denied: http 127.0.0.1:1 is not granted"),
        "{error}"
    );
    let job = bench.job("e", r#"{"do": "http", "url": "http://2852039166/"}"#);
    let error = collect(&job).await.unwrap_err();
    assert!(error.contains("denied: http 169.254.169.254:80"), "{error}");
    let job = bench.job("f", r#"{"do": "http", "url": "file:///etc/passwd"}"#);
    let error = collect(&job).await.unwrap_err();
    assert!(error.contains("unsupported protocol scheme"), "{error}");
}

#[tokio::test]
async fn files_stay_below_what_is_granted() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir_all(root.join("granted/below")).unwrap();
    fs::write(root.join("granted/below/file"), "12345").unwrap();
    fs::write(root.join("secret"), "secret").unwrap();
    symlink(root.join("secret"), root.join("granted/out")).unwrap();
    symlink(root.join("granted/below"), root.join("granted/in")).unwrap();
    symlink(root.join("granted"), root.join("way")).unwrap();

    let grants = format!(
        r#"{{"grants": {{"guest": {{"files": ["{}/granted"]}}}}}}"#,
        root.display()
    );
    let embedded = vec![Artifact::embedded("guest", guest(), MANIFEST)];
    let bench = Bench::with(embedded, &grants).await;
    for (path, expected) in [
        ("granted/below/file", "guest_length 5"),
        ("granted/in/file", "guest_length 5"),
        ("granted/below/../below/file", "guest_length 5"),
        ("way/below/file", "guest_length 5"),
        ("granted/missing", "no such file or directory"),
        ("granted/below", "not a regular file"),
        ("granted/out", "(which leads to "),
        ("granted/../secret", "is not granted"),
        ("secret", "is not granted"),
        ("missing", "is not granted"),
    ] {
        let path = root.join(path);
        let job = bench.job(
            "a",
            &format!(r#"{{"do": "file", "path": "{}"}}"#, path.display()),
        );
        let answer = collect(&job).await.unwrap_or_else(|error| error);
        assert!(answer.contains(expected), "{}: {answer}", path.display());
    }
}

/// A component of nothing but one imported instance without functions.
fn importing(name: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap();
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    component.extend([0x07, 3, 1, 0x42, 0]);
    component.extend([0x0a, length + 5, 1, 0, length]);
    component.extend(name.as_bytes());
    component.extend([0x05, 0]);
    component
}

#[tokio::test]
async fn a_component_that_imports_more_is_refused_with_the_import_named() {
    for (import, reason) in [
        (
            "wasi:sockets/tcp@0.2.0",
            "it imports wasi:sockets/tcp@0.2.0, which",
        ),
        (
            "wasi:http/types@0.2.0",
            "it imports wasi:http/types@0.2.0, which",
        ),
        (
            "narthex:plugin/nothing@0.1.0",
            "it imports narthex:plugin/nothing@0.1.0, which",
        ),
        (
            "narthex:plugin/log@0.1.0",
            "it does not fit the world exporter",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("guest.wasm"), importing(import)).unwrap();
        fs::write(folder.path().join("guest.toml"), MANIFEST).unwrap();
        let bench = Bench::with_folder(folder.path(), "").await;
        let status = bench.runtime.list().remove(0);
        assert_eq!(status.state, PluginState::Failed);
        let error = status.last_error.unwrap();
        assert!(error.contains(reason), "{error}");
        let null = serde_json::Value::Null;
        let error = bench
            .runtime
            .collector("guest", "a", &null)
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.starts_with("plugin guest cannot be used: "),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_plugin_of_the_folder_needs_a_grant_for_what_its_manifest_asks() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = MANIFEST.replace("[request]", "[request]\nfiles = [\"/proc/loadavg\"]");
    fs::write(folder.path().join("guest.wasm"), guest()).unwrap();
    fs::write(folder.path().join("guest.toml"), manifest).unwrap();
    let bench = Bench::with_folder(folder.path(), "").await;
    let job = bench.job("a", r#"{"do": "file", "path": "/proc/loadavg"}"#);
    let error = collect(&job).await.unwrap_err();
    assert!(
        error.contains("write `plugins: {grants: {guest: as-requested}}`"),
        "{error}"
    );
    let granted = folder_config(folder.path(), r#", "grants": {"guest": "as-requested"}"#);
    bench.runtime.reload(config(&granted)).await.unwrap();
    assert!(collect(&job).await.unwrap().starts_with("guest_length "));
}
