//! The samples: what some hundred hosts tell of themselves, sent by remote write 1.0 as time goes by.
//! What is the same in all requests is encoded once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::now_ms;

/// Between two samples of a series.
pub(crate) const INTERVAL_MS: i64 = 15_000;

/// Series of an instance: `up`, and counters and gauges by turns.
pub(crate) const METRICS: usize = 100;

/// Instances are spread over jobs, and those of a job over zones.
pub(crate) const JOBS: usize = 10;
pub(crate) const ZONES: usize = 10;

/// Of so many instances one is down, so that alerts fire.
pub(crate) const INSTANCES_A_DOWN: usize = 250;

/// Prometheus' `max_samples_per_send`.
const SERIES_PER_REQUEST: usize = 2_000;

/// So many samples of each series are there before time begins to count: what a rate of five minutes
/// looks at.
const PAST_STEPS: i64 = 21;

pub(crate) fn instance(number: usize) -> String {
    format!("host-{number}.cluster-a.example:9100")
}

pub(crate) fn job(number: usize) -> String {
    format!("job-{number}")
}

pub(crate) fn zone(number: usize) -> String {
    format!("zone-{number}")
}

/// A series, its labels as fields of a message.
struct Series {
    labels: Vec<u8>,
    instance: usize,
    metric: usize,
}

/// All series, by the request that they are sent in.
pub(crate) struct Feed {
    requests: Vec<Vec<Series>>,
    url: String,
    agent: ureq::Agent,
    /// When the first step is after those of the past.
    start_ms: i64,
}

impl Feed {
    /// About so many series, for a server.
    pub(crate) fn new(series: usize, url: &str) -> Self {
        let mut requests: Vec<Vec<Series>> = Vec::new();
        for instance in 0..instances(series) {
            for metric in 0..METRICS {
                if requests
                    .last()
                    .is_none_or(|last| last.len() == SERIES_PER_REQUEST)
                {
                    requests.push(Vec::with_capacity(SERIES_PER_REQUEST));
                }
                let request = requests.last_mut().unwrap();
                request.push(Series {
                    labels: labels(instance, metric),
                    instance,
                    metric,
                });
            }
        }
        Self {
            requests,
            url: format!("{url}/api/v1/write"),
            agent: ureq::Agent::new_with_defaults(),
            start_ms: now_ms(),
        }
    }

    /// Sends the last five minutes as fast as they are taken.
    pub(crate) fn send_past(&mut self) {
        self.start_ms = now_ms();
        for step in -PAST_STEPS..0 {
            for request in 0..self.requests.len() {
                self.send(step, request);
            }
        }
    }

    /// Sends what comes after that when its time has come, each request at its own, until it is to
    /// stop.
    pub(crate) fn go_on(&self, is_done: &AtomicBool) {
        for step in 0.. {
            for request in 0..self.requests.len() {
                let left_ms = self.time_ms(step, request) - now_ms();
                std::thread::sleep(Duration::from_millis(left_ms.max(0).cast_unsigned()));
                if is_done.load(Ordering::Relaxed) {
                    return;
                }
                self.send(step, request);
            }
        }
    }

    /// The time of the samples of a request: requests are spread over the interval, as scrapes are.
    fn time_ms(&self, step: i64, request: usize) -> i64 {
        let part = request as f64 / self.requests.len() as f64;
        self.start_ms + step * INTERVAL_MS + (part * INTERVAL_MS as f64) as i64
    }

    fn send(&self, step: i64, request: usize) {
        let time_ms = self.time_ms(step, request);
        let mut body = Vec::new();
        let mut message = Vec::new();
        for series in &self.requests[request] {
            message.clear();
            message.extend_from_slice(&series.labels);
            let mut sample = vec![0x09];
            sample.extend(value(series, step).to_le_bytes());
            sample.push(0x10);
            push_varint(&mut sample, time_ms.cast_unsigned());
            push_bytes(&mut message, 2, &sample);
            push_bytes(&mut body, 1, &message);
        }
        let body = snap::raw::Encoder::new().compress_vec(&body).unwrap();
        let answer = self
            .agent
            .post(&self.url)
            .header("Content-Type", "application/x-protobuf")
            .header("Content-Encoding", "snappy")
            .header("X-Prometheus-Remote-Write-Version", "0.1.0")
            .send(&body[..]);
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", self.url));
        assert!(answer.status().is_success(), "{}", answer.status());
    }
}

/// How many instances have about so many series.
pub(crate) fn instances(series: usize) -> usize {
    series.div_ceil(METRICS)
}

/// A counter that grows at a pace of its own, a gauge that moves, or whether a target is up.
fn value(series: &Series, step: i64) -> f64 {
    let (at, steps) = (series.instance, (step + PAST_STEPS) as f64);
    let pace = (at * 31 + series.metric * 17) % 97;
    match series.metric {
        0 if at % INSTANCES_A_DOWN == INSTANCES_A_DOWN / 2 => 0.0,
        0 => 1.0,
        metric if metric % 2 == 1 => steps * (1 + pace) as f64,
        _ => pace as f64 + (steps * 0.37 + pace as f64).sin().abs(),
    }
}

/// The fields of a series' labels, sorted by name.
fn labels(at: usize, metric: usize) -> Vec<u8> {
    let name = match metric {
        0 => "up".to_owned(),
        metric if metric % 2 == 1 => format!("app_{metric}_total"),
        metric => format!("app_{metric}"),
    };
    let mut fields = Vec::new();
    for (name, value) in [
        ("__name__", name),
        ("cluster", "a".to_owned()),
        ("instance", instance(at)),
        ("job", job(at % JOBS)),
        ("zone", zone(at / JOBS % ZONES)),
    ] {
        let mut label = Vec::new();
        push_bytes(&mut label, 1, name.as_bytes());
        push_bytes(&mut label, 2, value.as_bytes());
        push_bytes(&mut fields, 1, &label);
    }
    fields
}

/// A field of protobuf that is a text or a message.
fn push_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    push_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
