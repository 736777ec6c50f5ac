//! An agent's log: what it keeps for who sends it on, and for how long.

use std::ops::ControlFlow;
use std::sync::Arc;

use futures::executor::block_on;
use narthex_disk::CrashDisk;
use narthex_head::{LogEvent, LogPlace, LogTail};
use narthex_model::{Labels, Rejection, Sample, SeriesRef, SimulatedClock, WriteBatch};
use narthex_storage::{Appendable, Queryable, SelectRequest, StorageError, TimeRange};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;

use crate::{Agent, AgentOptions};

const MINUTE_MS: i64 = 60_000;

const NOW_MS: i64 = 1_700_000_000_000;

fn open(disk: &CrashDisk, clock: &SimulatedClock, registry: &mut Registry) -> Arc<Agent> {
    let options = AgentOptions {
        disk: Arc::new(disk.clone()),
        ..AgentOptions::new("", Arc::new(clock.clone()))
    };
    Agent::open(options, registry).unwrap()
}

/// Appends a sample so many minutes after the start, and says why it was not taken.
fn append(agent: &Agent, minute: i64) -> Option<Rejection> {
    let sample = Sample {
        series: SeriesRef::UNKNOWN,
        labels: Labels::from_pairs([("__name__", "m")]),
        timestamp_ms: NOW_MS + minute * MINUTE_MS,
        value: minute as f64,
    };
    let report = agent.append(&WriteBatch::from(vec![sample])).unwrap();
    report.rejected.first().map(|(_, reason)| *reason)
}

/// The minutes that a reader finds, and whether it is told that something is gone.
fn found(tail: &mut LogTail) -> (Vec<i64>, bool) {
    let (mut minutes, mut has_lost) = (Vec::new(), false);
    tail.read(|event| {
        match event {
            LogEvent::Segment(_) => {}
            LogEvent::Record(record) => {
                let times = record.samples.iter().map(|sample| sample.timestamp_ms);
                minutes.extend(times.map(|time| (time - NOW_MS) / MINUTE_MS));
            }
            LogEvent::Lost { .. } => has_lost = true,
        }
        ControlFlow::Continue(())
    })
    .unwrap();
    (minutes, has_lost)
}

fn from_the_start(agent: &Agent) -> LogTail {
    agent.log_tail(Some(LogPlace { segment: 0, seq: 0 }))
}

/// A sample each ten minutes, and a truncation after each.
fn run(agent: &Agent, clock: &SimulatedClock, minutes: std::ops::RangeInclusive<i64>) {
    for minute in minutes.step_by(10) {
        clock.set(NOW_MS + minute * MINUTE_MS);
        assert_eq!(append(agent, minute), None);
        agent.truncate().unwrap();
    }
}

#[test]
fn what_a_sender_has_not_sent_stays_for_four_hours_and_what_all_have_for_one() {
    let (disk, clock) = (CrashDisk::new(1), SimulatedClock::at(NOW_MS));
    let agent = open(&disk, &clock, &mut Registry::default());
    agent.hold_log_from(Some(0));
    run(&agent, &clock, 0..=230);
    let (minutes, has_lost) = found(&mut from_the_start(&agent));
    assert_eq!(minutes, (0..=230).step_by(10).collect::<Vec<_>>());
    assert!(!has_lost);
    // From here on the oldest are over four hours old, and go although nobody has them.
    run(&agent, &clock, 240..=300);
    let (minutes, has_lost) = found(&mut from_the_start(&agent));
    assert_eq!(minutes, (60..=300).step_by(10).collect::<Vec<_>>());
    assert!(has_lost);
    agent.hold_log_from(None);
    agent.truncate().unwrap();
    let (minutes, _) = found(&mut from_the_start(&agent));
    assert_eq!(minutes, (240..=300).step_by(10).collect::<Vec<_>>());
}

#[test]
fn what_was_acknowledged_is_sent_after_a_kill_and_what_is_too_old_is_refused() {
    let (disk, clock) = (CrashDisk::new(2), SimulatedClock::at(NOW_MS));
    let agent = open(&disk, &clock, &mut Registry::default());
    agent.hold_log_from(Some(0));
    run(&agent, &clock, 0..=120);
    let disk = disk.kill();
    drop(agent);
    let mut registry = Registry::default();
    let agent = open(&disk, &clock, &mut registry);
    let mut tail = from_the_start(&agent);
    let (minutes, has_lost) = found(&mut tail);
    assert_eq!(minutes, (0..=120).step_by(10).collect::<Vec<_>>());
    assert!(!has_lost);
    assert_eq!(append(&agent, 59), Some(Rejection::OutOfBounds));
    assert_eq!(append(&agent, 110), Some(Rejection::OutOfOrder));
    assert_eq!(append(&agent, 121), None);
    assert_eq!(found(&mut tail).0, [121]);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        "prometheus_agent_active_series 1",
        "prometheus_agent_clean_start 0",
        "prometheus_agent_samples_appended_total{type=\"float\"} 1",
        "prometheus_agent_out_of_order_samples_total 1",
        "narthex_agent_out_of_bound_samples_total 1",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn nobody_reads_from_an_agent_and_its_options_have_to_fit_together() {
    let (disk, clock) = (CrashDisk::new(3), SimulatedClock::at(NOW_MS));
    let agent = open(&disk, &clock, &mut Registry::default());
    let request = SelectRequest {
        matchers: Vec::new(),
        range: TimeRange::ALL,
    };
    let read = block_on(agent.select(&request)).err().unwrap();
    assert!(matches!(read, StorageError::Unsupported), "{read}");
    for (min_minutes, max_minutes, part) in [(10, 5, "over the maximum"), (0, 0, "is zero")] {
        let minutes = |count: u64| narthex_model::PromDuration::from_secs(60 * count);
        let options = AgentOptions {
            disk: Arc::new(CrashDisk::new(4)),
            min_wal_time: minutes(min_minutes),
            max_wal_time: minutes(max_minutes),
            ..AgentOptions::new("", Arc::new(clock.clone()))
        };
        let error = Agent::open(options, &mut Registry::default()).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}
