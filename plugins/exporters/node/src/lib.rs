//! The machine the host runs on, read from `/proc` and written under node_exporter's names, so
//! that its dashboards and rules work as they are.
//!
//! It is not: everything node_exporter knows. What needs netlink or a daemon is missing (hwmon,
//! systemd, and the like).

mod conntrack;
mod cpu;
mod disk;
mod filesystem;
mod interfaces;
mod kernel;
mod memory;
mod netstat;
mod network;
mod numbers;
mod pressure;
mod raid;
mod sockets;
mod system;
mod textfile;
mod timex;

use narthex_sdk::{Batch, Error, Exporter, Target, clock, files, log};
use serde::Deserialize;

/// Where a machine has its own `/proc`.
const OWN_PROCFS: &str = "/proc";

/// What a job can set. In a container the machine's own folders are mounted elsewhere, and the
/// operator has to grant what lies below.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the machine's `/proc` is mounted.
    pub procfs: String,
    /// Where its `/sys` is mounted.
    pub sysfs: String,
    /// Where its `/` is mounted.
    pub rootfs: String,
    /// A folder of files that end in `.prom`, whose samples are added.
    pub textfile_directory: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            procfs: OWN_PROCFS.to_owned(),
            sysfs: "/sys".to_owned(),
            rootfs: "/".to_owned(),
            textfile_directory: None,
        }
    }
}

/// One part of what is read, named as node_exporter names its collectors.
struct Part {
    name: &'static str,
    collect: fn(&Machine, &mut Batch) -> Result<(), Error>,
}

const PARTS: [Part; 25] = [
    part("arp", sockets::collect_arp),
    part("bonding", interfaces::collect_bonds),
    part("conntrack", conntrack::collect),
    part("cpu", |machine, batch| {
        cpu::write_times(&machine.proc("stat")?, batch)
    }),
    part("diskstats", |machine, batch| {
        disk::write(&machine.proc("diskstats")?, batch)
    }),
    part("entropy", kernel::collect_entropy),
    part("filefd", |machine, batch| {
        kernel::write_files(&machine.proc("sys/fs/file-nr")?, batch)
    }),
    part("filesystem", filesystem::collect),
    part("loadavg", |machine, batch| {
        kernel::write_load(&machine.proc("loadavg")?, batch)
    }),
    part("mdadm", raid::collect),
    part("meminfo", |machine, batch| {
        memory::write_meminfo(&machine.proc("meminfo")?, batch)
    }),
    part("netclass", interfaces::collect),
    part("netdev", |machine, batch| {
        network::write_devices(&machine.proc("net/dev")?, batch)
    }),
    part("netstat", netstat::collect),
    part("os", system::collect_os),
    part("pressure", pressure::collect),
    part("sockstat", sockets::collect_counts),
    part("softnet", sockets::collect_softnet),
    part("stat", |machine, batch| {
        cpu::write_totals(&machine.proc("stat")?, batch)
    }),
    part("textfile", |machine, batch| {
        textfile::collect(machine.textfiles.as_deref(), batch)
    }),
    part("time", system::collect_clock_sources),
    part("timex", timex::collect),
    part("udp_queues", sockets::collect_udp_queues),
    part("uname", kernel::collect_uname),
    part("vmstat", |machine, batch| {
        memory::write_vmstat(&machine.proc("vmstat")?, batch)
    }),
];

const fn part(name: &'static str, collect: fn(&Machine, &mut Batch) -> Result<(), Error>) -> Part {
    Part { name, collect }
}

/// Where the machine's folders are mounted; no path ends in a slash.
struct Machine {
    procfs: String,
    sysfs: String,
    rootfs: String,
    textfiles: Option<String>,
}

impl Machine {
    /// A file below `/proc`.
    fn proc(&self, name: &str) -> Result<String, Error> {
        // `net` is a link to what the process that reads it sees. In a container, where the machine's
        // folder is mounted elsewhere, that is the container's network, and the first process has
        // the machine's.
        if self.procfs != OWN_PROCFS && name.starts_with("net/") {
            let text = files::read_text(&format!("{}/1/{name}", self.procfs));
            // Who has granted `net` alone is shown that.
            if !matches!(text, Err(Error::Denied(_))) {
                return text;
            }
        }
        files::read_text(&format!("{}/{name}", self.procfs))
    }

    /// A file below `/sys`.
    fn sys(&self, name: &str) -> Result<String, Error> {
        files::read_text(&format!("{}/{name}", self.sysfs))
    }

    /// The names in a folder below `/sys`.
    fn sys_entries(&self, name: &str) -> Result<Vec<String>, Error> {
        files::entries(&format!("{}/{name}", self.sysfs))
    }

    /// An absolute path of the machine, as it is seen from here.
    fn root(&self, path: &str) -> String {
        match path {
            "/" if self.rootfs.is_empty() => "/".to_owned(),
            "/" => self.rootfs.clone(),
            _ => format!("{}{path}", self.rootfs),
        }
    }
}

/// The exporter.
pub struct Node {
    machine: Machine,
}

narthex_sdk::export!(Node);

impl Exporter for Node {
    type Config = Config;

    fn init(config: Config) -> Result<Self, Error> {
        let folder = |name: &str, path: &str| match path.starts_with('/') {
            true => Ok(path.trim_end_matches('/').to_owned()),
            false => {
                let text = format!("{name} {path:?} is not an absolute path");
                Err(Error::Config(text))
            }
        };
        Ok(Self {
            machine: Machine {
                procfs: folder("procfs", &config.procfs)?,
                sysfs: folder("sysfs", &config.sysfs)?,
                rootfs: folder("rootfs", &config.rootfs)?,
                textfiles: config.textfile_directory,
            },
        })
    }

    fn collect(&mut self, _: &Target, batch: &mut Batch) -> Result<(), Error> {
        // A machine may lack any other file; without this one it is none to report on.
        self.machine.proc("stat")?;
        let mut outcomes = Vec::new();
        for part in &PARTS {
            let start = clock::monotonic();
            let result = (part.collect)(&self.machine, batch);
            let seconds = clock::monotonic().saturating_sub(start).as_secs_f64();
            outcomes.push((part.name, result.is_ok(), seconds));
            if let Err(error) = result {
                log::debug(
                    "part failed",
                    &[("part", part.name), ("error", &error.to_string())],
                );
            }
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
