//! The machine the host runs on, read from `/proc` and written under node_exporter's names, so
//! that its dashboards and rules work as they are.
//!
//! It is not: everything node_exporter knows. What needs `/sys`, netlink, a system call or a
//! daemon is missing (file systems, hwmon, the network's operational state, systemd).

mod cpu;
mod disk;
mod kernel;
mod memory;
mod network;
mod numbers;

use narthex_sdk::{Batch, Error, Exporter, Target, clock, files, log};
use serde::Deserialize;

/// What a job can set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the machine's `/proc` is mounted; elsewhere than at `/proc`, the operator has to
    /// grant it.
    pub procfs: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            procfs: "/proc".to_owned(),
        }
    }
}

/// One part of what is read, named as node_exporter names its collectors.
struct Part {
    name: &'static str,
    collect: fn(&Procfs, &mut Batch) -> Result<(), Error>,
}

const PARTS: [Part; 11] = [
    part("cpu", |procfs, batch| {
        cpu::write_times(&procfs.read("stat")?, batch)
    }),
    part("stat", |procfs, batch| {
        cpu::write_totals(&procfs.read("stat")?, batch)
    }),
    part("loadavg", |procfs, batch| {
        kernel::write_load(&procfs.read("loadavg")?, batch)
    }),
    part("meminfo", |procfs, batch| {
        memory::write_meminfo(&procfs.read("meminfo")?, batch)
    }),
    part("vmstat", |procfs, batch| {
        memory::write_vmstat(&procfs.read("vmstat")?, batch)
    }),
    part("netdev", |procfs, batch| {
        network::write_devices(&procfs.read("net/dev")?, batch)
    }),
    part("sockstat", |procfs, batch| {
        network::write_sockets(&procfs.read("net/sockstat")?, batch)
    }),
    part("diskstats", |procfs, batch| {
        disk::write(&procfs.read("diskstats")?, batch)
    }),
    part("filefd", |procfs, batch| {
        kernel::write_files(&procfs.read("sys/fs/file-nr")?, batch)
    }),
    part("entropy", kernel::collect_entropy),
    part("uname", kernel::collect_uname),
];

const fn part(name: &'static str, collect: fn(&Procfs, &mut Batch) -> Result<(), Error>) -> Part {
    Part { name, collect }
}

/// Reads files below the mount point of `/proc`.
struct Procfs(String);

impl Procfs {
    fn read(&self, name: &str) -> Result<String, Error> {
        files::read_text(&format!("{}/{name}", self.0))
    }
}

/// The exporter.
pub struct Node {
    procfs: Procfs,
}

narthex_sdk::export!(Node);

impl Exporter for Node {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        let procfs = config.procfs.trim_end_matches('/').to_owned();
        if !procfs.starts_with('/') {
            return Err(Error::Config(format!(
                "procfs {:?} is not an absolute path",
                config.procfs
            )));
        }
        Ok(Self {
            procfs: Procfs(procfs),
        })
    }

    fn collect(&mut self, _: &Target, batch: &mut Batch) -> Result<(), Error> {
        let mut outcomes = Vec::new();
        let mut first_error = None;
        for part in &PARTS {
            let start = clock::monotonic();
            let result = (part.collect)(&self.procfs, batch);
            let seconds = clock::monotonic().saturating_sub(start).as_secs_f64();
            outcomes.push((part.name, result.is_ok(), seconds));
            if let Err(error) = result {
                log::debug(
                    "part failed",
                    &[("part", part.name), ("error", &error.to_string())],
                );
                first_error.get_or_insert(error);
            }
        }
        // A machine may lack one file; without any, this is no machine to report on.
        if let (Some(error), true) = (first_error, outcomes.iter().all(|(_, ok, _)| !ok)) {
            return Err(error);
        }
        let now_ms = clock::now_ms();
        batch
            .gauge(
                "node_time_seconds",
                "The machine's clock, since the Unix epoch.",
            )
            .sample(&[], now_ms as f64 / 1000.0);
        let mut durations = batch.gauge(
            "node_scrape_collector_duration_seconds",
            "How long this part of the scrape took.",
        );
        for (name, _, seconds) in &outcomes {
            durations.sample(&[("collector", name)], *seconds);
        }
        let mut successes = batch.gauge(
            "node_scrape_collector_success",
            "Whether this part of the scrape worked.",
        );
        for (name, ok, _) in &outcomes {
            successes.sample(&[("collector", name)], f64::from(u8::from(*ok)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
