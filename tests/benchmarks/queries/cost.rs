//! What a query costs a server: time until the answer is there, CPU time of all its threads, and
//! the most memory that it had.

use std::time::Instant;

use narthex_tests::{Usage, http, usage};
use serde_json::Value;

/// What one query cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) latency_ms: f64,
    pub(crate) cpu_ms: f64,
    pub(crate) peak_mb: f64,
    /// How many samples the answer has, or how many strings.
    pub(crate) points: usize,
}

impl Cost {
    /// The median of each.
    pub(crate) fn median(costs: &[Self]) -> Self {
        let of = |value: fn(&Self) -> f64| {
            let mut values: Vec<f64> = costs.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Self {
            latency_ms: of(|cost| cost.latency_ms),
            cpu_ms: of(|cost| cost.cpu_ms),
            peak_mb: of(|cost| cost.peak_mb),
            points: costs[0].points,
        }
    }
}

/// A running server.
pub(crate) struct Server<P> {
    url: String,
    pid: u32,
    _process: P,
}

impl<P> Server<P> {
    /// A server that ends with `process`.
    pub(crate) fn new(url: String, pid: u32, process: P) -> Self {
        Self {
            url,
            pid,
            _process: process,
        }
    }

    /// Asks for a path below `/api/v1/`.
    pub(crate) fn ask(&self, path: &str) -> Cost {
        usage::forget_peak(self.pid);
        let cpu_before = usage::threads_cpu_ms(self.pid);
        let started = Instant::now();
        let (status, body) = http::get(&format!("{}/api/v1/{path}", self.url)).unwrap();
        let latency_ms = started.elapsed().as_secs_f64() * 1000.0;
        assert_eq!(status, 200, "{path}: {body}");
        // What it does behind the answer is its cost too, such as collecting garbage.
        let cpu_ms = usage::threads_cpu_ms(self.pid) - cpu_before;
        let json: Value = serde_json::from_str(&body).unwrap();
        Cost {
            latency_ms,
            cpu_ms,
            peak_mb: Usage::of(self.pid).peak_mb,
            points: points(&json["data"]),
        }
    }
}

fn points(data: &Value) -> usize {
    let of = |list: &Value| list.as_array().map_or(0, Vec::len);
    match data.get("result") {
        None => of(data),
        Some(result) => {
            let series = result.as_array().into_iter().flatten();
            let counts = series.map(|series| of(&series["values"]).max(1));
            counts.sum()
        }
    }
}
