//! What the kernel says that a process used.

use std::path::{Path, PathBuf};
use std::process::Command;

/// CPU time, memory and disk of a process since its start.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// CPU time of all its threads, those that ended included; counted in ticks of 10 ms mostly.
    pub cpu_s: f64,
    /// Resident memory.
    pub rss_mb: f64,
    /// The most resident memory that it had, or had since [`forget_peak`].
    pub peak_mb: f64,
    /// What it wrote to disks.
    pub written_mb: f64,
}

impl Usage {
    /// As it is now.
    ///
    /// # Panics
    /// There is no such process.
    pub fn of(pid: u32) -> Self {
        let read = |file: &str| {
            let path = format!("/proc/{pid}/{file}");
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
        };
        let (stat, status, io) = (read("stat"), read("status"), read("io"));
        // Behind the name, which may have blanks, are the state and then numbers.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
        let number = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            let number = line.and_then(|line| line.split_whitespace().nth(1));
            number.and_then(|text| text.parse::<f64>().ok()).unwrap()
        };
        Self {
            cpu_s: (ticks(11) + ticks(12)) / ticks_a_second(),
            rss_mb: number(&status, "VmRSS:") / 1024.0,
            peak_mb: number(&status, "VmHWM:") / 1024.0,
            written_mb: number(&io, "write_bytes:") / 1e6,
        }
    }
}

/// Lets the kernel count the peak of a process anew; where it may not, the peak of all stays.
pub fn forget_peak(pid: u32) {
    let _ = std::fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// The CPU time of all threads that there are, to the nanosecond. Threads that ended are left out,
/// so it is read around something short only.
pub fn threads_cpu_ms(pid: u32) -> f64 {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let nanoseconds = threads.flatten().filter_map(|thread| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e6
}

/// All files in a folder and the folders in it.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    // A server may have removed it a moment ago.
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files.extend(files_below(&entry.path())),
            _ => files.push(entry.path()),
        }
    }
    files
}

/// The bytes of all of them.
pub fn bytes_below(folder: &Path) -> u64 {
    let files = files_below(folder).into_iter();
    files
        .map(|file| file.metadata().map_or(0, |metadata| metadata.len()))
        .sum()
}

fn ticks_a_second() -> f64 {
    let printed = Command::new("getconf").arg("CLK_TCK").output().unwrap();
    String::from_utf8_lossy(&printed.stdout)
        .trim()
        .parse()
        .unwrap()
}
