use std::collections::BTreeMap;

use narthex_model::Labels;

use super::*;
use crate::config::Config;
use crate::matchers::{MatcherFields, MatcherMode};
use crate::notification_log::NotificationLog;
use crate::silences::{Silence, SilenceLimits};

/// 2024-02-29, a Thursday, 12:00 in UTC.
const NOON_MS: i64 = 1_709_208_000_000;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;

/// A pipeline whose receivers take all they are told at once, and what they were told.
struct Simulation {
    pipeline: Pipeline,
    now_ms: i64,
    is_down: bool,
    told: Vec<String>,
}

fn resolved(config: &str) -> Resolved {
    let config: Config = serde_yaml::from_str(config).unwrap();
    config.resolve(MatcherMode::default()).unwrap()
}

impl Simulation {
    fn new(config: &str) -> Self {
        let limits = SilenceLimits {
            silences_max: 0,
            silence_bytes_max: 0,
            retention_ms: i64::MAX,
        };
        let silences = Silences::new(limits, Vec::new()).0;
        let log = NotificationLog::new(120 * 60 * MINUTE_MS, Vec::new());
        let url = "http://narthex".to_owned();
        Self {
            pipeline: Pipeline::new(resolved(config), silences, log, url),
            now_ms: NOON_MS,
            is_down: false,
            told: Vec::new(),
        }
    }

    /// Posts `alertname=a,b=c`, which fires for an hour.
    fn fire(&mut self, labels: &str) {
        self.post(labels, self.now_ms, self.now_ms + 60 * MINUTE_MS);
    }

    fn resolve(&mut self, labels: &str) {
        self.post(labels, self.now_ms - 1, self.now_ms);
    }

    fn post(&mut self, labels: &str, starts_at_ms: i64, ends_at_ms: i64) {
        let pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
        let alert = Alert {
            labels: Labels::from_pairs(pairs),
            annotations: BTreeMap::new(),
            starts_at_ms,
            ends_at_ms,
            updated_at_ms: self.now_ms,
            is_timeout: false,
            generator_url: String::new(),
        };
        assert_eq!(self.pipeline.post(alert, self.now_ms), Some(0));
    }

    fn silence(&mut self, matcher: &str, minutes: i64) -> String {
        let matchers = MatcherMode::default().parse(matcher).unwrap();
        let silence = Silence {
            id: String::new(),
            matchers: matchers.iter().map(MatcherFields::of).collect(),
            starts_at_ms: self.now_ms,
            ends_at_ms: self.now_ms + minutes * MINUTE_MS,
            updated_at_ms: 0,
            created_by: String::new(),
            comment: String::new(),
        };
        self.pipeline.silences.set(silence, self.now_ms).unwrap()
    }

    /// Lets the time pass. What was told comes back: when, to whom, and which alerts.
    fn pass(&mut self, ms: i64) -> Vec<String> {
        let end_ms = self.now_ms + ms;
        while let Some(due_ms) = self.pipeline.dispatcher.next_due_ms()
            && due_ms <= end_ms
        {
            self.now_ms = self.now_ms.max(due_ms);
            for telling in self.pipeline.take_due(self.now_ms) {
                self.tell(telling);
            }
        }
        self.now_ms = end_ms;
        std::mem::take(&mut self.told)
    }

    fn tell(&mut self, telling: Telling) {
        for delivery in telling.deliveries {
            if self.is_down {
                continue;
            }
            if !delivery.notification.alerts.is_empty() {
                self.told.push(self.shown(&delivery));
            }
            self.pipeline.settle(delivery, self.now_ms);
        }
        self.pipeline.finish(&telling.flush, !self.is_down);
    }

    fn shown(&self, delivery: &Delivery) -> String {
        let notification = &delivery.notification;
        let alerts = notification.alerts.iter().map(|alert| {
            let sign = if alert.is_firing { '+' } else { '-' };
            let name = alert.alert.labels.get("alertname").unwrap_or("?");
            format!("{sign}{name}")
        });
        let alerts: Vec<String> = alerts.collect();
        let seconds = (self.now_ms - NOON_MS) / SECOND_MS;
        let receiver = &notification.receiver;
        format!("{seconds} {receiver} {}", alerts.join(" "))
    }
}

const SIMPLE: &str = "
receivers: [{name: r, webhook_configs: [{url: 'http://h'}]}]
route: {receiver: r, group_by: [g], group_wait: 30s, group_interval: 5m, repeat_interval: 1h}
";

#[test]
fn a_group_waits_tells_what_changes_and_repeats() {
    let mut simulation = Simulation::new(SIMPLE);
    simulation.fire("alertname=a");
    assert_eq!(simulation.pass(29 * SECOND_MS), [""; 0]);
    // What comes within the wait is told with it.
    simulation.fire("alertname=b");
    assert_eq!(simulation.pass(SECOND_MS), ["30 r +a +b"]);
    // Nothing changes, nothing is told.
    assert_eq!(simulation.pass(6 * MINUTE_MS), [""; 0]);
    simulation.fire("alertname=c");
    assert_eq!(simulation.pass(5 * MINUTE_MS), ["630 r +a +b +c"]);
    simulation.resolve("alertname=a");
    assert_eq!(simulation.pass(5 * MINUTE_MS), ["930 r -a +b +c"]);
    assert_eq!(simulation.pass(40 * MINUTE_MS), [""; 0]);
    simulation.fire("alertname=b");
    simulation.fire("alertname=c");
    // The first tick after an hour; what was resolved is gone.
    assert_eq!(simulation.pass(30 * MINUTE_MS), ["4830 r +b +c"]);
    simulation.resolve("alertname=b");
    simulation.resolve("alertname=c");
    assert_eq!(simulation.pass(10 * MINUTE_MS), ["5430 r -b -c"]);
    assert_eq!(simulation.pass(300 * MINUTE_MS), [""; 0]);
    // The group is there still until it is cleaned away, and waits for its interval.
    simulation.fire("alertname=d");
    assert_eq!(simulation.pass(MINUTE_MS), [""; 0]);
    assert_eq!(simulation.pass(4 * MINUTE_MS), ["24030 r +d"]);
    simulation.resolve("alertname=d");
    assert_eq!(simulation.pass(5 * MINUTE_MS).len(), 1);
    simulation.pipeline.dispatcher.clean();
    simulation.fire("alertname=e");
    assert_eq!(simulation.pass(30 * SECOND_MS).len(), 1);
}

#[test]
fn groups_are_told_apart_by_their_labels() {
    let mut simulation = Simulation::new(SIMPLE);
    for labels in [
        "alertname=a,g=1",
        "alertname=b,g=2",
        "alertname=c,g=1",
        "alertname=d",
    ] {
        simulation.fire(labels);
    }
    assert_eq!(
        simulation.pass(MINUTE_MS),
        ["30 r +a +c", "30 r +b", "30 r +d"]
    );
}

#[test]
fn an_alert_that_is_old_waits_no_more() {
    let mut simulation = Simulation::new(SIMPLE);
    simulation.post("alertname=a", NOON_MS - MINUTE_MS, NOON_MS + MINUTE_MS);
    assert_eq!(simulation.pass(0), ["0 r +a"]);
}

#[test]
fn an_alert_that_nobody_repeats_is_resolved_at_its_end() {
    let mut simulation = Simulation::new(SIMPLE);
    simulation.post("alertname=a", NOON_MS, NOON_MS + 6 * MINUTE_MS);
    assert_eq!(simulation.pass(20 * MINUTE_MS), ["30 r +a", "630 r -a"]);
}

#[test]
fn an_alert_that_was_over_before_anybody_was_told_is_not_told() {
    let mut simulation = Simulation::new(SIMPLE);
    simulation.fire("alertname=a");
    simulation.pass(10 * SECOND_MS);
    simulation.resolve("alertname=a");
    assert_eq!(simulation.pass(20 * MINUTE_MS), [""; 0]);
    assert_eq!(
        simulation
            .pipeline
            .dispatcher
            .groups()
            .map(|g| g.alerts.len())
            .sum::<usize>(),
        0
    );
}

#[test]
fn what_was_not_delivered_is_told_the_next_time() {
    let mut simulation = Simulation::new(SIMPLE);
    simulation.fire("alertname=a");
    simulation.pass(MINUTE_MS);
    simulation.is_down = true;
    simulation.fire("alertname=b");
    simulation.resolve("alertname=a");
    assert_eq!(simulation.pass(10 * MINUTE_MS), [""; 0]);
    simulation.is_down = false;
    // The resolved one as well: it stayed in the group.
    assert_eq!(simulation.pass(5 * MINUTE_MS), ["930 r -a +b"]);
}

#[test]
fn integrations_are_told_of_the_resolved_as_they_wish() {
    let mut simulation = Simulation::new(
        "
receivers:
  - name: r
    webhook_configs:
      - url: 'http://h'
      - {url: 'http://i', send_resolved: false}
route: {receiver: r, group_wait: 1s, group_interval: 10s}
",
    );
    simulation.fire("alertname=a");
    simulation.fire("alertname=b");
    assert_eq!(simulation.pass(SECOND_MS), ["1 r +a +b", "1 r +a +b"]);
    simulation.resolve("alertname=a");
    assert_eq!(simulation.pass(10 * SECOND_MS), ["11 r -a +b"]);
    simulation.fire("alertname=c");
    assert_eq!(
        simulation.pass(10 * SECOND_MS),
        ["21 r +b +c", "21 r +b +c"]
    );
    simulation.resolve("alertname=b");
    simulation.resolve("alertname=c");
    assert_eq!(simulation.pass(10 * SECOND_MS), ["31 r -b -c"]);
    // The second knows, though it was not told, and is told when it fires again.
    simulation.fire("alertname=b");
    assert_eq!(simulation.pass(10 * SECOND_MS).len(), 2);
}

const MUTED: &str = "
receivers: [{name: r, webhook_configs: [{url: 'http://h'}]}]
time_intervals:
  - {name: noon, time_intervals: [{times: [{start_time: '12:00', end_time: '12:10'}]}]}
  - {name: friday, time_intervals: [{weekdays: [friday]}]}
inhibit_rules:
  - {source_matchers: [s=1], target_matchers: [t=1], equal: [e]}
route:
  receiver: r
  group_wait: 10s
  group_interval: 1m
  repeat_interval: 24h
  routes:
    - {matchers: [m=noon], mute_time_intervals: [friday, noon]}
    - {matchers: [m=friday], active_time_intervals: [friday]}
    - {matchers: [m=thursday], mute_time_intervals: [friday]}
";

#[test]
fn time_intervals_mute_routes() {
    let mut simulation = Simulation::new(MUTED);
    for labels in [
        "alertname=n,m=noon",
        "alertname=f,m=friday",
        "alertname=t,m=thursday",
    ] {
        simulation.post(labels, NOON_MS, NOON_MS + 100_000 * MINUTE_MS);
    }
    assert_eq!(simulation.pass(9 * MINUTE_MS), ["10 r +t"]);
    assert_eq!(simulation.pass(2 * MINUTE_MS), ["610 r +n"]);
    // Until midnight nobody speaks; then it is Friday.
    assert_eq!(simulation.pass(11 * 60 * MINUTE_MS), [""; 0]);
    assert_eq!(simulation.pass(60 * MINUTE_MS), ["43210 r +f"]);
    let routes = simulation.pipeline.resolved.routes.clone();
    let muted = (1..4).map(|at| {
        simulation
            .pipeline
            .muted_by(routes.get(at).unwrap(), NOON_MS)
    });
    let muted: Vec<_> = muted.collect();
    assert_eq!(
        muted,
        [vec!["noon".to_owned()], vec!["friday".to_owned()], vec![]]
    );
}

#[test]
fn inhibited_alerts_are_told_when_the_source_is_over() {
    let mut simulation = Simulation::new(MUTED);
    simulation.fire("alertname=source,s=1,e=x");
    simulation.fire("alertname=target,t=1,e=x");
    simulation.fire("alertname=other,t=1,e=y");
    assert_eq!(simulation.pass(5 * MINUTE_MS), ["10 r +other +source"]);
    simulation.resolve("alertname=source,s=1,e=x");
    assert_eq!(
        simulation.pass(5 * MINUTE_MS),
        ["310 r +other -source +target"]
    );
}

#[test]
fn silenced_alerts_are_told_when_the_silence_is_over() {
    let mut simulation = Simulation::new(MUTED);
    simulation.silence("alertname=a", 4);
    let other = simulation.silence("alertname=b", 60);
    for labels in ["alertname=a", "alertname=b", "alertname=c"] {
        simulation.fire(labels);
    }
    assert_eq!(simulation.pass(3 * MINUTE_MS), ["10 r +c"]);
    assert_eq!(simulation.pass(2 * MINUTE_MS), ["250 r +a +c"]);
    simulation
        .pipeline
        .silences
        .expire(&other, simulation.now_ms)
        .unwrap();
    assert_eq!(simulation.pass(2 * MINUTE_MS), ["310 r +a +b +c"]);
}

#[test]
fn a_reload_tells_nothing_twice() {
    let mut simulation = Simulation::new(SIMPLE);
    simulation.fire("alertname=a");
    simulation.pass(MINUTE_MS);
    let refused = simulation
        .pipeline
        .follow(resolved(SIMPLE), simulation.now_ms);
    assert_eq!(refused, 0);
    assert_eq!(simulation.pass(20 * MINUTE_MS), [""; 0]);
    // Of the new tree others are told.
    let other = SIMPLE
        .replace("name: r", "name: q")
        .replace("receiver: r", "receiver: q");
    simulation
        .pipeline
        .follow(resolved(&other), simulation.now_ms);
    assert_eq!(simulation.pass(0).len(), 1);
}

#[test]
fn a_group_that_is_being_told_is_not_told_beside() {
    let mut simulation = Simulation::new(SIMPLE);
    simulation.fire("alertname=a");
    simulation.now_ms += 30 * SECOND_MS;
    let tellings = simulation.pipeline.take_due(simulation.now_ms);
    assert_eq!(tellings.len(), 1);
    // The receiver hangs for longer than the interval.
    simulation.fire("alertname=b");
    simulation.now_ms += 7 * MINUTE_MS;
    assert!(simulation.pipeline.take_due(simulation.now_ms).is_empty());
    assert_eq!(simulation.pipeline.dispatcher.next_due_ms(), None);
    for telling in tellings {
        assert_eq!(telling.timeout_ms, 5 * MINUTE_MS);
        simulation.pipeline.finish(&telling.flush, false);
    }
    // It was due while it hung, so it is due at once.
    assert_eq!(simulation.pass(0), ["450 r +a +b"]);
}

#[test]
fn an_alert_that_fires_again_while_its_end_is_told_stays() {
    let mut simulation = Simulation::new(SIMPLE);
    simulation.fire("alertname=a");
    simulation.pass(MINUTE_MS);
    simulation.resolve("alertname=a");
    simulation.now_ms += 5 * MINUTE_MS;
    let mut tellings = simulation.pipeline.take_due(simulation.now_ms);
    simulation.now_ms += SECOND_MS;
    simulation.fire("alertname=a");
    simulation.tell(tellings.remove(0));
    assert_eq!(simulation.pass(0), ["361 r -a"]);
    assert_eq!(simulation.pass(10 * MINUTE_MS), ["660 r +a"]);
}

#[test]
fn alerts_that_are_over_are_forgotten() {
    let mut simulation = Simulation::new(SIMPLE);
    simulation.fire("alertname=a");
    simulation.resolve("alertname=b");
    simulation.pipeline.clean_alerts(simulation.now_ms);
    assert_eq!(simulation.pipeline.alerts.len(), 1);
}
