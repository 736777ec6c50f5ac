//! Plugins that hoard what the host keeps for them: handles of every kind, elements of tables,
//! random bytes, and a body that unpacks to more than anybody has room for.

use std::fs;
use std::io::Write;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::handmade::Handmade;
use crate::harness::{Bench, collect};
use crate::peers::{bench, keep_log, logged, steps};

/// A guest that does one thing again and again and lets go of nothing.
fn hoarding(wit: &'static str, import: &str, step: &str) -> Handmade {
    Handmade {
        wit,
        imports: format!("(import {import})"),
        ..Handmade::collecting(&format!("(loop $more {step} (br $more)) unreachable"))
    }
}

fn hoarders() -> Vec<(&'static str, Handmade, &'static str)> {
    let secrets = hoarding(
        "",
        r#""narthex:plugin/secrets@0.1.0" "get" (func $get (param i32 i32 i32))"#,
        "(call $get (i32.const 3000) (i32.const 3) (i32.const 3008))",
    );
    let own = hoarding(
        "package test:made;
         interface things { resource thing { constructor(); } }
         world made { include narthex:plugin/exporter@0.1.0; export things; }",
        r#""[export]test:made/things" "[resource-new]thing" (func $new (param i32) (result i32))"#,
        "(drop (call $new (i32.const 1)))",
    );
    vec![
        (
            "secrets",
            Handmade {
                more: r#"(data (i32.const 3000) "own")"#.to_owned(),
                ..secrets
            },
            "resource table has no free keys",
        ),
        (
            "timers",
            hoarding(
                "package test:made;
                 package wasi:io@0.2.0 { interface poll { resource pollable; } }
                 package wasi:clocks@0.2.0 {
                     interface monotonic-clock {
                         use wasi:io/poll@0.2.0.{pollable};
                         subscribe-duration: func(when: u64) -> pollable;
                     }
                 }
                 world made {
                     include narthex:plugin/exporter@0.1.0;
                     import wasi:clocks/monotonic-clock@0.2.0;
                 }",
                r#""wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration"
                    (func $subscribe (param i64) (result i32))"#,
                "(drop (call $subscribe (i64.const 1000)))",
            ),
            "resource table has no free keys",
        ),
        (
            "own-resources",
            Handmade {
                more: r#"(func (export "test:made/things#[constructor]thing") (result i32)
                    unreachable)"#
                    .to_owned(),
                ..own
            },
            "cannot allocate another handle: store handle limit exceeded",
        ),
        (
            "random-bytes",
            hoarding(
                "package test:made;
                 package wasi:random@0.2.0 {
                     interface random { get-random-bytes: func(len: u64) -> list<u8>; }
                 }
                 world made {
                     include narthex:plugin/exporter@0.1.0;
                     import wasi:random/random@0.2.0;
                 }",
                r#""wasi:random/random@0.2.0" "get-random-bytes"
                    (func $random (param i64 i32))"#,
                "(call $random (i64.const 0x7fffffff) (i32.const 3008))",
            ),
            "requested len 2147483647 exceeds limit 1048576",
        ),
        (
            "elements",
            Handmade {
                more: "(table 1000000 funcref)".to_owned(),
                ..Handmade::exporter("made 1\n")
            },
            "table minimum size of 1000000 elements exceeds table limits",
        ),
    ]
}

#[tokio::test]
async fn each_hoard_ends_at_its_bound_and_is_named() {
    keep_log();
    let folder = tempfile::tempdir().unwrap();
    for (name, guest, _) in hoarders() {
        let manifest = guest.manifest(name, "1", "");
        fs::write(folder.path().join(format!("{name}.toml")), manifest).unwrap();
        fs::write(folder.path().join(format!("{name}.wasm")), guest.build()).unwrap();
    }
    let granted = r#", "grants": {"secrets": {"secrets": ["own"]}},
        "secrets": {"own": {"value": "hunter2"}}"#;
    let bench = Bench::with_folder(folder.path(), granted).await;
    for (name, _, expected) in hoarders() {
        let job = format!("hoard-{name}");
        let collector = bench.runtime.collector(name, &job, &Value::Null).unwrap();
        let error = collect(&collector).await.unwrap_err();
        assert_eq!(error, format!("plugin {name}: trap: {expected}"));
        bench.assert_metrics(&[&format!(
            "narthex_plugin_calls_total{{plugin=\"{name}\",job=\"{job}\",result=\"trap\"}} 1"
        )]);
        let log = logged();
        let is_named = |line: &str| {
            line.contains("plugin was stopped") && line.contains(&format!("job=\"{job}\""))
        };
        assert!(log.lines().any(is_named), "{name}: {log}");
    }
}

/// Answers each request with so many megabytes of zeros, packed.
async fn packed(megabytes: usize) -> u16 {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..megabytes {
        packer.write_all(&[0; 1 << 20]).unwrap();
    }
    let body = packer.finish().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).await.is_ok_and(|read| read > 2) {
                line.clear();
            }
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n",
                body.len()
            );
            // The other side may have seen enough.
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&body).await;
        }
    });
    port
}

#[tokio::test]
async fn a_small_body_that_unpacks_to_a_large_one_is_cut_off() {
    let port = packed(70).await;
    let granted = format!(r#"{{"grants": {{"guest": {{"http": ["127.0.0.1:{port}"]}}}}}}"#);
    let bench = bench("", &granted, Bench::options()).await;
    let url = format!("http://127.0.0.1:{port}/");
    let answers = steps(&bench, "packed", &json!([{"op": "http", "url": url}])).await;
    assert_eq!(answers, ["protocol: body size limit exceeded"]);
}
