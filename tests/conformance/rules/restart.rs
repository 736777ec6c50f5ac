//! Both servers stop at the same time, and what alerts look at changes while they are away: both come
//! back to the same alerts, and tell the same of them.

use std::collections::BTreeMap;

use narthex_tests::{Narthex, free_port, http, peers, until};

use super::alertmanager::Alertmanager;
use super::{FLAGS, config, differ, now_ms, samples, wait_until, written};

/// Both are stopped after so many seconds, and started after so many.
const STOPPED_AFTER: i64 = 16;
const STARTED_AFTER: i64 = 25;

/// How long the samples last.
const SECONDS: i64 = 300;

const RULES: &str = r#"
groups:
- name: g
  interval: 1s
  rules:
  - record: load:sum
    expr: sum(load)
  - alert: Stays
    expr: load{case="stays"} > 5
    for: 2s
    annotations: {summary: 'at {{ $value }}'}
  - alert: StaysAtOnce
    expr: load{case="stays"} > 5
  - alert: EndsMeanwhile
    expr: load{case="ends"} > 5
    for: 2s
  - alert: KeptMeanwhile
    expr: load{case="ends"} > 5
    keep_firing_for: 5m
  - alert: BeginsMeanwhile
    expr: load{case="begins"} > 5
    for: 3s
  - alert: EndsLater
    expr: load{case="later"} > 5
  - alert: Waits
    expr: load > 5
    for: 1h
"#;

/// The values of a case, one a second.
fn load(case: &str, second: i64) -> f64 {
    let is_high = match case {
        "stays" => true,
        "ends" => second < STOPPED_AFTER + 4,
        "begins" => second >= STOPPED_AFTER + 4,
        _ => second < STARTED_AFTER + 12,
    };
    if is_high { 9.0 } else { 1.0 }
}

fn series(base_ms: i64) -> Vec<samples::Series> {
    let of = |case: &str| samples::Series {
        labels: vec![
            ("__name__".to_owned(), "load".to_owned()),
            ("case".to_owned(), case.to_owned()),
        ],
        samples: (0..SECONDS)
            .map(|second| (base_ms + second * 1000, load(case, second)))
            .collect(),
    };
    ["stays", "ends", "begins", "later"].map(of).into()
}

/// The alerts of the API: the name and the case of each with its state.
fn alerts(url: &str) -> Result<BTreeMap<String, String>, String> {
    let data = http::api(&format!("{url}/api/v1/alerts"))?;
    let alerts = data["alerts"].as_array().ok_or("no list")?.iter();
    let alerts = alerts.map(|alert| {
        let (labels, state) = (&alert["labels"], alert["state"].as_str().unwrap());
        let name = labels["alertname"].as_str().unwrap();
        let key = format!("{name} of {}", labels["case"].as_str().unwrap());
        (key, state.to_owned())
    });
    Ok(alerts.collect())
}

/// Since when the alert is active that a restart restores to when it fired, in whole seconds. A
/// server that stood still for a second has another time than the other one.
fn since(url: &str) -> String {
    let data = http::api(&format!("{url}/api/v1/alerts")).unwrap();
    let mut alerts = data["alerts"].as_array().unwrap().iter();
    let stays = alerts.find(|alert| alert["labels"]["alertname"] == "Stays");
    stays.unwrap()["activeAt"].as_str().unwrap()[..19].to_owned()
}

#[test]
fn a_restart_in_the_middle_leaves_the_same_alerts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yml");
    std::fs::write(&file, RULES).unwrap();
    let told = [Alertmanager::start(), Alertmanager::start()];
    let flags = [
        FLAGS[0],
        "--rules.alert.for-grace-period=1s",
        "--rules.alert.resend-delay=1s",
    ];
    let port = free_port();
    let start = || {
        let config = config(&file, &told[1]);
        peers::prometheus_at(folder.path(), port, &config, &flags)
    };
    let theirs = start();
    let ours = flags
        .iter()
        .fold(Narthex::builder(), |builder, flag| builder.flag(*flag));
    let mut ours = ours.config(config(&file, &told[0])).start();
    let base_ms = (now_ms() / 1000 + 5) * 1000;
    for url in [ours.url(), theirs.url()] {
        samples::write(&url, &series(base_ms));
    }
    // All that is to fire before the restart does in both.
    wait_until(base_ms + 5000);
    let before = until(9, "the same alerts before the restart", || {
        let (ours, theirs) = (alerts(&ours.url())?, alerts(&theirs.url())?);
        let firing = ours.values().filter(|state| state.starts_with("firing"));
        match firing.count() {
            5 => differ(&ours, &theirs).map(|()| ours),
            count => Err(format!("{count} fire: {ours:#?}")),
        }
    });
    let urls = [ours.url(), theirs.url()];
    let sinces = urls.each_ref().map(|url| since(url));
    wait_until(base_ms + STOPPED_AFTER * 1000);
    ours.process().terminate();
    theirs.terminate();
    told.iter().for_each(Alertmanager::forget);
    wait_until(base_ms + STARTED_AFTER * 1000);
    let theirs = start();
    ours.restart();
    let after = until(60, "the same alerts after the restart", || {
        let (ours, theirs) = (alerts(&ours.url())?, alerts(&theirs.url())?);
        let is_back = |name: &str| ours.get(name).is_some_and(|it| it.starts_with("firing"));
        match is_back("Stays of stays") && is_back("BeginsMeanwhile of begins") {
            true => differ(&ours, &theirs).map(|()| ours),
            false => Err(format!("{ours:#?}")),
        }
    });
    assert_eq!(urls.each_ref().map(|url| since(url)), sinces);
    for gone in ["EndsMeanwhile of ends", "KeptMeanwhile of ends"] {
        assert!(before.contains_key(gone), "{before:#?}");
        assert!(!after.contains_key(gone), "{after:#?}");
    }
    // One more ends; of what ended while they were away nobody is told.
    wait_until(base_ms + (STARTED_AFTER + 14) * 1000);
    let states = until(60, "the same told after the restart", || {
        let (ours, theirs) = (told[0].states(), told[1].states());
        let has_ended = |text: &String| text.contains("EndsLater") && text.ends_with("ended");
        match ours.iter().any(has_ended) {
            true => differ(&ours, &theirs).map(|()| ours),
            false => Err(format!("{ours:#?}")),
        }
    });
    assert!(
        !states
            .iter()
            .any(|text| text.contains("Meanwhile\",\"case\":\"ends")),
        "{states:#?}"
    );
    // What is recorded goes on where it was, with nothing in between.
    let end_ms = base_ms + (STARTED_AFTER + 14) * 1000;
    let recorded = |url: &str| {
        // By then both have ended.
        let from_ms = base_ms + (STOPPED_AFTER + 5) * 1000;
        let until_ms = base_ms + STARTED_AFTER * 1000;
        let all = written(url, "load:sum", end_ms).unwrap();
        let away = super::within(all.clone(), from_ms, until_ms);
        (super::within(all, base_ms + 3000, end_ms).len(), away.len())
    };
    for url in [ours.url(), theirs.url()] {
        assert_eq!(recorded(&url), (1, 0), "{url}");
    }
}
