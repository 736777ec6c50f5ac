//! Plugins as their operator sees and changes them over HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use narthex_tests::{Guest, Narthex, http, until};
use serde_json::Value;

/// A client that follows a log waits so long for the next line.
const PATIENCE: Duration = Duration::from_secs(60);

fn start(folder: &Path, flags: &[&str]) -> Narthex {
    let config = format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
         plugins: {{directory: {}}}\nscrape_configs:\n- job_name: chatty\n  plugin: guest\n  \
         plugin_config: {{do: log, lines: 2}}\n  static_configs: [{{targets: ['somewhere']}}]\n",
        folder.display()
    );
    let builder = Narthex::builder().config(config);
    let builder = flags
        .iter()
        .fold(builder, |builder, flag| builder.flag(*flag));
    builder.start()
}

fn post(narthex: &Narthex, path: &str) -> (u16, Value) {
    let url = format!("{}/api/v1/plugins/{path}", narthex.url());
    let (status, body) = http::post(&url).unwrap();
    (
        status,
        serde_json::from_str(&body).unwrap_or(Value::String(body)),
    )
}

fn version(narthex: &Narthex) -> String {
    let detail = narthex.api("plugins/guest").unwrap();
    detail["version"].as_str().unwrap_or_default().to_owned()
}

fn wait_for_version(narthex: &Narthex, expected: &str) {
    until(60, expected, || match version(narthex) {
        found if found == expected => Ok(()),
        found => Err(found),
    });
}

#[test]
fn a_plugin_is_listed_reloaded_and_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    let guest = Guest::build();
    guest.install(folder.path(), "guest", 1);
    let narthex = start(folder.path(), &["--web.enable-admin-api"]);
    wait_for_version(&narthex, "0.0.1");
    let list = narthex.api("plugins").unwrap();
    let names: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|plugin| &plugin["name"])
        .collect();
    assert!(names.contains(&&Value::from("guest")), "{list}");
    assert!(names.contains(&&Value::from("redis")), "{list}");

    let (status, answer) = post(&narthex, "guest/rollback");
    assert_eq!(
        (status, &answer["errorType"]),
        (422, &Value::from("execution")),
        "{answer}"
    );
    guest.install(folder.path(), "guest", 2);
    wait_for_version(&narthex, "0.0.2");
    let (status, answer) = post(&narthex, "guest/rollback");
    assert_eq!(
        (status, &answer["data"]["version"]),
        (200, &Value::from("0.0.1")),
        "{answer}"
    );
    let (status, answer) = post(&narthex, "guest/reload");
    assert_eq!(
        (status, &answer["data"]["version"]),
        (200, &Value::from("0.0.2")),
        "{answer}"
    );

    // A broken file is refused with the reason, and the old version is at work.
    std::fs::write(folder.path().join("guest.wasm"), b"nothing").unwrap();
    let (status, answer) = post(&narthex, "guest/reload");
    assert_eq!(
        (status, &answer["errorType"]),
        (422, &Value::from("execution")),
        "{answer}"
    );
    assert_eq!(version(&narthex), "0.0.2");
    let (status, answer) = post(&narthex, "nothing/reload");
    assert_eq!(
        (status, &answer["errorType"]),
        (404, &Value::from("not_found")),
        "{answer}"
    );
}

#[test]
fn a_log_is_read_and_followed() {
    let folder = tempfile::tempdir().unwrap();
    Guest::build().install(folder.path(), "guest", 1);
    let narthex = start(folder.path(), &["--web.enable-admin-api"]);
    let lines = until(60, "two scrapes", || {
        let lines = narthex.api("plugins/guest/logs")?;
        match lines.as_array().map_or(0, Vec::len) {
            count if count >= 4 => Ok(lines),
            count => Err(format!("{count} lines: {lines}")),
        }
    });
    assert_eq!(lines[0]["job"], "chatty", "{lines}");

    let address = narthex.url().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(
        stream,
        "GET /api/v1/plugins/guest/logs?follow=1 HTTP/1.1\r\nHost: {address}\r\n\r\n"
    )
    .unwrap();
    let already = lines.as_array().unwrap().len();
    let mut read = String::new();
    let mut buffer = [0; 4096];
    while read.matches("\"chatty\"").count() < already + 10 {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the log ended: {read}");
        read.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    assert!(read.contains("application/x-ndjson"), "{read}");
}

#[test]
fn without_its_flag_nobody_changes_a_plugin_or_reads_its_log() {
    let folder = tempfile::tempdir().unwrap();
    Guest::build().install(folder.path(), "guest", 1);
    let narthex = start(folder.path(), &[]);
    wait_for_version(&narthex, "0.0.1");
    let (status, answer) = post(&narthex, "guest/reload");
    assert_eq!(
        (status, &answer["error"]),
        (500, &Value::from("admin APIs disabled"))
    );
    let error = narthex.api("plugins/guest/logs").unwrap_err();
    assert!(error.contains("admin APIs disabled"), "{error}");
}
