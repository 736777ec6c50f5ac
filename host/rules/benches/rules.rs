//! What a rule costs, by its kind: alerting rules as people write them, each kind in groups of 200,
//! over a head with 20 samples of 100,000 series. `cargo bench -p narthex-rules` prints the wall
//! time and the CPU time of an evaluation; `-- KIND` runs one kind, for a profile.
//!
//! It is not: the cost of a rule in a server, where samples come in meanwhile; that is the bench
//! `rules` of `narthex-tests`.

#![allow(
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking, and its numbers are small"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use narthex_head::{Head, HeadOptions};
use narthex_model::{Labels, PromDuration, Sample, SeriesRef, SimulatedClock, WriteBatch};
use narthex_promql::{Engine, EngineOptions};
use narthex_rules::{
    Notification, Notifier, RuleConfig, RuleFile, RuleGroupConfig, RuleGroups, RuleOptions,
    RuleSet, RuleSettings,
};
use narthex_storage::Appendable;

/// Series are metrics times instances.
const METRICS: usize = 100;
const INSTANCES: usize = 1000;
const SAMPLES: i64 = 20;
const INTERVAL_MS: i64 = 15_000;
const RULES_A_GROUP: usize = 200;

/// A kind is measured for so long.
const MEASURED: Duration = Duration::from_secs(3);

/// Each kind: its name, and its query with places for the number of a metric, of one of 10 jobs, of
/// one of 10 zones and of an instance.
const KINDS: [(&str, &str); 7] = [
    (
        "one series",
        "metric_METRIC{job=\"JOB\",instance=\"INSTANCE\"} > 1e9",
    ),
    (
        "rate of ten series",
        "rate(metric_METRIC{job=\"JOB\",zone=\"ZONE\"}[5m]) > 1e9",
    ),
    (
        "sum of a rate of one",
        "sum by (job) (rate(metric_METRIC{job=\"JOB\",instance=\"INSTANCE\"}[1m])) > 1e9",
    ),
    (
        "sum of a hundred series",
        "sum by (job) (metric_METRIC{zone=\"ZONE\"}) > 1e9",
    ),
    (
        "absent",
        "absent(metric_METRIC{job=\"JOB\",instance=\"INSTANCE\"})",
    ),
    ("a hundred series", "metric_METRIC{job=\"JOB\"} == 0.5"),
    (
        "one that fires",
        "metric_METRIC{job=\"JOB\",instance=\"INSTANCE\"} >= 0",
    ),
];

/// Who is told, and does nothing.
struct Nobody;

impl Notifier for Nobody {
    fn notify(&self, _: &[Notification]) {}
}

fn labels(metric: usize, instance: usize) -> Labels {
    Labels::from_pairs([
        ("__name__", format!("metric_{metric}")),
        ("instance", format!("host-{instance}.example:9100")),
        ("job", format!("job-{}", instance % 10)),
        ("zone", format!("zone-{}", instance / 10 % 10)),
    ])
}

/// Writes all samples, one scrape of an instance after the other.
fn fill(head: &Head) {
    for instance in 0..INSTANCES {
        let samples = (0..METRICS).map(|metric| Sample {
            series: SeriesRef::UNKNOWN,
            labels: labels(metric, instance),
            timestamp_ms: 0,
            value: 0.0,
        });
        let mut batch = WriteBatch::from(samples.collect::<Vec<_>>());
        for step in 0..SAMPLES {
            for (metric, sample) in (0_u32..).zip(&mut batch.samples) {
                sample.timestamp_ms = step * INTERVAL_MS;
                sample.value = f64::from(metric) * 10.0 + f64::from(u32::try_from(step).unwrap());
            }
            head.append(&batch).unwrap();
        }
    }
}

fn rule(query: &str, number: usize) -> RuleConfig {
    let instance = number * 37 % INSTANCES;
    let of = |name: &str, value: String| (name.to_owned(), value);
    let query = query
        .replace("METRIC", &(number % METRICS).to_string())
        .replace("JOB", &format!("job-{}", instance % 10))
        .replace("ZONE", &format!("zone-{}", instance / 10 % 10))
        .replace("INSTANCE", &format!("host-{instance}.example:9100"));
    RuleConfig {
        alert: format!("Alert{number}"),
        expr: query,
        labels: [of("severity", "page".to_owned())].into(),
        annotations: [of(
            "summary",
            "{{ $labels.instance }} of {{ $labels.job }} is at {{ $value | humanize }}".to_owned(),
        )]
        .into(),
        ..RuleConfig::default()
    }
}

fn file() -> RuleFile {
    let groups = KINDS.iter().map(|(name, query)| RuleGroupConfig {
        name: (*name).to_owned(),
        rules: (0..RULES_A_GROUP).map(|at| rule(query, at)).collect(),
        ..RuleGroupConfig::default()
    });
    RuleFile {
        path: "rules.yml".to_owned(),
        groups: RuleGroups {
            groups: groups.collect(),
        },
    }
}

/// CPU time of this process so far; the kernel counts it in ticks of 10 ms.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

fn main() {
    let wanted = std::env::args()
        .nth(1)
        .filter(|word| !word.starts_with("--"));
    let folder = tempfile::tempdir().unwrap();
    let (head, _) = Head::open(HeadOptions::new(folder.path())).unwrap();
    fill(&head);
    let (head, mut now_ms) = (Arc::new(head), SAMPLES * INTERVAL_MS);
    let clock = SimulatedClock::at(now_ms);
    let engine = Arc::new(Engine::new(EngineOptions::default()));
    let options = RuleOptions {
        queryable: head.clone(),
        appendable: head,
        engine: Arc::new(move || Arc::clone(&engine)),
        notifier: Arc::new(Nobody),
        clock: Arc::new(clock.clone()),
        external_url: "http://prometheus.example".to_owned(),
        outage_tolerance: PromDuration::from_secs(3600),
        grace_period: PromDuration::from_secs(600),
        resend_delay: PromDuration::from_secs(60),
        concurrent_evaluations_max: 0,
        partial_response: None,
    };
    let settings = RuleSettings {
        interval: PromDuration::from_secs(15),
        ..RuleSettings::default()
    };
    let set = Arc::new(RuleSet::new(options, &[file()], settings).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    println!("| rule | wall, µs | CPU, µs |");
    println!("|---|---|---|");
    let is_wanted = |name: &str| wanted.as_ref().is_none_or(|wanted| wanted == name);
    for (name, _) in KINDS.iter().filter(|(name, _)| is_wanted(name)) {
        let mut groups = set.groups().iter();
        let group = groups.find(|group| group.key().name == *name);
        let group = Arc::clone(group.unwrap());
        let (begun, cpu_before, mut rules) = (Instant::now(), cpu(), 0_u32);
        while begun.elapsed() < MEASURED {
            now_ms += 1;
            clock.set(now_ms);
            let (set, group) = (Arc::clone(&set), Arc::clone(&group));
            let evaluated = runtime.spawn(async move { set.evaluate(&group, now_ms).await });
            runtime.block_on(evaluated).unwrap();
            rules += u32::try_from(RULES_A_GROUP).unwrap();
        }
        let us = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(rules);
        let (wall, used) = (begun.elapsed(), cpu() - cpu_before);
        println!("| {name} | {:.2} | {:.2} |", us(wall), us(used));
        let status = group.rules()[0].status();
        assert_eq!(status.last_error, None, "{name}");
    }
}
