//! An hour of minutes, each of which is a second here: series that walk, flap, vanish and come
//! back, under rules with all kinds of waiting. Both servers write the same, hold the same alerts and
//! tell them; and those that begin in the same evaluation are told in the order of their rules.

use narthex_tests::{Narthex, peers, until};

use super::alertmanager::Alertmanager;
use super::{FLAGS, config, differ, now_ms, rules, samples, wait_until, written};

/// How long the samples last, and from when on nothing changes.
const SECONDS: i64 = 60;
const STEADY_AFTER: i64 = 50;

/// Series of `walk`.
const INSTANCES: usize = 12;

/// What the last rules of the first group are called, in the order of the file.
const ORDERED: [&str; 6] = [
    "Ordered4", "Ordered1", "Ordered3", "Ordered0", "Ordered5", "Ordered2",
];

const RULES: &str = r#"
groups:
- name: minutes
  interval: 1s
  rules:
  - record: zone:walk:sum
    expr: sum by (zone) (walk)
  - alert: Zero
    expr: walk > 6
    labels: {of: '{{ $labels.zone }}', level: '{{ if gt $value 8.0 }}high{{ end }}'}
    annotations: {summary: '{{ $labels.instance }} is at {{ $value }}'}
  - alert: WaitsTwo
    expr: walk > 4
    for: 2s
    annotations: {summary: '{{ $value | printf "%.1f" }}'}
  - alert: WaitsFive
    expr: walk > 2
    for: 5s
  - alert: Keeps
    expr: walk > 7
    keep_firing_for: 3s
    annotations: {summary: 'was at {{ $value }}'}
  - alert: WaitsAndKeeps
    expr: walk > 5
    for: 2s
    keep_firing_for: 2s
  - alert: OfARecord
    expr: zone:walk:sum > 14
    for: 1s
  - alert: Missing
    expr: absent(walk{instance="i3"})
    labels: {severity: page}
  - alert: Ended
    expr: walk > bool 20 == 1
ORDERED
- name: seldom
  interval: 2s
  rules:
  - alert: Seldom
    expr: walk > 6
  - alert: SeldomWaits
    expr: walk > 3
    for: 3s
  - record: walk:max
    expr: max(walk)
"#;

/// The marker of a series that has ended, which is a NaN with bits of its own.
fn ended() -> f64 {
    f64::from_bits(0x7ff0_0000_0000_0002)
}

/// A value from 0 to 9 that looks drawn by chance and is the same each time; each third series
/// moves at a pace of its own.
fn walk(instance: usize, second: i64) -> f64 {
    let second = second.min(STEADY_AFTER);
    if instance % 4 == 3 && (20..30).contains(&second) {
        return ended();
    }
    let step = second.cast_unsigned() / (1 + instance as u64 % 3);
    let mut mixed = (instance as u64 + 1) * 0x9e37_79b9 + step * 0x85eb_ca6b;
    mixed ^= mixed >> 13;
    mixed = mixed.wrapping_mul(0xc2b2_ae35);
    mixed ^= mixed >> 16;
    (mixed % 10) as f64
}

fn series(base_ms: i64) -> Vec<samples::Series> {
    let values = |value: &dyn Fn(i64) -> f64| {
        let values = (0..SECONDS).map(|second| (base_ms + second * 1000, value(second)));
        values.collect::<Vec<_>>()
    };
    let label = |name: &str, value: String| (name.to_owned(), value);
    let mut all: Vec<samples::Series> = (0..INSTANCES)
        .map(|at| samples::Series {
            labels: vec![
                label("__name__", "walk".to_owned()),
                label("instance", format!("i{at}")),
                label("zone", format!("z{}", at % 3)),
            ],
            samples: values(&|second| walk(at, second)),
        })
        .collect();
    for at in 0..3 {
        all.push(samples::Series {
            labels: vec![
                label("__name__", "begins".to_owned()),
                label("n", at.to_string()),
            ],
            samples: values(&|second| f64::from((10..40).contains(&second))),
        });
    }
    all
}

#[test]
fn an_hour_of_minutes_gives_the_same_alerts_in_the_same_order() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yml");
    let ordered = ORDERED.map(|name| format!("  - {{alert: {name}, expr: begins == 1}}"));
    std::fs::write(&file, RULES.replace("ORDERED", &ordered.join("\n"))).unwrap();
    let told = [Alertmanager::start(), Alertmanager::start()];
    let theirs = peers::prometheus_with_flags(folder.path(), &config(&file, &told[1]), &FLAGS);
    let ours = FLAGS
        .iter()
        .fold(Narthex::builder(), |builder, flag| builder.flag(*flag));
    let ours = ours.config(config(&file, &told[0])).start();
    // Alerts are written from the third evaluation on, which the second group has each 2 s.
    let base_ms = (now_ms() / 1000 + 10) * 1000;
    for url in [ours.url(), theirs.url()] {
        samples::write(&url, &series(base_ms));
    }
    // What is missing before that is so since each server's own start.
    let (begin_ms, end_ms) = (base_ms, base_ms + (SECONDS - 2) * 1000);
    wait_until(end_ms + 2500);
    let servers = [ours.url(), theirs.url()];
    let records = ["zone:walk:sum", "walk:max"];
    let together_ms = super::together(&servers, &records, begin_ms, end_ms);
    let is_whole = together_ms == end_ms;
    if is_whole {
        until(60, "the same rules in the API", || {
            differ(&rules(&ours.url())?, &rules(&theirs.url())?)
        });
    }
    for (metric, series_min) in [
        ("ALERTS", 40),
        ("ALERTS_FOR_STATE", 30),
        ("zone:walk:sum", 3),
        ("walk:max", 1),
    ] {
        let of =
            |url: &str| super::within(written(url, metric, end_ms).unwrap(), begin_ms, together_ms);
        let (ours, theirs) = (of(&ours.url()), of(&theirs.url()));
        assert_eq!(differ(&ours, &theirs), Ok(()), "{metric}");
        assert!(ours.len() >= series_min || !is_whole, "{metric}: {ours:#?}");
    }
    let [ours, theirs] = &told;
    let of = |told: &Alertmanager| told.alerts(begin_ms, together_ms);
    until(60, "the same alerts told", || {
        differ(&of(ours), &of(theirs))
    });
    assert!(of(ours).len() >= 60 || !is_whole, "{:#?}", of(ours));
    for told in &told {
        let mut names = told.names();
        names.retain(|name| name.starts_with("Ordered"));
        assert_eq!(names, ORDERED);
    }
}
