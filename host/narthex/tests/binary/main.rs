//! The real binary: flags, the default config, reloads, a clean end.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's helpers fail by panicking"
)]

mod process;

use std::process::Command;

use process::{Narthex, until};

const GOOD: &str = "scrape_configs:\n- job_name: first\n  scrape_interval: 1s\n  static_configs:\n  - targets: [localhost:1]\n";

#[test]
fn the_default_config_scrapes_itself_and_the_machine_and_ends_cleanly() {
    let mut narthex = Narthex::start(None);
    let up = until("both jobs are up", || {
        let body = narthex.get("/api/v1/query?query=up%20%3D%3D%201")?;
        let jobs = ["\"job\":\"narthex\"", "\"job\":\"node\""];
        jobs.iter().all(|job| body.contains(job)).then_some(body)
    });
    assert!(up.starts_with(r#"{"status":"success""#), "{up}");
    let metrics = narthex.get("/metrics").unwrap();
    for name in [
        "prometheus_build_info{",
        "narthex_build_info{",
        "process_start_time_seconds ",
        "process_cpu_seconds_total ",
        "prometheus_config_last_reload_successful 1",
        "prometheus_tsdb_head_series ",
        "prometheus_http_requests_total{",
        "narthex_http_credential_fetches_total{mechanism=\"oauth2\"} 0",
    ] {
        assert!(metrics.contains(name), "{name} in\n{metrics}");
    }
    assert_eq!(narthex.terminate(), Some(0), "{}", narthex.log());
    assert!(narthex.log().contains("stopped"), "{}", narthex.log());
}

#[test]
fn a_broken_config_leaves_the_old_one_running() {
    let narthex = Narthex::start(Some(GOOD));
    let jobs = |narthex: &Narthex| narthex.get("/api/v1/scrape_pools").unwrap();
    assert!(jobs(&narthex).contains("[\"first\"]"));

    narthex.write_config("scrape_configs:\n- job_name: second\n  scrape_intervall: 1s\n");
    let (status, body) = narthex.post("/-/reload").unwrap();
    assert_eq!(status, 500, "{body}");
    for part in [
        "failed to reload config",
        "prometheus.yml:3:3: ",
        "scrape_intervall",
        "  |   ^",
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
    assert!(jobs(&narthex).contains("[\"first\"]"));
    let metrics = narthex.get("/metrics").unwrap();
    assert!(metrics.contains("prometheus_config_last_reload_successful 0"));

    narthex.write_config("scrape_configs:\n- job_name: second\n  plugin: nothing\n");
    let (status, body) = narthex.post("/-/reload").unwrap();
    let said = "prometheus.yml:3:11: job \"second\": plugin: no plugin is named \"nothing\"";
    assert!(status == 500 && body.contains(said), "{body}");
    assert!(jobs(&narthex).contains("[\"first\"]"));

    narthex.write_config(&GOOD.replace("first", "second"));
    assert_eq!(narthex.post("/-/reload").unwrap(), (200, String::new()));
    assert!(jobs(&narthex).contains("[\"second\"]"));

    narthex.write_config(&GOOD.replace("first", "third"));
    narthex.signal("HUP");
    until("the third config is taken", || {
        jobs(&narthex).contains("[\"third\"]").then_some(())
    });
}

#[test]
fn quit_ends_the_process() {
    let mut narthex = Narthex::start(Some(GOOD));
    assert_eq!(narthex.post("/-/quit").unwrap().0, 200);
    assert_eq!(narthex.wait(), Some(0), "{}", narthex.log());
}

#[test]
fn what_cannot_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.yml");
    std::fs::write(&broken, "global:\n  scrape_interval: never\n").unwrap();
    let config = format!("--config.file={}", broken.display());
    for (args, status, said) in [
        (vec!["--no-such-flag"], 2, "--no-such-flag"),
        (vec!["--config.file=/no/such.yml"], 1, "/no/such.yml"),
        (vec![config.as_str()], 1, "broken.yml:2:20: "),
        (vec!["--web.listen-address=nonsense"], 1, "nonsense"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_narthex"));
        command.current_dir(folder.path()).args(&args);
        if !args[0].starts_with("--web") {
            command.arg("--web.listen-address=127.0.0.1:0");
        }
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{args:?}: {text}");
        assert!(text.contains(said), "{args:?}: {text}");
    }
}

#[test]
fn scripts_end_with_their_count() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("a.test");
    let run = |text: &str| {
        std::fs::write(&script, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_narthex"));
        let output = command
            .args(["test", "promql"])
            .arg(&script)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (
            output.status.code(),
            text.lines().last().unwrap_or("").to_owned(),
        )
    };
    let good = "load 1m\n  x 1 2 3\n\neval instant at 2m x\n  x 3\n";
    assert_eq!(run(good), (Some(0), "1 passed, 0 failed".to_owned()));
    let bad = good.replace("x 3\n", "x 4\n").replace("1 2 3", "1 2 5");
    let (status, last) = run(&bad);
    assert_eq!((status, last.as_str()), (Some(1), "0 passed, 1 failed"));
}
