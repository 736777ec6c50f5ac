//! One of three Alertmanagers outside takes connections and never answers: the other two are told
//! all, in order, and what the third cannot be told is bounded and counted.

use std::collections::{BTreeSet, HashSet};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, UNIX_EPOCH};

use narthex_tests::{Hook, Narthex, http, until};
use serde_json::Value;

/// Alerts that come and go each four seconds, each a second later than the one before.
const ALERTS: usize = 40;

/// So many notifications wait for each Alertmanager: some seconds of them, so that others lose none
/// where the machine is slow, and the third cannot keep all.
const QUEUE_CAPACITY: u64 = 400;

/// The most that is sent at once.
const BATCH_SIZE: u64 = 64;

/// What is on its way to an Alertmanager that answers has come after this.
const QUIET: Duration = Duration::from_secs(1);

/// How often the rules are evaluated, once a second. `HANGING_ALERTMANAGER_EVALUATIONS=600` is ten
/// minutes.
fn evaluations() -> u64 {
    let asked = std::env::var("HANGING_ALERTMANAGER_EVALUATIONS").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(25)
}

/// Takes connections and keeps them.
fn hanging() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let held: Vec<TcpStream> = listener.incoming().flatten().collect();
        drop(held);
    });
    format!("http://{address}")
}

/// The value of an alert is when it was evaluated; one that is told again when it has ended says
/// when it fired last.
fn rules() -> String {
    let mut text = "groups:\n- name: g\n  interval: 1s\n  rules:\n".to_owned();
    for number in 0..ALERTS {
        text.push_str(&format!(
            "  - alert: Flaps{number}\n\
             \x20   expr: vector(time()) and vector((time() + {number}) % 4) < 2\n\
             \x20   annotations: {{at: '{{{{ $value }}}}'}}\n"
        ));
    }
    text
}

/// What the server says of one Alertmanager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts {
    sent: u64,
    errors: u64,
    dropped: u64,
    waiting: u64,
}

fn counts(narthex: &Narthex, base: &str) -> Result<Counts, String> {
    let (_, metrics) = http::get(&format!("{}/metrics", narthex.url()))?;
    let of = |name: &str| {
        let start =
            format!("prometheus_notifications_{name}{{alertmanager=\"{base}/api/v2/alerts\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&start));
        let value = line.and_then(|value| value.parse::<f64>().ok());
        value
            .map(|value| value as u64)
            .ok_or_else(|| format!("no {start}: {metrics}"))
    };
    Ok(Counts {
        sent: of("sent_total")?,
        errors: of("errors_total")?,
        dropped: of("dropped_total")?,
        waiting: of("queue_length")?,
    })
}

/// The alerts that an Alertmanager was told, in the order in which they came.
fn alerts(hook: &Hook) -> Vec<Value> {
    let posts = hook.posts().into_iter().flat_map(|(path, body)| {
        assert_eq!(path, "/api/v2/alerts");
        body.as_array().unwrap().clone()
    });
    posts.collect()
}

/// How long after its evaluation each alert came that fired, in milliseconds; sorted.
fn latencies_ms(hook: &Hook) -> Vec<f64> {
    let (mut seen, mut latencies) = (HashSet::new(), Vec::new());
    for (arrived, (_, body)) in hook.arrivals().into_iter().zip(hook.posts()) {
        let arrived_s = arrived.duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        for alert in body.as_array().unwrap() {
            let at = alert["annotations"]["at"].as_str().unwrap();
            if seen.insert((alert["labels"].to_string(), at.to_owned())) {
                latencies.push((arrived_s - at.parse::<f64>().unwrap()) * 1000.0);
            }
        }
    }
    latencies.sort_by(f64::total_cmp);
    latencies
}

#[test]
fn one_alertmanager_that_hangs_delays_and_drops_nothing_for_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yml");
    std::fs::write(&file, rules()).unwrap();
    let others = [Hook::listen(), Hook::listen()];
    let third = hanging();
    let targets = [&others[0].url(), &others[1].url(), &third]
        .map(|url| format!("'{}'", url.trim_start_matches("http://")));
    let alerting = format!(
        "alerting: {{alertmanagers: [{{static_configs: [{{targets: [{}]}}]}}]}}\n",
        targets.join(", ")
    );
    let narthex = Narthex::builder()
        .config(format!("rule_files: ['{}']\n{alerting}", file.display()))
        .flag(format!(
            "--alertmanager.notification-queue-capacity={QUEUE_CAPACITY}"
        ))
        .flag(format!(
            "--alertmanager.notification-batch-size={BATCH_SIZE}"
        ))
        // What has ended is told again as well, so each evaluation tells of all alerts.
        .flag("--rules.alert.resend-delay=500ms")
        .start();
    let iterations = format!(
        "prometheus_rule_group_iterations_total{{rule_group=\"{};g\"}} ",
        file.display()
    );
    let mut waited_most = 0;
    let wanted = evaluations();
    until(
        wanted * 3 + 120,
        "evaluations, and a queue that is full",
        || {
            let hung = counts(&narthex, &third)?;
            waited_most = waited_most.max(hung.waiting);
            let (_, metrics) = http::get(&format!("{}/metrics", narthex.url()))?;
            let line = metrics
                .lines()
                .find_map(|line| line.strip_prefix(&iterations));
            let done: u64 = line.and_then(|n| n.parse().ok()).unwrap_or(0);
            // What it was sent has failed, and what waited for it was too much.
            match done >= wanted && hung.errors > 0 && hung.dropped > hung.errors {
                true => Ok(()),
                false => Err(format!("{done} of {wanted} evaluations, {hung:?}")),
            }
        },
    );
    // From here on nothing new is told; what waits goes on to wait.
    narthex.write_config(&alerting);
    let (status, said) = http::post(&format!("{}/-/reload", narthex.url())).unwrap();
    assert_eq!(status, 200, "{said}");
    let told = until(120, "all is told", || {
        let of = |hook: &Hook| -> Result<Vec<Value>, String> {
            let (counted, told) = (counts(&narthex, &hook.url())?, alerts(hook));
            let arrived = hook.arrivals().pop().ok_or("nothing came")?;
            // Else some may be on their way.
            let is_quiet = arrived.elapsed().is_ok_and(|since| since >= QUIET);
            match is_quiet && counted.waiting == 0 && counted.sent == told.len() as u64 {
                true => Ok(told),
                false => Err(format!("{} of {counted:?}", told.len())),
            }
        };
        let (told, also) = (of(&others[0])?, of(&others[1])?);
        match told == also {
            true => Ok(told),
            false => Err(format!("{} and {} were told", told.len(), also.len())),
        }
    });
    let all = told.len() as u64;
    let names: BTreeSet<&str> = told
        .iter()
        .map(|alert| alert["labels"]["alertname"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), ALERTS, "{names:?}");
    for hook in &others {
        let counted = counts(&narthex, &hook.url()).unwrap();
        assert_eq!((counted.dropped, counted.errors), (0, 0), "{counted:?}");
    }
    // What was to be told to the third is what the others were told: it failed, was pushed out of
    // the queue, waits, or is on its way.
    until(120, "all that the third was to be told", || {
        let hung = counts(&narthex, &third)?;
        waited_most = waited_most.max(hung.waiting);
        // Each that is sent fails, and is dropped then.
        let known = hung.dropped + hung.waiting;
        match known <= all && all <= known + BATCH_SIZE && hung.sent == hung.errors {
            true => Ok(()),
            false => Err(format!("{all} and {hung:?}")),
        }
    });
    assert!(waited_most <= QUEUE_CAPACITY, "{waited_most} waited");
    for hook in &others {
        let latencies = latencies_ms(hook);
        let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize];
        println!(
            "{all} alerts told, from evaluation to arrival: p50 {:.1} ms, p99 {:.1} ms, longest \
             {:.1} ms",
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}
