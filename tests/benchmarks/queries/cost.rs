//! What a query costs a server: time until the answer is there, CPU time of all its threads, and
//! the most memory that it had.

use std::time::Instant;

use narthex_tests::http;
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
        self.forget_peak();
        let cpu_before = self.cpu_ms();
        let started = Instant::now();
        let (status, body) = http::get(&format!("{}/api/v1/{path}", self.url)).unwrap();
        let latency_ms = started.elapsed().as_secs_f64() * 1000.0;
        assert_eq!(status, 200, "{path}: {body}");
        // What it does behind the answer is its cost too, such as collecting garbage.
        let cpu_ms = self.cpu_ms() - cpu_before;
        let json: Value = serde_json::from_str(&body).unwrap();
        Cost {
            latency_ms,
            cpu_ms,
            peak_mb: self.peak_mb(),
            points: points(&json["data"]),
        }
    }

    /// The CPU time of all threads so far, to the nanosecond. Threads that ended are left out, so
    /// it is read around a query only.
    fn cpu_ms(&self) -> f64 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid)).unwrap();
        let nanoseconds = threads.flatten().filter_map(|thread| {
            let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<f64>().ok()
        });
        nanoseconds.sum::<f64>() / 1e6
    }

    /// Lets the kernel count the peak anew; where it may not, the peak of all stays.
    fn forget_peak(&self) {
        let _ = std::fs::write(format!("/proc/{}/clear_refs", self.pid), "5");
    }

    fn peak_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
        kilobytes.and_then(|text| text.parse::<f64>().ok()).unwrap() / 1024.0
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
