//! `process_*`: what the machine says of this process, read from `/proc/self` when asked.
//!
//! It is not: there on a system without `/proc`; then these metrics are missing.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Ticks a second in `/proc`, the same on every Linux that we build for (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Bytes in the "kB" of `/proc/self/status`.
const KIBIBYTE: f64 = 1024.0;

/// Reads `/proc/self` each time the metrics are asked for.
#[derive(Debug)]
pub(crate) struct ProcessCollector;

/// One metric, its help and its value.
struct Figure {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    value: Option<f64>,
}

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for figure in figures() {
            let Some(value) = figure.value else { continue };
            let metric = encoder.encode_descriptor(figure.name, figure.help, None, figure.kind)?;
            match figure.kind {
                MetricType::Counter => ConstCounter::new(value).encode(metric)?,
                _ => ConstGauge::new(value).encode(metric)?,
            }
        }
        Ok(())
    }
}

fn figures() -> [Figure; 6] {
    let stat = Stat::read();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let gauge = |name, help, value| Figure {
        name,
        help,
        kind: MetricType::Gauge,
        value,
    };
    [
        Figure {
            name: "process_cpu_seconds",
            help: "Total user and system CPU time spent in seconds.",
            kind: MetricType::Counter,
            value: stat.as_ref().map(|stat| stat.cpu_seconds),
        },
        gauge(
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            stat.as_ref().and_then(Stat::start_seconds),
        ),
        gauge(
            "process_resident_memory_bytes",
            "Resident memory size in bytes.",
            kibibytes(&status, "VmRSS:"),
        ),
        gauge(
            "process_virtual_memory_bytes",
            "Virtual memory size in bytes.",
            kibibytes(&status, "VmSize:"),
        ),
        gauge(
            "process_open_fds",
            "Number of open file descriptors.",
            open_descriptors(),
        ),
        gauge(
            "process_max_fds",
            "Maximum number of open file descriptors.",
            descriptors_max(),
        ),
    ]
}

/// What `/proc/self/stat` says.
struct Stat {
    cpu_seconds: f64,
    start_ticks_after_boot: f64,
}

impl Stat {
    fn read() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/stat").ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        // The name of the program is in parentheses and may hold anything, so count from its
        // end: there the third field of the line begins.
        let (_, fields) = text.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        Some(Self {
            cpu_seconds: (field(14)? + field(15)?) / TICKS_PER_SECOND,
            start_ticks_after_boot: field(22)?,
        })
    }

    fn start_seconds(&self) -> Option<f64> {
        let text = fs::read_to_string("/proc/stat").ok()?;
        let boot = text.lines().find_map(|line| line.strip_prefix("btime "))?;
        let boot: f64 = boot.trim().parse().ok()?;
        Some(boot + self.start_ticks_after_boot / TICKS_PER_SECOND)
    }
}

fn kibibytes(status: &str, key: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let number: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(number * KIBIBYTE)
}

fn open_descriptors() -> Option<f64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    // The listing has a descriptor of its own.
    u32::try_from(count.saturating_sub(1)).ok().map(f64::from)
}

fn descriptors_max() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(f64::INFINITY),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_parentheses_and_blanks_is_skipped() {
        let line = "42 (a) b (c)) S 1 42 42 0 -1 4194304 1 0 0 0 250 50 0 0 20 0 9 0 12345 1 2 3";
        let stat = Stat::parse(line).unwrap();
        assert_eq!(
            (stat.cpu_seconds, stat.start_ticks_after_boot),
            (3.0, 12345.0)
        );
    }

    #[test]
    fn a_linux_process_has_every_figure() {
        for figure in figures() {
            assert!(
                figure.value.is_some_and(|value| value >= 0.0),
                "{}",
                figure.name
            );
        }
    }
}
