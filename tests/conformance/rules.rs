//! Rules beside Debian's Prometheus: the same files of rules over the same samples give the same
//! series, the same alerts in the API, and the same alerts told to an Alertmanager; and unit tests
//! of rules hold or fail as for promtool.
//!
//! Groups are evaluated at the same milliseconds in both, because their place in the interval
//! depends on the names of file and group only. The samples of all of a test are written before the
//! first of them counts, so that both see the same at each evaluation.

mod alertmanager;
mod hour;
mod restart;
mod samples;
mod unit_tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use narthex_tests::{Narthex, http, peers, until};
use serde_json::{Value, json};

use self::alertmanager::Alertmanager;

/// How long the samples of a test last.
const SECONDS: i64 = 24;

/// After so many seconds nothing changes any more.
const STEADY_AFTER: i64 = 16;

/// One group each second, one that is later by its offset in the past, and one that is seldom
/// evaluated.
const RULES: &str = r#"
groups:
- name: fast
  interval: 1s
  rules:
  - record: job:load:sum
    expr: sum by (job) (load)
    labels: {team: a}
  - record: load:high
    expr: load > 5
  - alert: ZeroFor
    expr: load > 5
    labels: {severity: page, of: '{{ $labels.job }}'}
    annotations:
      summary: 'load of {{ $labels.instance }} is {{ $value }}'
      asked: '{{ with query "sum(load)" }}{{ . | first | value | humanize }}{{ end }}'
      empty: ''
  - alert: Waits
    expr: load > 5
    for: 3s
    annotations: {summary: '{{ $externalLabels.region }} {{ $value | humanize }}'}
  - alert: WaitsForEver
    expr: load > 2
    for: 1h
  - alert: KeepsFiring
    expr: load > 5
    keep_firing_for: 4s
  - alert: Flaps
    expr: flapping == 1
  - alert: OfARecord
    expr: job:load:sum > 7
    for: 2s
  - alert: Never
    expr: load > 1000
- name: broken
  interval: 1s
  rules:
  - record: broken:evaluated
    expr: vector(1)
  - record: twice
    expr: load
    labels: {instance: one}
  - record: not_one
    expr: load + on () load
  - alert: Alone
    expr: count(load)
- name: limited
  interval: 1s
  limit: 1
  rules:
  - record: limited
    expr: load
  - alert: Limited
    expr: load > 0
"#;

/// The values of a series, one a second from the first one on.
fn load(instance: usize, second: i64) -> f64 {
    match (instance, second) {
        (0, 2..8) => 9.0,
        (1, 4..6) => 7.0,
        (1, 12..) => 6.5,
        (2, _) => 3.0,
        _ => 1.0,
    }
}

/// All samples, in milliseconds since the epoch.
fn series(base_ms: i64) -> Vec<samples::Series> {
    let values = |value: &dyn Fn(i64) -> f64| {
        let values = (0..SECONDS).map(|second| (base_ms + second * 1000, value(second)));
        values.collect::<Vec<_>>()
    };
    let mut all: Vec<samples::Series> = (0..3)
        .map(|at| samples::Series {
            labels: vec![
                ("__name__".to_owned(), "load".to_owned()),
                ("instance".to_owned(), format!("i{at}")),
                ("job".to_owned(), format!("j{}", at % 2)),
            ],
            samples: values(&|second| load(at, second)),
        })
        .collect();
    all.push(samples::Series {
        labels: vec![("__name__".to_owned(), "flapping".to_owned())],
        samples: values(&|second| match second < STEADY_AFTER {
            true => (second / 2 % 2) as f64,
            false => 0.0,
        }),
    });
    all
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// Waits until a time of the machine's clock.
fn wait_until(time_ms: i64) {
    until(120, "a time", || match now_ms() {
        now if now >= time_ms => Ok(()),
        now => Err(format!("{} ms are left", time_ms - now)),
    });
}

fn config(rules: &Path, alertmanager: &Alertmanager) -> String {
    let rules = rules.display();
    let address = alertmanager.address();
    format!(
        "global: {{evaluation_interval: 1s, external_labels: {{region: eu}}}}\n\
         rule_files: ['{rules}']\n\
         alerting:\n\
         \x20 alert_relabel_configs: [{{source_labels: [job], regex: j1, target_label: odd, replacement: 'yes'}}]\n\
         \x20 alertmanagers: [{{path_prefix: /am, static_configs: [{{targets: ['{address}']}}]}}]\n"
    )
}

const FLAGS: [&str; 3] = [
    "--web.enable-remote-write-receiver",
    "--web.external-url=http://prom.example/",
    "--rules.alert.resend-delay=3s",
];

/// All samples of a metric: by labels, each time and value.
fn written(url: &str, metric: &str, time_ms: i64) -> Result<BTreeMap<String, Value>, String> {
    let query = http::encode(&format!("{metric}[2m]"));
    let time = time_ms as f64 / 1000.0;
    let data = http::api(&format!("{url}/api/v1/query?query={query}&time={time}"))?;
    let series = data["result"].as_array().ok_or("no list")?.iter();
    let series = series.map(|one| {
        let labels = narthex_tests::sorted(&one["metric"]);
        (labels, one["values"].clone())
    });
    Ok(series.collect())
}

/// Those of the samples that lie in a time, and the series that have some there.
fn within(
    written: BTreeMap<String, Value>,
    begin_ms: i64,
    end_ms: i64,
) -> BTreeMap<String, Vec<(i64, String)>> {
    let series = written.into_iter().map(|(labels, values)| {
        let values = values.as_array().unwrap().iter();
        let values = values.map(|value| {
            let time_ms = (value[0].as_f64().unwrap() * 1000.0).round() as i64;
            (time_ms, value[1].as_str().unwrap().to_owned())
        });
        let values = values.filter(|(time_ms, _)| (begin_ms..end_ms).contains(time_ms));
        (labels, values.collect::<Vec<_>>())
    });
    series.filter(|(_, values)| !values.is_empty()).collect()
}

/// Up to when both servers evaluated at the same times, as the samples of records tell, one of each
/// group: a server that stood still for a second or more leaves an evaluation out, and what comes
/// after it is another thing in both.
fn together(servers: &[String; 2], records: &[&str], begin_ms: i64, end_ms: i64) -> i64 {
    let mut together_ms = end_ms;
    for record in records {
        let times = |url: &String| {
            until(60, record, || {
                let written = written(url, record, end_ms + 5_000)?;
                let samples = within(written, begin_ms, i64::MAX).into_values().flatten();
                let times: BTreeSet<i64> = samples.map(|(time_ms, _)| time_ms).collect();
                match times.last() {
                    Some(last) if *last >= end_ms => Ok(times),
                    last => Err(format!("{last:?} of {end_ms}")),
                }
            })
        };
        let evaluated = servers.each_ref().map(times);
        let [ours, theirs] = &evaluated;
        // Who has no evaluation at a time of the other one knows that it has missed some.
        for (url, missing) in servers.iter().zip([theirs - ours, ours - theirs]) {
            let missing: Vec<i64> = missing.into_iter().filter(|at| *at < end_ms).collect();
            assert!(
                missing.is_empty() || missed(url) > 0.0,
                "{url} evaluated {record} at other times than the other one: not at {missing:?}"
            );
        }
        let apart = ours.symmetric_difference(theirs).next();
        together_ms = together_ms.min(apart.copied().unwrap_or(end_ms));
    }
    if together_ms < end_ms {
        let left_ms = end_ms - together_ms;
        println!("the machine stood still: the last {left_ms} ms are not compared");
    }
    together_ms
}

/// How many evaluations a server says to have left out.
fn missed(url: &str) -> f64 {
    let (_, page) = http::get(&format!("{url}/metrics")).unwrap();
    let name = "prometheus_rule_group_iterations_missed_total{";
    let lines = page.lines().filter(|line| line.starts_with(name));
    let counts = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    counts.sum()
}

/// The rules in the API, without what is each server's own.
fn rules(url: &str) -> Result<Value, String> {
    let mut data = http::api(&format!("{url}/api/v1/rules"))?;
    for group in data["groups"].as_array_mut().ok_or("no groups")? {
        for name in ["evaluationTime", "lastEvaluation"] {
            group.as_object_mut().unwrap().remove(name);
        }
        for rule in group["rules"].as_array_mut().unwrap() {
            let rule = rule.as_object_mut().unwrap();
            for name in ["evaluationTime", "lastEvaluation"] {
                rule.remove(name);
            }
            // Prometheus 2 leaves out what is empty.
            rule.entry("labels").or_insert_with(|| json!({}));
            if let Some(error) = rule.get_mut("lastError") {
                *error = json!(error.as_str().unwrap().split(':').next());
            }
            if let Some(alerts) = rule.get_mut("alerts").and_then(Value::as_array_mut) {
                alerts.sort_by_key(|alert| narthex_tests::sorted(&alert["labels"]));
                alerts.iter_mut().for_each(|alert| {
                    // Since Prometheus 2.43.
                    alert.as_object_mut().unwrap().remove("keepFiringSince");
                    alert["activeAt"] = json!(milliseconds(&alert["activeAt"]));
                });
            }
        }
    }
    Ok(data)
}

/// A time without what is less than a millisecond, which is all that Narthex counts.
fn milliseconds(time: &Value) -> String {
    let time = time.as_str().unwrap().trim_end_matches('Z');
    match time.split_once('.') {
        None => time.to_owned(),
        Some((whole, fraction)) => {
            let fraction = fraction[..fraction.len().min(3)].trim_end_matches('0');
            format!("{whole}.{fraction}")
        }
    }
}

/// What differs between the two, as text.
fn differ<T: PartialEq + std::fmt::Debug>(ours: &T, theirs: &T) -> Result<(), String> {
    match ours == theirs {
        true => Ok(()),
        false => Err(format!("ours: {ours:#?}\nPrometheus': {theirs:#?}")),
    }
}

#[test]
fn the_same_rules_over_the_same_samples_give_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yml");
    std::fs::write(&file, RULES).unwrap();
    let told = [Alertmanager::start(), Alertmanager::start()];
    let theirs = peers::prometheus_with_flags(folder.path(), &config(&file, &told[1]), &FLAGS);
    let ours = FLAGS
        .iter()
        .fold(Narthex::builder(), |builder, flag| builder.flag(*flag));
    let ours = ours.config(config(&file, &told[0])).start();
    // Alerts are written from the third evaluation on.
    let base_ms = (now_ms() / 1000 + 10) * 1000;
    for url in [ours.url(), theirs.url()] {
        samples::write(&url, &series(base_ms));
    }
    let begin_ms = base_ms - 500;
    let end_ms = base_ms + (SECONDS - 2) * 1000;
    wait_until(end_ms + 1500);
    let servers = [ours.url(), theirs.url()];
    let records = ["job:load:sum", "broken:evaluated"];
    let together_ms = together(&servers, &records, begin_ms, end_ms);
    let is_whole = together_ms == end_ms;
    // Nothing has changed for some seconds.
    if is_whole {
        until(60, "the same rules in the API", || {
            differ(&rules(&ours.url())?, &rules(&theirs.url())?)
        });
    }
    for (metric, count) in [
        ("ALERTS", 14),
        ("ALERTS_FOR_STATE", 10),
        ("job:load:sum", 2),
        ("load:high", 2),
        ("limited", 0),
        ("twice", 0),
        ("not_one", 0),
    ] {
        let of = |url: &str| {
            let written = written(url, metric, end_ms + 1000).unwrap();
            within(written, begin_ms, together_ms)
        };
        let (ours, theirs) = (of(&ours.url()), of(&theirs.url()));
        assert_eq!(differ(&ours, &theirs), Ok(()), "{metric}");
        assert!(ours.len() >= count || !is_whole, "{metric}: {ours:#?}");
    }
    let [ours, theirs] = &told;
    let of = |told: &Alertmanager| told.alerts(begin_ms, together_ms);
    until(60, "the same alerts told", || {
        differ(&of(ours), &of(theirs))
    });
    assert!(of(ours).len() >= 10 || !is_whole, "{:#?}", of(ours));
}

#[test]
fn alerts_are_active_since_before_a_restart_in_both() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yml");
    let text = "groups:\n- name: g\n  interval: 1s\n  rules:\n\
                \x20 - {alert: Waits, expr: load > 5, for: 3s}\n";
    std::fs::write(&file, text).unwrap();
    let told = [Alertmanager::start(), Alertmanager::start()];
    let flags = [FLAGS[0], "--rules.alert.for-grace-period=1s"];
    let port = narthex_tests::free_port();
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
    let all = samples::Series {
        labels: vec![("__name__".to_owned(), "load".to_owned())],
        samples: (0..300)
            .map(|second| (base_ms + second * 1000, 9.0))
            .collect(),
    };
    for url in [ours.url(), theirs.url()] {
        samples::write(&url, std::slice::from_ref(&all));
    }
    let active = |url: &str| -> Result<String, String> {
        let data = http::api(&format!("{url}/api/v1/alerts"))?;
        let alert = &data["alerts"][0];
        match alert["state"] == "firing" {
            // What is restored are whole seconds.
            true => Ok(alert["activeAt"].as_str().unwrap()[..19].to_owned()),
            false => Err(alert.to_string()),
        }
    };
    // Where one of them stood still when the samples began, it is active later than in the other.
    let [before, theirs_before] =
        [ours.url(), theirs.url()].map(|url| until(60, "the alert fires", || active(&url)));
    // A few samples of ALERTS_FOR_STATE, from the time that the alert fired on.
    wait_until(base_ms + 7000);
    theirs.terminate();
    let theirs = start();
    ours.restart();
    // A second evaluation restores; before it the alert waits since the restart.
    for (url, before) in [(ours.url(), before), (theirs.url(), theirs_before)] {
        until(60, "the alert is restored", || match active(&url)? {
            after if after == before => Ok(()),
            after => Err(format!("{url}: {after} and not {before}")),
        });
    }
}

#[test]
fn rules_that_are_broken_leave_the_old_ones_and_new_ones_take_over() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yml");
    let rules = |name: &str, expr: &str| {
        let text = format!(
            "groups:\n- name: g\n  interval: 1s\n  rules:\n  - {{record: {name}, expr: '{expr}'}}\n"
        );
        std::fs::write(&file, text).unwrap();
    };
    rules("old", "vector(1)");
    let alertmanager = Alertmanager::start();
    let narthex = Narthex::builder()
        .config(config(&file, &alertmanager))
        .start();
    let has = |name: &str| {
        until(60, name, || match narthex.query(name)?.len() {
            1 => Ok(()),
            count => Err(format!("{count} series")),
        });
    };
    has("old");
    rules("new", "sum(");
    let reload = format!("{}/-/reload", narthex.url());
    let (status, body) = http::post(&reload).unwrap();
    assert_eq!(status, 500);
    let place = "rules.yml:5:25: could not parse expression: 1:5: parse error";
    assert!(
        body.contains(place) && body.contains("previous rule set restored"),
        "{body}"
    );
    has("old");
    rules("new", "vector(2)");
    assert_eq!(http::post(&reload).unwrap().0, 200);
    has("new");
    until(60, "the old series ends", || {
        match narthex.query("old")?.len() {
            0 => Ok(()),
            count => Err(format!("{count} series")),
        }
    });
    let metrics = http::get(&format!("{}/metrics", narthex.url())).unwrap().1;
    let group = format!("{{rule_group=\"{};g\"}}", file.display());
    for name in ["evaluations_total", "group_iterations_total", "group_rules"] {
        let name = format!("prometheus_rule_{name}{group}");
        assert!(metrics.contains(&name), "no {name}");
    }
    let managers = narthex.api("alertmanagers").unwrap();
    let url = format!("http://{}/am/api/v2/alerts", alertmanager.address());
    assert_eq!(managers["activeAlertmanagers"], json!([{"url": url}]));
    let config = narthex.api("status/config").unwrap()["yaml"].to_string();
    assert!(
        config.contains("path_prefix: /am") && config.contains("rule_files"),
        "{config}"
    );
}
