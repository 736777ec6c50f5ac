//! Rules side by side: the same files of alerting rules over the same samples, evaluated by Narthex
//! and by Debian's Prometheus 2.42, one after the other; and a table of how long groups took, how
//! many evaluations were late, and the CPU time of a rule.
//!
//! `cargo bench -p narthex-tests --bench rules`, after a release build of the workspace.
//! `NARTHEX_BENCH_RULES` says how many rules (10,000, in groups of 100), `NARTHEX_BENCH_SERIES` how
//! many series (100,000), `NARTHEX_BENCH_MINUTES` how long each stretch lasts (3),
//! `NARTHEX_BENCH_SYSTEMS` which servers run (`narthex,prometheus`).
//!
//! A sample of each series comes each 15 s of real time, and rules are evaluated each 15 s. First
//! comes a stretch without rules: its CPU time is taken off that of the stretch with them. The
//! sender takes part of the machine: read CPU time, not wall time.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark fails by panicking"
)]

mod feed;
mod files;
mod stretch;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use feed::Feed;
use narthex_tests::system::{Running, System};
use narthex_tests::{instant, until};
use stretch::{Stretch, metrics, values};

/// Alerts of rules with `for: 1m` fire after five evaluations.
const WARM: Duration = Duration::from_secs(90);

fn setting(name: &str, default: &str) -> String {
    std::env::var(format!("NARTHEX_BENCH_{name}")).unwrap_or_else(|_| default.to_owned())
}

fn number(name: &str, default: &str) -> u64 {
    let text = setting(name, default);
    text.parse()
        .unwrap_or_else(|_| panic!("NARTHEX_BENCH_{name}: {text:?} is no number"))
}

pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
struct Load {
    rules: usize,
    series: usize,
    lasting: Duration,
}

/// What is known of one server.
#[derive(Debug)]
struct Figures {
    system: System,
    without: Stretch,
    with: Stretch,
    firing: f64,
}

fn main() {
    let load = Load {
        rules: usize::try_from(number("RULES", "10000").max(1)).unwrap(),
        series: usize::try_from(number("SERIES", "100000").max(1)).unwrap(),
        lasting: Duration::from_secs(number("MINUTES", "3") * 60),
    };
    let wanted = setting("SYSTEMS", "narthex,prometheus");
    // When a group is evaluated depends on the path of its file, so both have the same files.
    let folder = tempfile::tempdir().unwrap();
    let mut figures = Vec::new();
    for system in [System::Narthex, System::Prometheus] {
        if wanted.split(',').any(|name| name == system.name()) {
            figures.push(run(system, load, folder.path()));
        }
    }
    print(&figures);
}

/// Lets the sender end, whatever happens to who waits for it.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// One server from an empty folder on.
fn run(system: System, load: Load, rules: &Path) -> Figures {
    files::remove(rules);
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "global: {{evaluation_interval: 15s}}\nrule_files: ['{}/*.yml']\n",
        rules.display()
    );
    let running = Running::start(system, folder.path(), &config);
    let mut feed = Feed::new(load.series, &running.url());
    feed.send_past();
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let done = Done(&is_done);
        let sender = scope.spawn(|| feed.go_on(&is_done));
        let without = Stretch::measure(&running, load.lasting);
        assert_eq!(without.evaluations, 0.0, "there are rules already");
        files::write(rules, load.rules, feed::instances(load.series));
        reload(&running);
        let groups = load.rules.div_ceil(files::GROUP) as f64;
        until(300, "each group was evaluated", || {
            let iterations = values(&metrics(&running), "prometheus_rule_group_iterations_total");
            match iterations.iter().filter(|count| **count >= 1.0).count() as f64 {
                evaluated if evaluated >= groups => Ok(()),
                evaluated => Err(format!("{evaluated} of {groups}")),
            }
        });
        std::thread::sleep(WARM);
        let with = Stretch::measure(&running, load.lasting);
        assert_eq!(with.failures, 0.0, "rules failed");
        let firing = instant(&running.url(), "count(ALERTS{alertstate=\"firing\"})").unwrap();
        let firing = firing.values().next().map_or(0.0, |n| n.parse().unwrap());
        let expected = files::active(load.rules, feed::instances(load.series));
        println!("{}: {firing} alerts fire of {expected}", system.name());
        assert!(!sender.is_finished(), "the samples have ended");
        drop(done);
        Figures {
            system,
            without,
            with,
            firing,
        }
    })
}

fn reload(running: &Running) {
    let pid = running.pid().to_string();
    let sent = Command::new("kill").args(["-HUP", &pid]).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill -HUP {pid}");
}

impl Figures {
    /// CPU milliseconds of a rule's evaluation, beside those of the samples.
    fn rule_ms(&self) -> f64 {
        let of_samples = self.without.cpu_s / self.without.seconds * self.with.seconds;
        (self.with.cpu_s - of_samples) * 1000.0 / self.with.evaluations
    }

    fn rows(&self) -> [(&'static str, f64); 10] {
        [
            ("rules evaluated", self.with.evaluations),
            ("alerts that fire", self.firing),
            ("iterations missed", self.with.missed),
            ("group of 100, p50, ms", self.with.group_ms(0.5)),
            ("group of 100, p99, ms", self.with.group_ms(0.99)),
            ("group of 100, longest, ms", self.with.group_ms(1.0)),
            ("CPU ms a rule", self.rule_ms()),
            (
                "CPU s a minute without rules",
                self.without.cpu_s * 60.0 / self.without.seconds,
            ),
            (
                "CPU s a minute with rules",
                self.with.cpu_s * 60.0 / self.with.seconds,
            ),
            ("RSS with rules, MB", self.with.rss_mb),
        ]
    }
}

/// Prints a row for each figure and a column for each server, and Narthex's part of Prometheus'.
fn print(figures: &[Figures]) {
    let columns: Vec<_> = figures.iter().map(Figures::rows).collect();
    let names: Vec<_> = figures.iter().map(|it| it.system.name()).collect();
    println!("| | {} | ratio |", names.join(" | "));
    println!("|---|{}---|", "---|".repeat(columns.len()));
    for (at, (name, _)) in columns.first().into_iter().flatten().enumerate() {
        let cells = columns.iter().map(|rows| format!("{:.3}", rows[at].1));
        let cells: Vec<String> = cells.collect();
        let ratio = match &columns[..] {
            [ours, theirs] => format!("{:.2}", ours[at].1 / theirs[at].1),
            _ => String::new(),
        };
        println!("| {name} | {} | {ratio} |", cells.join(" | "));
    }
}
