//! Remote write with Prometheus 2.42 and with VictoriaMetrics and its agent, both ways, while
//! receivers are killed and started again: nothing is lost, and nothing is there twice.
//!
//! A target counts how often it was read. So what arrives must be the numbers from the first one
//! on, each once.

use std::collections::BTreeSet;
use std::path::Path;

use narthex_tests::{Narthex, Ticking, free_port, http, peers, until};

/// How many scrapes a test lasts; a scrape comes every half second. `REMOTE_WRITE_TICKS=1200` is
/// ten minutes.
fn ticks() -> u64 {
    let asked = std::env::var("REMOTE_WRITE_TICKS").ok();
    asked.and_then(|ticks| ticks.parse().ok()).unwrap_or(60)
}

/// A target that counts its readers, and a few series more.
fn ticking() -> Ticking {
    Ticking::with(|tick| {
        let series = (0..200).map(|series| format!("other{{series=\"{series}\"}} {tick}\n"));
        series.collect()
    })
}

fn scrape_config(ticking: &Ticking) -> String {
    format!(
        "global: {{scrape_interval: 500ms, external_labels: {{sender: x}}}}\n\
         scrape_configs:\n\
         - job_name: ticking\n\
         \x20 scrape_timeout: 400ms\n\
         \x20 static_configs: [{{targets: [\"{}\"]}}]\n",
        ticking.address()
    )
}

/// The numbers that a server has of a series, in the order of time.
fn numbers(url: &str, selector: &str) -> Result<Vec<u64>, String> {
    let query = http::encode(&format!("{selector}[2h]"));
    let data = http::api(&format!("{url}/api/v1/query?query={query}"))?;
    let series = data["result"].as_array().ok_or("no list")?;
    let [series] = series.as_slice() else {
        return Err(format!("{} series", series.len()));
    };
    let values = series["values"].as_array().ok_or("no values")?;
    let number = |value: &serde_json::Value| value[1].as_str()?.parse::<f64>().ok();
    let numbers = values
        .iter()
        .map(|value| number(value).map(|number| number as u64));
    numbers
        .collect::<Option<Vec<u64>>>()
        .ok_or_else(|| format!("{values:?}"))
}

/// Waits until a receiver has a tick, and checks that it has each from the first one on once.
fn has_all(url: &str, selector: &str, last: u64) {
    until(120, "the last of what was sent", || {
        let numbers = numbers(url, selector)?;
        match numbers.last() {
            Some(newest) if *newest >= last => Ok(()),
            newest => Err(format!("{newest:?} of {last}")),
        }
    });
    let found = numbers(url, selector).unwrap();
    let late = late(url);
    let first = found[0];
    assert!(first <= 5 + late, "the first ones are missing: {found:?}");
    assert!(found.is_sorted_by(|a, b| a < b), "{url}: {found:?}");
    let missing = found[found.len() - 1] - first + 1 - found.len() as u64;
    assert!(
        missing <= late,
        "{url} {selector}: {missing} are missing, {late} were late: {found:?}"
    );
}

/// How many scrapes came too late, as a receiver knows: that is sent as well.
fn late(url: &str) -> u64 {
    let up = numbers(url, "up{job=\"ticking\"}").unwrap();
    up.iter().filter(|up| **up == 0).count() as u64
}

/// Some are on their way when the receiver goes; some come while it is away.
fn kill_in_between(ticking: &Ticking, mut kill: impl FnMut(), mut start: impl FnMut()) {
    let third = ticks() / 3;
    for round in 1..3 {
        ticking.wait_for(third * round);
        kill();
        ticking.wait_for(third * round + 8);
        start();
    }
    ticking.wait_for(third * 3);
}

fn receiving() -> Narthex {
    Narthex::builder()
        .config("global: {}\n")
        .flag("--web.enable-remote-write-receiver")
        .flag("--web.remote-write-receiver.accepted-protobuf-messages=prometheus.WriteRequest")
        .flag(
            "--web.remote-write-receiver.accepted-protobuf-messages=io.prometheus.write.v2.Request",
        )
        .start()
}

/// Kills the receiver twice while `_peer` sends to it.
fn to_narthex(ticking: &Ticking, narthex: Narthex) {
    let narthex = std::cell::RefCell::new(narthex);
    kill_in_between(
        ticking,
        || narthex.borrow_mut().process().kill(),
        || narthex.borrow_mut().restart(),
    );
    let narthex = narthex.into_inner();
    let last = ticking.now();
    for selector in [
        "ticks_total",
        "other{series=\"0\"}",
        "other{series=\"199\"}",
    ] {
        has_all(&narthex.url(), selector, last);
    }
}

#[test]
fn prometheus_sends_to_narthex() {
    let folder = tempfile::tempdir().unwrap();
    let ticking = ticking();
    let narthex = receiving();
    let config = format!(
        "{}remote_write:\n- url: {}/api/v1/write\n",
        scrape_config(&ticking),
        narthex.url()
    );
    let _prometheus = peers::prometheus(folder.path(), &config);
    to_narthex(&ticking, narthex);
}

#[test]
fn the_agent_of_victoria_metrics_sends_to_narthex() {
    let folder = tempfile::tempdir().unwrap();
    let ticking = ticking();
    let narthex = receiving();
    let url = format!("{}/api/v1/write", narthex.url());
    let config = scrape_config(&ticking);
    let _agent = peers::vmagent(folder.path(), free_port(), &config, &url);
    to_narthex(&ticking, narthex);
}

#[test]
fn narthex_sends_to_narthex_by_both_messages() {
    std::thread::scope(|scope| {
        for message in ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"] {
            scope.spawn(move || {
                let ticking = ticking();
                let receiver = receiving();
                let url = receiver.url();
                let _sender = sending(&ticking, &url, message).start();
                to_narthex(&ticking, receiver);
            });
        }
    });
}

fn sending(ticking: &Ticking, url: &str, message: &str) -> narthex_tests::NarthexBuilder {
    Narthex::builder().config(format!(
        "{}remote_write:\n\
         - url: {url}/api/v1/write\n\
         \x20 protobuf_message: {message}\n\
         \x20 queue_config: {{batch_send_deadline: 1s, max_backoff: 1s}}\n",
        scrape_config(ticking)
    ))
}

/// Sends to a peer that is killed twice, then to one that stays while the sender is killed.
fn to_peer(start: impl Fn(&Path, u16) -> peers::Peer, is_killed: bool) {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let peer = std::cell::RefCell::new(Some(start(folder.path(), port)));
    let ticking = ticking();
    let url = format!("http://127.0.0.1:{port}");
    let mut narthex = sending(&ticking, &url, "prometheus.WriteRequest").start();
    kill_in_between(
        &ticking,
        || {
            let peer = peer.borrow_mut().take().unwrap();
            match is_killed {
                true => drop(peer),
                false => peer.terminate(),
            }
        },
        || *peer.borrow_mut() = Some(start(folder.path(), port)),
    );
    let last = ticking.now();
    for selector in ["ticks_total{sender=\"x\"}", "other{series=\"199\"}"] {
        has_all(&url, selector, last);
    }
    // Who sends is killed while samples wait, and comes back.
    ticking.wait_for(last + 10);
    narthex.process().kill();
    let before = ticking.now();
    narthex.restart();
    ticking.wait_for(before + 10);
    let last = ticking.now();
    until(120, "the last of what was sent", || {
        let numbers = numbers(&url, "ticks_total")?;
        match numbers.last() {
            Some(newest) if *newest >= last => Ok(()),
            newest => Err(format!("{newest:?} of {last}")),
        }
    });
    let found = numbers(&url, "ticks_total").unwrap();
    // A sender that was killed sends its last second again, and VictoriaMetrics keeps both unless it
    // is told to leave out samples of one time.
    let is_once = match is_killed {
        true => found.is_sorted_by(|a, b| a < b),
        false => found.is_sorted(),
    };
    assert!(is_once, "{found:?}");
    // A scrape may have been under way when the sender died, and this receiver refuses a whole
    // request for one sample that it has already: what was sent with such a one is not there.
    let kept: BTreeSet<_> = found.iter().filter(|n| **n <= last).collect();
    let missing = last - found[0] + 1 - kept.len() as u64;
    let late = late(&url);
    assert!(
        missing <= 8 + late,
        "{missing} are missing, {late} were late: {found:?}"
    );
}

#[test]
fn narthex_sends_to_prometheus() {
    to_peer(peers::prometheus_receiving, true);
}

#[test]
fn narthex_sends_to_victoria_metrics() {
    // It keeps what it was sent in memory for a second, and a kill would take that.
    to_peer(peers::victoria_metrics, false);
}
